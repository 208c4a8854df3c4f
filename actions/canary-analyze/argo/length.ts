// How long a template takes by itself.
import { formatDuration } from '../../shared/time/clock.ts'
import type { Schedule } from '../result.ts'
import { goDuration } from './duration.ts'
import { effectiveCount } from './phase.ts'
import type { ArgoMetric, ArgoTemplate } from './template.ts'

/** From the beginning to the last measurement of a metric with a count, to the first of one without. Milliseconds; errors make it longer. */
export function lengthOf({ initialDelay, interval, count }: Pick<ArgoMetric, 'initialDelay' | 'interval' | 'count'>): number {
  const times = effectiveCount({ count, interval }) ?? 1
  return (goDuration(initialDelay ?? '') ?? 0) + (times - 1) * (goDuration(interval ?? '') ?? 0)
}

const endless = ({ count, interval }: ArgoMetric): boolean => effectiveCount({ count, interval }) === undefined

/** How long metrics without an end are measured: `longest`, or as long as the others take. A limit that was asked for holds for all. */
export function limitOf(template: ArgoTemplate, { longest, longestByDefault }: Schedule): { counted: number; endless: number } {
  if (!longestByDefault) return { counted: longest, endless: longest }
  const ownLength = Math.max(0, ...template.metrics.filter((metric) => !endless(metric)).map(lengthOf))
  return { counted: Infinity, endless: Math.max(longest, ownLength) }
}

/** Why a schedule leaves no time for a template; undefined: it does. */
export function tooShort(template: ArgoTemplate, schedule: Schedule): string | undefined {
  const limit = limitOf(template, schedule)
  const room = (metric: ArgoMetric): number => (endless(metric) ? limit.endless : limit.counted)
  const [late] = template.metrics.filter((metric) => lengthOf(metric) > room(metric)).toSorted((a, b) => lengthOf(b) - lengthOf(a))
  if (!late) return undefined
  const { name, interval = '', initialDelay } = late
  const times = effectiveCount(late)
  const what = times === undefined ? 'its first measurement' : times === 1 ? 'its measurement' : `${times} measurements, ${interval} apart`
  const after = initialDelay ? `, after its initialDelay of ${initialDelay}` : ''
  return `${formatDuration(room(late))} is not enough: the metric ${name} of the AnalysisTemplate needs ${formatDuration(lengthOf(late))} for ${what}${after}`
}
