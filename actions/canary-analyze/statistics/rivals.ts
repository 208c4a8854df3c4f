// Pairs of equal size for the symmetric test, where the traffic is not equal: of the larger side as many parts as the smaller side fits in.
// Stable groups of pods where a pod has the same load on both sides (a pod that fails is then one event on either), else requests at random.

import { logMean } from './mixture.ts'
import { binomial, uniform } from './random.ts'
import { SymmetricTest } from './symmetric.ts'

/** Requests of one side, or of a part of it, by kind: failed ones and others, or those of each bucket. */
export interface Sample {
  /** Counts by kind. They sum up to the number of requests. */
  kinds: readonly number[]
}

/** What a side counted in one interval. */
export interface SideSample extends Sample {
  /** The same by pod, where pods can be told apart. */
  pods: ReadonlyMap<string, Sample>
}

/** Shares of traffic between these are equal enough to be compared as they are. */
const EQUAL = { from: 0.45, to: 0.55 }
/** A pod's load may differ by this factor between the sides, for groups of pods to be of equal size. */
const ALIKE = 1.25
/** Processes whose mean is taken: more parts than these add little. */
const PROCESSES = 8
/** So many intervals of independent events are believed in before the first. */
const PRIOR = 4
/** Whatever it is, it is the same in a replay. */
const SEED = 20

export const totalOf = ({ kinds }: Sample): number => kinds.reduce((sum, one) => sum + one, 0)

/** The mean of symmetric processes, each of which compares one side with one part of the other. */
export class Rivals {
  readonly #difference: (candidate: Sample, baseline: Sample) => number
  readonly #processes = Array.from({ length: PROCESSES }, () => new SymmetricTest())
  readonly #random = uniform(SEED)
  /** Requests by pod so far. */
  readonly #loads = { candidate: new Map<string, number>(), baseline: new Map<string, number>() }

  /** `difference` of two samples is positive where the first is worse, and changes its sign when they are swapped. */
  constructor(difference: (candidate: Sample, baseline: Sample) => number) {
    this.#difference = difference
  }

  /** One interval, in which both sides had requests. */
  add(candidate: SideSample, baseline: SideSample): void {
    this.#note('candidate', candidate)
    this.#note('baseline', baseline)
    const [n, m] = [totalOf(candidate), totalOf(baseline)]
    const share = n / (n + m)
    if (share >= EQUAL.from && share <= EQUAL.to) this.#addPairs([[candidate, baseline]])
    // The larger side is taken apart.
    else if (share < 0.5) this.#addPairs(this.#parts(baseline, candidate, 'baseline').map((part) => [candidate, part]))
    else this.#addPairs(this.#parts(candidate, baseline, 'candidate').map((part) => [part, baseline]))
  }

  #addPairs(pairs: readonly (readonly [Sample, Sample])[]): void {
    // Each process goes on with the part of its number, so there is one mean over all intervals, however many parts they have.
    const differences = pairs.map(([candidate, baseline]) => this.#difference(candidate, baseline))
    for (const [i, process] of this.#processes.entries()) process.add(differences[i % differences.length] ?? 0)
  }

  #note(side: 'candidate' | 'baseline', { pods }: SideSample): void {
    const loads = this.#loads[side]
    for (const [pod, sample] of pods) loads.set(pod, (loads.get(pod) ?? 0) + totalOf(sample))
  }

  #parts(larger: SideSample, smaller: SideSample, side: 'candidate' | 'baseline'): Sample[] {
    const size = smaller.pods.size
    if (size > 0 && larger.pods.size >= size && this.#alike(larger, smaller, side)) return groups(larger.pods, size)
    return this.#atRandom(larger, totalOf(smaller))
  }

  /** Whether a pod has about the same load on both sides. */
  #alike(larger: SideSample, smaller: SideSample, side: 'candidate' | 'baseline'): boolean {
    const mean = (pods: ReadonlyMap<string, Sample>, loads: ReadonlyMap<string, number>): number =>
      [...pods.keys()].reduce((sum, pod) => sum + (loads.get(pod) ?? 0), 0) / pods.size
    const other = side === 'candidate' ? 'baseline' : 'candidate'
    const ratio = mean(larger.pods, this.#loads[side]) / mean(smaller.pods, this.#loads[other])
    return ratio <= ALIKE && ratio >= 1 / ALIKE
  }

  /** Disjoint parts of about `size` requests: each request falls into one of them, or into the rest. */
  #atRandom(larger: SideSample, size: number): Sample[] {
    const share = size / totalOf(larger)
    const count = Math.min(PROCESSES, Math.max(1, Math.floor(1 / share)))
    const left = larger.kinds.map(Math.round)
    return Array.from({ length: count }, (_, i) => ({
      kinds: left.map((rest, kind) => {
        const taken = binomial(this.#random, rest, Math.min(1, share / (1 - i * share)))
        left[kind] = rest - taken
        return taken
      }),
    }))
  }

  /** How many times as much the differences vary as independent events would; 1 where they do not, or where little is known. */
  get dispersion(): number {
    const [squares, intervals] = this.#processes.reduce(
      ([squares, intervals], { spread }) => [squares + spread.squares, intervals + spread.intervals],
      [PRIOR * PROCESSES, PRIOR * PROCESSES],
    )
    return Math.max(1, squares / intervals)
  }

  /** The logarithm of the e-value now. */
  get log(): number {
    return logMean(this.#processes.map((process) => process.log))
  }
}

/** Groups of `size` pods each, in the order of their names; those that fill no group are left out. */
function groups(pods: ReadonlyMap<string, Sample>, size: number): Sample[] {
  const sorted = [...pods].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, sample]) => sample)
  return Array.from({ length: Math.floor(sorted.length / size) }, (_, i) => sumOf(sorted.slice(i * size, (i + 1) * size)))
}

const sumOf = (samples: readonly Sample[]): Sample => ({
  kinds: (samples[0]?.kinds ?? []).map((_, kind) => samples.reduce((sum, { kinds }) => sum + (kinds[kind] ?? 0), 0)),
})
