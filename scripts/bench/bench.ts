// npm run bench -- NAME: measures one thing beside a named tool, in the same run; the last line is its figures as JSON.
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openWorld, type World } from '../../__tests__/proofs/support/world.ts'
import type { ClusterOptions } from '../../sandbox/cluster.ts'
import { runInside } from '../inside.ts'

/** One benchmark. Its module is `scripts/bench/NAME.ts` and exports this as `bench`. What it measures is printed as JSON. */
export type Bench = {
  /** One line for the list. */
  what: string
} & (
  | { cluster: ClusterOptions; measure: (world: World) => Promise<Record<string, number>> }
  /** Needs no cluster, and gets the arguments after its name. */
  | { cluster: 'none'; measure: (args: string[]) => unknown }
)

/** Set in the process that runs inside of a cluster. */
const INSIDE = 'BENCH_INSIDE'

const load = async (name: string): Promise<Bench> => ((await import(join(import.meta.dirname, `${name}.ts`))) as { bench: Bench }).bench

async function main([name, ...args]: string[]): Promise<number> {
  const files = await readdir(import.meta.dirname)
  const names = files.filter((file) => file.endsWith('.ts') && file !== 'bench.ts').map((file) => file.replace(/\.ts$/, ''))
  if (name === undefined) {
    for (const known of names) console.log(`${known.padEnd(16)} ${(await load(known)).what}`)
    return 0
  }
  if (!existsSync(join(import.meta.dirname, `${name}.ts`))) throw new Error(`there is no benchmark ${name}; there are ${names.join(', ')}`)
  const bench = await load(name)
  if (bench.cluster === 'none') {
    console.log(JSON.stringify(await bench.measure(args)))
    return 0
  }
  const { cluster, measure } = bench
  if (!process.env[INSIDE])
    return await runInside([process.execPath, import.meta.filename, name], { ...cluster, log: console.log, env: { [INSIDE]: '1' } })
  console.log(JSON.stringify(await measure(await openWorld({ short: false, only: undefined }))))
  return 0
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  return 1
})
