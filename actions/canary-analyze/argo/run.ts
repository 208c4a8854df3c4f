// Runs the metrics of an Argo AnalysisTemplate as Argo Rollouts does: each in its own rhythm, until all are complete or one ends the run.

import { AnswerError } from '../../shared/prometheus/answer.ts'
import type { Outcome } from '../../shared/report/report.ts'
import { counted } from '../../shared/report/text.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Analysis, Ports, Schedule } from '../result.ts'
import { goDuration } from './duration.ts'
import { limitOf } from './length.ts'
import {
  type Counters,
  completed,
  countMeasurement,
  cutOffPhase,
  effectiveCount,
  type Measurement,
  measure,
  metricPhase,
  nextMeasurement,
  noMeasurements,
  type Phase,
  runPhase,
} from './phase.ts'
import type { ArgoMetric, ArgoTemplate } from './template.ts'

interface Running {
  metric: ArgoMetric
  counters: Counters
  last: Phase | undefined
  phase: Phase
  /** When it is measured next, in milliseconds since 1970. */
  due: number | undefined
  /** It is not measured after this. */
  until: number
  value: string
  message: string
  points: [number, number][]
}

const outcomes: Record<Phase, Outcome> = {
  Successful: 'passed',
  Failed: 'failed',
  Inconclusive: 'inconclusive',
  Error: 'error',
  Pending: 'inconclusive',
  Running: 'inconclusive',
}

/** Runs a template. In a replay the clock of the past runs. Metrics that fail are a verdict; those that cannot be measured are an `error`. */
export async function runTemplate(template: ArgoTemplate, schedule: Schedule, ports: Ports): Promise<Analysis> {
  const { clock, signal, story } = ports
  const { replay, sampleDelay, initialDelay } = schedule
  const start = (replay?.from ?? clock.now()) + initialDelay
  const run = begun(template, schedule, start)
  story.phase('measure')
  let now = start
  let looks = 0
  for (let due = nextOf(run); due.length; due = nextOf(run)) {
    now = Math.max(now, due[0]?.due ?? now)
    const wait = now + sampleDelay - clock.now()
    if (!replay && wait > 0) await clock.sleep(wait, signal)
    // What is due at the same time is measured at the same time: none of them keeps another from being heard.
    await Promise.all(due.map((one) => measureOnce(one, now, start, ports)))
    signal.throwIfAborted()
    looks += due.length
    for (const one of due) {
      story.tell(`${one.metric.name}: ${one.last} (${one.value || one.message})`, one.last === 'Successful' ? 'good' : 'warning')
      // Slow answers do not pile up: the next measurement is never in the past.
      if (!replay && one.due !== undefined) one.due = Math.max(one.due, clock.now() - sampleDelay)
    }
    if (run.some(endsTheRun)) break
  }
  return analysisOf(template, run.some(endsTheRun) ? stopped(run) : cutOff(run), { start, now, looks })
}

function begun(template: ArgoTemplate, schedule: Schedule, start: number): Running[] {
  const limit = limitOf(template, schedule)
  const last = (schedule.replay?.to ?? Infinity) - start
  return template.metrics.map((metric) => ({
    metric,
    counters: noMeasurements,
    last: undefined,
    phase: 'Pending',
    due: start + (goDuration(metric.initialDelay ?? '') ?? 0),
    until: start + Math.min(last, effectiveCount(metric) === undefined ? limit.endless : limit.counted),
    value: '',
    message: '',
    points: [],
  }))
}

/** Those that are measured next, at the same time; none at the end. */
function nextOf(run: readonly Running[]): Running[] {
  const coming = run.filter(({ due, until }) => due !== undefined && due <= until)
  const first = Math.min(...coming.map(({ due = Infinity }) => due))
  return coming.filter(({ due }) => due === first)
}

/** A metric that is complete and bad ends its siblings, unless it runs dry. */
const endsTheRun = ({ metric, phase }: Running): boolean =>
  !metric.dryRun && (phase === 'Failed' || phase === 'Error' || phase === 'Inconclusive')

/** The siblings of the metric that ended the run count as Successful, as there; they decide nothing any more. */
const stopped = (run: readonly Running[]): Running[] =>
  run.map((one) => ({ ...one, phase: metricPhase(one.metric, one.counters, one.last, true) }))

