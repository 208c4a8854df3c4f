import { expect, test } from '@jest/globals'
import { codeOf, messageOf } from '../../../actions/shared/text/errors.ts'

const coded = (code: unknown, cause?: unknown) => Object.assign(new Error('x', { cause }), { code })

test.each<[string, unknown, string | undefined]>([
  ['its own', coded('lease-lost'), 'lease-lost'],
  ['that of its cause', new Error('y', { cause: coded('foreign-object') }), 'foreign-object'],
  ['that of the first of several', new AggregateError([coded('ENOENT'), coded('preflight')], 'z'), 'preflight'],
  ['its own before its cause', coded('a-b', coded('c-d')), 'a-b'],
  ['none of the system', coded('ENOENT'), undefined],
  ['none that is no word', coded(401), undefined],
  ['none of what is no error', 'lease-lost', undefined],
])('the code of an error is %s', (_, error, code) => {
  expect(codeOf(error)).toBe(code)
})

test('an error that is its own cause ends the search', () => {
  const circle = new Error('round')
  circle.cause = circle
  expect(codeOf(circle)).toBeUndefined()
})

test('whatever was thrown has a message', () => {
  expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined'])
})
