// What is asked before the watch: absence is not zero, and time is given to what only time can bring.
import { describe, expect, test } from '@jest/globals'
import { BLUE, both, buckets, errors, type Given, GREEN, requests, run, START, series } from '../support/around.ts'
import { type Counter, down, type Past } from '../support/past.ts'

const MINUTE = 60_000
const slow = { kind: 'latency', name: 'latency', histogram: 'http_request_duration_seconds_bucket' }
const restarts = { kind: 'restarts', name: 'restarts', counter: 'restarts_total' }

describe('what is there', () => {
  test('lets the watch begin at once', async () => {
    const { error, seconds, names } = await run({ counters: requests })
    expect([error, seconds, names]).toEqual(['', 0, ['errors']])
  })
  test('a label without a failure yet is no error, and neither is a candidate that stands at 0', async () => {
    const counters = [series('http_requests_total', { ...GREEN, code: '200' }, 0), series('http_requests_total', { ...BLUE, code: '404' })]
    expect((await run({ counters })).error).toBe('')
  })
})

describe('what the series that are there show is an error at once', () => {
  const of = async (given: Given): Promise<string> => {
    const { error, seconds } = await run(given)
    expect(seconds).toBe(0)
    return error
  }
  test('a metric that no target has', async () => {
    const total = 'http_requests_totl'
    expect(await of({ counters: requests, metrics: [{ ...errors, total, events: `${total}{code=~"5.."}` }] })).toBe(
      'config: the metric errors: no target has a series of http_requests_totl; counters usually end in _total, and histograms in _bucket',
    )
    expect(await of({ counters: requests, metrics: [restarts] })).toContain('no target has a series of restarts_total')
    expect(await of({ counters: requests, metrics: [errors, slow] })).toContain(
      'no target has a series of http_request_duration_seconds_bucket',
    )
    expect(await of({ counters: requests, metrics: [errors, { preset: 'restarts' }] })).toContain('is kube-state-metrics scraped?')
  })
  test('a label of the events that no series of the total has', async () => {
    const events = 'http_requests_total{status=~"5.."}'
    expect(await of({ counters: requests, metrics: [{ ...errors, events }] })).toBe(
      'config: the metric errors: http_requests_total has no label status; its labels are code (200), pod: is code meant?',
    )
  })
  test('a label that only the other side has', async () => {
    const counters = [series('http_requests_total', { ...GREEN, status: '200' }), series('http_requests_total', { ...BLUE, code: '200' })]
    expect(await of({ counters })).toContain('http_requests_total of the candidate has no label code, which that of the baseline has')
  })
  test('but a label that failed requests alone have is one that may come', async () => {
    const failed = series('http_requests_total', { ...BLUE, code: '500', error: 'timeout' })
    const metrics = [{ ...errors, events: 'http_requests_total{error!=""}' }]
    expect((await run({ counters: [...requests, failed], metrics })).error).toBe('')
    expect(await of({ counters: requests, metrics })).toContain('has no label error')
  })
  test('a matcher for a status on a label that holds none', async () => {
    const counters = both('http_requests_total', { status: 'success', code: '200' })
    const metrics = [{ ...errors, events: 'http_requests_total{status=~"5.."}' }]
    expect(await of({ counters, metrics })).toContain(
      'http_requests_total has no status in the label status; its labels are code (200), pod, status (success)',
    )
  })
  test('events that are told from the rest by nothing', async () => {
    expect(await of({ counters: requests, metrics: [{ ...errors, events: 'http_requests_total' }] })).toContain(
      'events has to select a part of what total selects',
    )
    expect(await of({ counters: requests, metrics: [{ ...errors, events: 'http_requests_total{status!~"2.."}' }] })).toContain(
      'has no label status, so that every request would be an event',
    )
  })
  test('events of a metric that is not there, unless the config says that this is zero', async () => {
    const metric = { ...errors, events: 'http_errors_total' }
    expect(await of({ counters: requests, metrics: [metric] })).toBe(
      'config: the metric errors: no target has a series of http_errors_total, the counter of its events; where it appears with the first event only, set absent: zero',
    )
    expect((await run({ counters: requests, metrics: [{ ...metric, absent: 'zero' }] })).error).toBe('')
    const other = series('http_errors_total', { pod: 'cart-1' })
    expect(await of({ counters: [...requests, other], metrics: [metric] })).toContain(
      'no side has a series of http_errors_total, the counter of its events; the pods that have it are cart-1',
    )
    // On one side there was one already.
    expect((await run({ counters: [...requests, series('http_errors_total', BLUE)], metrics: [metric] })).error).toBe('')
  })
  test('events of a metric of their own that lacks the label', async () => {
    const metrics = [{ ...errors, events: 'http_errors_total{type="server"}' }]
    expect(await of({ counters: [...requests, ...both('http_errors_total', { kind: 'server' })], metrics })).toContain(
      'http_errors_total has no label type; its labels are kind, pod',
    )
  })
  test('a label of a side that no series has', async () => {
    const given = { counters: requests, candidate: 'color="green"' }
    expect(await of(given)).toBe('candidate: no series of http_requests_total has the label color; its labels are code (200), pod')
  })
  test('a label of the metric itself that no series has', async () => {
    const metrics = [{ ...errors, total: 'http_requests_total{team="a"}', events: 'http_requests_total{team="a",code=~"5.."}' }]
    expect(await of({ counters: requests, metrics })).toContain(
      'config: the metric errors: no series of http_requests_total has the label team',
    )
  })
  test('the same pods on both sides', async () => {
    const counters = [1, 2, 3, 4, 5, 6].map((i) => series('http_requests_total', { pod: `orders-blue-${i}`, code: '200' }))
    expect(await of({ counters, candidate: 'pod=~"orders-.+"' })).toBe(
      'candidate and baseline both select the pods orders-blue-1, orders-blue-2, orders-blue-3, orders-blue-4, orders-blue-5 and 1 more of http_requests_total: candidate is pod=~"orders-.+", baseline is pod=~"orders-blue-.+"; give each side matchers of its own',
    )
  })
  test('the same series under two names are not the same', async () => {
    const total = { candidate: 'new_total', baseline: 'old_total' }
    const events = { candidate: 'new_total{code="500"}', baseline: 'old_total{code="500"}' }
    const counters = ['new_total', 'old_total'].map((name) => series(name, { pod: 'proxy-1', code: '200' }))
    expect((await run({ counters, metrics: [{ ...errors, total, events }] })).error).toBe('')
  })
  test('sides that are written alike', async () => {
    const same = { counters: [], candidate: 'orders-blue' }
    expect(await of(same)).toBe('candidate and baseline are the same, pod=~"orders-blue-.+": give each side matchers of its own')
    expect(await of({ ...same, metrics: [{ preset: 'http' }] })).toContain('candidate and baseline are the same')
  })
  test('a histogram without edges', async () => {
    const counters = both('http_request_duration_seconds_bucket', {})
    expect(await of({ counters, metrics: [slow] })).toContain(
      'http_request_duration_seconds_bucket has no label le, so it is no classic histogram; its labels are pod',
    )
  })
  test('absent: zero where it would mean nothing', async () => {
    expect(await of({ counters: requests, metrics: [{ ...errors, absent: 'zero' }] })).toContain(
      'absent: zero is for events with a metric of their own',
    )
  })
  test('a query for the baseline without one', async () => {
    const metrics = [{ kind: 'value', name: 'queue', query: 'max(queue{ {{baseline}} })', criterion: '<=5' }]
    expect(await of({ counters: [], metrics, baseline: '' })).toContain(
      'config: the metric queue asks for {{baseline}}, and the input baseline is empty',
    )
  })
})

