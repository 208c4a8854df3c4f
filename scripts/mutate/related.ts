// Which tests can see a file: worked out of the import statements, since nothing that knows Node's type stripping tells it.
import { posix } from 'node:path'

/** Path from the project's folder -> text. */
export type Sources = ReadonlyMap<string, string>

const TEST = /^__tests__\/.*\.test\.ts$/
/** Tests of the project itself, or of what stands outside of the sources: a build, a cluster, patches. */
const LEFT_OUT = /^__tests__\/(proofs|sabotage|sandbox|scripts)\/|^__tests__\/smoke-test\/load\.test\.ts$/

/** What a file makes Node load: imports but for those of types alone, and files that it names by its own folder to start them. */
export function loads(file: string, text: string, sources: Sources): string[] {
  const imports = text.matchAll(
    /^\s*(?:import|export)\b(?! type\b)[^'"`;]*?\bfrom '(\.[^']+)'|^import '(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm,
  )
  const started = text.matchAll(/\bimport\.meta\.dirname, '([\w.-]+)'/g)
  const path = (to: string): string => posix.join(posix.dirname(file), to)
  return [
    ...[...imports].map(([, a, b, c]) => path(a ?? b ?? c ?? '')),
    ...[...started].flatMap(([, name = '']) =>
      [...sources.keys()].filter((other) => other === path(name) || other.startsWith(`${path(name)}/`)),
    ),
  ].filter((other) => sources.has(other) && other !== file)
}

/** The tests that can see each file, with how many steps away it is: 1 for what a test imports itself. */
export function distances(sources: Sources): Map<string, Map<string, number>> {
  const next = new Map([...sources].map(([file, text]) => [file, loads(file, text, sources)]))
  const result = new Map<string, Map<string, number>>()
  for (const test of [...sources.keys()].filter((file) => TEST.test(file) && !LEFT_OUT.test(file))) {
    const steps = new Map([[test, 0]])
    for (const [file, step] of steps) {
      for (const to of next.get(file) ?? []) if (!steps.has(to)) steps.set(to, step + 1)
    }
    for (const [file, step] of steps) result.set(file, (result.get(file) ?? new Map<string, number>()).set(test, step))
  }
  return result
}

/** The tests of a file, the nearest first: its own one, those of its folder (or of the nearest above that has any), then by steps,
 * and of those as far the ones of a folder near by. */
export function relatedTests(file: string, sources: Sources, seen: ReadonlyMap<string, ReadonlyMap<string, number>>): string[] {
  const mirrored = file.replace(/^actions\//, '__tests__/')
  const tests = [...sources.keys()].filter((other) => TEST.test(other) && !LEFT_OUT.test(other))
  const own = mirrored.replace(/\.ts$/, '.test.ts')
  let folder = posix.dirname(mirrored)
  while (folder.includes('/') && !tests.some((test) => posix.dirname(test) === folder)) folder = posix.dirname(folder)
  const steps = seen.get(file) ?? new Map<string, number>()
  const neighbours = tests.filter((test) => posix.dirname(test) === folder)
  const far = (test: string): number => steps.get(test) ?? 100
  const rank = (test: string): number => (test === own ? 0 : neighbours.includes(test) ? far(test) : far(test) + 0.5)
  return [...new Set([...neighbours, ...steps.keys()])].sort(
    (a, b) => rank(a) - rank(b) || shared(mirrored, b) - shared(mirrored, a) || (a < b ? -1 : 1),
  )
}

/** How many folders two paths have in common. */
function shared(one: string, other: string): number {
  const [names, others] = [posix.dirname(one).split('/'), posix.dirname(other).split('/')]
  const apart = names.findIndex((name, at) => name !== others[at])
  return apart < 0 ? names.length : apart
}
