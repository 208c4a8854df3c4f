import { inspect } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { parseManifests } from '../../../actions/bluegreen-deploy/manifests/yaml.ts'

const HEAD = 'apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: a}\n'
const spec = (yaml: string): unknown => parseManifests(`${HEAD}spec: ${yaml}`, 'f.yaml')[0]?.spec

test.each([
  ['yes', true],
  ['y', true],
  ['"yes"', 'yes'],
  ['0644', 420],
  ['0o644', 420],
  ['0x1F', 31],
  ['1_000', 1000],
  ['12:30', '12:30'],
  ['2001-01-01', '2001-01-01'],
  ['1e3', 1000],
  ['~', null],
  ['tRue', 'tRue'],
  ['!!binary aGVsbG8=', 'hello'],
  ['!vault abc', 'abc'],
  ['{80: a, on: b}', { '80': 'a', true: 'b' }],
  ['{__proto__: {polluted: 1}, constructor: x}', JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "x"}')],
  ['{a: &a {x: 1, z: 2}, b: {<<: *a, z: 3}}', { a: { x: 1, z: 2 }, b: { x: 1, z: 3 } }],
  ['{a: &a {x: 1}, b: &b {x: 2, z: 2}, c: {<<: [*a, *b]}}', { a: { x: 1 }, b: { x: 2, z: 2 }, c: { x: 1, z: 2 } }],
  ['{a: &a [1], b: *a}', { a: [1], b: [1] }],
])('as kubectl reads YAML: %s', (yaml, value) => {
  expect(spec(yaml)).toEqual(value)
})

