// What a judged window comes to, in words and figures.
import type { Outcome } from '../../shared/report/report.ts'
import type { Analysis } from '../result.ts'
import type { KayentaConfig, Thresholds } from './config.ts'
import { classify, classifyScore, score } from './judge.ts'
import type { Pair, Side } from './pairs.ts'
import { mean, removeNaN } from './samples.ts'

const outcomes = { Pass: 'passed', Marginal: 'inconclusive', Fail: 'failed' } satisfies Record<string, Outcome>
/** Of so many the curves are shown, and so many that do not pass are named. */
const CHARTS = 30
const LINES = 20

export function verdict(
  config: KayentaConfig,
  thresholds: Thresholds,
  pairs: readonly Pair[],
  { from, to, step }: { from: number; to: number; step: number },
): Analysis {
  const judged = pairs.map((pair) => ({ ...pair, ...classify(pair.candidate.values, pair.baseline.values, pair.metric.rule) }))
  const { summary, groups, reason } = score(
    judged.map(({ metric, classification, critical }) => ({ groups: metric.groups, classification, critical, muted: metric.muted })),
    config.groupWeights,
  )
  const called = classifyScore(summary, thresholds)
  const why = undecided(pairs)
  const bad = judged
    .filter(({ metric, classification }) => !metric.muted && classification !== 'Pass')
    .map(({ name, classification }) => `${name}: ${classification}`)
  return {
    outcome: why ? 'inconclusive' : outcomes[called],
    headline: `${called}: ${summary} of 100 points (from ${thresholds.pass} on it passes, from ${thresholds.marginal} on it is marginal)`,
    reason: [why ? `not judged: ${why}` : '', reason ?? '', ...(called === 'Pass' ? [] : listed(bad))].filter(Boolean).join('\n'),
    judge: 'mann-whitney',
    metrics: judged.map(({ metric, name, classification, critical, effect, candidate, baseline }) => ({
      name,
      verdict: `${classification}${critical ? ' (critical)' : ''}${metric.muted ? ' (muted)' : ''}`,
      reason: `mean ${average(candidate)}, of the baseline's ${average(baseline)}; effect ${Number.isNaN(effect) ? 'unknown' : Number(effect.toPrecision(4))}`,
    })),
    details: {
      score: summary,
      classification: called,
      groups,
      metrics: judged.map(({ metric: { muted }, name, classification, critical, effect }) => ({
        name,
        classification,
        critical,
        effect,
        muted,
      })),
    },
    looks: 1,
    samples: undefined,
    from,
    to,
    chart: undefined,
    charts: judged.slice(0, CHARTS).map(({ name, candidate, baseline }) => ({
      title: name,
      x: 'points',
      y: 'value',
      series: [
        { name: 'candidate', points: curve(candidate, from, step) },
        { name: 'baseline', points: curve(baseline, from, step) },
      ],
    })),
    values: {},
  }
}

/** Why the score is no verdict; undefined when it is one. Where neither side has anything, the fault is not the candidate's. */
function undecided(pairs: readonly Pair[]): string | undefined {
  const doubts = [...new Set(pairs.flatMap((pair) => pair.doubts))]
  if (doubts.length) return `the server has doubts: ${doubts.join('; ')}`
  const counted = pairs.filter(({ metric }) => !metric.muted)
  return counted.every(({ candidate, baseline }) => isEmpty(candidate) && isEmpty(baseline))
    ? 'no query found data, of the candidate or of the baseline; look at the names of the metrics and labels, and at both scopes'
    : undefined
}

const listed = (lines: readonly string[]): string[] =>
  lines.length > LINES ? [...lines.slice(0, LINES), `and ${lines.length - LINES} more`] : [...lines]

const isEmpty = ({ values }: Side): boolean => removeNaN(values).length === 0
const average = (side: Side): string => (isEmpty(side) ? 'no data' : String(Number(mean(removeNaN(side.values)).toPrecision(4))))

const curve = ({ points }: Side, from: number, step: number): [number, number][] =>
  points.flatMap(([at, value]): [number, number][] => (Number.isFinite(value) ? [[Math.round((at * 1000 - from) / step) - 1, value]] : []))
