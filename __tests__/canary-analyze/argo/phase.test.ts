import { describe, expect, test } from '@jest/globals'
import { goDuration } from '../../../actions/canary-analyze/argo/duration.ts'
import {
  type Counters,
  countMeasurement,
  cutOffPhase,
  effectiveCount,
  type MetricLimits,
  measure,
  metricPhase,
  nextMeasurement,
  noMeasurements,
  type Phase,
  refusal,
  runPhase,
} from '../../../actions/canary-analyze/argo/phase.ts'

test.each<[string, string, unknown, Phase]>([
  ['true', 'true', 1, 'Failed'],
  ['false', 'false', 1, 'Inconclusive'],
  ['true', '', 1, 'Successful'],
  ['false', '', 1, 'Failed'],
  ['', 'false', 1, 'Successful'],
  ['', 'true', 1, 'Failed'],
  ['', '', 1, 'Successful'],
  ['true', 'a == true', 1, 'Error'],
  ['result >= 0.9', '', NaN, 'Failed'],
  ['result >= 0.9', 'result < 0.9', NaN, 'Inconclusive'],
])('success %j failure %j of %d', (successCondition, failureCondition, result, phase) => {
  expect(measure(result, { successCondition, failureCondition }).phase).toBe(phase)
})

test('a condition that fails for want of data says so', () => {
  expect(measure([], { successCondition: 'result[0] > 1' })).toEqual({
    phase: 'Error',
    message: 'the query gave no data (index out of range: 0 (array length is 0))',
  })
})

describe('a metric', () => {
  const of = (given: Partial<Counters>): Counters => ({ ...noMeasurements, ...given })
  test.each<[string, MetricLimits, Partial<Counters>, Phase | undefined, boolean, Phase]>([
    ['not begun', {}, {}, undefined, false, 'Pending'],
    ['not begun, ended', {}, {}, undefined, true, 'Successful'],
    ['limits are strict', { failureLimit: 2, interval: '1m' }, { failed: 2, count: 2 }, 'Failed', false, 'Running'],
    ['beyond the limit', { failureLimit: 2, interval: '1m' }, { failed: 3, count: 3 }, 'Failed', false, 'Failed'],
    ['one run ends', {}, { successful: 1, count: 1 }, 'Successful', false, 'Successful'],
    ['an error does not count', {}, { consecutiveError: 1 }, 'Error', false, 'Running'],
    ['errors in a row', { interval: '1m' }, { consecutiveError: 5 }, 'Error', false, 'Error'],
    ['error beats inconclusive', {}, { consecutiveError: 5, inconclusive: 1, failed: 1, count: 2 }, 'Error', false, 'Error'],
    ['inconclusive beats failed', {}, { inconclusive: 1, failed: 1, count: 2 }, 'Failed', false, 'Inconclusive'],
    [
      'without failures, too few in a row',
      { failureLimit: -1, consecutiveSuccessLimit: 2, count: 3, interval: '1s' },
      { failed: 9, count: 3 },
      'Failed',
      false,
      'Failed',
    ],
    [
      'both limits, neither met',
      { failureLimit: 3, consecutiveSuccessLimit: 2, count: 5, interval: '1s' },
      { failed: 2, count: 5 },
      'Failed',
      false,
      'Inconclusive',
    ],
    [
      'successes in a row',
      { failureLimit: 3, consecutiveSuccessLimit: 2, interval: '1s' },
      { failed: 1, consecutiveSuccess: 2, count: 3 },
      'Successful',
      false,
      'Successful',
    ],
  ])('%s', (_, limits, counters, last, terminating, phase) => {
    expect(metricPhase(limits, of(counters), last, terminating)).toBe(phase)
  })

  test.each<[string, MetricLimits, Partial<Counters>, Phase | undefined, Phase, string]>([
    ['not measured', {}, {}, undefined, 'Inconclusive', 'it was not measured'],
    ['only errors', { interval: '1s' }, { consecutiveError: 2 }, 'Error', 'Error', 'every measurement ended in an error'],
    [
      'its count is not reached',
      { interval: '1s', count: 10 },
      { successful: 3, count: 3 },
      'Successful',
      'Inconclusive',
      'the time was over after 3 of 10 measurements',
    ],
    [
      'too few successes in a row',
      { interval: '1s', consecutiveSuccessLimit: 3, failureLimit: -1 },
      { failed: 9, count: 9 },
      'Failed',
      'Inconclusive',
      'the time was over after 0 of 3 successes in a row',
    ],
    [
      'silent at the end',
      { interval: '1s' },
      { successful: 3, count: 3, consecutiveError: 1 },
      'Error',
      'Inconclusive',
      'its last measurement ended in an error',
    ],
    ['without a count', { interval: '1s' }, { successful: 3, count: 3 }, 'Successful', 'Successful', ''],
    ['complete', { interval: '1s', count: 3 }, { successful: 3, count: 3 }, 'Successful', 'Successful', ''],
    ['bad', { interval: '1s', count: 3 }, { failed: 1, count: 1 }, 'Failed', 'Failed', ''],
  ])('cut off: %s', (_, limits, counters, last, phase, message) => {
    expect(cutOffPhase(limits, of(counters), last)).toEqual({ phase, message })
  })

  test('counts', () => {
    const phases: Phase[] = ['Successful', 'Error', 'Successful', 'Successful', 'Failed', 'Inconclusive']
    const counted = phases.map(
      (
        (sum) => (phase: Phase) =>
          (sum = countMeasurement(sum, phase))
      )(noMeasurements),
    )
    expect(counted[1]).toEqual(of({ successful: 1, count: 1, consecutiveSuccess: 0, consecutiveError: 1 }))
    expect(counted.at(-1)).toEqual(of({ successful: 3, failed: 1, inconclusive: 1, count: 5 }))
    expect([effectiveCount({}), effectiveCount({ interval: '1m' }), effectiveCount({ count: 3, interval: '1m' })]).toEqual([
      1,
      undefined,
      3,
    ])
    expect([nextMeasurement('Error', 300_000), nextMeasurement('Failed', 300_000)]).toEqual([10_000, 300_000])
  })
})

