// A test for errors and slow requests that come in clusters: an outage of a second is many errors, but one event. While both sides are alike,
// the difference of an interval is as often negative as positive, however its events cluster; only its sign is evidence, and its size weighs.
import { normalQuantile } from './special.ts'

const { abs, exp, log, log1p } = Math

/** Points of the mixture over lambda: the middles of as many equal parts of a half-normal distribution with scale 1. */
const POINTS = 32
const LAMBDAS = Float64Array.from({ length: POINTS }, (_, i) => normalQuantile(0.5 + (0.5 * (i + 0.5)) / POINTS))

/**
 * The exact mixture for symmetric differences: E = mean over lambda of the product of e^(lambda x) / cosh(lambda x), x one difference an
 * interval. For a symmetric x each factor is worth 1 on average, whatever the size of x (de la Pena 1999, before its bound by e^(-x²/2)), so
 * E is an e-process. A factor is 2 at most: an interval doubles the evidence, however many events it holds.
 */
export class SymmetricTest {
  readonly #logs = new Float64Array(POINTS)
  #squares = 0
  #intervals = 0

  /** One interval's difference, positive where the candidate is worse. It has to change its sign, and nothing else, when the sides are swapped. */
  add(x: number): void {
    if (x === 0) return
    this.#squares += x * x
    this.#intervals++
    for (let i = 0; i < POINTS; i++) {
      const size = (LAMBDAS[i] ?? 0) * x
      // size - ln cosh(size), without overflow.
      this.#logs[i] = (this.#logs[i] ?? 0) + size - abs(size) + Math.LN2 - log1p(exp(-2 * abs(size)))
    }
  }

  /** The sum of the squares of the differences, and of how many: for independent events a square is 1 on average. */
  get spread(): { squares: number; intervals: number } {
    return { squares: this.#squares, intervals: this.#intervals }
  }

  /** The logarithm of the e-value now. */
  get log(): number {
    let most = -Infinity
    for (const one of this.#logs) if (one > most) most = one
    let sum = 0
    for (const one of this.#logs) sum += exp(one - most)
    return most + log(sum / POINTS)
  }
}
