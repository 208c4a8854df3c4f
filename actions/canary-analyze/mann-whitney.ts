// Judges a window by a Kayenta config, as Kayenta does: once, at its end. Looking again and again would find something sooner or later.
import { AnswerError } from '../shared/prometheus/answer.ts'
import type { Outcome } from '../shared/report/report.ts'
import { formatDuration } from '../shared/time/clock.ts'
import type { KayentaConfig, KayentaMetric, Scopes } from './kayenta/config.ts'
import { classify, classifyScore, score } from './kayenta/judge.ts'
import { mean, removeNaN } from './kayenta/samples.ts'
import { Patience } from './looks.ts'
import type { Analysis, Ports, Schedule } from './result.ts'

const outcomes = { Pass: 'passed', Marginal: 'inconclusive', Fail: 'failed' } satisfies Record<string, Outcome>

interface Points {
  metric: KayentaMetric
  candidate: number[]
  baseline: number[]
  doubts: readonly string[]
}

/** Waits for the window to be over (live), reads both sides and judges. Throws when Prometheus cannot be believed. */
export async function judgeWindow(
  config: KayentaConfig,
  scopes: Scopes,
  thresholds: { pass: number; marginal: number },
  schedule: Schedule,
  ports: Ports,
): Promise<Analysis> {
  const { clock, signal, story } = ports
  const { replay, interval: step, longest, initialDelay, sampleDelay } = schedule
  story.phase('watch')
  const from = replay?.from ?? clock.now() + initialDelay
  const to = replay?.to ?? from + longest
  if (!replay) {
    story.tell(`the window ends in ${formatDuration(to - clock.now())}; this judge looks only then`)
    await clock.sleep(Math.max(0, to + sampleDelay - clock.now()), signal)
  }
  const patience = new Patience({ ...schedule, failures: 0 }, (text) => story.tell(text, 'warning'))
  // Each point stands for the step before it.
  const read = async (query: string) => points(await ports.prometheus.range(query, from + step, to, step), from + step, to, step, query)
  const all = await patience.try(() =>
    Promise.all(
      config.metrics.map(async (metric): Promise<Points> => {
        const [candidate, baseline] = await Promise.all([
          read(metric.query(scopes.candidate, scopes.location)),
          read(metric.query(scopes.baseline, scopes.location)),
        ])
        return { metric, candidate: candidate.values, baseline: baseline.values, doubts: [...candidate.warnings, ...baseline.warnings] }
      }),
    ),
  )
  return verdict(config, thresholds, all ?? [], { from, to })
}

/** The values at every step; NaN where there is none. Without any series there is no data at all. */
function points(answer: Awaited<ReturnType<Ports['prometheus']['range']>>, from: number, to: number, step: number, query: string) {
  const { series, warnings } = answer
  if (series.length > 1) throw new AnswerError(`${series.length} series of ${query}, where one is wanted; aggregate them`)
  if (!series[0]) return { values: [], warnings }
  const found = new Map(series[0].points.map(([at, value]) => [Math.round(at * 1000), value]))
  return {
    values: Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => found.get(Math.round(from + i * step)) ?? NaN),
    warnings,
  }
}

function verdict(
  config: KayentaConfig,
  thresholds: { pass: number; marginal: number },
  all: readonly Points[],
  { from, to }: { from: number; to: number },
): Analysis {
  const judged = all.map(({ metric, candidate, baseline, doubts }) => ({
    metric,
    candidate,
    baseline,
    doubts,
    ...classify(candidate, baseline, metric.rule),
  }))
  const { summary, groups, reason } = score(
    judged.map(({ metric, classification, critical }) => ({ groups: metric.groups, classification, critical, muted: metric.muted })),
    config.groupWeights,
  )
  const called = classifyScore(summary, thresholds)
  const doubts = [...new Set(judged.flatMap((one) => one.doubts))]
  const bad = judged
    .filter(({ classification }) => classification !== 'Pass')
    .map(({ metric, classification }) => `${metric.name}: ${classification}`)
  const average = (values: readonly number[]): string =>
    removeNaN(values).length ? String(Number(mean(removeNaN(values)).toPrecision(4))) : 'no data'
  return {
    outcome: doubts.length ? 'inconclusive' : outcomes[called],
    headline: `${called}: ${summary} of 100 points (from ${thresholds.pass} on it passes, from ${thresholds.marginal} on it is marginal)`,
    reason: [
      doubts.length ? `not judged: the server has doubts: ${doubts.join('; ')}` : '',
      reason ?? '',
      ...(called === 'Pass' ? [] : bad),
    ]
      .filter(Boolean)
      .join('\n'),
    judge: 'mann-whitney',
    metrics: judged.map(({ metric, classification, critical, effect, candidate, baseline }) => ({
      name: metric.name,
      verdict: `${classification}${critical ? ' (critical)' : ''}`,
      reason: `mean ${average(candidate)}, of the baseline's ${average(baseline)}; effect ${Number.isNaN(effect) ? 'unknown' : Number(effect.toPrecision(4))}`,
    })),
    details: {
      score: summary,
      classification: called,
      groups,
      metrics: judged.map(({ metric, classification, critical, effect }) => ({ name: metric.name, classification, critical, effect })),
    },
    looks: 1,
    samples: undefined,
    from,
    to,
    chart: undefined,
    charts: judged.map(({ metric, candidate, baseline }) => ({
      title: metric.name,
      x: 'points',
      y: 'value',
      series: [
        { name: 'candidate', points: curve(candidate) },
        { name: 'baseline', points: curve(baseline) },
      ],
    })),
    values: {},
  }
}

const curve = (values: readonly number[]): [number, number][] =>
  values.flatMap((value, i): [number, number][] => (Number.isFinite(value) ? [[i, value]] : []))
