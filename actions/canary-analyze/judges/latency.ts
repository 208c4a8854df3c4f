import type { Prometheus } from '../../shared/prometheus/client.ts'
import type { Growth } from '../../shared/prometheus/counters.ts'
import type { LatencyConfig } from '../config.ts'
import { beginAll, CounterSource, podsOf, readAll, sideSelector, sumOf } from '../source.ts'
import { type Histogram, LatencyTest } from '../statistics/latency.ts'
import { type Rules, rateOf } from '../statistics/sequential.ts'
import type { Parts } from './errors.ts'
import { finite, heightOf, type MetricJudge, type MetricState, percent, times } from './judge.ts'

/** Growth by edge: how many requests took at most so long; the last is +Inf. */
type Buckets = Map<number, number>

function bucketsOf(grown: readonly Growth[]): Buckets {
  const byEdge = Map.groupBy(grown, ({ labels }) => {
    const edge = labels.le === '+Inf' ? Infinity : Number(labels.le)
    if (labels.le === undefined || Number.isNaN(edge)) throw new Error(`a bucket of the histogram has le=${labels.le}: not a number`)
    return edge
  })
  return new Map([...byEdge].toSorted(([a], [b]) => a - b).map(([edge, found]) => [edge, sumOf(found)]))
}

/** Judges the buckets of a histogram at every edge that both sides have. */
export class LatencyJudge implements MetricJudge {
  readonly name: string
  readonly reportOnly: boolean
  readonly #config: LatencyConfig
  readonly #rules: Rules
  readonly #podsWithin: number
  readonly #candidate: CounterSource
  readonly #baseline: CounterSource | undefined
  /** There is none before both sides have buckets: the edges are those of the first ones. */
  #test: LatencyTest | undefined
  #edges: number[] = []
  /** Requests and pod-intervals, for the load of a pod. */
  readonly #load = { candidate: { requests: 0, pods: 0 }, baseline: { requests: 0, pods: 0 } }

  constructor(config: LatencyConfig, podsWithin: number, { prometheus, sides, alpha, passAlpha }: Parts) {
    this.name = config.name
    this.reportOnly = config['report-only']
    this.#config = config
    this.#podsWithin = podsWithin
    const { ratio, margin, floor } = config
    this.#rules = { alpha, passAlpha, ratio, margin, floor, robust: 'never' }
    const source = (which: 'candidate' | 'baseline', client: Prometheus, matchers: Parts['sides']['candidate']): CounterSource =>
      new CounterSource(client, sideSelector(config.histogram, which, matchers))
    this.#candidate = source('candidate', prometheus, sides.candidate)
    this.#baseline = sides.baseline && source('baseline', prometheus, sides.baseline)
  }

  get #sources(): CounterSource[] {
    return [this.#candidate, ...(this.#baseline ? [this.#baseline] : [])]
  }

  begin(at: number): Promise<string[]> {
    return beginAll(this.#sources, at)
  }

  read(from: number, ends: readonly number[]): Promise<string[]> {
    return readAll(this.#sources, from, ends.at(-1) ?? from)
  }

  take(from: number, to: number): number | undefined {
    const [candidate, baseline] = [this.#side('candidate', this.#candidate, from, to), this.#side('baseline', this.#baseline, from, to)]
    if (!this.#test && candidate.size && baseline.size) {
      this.#edges = [...candidate.keys()].filter((edge) => edge !== Infinity && baseline.has(edge))
      if (this.#edges.length === 0) throw new Error(`${this.name}: the histograms of the two sides have no edge in common`)
      this.#test = new LatencyTest(this.#rules, this.#edges)
    }
    const counted = this.#histogram(candidate)
    this.#test?.add(counted, this.#histogram(baseline))
    return counted.total
  }

  #side(which: 'candidate' | 'baseline', source: CounterSource | undefined, from: number, to: number): Buckets {
    const grown = source?.take(from, to) ?? []
    const buckets = bucketsOf(grown)
    if (buckets.size && !buckets.has(Infinity)) throw new Error(`${this.name}: the histogram of the ${which} has no bucket +Inf`)
    const load = this.#load[which]
    load.requests += buckets.get(Infinity) ?? 0
    if (grown.length) load.pods += podsOf(grown.map(({ labels }) => labels))
    return buckets
  }

  #histogram(buckets: Buckets): Histogram {
    const total = buckets.get(Infinity) ?? 0
    // A bucket that is read a moment later than +Inf may have more in it.
    return { total, slower: this.#edges.map((edge) => Math.max(0, total - (buckets.get(edge) ?? 0))) }
  }

  /** Why latencies cannot be compared; undefined when they can. */
  get #unfair(): string | undefined {
    const { candidate, baseline } = this.#load
    const [a, b] = [candidate.requests / candidate.pods, baseline.requests / baseline.pods]
    if (!(a > 0 && b > 0) || Math.max(a / b, b / a) <= this.#podsWithin) return undefined
    return `a pod of the candidate has ${times(a / b)} the load of one of the baseline: latencies under loads that differ by more than ${times(this.#podsWithin)} say nothing of the release`
  }

  get verdict(): 'pass' | 'fail' | undefined {
    return this.#unfair === undefined ? this.#test?.verdict : undefined
  }

  get height(): number {
    return this.#test ? heightOf(this.#test.evidence) : 0
  }

  get rates() {
    const telling = this.#test?.telling
    return telling && { candidate: rateOf(telling.candidate), baseline: rateOf(telling.baseline) }
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
      baseline: this.#baseline ? { ...(telling?.baseline ?? { events: 0, total: this.#load.baseline.requests }) } : null,
      ratio: telling ? { estimate: finite(ratio ?? NaN), low: telling.low, high: finite(telling.high) } : null,
      needed: null,
    }
  }

  #reason(): string {
    if (!this.#baseline) return 'there is no baseline: latency is compared, and has no floor of its own'
    const telling = this.#test?.telling
    if (!this.#test || !telling) {
      const missing = this.#load.candidate.requests > 0 ? 'the baseline' : 'the candidate'
      return `${missing} had no requests`
    }
    const edge = `${telling.edge} ${this.#config.unit}`
    const shares = `${percent(rateOf(telling.candidate))} took longer than ${edge}, of the baseline's ${percent(rateOf(telling.baseline))}`
    const unfair = this.#unfair
    if (unfair) return unfair
    if (this.verdict === 'fail') return `slower: ${shares}`
    if (this.verdict === 'pass') return `as fast: ${times(this.#config.margin)} as many slow requests are ruled out at every edge`
    if (this.#test.evidence.fail >= this.#test.evidence.failLimit)
      return `a little slower (${shares}), by less than the floor of ${percent(this.#config.floor)}`
    return `${shares}: neither slower for sure nor as fast for sure`
  }
}
