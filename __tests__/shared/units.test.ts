import { expect, test } from '@jest/globals'
import { formatDuration } from '../../actions/shared/time/clock.ts'
import { parseDuration, parsePercentage, parseSize } from '../../actions/shared/units.ts'

test.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['1d2h3m4s5ms', 93_784_005],
  ['0', 0],
  ['0s', 0],
])('the duration %s is %d ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds)
})

test.each(['', '90', 'abc', '5 m', '-5m', '5M', '30m1h', '5m5m', '1e3s', 'NaNs', '.5s', '5', '99999999999999999d', '1.5ms'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)

test.each([0, 500, 1500, 90_000, 5_400_000, 86_400_000, 93_784_000])('a duration reads back: %d', (milliseconds) => {
  expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds)
})

test('percentages carry their sign', () => {
  expect(['12.5%', '0%', '100 %'].map(parsePercentage)).toEqual([12.5, 0, 100])
  for (const text of ['', '12.5', '%', '-1%', '1e2%', '1,5%', '5%%']) expect(parsePercentage(text)).toBeUndefined()
})

test('sizes are powers of 1024 or of 1000', () => {
  expect(['500MiB', '500Mi', '1GB', '1.5k', '1024', '10B', '0'].map(parseSize)).toEqual([524_288_000, 524_288_000, 1e9, 1500, 1024, 10, 0])
  for (const text of ['', 'MiB', '5iB', '5i', '-5', '5X', '9999999PiB', '0x10']) expect(parseSize(text)).toBeUndefined()
})
