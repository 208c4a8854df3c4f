import { expect, test } from '@jest/globals'
import { choose, createRandom } from '../../scripts/mutate/choose.ts'
import { applied, isSound, type Mutant, mutantsOf } from '../../scripts/mutate/places.ts'
import { distances, loads, relatedTests } from '../../scripts/mutate/related.ts'
import { entryOf, equivalents, describe as inOneLine, isListed, objections, tally } from '../../scripts/mutate/report.ts'
import { patienceFor, verdictOf } from '../../scripts/mutate/trial.ts'
import { mutantsFor, numbers, stale } from '../../scripts/mutate.ts'

const FILE = 'actions/demo/x.ts'
const mutated = (source: string): string[] => mutantsOf(FILE, source).map((mutant) => applied(source, mutant))

test.each([
  ['a < b', ['a <= b', 'a >= b']],
  ['a <= b', ['a < b', 'a > b']],
  ['a > b', ['a >= b', 'a <= b']],
  ['a >= b', ['a > b', 'a < b']],
  ['a === b', ['a !== b']],
  ['a !== b', ['a === b']],
  ['(a) === (b)', ['(a) !== (b)']],
  ['await a()', ['a()']],
  ['a && b', ['a || b']],
  ['a || b', ['a && b']],
  ['a ?? b', []],
  ['a + b', []],
  ['a ? b : c', ['a ? c : b']],
  ['a === b ? c : d', ['a !== b ? c : d']],
  ['30_000', ['0', '60000']],
  ['0', []],
  ['() => a', ['() => undefined']],
  ['() => true', ['() => false']],
  ['() => !a', ['() => a']],
  ['() => ({ a })', ['() => (undefined)']],
  ['() => void a()', []],
  ["() => 'a'", []],
  ["'a'", []],
  ['/a{2}/', []],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: sources are texts here
  ['`a ${b > 1 ? 2 : 3}`', []],
])('of %s, the expression becomes %j', (expression, expected) => {
  expect(mutated(`const x = ${expression}`)).toEqual(expected.map((text) => `const x = ${text}`))
})

test.each([
  ['if (a) b = 2', ['if (!(a)) b = 2', 'if (a) ;', 'if (a) b = 0', 'if (a) b = 4']],
  ['if (!a) b()', ['if (a) b()', 'if (!a) ;']],
  ['if (a) throw b', ['if (!(a)) throw b', ';']],
  ['if (a) { throw b }', ['if (!(a)) { throw b }', ';']],
  ['if (a) throw b; else c()', ['if (!(a)) throw b; else c()', 'if (a) throw b; else ;']],
  ['a()', [';']],
  ["import { a } from 'b'", []],
  ['type A = 1 | 2', []],
  ["'use strict'", []],
])('of %s, the statement becomes %j', (statement, expected) => {
  expect(mutated(statement).sort()).toEqual([...expected].sort())
})

test.each([
  ['return a', ['return undefined']],
  ['return true', ['return false']],
  ['return !a', ['return a']],
  ['return', []],
  ['return undefined', []],
  ["return 'a'", []],
  ['return [a, b]', ['return undefined']],
])('of %s, the value becomes %j', (statement, expected) => {
  const inFunction = (text: string): string => `function f() { ${text} }`
  expect(mutated(inFunction(statement))).toEqual(expected.map(inFunction))
})

test('types stay as they are, and positions are those of the TypeScript, also behind letters of several bytes', () => {
  const source = "// … – ü\nconst a = (b: Array<'ä' | 5>, c?: number): boolean => (b as number[]).length > c!\n"
  expect(mutantsOf(FILE, source)).toEqual([
    expect.objectContaining({ line: 2, text: 'undefined' }),
    expect.objectContaining({ text: '>=', mutated: expect.stringContaining("(b: Array<'ä' | 5>, c?: number): boolean") }),
    expect.objectContaining({ text: '<=', original: expect.stringMatching(/> c!$/) }),
  ])
})

