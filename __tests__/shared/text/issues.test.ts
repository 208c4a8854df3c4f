import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { wrongs, wrongsText } from '../../../actions/shared/text/issues.ts'

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
