// What other judges compute and canary-analyze does not: only the vectors that compare with them ask for it.
import type { MetricResult, MetricRule } from '../../actions/canary-analyze/kayenta/judge.ts'
import { mean, ranks, removeNaN, replaceNaN, summarize } from '../../actions/canary-analyze/kayenta/samples.ts'
import { normalCdf } from '../../actions/canary-analyze/statistics/special.ts'
import { type Answer, AnswerError } from '../../actions/shared/prometheus/answer.ts'

/** Compares the means alone: what Kayenta measures its own judge against. */
export function classifyByMean(experiment: readonly number[], control: readonly number[], rule: MetricRule): MetricResult {
  const known = (values: readonly number[]): number[] => (rule.nanStrategy === 'remove' ? removeNaN(values) : replaceNaN(values))
  const [e, c] = [known(experiment), known(control)]
  if (e.length === 0 || c.length === 0) {
    if (rule.nanStrategy === 'replace') return { classification: 'Pass', critical: false, effect: 1 }
    if (rule.mustHaveData && !rule.critical) return { classification: 'NodataFailMetric', critical: false, effect: 1 }
    return { classification: 'Nodata', critical: rule.critical, effect: 1 }
  }
  const effect = mean(e) / mean(c)
  if (rule.direction !== 'decrease' && mean(e) > mean(c)) return { classification: 'High', critical: rule.critical, effect }
  if (rule.direction !== 'increase' && mean(e) < mean(c)) return { classification: 'Low', critical: rule.critical, effect }
  return { classification: 'Pass', critical: false, effect: 1 }
}

/** U of x, the two-sided p, and the median of all differences x - y (the Hodges-Lehmann shift). */
export function mannWhitneyU(x: readonly number[], y: readonly number[]): { u: number; p: number; shift: number } {
  const [m, n] = [x.length, y.length]
  const ranked = ranks([...x, ...y])
  const u = ranked.slice(0, m).reduce((sum, rank) => sum + rank, 0) - (m * (m + 1)) / 2
  const sizes = Map.groupBy([...x, ...y], (value) => value)
  const ties = [...sizes.values()].reduce((sum, { length }) => sum + length ** 3 - length, 0)
  const sigma = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))))
  const z = sigma === 0 ? 0 : (Math.abs(u - (m * n) / 2) - 0.5) / sigma
  const differences = x.flatMap((a) => y.map((b) => a - b)).toSorted((a, b) => a - b)
  const [low, high] = [differences[Math.floor((differences.length - 1) / 2)], differences[Math.ceil((differences.length - 1) / 2)]]
  return { u, p: Math.min(1, 2 * normalCdf(-z)), shift: ((low ?? NaN) + (high ?? NaN)) / 2 }
}

/** Which values lie more than k standard deviations (of the population) from the mean. */
export function beyondSigmas(values: readonly number[], k: number): boolean[] {
  const average = mean(values)
  const deviation = Math.sqrt(mean(values.map((value) => (value - average) ** 2)))
  return values.map((value) => Math.abs(value - average) > deviation * k)
}

/** The distance of the means in pooled standard deviations. */
export function cohenD(experiment: readonly number[], control: readonly number[]): number {
  const [e, c] = [summarize(experiment), summarize(control)]
  const pooled = Math.sqrt(((e.count - 1) * e.std ** 2 + (c.count - 1) * c.std ** 2) / (e.count + c.count - 2))
  return Math.abs(e.mean - c.mean) / pooled
}

/** The one value of a query that has to give one. Throws an AnswerError for none, for NaN, and for more. */
export function singleValue({ type, series }: Answer): number {
  if (type === 'matrix') throw new AnswerError('query returned multiple values: an instant query of one series is wanted, without a range')
  if (series.length > 1)
    throw new AnswerError(`query returned multiple values: ${series.length} series, where one is wanted; aggregate them`)
  const value = series[0]?.points[0]?.[1]
  if (value === undefined || Number.isNaN(value)) throw new AnswerError('no values found')
  return value
}
