// A test for errors that come in clusters: an outage of a second is many errors, but one event. While both sides are alike, the difference of
// an interval is as often negative as positive, however its errors cluster; only its sign is evidence, and its size is weighed by itself.
import { normalCdf } from './special.ts'

/** The precision of the prior, in intervals. */
const PRIOR = 1

/**
 * The e-process of de la Pena's inequality for symmetric differences, mixed over a half-normal prior: with x the scaled difference of an
 * interval, S = sum x, V = sum x^2: E = 2 sqrt(r/(V+r)) exp(S^2/(2(V+r))) Phi(S/sqrt(V+r)). Needs equal traffic on both sides.
 */
export class SymmetricTest {
  #sum = 0
  #squares = 0
  #intervals = 0

  /** Events and requests of one interval; `ratio` is what the candidate is allowed of the baseline's rate. */
  add(k: number, candidateTotal: number, j: number, baselineTotal: number, ratio: number): void {
    if (candidateTotal <= 0 || baselineTotal <= 0 || k + j === 0) return
    const difference = k / candidateTotal - (ratio * j) / baselineTotal
    // By its own size: the scale is the same whichever side is which, so it takes nothing from the symmetry.
    const x = difference / Math.sqrt(k / candidateTotal ** 2 + j * (ratio / baselineTotal) ** 2)
    this.#sum += x
    this.#squares += x * x
    this.#intervals++
  }

  /** How many times as much the differences vary as independent errors would; 1 where they do not, or where nothing is known. */
  get dispersion(): number {
    return this.#intervals ? Math.max(1, this.#squares / this.#intervals) : 1
  }

  /** The logarithm of the e-value now. */
  get log(): number {
    const v = this.#squares + PRIOR
    return Math.LN2 + Math.log(PRIOR / v) / 2 + this.#sum ** 2 / (2 * v) + Math.log(normalCdf(this.#sum / Math.sqrt(v)))
  }
}
