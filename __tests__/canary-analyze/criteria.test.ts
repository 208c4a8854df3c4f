import { expect, test } from '@jest/globals'
import { meets, parseCriterion } from '../../actions/canary-analyze/criteria.ts'

test.each([
  ['>=10', { operator: '>=', value: 10, percentage: false, relative: false, increase: false }],
  ['  <=+10   %', { operator: '<=', value: 10, percentage: true, relative: true, increase: true }],
  ['>-10%', { operator: '>', value: 10, percentage: true, relative: true, increase: false }],
  ['<15%', { operator: '<', value: 15, percentage: true, relative: true, increase: true }],
  ['=.5', { operator: '=', value: 0.5, percentage: false, relative: false, increase: false }],
  ['10', undefined],
  ['=>10', undefined],
  ['<=NaN', undefined],
  ['<=1e9', undefined],
])('%j', (text, criterion) => expect(parseCriterion(text)).toEqual(criterion))

const of = (text: string) => {
  const criterion = parseCriterion(text)
  if (!criterion) throw new Error(text)
  return criterion
}

test.each([
  ['<=+10%', 11, [10, 10], true],
  ['<=+10%', 11.01, [10, 10], false],
  ['>+0%', 10, [10, 10], false],
  ['=-1', 9, [10, 10], true],
  ['<=+10%', 99, [], true],
  ['<5', 5, [], false],
  ['<=+0', 12, [10, 14], true],
])('%s of %d after %j', (text, value, previous, satisfied) => expect(meets(value, of(text), previous, 'avg')).toBe(satisfied))

test('percentiles of what was before', () => {
  const previous = [5, 1, 4, 2, 3]
  expect(meets(3, of('=+0'), previous, 'p50')).toBe(true)
  expect(meets(5, of('=+0'), previous, 'p95')).toBe(true)
  expect(meets(4, of('=+0'), [1, 2, 3, 4, 5, 6, 7], 'p50')).toBe(true)
  expect(meets(1, of('=+0'), [1], 'p90')).toBe(true)
})
