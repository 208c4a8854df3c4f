import { expect, test } from '@jest/globals'
import { nearest } from '../../../actions/shared/text/nearest.ts'

test.each([
  ['status_label', ['where', 'status-label'], 'status-label'],
  ['prest', ['kind', 'preset'], 'preset'],
  ['Preset', ['kind', 'preset'], 'preset'],
  ['flor', ['floor', 'flow'], 'floor'],
  ['knid', ['kind', 'preset'], 'kind'],
  ['x', ['kind', 'preset'], undefined],
  ['query', ['total', 'events'], undefined],
  ['', ['a'], undefined],
  ['kind', [], undefined],
  ['k'.repeat(2 ** 20), ['kind'], undefined],
])('%.20s is meant to be one of %j', (word, known, found) => expect(nearest(word, known)).toBe(found))
