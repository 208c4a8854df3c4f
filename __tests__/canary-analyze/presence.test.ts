// What is asked before the watch: what is wrong is refused at once, what comes with time is waited for.
import { describe, expect, test } from '@jest/globals'
import { readConfig } from '../../actions/canary-analyze/config.ts'
import { analyze } from '../../actions/canary-analyze/engine.ts'
import { spacingOf } from '../../actions/canary-analyze/presence.ts'
import type { Schedule } from '../../actions/canary-analyze/result.ts'
import { parseSide } from '../../actions/canary-analyze/selectors.ts'
import { createStory } from '../../actions/shared/report/story.ts'
import { TestClock } from '../support/clock.ts'
import { type Counter, latency, Past, traffic } from './support/past.ts'

const START = Date.UTC(2026, 0, 1)
const schedule: Schedule = {
  replay: undefined,
  initialDelay: 0,
  interval: 10_000,
  shortest: 0,
  longest: 600_000,
  sampleDelay: 0,
  failures: 3,
}

interface Given {
  counters: Counter[]
  metrics?: object[]
  candidate?: string
  baseline?: string
  everywhere?: boolean
  schedule?: Partial<Schedule>
}

async function run({
  counters,
  metrics = [{ preset: 'http' }],
  candidate = 'app-green',
  baseline = 'app-blue',
  everywhere = true,
  ...given
}: Given) {
  const told: string[] = []
  const clock = new TestClock(START)
  const past = new Past(START, counters)
  past.everywhere = everywhere
  const story = createStory(() => clock.now(), { phase: () => undefined, line: ({ text }) => told.push(text), untrusted: () => undefined })
  const sides = { candidate: parseSide(candidate), baseline: baseline ? parseSide(baseline) : undefined }
  const ports = { prometheus: past, counters: past, clock, signal: new AbortController().signal, story }
  const request = {
    judge: 'sequential',
    config: readConfig({ metrics }),
    sides,
    previous: {},
    schedule: { ...schedule, ...given.schedule },
  } as const
  const waited = (): number => clock.monotonic() / 1000
  try {
    return { analysis: await analyze(request, ports), told, waited: waited(), error: '' }
  } catch (error) {
    return { analysis: undefined, told, waited: waited(), error: (error as Error).message }
  }
}

const relabelled = (counters: Counter[], change: (labels: Record<string, string>) => Record<string, string>): Counter[] =>
  counters.map(({ labels, at }) => ({ labels: change(labels), at }))
const renamed = (counters: Counter[], metric: string, status = 'status'): Counter[] =>
  relabelled(counters, ({ status: value, ...labels }) => ({ ...labels, __name__: metric, ...(value && { [status]: value }) }))

const green = (errors = 0, from?: number): Counter[] => traffic('app-green-1', { rps: 20, errors, ...(from !== undefined && { from }) })
const blue = (errors = 0): Counter[] => traffic('app-blue-1', { rps: 20, errors })
const usual = { '0.1': 0.6, '0.25': 0.97 }
const latencies = [...latency('app-green-1', 20, usual), ...latency('app-blue-1', 20, usual)]
const own = { kind: 'errors', name: 'errors', total: 'http_requests_total', events: 'http_requests_total{status=~"5.."}' }

describe('the preset http finds what the usual libraries call their metrics', () => {
  test.each([
    ['http_requests_total', 'code'],
    ['http_server_requests_seconds_count', 'status'],
    ['http_server_request_duration_seconds_count', 'http_response_status_code'],
    ['http_request_duration_seconds_count', 'status_code'],
    ['http_requests_received_total', 'code'],
  ])('%s by %s', async (metric, status) => {
    const counters = [
      ...renamed([...green(0.5), ...blue()], metric, status),
      ...renamed(latencies, metric.replace(/_(count|total)$/, '_bucket')),
    ]
    const { analysis, told } = await run({ counters })
    expect(analysis).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('50% against 0%') })
    expect(told).toContain(`the preset http reads ${metric} by ${status}`)
  })
  test('a group of statuses counts as its first', async () => {
    const grouped = relabelled([...green(0.5), ...blue()], ({ status, ...labels }) => ({ ...labels, status: `${status?.[0]}xx` }))
    expect((await run({ counters: [...grouped, ...latencies] })).analysis?.outcome).toBe('failed')
  })
  test('without a label that bears a status it says which labels there are', async () => {
    const { error, waited } = await run({ counters: renamed([...green(), ...blue()], 'http_requests_total', 'outcome') })
    expect(error).toContain('http_requests_total has no label with a status; its labels are outcome, pod: set status-label')
    expect(waited).toBe(0)
  })
  test('a label that is given is taken', async () => {
    const counters = [...renamed([...green(0.5), ...blue()], 'http_requests_total', 'rc'), ...latencies]
    expect((await run({ counters, metrics: [{ preset: 'http', 'status-label': 'rc' }] })).analysis?.outcome).toBe('failed')
  })
  test('without buckets latency is left out, and that is said', async () => {
    const { analysis, told } = await run({ counters: [...green(), ...blue()] })
    expect(analysis?.outcome).toBe('passed')
    expect(analysis?.metrics.map(({ name }) => name)).toEqual(['http errors'])
    expect(told).toContain('http latency is left out: there is no series of http_request_duration_seconds_bucket')
  })
  test('without a baseline latency is left out, and a good release passes', async () => {
    const { analysis, told } = await run({ counters: [...green(), ...latencies], baseline: '' })
    expect(analysis?.outcome).toBe('passed')
    expect(told).toContain('http latency is left out: there is no baseline to compare it with')
  })
})

