import type { Mutant } from './places.ts'

/** What became of a mutant. */
export interface Result {
  mutant: Mutant
  /** What noticed it; undefined when nothing did. */
  killedBy: string | undefined
}

/** Of the mutants that are not equivalent, the share that has to be killed. */
const LEAST_KILLED = 0.85
/** Of all mutants, the share that may be called equivalent. */
const MOST_EQUIVALENT = 0.05

export interface Tally {
  mutants: number
  killed: number
  equivalent: number
  survived: number
}

/** The lines of equivalents.txt that say something: `file | original | mutated | reason`. */
export const equivalents = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))

/** How a mutant stands in equivalents.txt, up to the reason. */
export const entryOf = ({ file, original, mutated }: Mutant): string => `${file} | ${original} | ${mutated} | `

export const isListed = (mutant: Mutant, lines: readonly string[]): boolean =>
  lines.some((line) => line.startsWith(entryOf(mutant)) && line.length > entryOf(mutant).length)

/** A mutant in one line, as a survivor is told. */
export const describe = ({ file, line, original, mutated }: Mutant): string => `${file}:${line}  ${original}  ->  ${mutated}`

export function tally(results: readonly Result[], listed: readonly string[]): Tally {
  const alive = results.filter(({ killedBy }) => killedBy === undefined)
  const equivalent = alive.filter(({ mutant }) => isListed(mutant, listed)).length
  return { mutants: results.length, killed: results.length - alive.length, equivalent, survived: alive.length - equivalent }
}

/** What is not good enough about the figures, as sentences. */
export function objections({ mutants, killed, equivalent }: Tally): string[] {
  const counted = mutants - equivalent
  const share = counted ? killed / counted : 0
  const percent = (part: number): string => `${(part * 100).toFixed(1)}%`
  return [
    ...(share < LEAST_KILLED ? [`${percent(share)} of the mutants were killed, at least ${percent(LEAST_KILLED)} are wanted`] : []),
    ...(equivalent > mutants * MOST_EQUIVALENT
      ? [`${equivalent} of ${mutants} mutants are called equivalent, at most ${percent(MOST_EQUIVALENT)} may be`]
      : []),
  ]
}
