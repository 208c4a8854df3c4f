// E-processes by mixing likelihood ratios. An e-process starts at 1, and while the null hypothesis is true it is a supermartingale: by Ville's
// inequality it ever reaches 1/alpha with probability alpha at most. So it may be looked at always, and the time of stopping may be chosen by it.
//
// A mixture asks: how much better than the null do rates explain the counts that are x times as high? x runs over a grid, weighted as
// Beta(c/2, c/2) weighs the share x / (1 + x), with c = 20. For a constant share of traffic that is the beta-binomial mixture of Lindon and
// Malek 2022 (arXiv 2011.03567), which `logBetaMixture` has in closed form.
import { betaTail, logBeta } from './special.ts'

// Looked up once: the loops below run a hundred million times in a simulation.
const { exp, log, log1p } = Math
const NOTHING = -Infinity

/** How much the prior is worth, in events. */
const CONCENTRATION = 20
const POINTS = 64

interface Grid {
  /** Ratios to the null hypothesis. */
  ratios: Float64Array
  logRatios: Float64Array
  logWeights: Float64Array
}

/** Ratios above 1, closer together near 1: shares 0.5 + 0.5 u² at even steps of u. */
function gridAbove(): Grid {
  const shares = Array.from({ length: POINTS }, (_, i) => 0.5 + 0.5 * ((i + 0.5) / POINTS) ** 2)
  const exponent = CONCENTRATION / 2 - 1
  // The density of the prior times the step, which grows with u.
  const weights = shares.map((share, i) => (share * (1 - share)) ** exponent * ((i + 0.5) / POINTS))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const ratios = Float64Array.from(shares, (share) => share / (1 - share))
  return { ratios, logRatios: ratios.map(Math.log), logWeights: Float64Array.from(weights, (weight) => Math.log(weight / total)) }
}

const above = gridAbove()
const below: Grid = { ratios: above.ratios.map((x) => 1 / x), logRatios: above.logRatios.map((x) => -x), logWeights: above.logWeights }
const joined = (a: Float64Array, b: Float64Array): Float64Array => Float64Array.from([...a, ...b])
const both: Grid = {
  ratios: joined(above.ratios, below.ratios),
  logRatios: joined(above.logRatios, below.logRatios),
  logWeights: joined(above.logWeights, below.logWeights).map((weight) => weight - Math.LN2),
}
const grids = { above, below, both }

/** The logarithm of the sum of e^values. */
export function logSumExp(values: ArrayLike<number>): number {
  let most = values[0] ?? NOTHING
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > most) most = values[i] ?? 0
  if (most === NOTHING) return most
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const below = (values[i] ?? 0) - most
    // Less than what a double can hold of the sum.
    if (below > -40) sum += exp(below)
  }
  return most + log(sum)
}

/** The costs of a share by grid: tests of one release see the same few shares, one after the other. */
const known = new Map<Grid, Map<number, Float64Array>>()
const KNOWN = 8

function logCostsOf(grid: Grid, share: number): Float64Array {
  const costs = known.get(grid) ?? new Map<number, Float64Array>()
  known.set(grid, costs)
  const found = costs.get(share)
  if (found) return found
  if (costs.size >= KNOWN) costs.clear()
  const made = grid.ratios.map((ratio) => log1p(share * (ratio - 1)))
  costs.set(share, made)
  return made
}

/** One e-process, for "the rate is `above` (or `below`) what the null says". Counts need not be whole. */
export class Mixture {
  readonly #grid: Grid
  readonly #logs: Float64Array

  constructor(side: keyof typeof grids) {
    this.#grid = grids[side]
    this.#logs = this.#grid.logWeights.slice()
  }

  /** `events` of `total` fell on the candidate, where the null says that the share `share` does, or less (or more, for `below`). */
  addShare(events: number, total: number, share: number): void {
    if (total === 0) return
    const logCosts = logCostsOf(this.#grid, share)
    for (let i = 0; i < this.#logs.length; i++)
      this.#logs[i] = (this.#logs[i] ?? 0) + events * (this.#grid.logRatios[i] ?? 0) - total * (logCosts[i] ?? 0)
  }

  /** `events` were seen where the null expects `expected`, as a Poisson count; a binomial one varies less, so it is covered. */
  addRate(events: number, expected: number): void {
    for (let i = 0; i < this.#logs.length; i++)
      this.#logs[i] = (this.#logs[i] ?? 0) + events * (this.#grid.logRatios[i] ?? 0) - expected * ((this.#grid.ratios[i] ?? 1) - 1)
  }

  /** The logarithm of the e-value now. */
  get log(): number {
    return logSumExp(this.#logs)
  }
}

/**
 * The e-value of k events on the candidate and j on the baseline against "the candidate's share is rho", in closed form, as a logarithm:
 * E = B(c rho + k, c (1 - rho) + j) / [B(c rho, c (1 - rho)) rho^k (1 - rho)^j]; for the one-sided "or less", times the ratio of the upper
 * regularised incomplete betas at rho after and before the data.
 */
export function logBetaMixture(k: number, j: number, rho: number, side: 'both' | 'above' = 'above'): number {
  const [a, b] = [CONCENTRATION * rho, CONCENTRATION * (1 - rho)]
  const log = logBeta(a + k, b + j) - logBeta(a, b) - k * Math.log(rho) - j * Math.log1p(-rho)
  return side === 'both' ? log : log + Math.log(betaTail(rho, a + k, b + j)) - Math.log(betaTail(rho, a, b))
}

/** The logarithm of the average of e-values: again an e-process. */
export const logMean = (logs: readonly number[]): number => logSumExp(logs) - Math.log(logs.length)
