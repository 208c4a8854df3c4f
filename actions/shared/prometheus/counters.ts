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

/** What scrapes add to a series: a counter goes on whoever scrapes it. */
const SCRAPED_BY = ['job', 'instance', 'endpoint', 'service', 'prometheus', 'prometheus_replica', 'replica']

/** Without the metric's name, which functions of PromQL drop. */
const idOf = (labels: Labels, ignored: readonly string[]): string =>
  JSON.stringify(
    Object.entries(labels)
      .filter(([name]) => name !== '__name__' && !ignored.includes(name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

/** The process that shows a series, by the labels of usual scrape configurations. */
const targetOf = ({ namespace, job, instance, pod }: Labels): string => JSON.stringify([namespace, job, instance, pod])

/**
 * Whose counters they are. `pod`: of the pods that are compared, so that one which is not seen before the first interval began at 0 within it.
 * `proxy`: of a process in front of the pods, which counted before the release as well: of a proxy that is seen for the first time, only what
 * comes after its first sample is the release's. `cluster`: told of pods by somebody who goes and comes (kube-state-metrics): the same counter,
 * whoever is scraped for it.
 */
export type Origin = 'pod' | 'proxy' | 'cluster'

/** Follows the counters of one selector through a release. */
export class Counters {
  readonly #last = new Map<string, Seen>()
  readonly #origin: Origin
  /** Who was seen before; several selectors may know of each other's. */
  readonly #targets: Set<string>

  constructor(origin: Origin = 'pod', targets = new Set<string>()) {
    this.#origin = origin
    this.#targets = targets
  }

  #idOf(labels: Labels): string {
    return idOf(labels, this.#origin === 'cluster' ? SCRAPED_BY : [])
  }

  #beganAtZero(labels: Labels): boolean {
    return this.#origin !== 'proxy' || this.#targets.has(targetOf(labels))
  }

  /** The state before the first interval: what is there now has been counted already. */
  begin(series: readonly Series[]): void {
    for (const { labels, points } of series) {
      const last = points.at(-1)
      if (!last) continue
      this.#last.set(this.#idOf(labels), { at: last[0], value: checked(last[1], labels) })
      this.#targets.add(targetOf(labels))
    }
  }

  /**
   * The growth between `from` and `to` (milliseconds), from all samples after `from`. A value below the one before it is a restart: the counter
   * began at 0 again. So did a series that was not there before, but for one of a proxy that was not there either. Throws an AnswerError for what no counter can be.
   */
  grow(series: readonly Series[], from: number, to: number): Growth[] {
    const grown = series.flatMap(({ labels, points }) => {
      const id = this.#idOf(labels)
      let last = this.#last.get(id)
      let [growth, samples] = [0, 0]
      for (const [at, raw] of points) {
        if (at * 1000 <= from || at * 1000 > to || (last && at <= last.at)) continue
        const value = checked(raw, labels)
        if (last) growth += value < last.value ? value : value - last.value
        else if (this.#beganAtZero(labels)) growth += value
        samples++
        last = { at, value }
      }
      if (last) this.#last.set(id, last)
      return samples ? [{ labels, growth }] : []
    })
    for (const { labels } of grown) this.#targets.add(targetOf(labels))
    return grown
  }
}

function checked(value: number, labels: Labels): number {
  if (Number.isFinite(value) && value >= 0) return value
  throw new AnswerError(`the counter ${JSON.stringify(labels)} is ${value}, which no counter can be`)
}
