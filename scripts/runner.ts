// Runs an action's bundle as the runner would: INPUT_*, the GITHUB_* files, main and then post, cancel and kill.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type Report, reportSchema } from '../actions/shared/report/report.ts'
import { type Contract, readContract } from './actions.ts'
import { type Command, createCommandReader } from './commands.ts'

export interface BundleRun {
  action: string
  inputs: Record<string, string>
  /** Added to this process's own environment, of which GITHUB_*, RUNNER_*, ACTIONS_*, INPUT_* and STATE_* are left out. */
  env?: Record<string, string>
  /** The workspace; default: the current folder. */
  cwd?: string
  stdin?: string | Readable
  /** Every line of main and post as it comes, on stdout and stderr, and the command that the runner would take it for. */
  onLine?: (line: string, command: Command | undefined) => void
  /** Cancels as the runner does: SIGINT, after 7.5 s SIGTERM, after 2.5 s SIGKILL; post runs. */
  signal?: AbortSignal
  /** SIGKILL for main and everything it started, as when the machine dies (with `post: 'never'`) or runs out of memory. */
  kill?: AbortSignal
  /** Default: always, when the action has a post step. */
  post?: 'always' | 'never'
  /** The bundles; default: dist/ of this project. */
  dist?: string
  /** The project with actions/<action>/action.yml; default: this one. */
  root?: string
  /** For RUNNER_TEMP and the command files; default: a new folder, which stays, as the report is in it. */
  temp?: string
}

export interface BundleResult {
  /** Of main, or of post when main succeeded; 128 + signal after a kill, as a shell has it. */
  code: number
  outputs: Record<string, string>
  state: Record<string, string>
  summary: string
  /** All lines, unmasked. */
  log: string
  /** What the runner would have executed, in order. */
  commands: Command[]
  report: Report | undefined
  temp: string
}

const project = resolve(import.meta.dirname, '..')

