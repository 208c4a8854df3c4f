import { expect, test } from '@jest/globals'
import { readOneYaml, readYaml, YamlError, type YamlOptions } from '../../../actions/shared/text/yaml.ts'

const problems = (text: string, options?: YamlOptions): string[] => {
  try {
    readYaml(text, options)
    return []
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    return error.message.split('\n')
  }
}

test('values, and where they stand', () => {
  const document = readOneYaml('a: 1\nb:\n  - x: 0644\n    y: &y [yes]\n  - *y\n')
  expect(document.value).toEqual({ a: 1, b: [{ x: 644, y: ['yes'] }, ['yes']] })
  expect([['b', 0, 'y'], ['b', 1, 'nowhere'], ['b', 0], [], ['nowhere']].map((path) => document.placeOf(path).line)).toEqual([
    4, 5, 3, 1, 1,
  ])
  expect(readYaml('')).toEqual([])
  expect(() => readOneYaml('')).toThrow('one YAML document is wanted, not 0')
  expect(() => readOneYaml('a: 1\n---\nb: 1')).toThrow('one YAML document is wanted, not 2')
})

test.each([
  // What the parser would else say by a warning of Node.
  ['? ["##[set-output name=verdict]healthy"]\n: 1', [expect.stringMatching(/^line 1, column 3: A key is no text$/)]],
  ['? {a: b}\n: 1', [expect.stringMatching(/A key is no text$/)]],
  ['a: !vault b', [expect.stringMatching(/^line 1, column 4: A tag is not known/)]],
  ['{a: {__proto__: b}}', ['line 1, column 6: the key "__proto__" is not accepted']],
  ['a: 1\nb: 2\na: 3', ['line 3, column 1: the key "a" is there twice']],
  ['a: *hunter2', [expect.stringMatching(/^line 1, column 4: An alias names an anchor/)]],
  ['a: &a [*a]', ['an anchor refers to itself at a[0]']],
  ['a: .inf', ['a is Infinity; a finite number is needed']],
  ['a: 12345678901234567890', [expect.stringMatching(/^a is a number that would lose digits/)]],
  ['['.repeat(100_000), ['is nested too deeply to be read']],
  [`${'- '.repeat(201)}a`, ['is nested too deeply to be read: at most 200 levels']],
  [`a: &a b\nl:\n${'- *a\n'.repeat(1001)}`, ['has 1001 aliases of anchors; at most 1000 are read']],
  ['x'.repeat(2 ** 20 + 1), ['it is larger than 1048576 characters']],
])('%#: refused by its place', (text, expected) => expect(problems(text)).toEqual(expected))

test('limits are arguments', () => {
  expect(problems('abc', { limits: { characters: 2 } })).toEqual(['it is larger than 2 characters'])
  expect(problems('[[1]]', { limits: { depth: 1 } })).toEqual(['is nested too deeply to be read: at most 1 levels'])
  expect(problems('a: &a xxxxxxxxxxxxxxxxxxxxxxxx\nb: *a', { limits: { unfolded: 3 } })).toEqual([
    'its anchors unfold to more than 3 characters',
  ])
})

test('at most ten problems are told', () => {
  expect(problems(Array.from({ length: 30 }, () => 'a: 1').join('\n'))).toHaveLength(10)
})

test('nothing is written past the log', async () => {
  const warnings: Error[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  for (const dialect of ['strict', 'kubectl'] as const) problems('? [a]\n: 1\nb: !x y\n? {c: d}\n: *b', { dialect })
  expect(readYaml('? [a]\n: 1\nb: !x y', { dialect: 'kubectl' })).toHaveLength(1)
  await new Promise((done) => setImmediate(done))
  process.off('warning', listen)
  expect(warnings).toEqual([])
})

// The parser's own check of keys takes the square of their number.
test('many keys in one map take no time', () => {
  const text = Array.from({ length: 100_000 }, (_, i) => `k${i}: 1`).join('\n')
  expect(Object.keys(readOneYaml(text, { limits: { characters: 4e6 } }).value as object)).toHaveLength(100_000)
})
