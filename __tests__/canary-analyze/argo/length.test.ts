import { expect, test } from '@jest/globals'
import { limitOf, tooShort } from '../../../actions/canary-analyze/argo/length.ts'
import { readTemplate } from '../../../actions/canary-analyze/argo/template.ts'
import type { Schedule } from '../../../actions/canary-analyze/result.ts'

const live: Schedule = { replay: undefined, initialDelay: 0, interval: 10_000, shortest: 0, longest: 600_000, sampleDelay: 0, failures: 3 }
const template = (...metrics: object[]) =>
  readTemplate(
    {
      kind: 'AnalysisTemplate',
      spec: { metrics: metrics.map((metric, i) => ({ name: `m${i}`, provider: { prometheus: { query: 'up' } }, ...metric })) },
    },
    {},
  )
const counted = template({ interval: '5m', count: 5, initialDelay: '1m' })

test('a template with a count takes its own time unless a limit was asked for', () => {
  expect(tooShort(counted, { ...live, longestByDefault: true })).toBeUndefined()
  expect(tooShort(counted, { ...live, longest: 1_260_000 })).toBeUndefined()
  expect(tooShort(counted, { ...live, longest: 1_259_000 })).toBe(
    '20m59s is not enough: the metric m0 of the AnalysisTemplate needs 21m for 5 measurements, 5m apart, after its initialDelay of 1m',
  )
})

test('metrics without a count are watched as long as the others', () => {
  const both = template({ interval: '5m', count: 5 }, { interval: '1m' })
  expect(limitOf(both, { ...live, longestByDefault: true })).toEqual({ counted: Infinity, endless: 1_200_000 })
  expect(limitOf(both, live)).toEqual({ counted: 600_000, endless: 600_000 })
})

test.each<[string, object, Partial<Schedule>, string]>([
  [
    'a first measurement that never comes',
    { interval: '1m', initialDelay: '11m' },
    { longestByDefault: true },
    'needs 11m for its first measurement',
  ],
  ['the only one', { initialDelay: '11m' }, {}, 'needs 11m for its measurement, after its initialDelay of 11m'],
  [
    'a window that is too small',
    { interval: '1m', count: 3 },
    { replay: { from: 0, to: 150_000 }, longest: 90_000, initialDelay: 60_000 },
    '1m30s is not enough',
  ],
])('%s', (_, metric, schedule, message) => expect(tooShort(template(metric), { ...live, ...schedule })).toContain(message))
