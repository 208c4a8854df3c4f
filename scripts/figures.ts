// What the proofs showed when they were last run whole: `--record` keeps it in figures.json, and `npm run docs` makes the README's table of it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface Measured {
  /** What is shown, in a sentence. */
  claim: string
  figures: Record<string, number>
}

const file = join(resolve(import.meta.dirname, '..'), 'scripts/figures.json')

/** By command, as in `prove -- kill`. */
export const readFigures = (): Record<string, Measured> =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Measured>) : {}

/** Keeps what `npm run COMMAND` has shown; the whole of a proof stands for its short form too. */
export function recordFigures(command: string, measured: Measured): void {
  const all = Object.entries({ ...readFigures(), [command]: measured }).filter(([name]) => name !== `${command} --short`)
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`)
}
