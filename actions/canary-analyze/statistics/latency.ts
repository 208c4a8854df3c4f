// Latency from histogram buckets, without quantiles: at every edge, how many requests took longer? Each edge is a count test, and the mean of
// their e-values is one e-process again. Slow requests come in clusters (a stall, a collection of garbage), so that a symmetric test over the
// whole histogram has to agree.
import { logMean } from './mixture.ts'
import { Rivals, type Sample, type SideSample, totalOf } from './rivals.ts'
import { type Count, type Evidence, type Rules, rateOf, SequentialTest } from './sequential.ts'

/** Requests of one side in one interval, by what they took. */
export interface Histogram {
  total: number
  /** For each edge in ascending order, in seconds: how many took longer. */
  slower: readonly number[]
}

export interface SideHistogram extends Histogram {
  /** The same by pod, where pods can be told apart. */
  pods?: ReadonlyMap<string, Histogram>
}

export interface EdgeState {
  edge: number
  candidate: Count
  baseline: Count
  log: number
}

export class LatencyTest {
  readonly #rules: Rules
  readonly #edges: readonly { edge: number; test: SequentialTest }[]
  readonly #rivals: Rivals
  readonly candidate = { total: 0 }
  readonly baseline = { total: 0 }

  /** `edges` in seconds, finite. `rules.floor` is the share of requests by which more have to be slower. */
  constructor(rules: Rules, edges: readonly number[]) {
    this.#rules = rules
    this.#edges = edges.map((edge) => ({ edge, test: new SequentialTest({ ...rules, robust: false }) }))
    this.#rivals = new Rivals((candidate, baseline) => differenceOf(candidate, baseline, rules.ratio))
  }

  /** One interval. Without requests on both sides it compares nothing. */
  add(candidate: SideHistogram, baseline: SideHistogram): void {
    this.candidate.total += candidate.total
    this.baseline.total += baseline.total
    for (const [i, { test }] of this.#edges.entries()) {
      const side = ({ total, slower }: Histogram): Count => ({ events: slower[i] ?? 0, total })
      test.add({ candidate: side(candidate), baseline: side(baseline) })
    }
    if (this.#rules.robust && candidate.total > 0 && baseline.total > 0) this.#rivals.add(sampleOf(candidate), sampleOf(baseline))
  }

  /** For a pass harm has to be ruled out at every edge. */
  get evidence(): Evidence {
    const { alpha, passAlpha, robust } = this.#rules
    const found = this.#edges.map(({ test }) => test.evidence)
    const counted = logMean(found.map(({ fail }) => fail))
    const proof = found.reduce((least, { pass }) => Math.min(least, pass), Infinity)
    return {
      fail: robust ? Math.min(counted, this.#rivals.log) : counted,
      pass: robust ? proof / this.#rivals.dispersion : proof,
      failLimit: -Math.log(alpha),
      passLimit: -Math.log(passAlpha),
      tests: found.length === 0 ? 'none' : robust ? 'count and symmetric' : 'count',
    }
  }

  get verdict(): 'pass' | 'fail' | undefined {
    const { fail, pass, failLimit, passLimit } = this.evidence
    if (fail >= failLimit && this.slowed >= this.#rules.floor) return 'fail'
    return pass >= passLimit && this.#edges.length > 0 ? 'pass' : undefined
  }

  /** By how much more of the candidate's requests were slow, at the edge where that is most. */
  get slowed(): number {
    return this.#edges.reduce((most, { test }) => Math.max(most, rateOf(test.candidate) - rateOf(test.baseline)), 0)
  }

  /** At every edge at least, this multiple of the baseline's slow requests is ruled out; infinite where nothing is. */
  get ruledOut(): number {
    return this.#edges.reduce((most, { test }) => Math.max(most, test.ruledOut), 1)
  }

  /** The edge with the most evidence, to show. */
  get telling(): (EdgeState & { low: number; high: number }) | undefined {
    const states = this.#edges.map(({ edge, test }) => ({ edge, test, log: test.evidence.fail }))
    const most = states.reduce<(typeof states)[number] | undefined>((best, one) => (best && best.log >= one.log ? best : one), undefined)
    return most && { edge: most.edge, candidate: most.test.candidate, baseline: most.test.baseline, log: most.log, ...most.test.interval }
  }
}

/** Requests by bucket, the slowest first: how many took longer than an edge is then the sum up to it. */
const kindsOf = ({ total, slower }: Histogram): Sample => {
  const rising = [...slower.toReversed(), total]
  // A bucket that is read a moment later than its neighbour may have more in it.
  return { kinds: rising.map((count, i) => Math.max(0, count - (rising[i - 1] ?? 0))) }
}

const sampleOf = ({ pods, ...histogram }: SideHistogram): SideSample => ({
  ...kindsOf(histogram),
  pods: new Map([...(pods ?? [])].map(([pod, one]) => [pod, kindsOf(one)])),
})

/**
 * The mean over edges of the difference of the shares that took longer, by its deviation if both sides were one, times the root of the
 * effective number of requests. It changes its sign when the sides are swapped, which is all that the symmetric test needs.
 */
function differenceOf(candidate: Sample, baseline: Sample, ratio: number): number {
  const [n, m] = [totalOf(candidate), totalOf(baseline)]
  if (n <= 0 || m <= 0) return 0
  let [a, b, sum, edges] = [0, 0, 0, 0]
  for (let i = 0; i < candidate.kinds.length - 1; i++) {
    a += candidate.kinds[i] ?? 0
    b += baseline.kinds[i] ?? 0
    const pooled = (a + b) / (n + m)
    if (pooled <= 0 || pooled >= 1) continue
    sum += (a / n - (ratio * b) / m) / Math.sqrt(pooled * (1 - pooled))
    edges++
  }
  return edges ? (sum / edges) * Math.sqrt((n * m) / (n + m)) : 0
}
