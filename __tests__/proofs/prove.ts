// npm run prove -- NAME [--short] [--only CASE] [--record]: runs one claim for real; the last line is its figures as JSON. --record keeps
// them for the README. npm run prove -- --all [--short] [--lanes N]: runs all of them, several at a time.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureSandbox } from '../../sandbox/build.ts'
import type { ClusterOptions } from '../../sandbox/cluster.ts'
import { startCluster } from '../../sandbox/cluster.ts'
import { exampleImages } from '../../sandbox/images.ts'
import { recordFigures } from '../../scripts/figures.ts'
import { type Ran, runLanes, runProcess, SPENT, tellSpent } from './support/lanes.ts'
import { openWorld, type World } from './support/world.ts'

/** One claim. Its module is `__tests__/proofs/NAME.ts` and exports this as `proof`. */
export interface Proof {
  /** One line for the list. */
  claim: string
  /** The clusters that it runs in, one after the other; by default one with one node. */
  clusters?: ClusterOptions[]
  /** Makes images of the example misbehave: tag -> environment. */
  images?: Record<string, Record<string, string>>
  /** Sees to it that the machine has what the proof needs, before it goes inside of a cluster, where there is no network. */
  prepare?(log: (line: string) => void): void
  prove?(world: World): Promise<Figures>
  /** Instead, for a claim that needs no cluster. */
  alone?(options: Alone): Promise<Figures>
  /** Adds up what came out of several clusters. */
  merge?(figures: Figures[]): Figures
  /** What speaks against the claim; empty when it holds. */
  judge(figures: Figures): string[]
}

export interface Alone {
  /** A part of the cases, for the everyday run. */
  short: boolean
  /** Only cases whose name contains this. */
  only: string | undefined
  log(text: string): void
}

export type Figures = Record<string, number>

const here = import.meta.dirname
/** Set in the process that runs inside of a cluster. */
const INSIDE = 'PROOF_INSIDE'

async function names(): Promise<string[]> {
  const files = await readdir(here)
  return files.filter((file) => file.endsWith('.ts') && file !== 'prove.ts').map((file) => file.slice(0, -3))
}

async function load(name: string): Promise<Proof> {
  return ((await import(join(here, `${name}.ts`))) as { proof: Proof }).proof
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      short: { type: 'boolean', default: false },
      only: { type: 'string' },
      record: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      lanes: { type: 'string', default: '2' },
    },
  })
  const [name] = positionals
  if (values.all) return proveAll(values.short, Number(values.lanes))
  if (name === undefined) {
    for (const known of await names()) console.log(`${known.padEnd(16)} ${(await load(known)).claim}`)
    return 0
  }
  if (values.record && values.only) throw new Error('--record is for all cases: without --only')
  if (!existsSync(join(here, `${name}.ts`))) throw new Error(`there is no proof ${name}; there are ${(await names()).join(', ')}`)
  const proof = await load(name)
  if (process.env[INSIDE] && proof.prove) {
    const figures = await proof.prove(await openWorld({ short: values.short, only: values.only }))
    await new Promise<void>((done) => process.stdout.write(`${JSON.stringify(figures)}\n`, () => done()))
    process.exit(0) // a case that went wrong may have left something open
  }
  proof.prepare?.((line) => console.log(line))
  const runs: Figures[] = []
  if (proof.alone) runs.push(await proof.alone({ short: values.short, only: values.only, log: console.log }))
  else
    for (const options of process.env['KUBECONFIG'] ? [undefined] : (proof.clusters ?? [{}]))
      runs.push(await runInside(options, proof, process.argv.slice(2)))
  const figures = proof.merge ? proof.merge(runs) : (runs[0] ?? {})
  const objections = proof.judge(figures)
  for (const objection of objections) console.error(`${name}: ${objection}`)
  if (values.record && objections.length === 0)
    recordFigures(`prove -- ${name}${values.short ? ' --short' : ''}`, { claim: proof.claim, figures })
  console.log(JSON.stringify(figures))
  return objections.length ? 1 : 0
}

/** Runs every proof in a process of its own; the last line is how many there were, and how many went wrong. */
async function proveAll(short: boolean, lanes: number): Promise<number> {
  if (!Number.isInteger(lanes) || lanes < 1) throw new Error('--lanes takes a whole number from 1 on')
  const all = await names()
  // One after the other: what they install and build is shared.
  for (const name of all) (await load(name)).prepare?.((line) => console.log(line))
  await ensureSandbox((line) => console.log(line))
  const env = (crowded: boolean) => ({ ...process.env, ...(crowded && { CROWDED: '1' }) })
  const argv = (name: string) => [process.execPath, import.meta.filename, name, ...(short ? ['--short'] : [])]
  const ran = await runLanes(all, lanes, (name, crowded) => runProcess(name, argv(name), env(crowded)), tell)
  const failed = ran.filter(({ passed }) => !passed).length
  console.log(JSON.stringify({ proofs: ran.length, failed }))
  return failed ? 1 : 0
}

function tell({ name, passed, output, seconds }: Ran): void {
  console.log(`::group::proof: ${name}\n${output.trimEnd()}\n::endgroup::`)
  const took = `${Math.round(seconds.wall)} s, ${Math.round(seconds.processor)} s of the processor`
  console.log(`${passed ? 'passed' : 'FAILED'}: proof: ${name} (${took})`)
}

/** Runs the proof inside of a cluster of its own, or against that of KUBECONFIG. The last line is its figures. */
async function runInside(options: ClusterOptions | undefined, proof: Proof, args: string[]): Promise<Figures> {
  const self = [process.execPath, import.meta.filename, ...args]
  const cluster = options && (await startCluster({ ...options, log: (line) => console.log(line) }))
  try {
    if (cluster) await exampleImages(cluster, proof.images)
    const [command = '', ...rest] = cluster ? cluster.enter(self) : self
    const env = { ...process.env, [INSIDE]: '1', ...(cluster && { KUBECONFIG: cluster.kubeconfig, SANDBOX_DIR: cluster.dir }) }
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'], env })
    let last = ''
    let pending = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (pending + text).split('\n')
      pending = lines.pop() ?? ''
      for (const line of lines) {
        if (last) console.log(last)
        last = line
      }
    })
    const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
    if (code !== 0) {
      if (last) console.log(last)
      throw new Error(`the proof ended with exit code ${code}`)
    }
    return JSON.parse(last) as Figures
  } finally {
    await cluster?.stop()
  }
}

process.exitCode = await main().catch((error) => {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error)
  return 1
})
if (process.env[SPENT]) tellSpent()
