import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DIRECTORY_VARIABLE } from './checkout.ts'

/** A process as far as it matters whose it is. */
export interface Process {
  pid: number
  parent: number
  /** The folder of the cluster that it was begun inside of. */
  dir: string
}

/** How long a command has to end in order, and how long a killed one may take. Milliseconds. */
const GRACE = 3_000
const DEADLINE = 15_000

/** Those that were begun inside of clusters that `ours` names, without the process `self` and those that wait for it: they are to see the end. */
export function begunInside(processes: readonly Process[], ours: (dir: string) => boolean, self: number): number[] {
  const spared = new Set<number>()
  for (let pid: number | undefined = self; pid !== undefined && !spared.has(pid); pid = processes.find((p) => p.pid === pid)?.parent) {
    spared.add(pid)
  }
  return processes.filter(({ pid, dir }) => dir !== '' && !spared.has(pid) && ours(dir)).map(({ pid }) => pid)
}

/** Reads one process; undefined when it has ended meanwhile. Another user's shows no folder. */
function readProcess(pid: number): Process | undefined {
  let parent: number
  try {
    // The name may hold anything, and stands in parentheses before the rest.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    parent = Number(fields[1])
  } catch {
    return undefined
  }
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    const found = environment.find((entry) => entry.startsWith(`${DIRECTORY_VARIABLE}=`))
    return { pid, parent, dir: found?.slice(DIRECTORY_VARIABLE.length + 1) ?? '' }
  } catch {
    return { pid, parent, dir: '' }
  }
}

const allProcesses = (): Process[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((process) => process !== undefined)

/** Sends a signal to a process that may have ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Ends the commands that were begun inside of clusters that `ours` names, with all that they have begun: SIGTERM, and SIGKILL after `grace`
 * milliseconds. Answers with how many there were. Throws when one is left after fifteen seconds.
 */
export async function endCommands(ours: (dir: string) => boolean, grace = GRACE): Promise<number> {
  const asked = new Set<number>()
  for (let waited = 0; ; waited += 50) {
    // Looked for each time: a number may be given to another process, and a command that ends may begin others.
    const left = begunInside(allProcesses(), ours, process.pid)
    if (left.length === 0) return asked.size
    if (waited > DEADLINE)
      throw new Error(`Processes ${left.join(', ')} of the cluster do not end, even by SIGKILL; see: ps -p ${left.join(',')}`)
    for (const pid of left) {
      if (waited >= grace) signal(pid, 'SIGKILL')
      else if (!asked.has(pid)) signal(pid, 'SIGTERM')
      asked.add(pid)
    }
    await sleep(50)
  }
}
