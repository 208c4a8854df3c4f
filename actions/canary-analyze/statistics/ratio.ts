// The interval of a ratio of two rates that holds at all times at once: every ratio that the data have not rejected.
import { Mixture } from './mixture.ts'

/** The candidate's rate as a multiple of the baseline's. */
export interface RatioInterval {
  low: number
  high: number
}

/** Keeps what is needed to ask for the interval at any time. */
export class RatioEstimate {
  readonly #intervals: { events: number; total: number; share: number }[] = []

  /** `events` of `total` fell on the candidate, which had the share `share` of the traffic. */
  add(events: number, total: number, share: number): void {
    if (total > 0) this.#intervals.push({ events, total, share })
  }

  /** The ratios whose e-value is below 1/alpha: in 1 - alpha of all runs the true one is always among them. */
  interval(alpha: number): RatioInterval {
    if (this.#intervals.length === 0) return { low: 0, high: Infinity }
    const mixture = new Mixture('both')
    for (const { events, total, share } of this.#intervals) mixture.addShare(events, total, share)
    const limit = mixture.log - Math.log(1 / alpha)
    const kept = (logRatio: number): boolean => this.#logLikelihood(Math.exp(logRatio)) > limit
    const best = this.#best()
    return { low: Math.exp(edge(kept, best, -LARGEST)), high: Math.exp(edge(kept, best, LARGEST)) }
  }

  /** Of a ratio, relative to that of 1. */
  #logLikelihood(ratio: number): number {
    const logRatio = Math.log(ratio)
    return this.#intervals.reduce((log, { events, total, share }) => log + events * logRatio - total * Math.log1p(share * (ratio - 1)), 0)
  }

  /** The logarithm of the likeliest ratio; the likelihood has one peak. */
  #best(): number {
    let [low, high] = [-LARGEST, LARGEST]
    for (let i = 0; i < 60; i++) {
      const third = (high - low) / 3
      if (this.#logLikelihood(Math.exp(low + third)) < this.#logLikelihood(Math.exp(high - third))) low += third
      else high -= third
    }
    return (low + high) / 2
  }
}

/** The logarithm of the largest ratio that is told from an infinite one. */
const LARGEST = 12

/** Where `kept` ends between a place where it is true and `end`; infinitely far when it does not. */
function edge(kept: (x: number) => boolean, start: number, end: number): number {
  if (kept(end)) return end < 0 ? -Infinity : Infinity
  let [yes, no] = [start, end]
  for (let i = 0; i < 50; i++) {
    const middle = (yes + no) / 2
    if (kept(middle)) yes = middle
    else no = middle
  }
  return (yes + no) / 2
}
