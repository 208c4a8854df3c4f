// Latency from histogram buckets, without quantiles: at every edge, how many requests took longer? Each edge is a count test; the average of
// their e-values is one e-process again.
import { logMean } from './mixture.ts'
import { type Count, type Evidence, type Rules, rateOf, SequentialTest } from './sequential.ts'

/** Requests of one side in one interval, by what they took. */
export interface Histogram {
  total: number
  /** For each edge in ascending order, in seconds: how many took longer. */
  slower: readonly number[]
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
  readonly candidate = { total: 0 }
  readonly baseline = { total: 0 }

  /** `edges` in seconds, finite. `rules.floor` is the share of requests by which more have to be slower. */
  constructor(rules: Rules, edges: readonly number[]) {
    this.#rules = rules
    this.#edges = edges.map((edge) => ({ edge, test: new SequentialTest({ ...rules, robust: 'never' }) }))
  }

  add(candidate: Histogram, baseline: Histogram): void {
    this.candidate.total += candidate.total
    this.baseline.total += baseline.total
    for (const [i, { test }] of this.#edges.entries()) {
      const side = ({ total, slower }: Histogram): Count => ({ events: slower[i] ?? 0, total })
      test.add({ candidate: side(candidate), baseline: side(baseline) })
    }
  }

  /** For a pass harm has to be ruled out at every edge. */
  get evidence(): Evidence {
    const found = this.#edges.map(({ test }) => test.evidence)
    return {
      fail: logMean(found.map(({ fail }) => fail)),
      pass: found.reduce((least, { pass }) => Math.min(least, pass), Infinity),
      failLimit: -Math.log(this.#rules.alpha),
      passLimit: -Math.log(this.#rules.passAlpha),
      tests: found.length ? 'count' : 'none',
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

  /** The edge with the most evidence, to show. */
  get telling(): (EdgeState & { low: number; high: number }) | undefined {
    const states = this.#edges.map(({ edge, test }) => ({ edge, test, log: test.evidence.fail }))
    const most = states.reduce<(typeof states)[number] | undefined>((best, one) => (best && best.log >= one.log ? best : one), undefined)
    return most && { edge: most.edge, candidate: most.test.candidate, baseline: most.test.baseline, log: most.log, ...most.test.interval }
  }
}
