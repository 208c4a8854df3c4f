// Writes the tables between markers in README.md and actions/*/README.md from action.yml, and the published JSON Schemas from the code's
// own; `--check` only says which are stale.
// Markers: <!-- inputs -->...<!-- /inputs --> and outputs in an action's README; <!-- inputs NAME --> elsewhere; <!-- actions --> lists all;
// <!-- figures --> shows what the proofs showed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { configSchema } from '../actions/canary-analyze/config.ts'
import { reportSchema } from '../actions/shared/report/report.ts'
import { suiteJsonSchema } from '../actions/smoke-test/suite.ts'
import { actionNames, type Contract, readContract } from './actions.ts'
import { type Measured, readFigures } from './figures.ts'

const cell = (text: string): string => text.trim().replace(/\s+/g, ' ').replaceAll('|', '\\|')

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

const code = (text: string | undefined): string => (text ? `\`${text}\`` : '')

const tables: Record<string, (contract: Contract) => string> = {
  inputs: ({ inputs }) =>
    table(
      ['Input', 'Default', 'What it is'],
      Object.entries(inputs).map(([name, input]) => [code(name), input.required ? '**required**' : code(input.default), input.description]),
    ),
  outputs: ({ outputs }) =>
    table(
      ['Output', 'What it is'],
      Object.entries(outputs).map(([name, output]) => [code(name), output.description]),
    ),
}

const measured = (all: Record<string, Measured>): string =>
  table(
    ['Command', 'What it shows', 'Figures'],
    Object.entries(all).map(([command, { claim, figures }]) => [
      code(`npm run ${command}`),
      claim,
      Object.entries(figures)
        .map(([name, value]) => `${name} ${value.toLocaleString('en-US')}`)
        .join(', '),
    ]),
  )

/**
 * `text` with fresh tables between its markers. `action` is meant where a marker names none; `contracts` are the project's, by name;
 * `figures` by command.
 */
export function fillTables(
  text: string,
  action: string | undefined,
  contracts: ReadonlyMap<string, Contract>,
  figures: Record<string, Measured> = {},
): string {
  return text.replace(
    /(<!-- (inputs|outputs|actions|figures)(?: ([\w-]+))? -->)[\s\S]*?(<!-- \/\2 -->)/g,
    (_, open: string, kind: string, named: string, close: string) => {
      const name = named ?? action ?? ''
      const contract = contracts.get(name)
      const all = [...contracts].map(([folder, { description }]) => [`[${folder}](actions/${folder}/README.md)`, description])
      const rendered =
        kind === 'actions'
          ? table(['Action', 'What it does'], all)
          : kind === 'figures'
            ? measured(figures)
            : contract && tables[kind]?.(contract)
      if (rendered === undefined) throw new Error(`${open}: there is no action ${name || 'named'}`)
      return `${open}\n\n${rendered}\n\n${close}`
    },
  )
}

/** Refreshes the READMEs below `root` (unless `check`), and gives the stale ones. */
export function refresh(root: string, check: boolean): string[] {
  const contracts = new Map(actionNames(root).map((name) => [name, readContract(join(root, 'actions', name, 'action.yml'))]))
  const files = [
    [join(root, 'README.md'), undefined] as const,
    ...[...contracts.keys()].map((name) => [join(root, 'actions', name, 'README.md'), name] as const),
  ]
  return files.flatMap(([file, action]) => {
    if (!existsSync(file)) return []
    const text = readFileSync(file, 'utf8')
    const fresh = fillTables(text, action, contracts, readFigures())
    if (fresh === text) return []
    if (!check) writeFileSync(file, fresh)
    return [relative(root, file)]
  })
}

/** What is published for editors and readers of reports. */
export const schemas: Record<string, () => object> = {
  'actions/shared/report/report.schema.json': () => z.toJSONSchema(reportSchema),
  'actions/canary-analyze/config.schema.json': () => z.toJSONSchema(configSchema, { io: 'input' }),
  'actions/smoke-test/suite.schema.json': suiteJsonSchema,
}

/** Refreshes the published schemas below `root` (unless `check`), and gives the stale ones. */
export function refreshSchemas(root: string, check: boolean): string[] {
  return Object.entries(schemas).flatMap(([path, schema]) => {
    const file = join(root, path)
    const fresh = `${JSON.stringify(schema(), null, 2)}\n`
    if (existsSync(file) && readFileSync(file, 'utf8') === fresh) return []
    if (!check) writeFileSync(file, fresh)
    return [path]
  })
}

if (import.meta.main) {
  const check = process.argv.includes('--check')
  const root = resolve(import.meta.dirname, '..')
  const stale = [...refresh(root, check), ...refreshSchemas(root, check)]
  if (stale.length) console.log(`${check ? 'stale (npm run docs writes them)' : 'written'}: ${stale.join(', ')}`)
  if (check && stale.length) process.exitCode = 1
}
