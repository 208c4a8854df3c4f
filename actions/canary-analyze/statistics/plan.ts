// How long until a verdict: by going on at the expected rates, and by simulated releases.
import { poisson, uniform } from './random.ts'
import { type Count, type Rules, SequentialTest } from './sequential.ts'

/**
 * About how many requests of the candidate, from none, a pass takes when errors come at these rates. `share` is the candidate's of the traffic.
 * Undefined when no number of them (up to ten million) would do.
 */
export function requestsToPass(rules: Rules, candidate: number, baseline: number, share: number): number | undefined {
  const enough = (total: number): boolean => {
    const test = new SequentialTest(rules)
    const other = (total * (1 - share)) / share
    test.add({
      candidate: { events: total * candidate, total },
      baseline: rules.baseline === false ? undefined : { events: other * baseline, total: other },
    })
    const { pass, passLimit } = test.evidence
    return pass >= passLimit
  }
  const MOST = 1e7
  if (!enough(MOST)) return undefined
  let [low, high] = [0, MOST]
  while (high - low > 1 && high / Math.max(low, 1) > 1.01) {
    const middle = low < 1 ? high / 2 : Math.sqrt(low * high)
    if (enough(middle)) high = middle
    else low = middle
  }
  return Math.ceil(high)
}

/** What the traffic can still decide. */
export interface Outlook {
  /** How many more requests of the candidate a pass takes when none of them fails; infinite when no number of them would do. */
  needed: number
  /** The share of errors that can be ruled out with those that are expected. */
  ruledOut: number
}

/** Undefined when the requests that are `expected` yet, with those that were counted, suffice for a pass when none of them fails. */
export function outlookOf(rules: Rules, { events, total }: Count, expected: number): Outlook | undefined {
  const all = total + expected
  if (all <= 0) return undefined
  const rate = events / all
  const enough = (floor: number): number => requestsToPass({ ...rules, floor, baseline: false }, rate, 0, 1) ?? Infinity
  const needed = enough(rules.floor)
  if (needed <= all) return undefined
  let [low, high] = [rules.floor, 1]
  for (let i = 0; i < 20; i++) {
    const middle = Math.sqrt(low * high)
    if (enough(middle) <= all) high = middle
    else low = middle
  }
  return { needed: Math.ceil(needed - total), ruledOut: high }
}

/** An outlook in words, of the requests of the candidate that are expected. */
export function outlookText({ needed, ruledOut }: Outlook, expected: number): string {
  const takes = Number.isFinite(needed) ? `takes ${needed} more requests without an error` : 'is out of reach at this rate of errors'
  return `at this traffic the candidate gets about ${Math.round(expected)} more requests in time, and a pass ${takes}; an error rate of ${Number((100 * ruledOut).toPrecision(2))}% can be ruled out by then`
}

export interface Traffic {
  /** Requests a second of the candidate. */
  rps: number
  /** The candidate's share of the traffic; 1 without a baseline. */
  share: number
  /** The baseline's share of errors. */
  rate: number
  /** Seconds between two looks, and the longest watch. */
  interval: number
  longest: number
}

export interface Forecast {
  /** Of a candidate with this share of errors. */
  rate: number
  failed: number
  passed: number
  /** Seconds to the verdict, in the middle and for nine of ten; null when it does not come in time. */
  median: number | null
  p90: number | null
}

/** Simulates `runs` releases whose candidate has the share `rate` of errors; always the same ones. */
export function forecast(rules: Rules, traffic: Traffic, rate: number, runs: number): Forecast {
  const random = uniform(1)
  const ends: { verdict: 'pass' | 'fail'; seconds: number }[] = []
  for (let run = 0; run < runs; run++) {
    const end = simulate(rules, traffic, rate, random)
    if (end) ends.push(end)
  }
  const sorted = ends.map(({ seconds }) => seconds).toSorted((a, b) => a - b)
  const at = (p: number): number | null => sorted[Math.ceil(p * runs) - 1] ?? null
  const share = (verdict: string): number => ends.filter((end) => end.verdict === verdict).length / runs
  return { rate, failed: share('fail'), passed: share('pass'), median: at(0.5), p90: at(0.9) }
}

function simulate(rules: Rules, { rps, share, rate: usual, interval, longest }: Traffic, rate: number, random: () => number) {
  const test = new SequentialTest({ ...rules, baseline: share < 1 })
  const side = (perSecond: number, errors: number) => {
    const events = poisson(random, perSecond * interval * errors)
    return { events, total: events + poisson(random, perSecond * interval * (1 - errors)) }
  }
  for (let seconds = interval; seconds <= longest; seconds += interval) {
    test.add({ candidate: side(rps, rate), baseline: share < 1 ? side((rps * (1 - share)) / share, usual) : undefined })
    if (test.verdict) return { verdict: test.verdict, seconds }
  }
  return undefined
}
