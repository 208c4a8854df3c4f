import { describe, expect, test } from '@jest/globals'
import type { Schedule } from '../../../actions/canary-analyze/result.ts'
import { suited } from '../../../actions/canary-analyze/watch/looks.ts'

const START = Date.UTC(2026, 0, 1)
const schedule: Schedule = {
  replay: undefined,
  initialDelay: 0,
  interval: 10_000,
  shortest: 60_000,
  longest: 600_000,
  sampleDelay: 0,
  failures: 3,
}

function fitted(given: Partial<Schedule>, spacing?: number) {
  const told: string[] = []
  return { ...suited({ ...schedule, ...given }, spacing, (text) => told.push(text)), told }
}

describe('a schedule that fits the data', () => {
  test('stays as it is where looks hold two samples, and where nothing is known of them', () => {
    for (const spacing of [undefined, 1000, 5000])
      expect(fitted({}, spacing)).toMatchObject({ interval: 10_000, longest: 600_000, told: [] })
  })
  test('looks as long as two scrapes, and says so', () => {
    expect(fitted({}, 30_000)).toMatchObject({
      interval: 60_000,
      longest: 600_000,
      told: ['interval: 10s is lengthened to 1m: the samples are 30s apart, and a look needs 2'],
    })
    // Spacings are as they were measured.
    expect(fitted({}, 5_400).interval).toBe(11_000)
  })
  test('watches for eight looks, and says so', () => {
    expect(fitted({ longest: 60_000 })).toMatchObject({
      longest: 80_000,
      told: ['max-duration: 1m is lengthened to 1m20s, which is 8 looks of 10s'],
    })
    expect(fitted({}, 60_000)).toMatchObject({ interval: 120_000, longest: 960_000 })
  })
  test('leaves the window of a replay, and says what comes of it', () => {
    const short = fitted({ replay: { from: START, to: START + 100_000 }, longest: 100_000 }, 60_000)
    expect(short).toMatchObject({
      interval: 100_000,
      longest: 100_000,
      told: [expect.any(String), expect.stringContaining('fewer than 8 looks')],
    })
  })
})
