import { describe, expect, test } from '@jest/globals'
import { readConfig } from '../../../actions/canary-analyze/config.ts'
import { analyze } from '../../../actions/canary-analyze/engine.ts'
import type { MetricState } from '../../../actions/canary-analyze/judges/judge.ts'
import type { Analysis, Schedule } from '../../../actions/canary-analyze/result.ts'
import { parseSide } from '../../../actions/canary-analyze/selectors.ts'
import { createStory } from '../../../actions/shared/report/story.ts'
import { TestClock } from '../../support/clock.ts'
import { type Counter, down, latency, Past, traffic } from '../support/past.ts'

const START = Date.UTC(2026, 0, 1)
const errors = { kind: 'errors', name: 'errors', total: 'http_requests_total', events: 'http_requests_total{status=~"5.."}' }
const slow = { kind: 'latency', name: 'latency', histogram: 'http_request_duration_seconds_bucket' }
const schedule: Schedule = {
  replay: undefined,
  initialDelay: 0,
  interval: 10_000,
  shortest: 0,
  longest: 600_000,
  sampleDelay: 2000,
  failures: 3,
}

interface Given {
  counters: Counter[]
  metrics?: object[]
  baseline?: boolean
  candidate?: string
  baselineSide?: string
  schedule?: Partial<Schedule>
  fault?: (seconds: number) => string[]
  previous?: Record<string, number[]>
  values?: Past['values']
}

async function run({
  counters,
  metrics = [errors],
  baseline = true,
  candidate = 'app-green',
  baselineSide = 'app-blue',
  schedule: times = {},
  fault,
  previous = {},
  values,
}: Given) {
  const told: string[] = []
  const clock = new TestClock(START)
  const prometheus = new Past(START, counters, fault)
  if (values) prometheus.values = values
  const story = createStory(() => clock.now(), { phase: () => undefined, line: ({ text }) => told.push(text), untrusted: () => undefined })
  const analysis = await analyze(
    {
      judge: 'sequential',
      config: readConfig({ metrics }),
      sides: { candidate: parseSide(candidate), baseline: baseline ? parseSide(baselineSide) : undefined },
      schedule: { ...schedule, ...times },
      previous,
    },
    { prometheus, counters: prometheus, clock, signal: new AbortController().signal, story },
  )
  return { analysis, told, prometheus, seconds: (analysis.to - analysis.from) / 1000 }
}

const state = (analysis: Analysis, name = 'errors'): MetricState => {
  const found = (analysis.details as MetricState[]).find((one) => one.name === name)
  if (!found) throw new Error(`no metric ${name}`)
  return found
}
const both = (green: object, blue: object): Counter[] => [
  ...traffic('app-green-1', { rps: 20, errors: 0.005, ...green }),
  ...traffic('app-blue-1', { rps: 20, errors: 0.005, ...blue }),
]

