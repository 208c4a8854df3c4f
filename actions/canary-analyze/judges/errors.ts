import type { CounterStore } from '../../shared/prometheus/client.ts'
import type { ErrorsConfig, RestartsConfig } from '../config.ts'
import { byPod, type Grown, TwoSides } from '../sources/sides.ts'
import { podsOf, type Sides, sideSelector, sumOf } from '../sources/source.ts'
import { type Outlook, outlookOf, requestsToPass } from '../statistics/plan.ts'
import { type Rules, rateOf, SequentialTest, type SideCount } from '../statistics/sequential.ts'
import { finite, heightOf, type MetricJudge, type MetricState, percent, times } from './judge.ts'

export interface Parts {
  counters: CounterStore
  sides: Sides
  /** Of false alarms, of this metric. */
  alpha: number
  passAlpha: number
}

/** Events and requests of a side in an interval of so many seconds. */
type Counted = (grown: Grown, seconds: number) => SideCount

/** Judges failed requests among all of them. */
export function errorsJudge(config: ErrorsConfig, { counters, sides, alpha, passAlpha }: Parts): MetricJudge {
  const selectors = (which: 'candidate' | 'baseline'): string[] | undefined => {
    const matchers = sides[which]
    return matchers && [sideSelector(config.total, which, matchers), sideSelector(config.events, which, matchers)]
  }
  const { ratio, margin, floor, clusters } = config
  const rules: Rules = { alpha, passAlpha, ratio, margin, floor, robust: clusters === 'auto', baseline: sides.baseline !== undefined }
  return new CountJudge(
    config,
    rules,
    new TwoSides(counters, config.origin, selectors('candidate') ?? [], selectors('baseline')),
    failedRequests,
  )
}

const failedRequests: Counted = ([total = [], events = []]) => {
  const [totals, failed] = [byPod(total), byPod(events)]
  const pods = new Map([...totals].map(([pod, grown]) => [pod, { events: sumOf(failed.get(pod) ?? []), total: sumOf(grown) }]))
  return { events: sumOf(events), total: sumOf(total), pods }
}

/** Judges restarts by the time that pods were there. */
export function restartsJudge(config: RestartsConfig, { counters, sides, alpha, passAlpha }: Parts): MetricJudge {
  const selectors = (which: 'candidate' | 'baseline'): string[] | undefined => {
    const matchers = sides[which]
    return matchers && [sideSelector(config.counter, which, matchers)]
  }
  const floor = config.floor / 3600
  const rules: Rules = { alpha, passAlpha, ratio: 1, margin: config.margin, floor, robust: false, baseline: sides.baseline !== undefined }
  return new CountJudge(
    config,
    rules,
    new TwoSides(counters, 'cluster', selectors('candidate') ?? [], selectors('baseline')),
    restartsByTime,
  )
}

const restartsByTime: Counted = ([grown = []], seconds) => ({
  events: sumOf(grown),
  total: grown.length ? podsOf(grown.map(({ labels }) => labels)) * seconds : 0,
})

class CountJudge implements MetricJudge {
  readonly name: string
  readonly reportOnly: boolean
  readonly required = true
  readonly #kind: 'errors' | 'restarts'
  readonly #rules: Rules
  readonly #sides: TwoSides
  readonly #counted: Counted
  readonly #test: SequentialTest

  constructor(config: ErrorsConfig | RestartsConfig, rules: Rules, sides: TwoSides, counted: Counted) {
    this.name = config.name
    this.reportOnly = config['report-only']
    this.#kind = config.kind
    this.#rules = rules
    this.#sides = sides
    this.#counted = counted
    this.#test = new SequentialTest(rules)
  }

  begin(at: number): Promise<string[]> {
    return this.#sides.begin(at)
  }

  read(from: number, ends: readonly number[]): Promise<string[]> {
    return this.#sides.read(from, ends)
  }

  notes(): string[] {
    return this.#sides.notes()
  }

