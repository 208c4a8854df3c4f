// The candidate alone, against a rate below which nothing is harm.
import { logMean, logSumExp, Mixture } from './mixture.ts'

const { log, log1p } = Math

/** The prior of a harmless rate, as a share r of the floor: Beta(SHAPE, SHAPE), at the middles of POINTS equal steps. */
const SHAPE = 2
const POINTS = 64
const SHARES = Float64Array.from({ length: POINTS }, (_, i) => (i + 0.5) / POINTS)
const LOG_SHARES = SHARES.map(log)
const LOG_WEIGHTS = ((): Float64Array => {
  const weights = SHARES.map((share) => (share * (1 - share)) ** (SHAPE - 1))
  const total = weights.reduce((sum, one) => sum + one, 0)
  return weights.map((weight) => log(weight / total))
})()

/**
 * "The rate is at the floor or above it": the e-value that rejects it is the mean of Poisson likelihood ratios, e^(N f (1 - r)) r^k for k events
 * where the floor f allows N f of N requests. Without events ln 20 / f requests reject it at best, which is Wald's limit.
 */
export class BelowFloor {
  readonly #logs = LOG_WEIGHTS.slice()

  /** `events` were counted where the floor allows `allowed`. */
  add(events: number, allowed: number): void {
    for (let i = 0; i < POINTS; i++) this.#logs[i] = (this.#logs[i] ?? 0) + events * (LOG_SHARES[i] ?? 0) + allowed * (1 - (SHARES[i] ?? 0))
  }

  get log(): number {
    return logSumExp(this.#logs)
  }
}

/** What is staked on a rate above the floor, as a share of what there is. */
const STAKES = [0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8]

/**
 * "The rate is at the floor or below it", tested in two ways, and both have to reject it: by the count, as if each event stood for itself, and
 * by the share y of each interval alone, however its events cluster: E = mean over stakes s of the product of 1 + s (y / floor - 1), the capital
 * of a gambler in a fair game (Waudby-Smith and Ramdas 2024, arXiv 2010.09686).
 */
export class AboveFloor {
  readonly #floor: number
  readonly #count = new Mixture('above')
  readonly #capital = STAKES.map(() => 0)
  readonly #robust: boolean

  constructor(floor: number, robust: boolean) {
    this.#floor = floor
    this.#robust = robust
  }

  add(events: number, total: number): void {
    this.#count.addRate(events, total * this.#floor)
    if (total <= 0) return
    const share = Math.min(1, events / total)
    for (const [i, stake] of STAKES.entries()) this.#capital[i] = (this.#capital[i] ?? 0) + log1p(stake * (share / this.#floor - 1))
  }

  get log(): number {
    return this.#robust ? Math.min(this.#count.log, logMean(this.#capital)) : this.#count.log
  }
}
