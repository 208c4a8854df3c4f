// Phases of Argo Rollouts' analysis: of one measurement, of a metric, of a run. The rules are those of its code (analysis/analysis.go,
// utils/evaluate), with its limits and its order.
import { messageOf } from '../../shared/text/errors.ts'
import { holds } from './condition.ts'

export type Phase = 'Pending' | 'Running' | 'Successful' | 'Failed' | 'Inconclusive' | 'Error'

/** From best to worst: a run is as bad as its worst metric. */
const ORDER: readonly Phase[] = ['Successful', 'Running', 'Pending', 'Inconclusive', 'Error', 'Failed']

/** After an error the next measurement comes after this many milliseconds, whatever the interval. */
export const ERROR_RETRY = 10_000

export interface Conditions {
  successCondition?: string | undefined
  failureCondition?: string | undefined
}

export interface Measurement {
  phase: Phase
  /** Why it is Error. */
  message?: string
}

/** What the conditions say of a result: a number, an array of numbers, or any JSON. */
export function measure(result: unknown, { successCondition, failureCondition }: Conditions): Measurement {
  let [success, failure] = [false, false]
  try {
    if (successCondition) success = holds(successCondition, result)
    if (failureCondition) failure = holds(failureCondition, result)
  } catch (error) {
    const empty = Array.isArray(result) && result.length === 0
    return { phase: 'Error', message: empty ? `the query gave no data (${messageOf(error)})` : messageOf(error) }
  }
  if (!successCondition && !failureCondition) return { phase: 'Successful' }
  if (!failureCondition) failure = !success
  if (!successCondition) success = !failure
  if (failure) return { phase: 'Failed' }
  return { phase: success ? 'Successful' : 'Inconclusive' }
}

export interface MetricLimits {
  count?: number | undefined
  /** A duration as Go writes it. */
  interval?: string | undefined
  initialDelay?: string | undefined
  failureLimit?: number | undefined
  inconclusiveLimit?: number | undefined
  consecutiveErrorLimit?: number | undefined
  consecutiveSuccessLimit?: number | undefined
}

export interface Counters {
  successful: number
  failed: number
  inconclusive: number
  /** Measurements that ended without an error. */
  count: number
  consecutiveSuccess: number
  consecutiveError: number
}

export const noMeasurements: Counters = {
  successful: 0,
  failed: 0,
  inconclusive: 0,
  count: 0,
  consecutiveSuccess: 0,
  consecutiveError: 0,
}

/** The counters after one more measurement. Errors do not count, and end a row of successes. */
export function countMeasurement(counters: Counters, phase: Phase): Counters {
  if (phase === 'Error') return { ...counters, consecutiveError: counters.consecutiveError + 1, consecutiveSuccess: 0 }
  return {
    successful: counters.successful + (phase === 'Successful' ? 1 : 0),
    failed: counters.failed + (phase === 'Failed' ? 1 : 0),
    inconclusive: counters.inconclusive + (phase === 'Inconclusive' ? 1 : 0),
    count: counters.count + 1,
    consecutiveSuccess: phase === 'Successful' ? counters.consecutiveSuccess + 1 : 0,
    consecutiveError: 0,
  }
}

/** How often a metric is measured: without count and interval once, with an interval alone without end (undefined). */
export const effectiveCount = ({ count, interval }: MetricLimits): number | undefined => count || (interval ? undefined : 1)

/** The limit that was crossed. A later check overrides an earlier one. */
export function crossedLimit(limits: MetricLimits, counters: Counters): { phase: Phase; message: string } | undefined {
  const { failureLimit = 0, inconclusiveLimit = 0, consecutiveErrorLimit = 4 } = limits
  const { failed, inconclusive, consecutiveError } = counters
  if (consecutiveError > consecutiveErrorLimit)
    return { phase: 'Error', message: `consecutiveErrors (${consecutiveError}) > consecutiveErrorLimit (${consecutiveErrorLimit})` }
  if (inconclusive > inconclusiveLimit)
    return { phase: 'Inconclusive', message: `inconclusive (${inconclusive}) > inconclusiveLimit (${inconclusiveLimit})` }
  if (failureLimit >= 0 && failed > failureLimit) return { phase: 'Failed', message: `failed (${failed}) > failureLimit (${failureLimit})` }
  return undefined
}

/**
 * The phase of a metric. `last` is the phase of its last measurement, undefined before the first; `terminating` is true when the run ends.
 */
export function metricPhase(limits: MetricLimits, counters: Counters, last: Phase | undefined, terminating: boolean): Phase {
  if (last === undefined) return terminating ? 'Successful' : 'Pending'
  if (last === 'Running' || last === 'Pending') return 'Running'
  const crossed = crossedLimit(limits, counters)
  if (crossed) return crossed.phase
  const { failureLimit = 0, consecutiveSuccessLimit = 0 } = limits
  if (consecutiveSuccessLimit > 0 && counters.consecutiveSuccess >= consecutiveSuccessLimit) return 'Successful'
  const count = effectiveCount(limits)
  if (count !== undefined && counters.count >= count) {
    if (consecutiveSuccessLimit === 0) return 'Successful'
    return failureLimit < 0 ? 'Failed' : 'Inconclusive'
  }
  return terminating ? 'Successful' : 'Running'
}

