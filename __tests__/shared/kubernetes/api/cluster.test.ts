import { expect, test } from '@jest/globals'
import {
  ApiError,
  isConflict,
  isForbidden,
  nameOf,
  refOf,
  selectorText,
  selects,
} from '../../../../actions/shared/kubernetes/api/cluster.ts'

test('an error says what was tried on what, and keeps what was said', () => {
  const refused = new ApiError('apply', 'Service/web', 409, { message: 'a conflict', reason: 'Conflict' })
  expect(refused.message).toBe('cannot apply Service/web: 409 a conflict')
  expect([refused.said, refused.reason, isConflict(refused), isForbidden(refused)]).toEqual(['a conflict', 'Conflict', true, false])
  const away = new ApiError('get', 'Service/web', 0, {}, new Error('fetch failed', { cause: new Error('ECONNREFUSED') }))
  expect(away.message).toBe('cannot get Service/web: fetch failed: ECONNREFUSED')
  expect(new ApiError('get', 'Service/web', 500, {}).message).toBe('cannot get Service/web: 500 no explanation')
  expect(isConflict(new Error('409'))).toBe(false)
})

test.each([
  [undefined, { app: 'web' }, false],
  [{}, { app: 'web' }, false],
  [{ app: 'web' }, undefined, false],
  [{ app: 'web' }, { app: 'web', color: 'blue' }, true],
  [{ app: 'web', color: 'blue' }, { app: 'web' }, false],
  [{ app: 'web', color: 'blue' }, { app: 'web', color: 'green' }, false],
])('the selector %j selects %j: %j', (selector, labels, expected) => {
  expect(selects(selector, labels)).toBe(expected)
})

test('names of things', () => {
  const object = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop', uid: 'x' } }
  expect([nameOf(object), nameOf(refOf(object)), nameOf({ kind: 'Service' })]).toEqual(['Service/web', 'Service/web', 'Service/?'])
  expect(refOf(object)).toEqual({ apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' })
  expect(selectorText({ app: 'web', color: 'blue' })).toBe('app=web,color=blue')
})