describe('verdicts', () => {
  test('a candidate like the baseline passes, early', async () => {
    const { analysis, seconds } = await run({ counters: both({ before: 1000 }, { before: 77_000 }) })
    expect(analysis.outcome).toBe('passed')
    expect(seconds).toBeLessThan(400)
    expect(state(analysis).candidate.total).toBe(analysis.samples)
    // What was counted before is not the release's.
    expect(analysis.samples).toBeCloseTo(20 * seconds, -1)
    expect(analysis.chart?.limit).toBe(1)
    expect(analysis.charts[0]?.series.map(({ name }) => name)).toEqual(['candidate', 'baseline'])
  })
  test('more errors fail, early, with estimate, interval and evidence', async () => {
    const { analysis, seconds, told } = await run({ counters: both({ errors: 0.03 }, {}) })
    expect(analysis.outcome).toBe('failed')
    expect(seconds).toBeLessThan(200)
    expect(analysis.reason).toMatch(
      /^errors: 3% against 0.5% is proved to be more than the baseline has \(.*x to .*x of the baseline\), and above the floor of 1%$/,
    )
    const { ratio, evidence } = state(analysis)
    expect(ratio?.estimate).toBeCloseTo(6, 0)
    expect(ratio?.low).toBeGreaterThan(1)
    expect(evidence?.fail).toBeGreaterThan(evidence?.failLimit ?? Infinity)
    expect(told.at(-1)).toMatch(/^errors: fail: /)
  })
  test('little traffic is inconclusive, and says how much is missing', async () => {
    const { analysis } = await run({ counters: both({ rps: 0.3, errors: 0 }, { rps: 0.3, errors: 0 }) })
    expect(analysis.outcome).toBe('inconclusive')
    expect(analysis.reason).toMatch(/about \d+ more requests are needed at these rates$/)
    expect(state(analysis).needed).toBeGreaterThan(100)
    const enough = await run({
      counters: both(
        { rps: 0.3 + (state(analysis).needed ?? 0) / 600, errors: 0 },
        { rps: 0.3 + (state(analysis).needed ?? 0) / 600, errors: 0 },
      ),
    })
    expect(enough.analysis.outcome).toBe('passed')
  })
  test('no requests at all', async () => {
    const { analysis } = await run({ counters: both({ rps: 0, before: 9 }, { rps: 0, before: 9 }) })
    expect([analysis.outcome, analysis.reason]).toEqual(['inconclusive', expect.stringMatching(/^errors: the candidate had no requests/)])
  })
  test('without a baseline, or with one that stands still, the floor is tested, and that is said', async () => {
    const alone = await run({ counters: traffic('app-green-1', { rps: 20, errors: 0.05 }), baseline: false })
    expect([alone.analysis.outcome, alone.analysis.reason]).toEqual([
      'failed',
      expect.stringContaining('there is no baseline, so the floor of 1% alone is tested'),
    ])
    const still = (errors: number) => run({ counters: both({ errors }, { rps: 0, before: 5000 }) })
    const bad = await still(0.05)
    expect([bad.analysis.outcome, bad.analysis.reason]).toEqual([
      'failed',
      expect.stringContaining('the baseline gets no requests, so the floor of 1% alone is tested'),
    ])
    expect(bad.told).toContain(
      'errors: the baseline has had no requests for 20s while the candidate has: the candidate is held against the floor alone',
    )
    expect((await still(0)).analysis.outcome).toBe('passed')
  })
  test('an outage is called after three looks', async () => {
    const { analysis, seconds } = await run({ counters: both({ errors: 1 }, {}) })
    expect([analysis.outcome, seconds, analysis.reason]).toEqual(['failed', 30, expect.stringContaining('an outage: 100% against 0.5%')])
  })
  test('a pass takes its least time, a failure does not', async () => {
    const shortest = { shortest: 200_000 }
    expect((await run({ counters: both({ errors: 0 }, { errors: 0 }), schedule: shortest })).seconds).toBe(200)
    expect((await run({ counters: both({ errors: 0 }, { errors: 0 }) })).seconds).toBe(30)
    expect((await run({ counters: both({ errors: 1 }, {}), schedule: shortest })).seconds).toBe(30)
  })
  test('what the traffic cannot decide is said after the first looks', async () => {
    const thin = await run({ counters: both({ rps: 0.3, errors: 0 }, { rps: 0.3, errors: 0 }) })
    const said = thin.told.findIndex((text) =>
      /the candidate gets about 1\d\d more requests in time, and a pass takes \d+ more requests/.test(text),
    )
    expect(thin.told[said]).toMatch(/an error rate of [23]\.?\d*% can be ruled out by then$/)
    expect(thin.told.filter((text) => text.startsWith('after '))).toHaveLength(60)
    expect(said).toBeLessThan(8)
    const enough = await run({ counters: both({ errors: 0 }, { errors: 0 }), schedule: { shortest: 60_000 } })
    expect(enough.told.join()).not.toContain('can be ruled out')
  })
  test('each line says the rates of both sides', async () => {
    const { told } = await run({ counters: both({ errors: 0.5 }, {}) })
    expect(told).toContainEqual(expect.stringMatching(/^after 20s, \d+ requests: errors 50% against 0.\d*% \(evidence of harm \d+%\)$/))
  })
  test('traffic that vanishes ends the watch', async () => {
    const { analysis, seconds } = await run({ counters: both({ until: 50, errors: 0.015 }, { errors: 0.01 }) })
    expect(analysis.outcome).toBe('inconclusive')
    expect(analysis.reason).toBe("the candidate's traffic vanished 1m ago")
    expect(seconds).toBe(110)
  })
  test('a metric that is only reported decides nothing', async () => {
    const report = { ...errors, name: 'shadow', clusters: 'never', 'report-only': true }
    const bad = both({ errors: 0.1 }, {})
    const { analysis } = await run({
      counters: [...bad, ...latency('app-green-1', 20, { '0.1': 1 }), ...latency('app-blue-1', 20, { '0.1': 1 })],
      metrics: [report, slow],
    })
    expect(analysis.outcome).toBe('passed')
    expect(state(analysis, 'shadow').verdict).toBe('fail')
  })
  test('weights share alpha', async () => {
    const { analysis } = await run({
      counters: both({}, {}),
      metrics: [
        { ...errors, weight: 3 },
        { ...errors, name: 'other' },
      ],
      schedule: { longest: 10_000 },
    })
    expect(state(analysis).evidence?.failLimit).toBeCloseTo(-Math.log(0.0375), 9)
    expect(state(analysis, 'other').evidence?.failLimit).toBeCloseTo(-Math.log(0.0125), 9)
  })
})

