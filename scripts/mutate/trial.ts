// One trial: tests against a copy of the sources, in a process group of its own that ends with it.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Line } from './reporter.ts'

const COPIED = ['actions', 'scripts', 'sandbox', 'examples', '__tests__', 'package.json', 'jest.config.js']
/** A trial that takes so many times what the tests take without a mutant is an endless loop. */
const PATIENCE = 3
/** Milliseconds. */
const LEAST_PATIENCE = 30_000

/** A copy of the project to break. */
export interface Lane {
  dir: string
  cache: string
}

export interface Verdict {
  /** The tests that failed, or why there was no verdict; empty when all passed. */
  failed: string[]
  /** Milliseconds that each file of tests took. */
  took: Map<string, number>
}

/** The process groups at work. */
const groups = new Set<number>()

export function endGroups(): void {
  for (const pid of groups) endGroup(pid)
}

function endGroup(pid: number): void {
  groups.delete(pid)
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It ended before.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export function createLane(root: string, dir: string, cache: string): Lane {
  mkdirSync(dir, { recursive: true })
  for (const name of COPIED) cpSync(join(root, name), join(dir, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  return { dir, cache }
}

/** How long tests may take, in milliseconds, that take `usual` without a mutant. */
export const patienceFor = (usual: number): number => Math.max(LEAST_PATIENCE, usual * PATIENCE)

/** Runs tests with a file of the lane as `source`, and puts the file back. The first failed test ends it. */
export async function tryMutant(
  lane: Lane,
  file: string,
  source: string,
  tests: readonly string[],
  usual: number,
): Promise<string | undefined> {
  const path = join(lane.dir, file)
  const whole = readFileSync(path)
  writeFileSync(path, source)
  try {
    const { failed } = await runTests(lane, tests, { stop: true, patience: patienceFor(usual) })
    return failed[0]
  } finally {
    writeFileSync(path, whole)
  }
}

/** Runs files of tests in this order in one process. `patience` in milliseconds; with `stop`, the first failed test is the last one. */
export function runTests(lane: Lane, tests: readonly string[], { stop, patience }: { stop: boolean; patience: number }): Promise<Verdict> {
  const log = join(lane.dir, 'trial.log')
  rmSync(log, { force: true })
  const own = (name: string): string => join(import.meta.dirname, name)
  const child = spawn(
    process.execPath,
    [
      ...[
        '--experimental-vm-modules',
        '--no-warnings',
        'node_modules/jest/bin/jest.js',
        '--runInBand',
        '--ci',
        '--cacheDirectory',
        lane.cache,
      ],
      ...['--testSequencer', own('in-order.ts'), '--reporters', own('reporter.ts'), '--runTestsByPath', ...tests],
    ],
    {
      cwd: lane.dir,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, MUTATE_LOG: log, MUTATE_TESTS: tests.join('\n'), MUTATE_STOP: stop ? '1' : '0' },
    },
  )
  const { pid = 0 } = child
  groups.add(pid)
  return new Promise((done, broken) => {
    let errors = ''
    let late = false
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)))
    const timer = setTimeout(() => {
      late = true
      endGroup(pid)
    }, patience)
    child.once('error', broken)
    // Not 'close': a process that a test left behind would hold the pipe.
    child.once('exit', (code) => {
      clearTimeout(timer)
      endGroup(pid)
      const why = late ? `no end within ${Math.round(patience / 1000)} s` : `jest ended with ${code} without a verdict: ${errors}`
      done(verdictOf(existsSync(log) ? readFileSync(log, 'utf8') : '', lane.dir, why))
    })
  })
}

/** Reads the log of a trial; `why` says what happened when it just breaks off. */
export function verdictOf(log: string, dir: string, why: string): Verdict {
  const lines = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  const failed = lines.flatMap((line) => ('failed' in line ? [line.failed.replace(`${dir}/`, '')] : []))
  const passed = lines.some((line) => 'passed' in line && line.passed > 0)
  const took = new Map(lines.flatMap((line) => ('file' in line ? [[relative(dir, line.file), line.took] as const] : [])))
  return { failed: failed.length || passed ? failed : [why], took }
}