/** The INPUT_* variables as the runner sets them: given inputs over the defaults of action.yml. Expressions in defaults are empty here. */
export function inputEnvironment(contract: Contract, inputs: Record<string, string>): Record<string, string> {
  const unknown = Object.keys(inputs).filter((name) => !(name in contract.inputs))
  if (unknown.length)
    throw new Error(`${contract.name} has no input ${unknown.join(', ')}; its inputs: ${Object.keys(contract.inputs).join(', ')}`)
  return Object.fromEntries(
    Object.entries(contract.inputs).map(([name, { default: fallback = '' }]) => [
      `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
      inputs[name] ?? (fallback.includes('${{') ? '' : fallback),
    ]),
  )
}

/** What a step wrote to GITHUB_OUTPUT, GITHUB_STATE or GITHUB_ENV: `name=value` lines and heredocs. */
export function parseFileCommands(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  const lines = text.split(/\r?\n/)
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    const [, name, end] = /^([^=]+?)<<(.+)$/.exec(line) ?? []
    const equals = line.indexOf('=')
    if (name !== undefined && end !== undefined) {
      const last = lines.indexOf(end, i + 1)
      if (last < 0) throw new Error(`the value of ${name} has no end`)
      values[name] = lines.slice(i + 1, last).join('\n')
      i = last
    } else if (equals > 0) values[line.slice(0, equals)] = line.slice(equals + 1)
  }
  return values
}

const send = (child: ChildProcess, signal: NodeJS.Signals, group: boolean): void => {
  try {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(group ? -child.pid : child.pid, signal)
  } catch {
    // It ended just now.
  }
}

const fileCommands = ['GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY', 'GITHUB_ENV', 'GITHUB_PATH'] as const
type FileCommand = (typeof fileCommands)[number]

interface Step {
  file: string
  cwd: string
  env: Record<string, string | undefined>
  line: (text: string) => void
  stdin?: string | Readable | undefined
  signal?: AbortSignal | undefined
  kill?: AbortSignal | undefined
}

async function runStep({ file, cwd, env, stdin, line, signal, kill }: Step): Promise<number> {
  // A group of its own: a terminal's Ctrl-C reaches this process, which cancels the step as the runner would.
  const child = spawn(process.execPath, [file], {
    cwd,
    env,
    detached: true,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  const timers: NodeJS.Timeout[] = []
  const cancel = (): void => {
    send(child, 'SIGINT', false)
    timers.push(
      setTimeout(() => send(child, 'SIGTERM', false), 7500),
      setTimeout(() => send(child, 'SIGKILL', true), 10_000),
    )
  }
  const slay = (): void => send(child, 'SIGKILL', true)
  const ended = new Promise<number>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code, by) => done(code ?? 128 + (by ? constants.signals[by] : 0)))
  })
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream, crlfDelay: Infinity }).on('line', line)
  if (child.stdin) {
    // The step need not read it.
    child.stdin.on('error', () => undefined)
    if (typeof stdin === 'string') child.stdin.end(stdin)
    else stdin?.pipe(child.stdin)
  }
  for (const [when, act] of [
    [signal, cancel],
    [kill, slay],
  ] as const) {
    if (when?.aborted) act()
    else when?.addEventListener('abort', act, { once: true })
  }
  try {
    return await ended
  } finally {
    for (const timer of timers) clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    kill?.removeEventListener('abort', slay)
  }
}

/** Runs main and then post of an action's bundle. Unknown inputs are refused; required ones are the action's own business, as on the runner. */
export async function runBundle(run: BundleRun): Promise<BundleResult> {
  const root = run.root ?? project
  const contract = readContract(join(root, 'actions', run.action, 'action.yml'))
  const temp = run.temp ?? mkdtempSync(join(tmpdir(), `${run.action}-`))
  const cwd = resolve(run.cwd ?? '.')
  const own = Object.entries(process.env).filter(([name]) => !/^(GITHUB|RUNNER|ACTIONS|INPUT|STATE)_/.test(name))
  let env: Record<string, string | undefined> = {
    ...Object.fromEntries(own),
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: cwd,
    RUNNER_TEMP: join(temp, 'runner'),
    ...run.env,
    ...inputEnvironment(contract, run.inputs),
  }
  mkdirSync(join(temp, 'runner'), { recursive: true })
  const lines: string[] = []
  const commands: Command[] = []

  const step = async (
    name: string,
    path: string,
    more: Partial<Step> = {},
  ): Promise<{ code: number; read: (command: FileCommand) => string }> => {
    const paths = Object.fromEntries(fileCommands.map((command) => [command, join(temp, `${name}-${command}`)]))
    for (const file of Object.values(paths)) writeFileSync(file, '')
    const reader = createCommandReader()
    const code = await runStep({
      // A release tree and a fixture have their dist/ elsewhere.
      file: resolve(run.dist ?? join(root, 'dist'), path.replace(/^.*?dist\//, '')),
      cwd,
      env: { ...env, ...paths },
      line: (text) => {
        const command = reader(text)
        lines.push(text)
        if (command) commands.push(command)
        run.onLine?.(text, command)
      },
      ...more,
    })
    return { code, read: (command) => readFileSync(join(temp, `${name}-${command}`), 'utf8') }
  }

  // A cancelled job still runs its post steps: only main hears of it.
  const main = await step('main', contract.runs.main, { stdin: run.stdin, signal: run.signal, kill: run.kill })
  const outputs = parseFileCommands(main.read('GITHUB_OUTPUT'))
  const state = parseFileCommands(main.read('GITHUB_STATE'))
  let { code } = main
  let summary = main.read('GITHUB_STEP_SUMMARY')
  if (contract.runs.post && run.post !== 'never') {
    const states = Object.entries(state).map(([name, value]): [string, string] => [`STATE_${name}`, value])
    const path = [...main.read('GITHUB_PATH').split('\n').filter(Boolean), env.PATH ?? ''].join(delimiter)
    env = { ...env, ...parseFileCommands(main.read('GITHUB_ENV')), PATH: path, ...Object.fromEntries(states) }
    const post = await step('post', contract.runs.post)
    code ||= post.code
    summary += post.read('GITHUB_STEP_SUMMARY')
  }
  const file = outputs.report
  const report = file && existsSync(file) ? reportSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined
  return { code, outputs, state, summary, log: lines.join('\n'), commands, report, temp }
}
