import { expect, test } from '@jest/globals'
import { matches, parseSelector } from '../../actions/canary-analyze/selectors.ts'

const labels = { __name__: 'n', pod: 'green-1', code: '500', text: 'a\nb' }
test.each<[string, boolean]>([
  ['n', true],
  ['m', false],
  ['n{pod="green-1",code="500"}', true],
  ['n{pod="green-1",code="200"}', false],
  ['n{pod="green"}', false],
  ['n{pod!="green-1"}', false],
  ['n{pod!="green"}', true],
  ['n{pod=~"green-.+"}', true],
  // Expressions match the whole value.
  ['n{pod=~"green"}', false],
  ['n{pod=~"reen-1"}', false],
  ['n{pod=~"blue|green-1"}', true],
  ['n{code=~"5.."}', true],
  ['n{code!~"5.."}', false],
  ['n{code!~"5"}', true],
  ['n{text=~"a.b"}', true],
  ['n{pod=~"(?i)GREEN-\\\\d"}', true],
  // A label that is not there is empty.
  ['n{route=""}', true],
  ['n{route!=""}', false],
  ['n{route=~".*"}', true],
  ['n{route=~".+"}', false],
  ['n{route!~"/health"}', true],
  ['n{constructor=""}', true],
])('%s: %s', (selector, expected) => {
  expect([matches(parseSelector(selector), labels), matches(parseSelector(selector), labels)]).toEqual([expected, expected])
})

test.each([
  ['n{code="500"}', true],
  ['n{code="stable"}', true],
  ['n{code="200"}', false],
  ['n{code!="500"}', false],
  ['n{code!="stable"}', false],
  ['n{code!="200"}', true],
  ['n{tier="front"}', true],
])('%s, with another code of the target: %s', (selector, expected) => {
  expect(matches(parseSelector(selector), labels, { code: 'stable', tier: 'front' })).toBe(expected)
})

test.each(['n{pod=~"a("}', 'n{pod=~"(?=a)"}', 'n{pod!~"(a)\\\\1"}'])('%s is no expression of RE2', (selector) => {
  expect(() => matches(parseSelector(selector), labels)).toThrow('is no regular expression of RE2')
})

test('an expression that others try for ever takes no time', () => {
  expect(matches(parseSelector('n{pod=~"(a+)+b"}'), { __name__: 'n', pod: 'a'.repeat(20_000) })).toBe(false)
})