/** When all is measured, or the time is over. */
function cutOff(run: readonly Running[]): Running[] {
  return run.map((one) => {
    const { phase, message } = cutOffPhase(one.metric, one.counters, one.last)
    return { ...one, phase, message: [message, one.message].filter(Boolean).join(': ') }
  })
}

function analysisOf(
  template: ArgoTemplate,
  ended: readonly Running[],
  { start, now, looks }: { start: number; now: number; looks: number },
): Analysis {
  const { phase, message } = runPhase(
    ended.map(({ metric, counters, phase }) => ({ name: metric.name, phase, dryRun: metric.dryRun, limits: metric, counters })),
  )
  // Metrics that run dry decide nothing; but where not one measurement came about, nothing is known.
  const measured = ended.some(({ counters }) => counters.count > 0)
  const outcome = measured || phase !== 'Successful' ? outcomes[phase] : 'error'
  const deciding = ended.filter(({ metric, phase }) => (measured ? !metric.dryRun : true) && phase !== 'Successful' && phase !== 'Failed')
  return {
    outcome,
    headline: `${template.name || 'The template'} is ${looks === 0 ? 'not measured' : outcome === 'error' ? 'Error' : phase} after ${formatDuration(now - start)} and ${counted(looks, 'measurement')}`,
    reason: [message, ...deciding.filter((one) => one.message).map((one) => `${one.metric.name}: ${one.message}`)]
      .filter(Boolean)
      .join('\n'),
    judge: 'threshold',
    metrics: ended.map(({ metric, phase, counters, value, message }) => ({
      name: `${metric.name}${metric.dryRun ? ' (dry run)' : ''}`,
      verdict: phase,
      reason: `${counters.successful} successful, ${counters.failed} failed, ${counters.inconclusive} inconclusive${value ? `; the last value was ${value}` : ''}${message ? `; ${message}` : ''}`,
    })),
    details: ended.map(({ metric, phase, counters, value }) => ({ name: metric.name, phase, dryRun: metric.dryRun, counters, value })),
    looks,
    samples: undefined,
    from: start,
    to: now,
    chart: undefined,
    charts: ended
      .filter(({ points }) => points.length > 1)
      .map(({ metric, points }) => ({ title: metric.name, x: 'seconds', y: 'value', series: [{ name: metric.name, points }] })),
    values: {},
  }
}

async function measureOnce(one: Running, at: number, start: number, { prometheus }: Ports): Promise<void> {
  const { metric } = one
  const { value, number, phase, message = '' } = await read(metric, at, prometheus)
  one.value = value
  one.last = phase
  one.message = message
  one.counters = countMeasurement(one.counters, phase)
  one.phase = metricPhase(metric, one.counters, phase, false)
  if (number !== undefined && Number.isFinite(number)) one.points.push([(at - start) / 1000, number])
  const pause = nextMeasurement(phase, goDuration(metric.interval ?? ''))
  one.due = completed(one.phase) || pause === undefined ? undefined : at + pause
}

interface Reading extends Measurement {
  /** As it is shown. */
  value: string
  /** The first of its numbers, for the curve. */
  number?: number | undefined
}

async function read(metric: ArgoMetric, at: number, prometheus: Ports['prometheus']): Promise<Reading> {
  try {
    const { type, series, warnings } = await prometheus.instant(metric.query, at, metric.timeout)
    const values = series.flatMap(({ points }) => points.map(([, number]) => number))
    const [number] = values
    const shown = { value: type === 'scalar' ? String(number) : `[${values.join(',')}]`, number }
    // Argo Rollouts would go on; a partial answer is no basis for a verdict.
    if (warnings.length) return { ...shown, phase: 'Inconclusive', message: `the server has doubts: ${warnings.join('; ')}` }
    return { ...shown, ...measure(type === 'scalar' ? (number ?? null) : values, metric) }
  } catch (error) {
    // A fault of the way there would come again at every try.
    if (!(error instanceof AnswerError) || (error.permanent && !metric.dryRun)) throw error
    return { value: '', phase: 'Error', message: error.message }
  }
}
