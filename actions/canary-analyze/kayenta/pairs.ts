// The series of both sides, brought together by their labels as Kayenta does: each set of labels is judged as a metric of its own.
import { type Answer, AnswerError, type Series } from '../../shared/prometheus/answer.ts'
import type { KayentaMetric } from './config.ts'

/** What Prometheus answered to the queries of a metric. */
export interface Measured {
  metric: KayentaMetric
  candidate: Answer
  baseline: Answer
}

export interface Pair {
  metric: KayentaMetric
  /** The metric's, with the labels of its series where there are any. */
  name: string
  candidate: Side
  baseline: Side
  doubts: readonly string[]
}

export interface Side {
  /** As they came; all of them NaN when the side has no such series. */
  values: readonly number[]
  points: Series['points']
}

/** More of one metric is refused: nobody reads so many verdicts. */
const MOST = 500

/** The pairs of a metric whose whole series would have `count` points. */
export function pairsOf({ metric, candidate, baseline }: Measured, count: number): Pair[] {
  const [ours, theirs] = [tagged(candidate), tagged(baseline)]
  const keys = keysOf(ours, theirs)
  if (keys.length > MOST)
    throw new AnswerError(
      `config: the metric ${metric.name} of the Kayenta config has ${keys.length} sets of labels, and at most ${MOST} are judged; aggregate in its query`,
      { permanent: true },
    )
  const doubts = [...new Set([...candidate.warnings, ...baseline.warnings])]
  return keys.map((key) => ({
    metric,
    name: metric.name + (key === NONE ? '' : nameOf(ours.get(key) ?? theirs.get(key))),
    candidate: sideOf(ours, key, count),
    baseline: sideOf(theirs, key, count),
    doubts,
  }))
}

/** By their labels, as text. */
type Tagged = ReadonlyMap<string, Series>
const NONE = ''

const labelsOf = ({ labels }: Series): [string, string][] =>
  Object.entries(labels)
    .filter(([name]) => name !== '__name__')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
const keyOf = (series: Series): string =>
  labelsOf(series)
    .map((label) => JSON.stringify(label))
    .join()
const nameOf = (series: Series | undefined): string =>
  series
    ? `{${labelsOf(series)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(', ')}}`
    : ''

function tagged({ series }: Answer): Tagged {
  const found = new Map<string, Series>()
  for (const one of series) if (!found.has(keyOf(one))) found.set(keyOf(one), one)
  return found
}

/** A side without labels, and one without series, stands against every set of the other, as nothing. */
function keysOf(ours: Tagged, theirs: Tagged): string[] {
  const [bare, others] = [ours, theirs].map((side) => side.size === 0 || side.has(NONE))
  if (bare && !others) return [...theirs.keys()]
  if (others && !bare) return [...ours.keys()]
  return ours.size + theirs.size ? [...new Set([...ours.keys(), ...theirs.keys()])] : [NONE]
}

/** A set of labels that a side does not have is as long as the first that it has. */
function sideOf(side: Tagged, key: string, count: number): Side {
  const series = side.get(key)
  if (series) return { values: series.points.map(([, value]) => value), points: series.points }
  const [first] = side.values()
  return { values: new Array<number>(first?.points.length ?? count).fill(NaN), points: [] }
}
