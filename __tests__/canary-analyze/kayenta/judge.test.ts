import { describe, expect, test } from '@jest/globals'
import {
  classify,
  classifyScore,
  defaultRule,
  type MetricRule,
  type ScoredMetric,
  score,
} from '../../../actions/canary-analyze/kayenta/judge.ts'
import { deviation, shiftInterval } from '../../../actions/canary-analyze/kayenta/mann-whitney.ts'
import {
  beyondQuartiles,
  commonLanguageEffect,
  meanRatio,
  percentile,
  ranks,
  summarize,
} from '../../../actions/canary-analyze/kayenta/samples.ts'

describe('Mann-Whitney', () => {
  test('the interval of samples apart is all their differences', () => {
    const { low, high, estimate } = shiftInterval([10, 20, 30, 40], [1, 2, 3, 4], 0.95)
    expect(low).toBeCloseTo(6, 6)
    expect(high).toBeCloseTo(39, 6)
    expect(estimate).toBeCloseTo(22.5, 6)
  })
  test('equal observations cannot be ranked', () => expect(() => deviation([1, 1], [1, 1], 0)).toThrow('all observations are equal'))
})

describe('one metric', () => {
  const rule = (given: Partial<MetricRule>): MetricRule => ({ ...defaultRule, ...given })
  const flat = Array.from({ length: 10 }, () => 1)
  const low = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
  const high = low.map((value) => value + 20)
  test.each<[string, number[], number[], Partial<MetricRule>, string]>([
    ['higher', high, low, {}, 'High'],
    ['lower', low, high, {}, 'Low'],
    ['higher, where only a decrease counts', high, low, { direction: 'decrease' }, 'Pass'],
    ['the same in another order', low.toReversed(), low, {}, 'Pass'],
    ['all the same', flat, flat.slice(1), {}, 'Pass'],
    ['constant and apart', flat.map(() => 10), flat, {}, 'High'],
    ['an effect that is allowed', high, low, { allowedIncrease: 5 }, 'Pass'],
    ['no data', [NaN], low, {}, 'Nodata'],
    ['no data, required', [], low, { mustHaveData: true }, 'NodataFailMetric'],
    ['no data, required and critical', [], low, { mustHaveData: true, critical: true }, 'Nodata'],
    ['no data, zero in its place', [], low, { nanStrategy: 'replace' }, 'Pass'],
    ['single points, which Kayenta cannot rank', [2], [1], {}, 'Error'],
    ['infinities are missing points', [Infinity, ...high], [-Infinity, ...low], {}, 'High'],
    ['nothing but infinities', [Infinity, Infinity], low, {}, 'Nodata'],
    ['NaN as zero', flat.map(() => NaN), high, { nanStrategy: 'replace' }, 'Low'],
  ])('%s', (_, experiment, control, given, classification) => {
    expect(classify(experiment, control, rule(given)).classification).toBe(classification)
  })
  test('what is known wrong stays: a change of spread, and sparse errors, pass', () => {
    expect(classify([0, 1, 2, 1, 0, 0], [0, 0, 0, 0, 0, 0], rule({})).classification).toBe('Pass')
    expect(classify([4, 5, 6, 5, 4, 6, 5], [0, 10, 0, 10, 5, 0, 10], rule({})).classification).toBe('Pass')
  })
  test('critical needs the critical effect; a mean of 0 stands in the way of nothing', () => {
    expect(classify(high, low, rule({ critical: true, criticalIncrease: 13 }))).toMatchObject({ classification: 'High', critical: false })
    expect(classify(high, low, rule({ critical: true, criticalIncrease: 2 }))).toMatchObject({ classification: 'High', critical: true })
    expect(
      classify(
        high,
        flat.map(() => 0),
        rule({ critical: true, allowedIncrease: 3, criticalIncrease: 3 }),
      ),
    ).toEqual({
      classification: 'High',
      critical: true,
      effect: NaN,
    })
  })
  test('what could not be compared is no critical miss', () =>
    expect(classify([2], [1], rule({ critical: true }))).toMatchObject({ classification: 'Error', critical: false }))
  test('outliers go when told to, and twice the same data is twice the same verdict', () => {
    const wild = [...low, 1e6]
    expect(classify(wild, low, rule({ outliers: 'remove', outlierFactor: 3 })).classification).toBe('Pass')
    expect(classify([3, 3], [2, 2], rule({}))).toEqual(classify([3, 3], [2, 2], rule({})))
  })
})

describe('the score', () => {
  const metric = (groups: string[], classification: ScoredMetric['classification'], critical = false): ScoredMetric => ({
    groups,
    classification,
    critical,
  })
  test.each<[string, ScoredMetric[], Record<string, number>, number]>([
    ['all pass', [metric(['g'], 'Pass')], {}, 100],
    ['15/85', [metric(['a'], 'High'), metric(['a'], 'Low'), metric(['a'], 'Pass'), metric(['b'], 'High')], { a: 15, b: 85 }, 5],
    ['no data', [metric(['g'], 'Nodata')], {}, 0],
    ['half of the metrics without data', [metric(['g'], 'Pass'), metric(['g'], 'Nodata')], {}, 0],
    ['more than half of the metrics with data', [metric(['g'], 'Pass'), metric(['g'], 'Pass'), metric(['g'], 'Nodata')], {}, 100],
    ['a group without data counts in full', [metric(['p'], 'Pass'), metric(['p'], 'Pass'), metric(['n'], 'Nodata')], {}, 100],
    ['a critical miss', [metric(['g'], 'Pass'), metric(['g'], 'High', true)], {}, 0],
    ['required data that is not there is a miss', [metric(['g'], 'Pass'), metric(['g'], 'NodataFailMetric')], {}, 50],
    ['what is left is shared', [metric(['a'], 'Pass'), metric(['b'], 'High'), metric(['c'], 'Pass')], { a: 40 }, 70],
    ['two decimals', [metric(['g'], 'Pass'), metric(['g'], 'High'), metric(['g'], 'High')], {}, 33.33],
  ])('%s', (_, metrics, weights, summary) => expect(score(metrics, weights).summary).toBe(summary))
  test('muted metrics count for nothing, even critical ones', () => {
    const muted = { ...metric(['m', 'g'], 'High', true), muted: true }
    expect(score([metric(['g'], 'Pass'), muted], { g: 100 })).toEqual({ summary: 100, groups: { g: 100 }, reason: undefined })
    expect(score([metric(['g'], 'Pass'), { ...metric(['g'], 'Nodata'), muted: true }], {}).summary).toBe(100)
  })
  test('thresholds', () => {
    const of = (summary: number) => classifyScore(summary, { pass: 95, marginal: 75 })
    expect([of(95), of(94.9), of(75), of(74.9)]).toEqual(['Pass', 'Marginal', 'Marginal', 'Fail'])
  })
})

test('samples', () => {
  expect(summarize([])).toEqual({ min: 0, max: 0, mean: 0, std: 0, count: 0 })
  expect(summarize([4])).toEqual({ min: 4, max: 4, mean: 4, std: 0, count: 1 })
  expect(percentile([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], 5)).toBeCloseTo(0.175, 9)
  expect(ranks([3, 1, 3, 2])).toEqual([3.5, 1, 3.5, 2])
  expect(beyondQuartiles([1, 1, 1, 5, -1, -1, -1, -5], 1.5).flatMap((is, i) => (is ? [i] : []))).toEqual([3, 7])
  expect(commonLanguageEffect([1, 2, 3], [1, 2, 3])).toBe(0.5)
  expect(meanRatio([1], [0])).toBeNaN()
})
