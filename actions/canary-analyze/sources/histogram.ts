// Classic histograms: counters by `le`, the longest that a request took which they count.
import type { Labels } from '../../shared/prometheus/answer.ts'
import type { Growth } from '../../shared/prometheus/counters.ts'
import { cut } from '../../shared/report/text.ts'
import type { Histogram } from '../statistics/latency.ts'
import { sumOf } from './source.ts'

function edgeOf({ le }: Labels): number {
  const edge = le === '+Inf' ? Infinity : Number(le)
  if (le === undefined || le === '' || Number.isNaN(edge))
    throw new Error(`a bucket of the histogram has le=${cut(String(le), 60)}: not a number`)
  return edge
}

/** What belongs to one histogram: its labels but the edge. */
const histogramIdOf = (labels: Labels): string =>
  JSON.stringify(
    Object.entries(labels)
      .filter(([name]) => name !== 'le')
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

/** The finite edges that every one of these histograms has, in ascending order. */
export function edgesOf(grown: readonly Growth[]): number[] {
  const all = [...Map.groupBy(grown, ({ labels }) => histogramIdOf(labels)).values()].map(
    (one) => new Set(one.map(({ labels }) => edgeOf(labels))),
  )
  return [...(all[0] ?? [])].filter((edge) => edge !== Infinity && all.every((edges) => edges.has(edge))).toSorted((a, b) => a - b)
}

/**
 * Adds up histograms at these edges. Throws an Error for one without the bucket +Inf, or without one of the edges: its requests would all be
 * taken for slow ones. `what` names them.
 */
export function histogramOf(grown: readonly Growth[], edges: readonly number[], what: string): Histogram {
  let total = 0
  const slower = edges.map(() => 0)
  for (const own of Map.groupBy(grown, ({ labels }) => histogramIdOf(labels)).values()) {
    const buckets = Map.groupBy(own, ({ labels }) => edgeOf(labels))
    const whole = buckets.get(Infinity)
    if (!whole) throw new Error(`${what} has no bucket +Inf`)
    const count = sumOf(whole)
    total += count
    for (const [i, edge] of edges.entries()) {
      const bucket = buckets.get(edge)
      if (!bucket) throw new Error(`${what} has no bucket le="${edge}" where the others have one: give all pods the same buckets`)
      // A bucket that is read a moment later than +Inf may have more in it.
      slower[i] = (slower[i] ?? 0) + Math.max(0, count - sumOf(bucket))
    }
  }
  return { total, slower }
}