describe('what time can bring', () => {
  const blue = series('http_requests_total', { ...BLUE, code: '200' })
  test('is waited for, and said; the watch begins then', async () => {
    const found = await run({ counters: [blue, series('http_requests_total', { ...GREEN, code: '200' }, 63)] })
    expect(found).toMatchObject({ error: '', begin: START + 65_000 })
    const why =
      'candidate: no series of http_requests_total matches pod=~"orders-green-.+"; the pods that have http_requests_total are orders-blue-1'
    expect(found.told).toEqual([
      ...Array.from({ length: 3 }, () => `waits, for at most 2m, since the metrics are not all there: ${why}`),
      'all metrics are there after 1m5s',
    ])
  })
  test('is an error after two minutes that shows the typo', async () => {
    const { error, seconds } = await run({ counters: requests, candidate: 'order-blue', baseline: 'orders-green' })
    expect(error).toBe(
      'candidate: no series of http_requests_total matches pod=~"order-blue-.+"; the pods that have http_requests_total are orders-blue-1, orders-green-1; waited for 2m',
    )
    expect(seconds).toBe(120)
  })
  test('names ten pods at most, those first that are called alike, each cut', async () => {
    const others = Array.from({ length: 20 }, (_, i) => series('http_requests_total', { pod: `a-${i}`, code: '200' }))
    const long = series('http_requests_total', { pod: `orders-${'x'.repeat(1000)}`, code: '200' })
    const { error } = await run({ counters: [...others, long, blue] })
    expect(error).toMatch(/are orders-blue-1, orders-x+ … \d+ characters cut … x+, a-0, .* and 12 more; waited/)
    expect(error.length).toBeLessThan(500)
  })
  test('is waited for through three spacings where these are longer', async () => {
    const given = { counters: [blue], store: (past: Past) => Object.assign(past, { scrape: 60 }) }
    const { error, seconds } = await run(given)
    expect([seconds, error]).toEqual([180, expect.stringMatching(/waited for 3m$/)])
  })
  test('is the baseline as well, by its own name', async () => {
    const { error } = await run({ counters: requests, baseline: 'orders-bleu' })
    expect(error).toMatch(/^baseline: no series of http_requests_total matches pod=~"orders-bleu-.+"; the pods/)
  })
  test('is the first request that is none of a probe', async () => {
    const probe = (pod: object): Counter => series('http_requests_total', { ...pod, code: '200', route: '/healthz' })
    const { error } = await run({ counters: [probe(GREEN), probe(BLUE), blue], metrics: [{ preset: 'http' }] })
    expect(error).toMatch(
      /^candidate: the series of http_requests_total with pod=~"orders-green-.+" do not match route!~".*only probes have asked so far, or a matcher is wrong; waited for 2m$/,
    )
  })
  test('is any series where the store knows its own pods alone', async () => {
    const store = (past: Past) => Object.assign(past, { everywhere: false })
    const late = [GREEN, BLUE].map((pod) => series('http_requests_total', { ...pod, code: '200' }, 20))
    expect(await run({ counters: late, store })).toMatchObject({ error: '', begin: START + 20_000 })
    expect(await run({ counters: late, store, metrics: [{ preset: 'http' }] })).toMatchObject({ error: '', begin: START + 20_000 })
    expect((await run({ counters: [], store })).error).toContain(
      'candidate: no series of http_requests_total matches pod=~"orders-green-.+"; baseline: ',
    )
  })
  test('is a value of an expression', async () => {
    const metrics = [{ kind: 'value', name: 'queue', query: 'max(queue{ {{candidate}} })', criterion: '<=5' }]
    const values = (from: number) => (past: Past) => Object.assign(past, { values: (_: string, at: number) => (at < from ? undefined : 1) })
    expect(await run({ counters: [], metrics, store: values(30) })).toMatchObject({ error: '', begin: START + 30_000 })
    expect((await run({ counters: [], metrics, store: values(999) })).error).toBe(
      'config: the metric queue: its query has no value: max(queue{ pod=~"orders-green-.+" }); waited for 2m',
    )
  })
  test('is waited for while the server is away, and nothing else', async () => {
    const late = series('http_requests_total', { ...GREEN, code: '200' }, 30)
    const away = (seconds: number) => (seconds > 0 && seconds < 40 ? down() : [])
    expect(await run({ counters: [blue, late], fault: away })).toMatchObject({ error: '', begin: START + 40_000 })
    expect(await run({ counters: requests, fault: down })).toMatchObject({
      error: 'Prometheus at http://test: connect ECONNREFUSED',
      seconds: 0,
    })
  })
  test('is no excuse for a fault that is none of the server', async () => {
    const fault = (seconds: number) => {
      if (seconds > 0) throw new TypeError('a fault of ours')
      return []
    }
    expect(await run({ counters: [blue], fault })).toMatchObject({ error: 'a fault of ours', seconds: 5 })
  })
  test('is told at the end by what is there then', async () => {
    const { error } = await run({ counters: [blue, series('http_requests_total', { pod: 'order-green-1', code: '200' }, 60)] })
    expect(error).toContain('the pods that have http_requests_total are orders-blue-1, order-green-1; waited for 2m')
  })
  test('is not told from a partial answer', async () => {
    const { error } = await run({ counters: [], fault: () => ['partial response'] })
    expect(error).toBe('nothing can be said about the release: the server has doubts about what there is: partial response')
  })
})