test('a mutant tells the lines that it touches, with blanks folded', () => {
  const [negated, gone] = mutantsOf(FILE, 'a\n\nfunction f() {\n  if (b) {\n    return\n  }\n}\n').slice(1)
  expect(gone).toMatchObject({ file: FILE, line: 4, original: 'if (b) {', mutated: 'if (!(b)) {' })
  expect(negated).toMatchObject({ line: 4, original: 'if (b) { return }', mutated: ';' })
})

test('what can no longer be read is no mutant', () => {
  const source = 'const x = (a && b) ?? c\nconst y = a && b'
  expect(mutantsOf(FILE, source).map((mutant) => isSound(source, mutant))).toEqual([true, true])
  expect(isSound('const x = a || b && c', { start: 12, end: 14, text: '??' })).toBe(false)
})

const many = (file: string, count: number): [string, string] => [
  file,
  Array.from({ length: count }, (_, at) => `export const x${at} = a${at} < b`).join('\n'),
]

test('random numbers are those of mulberry32, and the same again for a seed', () => {
  const draw = (seed: number): number[] => {
    const random = createRandom(seed)
    return [random(), random(), random()]
  }
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
  expect(draw(1)[0]).toBeCloseTo(0.6270739405881613, 12)
  for (const number of draw(3)) expect(number > 0 && number < 1).toBe(true)
})

test('the lot is the same for a seed, draws nothing twice, and goes by size', () => {
  const choices = [many('actions/a.ts', 30), many('actions/b.ts', 90)].map(([file, source]) => ({
    source,
    mutants: mutantsOf(file, source),
  }))
  const lot = choose(choices, 40, 7)
  expect(choose(choices, 40, 7)).toEqual(lot)
  expect(choose(choices, 40, 8)).not.toEqual(lot)
  expect(new Set(lot).size).toBe(40)
  const ofA = lot.filter(({ file }) => file === 'actions/a.ts').length
  expect(ofA).toBeGreaterThanOrEqual(9)
  expect(ofA).toBeLessThanOrEqual(11)
  expect(choose(choices, 1000, 7)).toHaveLength(240)
  expect(choose([], 10, 1)).toEqual([])
})

test('arguments: folders, files, lines of a file; several seeds give each mutant once', () => {
  const sources = new Map([many('actions/a/x.ts', 20), many('actions/b/y.ts', 20), many('__tests__/a/x.test.ts', 20)])
  expect(new Set(mutantsFor(['actions/a/'], sources, [1], 10).map(({ file }) => file))).toEqual(new Set(['actions/a/x.ts']))
  expect(mutantsFor(['actions/a/x.ts:3'], sources, [1], 1).map(({ line, text }) => [line, text])).toEqual([
    [3, '<='],
    [3, '>='],
  ])
  expect(mutantsFor(['actions'], sources, [1, 2], 1000)).toHaveLength(80)
  expect(() => mutantsFor(['actions/c'], sources, [1], 1)).toThrow('actions/c is no source')
  expect(() => mutantsFor(['__tests__'], sources, [1], 1)).toThrow('__tests__ is no source')
  expect(numbers('seed', ['1,2', '3'])).toEqual([1, 2, 3])
  expect(() => numbers('seed', ['1,x'])).toThrow('--seed takes whole numbers such as 1 or 1,2,3, not "1,x"')
})

const tree = new Map([
  ['actions/a/x.ts', "import { y } from './deep/y.ts'\nimport type { z } from './z.ts'"],
  ['actions/a/deep/y.ts', ''],
  ['actions/a/z.ts', ''],
  ['__tests__/a/x.test.ts', "import { x } from '../../actions/a/x.ts'"],
  ['__tests__/a/other.test.ts', "import {\n  y,\n} from '../../actions/a/deep/y.ts'"],
  ['__tests__/b/far.test.ts', "import { stage } from './stage.ts'"],
  ['__tests__/b/stage.ts', "export * from '../../actions/a/x.ts'"],
  ['__tests__/b/started.test.ts', "spawn(join(import.meta.dirname, 'steps', name))"],
  ['__tests__/b/steps/one.ts', "await import('../../../actions/a/z.ts')"],
  ['__tests__/scripts/rules.test.ts', "import { x } from '../../actions/a/x.ts'"],
])

