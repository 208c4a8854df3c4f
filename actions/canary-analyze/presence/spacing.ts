// How far apart the samples of a release are: what a server scrapes each minute cannot be judged each ten seconds.
import { AnswerError, type Series } from '../../shared/prometheus/answer.ts'
import type { CounterStore } from '../../shared/prometheus/client.ts'

/** How far back is looked, at first and where that gives too few samples; milliseconds. */
const BACK = [300_000, 1_200_000]
/** So few samples of a series do not tell. */
const FEW = 3

/** The distance of consecutive samples in milliseconds: the median within a selector, the largest of all. Undefined where nothing has two samples. */
export async function spacingOf(store: CounterStore, selectors: readonly string[], at: number): Promise<number | undefined> {
  const all = await Promise.all(selectors.map((selector) => ofSelector(store, selector, at)))
  return all.reduce<number | undefined>((most, one) => (one === undefined || (most ?? 0) > one ? most : one), undefined)
}

async function ofSelector(store: CounterStore, selector: string, at: number): Promise<number | undefined> {
  let distances: number[] = []
  for (const back of BACK) {
    const { series, warnings } = await store.samples(selector, at - back, at)
    if (warnings.length) throw new AnswerError(`nothing can be said about the release: the server has doubts: ${warnings.join('; ')}`)
    distances = series.flatMap(distancesOf)
    if (series.some(({ points }) => points.length >= FEW)) break
  }
  return median(distances)
}

const distancesOf = ({ points }: Series): number[] => points.slice(1).map(([time], i) => Math.round((time - (points[i]?.[0] ?? 0)) * 1000))

const median = (values: readonly number[]): number | undefined => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