describe('a replay', () => {
  const window = { from: START, to: START + 10 * MINUTE }
  test('waits for nothing: what comes within the window is there', async () => {
    const counters = [
      series('http_requests_total', { ...BLUE, code: '200' }),
      series('http_requests_total', { ...GREEN, code: '200' }, 300),
    ]
    expect(await run({ counters, replay: window })).toMatchObject({ error: '', seconds: 0, begin: START })
  })
  test('of a day finds what was there in its middle', async () => {
    const counters = [...requests.slice(1), series('http_requests_total', { ...GREEN, code: '200' }, 5 * 3600, 7 * 3600)]
    expect((await run({ counters, replay: { from: START, to: START + 1440 * MINUTE } })).error).toBe('')
  })
  test('refuses at once what is nowhere in it', async () => {
    const { error, seconds } = await run({ counters: requests.slice(1), replay: window })
    expect([seconds, error]).toEqual([0, expect.stringMatching(/^candidate: no series of http_requests_total matches/)])
  })
})

describe('the spacing of samples', () => {
  const of = async (scrape: number, given: Partial<Given> = {}) =>
    (await run({ counters: requests, store: (past) => Object.assign(past, { scrape }), ...given })) as { spacing?: number }
  test('is what they are scraped at', async () => {
    expect((await of(15)).spacing).toBe(15_000)
    // Fewer than three in five minutes.
    expect((await of(240)).spacing).toBe(240_000)
  })
  test('is the median of a selector, and the largest of all', async () => {
    const gap = (labels: Record<string, string>, step: number, hole = 0): Counter => ({
      labels: { __name__: 'http_requests_total', code: '200', ...labels },
      at: (seconds) => (seconds % step === 0 && !(seconds > -200 && seconds < -200 + hole) ? 5 : undefined),
    })
    expect((await of(10, { counters: [gap(GREEN, 10), gap(BLUE, 10, 120)] })).spacing).toBe(10_000)
    expect((await of(10, { counters: [gap(GREEN, 10), gap(BLUE, 30)] })).spacing).toBe(30_000)
  })
  test('is not told from a partial answer', async () => {
    const samples = () => Promise.resolve({ type: 'matrix', series: [], warnings: ['partial response'] })
    const { error } = await run({ counters: requests, store: (past) => Object.assign(past, { samples }) })
    expect(error).toBe('nothing can be said about the release: the server has doubts: partial response')
  })
  test('is unknown where nothing has two, and that of the window where nothing was before', async () => {
    const young = [GREEN, BLUE].map((pod) => series('http_requests_total', { ...pod, code: '200' }, 0))
    expect((await of(15, { counters: young })).spacing).toBeUndefined()
    expect((await of(15, { counters: young, replay: { from: START, to: START + 10 * MINUTE } })).spacing).toBe(15_000)
  })
})

