import { isSound, type Mutant } from './places.ts'

/** Mulberry32: numbers from 0 up to 1, the same for the same seed on every machine. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A file with all of its mutants. */
export interface Choice {
  source: string
  mutants: readonly Mutant[]
}

/** At most `most` mutants by lot, the same for the same seed, spread over the files in proportion to their size. */
export function choose(files: readonly Choice[], most: number, seed: number): Mutant[] {
  const random = createRandom(seed)
  const left = files.map(({ source, mutants }) => ({ source, size: source.length, mutants: [...mutants] }))
  const total = left.reduce((sum, { size }) => sum + size, 0)
  const chosen = left.flatMap((file) => take(file, Math.floor((most * file.size) / total), random))
  // What is left over after whole numbers goes by lot, again by size.
  while (chosen.length < most) {
    const open = left.filter(({ mutants }) => mutants.length)
    const [file] = open.length ? [byLot(open, random)] : []
    if (!file) break
    chosen.push(...take(file, 1, random))
  }
  return chosen
}

function byLot<T extends { size: number }>(files: readonly T[], random: () => number): T | undefined {
  let at = random() * files.reduce((sum, { size }) => sum + size, 0)
  for (const file of files) {
    at -= file.size
    if (at < 0) return file
  }
  return files.at(-1)
}

/** Takes so many out of a file by lot; what cannot be read is thrown away. */
function take({ source, mutants }: { source: string; mutants: Mutant[] }, many: number, random: () => number): Mutant[] {
  const taken: Mutant[] = []
  while (taken.length < many && mutants.length) {
    const [mutant] = mutants.splice(Math.floor(random() * mutants.length), 1)
    if (mutant && isSound(source, mutant)) taken.push(mutant)
  }
  return taken
}
