// Kayenta's judge (NetflixACAJudge-v1.0) as it decides, with what is known wrong there: a location test sees no change of spread, few
// points at many times the baseline pass, and intervals of values below 1e-4 mean nothing. The README says so too.
import { type Interval, shiftInterval, TiedError } from './mann-whitney.ts'
import { beyondQuartiles, commonLanguageEffect, meanRatio, removeNaN, replaceNaN } from './samples.ts'

export type Classification = 'Pass' | 'High' | 'Low' | 'Nodata' | 'NodataFailMetric' | 'Error'

export interface MetricRule {
  direction: 'increase' | 'decrease' | 'either'
  nanStrategy: 'remove' | 'replace'
  outliers: 'keep' | 'remove'
  /** In interquartile ranges. */
  outlierFactor: number
  critical: boolean
  mustHaveData: boolean
  effectMeasure: 'meanRatio' | 'cles'
  allowedIncrease: number
  allowedDecrease: number
  criticalIncrease: number
  criticalDecrease: number
  /** The share of the estimated shift that the interval has to leave out. */
  tolerance: number
  confidence: number
}

export const defaultRule: MetricRule = {
  direction: 'either',
  nanStrategy: 'remove',
  outliers: 'keep',
  outlierFactor: 3,
  critical: false,
  mustHaveData: false,
  effectMeasure: 'meanRatio',
  allowedIncrease: 1,
  allowedDecrease: 1,
  criticalIncrease: 1,
  criticalDecrease: 1,
  tolerance: 0.25,
  confidence: 0.98,
}

/** What an effect is measured against where a config says nothing: candidate and baseline are the same. */
export const effectOfNothing = (measure: MetricRule['effectMeasure']): number => (measure === 'cles' ? 0.5 : 1)

export interface MetricResult {
  classification: Classification
  critical: boolean
  /** Mean ratio or common-language effect; NaN when a mean is 0. */
  effect: number
}

/** Judges the points of one metric: experiment (the candidate) against control (the baseline). NaN are missing points. */
export function classify(experiment: readonly number[], control: readonly number[], rule: MetricRule): MetricResult {
  const [e, c] = [prepare(experiment, rule), prepare(control, rule)]
  if (e.length === 0 || c.length === 0) return withoutData(rule)
  if (sameSample(e, c) || new Set([...e, ...c]).size === 1) return { classification: 'Pass', critical: false, effect: 1 }
  const [x, y] = new Set(e).size === 1 && new Set(c).size === 1 ? [withNoise(e, 1), withNoise(c, 2)] : [e, c]
  const interval = intervalOf(x, y, rule.confidence)
  // As there: what could not be compared is no critical miss.
  if (!interval) return { classification: 'Error', critical: false, effect: NaN }
  const { low, high, estimate } = interval
  const effect = rule.effectMeasure === 'cles' ? commonLanguageEffect(x, y) : meanRatio(x, y)
  const bound = rule.tolerance * Math.abs(estimate)
  // An effect of NaN stands in the way of nothing.
  if (rule.direction !== 'decrease' && low > bound && !(effect < rule.allowedIncrease))
    return { classification: 'High', critical: rule.critical && !(effect < rule.criticalIncrease), effect }
  if (rule.direction !== 'increase' && high < -bound && !(effect > rule.allowedDecrease))
    return { classification: 'Low', critical: rule.critical && !(effect > rule.criticalDecrease), effect }
  return { classification: 'Pass', critical: false, effect }
}

function intervalOf(x: readonly number[], y: readonly number[], confidence: number): Interval | undefined {
  try {
    return shiftInterval(x, y, confidence)
  } catch (error) {
    if (error instanceof TiedError) return undefined
    throw error
  }
}

function prepare(values: readonly number[], rule: MetricRule): number[] {
  // An infinite value has no place among differences: it is a division by nothing, and as missing as NaN.
  const measured = values.map((value) => (Number.isFinite(value) ? value : NaN))
  const known = rule.nanStrategy === 'remove' ? removeNaN(measured) : replaceNaN(measured)
  if (rule.outliers === 'keep' || known.length === 0) return known
  const outside = beyondQuartiles(known, rule.outlierFactor, true)
  return known.filter((_, i) => !outside[i])
}

function withoutData(rule: MetricRule): MetricResult {
  if (rule.nanStrategy === 'replace') return { classification: 'Pass', critical: false, effect: 1 }
  if (rule.mustHaveData && !rule.critical) return { classification: 'NodataFailMetric', critical: false, effect: 1 }
  return { classification: 'Nodata', critical: rule.critical, effect: 1 }
}

function sameSample(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  const [x, y] = [a.toSorted((p, q) => p - q), b.toSorted((p, q) => p - q)]
  return x.every((value, i) => value === y[i])
}

/** Constant samples with Gaussian noise of 1e-5 of their value, so that they can be ranked; always the same, so that a replay gives the same. */
function withNoise(values: readonly number[], seed: number): number[] {
  let state = seed
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
  return values.map((value) => value + value * 1e-5 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()))
}

export interface ScoredMetric {
  groups: readonly string[]
  classification: Classification
  /** A miss of it fails the whole canary. */
  critical: boolean
  /** It counts for nothing. */
  muted?: boolean
}

export interface Score {
  /** 0 to 100. */
  summary: number
  groups: Record<string, number>
  /** Why it is 0 whatever the groups say. */
  reason: string | undefined
}

/** The score of a canary: the weighted share of passing metrics of each group. Groups without a weight share what is left of 100. */
export function score(all: readonly ScoredMetric[], weights: Readonly<Record<string, number>>): Score {
  const metrics = all.filter(({ muted }) => !muted)
  const names = [...new Set(metrics.flatMap(({ groups }) => groups))]
  const shares = names.map((name) => ({ name, share: passShare(metrics.filter(({ groups }) => groups.includes(name))) }))
  const groups = Object.fromEntries(shares.map(({ name, share }) => [name, 100 * (share ?? 0)]))
  const missed = metrics.find(({ critical, classification }) => critical && classification !== 'Pass')
  if (missed) return { summary: 0, groups, reason: `a critical metric is ${missed.classification}` }
  const missing = metrics.filter(({ classification }) => classification === 'Nodata').length
  if (missing >= metrics.length / 2) return { summary: 0, groups, reason: `${missing} of ${metrics.length} metrics have no data` }
  const unweighted = names.filter((name) => !Object.hasOwn(weights, name)).length
  const rest = (100 - Object.values(weights).reduce((total, weight) => total + weight, 0)) / unweighted
  const summary = shares.reduce(
    (total, { name, share }) => total + ((100 * (share ?? 1)) / 100) * (Object.hasOwn(weights, name) ? (weights[name] ?? 0) : rest),
    0,
  )
  return { summary: Math.round(summary * 100) / 100, groups, reason: undefined }
}

/** The share of metrics that pass among those with data (or that must have some); undefined when there are none. */
function passShare(metrics: readonly ScoredMetric[]): number | undefined {
  const counted = metrics.filter(({ classification }) => classification !== 'Nodata' && classification !== 'Error')
  return counted.length ? counted.filter(({ classification }) => classification === 'Pass').length / counted.length : undefined
}

/** What a score means: from `pass` on Pass, from `marginal` on Marginal, else Fail. */
export function classifyScore(summary: number, thresholds: { pass: number; marginal: number }): 'Pass' | 'Marginal' | 'Fail' {
  if (summary >= thresholds.pass) return 'Pass'
  return summary >= thresholds.marginal ? 'Marginal' : 'Fail'
}
