import { expect, test } from '@jest/globals'
import { formatDuration, systemClock } from '../../../actions/shared/time/clock.ts'

test.each([
  [0, '0s'],
  [0.4, '0s'],
  [350, '350ms'],
  [999.7, '1s'],
  [1500, '1.5s'],
  [59_949, '59.9s'],
  [59_960, '1m'],
  [90_000, '1m30s'],
  [90_499, '1m30s'],
  [3_600_000, '1h'],
  [5_430_000, '1h30m30s'],
  [93_600_000, '1d2h'],
])('%d ms is written %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('a sleep that is aborted ends with the reason, before it began and after', async () => {
  const stop = new AbortController()
  const reason = new Error('cancelled')
  const asleep = systemClock.sleep(60_000, stop.signal)
  stop.abort(reason)
  await expect(asleep).rejects.toBe(reason)
  await expect(systemClock.sleep(0, stop.signal)).rejects.toBe(reason)
})

test('a sleep takes its time', async () => {
  const begun = systemClock.monotonic()
  await systemClock.sleep(20)
  expect(systemClock.monotonic() - begun).toBeGreaterThanOrEqual(19)
})
