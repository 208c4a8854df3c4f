// False alarms and times of canary-analyze on simulated releases, and of the judges in use beside it: npm run bench -- canary [--runs 2000] [--only TEXT]
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { Bench } from './bench.ts'
import { CELLS } from './canary/cells.ts'
import type { Row } from './canary/run.ts'

/** Runs the cells on as many threads as there are processors, and tells of each as it ends. Gives the rows in the order of the cells. */
async function runAll(cells: readonly number[], runs: number, tell: (row: Row) => void): Promise<Row[]> {
  const found = new Map<number, Row[]>()
  const left = [...cells]
  const thread = async (): Promise<void> => {
    const worker = new Worker(new URL('./canary/worker.ts', import.meta.url))
    try {
      for (let cell = left.shift(); cell !== undefined; cell = left.shift()) {
        const rows = await new Promise<Row[]>((done, fail) => {
          worker.once('message', done).once('error', fail)
          worker.postMessage({ cell, runs })
        })
        found.set(cell, rows)
        for (const row of rows) tell(row)
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(cells.length, availableParallelism()) }, thread))
  return cells.flatMap((cell) => found.get(cell) ?? [])
}

const percent = (share: number): string => `${(share * 100).toFixed(1)}%`

function tell({ scenario, method, false_alarms, failed, passed, median_s, p90_s, limit, met }: Row): void {
  const wanted = limit === null ? '' : false_alarms === null ? ` (at most ${limit} s)` : ` (at most ${percent(limit)})`
  const times = `median ${median_s ?? '-'} s, nine of ten ${p90_s ?? '-'} s`
  const figures =
    false_alarms === null
      ? `failed ${percent(failed)}, passed ${percent(passed)}, ${times}`
      : `false alarms ${percent(false_alarms)}, passed ${percent(passed)}, ${times}`
  console.log(`${met ? '     ' : 'UNMET'} ${scenario.padEnd(64)} ${method.padEnd(30)} ${figures}${wanted}`)
}

async function measure(args: string[]): Promise<{ runs: number; cells: number; unmet: string[]; rows: Row[] }> {
  const { values } = parseArgs({ args, options: { runs: { type: 'string', default: '2000' }, only: { type: 'string', default: '' } } })
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: a whole number is wanted`)
  const cells = [...CELLS.keys()].filter((cell) => CELLS[cell]?.scenario.name.includes(values.only))
  const rows = await runAll(cells, runs, tell)
  return { runs, cells: cells.length, unmet: rows.filter(({ met }) => !met).map(({ scenario }) => scenario), rows }
}

export const bench: Bench = {
  what: 'false alarms and times of canary judges on simulated releases',
  cluster: 'none',
  measure,
}
