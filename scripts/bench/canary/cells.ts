// Runs scenarios by the thousand and adds up what the judges did.

import { uniform } from '../../../actions/canary-analyze/statistics/random.ts'
import { betaCdf } from '../../../actions/canary-analyze/statistics/special.ts'
import { type Method, methods } from './methods.ts'
import { type Look, nextLook, type Scenario, STEP } from './traffic.ts'

/** Lengths of a release, in looks. */
export const LENGTHS: readonly number[] = [60, 144]
const LONGEST = Math.max(...LENGTHS)

export interface Row {
  scenario: string
  rps: number
  looks: number
  method: string
  /** The share of good releases that failed; null where the candidate is bad. */
  false_alarms: number | null
  /** The upper 95% confidence bound of that share. */
  upper95: number | null
  /** The share of bad candidates that failed; null where it is good. */
  detected: number | null
  /** The share of bad candidates that passed; null where it is good. */
  missed: number | null
  median_s: number | null
  p90_s: number | null
}

/** All methods on the same `runs` releases. */
export function runCell(scenario: Scenario, rps: number, runs: number, seed: number): Row[] {
  const random = uniform(seed)
  const ends = methods.map((): number[][] => LENGTHS.map(() => []))
  const passed = methods.map(() => LENGTHS.map(() => 0))
  for (let run = 0; run < runs; run++) {
    const looks = Array.from({ length: LONGEST }, (_, i) => nextLook(scenario, rps, i * STEP, random))
    for (const [i, method] of methods.entries()) {
      for (const [n, end] of endsOf(method, scenario, looks).entries()) {
        if (end?.verdict === 'fail') ends[i]?.[n]?.push(end.look * STEP)
        const counts = passed[i]
        if (end?.verdict === 'pass' && counts) counts[n] = (counts[n] ?? 0) + 1
      }
    }
  }
  return methods.flatMap(({ name }, i) =>
    LENGTHS.map((looks, n) => row({ scenario, rps, looks, method: name, ends: ends[i]?.[n] ?? [], passed: passed[i]?.[n] ?? 0, runs })),
  )
}

interface End {
  verdict: 'fail' | 'pass'
  /** From 1 on. */
  look: number
}

/** For each length, how a release of it ended before its time was over. */
function endsOf(method: Method, scenario: Scenario, looks: readonly Look[]): (End | undefined)[] {
  const judge = method.start(scenario.metric)
  const found: (End | undefined)[] = LENGTHS.map(() => undefined)
  for (const [i, one] of looks.entries()) {
    const verdict = judge.look(one)
    const look = i + 1
    // A good release is watched on, so that what is counted are the alarms of whoever never stops looking.
    if (verdict === 'fail' || (verdict === 'pass' && scenario.harm !== 'none'))
      return LENGTHS.map((length, n) => found[n] ?? (i < length ? { verdict, look } : undefined))
    const n = LENGTHS.indexOf(look)
    if (n >= 0 && judge.end?.() === 'fail') found[n] = { verdict: 'fail', look }
  }
  return found
}

interface Cell {
  scenario: Scenario
  rps: number
  looks: number
  method: string
  /** When those that failed did, in seconds. */
  ends: number[]
  passed: number
  runs: number
}

function row({ scenario, rps, looks, method, ends, passed, runs }: Cell): Row {
  const good = scenario.harm === 'none'
  const share = ends.length / runs
  const sorted = ends.toSorted((a, b) => a - b)
  // Of all releases: where fewer than half are found, there is no median.
  const at = (p: number): number | null => (good ? null : (sorted[Math.ceil(p * runs) - 1] ?? null))
  return {
    scenario: scenario.name,
    rps,
    looks,
    method,
    false_alarms: good ? share : null,
    upper95: good ? upperBound(ends.length, runs) : null,
    detected: good ? null : share,
    missed: good ? null : passed / runs,
    median_s: at(0.5),
    p90_s: at(0.9),
  }
}

/** Clopper and Pearson's one-sided 95% upper bound of a share, of k among n. */
export function upperBound(k: number, n: number): number {
  if (k >= n) return 1
  let [low, high] = [k / n, 1]
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2
    if (1 - betaCdf(middle, k + 1, n - k) > 0.05) low = middle
    else high = middle
  }
  return Math.round(high * 1e5) / 1e5
}
