// Reads one selector of one side through a release: samples once, growth by interval.
import type { Answer, Labels } from '../../shared/prometheus/answer.ts'
import type { CounterStore } from '../../shared/prometheus/client.ts'
import { Counters, type Growth, type Origin } from '../../shared/prometheus/counters.ts'
import type { BothSides } from '../config.ts'
import { type Matcher, parseSelector, selectorText } from '../selectors.ts'

export interface Sides {
  candidate: readonly Matcher[]
  /** Undefined: all traffic goes to the candidate. */
  baseline: readonly Matcher[] | undefined
}

/** The selector of one side. */
export const sideSelector = (given: BothSides, side: 'candidate' | 'baseline', matchers: readonly Matcher[]): string =>
  typeof given === 'string' ? selectorText(parseSelector(given), matchers) : selectorText(parseSelector(given[side]))

/** What tells pods apart, in the labels of usual scrape configurations. */
export const POD: readonly string[] = ['pod', 'kubernetes_pod_name', 'pod_name', 'instance']

/** The pod of a series; undefined where its labels name none. */
export const podOf = (labels: Labels): string | undefined => {
  const label = POD.find((name) => labels[name] !== undefined)
  return label && labels[label]
}

/** How many pods are behind these series; 1 where they cannot be told apart. */
export const podsOf = (labels: readonly Labels[]): number => Math.max(1, new Set(labels.map(podOf)).size)

export class CounterSource {
  readonly #selector: string
  readonly #store: CounterStore
  readonly #counters: Counters
  #read: Answer['series'] = []

  /** `targets`: whoever was seen by the sources of the same metric. */
  constructor(store: CounterStore, selector: string, origin: Origin = 'pod', targets = new Set<string>()) {
    this.#counters = new Counters(origin, targets)
    this.#store = store
    this.#selector = selector
  }

  /** Learns what was counted before `at`, in milliseconds. Gives the server's warnings. */
  async begin(at: number): Promise<readonly string[]> {
    const answer = await this.#store.before(this.#selector, at)
    this.#counters.begin(answer.series)
    return answer.warnings
  }

  /** Reads the samples of several intervals. Gives the server's warnings: with any, what was read must not be used. */
  async read(from: number, to: number): Promise<readonly string[]> {
    const answer = await this.#store.samples(this.#selector, from, to)
    this.#read = answer.series
    return answer.warnings
  }

  /** What was counted in one interval of those that were read. */
  take(from: number, to: number): Growth[] {
    return this.#counters.grow(this.#read, from, to)
  }
}

/** All sources learn what was counted before. Gives the server's warnings. */
export const beginAll = async (sources: readonly CounterSource[], at: number): Promise<string[]> =>
  (await Promise.all(sources.map((source) => source.begin(at)))).flat()

/** All sources read the samples of several intervals. Gives the server's warnings. */
export const readAll = async (sources: readonly CounterSource[], from: number, to: number): Promise<string[]> =>
  (await Promise.all(sources.map((source) => source.read(from, to)))).flat()

export const sumOf = (grown: readonly Growth[]): number => grown.reduce((sum, { growth }) => sum + growth, 0)
