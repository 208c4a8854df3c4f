// False alarms and detection times of canary-analyze beside the judges in use, on simulated releases: npm run bench -- canary [--runs 2000]
import { parseArgs } from 'node:util'
import type { Bench } from './bench.ts'
import { type Row, runCell } from './canary/cells.ts'
import type { Scenario } from './canary/traffic.ts'

const RATES = [1, 5, 20, 100]

/** 5, 25, then 50% of all traffic, which is twice the rate. */
const steps = (seconds: number): { candidate: number; baseline: number } => {
  const share = seconds < 200 ? 0.05 : seconds < 400 ? 0.25 : 0.5
  return { candidate: 2 * share, baseline: 2 * (1 - share) }
}
const tenth = () => ({ candidate: 1, baseline: 9 })
/** Errors that come and go on both sides while weights change: who adds everything up compares morning with noon. */
const rising = (seconds: number): number => (seconds < 200 ? 0.002 : seconds < 400 ? 0.005 : 0.01)

const scenarios: Scenario[] = [
  { name: 'A/A', metric: 'errors', harm: 'none' },
  { name: 'errors 0.5% -> 1.5%', metric: 'errors', harm: 'errors' },
  { name: 'A/A, clustered errors', metric: 'errors', harm: 'none', burst: 5 },
  { name: 'errors 0.5% -> 1.5%, clustered', metric: 'errors', harm: 'errors', burst: 5 },
  { name: 'A/A, unequal traffic 10:90', metric: 'errors', harm: 'none', balance: tenth },
  { name: 'errors 0.5% -> 1.5%, unequal traffic 10:90', metric: 'errors', harm: 'errors', balance: tenth },
  { name: 'A/A, weights 5, 25, 50%', metric: 'errors', harm: 'none', balance: steps, errorRate: rising },
  { name: 'errors +1 point, weights 5, 25, 50%', metric: 'errors', harm: 'errors', balance: steps, errorRate: rising },
  { name: 'A/A, probes counted', metric: 'errors', harm: 'none', probes: 1 },
  { name: 'errors 0.5% -> 1.5%, probes counted', metric: 'errors', harm: 'errors', probes: 1 },
  { name: 'A/A, latency', metric: 'latency', harm: 'none' },
  { name: 'latency +20%', metric: 'latency', harm: 'latency' },
  // Above the floor, which elsewhere keeps good releases quiet by itself.
  { name: 'A/A, 3% errors', metric: 'errors', harm: 'none', errorRate: () => 0.03 },
  { name: 'A/A, 3% errors, clustered', metric: 'errors', harm: 'none', errorRate: () => 0.03, burst: 5 },
]

/** What the default method has to reach. */
function unmet(rows: Row[]): string[] {
  const ours = rows.filter(({ method }) => method === 'sequential')
  const alarms = ours.filter(({ upper95 }) => upper95 !== null && upper95 > 0.05)
  const slower = (scenario: string, method: string, limit: number): string[] =>
    rows
      .filter((row) => row.scenario === scenario && row.rps === 20 && row.method === method && row.looks === 60)
      .flatMap(({ median_s: median }) =>
        median !== null && median <= limit ? [] : [`${scenario} by ${method}: median ${median} s, wanted ${limit} s`],
      )
  return [
    ...alarms.map(({ scenario, rps, looks, upper95 }) => `${scenario} at ${rps}/s, ${looks} looks: false alarms up to ${upper95}`),
    ...slower('errors 0.5% -> 1.5%', 'sequential, count test alone', 90),
    ...slower('errors 0.5% -> 1.5%', 'sequential', 270),
    ...slower('latency +20%', 'sequential', 40),
  ]
}

function measure(args: string[]): { runs: number; unmet: string[]; rows: Row[] } {
  const { values } = parseArgs({ args, options: { runs: { type: 'string', default: '2000' }, only: { type: 'string', default: '' } } })
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: a whole number is wanted`)
  const rows: Row[] = []
  for (const [s, scenario] of scenarios.entries()) {
    if (!scenario.name.includes(values.only)) continue
    for (const [r, rps] of RATES.entries()) {
      const found = runCell(scenario, rps, runs, 1000 * s + r + 1)
      rows.push(...found)
      for (const { looks, method, false_alarms: alarms, detected, missed, median_s: median, p90_s: p90 } of found) {
        const figures =
          alarms === null
            ? `found ${percent(detected)}, passed ${percent(missed)}, median ${median ?? '-'} s, p90 ${p90 ?? '-'} s`
            : `false alarms ${percent(alarms)}`
        console.log(
          `${scenario.name.padEnd(44)} ${String(rps).padStart(3)}/s ${String(looks).padStart(3)} looks  ${method.padEnd(30)} ${figures}`,
        )
      }
    }
  }
  return { runs, unmet: unmet(rows), rows }
}

const percent = (share: number | null): string => `${((share ?? 0) * 100).toFixed(1)}%`

export const bench: Bench = {
  what: 'false alarms and detection times of canary judges on simulated releases',
  cluster: 'none',
  measure: (args) => measure(args),
}
