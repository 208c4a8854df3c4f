// The sequential judge of one metric: evidence that is carried through a whole release, and what it says at any moment.
import { AboveFloor, BelowFloor } from './floor.ts'
import { logMean, logSumExp, Mixture } from './mixture.ts'
import { RatioEstimate, type RatioInterval } from './ratio.ts'
import { Rivals, type Sample, type SideSample, totalOf } from './rivals.ts'

/** Events among requests (or among pod-seconds). */
export interface Count {
  events: number
  total: number
}

/** What a side counted in one interval. */
export interface SideCount extends Count {
  /** The same by pod, where pods can be told apart. */
  pods?: ReadonlyMap<string, Count>
}

export interface Interval {
  candidate: SideCount
  /** Undefined where it has none: all traffic goes to the candidate. */
  baseline: SideCount | undefined
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
  /** Whether events may come in clusters: then a test that knows clusters has to agree. */
  robust: boolean
}

export interface Evidence {
  /** Logarithms of e-values: against "it is no worse", and against "it is harmful". */
  fail: number
  pass: number
  /** Both reject at the logarithm of 1/alpha: these. */
  failLimit: number
  passLimit: number
  /** Which tests `fail` stands for. */
  tests: 'count' | 'count and symmetric' | 'outage' | 'floor' | 'none'
}

/** An outage, as no burst is one: in so many intervals in a row this share of the candidate's requests fails, and less of the baseline's. */
const OUTAGE = { intervals: 3, candidate: 0.5, baseline: 0.25 }
/** Of the evidence for a pass, the share that is staked on "below the floor"; the rest on "within the margin". */
const ON_FLOOR = 0.7

/** Errors (or other events) of candidate and baseline. */
export class SequentialTest {
  readonly #rules: Rules
  readonly #worse = new Mixture('above')
  readonly #rivals: Rivals
  readonly #withinMargin = new Mixture('below')
  readonly #aboveFloor: AboveFloor
  readonly #belowFloor = new BelowFloor()
  readonly #estimate = new RatioEstimate()
  readonly candidate: Count = { events: 0, total: 0 }
  readonly baseline: Count = { events: 0, total: 0 }
  /** How many intervals in a row look like an outage. */
  #outage = 0
  /** Whether the last interval had a candidate only. */
  #alone = false

  constructor(rules: Rules) {
    this.#rules = rules
    this.#aboveFloor = new AboveFloor(rules.floor, rules.robust)
    this.#rivals = new Rivals((candidate, baseline) => differenceOf(candidate, baseline, rules.ratio))
  }

  add({ candidate, baseline }: Interval): void {
    const { ratio, margin, floor, robust } = this.#rules
    accumulate(this.candidate, candidate)
    this.#belowFloor.add(candidate.events, candidate.total * floor)
    this.#aboveFloor.add(candidate.events, candidate.total)
    this.#alone = baseline === undefined
    if (!baseline) return
    accumulate(this.baseline, baseline)
    const events = candidate.events + baseline.events
    // Without requests on both sides an interval compares nothing.
    if (candidate.total <= 0 || baseline.total <= 0) return
    this.#worse.addShare(candidate.events, events, shareOf(ratio * candidate.total, baseline.total))
    this.#withinMargin.addShare(candidate.events, events, shareOf(margin * candidate.total, baseline.total))
    this.#estimate.add(candidate.events, events, shareOf(candidate.total, baseline.total))
    if (robust) this.#rivals.add(sampleOf(candidate), sampleOf(baseline))
    const out = rateOf(candidate) >= OUTAGE.candidate && rateOf(baseline) < OUTAGE.baseline
    this.#outage = out ? this.#outage + 1 : 0
  }

  get evidence(): Evidence {
    const { alpha, passAlpha, robust } = this.#rules
    const limits = { failLimit: -Math.log(alpha), passLimit: -Math.log(passAlpha) }
    if (this.#rules.baseline === false) return { fail: this.#aboveFloor.log, pass: this.#belowFloor.log, ...limits, tests: 'floor' }
    // Harm is both beyond the margin and above the floor; a mean of two e-values against parts of it is one against the whole.
    const proof = logSumExp([Math.log(1 - ON_FLOOR) + this.#withinMargin.log, Math.log(ON_FLOOR) + this.#belowFloor.log])
    // Clustered events are worth fewer independent ones: the root of an e-value is one too, and as much weaker.
    const pass = robust ? proof / this.#rivals.dispersion : proof
    if (this.baseline.total <= 0)
      return this.#alone ? { fail: this.#aboveFloor.log, pass, ...limits, tests: 'floor' } : { fail: 0, pass, ...limits, tests: 'none' }
    const outage = this.#outage >= OUTAGE.intervals
    const compared = robust && !outage ? Math.min(this.#worse.log, this.#rivals.log) : this.#worse.log
    // A baseline that had requests and has none any more leaves the floor, beside what was compared.
    if (this.#alone) return { fail: logMean([compared, this.#aboveFloor.log]), pass, ...limits, tests: 'floor' }
    return { fail: compared, pass, ...limits, tests: outage ? 'outage' : robust ? 'count and symmetric' : 'count' }
  }

  /** `fail` needs proof that it is worse, and a rate above the floor; `pass` that harm is ruled out. */
  get verdict(): 'pass' | 'fail' | undefined {
    const { fail, pass, failLimit, passLimit } = this.evidence
    if (fail >= failLimit && rateOf(this.candidate) > this.#rules.floor) return 'fail'
    return pass >= passLimit ? 'pass' : undefined
  }

  /** Of the candidate's rate to the baseline's, at the metric's alpha. */
  get interval(): RatioInterval {
    return this.#estimate.interval(this.#rules.alpha)
  }

  /** The multiple of the baseline's rate from which on harm is ruled out: 1 where the floor alone rules it out. */
  get ruledOut(): number {
    return this.#belowFloor.log >= -Math.log(this.#rules.passAlpha) ? 1 : this.#estimate.interval(this.#rules.passAlpha).high
  }
}

/** The difference of two shares of events, by its own size: that is the same whichever side is which, so it takes nothing from the symmetry. */
function differenceOf(candidate: Sample, baseline: Sample, ratio: number): number {
  const [k, j] = [candidate.kinds[0] ?? 0, baseline.kinds[0] ?? 0]
  const [n, m] = [totalOf(candidate), totalOf(baseline)]
  if (n <= 0 || m <= 0 || k + j <= 0) return 0
  return (k / n - (ratio * j) / m) / Math.sqrt(k / n ** 2 + j * (ratio / m) ** 2)
}

const kindsOf = ({ events, total }: Count): Sample => ({ kinds: [events, Math.max(0, total - events)] })

const sampleOf = ({ pods, ...count }: SideCount): SideSample => ({
  ...kindsOf(count),
  pods: new Map([...(pods ?? [])].map(([pod, one]) => [pod, kindsOf(one)])),
})

function accumulate(sum: Count, { events, total }: Count): void {
  sum.events += events
  sum.total += total
}

const shareOf = (candidate: number, baseline: number): number => candidate / (candidate + baseline)

/** Events by requests; 0 without any. */
export const rateOf = ({ events, total }: Count): number => (total > 0 ? events / total : 0)