describe('counters', () => {
  test('a restart of the candidate changes nothing', async () => {
    const minute = { longest: 60_000 }
    const usual = await run({ counters: both({}, {}), schedule: minute })
    const restarted = await run({ counters: both({ restartAt: 45 }, {}), schedule: minute })
    expect(usual.analysis.samples).toBeGreaterThan(1195)
    // But for what was not scraped before it died.
    expect(restarted.analysis.samples).toBeGreaterThan(1170)
    expect(state(restarted.analysis).candidate.events).toBeGreaterThan(0)
    expect((await run({ counters: both({ restartAt: 45 }, {}) })).analysis.outcome).toBe('passed')
  })
  test('a pod that comes later counts from its first request', async () => {
    const counters = [...both({ rps: 0 }, {}), ...traffic('app-green-2', { rps: 20, errors: 0.005, from: 33 })]
    const { analysis } = await run({ counters, schedule: { longest: 80_000 } })
    expect(Math.abs(state(analysis).candidate.total - 20 * (80 - 33))).toBeLessThan(3)
  })
  test('probes are not counted by the preset', async () => {
    const probes: Counter[] = [
      {
        labels: { __name__: 'http_requests_total', pod: 'app-green-1', status: '200', route: '/healthz' },
        at: (seconds) => Math.floor(50 * seconds),
      },
    ]
    const { analysis } = await run({ counters: [...both({}, {}), ...probes], metrics: [{ preset: 'http' }], schedule: { longest: 80_000 } })
    expect(state(analysis, 'http errors').candidate.total).toBe(20 * 80)
  })
  test('failed requests that are no part of all requests are a mistake, not a verdict', async () => {
    const metrics = [{ ...errors, total: 'http_requests_total{status="500"}', events: 'http_requests_total' }]
    await expect(run({ counters: both({ errors: 0.02 }, {}), metrics })).rejects.toThrow(
      'events has to select a part of what total selects',
    )
  })
})

