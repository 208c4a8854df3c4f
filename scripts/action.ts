// Runs an action's bundle on this machine as the runner would: npm run action -- bluegreen-deploy key=value ... [--dist DIR]
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { actionNames, type Contract, readContract } from './actions.ts'
import { type Command, createMask } from './commands.ts'
import { inputEnvironment, runBundle } from './runner.ts'

const root = resolve(import.meta.dirname, '..')

const usage = (): string => `usage: npm run action -- ACTION [input=value ...] [--dist DIR]\nactions: ${actionNames(root).join(', ')}`

/** `key=value` arguments as inputs. Unknown ones are refused. A required input without a value is an error here: on the runner, the action itself says so. */
export function parseInputs(contract: Contract, pairs: readonly string[]): Record<string, string> {
  const wrong = pairs.filter((pair) => !pair.includes('='))
  if (wrong.length) throw new Error(`not input=value: ${wrong.join(' ')}`)
  const inputs = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
  inputEnvironment(contract, inputs)
  const missing = Object.entries(contract.inputs).filter(([name, input]) => input.required && input.default === undefined && !inputs[name])
  if (missing.length) throw new Error(`${contract.name} requires ${missing.map(([name]) => `${name}=...`).join(' ')}`)
  return inputs
}

/** A line of the job log for a terminal. Secrets are hidden as the runner hides them. */
export function createTerminal(print: (line: string) => void): (line: string, command: Command | undefined) => void {
  const mask = createMask()
  return (line, command) => {
    if (!command) print(mask.hide(line))
    else if (command.name === 'add-mask') mask.add(command.data)
    else if (command.name === 'group') print(`▸ ${mask.hide(command.data)}`)
    else if (['error', 'warning', 'notice'].includes(command.name))
      print(mask.hide(`${command.name}: ${[command.properties.title, command.data].filter(Boolean).join(': ')}`))
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { dist: { type: 'string' } } })
  const [action, ...pairs] = positionals
  if (!action || !actionNames(root).includes(action)) throw new Error(usage())
  const inputs = parseInputs(readContract(join(root, 'actions', action, 'action.yml')), pairs)
  // npm changes to the project's folder; files are meant from where the command was typed.
  const cwd = process.env.INIT_CWD ?? process.cwd()
  const cancel = new AbortController()
  process.on('SIGINT', () => cancel.abort()).on('SIGTERM', () => cancel.abort())
  const github = Object.entries(process.env).filter((entry): entry is [string, string] => entry[0].startsWith('GITHUB_'))
  const result = await runBundle({
    action,
    inputs,
    env: Object.fromEntries(github),
    cwd,
    signal: cancel.signal,
    onLine: createTerminal(console.log),
    ...(process.stdin.isTTY ? {} : { stdin: process.stdin }),
    ...(values.dist ? { dist: resolve(cwd, values.dist) } : {}),
  })
  console.log(
    `\noutputs:\n${Object.entries(result.outputs)
      .map(([name, value]) => `  ${name}: ${value}`)
      .join('\n')}\n\n${result.summary}`,
  )
  return result.code
}

if (import.meta.main)
  main().then(
    // A terminal that still holds stdin would keep the process.
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error)
      process.exit(2)
    },
  )