/**
 * The phase of a metric when the time is over, and why. Argo Rollouts calls Successful whatever it ends early; here a metric has to have come to its
 * own end, or, without one, to have been measured up to the end of the watch.
 */
export function cutOffPhase(limits: MetricLimits, counters: Counters, last: Phase | undefined): { phase: Phase; message: string } {
  const phase = metricPhase(limits, counters, last, false)
  if (completed(phase)) return { phase, message: '' }
  const unfinished = (message: string): { phase: Phase; message: string } => ({ phase: 'Inconclusive', message })
  if (last === undefined) return unfinished('it was not measured')
  if (counters.count === 0) return { phase: 'Error', message: 'every measurement ended in an error' }
  const count = effectiveCount(limits)
  if (count !== undefined) return unfinished(`the time was over after ${counters.count} of ${count} measurements`)
  const { consecutiveSuccessLimit = 0 } = limits
  if (consecutiveSuccessLimit > 0)
    return unfinished(`the time was over after ${counters.consecutiveSuccess} of ${consecutiveSuccessLimit} successes in a row`)
  if (last === 'Error') return unfinished('its last measurement ended in an error')
  return { phase: 'Successful', message: '' }
}

export const completed = (phase: Phase): boolean => phase !== 'Pending' && phase !== 'Running'

const worst = (phases: readonly Phase[]): Phase =>
  phases.reduce<Phase>((found, phase) => (ORDER.indexOf(phase) > ORDER.indexOf(found) ? phase : found), 'Successful')

export interface MetricState {
  name: string
  phase: Phase
  dryRun: boolean
  limits: MetricLimits
  counters: Counters
}

/** The phase of a run: Running while a metric is; then that of the worst metric. Metrics that run dry decide nothing. */
export function runPhase(metrics: readonly MetricState[]): { phase: Phase; message: string } {
  const deciding = metrics.filter(({ dryRun }) => !dryRun)
  if (metrics.some(({ phase }) => !completed(phase))) return { phase: 'Running', message: '' }
  const phase = worst(deciding.map((metric) => metric.phase))
  const culprit = deciding.find((metric) => metric.phase === phase)
  const crossed = culprit && crossedLimit(culprit.limits, culprit.counters)
  return { phase, message: culprit && crossed ? `Metric "${culprit.name}" assessed ${phase} due to ${crossed.message}` : '' }
}

/** When the next measurement is due after one that ended with `phase`, in milliseconds from its end; undefined: never. */
export function nextMeasurement(phase: Phase, interval: number | undefined): number | undefined {
  return phase === 'Error' ? ERROR_RETRY : interval
}

/** A shorter interval would only load the server, a longer one is a slip of the pen. Milliseconds. */
const [SHORTEST, LONGEST] = [100, 24 * 3_600_000]

/** Why Argo Rollouts refuses these limits, or why they make no sense; undefined when they can be used. */
export function refusal(limits: MetricLimits, duration: (text: string) => number | undefined): string | undefined {
  return refusedLimit(limits) ?? refusedCount(limits) ?? refusedTime(limits, duration)
}

function refusedLimit({ failureLimit = 0, inconclusiveLimit = 0, consecutiveErrorLimit = 0, consecutiveSuccessLimit = 0 }: MetricLimits) {
  if (consecutiveSuccessLimit < 0) return 'consecutiveSuccessLimit must be >= 0'
  if (failureLimit < -1) return 'failureLimit must be >= 0, or -1 to be disabled'
  if (failureLimit === -1 && consecutiveSuccessLimit === 0) return 'failureLimit and consecutiveSuccessLimit cannot both be disabled'
  if (inconclusiveLimit < 0) return 'inconclusiveLimit must be >= 0'
  return consecutiveErrorLimit < 0 ? 'consecutiveErrorLimit must be >= 0' : undefined
}

function refusedCount({ count = 0, interval, failureLimit = 0, inconclusiveLimit = 0, consecutiveSuccessLimit = 0 }: MetricLimits) {
  // Argo Rollouts would end after the first measurement, whatever it was.
  if (count < 0) return `count is ${count}: at least 1 is wanted`
  if (count > 1 && !interval) return 'interval must be specified when count > 1'
  if (count === 0) return undefined
  if (consecutiveSuccessLimit === 0 && count < failureLimit) return 'count must be >= failureLimit'
  if (failureLimit < 0 && count < consecutiveSuccessLimit) return 'count must be >= consecutiveSuccessLimit'
  if (failureLimit >= 0 && count < failureLimit + consecutiveSuccessLimit) return 'count must be >= failureLimit + consecutiveSuccessLimit'
  return count < inconclusiveLimit ? 'count must be >= inconclusiveLimit' : undefined
}

function refusedTime({ interval, initialDelay }: MetricLimits, duration: (text: string) => number | undefined): string | undefined {
  for (const [name, text, least] of [
    ['interval', interval, SHORTEST],
    ['initialDelay', initialDelay, 0],
  ] as const) {
    if (!text) continue
    const ms = duration(text)
    if (ms === undefined) return `invalid ${name} string: time: invalid duration "${text}"`
    if (ms < least || ms > LONGEST)
      return `${name} is '${text}': from ${least === 0 ? '0s' : `${least}ms`} to ${LONGEST / 3_600_000}h is accepted`
  }
  return undefined
}
