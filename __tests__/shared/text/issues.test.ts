import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { inWords, wrongs, wrongsText, wrongText } from '../../../actions/shared/text/issues.ts'

const shape = z.strictObject({
  list: z.array(
    z.union([
      z.strictObject({ kind: z.literal('a'), count: z.number() }),
      z.strictObject({ kind: z.literal('b'), inside: z.strictObject({ name: z.string() }) }),
      z.string(),
    ]),
  ),
})
const text = (value: unknown): string => {
  const read = shape.safeParse(value)
  return read.success ? '' : wrongsText(read.error)
}

test('of a union, what keeps a value from the shape that it is meant to be', () => {
  expect(text({ list: [{ kind: 'a', count: 'x' }] })).toBe('list.0.count: Invalid input: expected number, received string')
  expect(text({ list: [{ kind: 'b', inside: { name: 1 } }] })).toBe('list.0.inside.name: Invalid input: expected string, received number')
  expect(text({ list: ['x', { kind: 'b', inside: { name: 'x', more: 1 } }] })).toBe('list.1.inside: Unrecognized key: "more"')
  expect(text({ list: [], more: 1 })).toBe('Unrecognized key: "more"')
})

test('the path is that of the whole', () => {
  const read = shape.safeParse({ list: [{ kind: 'b', inside: {} }] })
  expect(read.error && wrongs(read.error.issues, ['above']).map(({ path }) => path)).toEqual([['above', 'list', 0, 'inside', 'name']])
})

test('in words: what is wanted, each key by itself and where it stands, with what it is meant to be', () => {
  const file = z.strictObject({
    name: z.string().min(1),
    rate: z.number().positive().lt(1),
    mode: z.enum(['fast', 'slow']),
    list: z.array(z.number()).min(1),
  })
  const said = (value: unknown) => wrongs(file.safeParse(value, { error: inWords }).error?.issues ?? [])
  const good = { name: 'x', rate: 0.5, mode: 'fast', list: [1] }
  expect(said({ ...good, nmae: 1, other: 2 })).toEqual([
    { path: [], message: 'has no key nmae; did you mean name?', at: ['nmae'] },
    { path: [], message: 'has no key other', at: ['other'] },
  ])
  expect(said({ rate: 2, mode: 'fsat', list: [] }).map(wrongText)).toEqual([
    'name is missing: a text is wanted',
    'rate has to be less than 1',
    'mode: fsat is not accepted: one of fast, slow is wanted; did you mean fast?',
    'list is too short: at least 1 item',
  ])
  expect(said({ ...good, rate: 0, list: null, name: '' }).map(wrongText)).toEqual([
    'name is too short: at least 1 character',
    'rate has to be more than 0',
    'list: nothing is not accepted: a list is wanted',
  ])
  expect(said('x').map(wrongText)).toEqual(['a text is not accepted: a map is wanted'])
})
