import type { Growth } from '../../shared/prometheus/counters.ts'
import type { LatencyConfig } from '../config.ts'
import { edgesOf, histogramOf } from '../sources/histogram.ts'
import { byPod, TwoSides } from '../sources/sides.ts'
import { podsOf, sideSelector } from '../sources/source.ts'
import { LatencyTest, type SideHistogram } from '../statistics/latency.ts'
import { type Rules, rateOf } from '../statistics/sequential.ts'
import type { Parts } from './errors.ts'
import { finite, heightOf, type MetricJudge, type MetricState, percent, times } from './judge.ts'

/** So many requests of each side have to be measured before latency has spoken. */
const SPOKEN = 100

/** Judges the buckets of a histogram at every edge that all series of both sides have. */
export class LatencyJudge implements MetricJudge {
  readonly name: string
  readonly reportOnly: boolean
  readonly required: boolean
  readonly #config: LatencyConfig
  readonly #rules: Rules
  readonly #podsWithin: number
  readonly #sides: TwoSides
  /** There is none before both sides have buckets: the edges are those of the first ones. */
  #test: LatencyTest | undefined
  #edges: number[] = []
  /** Requests and pod-seconds, for the load of a pod. */
  readonly #load = { candidate: { requests: 0, time: 0 }, baseline: { requests: 0, time: 0 } }

  constructor(config: LatencyConfig, podsWithin: number, { counters, sides, alpha, passAlpha }: Parts) {
    this.name = config.name
    this.reportOnly = config['report-only']
    this.required = config.required
    this.#config = config
    this.#podsWithin = podsWithin
    const { ratio, margin, floor, clusters } = config
    this.#rules = { alpha, passAlpha, ratio, margin, floor, robust: clusters === 'auto', baseline: sides.baseline !== undefined }
    const selector = (which: 'candidate' | 'baseline'): string[] | undefined => {
      const matchers = sides[which]
      return matchers && [sideSelector(config.histogram, which, matchers)]
    }
    this.#sides = new TwoSides(counters, config.origin, selector('candidate') ?? [], selector('baseline'))
  }

  begin(at: number): Promise<string[]> {
    return this.#sides.begin(at)
  }

  read(from: number, ends: readonly number[]): Promise<string[]> {
    return this.#sides.read(from, ends)
  }

  notes(): string[] {
    // That the baseline stands still is told by the metric of errors, or by the reason.
    this.#sides.notes()
    return []
  }

  outlook(): undefined {
    return undefined
  }

  take(from: number, to: number): number | undefined {
    const meeting = this.#sides.take(from, to)
    if (!meeting) return 0
    const [a] = meeting.candidate
    const [b] = meeting.baseline ?? []
    this.#edges = this.#test ? this.#edges : edgesOf([...(a ?? []), ...(b ?? [])])
    if (!this.#test && a?.length && b?.length) {
      if (this.#edges.length === 0)
        throw new Error(`${this.name}: the histograms of the two sides, or of pods of one, have no edge in common`)
      this.#test = new LatencyTest(this.#rules, this.#edges)
    }
    const candidate = this.#side('candidate', a ?? [], meeting.seconds)
    const baseline = b && this.#side('baseline', b, meeting.seconds)
    if (baseline) this.#test?.add(candidate, baseline)
    return candidate.total
  }

  #side(which: 'candidate' | 'baseline', grown: readonly Growth[], seconds: number): SideHistogram {
    const whole = histogramOf(grown, this.#edges, `${this.name}: the histogram of the ${which}`)
    const load = this.#load[which]
    load.requests += whole.total
    if (grown.length) load.time += seconds * podsOf(grown.map(({ labels }) => labels))
    const pods = new Map(
      [...byPod(grown)].map(([pod, own]) => [pod, histogramOf(own, this.#edges, `${this.name}: the histogram of ${pod}`)]),
    )
    return { ...whole, pods }
  }

  /** Why latencies cannot be compared; undefined when they can. */
  get #unfair(): string | undefined {
    const { candidate, baseline } = this.#load
    const [a, b] = [candidate.requests / candidate.time, baseline.requests / baseline.time]
    if (!(a > 0 && b > 0) || Math.max(a / b, b / a) <= this.#podsWithin) return undefined
    return `a pod of the candidate has ${times(a / b)} the load of one of the baseline: latencies under loads that differ by more than ${times(this.#podsWithin)} say nothing of the release`
  }

  get verdict(): 'pass' | 'fail' | undefined {
    return this.#unfair === undefined ? this.#test?.verdict : undefined
  }

  get spoken(): boolean {
    return Math.min(this.#load.candidate.requests, this.#load.baseline.requests) >= SPOKEN
  }

  get height(): number {
    return this.#test ? heightOf(this.#test.evidence) : 0
  }

  get rates() {
    const telling = this.#test?.telling
    return telling && { candidate: rateOf(telling.candidate), baseline: rateOf(telling.baseline) }
  }

  get shown(): string {
    const telling = this.#test?.telling
    if (!telling) return 'nothing to compare yet'
    return `${percent(rateOf(telling.candidate))} against ${percent(rateOf(telling.baseline))} above ${telling.edge} ${this.#config.unit}`
  }

  /** The slowdown that is ruled out by now, in words. */
  get ruledOut(): string {
    const most = this.#test?.ruledOut ?? Infinity
    if (most === 1) return `at no edge are more than ${percent(this.#config.floor)} of the requests slower`
    return Number.isFinite(most) ? `${times(most)} as many slow requests are ruled out` : 'no slowdown is ruled out'
  }

  state(): MetricState {
    const telling = this.#test?.telling
    const ratio = telling && rateOf(telling.candidate) / rateOf(telling.baseline)
    return {
      name: this.name,
      kind: 'latency',
      reportOnly: this.reportOnly,
      verdict: this.verdict ?? 'inconclusive',
      reason: this.#reason(),
      evidence: this.#test?.evidence ?? null,
      candidate: { ...(telling?.candidate ?? { events: 0, total: this.#load.candidate.requests }) },
      baseline: this.#rules.baseline ? { ...(telling?.baseline ?? { events: 0, total: this.#load.baseline.requests }) } : null,
      ratio: telling ? { estimate: finite(ratio ?? NaN), low: telling.low, high: finite(telling.high) } : null,
      needed: null,
    }
  }

  #reason(): string {
    if (!this.#rules.baseline) return 'there is no baseline: latency is compared, and has no floor of its own'
    const telling = this.#test?.telling
    if (!this.#test || !telling) return `${this.#load.candidate.requests > 0 ? 'the baseline' : 'the candidate'} had no requests`
    const edge = `${telling.edge} ${this.#config.unit}`
    const shares = `${percent(rateOf(telling.candidate))} took longer than ${edge}, of the baseline's ${percent(rateOf(telling.baseline))}`
    const unfair = this.#unfair
    if (unfair) return unfair
    if (this.verdict === 'fail') return `slower: ${shares}`
    if (this.verdict === 'pass') return `as fast: ${times(this.#config.margin)} as many slow requests are ruled out at every edge`
    if (this.#test.evidence.fail >= this.#test.evidence.failLimit)
      return `a little slower (${shares}), by less than the floor of ${percent(this.#config.floor)}`
    const few = this.#load.candidate.requests < SPOKEN || this.#load.baseline.requests < SPOKEN
    return `${shares}: neither slower for sure nor as fast for sure; ${few ? `${SPOKEN} requests a side are wanted at least` : this.ruledOut}`
  }
}
