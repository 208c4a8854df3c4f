// npm run mutate -- [PATH...] [--seed 1,2,3] [--most N] [--lanes N]: breaks one place of the sources at a time, and wants a fast test that
// notices it. PATH is a folder, a file, or FILE:LINE for all mutants of a line. The last line is {mutants, killed, equivalent, survived}.
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { choose } from './mutate/choose.ts'
import { applied, isSound, type Mutant, mutantsOf } from './mutate/places.ts'
import { distances, relatedTests, type Sources } from './mutate/related.ts'
import { describe, equivalents, isListed, objections, type Result, tally } from './mutate/report.ts'
import { createLane, endGroups, type Lane, runTests, tryMutant } from './mutate/trial.ts'

const root = resolve(import.meta.dirname, '..')
const EQUIVALENTS = 'scripts/mutate/equivalents.txt'
const DEFAULT_PATHS = ['actions/bluegreen-deploy', 'actions/shared']
/** A file of tests that takes longer is tried last, in milliseconds. */
const SLOW = 20_000
/** Tests without a mutant that do not end by then hang, in milliseconds. */
const LONGEST = 1_800_000

/** The mutants that arguments ask for, each once. */
export function mutantsFor(paths: readonly string[], sources: Sources, seeds: readonly number[], most: number): Mutant[] {
  const files = new Set<string>()
  const lines: Mutant[] = []
  for (const path of paths) {
    const [, name = path, line] = /^(.*?)(?::(\d+))?$/.exec(path.replace(/^\.\/|\/$/g, '')) ?? []
    const found = [...sources.keys()].filter((file) => file.startsWith('actions/') && (file === name || file.startsWith(`${name}/`)))
    if (found.length === 0) throw new Error(`${path} is no source; a folder or file under actions/ is, or FILE:LINE`)
    if (line === undefined) for (const file of found) files.add(file)
    else
      lines.push(
        ...found
          .flatMap((file) => mutantsOf(file, sources.get(file) ?? ''))
          .filter((mutant) => mutant.line === Number(line) && isSound(sources.get(mutant.file) ?? '', mutant)),
      )
  }
  const choices = [...files].sort().map((file) => {
    const source = sources.get(file) ?? ''
    return { source, mutants: mutantsOf(file, source) }
  })
  const key = ({ file, start, end, text }: Mutant): string => `${file} ${start} ${end} ${text}`
  const all = [...lines, ...seeds.flatMap((seed) => choose(choices, most, seed))]
  return [...new Map(all.map((mutant) => [key(mutant), mutant])).values()]
}

/** Whole numbers of arguments as `1,2,3`, given once or several times. */
export function numbers(name: string, texts: readonly string[]): number[] {
  return texts.flatMap((text) =>
    text.split(',').map((part) => {
      if (!/^\d{1,9}$/.test(part)) throw new Error(`--${name} takes whole numbers such as 1 or 1,2,3, not ${JSON.stringify(text)}`)
      return Number(part)
    }),
  )
}

const one = (name: string, text: string): number => {
  const [number = 0, ...more] = numbers(name, [text])
  if (number === 0 || more.length) throw new Error(`--${name} takes one number from 1 on, not ${JSON.stringify(text)}`)
  return number
}

/** Lines of equivalents.txt that fit no mutant that there is: the code has changed since. */
export function stale(lines: readonly string[], sources: Sources): string[] {
  return lines.filter((line) => {
    const file = line.slice(0, line.indexOf(' | '))
    return !mutantsOf(file, sources.get(file) ?? '').some((mutant) => isListed(mutant, [line]))
  })
}

/** Runs work on each item, so many at a time; each lane takes the next item when it is free. */
async function inLanes<T>(lanes: readonly Lane[], items: readonly T[], work: (lane: Lane, item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  await Promise.all(
    lanes.map(async (lane) => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(lane, item)
    }),
  )
}