test('documents are split, the empty ones skipped, lists unfolded, marks of order and line ends ignored', () => {
  const object = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`
  const list = 'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n'
  const text = `\ufeff---\n# nothing\n---\n${object('a')}---\n---\n\ufeff${object('b')}...\n---\n${list}---\n{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"}}\n---\n`
  for (const form of [text, text.replaceAll('\n', '\r\n')])
    expect(parseManifests(form, 'f.yaml').map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c', 'd'])
  expect(parseManifests('', 'f.yaml')).toEqual([])
  expect(parseManifests('# only words\n---\n', 'f.yaml')).toEqual([])
})

test('what only the API server writes is left out, what others write stays', () => {
  const metadata = {
    name: 'a',
    uid: 'u',
    resourceVersion: '1',
    generation: 2,
    creationTimestamp: null,
    managedFields: [],
    finalizers: ['example.org/x'],
    annotations: { note: 'ü ☃ ::error::' },
  }
  const object = { apiVersion: 'example.org/v1', kind: 'Thing', metadata, spec: { status: 'kept' }, status: {} }
  expect(parseManifests(JSON.stringify(object), 'f.json')).toEqual([
    {
      apiVersion: 'example.org/v1',
      kind: 'Thing',
      metadata: { name: 'a', finalizers: ['example.org/x'], annotations: { note: 'ü ☃ ::error::' } },
      spec: { status: 'kept' },
    },
  ])
})

test('what anchors share is apart', () => {
  const { a, b } = spec('{a: &a {x: 1}, b: *a}') as Record<string, unknown>
  expect(a).not.toBe(b)
})

const maps = (amount: number, merge: string): string =>
  Array.from(
    { length: 40 },
    (_, i) =>
      `b${i}: &b${i} {${merge}[${Array(amount)
        .fill(`*b${i - 1}`)
        .join(', ')}]}`,
  )
    .slice(1)
    .join('\n')

const REFUSED: [what: string, yaml: string, says: RegExp][] = [
  ['cyclic anchors', `${HEAD}spec: &s {again: *s}`, /document 1: an anchor refers to itself at spec\.again/],
  ['anchors that merge themselves', `${HEAD}spec: &s {<<: *s}`, /an anchor refers to itself/],
  ['a billion laughs', `${HEAD}b0: &b0 {x: lol}\n${maps(9, 'x: ')}`, /its anchors unfold to more than \d+ characters/],
  ['a billion merges', `${HEAD}b0: &b0 {x: lol}\n${maps(9, '<<: ')}`, /its anchors unfold to more than \d+ characters/],
  [
    'one long text a thousand times',
    `${HEAD}b: &b "${'y'.repeat(1e6)}"\nc: [${Array(20).fill('*b').join(', ')}]`,
    /unfold to more than \d+/,
  ],
  ['too many anchors', `${HEAD}l:\n${'- &x z\n- *x\n'.repeat(10_001)}`, /has 10001 aliases of anchors; at most 10000/],
  ['an anchor that is nowhere', `${HEAD}spec: *nowhere`, /document 1: line 4, column 7: An alias names an anchor that is not set/],
  ['depth', `${HEAD}spec: ${'['.repeat(50_000)}`, /document 1: is nested too deeply/],
  ['depth below what the parser takes', `${HEAD}spec: ${'['.repeat(300)}${']'.repeat(300)}`, /nested too deeply.*at most 200/],
  ['a key twice', `${HEAD}spec: {a: 1, a: 2}`, /line 4, column 14: the key "a" is there twice/],
  ['tabs', `apiVersion: v1\n\tkind: X`, /line 2, column 1: Tabs/],
  ['a number that would lose digits', `${HEAD}spec: {a: {b: [9007199254740993]}}`, /spec\.a\.b\[0\] is a number that would lose digits/],
  ['infinity', `${HEAD}spec: {a: .inf}`, /spec\.a is Infinity; a finite number/],
  ['a set', `${HEAD}spec: {a: !!set {b, c}}`, /spec\.a is a YAML set/],
  ['a merge of no map', `${HEAD}spec: {<<: 5}`, /spec merges a bigint; a map is needed/],
  ['text', 'just words', /f\.yaml, document 1: is a string, not a Kubernetes object/],
  ['a list of objects', '[{a: 1}]', /is a list, not a Kubernetes object/],
  ['no apiVersion', 'kind: X\nmetadata: {name: a}', /apiVersion is missing; a version such as v1/],
  ['a path as apiVersion', 'apiVersion: ../v1\nkind: X\nmetadata: {name: a}', /apiVersion is "\.\.\/v1"/],
  ['no kind', 'apiVersion: v1\nmetadata: {name: a}', /kind is missing/],
  ['a path as kind', 'apiVersion: v1\nkind: a/b\nmetadata: {name: a}', /kind is "a\/b"; a kind such as Deployment/],
  ['no metadata', 'apiVersion: v1\nkind: X', /metadata\.name of the X is missing/],
  ['a path as name', 'apiVersion: v1\nkind: X\nmetadata: {name: ../a}', /metadata\.name of the X is "\.\.\/a"; letters, digits/],
  ['a command as name', 'apiVersion: v1\nkind: X\nmetadata: {name: "::error::a"}', /metadata\.name of the X is "::error::a"/],
  ['a name with a line end', 'apiVersion: v1\nkind: X\nmetadata: {name: "a\\nb"}', /metadata\.name of the X is "a\\nb"/],
  ['a number as name', 'apiVersion: v1\nkind: X\nmetadata: {name: 5}', /metadata\.name of the X is 5/],
  ['generateName', 'apiVersion: v1\nkind: X\nmetadata: {generateName: a-}', /is missing \(generateName would make another object/],
  ['a list as namespace', 'apiVersion: v1\nkind: X\nmetadata: {name: a, namespace: [b]}', /X\/a: metadata\.namespace is \["b"\]/],
  ['a number as label', 'apiVersion: v1\nkind: X\nmetadata: {name: a, labels: {b: 1}}', /X\/a: metadata\.labels has 1 where a string/],
  ['text as annotations', 'apiVersion: v1\nkind: X\nmetadata: {name: a, annotations: b}', /X\/a: metadata\.annotations has "b"/],
  [
    "a release's own label",
    'apiVersion: v1\nkind: X\nmetadata: {name: a, labels: {devops-actions/release: b}}',
    /X\/a: the label devops-actions\/release is for/,
  ],
  ['a number in a ConfigMap', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {b: 1}', /ConfigMap\/a: data\.b is a number/],
  ['an item of a List', 'apiVersion: v1\nkind: List\nitems: [5]', /document 1, item 1: is a number/],
  ['the second document', `${HEAD}---\n{}`, /document 2: apiVersion is missing/],
]

test.each(REFUSED)('refused, with its place: %s', (_, yaml, says) => {
  expect(() => parseManifests(yaml, 'f.yaml')).toThrow(says)
})

describe('a message never shows', () => {
  test.each([
    ['what stands beside a fault of YAML', 'kind: Secret\nstringData:\n  password: hunter2: x'],
    ['a password that is a number', 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: 4711}'],
    [
      'a password that is too large a number',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: 4711471147114711471}',
    ],
    ['a password that looks like an alias', 'kind: Secret\nstringData: { password: *hunter2 }'],
    ['a password that looks like a block', 'kind: Secret\nstringData:\n  password: |hunter2'],
    ['a password that looks like a tag', 'kind: Secret\nstringData:\n  password: !<hunter2'],
    ['a password that looks like an anchor', 'kind: Secret\nstringData:\n  password: &hunter2 &hunter2'],
    ['a password that looks like a directive', '%hunter2\n---\nkind: Secret\nstringData:\n  password: `hunter2'],
    ['a password with an escape', 'kind: Secret\nstringData:\n  password: "\\hunter2"'],
    ['a password that looks like a reserved mark', 'kind: Secret\nstringData:\n  password: @hunter2'],
    ['a password that opens a bracket', 'kind: Secret\nstringData:\n  password: [hunter2'],
    ['a file that is something else', '-----BEGIN PRIVATE KEY-----\nhunter2'],
  ])('%s', (_, yaml) => {
    const tell = (): string => {
      try {
        parseManifests(yaml, 'f.yaml')
        return 'it was read'
      } catch (error) {
        // With its causes, which the log shows as well.
        return inspect(error, { depth: 10 })
      }
    }
    expect(tell()).toMatch(/^ManifestError|^Error: manifests: f\.yaml, document 1: /)
    expect(tell()).not.toMatch(/hunter2|4711/)
  })
})
