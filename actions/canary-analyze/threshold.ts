// Runs the metrics of an Argo AnalysisTemplate as Argo Rollouts does: each in its own rhythm, until all are complete or one ends the run.
import { AnswerError } from '../shared/prometheus/answer.ts'
import type { Outcome } from '../shared/report/report.ts'
import { formatDuration } from '../shared/time/clock.ts'
import { goDuration } from './argo/duration.ts'
import {
  type Counters,
  completed,
  countMeasurement,
  type Measurement,
  measure,
  metricPhase,
  nextMeasurement,
  noMeasurements,
  type Phase,
  runPhase,
} from './argo/phase.ts'
import type { ArgoMetric, ArgoTemplate } from './argo/template.ts'
import type { Analysis, Ports, Schedule } from './result.ts'

interface Running {
  metric: ArgoMetric
  counters: Counters
  last: Phase | undefined
  phase: Phase
  /** When it is measured next, in milliseconds since 1970. */
  due: number | undefined
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
  const { replay, longest, sampleDelay } = schedule
  const start = replay?.from ?? clock.now()
  const end = replay ? Math.min(replay.to, start + longest) : start + longest
  story.phase('measure')
  const run: Running[] = template.metrics.map((metric) => ({
    metric,
    counters: noMeasurements,
    last: undefined,
    phase: 'Pending',
    due: start + (goDuration(metric.initialDelay ?? '') ?? 0),
    value: '',
    message: '',
    points: [],
  }))
  let now = start
  let looks = 0
  for (let next = nextOf(run); next?.due !== undefined && next.due <= end; next = nextOf(run)) {
    now = Math.max(now, next.due)
    const wait = now + sampleDelay - clock.now()
    if (!replay && wait > 0) await clock.sleep(wait, signal)
    await measureOnce(next, now, start, ports)
    looks++
    story.tell(`${next.metric.name}: ${next.last} (${next.value || next.message})`, next.last === 'Successful' ? 'good' : 'warning')
    if (endsTheRun(next)) break
  }
  const ended = run.map((one) => ({ ...one, phase: metricPhase(one.metric, one.counters, one.last, true) }))
  const { phase, message } = runPhase(
    ended.map(({ metric, counters, phase }) => ({ name: metric.name, phase, dryRun: metric.dryRun, limits: metric, counters })),
  )
  const measured = ended.some(({ last, metric }) => last !== undefined && !metric.dryRun)
  const outcome = measured ? outcomes[phase] : 'inconclusive'
  return {
    outcome,
    headline: `${template.name || 'The template'} is ${measured ? phase : 'not measured'} after ${formatDuration(now - start)} and ${looks} measurements`,
    reason: [message, ...ended.filter(({ phase }) => phase === 'Error').map((one) => `${one.metric.name}: ${one.message}`)]
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

const nextOf = (run: readonly Running[]): Running | undefined =>
  run
    .filter(({ due }) => due !== undefined)
    .reduce<Running | undefined>((first, one) => (first?.due !== undefined && first.due <= (one.due ?? 0) ? first : one), undefined)

/** A metric that is complete and bad ends its siblings, unless it runs dry. */
const endsTheRun = ({ metric, phase }: Running): boolean =>
  !metric.dryRun && (phase === 'Failed' || phase === 'Error' || phase === 'Inconclusive')

async function measureOnce(one: Running, at: number, start: number, { prometheus, signal }: Ports): Promise<void> {
  const { metric } = one
  const measurement = await readAndMeasure(metric, at, prometheus, one)
  signal.throwIfAborted()
  one.last = measurement.phase
  one.message = measurement.message ?? ''
  one.counters = countMeasurement(one.counters, measurement.phase)
  one.phase = metricPhase(metric, one.counters, one.last, false)
  const first = Number(one.value.replace(/^\[([^,\]]*).*$/, '$1'))
  if (one.value !== '' && Number.isFinite(first)) one.points.push([(at - start) / 1000, first])
  const pause = nextMeasurement(one.last, goDuration(metric.interval ?? ''))
  one.due = completed(one.phase) || pause === undefined ? undefined : at + pause
}

async function readAndMeasure(
  metric: ArgoMetric,
  at: number,
  prometheus: Ports['prometheus'],
  shown: { value: string },
): Promise<Measurement> {
  shown.value = ''
  try {
    const { type, series, warnings } = await prometheus.instant(metric.query, at)
    if (type === 'matrix') return { phase: 'Error', message: 'Prometheus metric type not supported' }
    const values = series.map(({ points }) => points[0]?.[1] ?? NaN)
    const result = type === 'scalar' ? (values[0] ?? null) : values
    shown.value = Array.isArray(result) ? `[${result.join(',')}]` : String(result)
    // Argo Rollouts would go on; a partial answer is no basis for a verdict.
    if (warnings.length) return { phase: 'Inconclusive', message: `the server has doubts: ${warnings.join('; ')}` }
    return measure(result, metric)
  } catch (error) {
    if (!(error instanceof AnswerError) || (error.permanent && !metric.dryRun)) throw error
    return { phase: 'Error', message: error.message }
  }
}
