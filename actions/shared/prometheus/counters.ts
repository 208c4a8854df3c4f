// How much counters grew, from their samples as scraped. Unlike increase() this extrapolates nothing, and sees the counts that a new pod
// had before its first scrape, and errors whose series appears with the first of them.
import { AnswerError, type Labels, type Series } from './answer.ts'

/** What one series grew by, in one interval. */
export interface Growth {
  labels: Labels
  growth: number
}

interface Seen {
  at: number
  value: number
}

/** Without the metric's name, which functions of PromQL drop. */
const idOf = (labels: Labels): string =>
  JSON.stringify(
    Object.entries(labels)
      .filter(([name]) => name !== '__name__')
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

/** Follows the counters of one selector through a release. */
export class Counters {
  readonly #last = new Map<string, Seen>()

  /** The state before the first interval: what is there now has been counted already. */
  begin(series: readonly Series[]): void {
    for (const { labels, points } of series) {
      const last = points.at(-1)
      if (last) this.#last.set(idOf(labels), { at: last[0], value: checked(last[1], labels) })
    }
  }

  /**
   * The growth between `from` and `to` (milliseconds), from all samples after `from`. A value below the one before it is a restart: the counter
   * began at 0 again. So does a series that was not there before. Throws an AnswerError for what no counter can be.
   */
  grow(series: readonly Series[], from: number, to: number): Growth[] {
    return series.flatMap(({ labels, points }) => {
      const id = idOf(labels)
      let last = this.#last.get(id)
      let [growth, samples] = [0, 0]
      for (const [at, raw] of points) {
        if (at * 1000 <= from || at * 1000 > to || (last && at <= last.at)) continue
        const value = checked(raw, labels)
        growth += !last || value < last.value ? value : value - last.value
        samples++
        last = { at, value }
      }
      if (last) this.#last.set(id, last)
      return samples ? [{ labels, growth }] : []
    })
  }
}

function checked(value: number, labels: Labels): number {
  if (Number.isFinite(value) && value >= 0) return value
  throw new AnswerError(`the counter ${JSON.stringify(labels)} is ${value}, which no counter can be`)
}