describe('what is there shows a mistake, at once', () => {
  test.each<[string, Given, RegExp]>([
    [
      'a label that no series has',
      { counters: renamed([...green(0.5), ...blue()], 'http_requests_total', 'code'), metrics: [own] },
      /^config: errors: events: http_requests_total has no label status; its labels are code, pod; the status is in code$/,
    ],
    [
      'a metric that no target has',
      { counters: [...green(), ...blue()], metrics: [{ ...own, total: 'htp_requests_total' }] },
      /no target has a series of htp_requests_total/,
    ],
    [
      'failures of a metric that is not there',
      { counters: [...green(), ...blue()], metrics: [{ ...own, events: 'http_requests_failed_total' }] },
      /no series of http_requests_failed_total is there on either side; if they come with the first failure, set absent: zero/,
    ],
    [
      'the same pods on both sides',
      { counters: [...green(), ...blue()], baseline: 'app-green' },
      /^candidate, baseline: both select the same series of http errors, of app-green-1/,
    ],
    [
      'a candidate that matches the pods of the baseline too',
      { counters: [...green(), ...blue()], candidate: 'app', metrics: [own] },
      /both select the same series of errors, of app-blue-1: pod=~"app-.\+" and pod=~"app-blue-.\+"$/,
    ],
    [
      'a latency that has nothing to be compared with',
      {
        counters: [...green(), ...latencies],
        baseline: '',
        metrics: [own, { kind: 'latency', name: 'slow', histogram: 'http_request_duration_seconds_bucket' }],
      },
      /^config: slow compares latencies, which needs a baseline/,
    ],
    [
      'a histogram that is none',
      { counters: [...green(), ...blue()], metrics: [{ kind: 'latency', name: 'slow', histogram: 'http_requests_total' }] },
      /http_requests_total is no classic histogram/,
    ],
    [
      'nothing that decides',
      { counters: [...green(), ...blue()], metrics: [{ ...own, 'report-only': true }] },
      /nothing is left that decides/,
    ],
  ])('%s', async (_, given, says) => {
    const { error, waited } = await run(given)
    expect(error).toMatch(says)
    expect(waited).toBe(0)
  })
  test('but no failure yet is none, and neither is a metric that is said to come with the first one', async () => {
    expect((await run({ counters: [...green(), ...blue()], metrics: [own] })).analysis?.outcome).toBe('passed')
    const zero = { ...own, events: 'http_requests_failed_total', absent: 'zero' }
    expect((await run({ counters: [...green(), ...blue()], metrics: [zero] })).analysis?.outcome).toBe('passed')
  })
})

describe('what time can bring is waited for', () => {
  test('new pods, which are then judged', async () => {
    const { analysis, told } = await run({ counters: [...green(0, 50), ...blue()], metrics: [own] })
    expect(analysis).toMatchObject({ outcome: 'passed', from: START + 50_000 })
    expect(told.filter((text) => text.startsWith('waits for'))).toEqual([
      expect.stringContaining(
        'candidate: no series of http_requests_total matches pod=~"app-green-.+"; the pods that have http_requests_total are app-blue-1',
      ),
      expect.any(String),
    ])
  })
  test('for two minutes, and then named with what there is', async () => {
    const { error, waited } = await run({ counters: [...green(), ...blue()], candidate: 'ap-green', metrics: [own] })
    expect(error).toBe(
      'candidate: no series of http_requests_total matches pod=~"ap-green-.+"; the pods that have http_requests_total are app-blue-1, app-green-1\nwaited for 2m',
    )
    expect(waited).toBe(120)
  })
  test('or for three scrapes', async () => {
    const slow = blue().map(({ labels, at }) => ({ labels, at: (seconds: number) => (seconds % 60 === 0 ? at(seconds) : undefined) }))
    expect((await run({ counters: slow, metrics: [own] })).waited).toBe(180)
  })
  test('a store that knows these pods alone cannot say that a metric is nowhere', async () => {
    const { error, waited } = await run({ counters: [], everywhere: false, metrics: [own] })
    expect(error).toBe(
      'candidate: no series of http_requests_total matches pod=~"app-green-.+"\nbaseline: no series of http_requests_total matches pod=~"app-blue-.+"\nwaited for 2m',
    )
    expect(waited).toBe(120)
  })
  test('a replay looks at its end instead', async () => {
    const replay = { replay: { from: START, to: START + 300_000 }, longest: 300_000 }
    expect((await run({ counters: [...green(0, 50), ...blue()], metrics: [own], schedule: replay })).analysis?.outcome).toBe('passed')
    expect((await run({ counters: blue(), metrics: [own], schedule: replay })).error).toContain(
      'candidate: no series of http_requests_total',
    )
  })
})

test('the spacing of samples is the largest median', async () => {
  const every = (seconds: number, counters: Counter[]): Counter[] =>
    counters.map(({ labels, at }) => ({ labels, at: (now) => (now % seconds === 0 ? at(now) : undefined) }))
  const past = new Past(START, [...every(15, green()), ...every(60, blue()), ...every(600, traffic('app-red-1', { rps: 1, errors: 0 }))])
  const spacing = (...pods: string[]) =>
    spacingOf(
      past,
      pods.map((pod) => `http_requests_total{pod="${pod}"}`),
      START + 100_000,
    )
  expect(await spacing('app-green-1')).toBe(15_000)
  expect(await spacing('app-green-1', 'app-blue-1')).toBe(60_000)
  expect(await spacing('app-red-1')).toBe(600_000)
  expect(await spacing('app-none')).toBeUndefined()
})
