// Runs one of the steps as a process of its own, with the runner's files, and reads what came out as the runner would.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from '@jest/globals'
import { type Command, createCommandReader } from '../../../scripts/commands.ts'
import { parseFileCommands } from '../../../scripts/runner.ts'

export interface StepResult {
  code: number | null
  lines: string[]
  commands: Command[]
  outputs: Record<string, string>
  state: Record<string, string>
  summary: string
  /** RUNNER_TEMP. */
  temp: string
}

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/**
 * Runs steps/<name>.ts; each of `signals` is sent when the line `ready` comes, the next one 50 ms later. `enough`: text after which nobody
 * reads its log any more.
 */
export async function runStep(
  name: string,
  env: Record<string, string>,
  signals: NodeJS.Signals[] = [],
  enough?: string,
): Promise<StepResult> {
  const temp = mkdtempSync(join(tmpdir(), 'step-'))
  folders.push(temp)
  const files = { GITHUB_OUTPUT: 'output', GITHUB_STATE: 'state', GITHUB_STEP_SUMMARY: 'summary' }
  for (const file of Object.values(files)) writeFileSync(join(temp, file), '')
  mkdirSync(join(temp, 'runner'))
  const paths = Object.fromEntries(Object.entries(files).map(([variable, file]) => [variable, join(temp, file)]))
  const child = spawn(process.execPath, [join(import.meta.dirname, 'steps', `${name}.ts`)], {
    env: { PATH: process.env.PATH, RUNNER_TEMP: join(temp, 'runner'), GITHUB_WORKSPACE: temp, ...paths, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const rest = [...signals]
  const signal = (): void => {
    const next = rest.shift()
    if (next) child.kill(next)
    if (rest.length) setTimeout(signal, 50)
  }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (text.includes('ready\n')) signal()
      if (enough && output.includes(enough)) for (const one of [child.stdout, child.stderr]) one.destroy()
    })
  // A step that does not end must end the test, not outlive it.
  const deadline = setTimeout(() => child.kill('SIGKILL'), 12_000)
  const code = await new Promise<number | null>((done) => child.once('close', done))
  clearTimeout(deadline)
  const lines = output.split('\n').slice(0, -1)
  const read = (file: string): string => (existsSync(join(temp, file)) ? readFileSync(join(temp, file), 'utf8') : '')
  return {
    code,
    lines,
    commands: lines.map(createCommandReader()).filter((command) => command !== undefined),
    outputs: parseFileCommands(read('output')),
    state: parseFileCommands(read('state')),
    summary: read('summary'),
    temp,
  }
}

export const annotations = ({ commands }: StepResult): string[] =>
  commands
    .filter(({ name }) => ['error', 'warning', 'notice'].includes(name))
    .map(({ name, properties, data }) => `${name} (${properties.title}): ${data}`)