test('a run is as bad as its worst metric; dry ones decide nothing', () => {
  const state = (name: string, phase: Phase, dryRun: boolean, counters: Partial<Counters>) => ({
    name,
    phase,
    dryRun,
    limits: {},
    counters: { ...noMeasurements, ...counters },
  })
  expect(runPhase([state('a', 'Successful', false, {}), state('b', 'Running', false, {})]).phase).toBe('Running')
  expect(runPhase([state('a', 'Inconclusive', false, { inconclusive: 1 }), state('b', 'Failed', true, { failed: 1 })])).toEqual({
    phase: 'Inconclusive',
    message: 'Metric "a" assessed Inconclusive due to inconclusive (1) > inconclusiveLimit (0)',
  })
  expect(runPhase([state('a', 'Error', false, {}), state('b', 'Failed', false, {})]).phase).toBe('Failed')
})

test.each<[MetricLimits, string | undefined]>([
  [{ count: 1, failureLimit: 2 }, 'count must be >= failureLimit'],
  [{ count: 3, interval: '1s', failureLimit: 2, consecutiveSuccessLimit: 2 }, 'count must be >= failureLimit + consecutiveSuccessLimit'],
  [{ count: 1, inconclusiveLimit: 2 }, 'count must be >= inconclusiveLimit'],
  [{ count: 2 }, 'interval must be specified when count > 1'],
  [{ interval: '60' }, 'invalid interval string: time: invalid duration "60"'],
  [{ interval: '0s' }, "interval is '0s': from 100ms to 24h is accepted"],
  [{ interval: '-5s' }, "interval is '-5s': from 100ms to 24h is accepted"],
  [{ interval: '1ms' }, "interval is '1ms': from 100ms to 24h is accepted"],
  [{ interval: '999999h' }, "interval is '999999h': from 100ms to 24h is accepted"],
  [{ initialDelay: '-1m' }, "initialDelay is '-1m': from 0s to 24h is accepted"],
  [{ initialDelay: '5' }, 'invalid initialDelay string: time: invalid duration "5"'],
  [{ initialDelay: '0s', interval: '100ms' }, undefined],
  [{ count: -1 }, 'count is -1: at least 1 is wanted'],
  [{ failureLimit: -1 }, 'failureLimit and consecutiveSuccessLimit cannot both be disabled'],
  [{ failureLimit: -1, consecutiveSuccessLimit: 2, count: 1 }, 'count must be >= consecutiveSuccessLimit'],
  [{ failureLimit: -1, consecutiveSuccessLimit: 2, count: 2, interval: '1s' }, undefined],
  [{ consecutiveErrorLimit: -1 }, 'consecutiveErrorLimit must be >= 0'],
  [{ consecutiveSuccessLimit: -1 }, 'consecutiveSuccessLimit must be >= 0'],
  [{ failureLimit: -2 }, 'failureLimit must be >= 0, or -1 to be disabled'],
  [{ failureLimit: -1, consecutiveSuccessLimit: 1, inconclusiveLimit: -1 }, 'inconclusiveLimit must be >= 0'],
  [{ count: 5, interval: '1m30s', failureLimit: 1 }, undefined],
])('%j', (limits, message) => expect(refusal(limits, goDuration)).toBe(message))

test.each([
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['90s', 90_000],
  ['100ms', 100],
  ['0', 0],
  ['5', undefined],
  ['1d', undefined],
  ['', undefined],
])('Go reads %j as %d ms', (text, ms) => expect(goDuration(text)).toBe(ms))
