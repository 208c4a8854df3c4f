import type { Prometheus } from '../../shared/prometheus/client.ts'
import type { ErrorsConfig, RestartsConfig } from '../config.ts'
import { beginAll, CounterSource, podsOf, readAll, type Sides, sideSelector, sumOf } from '../source.ts'
import { requestsToPass } from '../statistics/plan.ts'
import { type Count, type Rules, rateOf, SequentialTest } from '../statistics/sequential.ts'
import { finite, heightOf, type MetricJudge, type MetricState, percent, times } from './judge.ts'

interface SideSource {
  sources: readonly CounterSource[]
  /** Events and requests in an interval. */
  take(from: number, to: number): Count
}

export interface Parts {
  prometheus: Prometheus
  sides: Sides
  /** Of false alarms, of this metric. */
  alpha: number
  passAlpha: number
}

/** Judges failed requests among all of them. */
export function errorsJudge(config: ErrorsConfig, { prometheus, sides, alpha, passAlpha }: Parts): MetricJudge {
  const side = (which: 'candidate' | 'baseline', matchers: Sides['candidate']): SideSource => {
    const total = new CounterSource(prometheus, sideSelector(config.total, which, matchers))
    const events = new CounterSource(prometheus, sideSelector(config.events, which, matchers))
    return { sources: [total, events], take: (from, to) => ({ events: sumOf(events.take(from, to)), total: sumOf(total.take(from, to)) }) }
  }
  const { ratio, margin, floor, clusters } = config
  const rules: Rules = { alpha, passAlpha, ratio, margin, floor, robust: clusters, baseline: sides.baseline !== undefined }
  return new CountJudge(config, rules, side('candidate', sides.candidate), sides.baseline && side('baseline', sides.baseline))
}

/** Judges restarts by the time that pods were there. */
export function restartsJudge(config: RestartsConfig, { prometheus, sides, alpha, passAlpha }: Parts): MetricJudge {
  const side = (which: 'candidate' | 'baseline', matchers: Sides['candidate']): SideSource => {
    const counter = new CounterSource(prometheus, sideSelector(config.counter, which, matchers))
    const take = (from: number, to: number): Count => {
      const grown = counter.take(from, to)
      return { events: sumOf(grown), total: grown.length ? (podsOf(grown.map(({ labels }) => labels)) * (to - from)) / 1000 : 0 }
    }
    return { sources: [counter], take }
  }
  const floor = config.floor / 3600
  const rules: Rules = { alpha, passAlpha, ratio: 1, margin: config.margin, floor, robust: 'never', baseline: sides.baseline !== undefined }
  return new CountJudge(config, rules, side('candidate', sides.candidate), sides.baseline && side('baseline', sides.baseline))
}

class CountJudge implements MetricJudge {
  readonly name: string
  readonly reportOnly: boolean
  readonly #kind: 'errors' | 'restarts'
  readonly #rules: Rules
  readonly #candidate: SideSource
  readonly #baseline: SideSource | undefined
  readonly #test: SequentialTest

  constructor(config: ErrorsConfig | RestartsConfig, rules: Rules, candidate: SideSource, baseline: SideSource | undefined) {
    this.name = config.name
    this.reportOnly = config['report-only']
    this.#kind = config.kind
    this.#rules = rules
    this.#candidate = candidate
    this.#baseline = baseline
    this.#test = new SequentialTest(rules)
  }

  get #sources(): CounterSource[] {
    return [...this.#candidate.sources, ...(this.#baseline?.sources ?? [])]
  }

  begin(at: number): Promise<string[]> {
    return beginAll(this.#sources, at)
  }

  read(from: number, ends: readonly number[]): Promise<string[]> {
    return readAll(this.#sources, from, ends.at(-1) ?? from)
  }

  take(from: number, to: number): number | undefined {
    const candidate = this.#candidate.take(from, to)
    const baseline = this.#baseline?.take(from, to)
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

  get height(): number {
    return heightOf(this.#test.evidence)
  }

  get rates() {
    const { candidate, baseline } = this.#test
    if (candidate.total <= 0) return undefined
    return { candidate: rateOf(candidate), baseline: baseline.total > 0 ? rateOf(baseline) : undefined }
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
      baseline: this.#baseline ? { ...baseline } : null,
      ratio: compared ? { estimate: finite(estimate), low: interval.low, high: finite(interval.high) } : null,
      needed: this.verdict ? null : this.#needed(),
    }
  }

  #needed(): number | null {
    const { candidate, baseline } = this.#test
    const share = baseline.total > 0 && candidate.total > 0 ? candidate.total / (candidate.total + baseline.total) : 0.5
    // Half a floor on both sides where nothing was counted.
    const known = candidate.total > 0 ? rateOf(candidate) : this.#rules.floor / 2
    const whole = requestsToPass(this.#rules, known, baseline.total > 0 ? rateOf(baseline) : known, share)
    return whole === undefined ? null : Math.max(1, Math.ceil(whole - candidate.total))
  }

  #reason(): string {
    const { candidate, baseline, evidence, interval } = this.#test
    const { floor, margin } = this.#rules
    if (candidate.total <= 0) return 'the candidate had no requests'
    const what = this.#kind === 'errors' ? percent(rateOf(candidate)) : `${Number((rateOf(candidate) * 3600).toPrecision(3))} an hour`
    const limit = this.#kind === 'errors' ? percent(floor) : `${floor * 3600} an hour`
    if (evidence.tests === 'floor') {
      const alone = `there is no baseline, so the floor of ${limit} alone is tested`
      if (this.verdict === 'fail') return `${what} is proved to be above the floor; ${alone}`
      return this.verdict === 'pass'
        ? `${what} is proved to be below the floor; ${alone}`
        : `${what} is not told from the floor yet; ${alone}`
    }
    if (baseline.total <= 0) return 'the baseline had no requests; where it gets none, leave it empty, and the floor alone is tested'
    const range = `${times(interval.low)} to ${times(interval.high)} of the baseline`
    if (this.verdict === 'fail') return `${what} is proved to be more than the baseline has (${range}), and above the floor of ${limit}`
    if (this.verdict === 'pass') return `${what}: ${times(margin)} of the baseline above a floor of ${limit} is ruled out`
    if (evidence.tests === 'none') return 'traffic is not equal, which the test against clustered errors needs'
    return `${what} is ${range}: neither worse for sure nor harmless for sure`
  }
}
