// All proofs, several at a time: they mostly wait, for pods, for endpoints, for time to pass.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Those that measure how quick something is, or how much load is borne: they run before the lanes begin, one by one. */
const ALONE = ['zero-downtime']
/** Those that take longest begin first; the rest, and proofs that are new, follow by name. */
const LONGEST = ['kill', 'hostile-api', 'hostile-cluster']

export interface Ran {
  name: string
  passed: boolean
  /** What it wrote, errors included. */
  output: string
  /** Of the wall, and of the processor with everything that it started. */
  seconds: { wall: number; processor: number }
}

export const inOrder = (names: readonly string[]): string[] => [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
const rank = (name: string): number => (LONGEST.includes(name) ? LONGEST.indexOf(name) : LONGEST.length)

/** Runs each name by `run`, `lanes` at a time but for those that run alone; `ended` is told of each as it ends. */
export async function runLanes(
  names: readonly string[],
  lanes: number,
  run: (name: string, crowded: boolean) => Promise<Ran>,
  ended: (ran: Ran) => void,
): Promise<Ran[]> {
  const alone = names.filter((name) => ALONE.includes(name))
  const queue = inOrder(names.filter((name) => !alone.includes(name)))
  const all: Ran[] = []
  const one = async (name: string, crowded: boolean): Promise<void> => {
    const ran = await run(name, crowded)
    all.push(ran)
    ended(ran)
  }
  for (const name of alone) await one(name, false)
  await inLanes(queue, lanes, (name) => one(name, lanes > 1))
  return all
}

/** Works through items, `width` at once. */
export async function inLanes<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items]
  const lane = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, items.length)) }, lane))
}

/** Set for a proof that is to say at its end what it took. */
export const SPENT = 'PROOF_SPENT'
/** Says what a process and all that it waited for took of the processor; `runProcess` reads it. */
const SAID = /^spent ([\d.]+) s of the processor$/m
export const tellSpent = (): void => console.error(`spent ${processorSeconds().toFixed(1)} s of the processor`)

/** By /proc/self/stat: user and system time of this process and of the children that ended, in ticks of 10 ms. */
function processorSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}

/** Runs a proof in a process of its own, with its output kept. */
export function runProcess(name: string, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  const [command = '', ...args] = argv
  const began = performance.now()
  return new Promise((done, failed) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...env, [SPENT]: '1' } })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', failed)
    child.once('close', (code) => {
      const processor = Number(SAID.exec(output)?.[1] ?? 0)
      done({ name, passed: code === 0, output, seconds: { wall: (performance.now() - began) / 1000, processor } })
    })
  })
}
