import { expect, test } from '@jest/globals'
import { emptyLedger, type Ledger, openLedger, parseLedger } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import { setAt } from '../../support/fields.ts'
import { entries, operation } from './kept.ts'

const whole = (): Ledger => ({
  ...emptyLedger('web'),
  generation: 3,
  revision: 2,
  active: { color: 'blue', revision: 1 },
  operation: { ...operation(2), reason: 'bad', decided: 'now' },
  history: entries(1, 1),
  forgotten: [0],
})
const parse = (value: unknown): Ledger => parseLedger(JSON.stringify(value), 'web')

test('what a run writes is read back as it was', () => {
  expect(parse(whole())).toEqual(whole())
  expect(parse(emptyLedger('web'))).toEqual(emptyLedger('web'))
})

test.each([
  [1, /has version 1, from before the first published version of this action, which reads version 2: finish or undo that release/],
  [0, /has version 0, from before/],
  [3, /has version 3, which a newer version of this action wrote; this one reads version 2: use the newer one/],
  [2.5, /has version 2\.5, which a newer/],
])('version %d is refused by name with what to do, and nobody is told to delete it', (version, says) => {
  for (const value of [{ version }, { ...whole(), version }]) {
    expect(() => parse(value)).toThrow(says)
    expect(() => parse(value)).toThrow(/^the ledger ConfigMap\/bluegreen-web /)
    expect(() => parse(value)).not.toThrow(/delete/)
  }
})

test.each<[string, string | undefined, RegExp]>([
  ['nothing', undefined, /it has no state\.json/],
  ['no JSON', '{', /its state is not JSON/],
  ['an empty text', '', /its state is not JSON/],
  ['an empty map', '{}', /→ at version/],
  ['null', 'null', /expected object, received null/],
  ['a list', '[]', /expected object, received array/],
  ['a number', '2', /expected object, received number/],
  ['a version that is text', '{"version":"2"}', /→ at version/],
  ['a version alone', '{"version":2}', /→ at generation/],
])('%s is no ledger, and is not taken for an empty one', (_, text, says) => {
  const read = () => parseLedger(text, 'web')
  expect(read).toThrow(says)
  expect(read).toThrow(/^the ledger ConfigMap\/bluegreen-web cannot be read: .*restore it from a backup, what serves is not touched/s)
})

test.each<[string[], unknown]>([
  [['more'], 'field'],
  [['generation'], '3'],
  [['generation'], -1],
  [['generation'], 1.5],
  [['generation'], 1e12],
  [['revision'], null],
  [['active'], 'blue'],
  [['active'], { color: 'red', revision: 1 }],
  [['active'], { color: 'blue' }],
  [['active'], { color: 'blue', revision: 1, more: 1 }],
  [['warm'], { color: 'green', revision: '1' }],
  [['history'], {}],
  [['history'], null],
  [['history'], [{ ...entries(1, 1)[0], outcome: 'perfect' }]],
  [['history'], [{ ...entries(1, 1)[0], revision: 0 }]],
  [['history'], [{ ...entries(1, 1)[0], digest: 'sha256:x' }]],
  [['history'], [{ ...entries(1, 1)[0], images: 'web' }]],
  [['forgotten'], ['1']],
  [['forgotten'], null],
  [['operation'], undefined],
  [['operation'], 'deploy'],
  [['operation', 'phase'], 'switch'],
  [['operation', 'kind'], 'delete'],
  [['operation', 'step'], 5],
  [['operation', 'split'], { stable: 50, candidate: 49 }],
  [['operation', 'split'], { stable: 150, candidate: -50 }],
  [['operation', 'split'], { stable: 100 }],
  [['operation', 'moved'], 'yes'],
  [['operation', 'digest'], '../../x'],
  [['operation', 'digest'], `sha256:${'A'.repeat(64)}`],
  [
    ['operation', 'created'],
    ['a', 5],
  ],
  [['operation', 'candidate'], null],
  [['operation', 'stable'], undefined],
  [['operation', 'holder'], null],
  [['operation', 'reason'], 5],
  [['operation', 'more'], 'field'],
])('a ledger whose %j is %j is refused', (path, value) => {
  const ledger = whole() as unknown as Record<string, unknown>
  setAt(ledger, JSON.stringify(path), value)
  expect(() => parse(ledger)).toThrow(/^the ledger ConfigMap\/bluegreen-web cannot be read: /)
})

test('the ledger of another release is none of ours', () => {
  expect(() => parse({ ...whole(), release: 'other' })).toThrow('cannot be read: it belongs to release "other"')
})

test.each(['generation', 'revision'] as const)(
  'a run does not begin with a %s near the end of numbers, and a run under way goes on',
  (name) => {
    const text = (number: number): string => JSON.stringify({ ...emptyLedger('web'), [name]: number })
    expect(openLedger(text(999_000_000), 'web')[name]).toBe(999_000_000)
    expect(() => openLedger(text(999_000_001), 'web')).toThrow(
      `the ledger ConfigMap/bluegreen-web cannot be gone on with: its ${name} is 999000001`,
    )
    expect(parseLedger(text(999_000_001), 'web')[name]).toBe(999_000_001)
  },
)