test('the import graph: no types, lists over several lines, files that are started', () => {
  const of = (file: string): string[] => loads(file, tree.get(file) ?? '', tree)
  expect(of('actions/a/x.ts')).toEqual(['actions/a/deep/y.ts'])
  expect(of('__tests__/a/other.test.ts')).toEqual(['actions/a/deep/y.ts'])
  expect(of('__tests__/b/stage.ts')).toEqual(['actions/a/x.ts'])
  expect(of('__tests__/b/started.test.ts')).toEqual(['__tests__/b/steps/one.ts'])
})

test('related tests: the own one, those of the folder, then by steps; none of the project itself', () => {
  const seen = distances(tree)
  const related = (file: string): string[] => relatedTests(file, tree, seen)
  expect(related('actions/a/x.ts')).toEqual(['__tests__/a/x.test.ts', '__tests__/b/far.test.ts', '__tests__/a/other.test.ts'])
  expect(related('actions/a/deep/y.ts')).toEqual(['__tests__/a/other.test.ts', '__tests__/a/x.test.ts', '__tests__/b/far.test.ts'])
  expect(related('actions/a/z.ts').slice(0, 1)).toEqual(['__tests__/b/started.test.ts'])
})

test('a log of a trial is a failed test, a pass of at least one test, or no verdict', () => {
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`
  const end = line({ file: '/lane/__tests__/x.test.ts', took: 12 })
  expect(verdictOf(end + line({ passed: 3 }), '/lane', 'late')).toEqual({ failed: [], took: new Map([['__tests__/x.test.ts', 12]]) })
  expect(verdictOf(line({ failed: '/lane/__tests__/x.test.ts: a b' }) + end, '/lane', 'late').failed).toEqual(['__tests__/x.test.ts: a b'])
  expect(verdictOf(line({ passed: 0 }), '/lane', 'late').failed).toEqual(['late'])
  expect(verdictOf(end, '/lane', 'late').failed).toEqual(['late'])
  expect([patienceFor(1000), patienceFor(20_000)]).toEqual([30_000, 60_000])
})

test('equivalents are listed with their exact lines and a reason, and stale lines are found', () => {
  const source = 'export const x = a   <\n b || c'
  const [mutant] = mutantsOf(FILE, source) as [Mutant]
  const text = `# words\n\n${entryOf(mutant)}they are never the same\n`
  const listed = equivalents(text)
  expect(listed).toEqual([`${FILE} | export const x = a < | export const x = a <= | they are never the same`])
  expect(isListed(mutant, listed)).toBe(true)
  expect(isListed(mutant, [entryOf(mutant)])).toBe(false)
  expect(stale(listed, new Map([[FILE, source]]))).toEqual([])
  expect(stale(listed, new Map([[FILE, source.replace('<', '>')]]))).toEqual(listed)
  expect(stale(listed, new Map())).toEqual(listed)
  expect(inOneLine(mutant)).toBe(`${FILE}:1  export const x = a <  ->  export const x = a <=`)
})

test('the figures, and what is not good enough about them', () => {
  const mutants = mutantsOf(...many(FILE, 10)).slice(0, 20)
  const results = mutants.map((mutant, at) => ({ mutant, killedBy: at < 16 ? 'a test' : undefined }))
  const [listed] = mutants.slice(-1).map((mutant) => `${entryOf(mutant)}why`)
  expect(tally(results, [listed ?? ''])).toEqual({ mutants: 20, killed: 16, equivalent: 1, survived: 3 })
  expect(objections({ mutants: 20, killed: 17, equivalent: 0, survived: 3 })).toEqual([])
  expect(objections({ mutants: 20, killed: 16, equivalent: 1, survived: 3 })).toEqual([
    '84.2% of the mutants were killed, at least 85.0% are wanted',
  ])
  expect(objections({ mutants: 20, killed: 18, equivalent: 2, survived: 0 })).toEqual([
    '2 of 20 mutants are called equivalent, at most 5.0% may be',
  ])
  expect(objections({ mutants: 0, killed: 0, equivalent: 0, survived: 0 })).toHaveLength(1)
})