describe('without a baseline', () => {
  const counters = [...requests, ...buckets('http_request_duration_seconds_bucket')]
  test('a preset leaves latency out, and says so once', async () => {
    const found = await run({ counters, metrics: [{ preset: 'http' }], baseline: '' })
    expect(found.names).toEqual(['http errors'])
    expect(found.told).toEqual([
      'http reads http_requests_total by code',
      'http latency is left out: there is no baseline to compare it with',
    ])
  })
  test('latency of the config is refused before the watch, unless it is only shown', async () => {
    expect(await run({ counters, metrics: [errors, slow], baseline: '' })).toMatchObject({
      error:
        'config: the metric latency: latency is compared, and the input baseline is empty: leave the metric out, or set report-only: true',
      asked: [],
    })
    const shown = [errors, { ...slow, 'report-only': true }]
    expect((await run({ counters, metrics: shown, baseline: '' })).names).toEqual(['errors', 'latency'])
  })
})

describe('what is only reported', () => {
  test('is left out where it is not there, and keeps nobody waiting', async () => {
    const shadow = { ...errors, name: 'shadow', total: 'other_total', events: 'other_total{code="500"}', 'report-only': true }
    const found = await run({ counters: requests, metrics: [errors, shadow] })
    expect([found.error, found.names, found.seconds]).toEqual(['', ['errors'], 0])
    expect(found.told).toEqual(['shadow is left out: config: the metric shadow: no target has a series of other_total'])
    expect((await run({ counters: requests, metrics: [shadow] })).error).toMatch(/^config: no metric is left: shadow is left out/)
  })
})