  take(from: number, to: number): number | undefined {
    const meeting = this.#sides.take(from, to)
    if (!meeting) return this.#kind === 'errors' ? 0 : undefined
    const candidate = this.#counted(meeting.candidate, meeting.seconds)
    const baseline = meeting.baseline && this.#counted(meeting.baseline, meeting.seconds)
    this.#test.add({ candidate, baseline })
    // Over all intervals: within one, a request may fail that began before it.
    for (const { events, total } of [this.#test.candidate, this.#test.baseline])
      if (this.#kind === 'errors' && events > total)
        throw new Error(`${this.name}: ${events} failed requests of ${total}; events has to select a part of what total selects`)
    return this.#kind === 'errors' ? candidate.total : undefined
  }

  get verdict(): 'pass' | 'fail' | undefined {
    return this.#test.verdict
  }

  get spoken(): boolean {
    return this.#test.candidate.total > 0
  }

  get height(): number {
    return heightOf(this.#test.evidence)
  }

  get rates() {
    const { candidate, baseline } = this.#test
    if (candidate.total <= 0) return undefined
    return { candidate: rateOf(candidate), baseline: baseline.total > 0 ? rateOf(baseline) : undefined }
  }

  get shown(): string {
    const { rates } = this
    if (!rates) return 'no requests yet'
    return rates.baseline === undefined
      ? this.#rate(rates.candidate)
      : `${this.#rate(rates.candidate)} against ${this.#rate(rates.baseline)}`
  }

  /** A rate in the words of the metric: a share of requests, or so many in a pod's hour. */
  #rate(rate: number): string {
    return this.#kind === 'errors' ? percent(rate) : `${Number((rate * 3600).toPrecision(3))} an hour`
  }

  state(): MetricState {
    const { candidate, baseline, evidence, interval } = this.#test
    const compared = baseline.total > 0
    const estimate = rateOf(candidate) / rateOf(baseline)
    return {
      name: this.name,
      kind: this.#kind,
      reportOnly: this.reportOnly,
      verdict: this.verdict ?? 'inconclusive',
      reason: this.#reason(),
      evidence,
      candidate: { ...candidate },
      baseline: this.#rules.baseline ? { ...baseline } : null,
      ratio: compared ? { estimate: finite(estimate), low: interval.low, high: finite(interval.high) } : null,
      needed: this.verdict ? null : this.#needed(),
    }
  }

  #needed(): number | null {
    const { candidate, baseline } = this.#test
    // Half a floor where nothing was counted.
    const rate = candidate.total > 0 ? rateOf(candidate) : this.#rules.floor / 2
    const share = baseline.total > 0 && candidate.total > 0 ? candidate.total / (candidate.total + baseline.total) : 0.5
    const whole = requestsToPass(this.#rules, rate, baseline.total > 0 ? rateOf(baseline) : rate, share)
    return whole === undefined ? null : Math.max(1, Math.ceil(whole - candidate.total))
  }

  outlook(requests: number): Outlook | undefined {
    return this.#kind === 'errors' ? outlookOf(this.#rules, this.#test.candidate, requests) : undefined
  }

  #reason(): string {
    const { candidate, baseline, evidence, interval } = this.#test
    const { floor, margin } = this.#rules
    if (candidate.total <= 0) return 'the candidate had no requests'
    const what = this.#rate(rateOf(candidate))
    const limit = this.#rate(floor)
    const against = baseline.total > 0 ? `${what} against ${this.#rate(rateOf(baseline))}` : what
    if (evidence.tests === 'floor') {
      const alone = `${this.#rules.baseline ? 'the baseline gets no requests' : 'there is no baseline'}, so the floor of ${limit} alone is tested`
      if (this.verdict === 'fail') return `${against} is proved to be above the floor; ${alone}`
      return this.verdict === 'pass'
        ? `${against} is proved to be below the floor; ${alone}`
        : `${against} is not told from the floor yet; ${alone}`
    }
    if (baseline.total <= 0) return 'the baseline had no requests; where it gets none, leave it empty, and the floor alone is tested'
    const range = `${times(interval.low)} to ${times(interval.high)} of the baseline`
    if (this.verdict === 'fail' && evidence.tests === 'outage')
      return `an outage: ${against}; at least half of the candidate's requests failed in three looks in a row`
    if (this.verdict === 'fail') return `${against} is proved to be more than the baseline has (${range}), and above the floor of ${limit}`
    if (this.verdict === 'pass') return `${against}: ${times(margin)} of the baseline above a floor of ${limit} is ruled out`
    return `${against}, ${range}: neither worse for sure nor harmless for sure`
  }
}
