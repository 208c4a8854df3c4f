import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { extent, resample, spans } from '../../../actions/shared/report/chart.ts'
import { reportSchema } from '../../../actions/shared/report/report.ts'
import { sample } from './sample.ts'

test('the published schema is the one of the type', () => {
  const published: unknown = JSON.parse(readFileSync('actions/shared/report/report.schema.json', 'utf8'))
  expect(published).toEqual(z.toJSONSchema(reportSchema))
})

test('the schema takes a whole report, and nothing beside it', () => {
  expect(reportSchema.parse(sample)).toEqual(sample)
  expect(reportSchema.safeParse({ ...sample, outcome: 'ok' }).success).toBe(false)
  expect(reportSchema.safeParse({ ...sample, extra: 1 }).success).toBe(false)
})

test('phases last from their first moment to the next phase, and are as bad as the worst in them', () => {
  expect(spans(sample)).toEqual([
    { phase: 'prepare', from: 1, to: 20, level: 'info' },
    { phase: 'verify', from: 20, to: 50, level: 'warning' },
    { phase: 'switch', from: 50, to: 90, level: 'bad' },
  ])
  expect(spans({ ...sample, timeline: [] })).toEqual([])
})

test('a chart holds every point and its limit', () => {
  expect(sample.chart && extent(sample.chart)).toEqual({ x: { from: 0, to: 40 }, y: { from: 0, to: 2 } })
  expect(extent({ title: '', x: '', y: '', series: [{ name: '', points: [[1, 5]] }] })).toBeUndefined()
})

test('resampling is linear between points and level beyond', () => {
  expect(
    resample(
      [
        [10, 0],
        [20, 4],
        [30, 4],
      ],
      { from: 0, to: 40 },
      9,
    ),
  ).toEqual([0, 0, 0, 2, 4, 4, 4, 4, 4])
  expect(
    resample(
      [
        [10, 1],
        [10, 3],
      ],
      { from: 0, to: 20 },
      3,
    ),
  ).toEqual([1, 3, 3])
})
