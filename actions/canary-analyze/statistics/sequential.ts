// The sequential judge of one metric: evidence that is carried through a whole release, and what it says at any moment.
import { logMean, Mixture } from './mixture.ts'
import { RatioEstimate, type RatioInterval } from './ratio.ts'
import { SymmetricTest } from './symmetric.ts'

/** Events among requests (or among pod-seconds) in one interval. */
export interface Count {
  events: number
  total: number
}

export interface Interval {
  candidate: Count
  /** Undefined where it has none: all traffic goes to the candidate. */
  baseline: Count | undefined
}

export interface Rules {
  /** The share of the false-alarm rate that this metric may use. */
  alpha: number
  /** The rate at which a bad candidate may pass. */
  passAlpha: number
  /** What the candidate's rate may be of the baseline's. */
  ratio: number
  /** From this multiple of the baseline's rate on it is harm that a pass has to rule out. */
  margin: number
  /** A rate below it is no harm, whatever the baseline's. */
  floor: number
  /** False at 100% traffic: there is nothing to compare with, and the floor alone is tested. Default: true. */
  baseline?: boolean
  /** Whether errors may cluster: the symmetric test has to agree. `auto`: where traffic is equal, which it needs. */
  robust: 'auto' | 'always' | 'never'
}

export interface Evidence {
  /** Logarithms of e-values: against "it is no worse", and against "it is harmful". */
  fail: number
  pass: number
  /** Both reject at the logarithm of 1/alpha: these. */
  failLimit: number
  passLimit: number
  /** Which tests `fail` stands for. */
  tests: 'count' | 'count and symmetric' | 'floor' | 'none'
}

/** Shares of traffic between these are equal enough for the symmetric test. */
const EQUAL = { from: 0.45, to: 0.55 }

/** Errors (or other events) of candidate and baseline. */
export class SequentialTest {
  readonly #rules: Rules
  readonly #worse = new Mixture('above')
  readonly #symmetric = new SymmetricTest()
  readonly #withinMargin = new Mixture('below')
  readonly #aboveFloor = new Mixture('above')
  readonly #belowFloor = new Mixture('below')
  readonly #estimate = new RatioEstimate()
  readonly candidate: Count = { events: 0, total: 0 }
  readonly baseline: Count = { events: 0, total: 0 }
  /** What the candidate had while there was a baseline: only that is compared with it. */
  readonly #compared: Count = { events: 0, total: 0 }

  constructor(rules: Rules) {
    this.#rules = rules
  }

  add({ candidate, baseline }: Interval): void {
    const { ratio, margin, floor } = this.#rules
    this.#belowFloor.addRate(candidate.events, candidate.total * floor)
    this.#aboveFloor.addRate(candidate.events, candidate.total * floor)
    accumulate(this.candidate, candidate)
    if (!baseline) return
    accumulate(this.baseline, baseline)
    accumulate(this.#compared, candidate)
    const events = candidate.events + baseline.events
    // Without requests on both sides an interval compares nothing.
    if (candidate.total <= 0 || baseline.total <= 0) return
    this.#worse.addShare(candidate.events, events, shareOf(ratio * candidate.total, baseline.total))
    this.#withinMargin.addShare(candidate.events, events, shareOf(margin * candidate.total, baseline.total))
    this.#symmetric.add(candidate.events, candidate.total, baseline.events, baseline.total, ratio)
    this.#estimate.add(candidate.events, events, shareOf(candidate.total, baseline.total))
  }

  get evidence(): Evidence {
    const { alpha, passAlpha, robust } = this.#rules
    const limits = { failLimit: -Math.log(alpha), passLimit: -Math.log(passAlpha) }
    if (this.#rules.baseline === false) return { fail: this.#aboveFloor.log, pass: this.#belowFloor.log, ...limits, tests: 'floor' }
    // Harm is both beyond the margin and above the floor; the average of two e-values against parts of it is one against the whole.
    const pass = logMean([this.#withinMargin.log, this.#belowFloor.log])
    if (this.baseline.total <= 0) return { fail: 0, pass, ...limits, tests: 'none' }
    const share = shareOf(this.#compared.total, this.baseline.total)
    const equal = share >= EQUAL.from && share <= EQUAL.to
    if (robust === 'never' || (robust === 'auto' && !equal)) return { fail: this.#worse.log, pass, ...limits, tests: 'count' }
    if (!equal) return { fail: 0, pass, ...limits, tests: 'none' }
    // Clustered errors are worth fewer independent ones: the root of an e-value is one too, and as much weaker.
    const weakened = pass / this.#symmetric.dispersion
    return { fail: Math.min(this.#worse.log, this.#symmetric.log), pass: weakened, ...limits, tests: 'count and symmetric' }
  }

  /** `fail` needs proof that it is worse, and a rate above the floor; `pass` that harm is ruled out. */
  get verdict(): 'pass' | 'fail' | undefined {
    const { fail, pass, failLimit, passLimit, tests } = this.evidence
    const harmful = tests === 'floor' || rateOf(this.candidate) > this.#rules.floor
    if (fail >= failLimit && harmful) return 'fail'
    return pass >= passLimit ? 'pass' : undefined
  }

  /** Of the candidate's rate to the baseline's, at the metric's alpha. */
  get interval(): RatioInterval {
    return this.#estimate.interval(this.#rules.alpha)
  }
}

function accumulate(sum: Count, { events, total }: Count): void {
  sum.events += events
  sum.total += total
}

const shareOf = (candidate: number, baseline: number): number => candidate / (candidate + baseline)

/** Events by requests; 0 without any. */
export const rateOf = ({ events, total }: Count): number => (total > 0 ? events / total : 0)