/** What tests take without a mutant, in milliseconds each. Throws when they are not green; a red file gets a second try. */
async function measure(lanes: readonly Lane[], tests: readonly string[]): Promise<Map<string, number>> {
  const took = new Map<string, number>()
  const red: string[] = []
  const shares = lanes.map((_, own) => tests.filter((_test, at) => at % lanes.length === own)).filter((share) => share.length)
  await inLanes(lanes, shares, async (lane, share) => {
    const verdict = await runTests(lane, share, { stop: false, patience: LONGEST })
    for (const [file, time] of verdict.took) took.set(file, time)
    const again = share.filter((file) => verdict.failed.some((failure) => failure.startsWith(file)) || !verdict.took.has(file))
    for (const file of again) {
      const second = await runTests(lane, [file], { stop: false, patience: LONGEST })
      red.push(...second.failed)
      for (const [name, time] of second.took) took.set(name, time)
    }
  })
  if (red.length) throw new Error(`without any mutant these tests fail, so a mutant would show nothing:\n${red.join('\n')}`)
  return took
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', multiple: true, default: ['1'] },
      most: { type: 'string', default: '100' },
      lanes: { type: 'string', default: '2' },
    },
  })
  const sources: Sources = new Map(
    globSync('{actions,__tests__}/**/*.ts', { cwd: root }).map((file) => [file, readFileSync(join(root, file), 'utf8')]),
  )
  const listed = existsSync(join(root, EQUIVALENTS)) ? equivalents(readFileSync(join(root, EQUIVALENTS), 'utf8')) : []
  const old = stale(listed, sources)
  if (old.length)
    throw new Error(`${EQUIVALENTS}: these lines fit no mutant any more, or give no reason; take them out:\n${old.join('\n')}`)
  const paths = positionals.length ? positionals : DEFAULT_PATHS
  const mutants = mutantsFor(paths, sources, numbers('seed', values.seed), one('most', values.most))
  const seen = distances(sources)
  const related = new Map(mutants.map(({ file }) => [file, relatedTests(file, sources, seen)]))
  const temp = mkdtempSync(join(tmpdir(), 'mutate-'))
  process
    .on('SIGINT', () => process.exit(130))
    .on('SIGTERM', () => process.exit(130))
    .on('exit', () => {
      endGroups()
      rmSync(temp, { recursive: true, force: true })
    })
  const lanes = Array.from({ length: one('lanes', values.lanes) }, (_, at) =>
    createLane(root, join(temp, `lane-${at}`), join(temp, 'cache')),
  )
  const tests = [...new Set([...related.values()].flat())].sort()
  console.log(`${mutants.length} mutants of ${related.size} files; first their ${tests.length} files of tests without any`)
  const took = await measure(lanes, tests)
  const time = (test: string): number => took.get(test) ?? 0
  const results: Result[] = []
  await inLanes(lanes, mutants, async (lane, mutant) => {
    const all = related.get(mutant.file) ?? []
    const ordered = [...all.filter((test) => time(test) <= SLOW), ...all.filter((test) => time(test) > SLOW)]
    const began = Date.now()
    const killedBy = await trial(lane, mutant, sources, ordered, time)
    results.push({ mutant, killedBy })
    const word = killedBy === undefined ? (isListed(mutant, listed) ? 'equivalent' : 'SURVIVED') : 'killed'
    console.log(`${results.length}/${mutants.length} ${word} in ${Math.round((Date.now() - began) / 1000)} s: ${describe(mutant)}`)
    if (killedBy !== undefined) console.log(`    by ${killedBy.split('\n')[0]}`)
  })
  const figures = tally(results, listed)
  const alive = results.flatMap(({ mutant, killedBy }) => (killedBy === undefined && !isListed(mutant, listed) ? [describe(mutant)] : []))
  for (const line of [...alive.sort(), ...objections(figures)]) console.log(line)
  console.log(JSON.stringify(figures))
  return objections(figures).length ? 1 : 0
}

/** How many files of tests are tried first, in a process of their own, so that an endless loop is found soon. */
const NEAREST = 3

/** The test that noticed a mutant, or undefined. The nearest tests are asked first, then the others. */
async function trial(
  lane: Lane,
  mutant: Mutant,
  sources: Sources,
  tests: readonly string[],
  time: (test: string) => number,
): Promise<string | undefined> {
  const broken = applied(sources.get(mutant.file) ?? '', mutant)
  for (const part of [tests.slice(0, NEAREST), tests.slice(NEAREST)]) {
    if (part.length === 0) continue
    const usual = part.reduce((sum, test) => sum + time(test), 0)
    const killedBy = await tryMutant(lane, mutant.file, broken, part, usual)
    if (killedBy !== undefined) return killedBy
  }
  return undefined
}

if (import.meta.main)
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error)
      process.exit(2)
    },
  )
