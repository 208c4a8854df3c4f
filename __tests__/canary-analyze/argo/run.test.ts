// Templates as they run to their end, are cut off, or ask a server that does not answer.
import { expect, test } from '@jest/globals'
import { runTemplate } from '../../../actions/canary-analyze/argo/run.ts'
import { readTemplate } from '../../../actions/canary-analyze/argo/template.ts'
import type { Schedule } from '../../../actions/canary-analyze/result.ts'
import type { Answer } from '../../../actions/shared/prometheus/answer.ts'
import { createStory } from '../../../actions/shared/report/story.ts'
import { TestClock } from '../../support/clock.ts'
import { down, Past } from '../support/past.ts'

const START = Date.UTC(2026, 0, 1)
const live: Schedule = {
  replay: undefined,
  initialDelay: 0,
  interval: 10_000,
  shortest: 0,
  longest: 600_000,
  longestByDefault: true,
  sampleDelay: 0,
  failures: 3,
}

interface Given {
  metrics: object[]
  spec?: object
  schedule?: Partial<Schedule>
  values?: Past['values']
  fault?: (seconds: number) => string[]
  /** Of each answer, in milliseconds. */
  slow?: number
}

async function run({ metrics, spec = {}, schedule = {}, values = () => 0.5, fault, slow = 0 }: Given) {
  const clock = new TestClock(START)
  const past = new Past(START, [], fault)
  past.values = values
  const timeouts: (number | undefined)[] = []
  const times: number[] = []
  const instant = async (query: string, at: number, timeout?: number): Promise<Answer> => {
    timeouts.push(timeout)
    times.push((at - START) / 1000)
    if (slow) await clock.sleep(slow)
    return past.instant(query, at)
  }
  const prometheus = {
    instant,
    range: past.range.bind(past),
    before: past.before.bind(past),
    samples: past.samples.bind(past),
    groups: past.groups.bind(past),
    everywhere: true,
  }
  const document = {
    kind: 'AnalysisTemplate',
    spec: {
      ...spec,
      metrics: metrics.map((metric, i) => ({
        name: `m${i}`,
        successCondition: 'result[0] < 1',
        provider: { prometheus: { query: `m${i}` } },
        ...metric,
      })),
    },
  }
  const story = createStory(() => clock.now(), { phase: () => undefined, line: () => undefined, untrusted: () => undefined })
  const ports = { prometheus, counters: prometheus, clock, signal: new AbortController().signal, story }
  const analysis = await runTemplate(readTemplate(document, {}), { ...live, ...schedule }, ports)
  return { ...analysis, times, timeouts, took: (clock.now() - START) / 1000 }
}

const limited = { longest: 12_000, longestByDefault: false }

test('a count that is not reached is inconclusive', async () => {
  const { outcome, reason, looks } = await run({ metrics: [{ interval: '5s', count: 10 }], schedule: limited })
  expect([outcome, reason, looks]).toEqual(['inconclusive', 'm0: the time was over after 3 of 10 measurements', 3])
})

test('a metric that was never measured makes the run inconclusive, whatever the others say', async () => {
  const { outcome, reason } = await run({ metrics: [{}, { initialDelay: '1m' }], schedule: limited })
  expect([outcome, reason]).toEqual(['inconclusive', 'm1: it was not measured'])
})

test.each([2, 12, 39])('a server that never answers within %d s is an error', async (seconds) => {
  const { outcome, reason, headline } = await run({
    metrics: [{ interval: '1s', count: 1 }],
    schedule: { longest: seconds * 1000, longestByDefault: false },
    fault: down,
  })
  expect([outcome, headline.includes('Successful')]).toEqual(['error', false])
  expect(reason).toContain('m0: every measurement ended in an error: ')
  expect(reason).toContain('ECONNREFUSED')
})

test('a server that falls silent before the end is no pass', async () => {
  const { outcome, reason } = await run({
    metrics: [{ interval: '5s' }],
    schedule: limited,
    fault: (seconds) => (seconds > 0 ? down() : []),
  })
  expect(outcome).toBe('inconclusive')
  expect(reason).toContain('its last measurement ended in an error')
})

test('without a count it passes at the limit when it was measured up to it', async () => {
  const { outcome, times } = await run({ metrics: [{ interval: '5s' }], schedule: limited })
  expect([outcome, times]).toEqual(['passed', [0, 5, 10]])
})

test('a template with a count runs to its own end, whatever the default', async () => {
  const { outcome, looks, took } = await run({ metrics: [{ interval: '5m', count: 5 }, { interval: '5m' }] })
  expect([outcome, looks, took]).toEqual(['passed', 10, 1200])
})

test('what is due at once is measured at once, and the worst of it decides', async () => {
  const { outcome, reason } = await run({
    metrics: [{ failureCondition: 'result[0] > 2' }, {}],
    values: () => 1.5,
  })
  expect([outcome, reason]).toEqual(['failed', 'Metric "m1" assessed Failed due to failed (1) > failureLimit (0)'])
})

test('only metrics that run dry: Successful, as there, if there was an answer at all', async () => {
  const dry = { spec: { dryRun: [{ metricName: '.*' }] }, metrics: [{}] }
  expect((await run({ ...dry, values: () => 5 })).outcome).toBe('passed')
  const { outcome, reason } = await run({ ...dry, fault: down })
  expect(outcome).toBe('error')
  expect(reason).toContain('ECONNREFUSED')
})

test('slow answers do not pile up behind the clock', async () => {
  const { times, took } = await run({ metrics: [{ interval: '1s' }], schedule: limited, slow: 5000 })
  expect(times).toEqual([0, 5, 10])
  expect(took).toBe(15)
})

test('the first interval begins after initial-delay, and a replay ends with its window', async () => {
  const later = await run({ metrics: [{ interval: '5s' }], schedule: { ...limited, initialDelay: 30_000 } })
  expect(later.times).toEqual([30, 35, 40])
  const window = { from: START - 60_000, to: START - 20_000 }
  const replay = await run({
    metrics: [{ interval: '15s' }],
    schedule: { replay: window, longest: 30_000, initialDelay: 10_000, longestByDefault: false },
  })
  expect(replay.times).toEqual([-50, -35, -20])
})

test('the timeout of a query is its own', async () => {
  const provider = { prometheus: { query: 'm', timeout: 40 } }
  expect((await run({ metrics: [{ provider }, {}] })).timeouts).toEqual([40_000, undefined])
})
