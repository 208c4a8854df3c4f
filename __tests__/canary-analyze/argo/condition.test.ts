import { expect, test } from '@jest/globals'
import { holds } from '../../../actions/canary-analyze/argo/condition.ts'

test.each<[string, unknown, boolean]>([
  ['result == true', true, true],
  ['result == false', true, false],
  ['2 in result', [2, 2], true],
  ['3 not in result', [2, 2], true],
  ['result > 1', 5, true],
  ['result[0] >= 0.95', [0.99], true],
  ['result[-1] == 3', [1, 2, 3], true],
  ['len(result) == 0 || result[0] >= 0.95', [], true],
  ['all(result.a.b, {# > 1})', { a: { b: [2, 2] } }, true],
  ['any(result, # > 3) && !none(result, {# == 4})', [1, 4], true],
  ['count(result, {# > 1}) == 2', [1, 2, 3], true],
  ['filter(result, # > 1) == [2, 3]', [1, 2, 3], true],
  ['all(result, .up == true)', [{ up: true }], true],
  ['result | len() == 2', [1, 2], true],
  ['asInt(result) == 1', '1', true],
  ['asInt(result) == 1', 1.123, true],
  ['asFloat(result) >= 1.1', '1.1', true],
  ['isNaN(result)', NaN, true],
  ['result >= 0.9 || isNaN(result)', NaN, true],
  ['isInf(result)', -Infinity, true],
  ['isNil(result)', null, true],
  ['result.constructor == nil', {}, true],
  ['default(result, 0) == 0', null, true],
  ['default(result, 0) == 3', 3, true],
  ['result ?? 1 == 1', null, true],
  ['not (result < 2) and result ** 2 == 9', 3, true],
  ['-result + 2 * 3 == 3', 3, true],
  ['result > 1 ? true : false', 3, true],
  ["result.x?.y == nil && 'a' in result", { a: 1 }, true],
  ['result[1:] == [2]', [1, 2], true],
  ['result contains "b" and result startsWith "a" and result endsWith "c"', 'abc', true],
  ['max(result) - min(result) < 2 && mean(result) == 1.5', [1, 2], true],
])('%s of %j', (condition, result, expected) => {
  expect(holds(condition, result)).toBe(expected)
})

test.each<[string, unknown, string]>([
  ['1', true, 'expected bool, but got int'],
  ['invalidVariable', true, 'unknown name invalidVariable'],
  ['a == true', true, 'unknown name a'],
  ["result.Name() == 'hi'", true, 'unexpected ('],
  ['asInt(result) == 1.1', '1.1', 'strconv.ParseInt: parsing "1.1": invalid syntax'],
  ['asFloat(result) == 1.1', 'NotANum', 'strconv.ParseFloat: parsing "NotANum": invalid syntax'],
  ['asFloat(result) == "1.1"', '1.1', 'invalid operation: == (mismatched types float64 and string)'],
  ['result[0] >= 0.95', null, 'cannot fetch 0 from nil'],
  ['result[0] >= 0.95', [], 'index out of range: 0 (array length is 0)'],
  ['result.constructor(1)', {}, 'unexpected ('],
  ['result > ', 1, 'unexpected the end'],
  ['result @ 1', 1, 'unrecognized character "@"'],
  ['process.exit(1)', 1, 'unexpected ('],
  ['constructor(1)', 1, 'unknown name constructor'],
  ['# > 1', 1, 'outside of all'],
  [`${'('.repeat(5000)}1`, 1, 'nested more than 100 deep'],
  ['1'.repeat(20_000), 1, 'at most 10000 are read'],
])('%.60s is refused', (condition, result, message) => {
  expect(() => holds(condition, result)).toThrow(message)
})
