// Simulated releases: what both sides count in each interval of ten seconds.

import { poisson } from '../../../actions/canary-analyze/statistics/random.ts'
import { normalCdf } from '../../../actions/canary-analyze/statistics/special.ts'

/** Seconds between two looks. */
export const STEP = 10

/** The edges of a usual latency histogram, in seconds. */
export const EDGES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

export interface Side {
  errors: number
  total: number
  /** Requests by bucket, with one more for those beyond the last edge; only where latency is simulated. */
  buckets: number[]
}

export interface Look {
  candidate: Side
  baseline: Side
}

export interface Scenario {
  name: string
  /** What is wrong with the candidate: nothing is an A/A test. */
  harm: 'none' | 'errors' | 'latency'
  metric: 'errors' | 'latency'
  /** The baseline's traffic in multiples of the candidate's, at a time in seconds. */
  balance?: (seconds: number) => { candidate: number; baseline: number }
  /** The share of errors that both sides have, at a time. */
  errorRate?: (seconds: number) => number
  /** Errors come in bursts of this many on average. */
  burst?: number
  /** Requests a second on each side that never fail, as probes are that the filter missed. */
  probes?: number
}

/** What the requests of a log-normal service take: median 100 ms, sigma 0.5: p95 is 228 ms. */
const MEDIAN = 0.1
const SIGMA = 0.5

const share = (edge: number, slowdown: number): number => normalCdf(Math.log(edge / (MEDIAN * slowdown)) / SIGMA)

function bucketShares(slowdown: number): number[] {
  const below = [...EDGES.map((edge) => share(edge, slowdown)), 1]
  return below.map((value, i) => value - (below[i - 1] ?? 0))
}
const shares = { usual: bucketShares(1), slow: bucketShares(1.2) }

/** The next look, `seconds` after the start. */
export function nextLook(scenario: Scenario, rps: number, seconds: number, random: () => number): Look {
  const { candidate, baseline } = scenario.balance?.(seconds) ?? { candidate: 1, baseline: 1 }
  const rate = scenario.errorRate?.(seconds) ?? 0.005
  const worse = scenario.harm === 'errors' ? rate + 0.01 : rate
  return {
    candidate: side(scenario, rps * candidate, worse, scenario.harm === 'latency' ? shares.slow : shares.usual, random),
    baseline: side(scenario, rps * baseline, rate, shares.usual, random),
  }
}

function side(scenario: Scenario, rps: number, errorRate: number, buckets: number[], random: () => number): Side {
  const expected = rps * STEP
  if (scenario.metric === 'latency') {
    const counts = buckets.map((share) => poisson(random, expected * share))
    return { errors: 0, total: counts.reduce((sum, count) => sum + count, 0), buckets: counts }
  }
  const errors = clustered(expected * errorRate, scenario.burst ?? 1, random)
  return { errors, total: errors + poisson(random, expected * (1 - errorRate) + (scenario.probes ?? 0) * STEP), buckets: [] }
}

/** Errors in bursts of 1 + Poisson(burst - 1). */
function clustered(expected: number, burst: number, random: () => number): number {
  const bursts = poisson(random, expected / burst)
  return burst === 1 ? bursts : bursts + poisson(random, bursts * (burst - 1))
}
