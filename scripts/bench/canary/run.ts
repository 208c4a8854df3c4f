// Runs one cell: the same simulated releases before every judge that is wanted.
import { betaCdf } from '../../../actions/canary-analyze/statistics/special.ts'
import { CELLS, type Cell, type Goal } from './cells.ts'
import { type Method, OTHERS, OURS } from './methods.ts'
import { type Look, simulate } from './traffic.ts'

export interface Row {
  scenario: string
  method: string
  /** The share of good releases that failed; null where the candidate is bad. */
  false_alarms: number | null
  /** The upper 95% confidence bound of that share. */
  upper95: number | null
  /** The share of all releases that failed, and that passed (a pass does not end a good one). */
  failed: number
  passed: number
  /** Seconds until half of the bad releases failed, or of the good ones passed, and until nine of ten did; null where fewer do. */
  median_s: number | null
  p90_s: number | null
  /** The share, or the seconds, that the cell may reach; null for the judges of others. */
  limit: number | null
  /** Whether it does. */
  met: boolean
}

/** Gives the rows of a cell, by its number. */
export function runCell(number: number, runs: number): Row[] {
  const cell = CELLS[number]
  if (!cell) throw new Error(`there is no cell ${number}`)
  const methods = [OURS, ...(cell.compared ? OTHERS : [])]
  const ends = methods.map(() => ({ failed: [] as number[], passed: [] as number[] }))
  for (let run = 0; run < runs; run++) {
    const looks = simulate(cell.scenario, 1 + number * 1_000_003 + run)
    for (const [i, method] of methods.entries()) {
      const end = endOf(method, cell, looks)
      if (end.failed !== undefined) ends[i]?.failed.push(end.failed)
      if (end.passed !== undefined) ends[i]?.passed.push(end.passed)
    }
  }
  return methods.map((method, i) => rowOf(cell, method, ends[i] ?? { failed: [], passed: [] }, runs))
}

/** When a judge first failed a release, and when it first passed it, in seconds. A pass does not end a good release, nor a failure a bad one's rival. */
function endOf(method: Method, { scenario }: Cell, looks: readonly Look[]): { failed?: number; passed?: number } {
  const judge = method.start(scenario.judged)
  const end: { failed?: number; passed?: number } = {}
  const isGood = scenario.errors === undefined && scenario.slowdown === undefined
  for (const look of looks) {
    const verdict = judge.look(look)
    if (verdict === 'pass') end.passed ??= look.at
    if (verdict === 'fail') return { ...end, failed: look.at }
    if (verdict === 'pass' && !isGood) return end
  }
  return judge.end?.() === 'fail' ? { ...end, failed: looks.at(-1)?.at ?? 0 } : end
}

function rowOf({ scenario, goal }: Cell, method: Method, ends: { failed: number[]; passed: number[] }, runs: number): Row {
  const isGood = 'alarms' in goal
  const waited = ('passed' in goal ? ends.passed : isGood ? ends.passed : ends.failed).toSorted((a, b) => a - b)
  const at = (share: number): number | null => waited[Math.ceil(share * runs) - 1] ?? null
  return {
    scenario: scenario.name,
    method: method.name,
    false_alarms: isGood ? ends.failed.length / runs : null,
    upper95: isGood ? bound(ends.failed.length, runs, 0.05) : null,
    failed: ends.failed.length / runs,
    passed: ends.passed.length / runs,
    median_s: at(0.5),
    p90_s: at(0.9),
    limit: method === OURS ? limitOf(goal) : null,
    met: method !== OURS || meets(goal, ends.failed.length, at, runs),
  }
}

const limitOf = (goal: Goal): number => ('alarms' in goal ? goal.alarms : 'failed' in goal ? goal.failed : goal.passed)

function meets(goal: Goal, failed: number, at: (share: number) => number | null, runs: number): boolean {
  if ('alarms' in goal) return goal.hard ? failed / runs <= goal.alarms : !significantlyAbove(failed, runs, goal.alarms)
  return (at(goal.share ?? 0.5) ?? Infinity) <= limitOf(goal)
}

/** Whether k of n are more than the share allows, one-sided at 99%: so many or more would come of it in less than 1%. */
const significantlyAbove = (k: number, n: number, share: number): boolean => k > 0 && betaCdf(share, k, n - k + 1) < 0.01

/** Clopper and Pearson's one-sided upper bound of a share, of k among n. */
function bound(k: number, n: number, level: number): number {
  if (k >= n) return 1
  let [low, high] = [k / n, 1]
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2
    if (1 - betaCdf(middle, k + 1, n - k) > level) low = middle
    else high = middle
  }
  return Math.round(high * 1e5) / 1e5
}