describe('latency', () => {
  const usual = { '0.05': 0.2, '0.1': 0.6, '0.25': 0.97 }
  const slower = { '0.05': 0.1, '0.1': 0.45, '0.25': 0.93 }
  test('slower fails, alike passes', async () => {
    const bad = await run({ counters: [...latency('app-green-1', 20, slower), ...latency('app-blue-1', 20, usual)], metrics: [slow] })
    expect([bad.analysis.outcome, bad.analysis.reason]).toEqual([
      'failed',
      expect.stringMatching(/^latency: slower: 5\d.*% took longer than 0.1 s, of the baseline's \d+.*%$/),
    ])
    const good = await run({ counters: [...latency('app-green-1', 20, usual), ...latency('app-blue-1', 20, usual)], metrics: [slow] })
    expect(good.analysis.outcome).toBe('passed')
  })
  test('loads that differ by more than twice say nothing', async () => {
    const counters = [...latency('app-green-1', 50, slower), ...latency('app-blue-1', 20, usual)]
    const { analysis } = await run({ counters, metrics: [slow] })
    expect([analysis.outcome, analysis.reason]).toEqual([
      'inconclusive',
      expect.stringContaining('a pod of the candidate has 2.5x the load of one of the baseline'),
    ])
    // The same requests on three pods.
    const spread = await run({
      counters: [1, 2, 3].flatMap((i) => latency(`app-green-${i}`, 50 / 3, slower)).concat(latency('app-blue-1', 20, usual)),
      metrics: [slow],
    })
    expect(spread.analysis.outcome).toBe('failed')
  })
  test('a histogram whose pods have other edges is compared at those that all have', async () => {
    const counters = [
      ...latency('app-green-1', 10, usual),
      ...latency('app-green-2', 10, { '0.01': 0.01, '0.05': 0.2, '0.1': 0.6, '0.5': 0.99 }),
      ...latency('app-blue-1', 20, usual),
    ]
    const { analysis } = await run({ counters, metrics: [slow] })
    expect(analysis.outcome).toBe('passed')
  })
  test('a pod that comes later with other edges is named', async () => {
    const late = latency('app-green-2', 10, { '0.02': 0.6 }).map(
      ({ labels, at }): Counter => ({ labels, at: (seconds) => (seconds < 35 ? undefined : at(seconds)) }),
    )
    const counters = [...latency('app-green-1', 10, slower), ...late, ...latency('app-blue-1', 20, slower)]
    await expect(run({ counters, metrics: [slow], schedule: { shortest: 300_000 } })).rejects.toThrow(
      /^latency: the histogram of .* has no bucket le="0.05" where the others have one/,
    )
  })
  test('in a preset it does not block a pass once it has spoken', async () => {
    const counters = [...both({ errors: 0 }, { errors: 0 }), ...latency('app-green-1', 3, usual), ...latency('app-blue-1', 3, usual)]
    const metrics = [errors, { ...slow, required: false }]
    const { analysis, told, seconds } = await run({ counters, metrics })
    expect([analysis.outcome, seconds]).toEqual(['passed', 600])
    expect(analysis.headline).toMatch(/; latency is not decided: .*; 1\.\d+x as many slow requests are ruled out$/)
    expect(told).toContainEqual(expect.stringMatching(/^latency is not decided/))
    // Elsewhere it does, and so it does where it has not spoken.
    expect((await run({ counters, metrics: [errors, slow] })).analysis.outcome).toBe('inconclusive')
    const few = [...both({ errors: 0 }, { errors: 0 }), ...latency('app-green-1', 0.1, usual), ...latency('app-blue-1', 0.12, usual)]
    expect((await run({ counters: few, metrics })).analysis).toMatchObject({
      outcome: 'inconclusive',
      reason: expect.stringContaining('100 requests a side are wanted at least'),
    })
    const unfair = [...both({ errors: 0 }, { errors: 0 }), ...latency('app-green-1', 1, usual), ...latency('app-blue-1', 9, usual)]
    expect((await run({ counters: unfair, metrics })).analysis).toMatchObject({
      outcome: 'passed',
      headline: expect.stringContaining('latency is not decided: a pod of the candidate has 0.111x the load'),
    })
  })
  test('histograms without a common edge, or without +Inf', async () => {
    const none = [...latency('app-green-1', 20, { '0.1': 0.5 }), ...latency('app-blue-1', 20, { '0.2': 0.5 })]
    await expect(run({ counters: none, metrics: [slow] })).rejects.toThrow('no edge in common')
    const common = [...latency('app-green-1', 20, { '0.1': 0.5 }), ...latency('app-blue-1', 20, { '0.1': 0.5 })]
    const open = common.filter(({ labels }) => labels.le !== '+Inf')
    await expect(run({ counters: open, metrics: [slow] })).rejects.toThrow('has no bucket +Inf')
  })
})

describe('samples that come as they come', () => {
  const every = (scrape: number, offset: number, counters: Counter[]): Counter[] =>
    counters.map(({ labels, at }) => ({ labels, at: (seconds) => at(Math.floor((seconds - offset) / scrape) * scrape + offset) }))

  test('what one side counted waits for the other', async () => {
    // A series without a new sample is not seen: green is scraped at 5, 35, 65, blue at 17, 47, 77.
    const sparse = (scrape: number, offset: number, counters: Counter[]): Counter[] =>
      counters.map(({ labels, at }) => ({
        labels,
        at: (seconds) => (seconds <= 0 || Math.abs(((seconds - offset) % scrape) + 0) < 1e-9 ? at(seconds) : undefined),
      }))
    const counters = [
      ...sparse(30, 5, traffic('app-green-1', { rps: 20, errors: 1 })),
      ...sparse(30, 17, traffic('app-blue-1', { rps: 20, errors: 0 })),
    ]
    const { analysis, seconds } = await run({ counters })
    expect(analysis.outcome).toBe('failed')
    expect(seconds).toBeLessThanOrEqual(90)
  })
  test('a look that is longer than the scrapes', async () => {
    const counters = [
      ...every(5, 2, traffic('app-green-1', { rps: 20, errors: 0 })),
      ...every(5, 4, traffic('app-blue-1', { rps: 20, errors: 0 })),
    ]
    expect((await run({ counters })).analysis.outcome).toBe('passed')
  })
})

describe('series that count the same requests', () => {
  const scraped = (job: string, counters: Counter[]): Counter[] => counters.map(({ labels, at }) => ({ labels: { ...labels, job }, at }))
  test('are refused by the label that tells them apart', async () => {
    const counters = both({}, {})
    const twice = [...scraped('pods', counters), ...scraped('endpoints', counters)]
    await expect(run({ counters: twice })).rejects.toThrow(
      'the candidate: series that differ only in job ("pods", "endpoints") count the same requests',
    )
  })
  test('also where two ways to the same pods differ in more than one label', async () => {
    const by = (monitor: string): Counter[] =>
      both({}, {}).map(({ labels, at }) => ({
        labels: { ...labels, job: monitor, service: monitor, endpoint: `${monitor}-port`, instance: `10.0.0.1:${monitor.length}` },
        at,
      }))
    await expect(run({ counters: [...by('shop'), ...by('shop-all')] })).rejects.toThrow('differ only in job ("shop", "shop-all")')
  })
  test('addresses that get as many requests as each other are two processes', async () => {
    const at = (color: string, instance: string): Counter[] =>
      traffic('x', { rps: 20, errors: 0 }).map(({ labels: { __name__, status }, at }) => ({
        labels: { ...(__name__ && { __name__ }), ...(status && { status }), color, instance, job: 'vms' },
        at,
      }))
    const counters = [...at('green', 'a:80'), ...at('green', 'b:80'), ...at('blue', 'c:80'), ...at('blue', 'd:80')]
    expect((await run({ counters, candidate: 'color="green"', baselineSide: 'color="blue"' })).analysis.outcome).toBe('passed')
  })
  test('and so is a sum beside its parts', async () => {
    const part = (handler: string, rps: number): Counter[] =>
      traffic('app-green-1', { rps, errors: 0 }).map(({ labels, at }) => ({ labels: { ...labels, handler }, at }))
    const counters = [...part('/a', 5), ...part('/b', 15), ...part('all', 20), ...traffic('app-blue-1', { rps: 20, errors: 0 })]
    await expect(run({ counters })).rejects.toThrow('one value of handler ("/a", "/b", "all") is the sum of the others')
  })
  test('two pods, methods and containers that count their own are no such thing', async () => {
    const own = (more: object, rps: number): Counter[] =>
      traffic('app-green-1', { rps, errors: 0 }).map(({ labels, at }) => ({ labels: { ...labels, ...more }, at }))
    const counters = [
      ...own({ method: 'GET' }, 10),
      ...own({ method: 'POST' }, 10),
      ...own({ method: 'PUT', container: 'a' }, 10),
      ...own({ method: 'PUT', container: 'b' }, 20),
      ...traffic('app-green-2', { rps: 20, errors: 0 }),
      ...traffic('app-blue-1', { rps: 70, errors: 0 }),
    ]
    expect((await run({ counters })).analysis.outcome).toBe('passed')
  })
})

describe('other kinds', () => {
  test('restarts, by the hour of a pod', async () => {
    const counter = (pod: string, perHour: number): Counter => ({
      labels: { __name__: 'kube_pod_container_status_restarts_total', pod },
      at: (seconds) => 3 + Math.floor((seconds * perHour) / 3600),
    })
    const { analysis } = await run({ counters: [counter('app-green-1', 120), counter('app-blue-1', 0)], metrics: [{ preset: 'restarts' }] })
    expect([analysis.outcome, state(analysis, 'restarts').kind]).toEqual(['failed', 'restarts'])
  })
  test('restarts: a pod is there between its scrapes as well', async () => {
    const counter = (pod: string, every: number): Counter => ({
      labels: { __name__: 'kube_pod_container_status_restarts_total', pod },
      at: (seconds) => (seconds <= 0 || seconds % every === 0 ? Math.floor(Math.max(0, seconds) / 240) : undefined),
    })
    const hours = async (every: number): Promise<number> => {
      const counters = [counter('app-green-1', every), counter('app-blue-1', every)]
      const { analysis } = await run({ counters, metrics: [{ preset: 'restarts' }] })
      return state(analysis, 'restarts').candidate.total / 3600
    }
    expect(await hours(10)).toBeCloseTo(1 / 6, 2)
    expect(await hours(60)).toBeCloseTo(1 / 6, 2)
  })
  test('values, against a limit and against the releases before', async () => {
    const value = { kind: 'value', name: 'cpu', query: 'max(cpu{ {{candidate}} })', criterion: '<=+10%' }
    const values: Past['values'] = (query) => (query === 'max(cpu{ pod=~"app-green-.+" })' ? 0.5 : undefined)
    const of = (previous: number[]) => run({ counters: [], metrics: [value], previous: { cpu: previous }, values })
    expect((await of([0.46])).analysis).toMatchObject({ outcome: 'passed', values: { cpu: 0.5 } })
    expect((await of([0.4])).analysis).toMatchObject({
      outcome: 'failed',
      reason: 'cpu: 3 of 3 measurements missed <=+10%, which is 0.44; the last was 0.5',
    })
    expect((await of([])).analysis.outcome).toBe('passed')
  })
})

describe('a Prometheus that cannot be believed', () => {
  const good = both({}, {})
  test('is an error when it is down at the beginning, or stays down', async () => {
    await expect(run({ counters: good, fault: down })).rejects.toThrow('Prometheus at http://test: connect ECONNREFUSED')
    await expect(run({ counters: good, fault: (seconds) => (seconds > 100 ? down() : []) })).rejects.toThrow('4 readings in a row failed')
  })
  test('is overcome when it is back in time: what was missed is read then', async () => {
    const away = (seconds: number) => (seconds > 25 && seconds < 55 ? down() : [])
    const { analysis, told } = await run({ counters: good, fault: away })
    const usual = await run({ counters: good })
    expect(analysis.details).toEqual(usual.analysis.details)
    expect(told.filter((text) => text.includes('ECONNREFUSED'))).toHaveLength(3)
  })
  test('is an error when the last reading failed', async () => {
    await expect(run({ counters: both({ rps: 1 }, { rps: 1 }), fault: (seconds) => (seconds > 595 ? down() : []) })).rejects.toThrow(
      'the last reading failed',
    )
  })
  test('with doubts is inconclusive', async () => {
    const { analysis } = await run({ counters: both({ errors: 0.1 }, {}), fault: (seconds) => (seconds > 0 ? ['partial response'] : []) })
    expect([analysis.outcome, analysis.reason, analysis.looks]).toEqual(['inconclusive', expect.stringContaining('partial response'), 0])
  })
})

describe('a replay', () => {
  test.each([
    ['fails', { errors: 0.03 }],
    ['passes', {}],
    ['stays open', { errors: 0.01 }],
  ])('%s as live', async (_, green) => {
    const counters = both(green, {})
    const live = await run({ counters })
    const replay = await run({ counters, schedule: { replay: { from: START, to: START + 600_000 } } })
    expect(replay.analysis).toEqual(live.analysis)
    expect(replay.prometheus.asked.length).toBeLessThan(live.prometheus.asked.length)
  })
  test('begins after its initial delay, as live does', async () => {
    const counters = both({ errors: 0 }, { errors: 0 })
    const replay = await run({
      counters,
      schedule: { replay: { from: START, to: START + 600_000 }, initialDelay: 60_000, longest: 540_000 },
    })
    expect(replay.analysis.from).toBe(START + 60_000)
    expect(replay.analysis).toEqual((await run({ counters, schedule: { initialDelay: 60_000, longest: 540_000 } })).analysis)
  })
  test('is an error at the first reading that fails', async () => {
    await expect(
      run({
        counters: both({ errors: 0.01 }, {}),
        schedule: { replay: { from: START, to: START + 1_200_000 } },
        // What is asked before the watch is the state at both ends of the window.
        fault: (seconds) => (seconds === 600 ? down() : []),
      }),
    ).rejects.toThrow('1 reading in a row failed')
  })
})
