// YAML that is none, that never ends, or that is something else.
import { randomBytes } from 'node:crypto'
import { CONFIG, document, release, stdin } from './hostile-manifests.ts'
import { MARK, type Refusal } from './hostile-values.ts'

const bomb = (how: (list: string) => string): string =>
  [
    'b0: &b0 {x: lol}',
    ...Array.from({ length: 30 }, (_, i) => `b${i + 1}: &b${i + 1} ${how(`[${Array(9).fill(`*b${i}`).join(', ')}]`)}`),
  ].join('\n')

const thing = (yaml: string): string => `${document('ConfigMap', 'thing')}${yaml}\n`

/** What the parser, and what comes after it, must not choke on. */
const texts: [name: string, text: string, ...says: RegExp[]][] = [
  ['empty', '', /no Kubernetes object in -/],
  ['only comments', '---\n# nothing\n---\n---\n', /no Kubernetes object in -/],
  ['null', 'null\n', /no Kubernetes object in -/],
  ['text', 'just words', /standard input, document 1: is a string, not a Kubernetes object/],
  ['a page', `<html>${MARK}</html>`, /document 1: is a string, not a Kubernetes object/],
  ['a list', '- a\n- b', /document 1: is a list, not a Kubernetes object/],
  [
    '5,000 objects',
    release(...Array.from({ length: 5_000 }, (_, i) => document('ConfigMap', `c${i}`))),
    /5003 objects up to standard input; .*at most 2000/,
  ],
  [
    '5,000 objects in a List',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: Array.from({ length: 5_000 }, (_, i) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${i}` } })),
    }),
    /5000 objects .*at most 2000/,
  ],
  ['50 MB', `#${'x'.repeat(50 * 2 ** 20)}`, /standard input is larger than 8388608 bytes/],
  [
    'more than can be kept',
    release(...Array.from({ length: 15 }, (_, i) => document('ConfigMap', `c${i}`, `data: {x: ${randomBytes(50_000).toString('hex')}}\n`))),
    /take \d+ bytes compressed; at most 1000000/,
  ],
  ['cyclic anchors', thing('data: &d {again: *d}'), /document 1: an anchor refers to itself at data\.again/],
  ['anchors that merge themselves', thing('data: &d {<<: *d}'), /an anchor refers to itself/],
  ['a billion laughs', thing(bomb((list) => `{x: ${list}}`)), /its anchors unfold to more than 1048576 characters/],
  ['a billion merges', thing(bomb((list) => `{<<: ${list}}`)), /its anchors unfold to more than 1048576 characters/],
  [
    'one long text a thousand times',
    thing(`a: &a "${'y'.repeat(100_000)}"\nb: [${Array(1000).fill('*a').join(', ')}]`),
    /unfold to more than 1048576/,
  ],
  ['too many anchors', thing(`l:\n${'- &x z\n- *x\n'.repeat(20_000)}`), /20000 aliases of anchors; at most 10000/],
  ['an anchor that is nowhere', thing('data: *nowhere'), /An alias names an anchor that is not set before it/],
  ['depth', thing(`data: ${'['.repeat(100_000)}`), /document 1: is nested too deeply/],
  ['depth as JSON', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, /document 1: is nested too deeply/],
  ['a key twice', thing('data: {a: "1", a: "2"}'), /line 4, column 16: the key "a" is there twice/],
  ['tabs', 'apiVersion: v1\n\tkind: ConfigMap\n', /line 2, column 1: Tabs are not allowed/],
  ['a number that would lose digits', thing('spec: {a: 9007199254740993}'), /spec\.a is a number that would lose digits/],
  ['infinity', thing('spec: {a: .inf}'), /spec\.a is Infinity; a finite number/],
  ['NUL bytes', release().replace('backend', 'back\0end'), /standard input holds NUL bytes; .*UTF-8 text is needed/],
  ['the second of two', `${CONFIG}---\nkind: ConfigMap\n`, /document 2: apiVersion is missing; a version such as v1/],
]

export const yamlCases: Refusal[] = stdin('text', texts)
