// Both sides of a metric through a release. Their samples come when they come: what one side counted is held back until the other was scraped
// as well, so that each interval that is judged has both.
import type { CounterStore } from '../../shared/prometheus/client.ts'
import type { Growth, Origin } from '../../shared/prometheus/counters.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import { beginAll, CounterSource, podOf, readAll, sumOf } from './source.ts'
import { countedTwice } from './twice.ts'

/** What the counters of a side grew by, a list for each of its selectors; the first is the one of all requests. */
export type Grown = readonly (readonly Growth[])[]

export interface Meeting {
  candidate: Grown
  /** Undefined: it is not there, or its counters stand still while those of the candidate move. */
  baseline: Grown | undefined
  /** Since the meeting before, in seconds. */
  seconds: number
}

/** A baseline without requests for so many looks, in which the candidate has some, has no traffic. */
const STILL = 2
/** Until so many requests of a side were counted, its series are held against each other. */
const WATCHED = 2_000

class SideSource {
  readonly sources: readonly CounterSource[]
  readonly #name: string
  #pending: Growth[][]
  readonly #seen = new Map<string, Growth>()
  #watched = 0

  constructor(name: string, sources: readonly CounterSource[]) {
    this.sources = sources
    this.#name = name
    this.#pending = sources.map(() => [])
  }

  /** Adds an interval. Gives by how much the first selector grew. */
  add(from: number, to: number): number {
    const grown = this.sources.map((source) => source.take(from, to))
    for (const [i, one] of grown.entries()) this.#pending[i]?.push(...one)
    const requests = sumOf(grown[0] ?? [])
    if (this.#watched < WATCHED) this.#hold(grown[0] ?? [], requests)
    return requests
  }

  #hold(grown: readonly Growth[], requests: number): void {
    for (const { labels, growth } of grown) {
      const id = JSON.stringify(labels)
      this.#seen.set(id, { labels, growth: growth + (this.#seen.get(id)?.growth ?? 0) })
    }
    this.#watched += requests
    const twice = countedTwice([...this.#seen.values()])
    if (twice) throw new Error(`the ${this.#name}: ${twice}`)
  }

  get sampled(): boolean {
    return this.#pending.some((grown) => grown.length > 0)
  }

  drain(): Grown {
    const grown = this.#pending
    this.#pending = this.sources.map(() => [])
    return grown
  }
}

export class TwoSides {
  readonly #candidate: SideSource
  readonly #baseline: SideSource | undefined
  readonly #notes: string[] = []
  #since: number | undefined
  #still = 0

  /** By side its selectors; the first of each selects all requests. */
  constructor(store: CounterStore, origin: Origin, candidate: readonly string[], baseline: readonly string[] | undefined) {
    const targets = new Set<string>()
    const side = (name: string, selectors: readonly string[]): SideSource =>
      new SideSource(
        name,
        selectors.map((selector) => new CounterSource(store, selector, origin, targets)),
      )
    this.#candidate = side('candidate', candidate)
    this.#baseline = baseline && side('baseline', baseline)
  }

  get #sources(): CounterSource[] {
    return [...this.#candidate.sources, ...(this.#baseline?.sources ?? [])]
  }

  begin(at: number): Promise<string[]> {
    this.#since = at
    return beginAll(this.#sources, at)
  }

  read(from: number, ends: readonly number[]): Promise<string[]> {
    return readAll(this.#sources, from, ends.at(-1) ?? from)
  }

  /** Adds an interval. Gives what both sides counted since they met before; undefined while one of them was not scraped. */
  take(from: number, to: number): Meeting | undefined {
    const moved = this.#candidate.add(from, to)
    const answered = this.#baseline?.add(from, to) ?? 0
    const alone = this.#isAlone(moved, answered, to - from)
    const ready = this.#candidate.sampled && (alone || this.#baseline?.sampled)
    if (!ready) return undefined
    const seconds = (to - (this.#since ?? from)) / 1000
    this.#since = to
    const baseline = this.#baseline?.drain()
    return { candidate: this.#candidate.drain(), baseline: alone ? undefined : baseline, seconds }
  }

  #isAlone(moved: number, answered: number, interval: number): boolean {
    if (!this.#baseline) return true
    if (answered > 0) {
      if (this.#still >= STILL) this.#notes.push('the baseline has requests again, and is compared with')
      this.#still = 0
    } else if (moved > 0 && ++this.#still === STILL)
      this.#notes.push(
        `the baseline has had no requests for ${formatDuration(STILL * interval)} while the candidate has: the candidate is held against the floor alone`,
      )
    return this.#still >= STILL
  }

  /** What is to be told, once. */
  notes(): string[] {
    return this.#notes.splice(0)
  }
}

/** Adds up growth by pod; without pods that can be told apart there are none. */
export function byPod(grown: readonly Growth[]): Map<string, Growth[]> {
  return Map.groupBy(
    grown.filter(({ labels }) => podOf(labels) !== undefined),
    ({ labels }) => podOf(labels) ?? '',
  )
}
