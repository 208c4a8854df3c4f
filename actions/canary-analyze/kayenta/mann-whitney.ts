// The Mann-Whitney U test, and the interval that Kayenta takes from it: R's wilcox.test with its normal approximation, corrected for ties
// and continuity, whose interval is found by moving one sample until the test just rejects.
import { normalQuantile } from '../statistics/special.ts'
import { extremes } from './samples.ts'

export interface Interval {
  low: number
  high: number
  estimate: number
}

/** Samples that cannot be ranked, also when one of them is moved: single points, for one. */
export class TiedError extends Error {
  override readonly name = 'TiedError'
}

/** How far apart two neighbouring points of the search may stay. Absolute, as in R: intervals of values below it mean nothing. */
const TOLERANCE = 1e-4

interface RankSum {
  /** The rank sum of x beyond its expectation. */
  d: number
  sigma: number
}

/** The rank sum of `x - mu` among `y`, for any mu: both are sorted once, and only merged for each. */
function rankSums(x: readonly number[], y: readonly number[]): (mu: number) => RankSum {
  const [xs, ys] = [Float64Array.from(x).sort(), Float64Array.from(y).sort()]
  const [m, n] = [xs.length, ys.length]
  return (mu) => {
    let [i, j, w, ties] = [0, 0, 0, 0]
    while (i < m || j < n) {
      const value = Math.min(i < m ? (xs[i] ?? 0) - mu : Infinity, j < n ? (ys[j] ?? 0) : Infinity)
      const [fromX, fromY] = [i, j]
      while (i < m && (xs[i] ?? 0) - mu === value) i++
      while (j < n && ys[j] === value) j++
      // Equal values share the average of their ranks.
      const size = i - fromX + j - fromY
      w += (i - fromX) * (fromX + fromY + (size + 1) / 2)
      ties += size ** 3 - size
    }
    const variance = ((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1)))
    return { d: w - (m * (m + 1)) / 2 - (m * n) / 2, sigma: Math.sqrt(variance) }
  }
}

function standardised({ d, sigma }: RankSum): number {
  if (sigma === 0) throw new TiedError('all observations are equal: there is nothing to rank')
  return (d - Math.sign(d) / 2) / sigma
}

/** The standardised deviation z of the rank sum of `x - mu` among `y`. Throws a TiedError when all observations are equal. */
export const deviation = (x: readonly number[], y: readonly number[], mu: number): number => standardised(rankSums(x, y)(mu))

/** The interval of the shift from control to experiment at this confidence (0.95), and its estimate. */
export function shiftInterval(experiment: readonly number[], control: readonly number[], confidence: number): Interval {
  const [lowX, highX] = extremes(experiment)
  const [lowY, highY] = extremes(control)
  const [from, to] = [lowX - highY, highX - lowY]
  const sums = rankSums(experiment, control)
  const find = (z: number): number => {
    const at = (mu: number): number => standardised(sums(mu)) - z
    if (at(from) <= 0) return from
    return at(to) >= 0 ? to : root(at, from, to)
  }
  const z = normalQuantile(1 - (1 - confidence) / 2)
  return { low: find(z), high: find(-z), estimate: root((mu) => standardised(sums(mu)), from, to) }
}

/** A root of f between a and b, where it changes its sign: Brent's method (1973) as R's uniroot has it, to TOLERANCE. */
function root(f: (x: number) => number, a: number, b: number): number {
  let [fa, fb] = [f(a), f(b)]
  if (fa === 0) return a
  if (fb === 0) return b
  let [c, fc] = [a, fa]
  for (let step = 0; step < 1000; step++) {
    const before = b - a
    if (Math.abs(fc) < Math.abs(fb)) {
      ;[a, b, c] = [b, c, b]
      ;[fa, fb, fc] = [fb, fc, fb]
    }
    const near = 2 * Number.EPSILON * Math.abs(b) + TOLERANCE / 2
    const half = (c - b) / 2
    if (Math.abs(half) <= near || fb === 0) return b
    let move = half
    if (Math.abs(before) >= near && Math.abs(fa) > Math.abs(fb)) move = interpolated({ a, b, c, fa, fb, fc, near, before }) ?? half
    if (Math.abs(move) < near) move = move > 0 ? near : -near
    ;[a, fa] = [b, fb]
    b += move
    fb = f(b)
    if (Math.sign(fb) === Math.sign(fc)) [c, fc] = [a, fa]
  }
  return b
}

interface Bracket {
  a: number
  b: number
  c: number
  fa: number
  fb: number
  fc: number
  near: number
  before: number
}

/** The step by the line through two points, or the inverse parabola through three; undefined when it would not do better than halving. */
function interpolated({ a, b, c, fa, fb, fc, near, before }: Bracket): number | undefined {
  const width = c - b
  let [p, q] = [0, 0]
  if (a === c) {
    const slope = fb / fa
    ;[p, q] = [width * slope, 1 - slope]
  } else {
    const [r, s, t] = [fa / fc, fb / fc, fb / fa]
    p = t * (width * r * (r - s) - (b - a) * (s - 1))
    q = (r - 1) * (s - 1) * (t - 1)
  }
  if (p > 0) q = -q
  else p = -p
  return p < 0.75 * width * q - Math.abs(near * q) / 2 && p < Math.abs((before * q) / 2) ? p / q : undefined
}
