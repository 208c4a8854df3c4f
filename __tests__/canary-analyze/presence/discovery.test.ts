// What the presets read: the names that are there, and the label with the status.
import { describe, expect, test } from '@jest/globals'
import { BLUE, both, buckets, type Given, GREEN, requests, run, START, selectors, series } from '../support/around.ts'
import type { Counter } from '../support/past.ts'

describe('the preset http', () => {
  const http = [{ preset: 'http' }]
  const of = (counters: Counter[], given: Partial<Given> = {}) => run({ counters, metrics: http, ...given })
  test.each([
    ['http_requests_total', { code: '200', method: 'GET' }, 'http_request_duration_seconds_bucket', 's', 'code'],
    ['http_requests_total', { status: '2xx', handler: '/' }, 'http_request_duration_seconds_bucket', 's', 'status'],
    ['http_requests_total', { status: 'success', status_code: '200' }, 'http_request_duration_ms_bucket', 'ms', 'status_code'],
    ['http_request_duration_seconds_count', { status_code: '200', path: '/' }, 'http_request_duration_seconds_bucket', 's', 'status_code'],
    [
      'http_server_requests_seconds_count',
      { status: '200', outcome: 'SUCCESS', uri: '/' },
      'http_server_requests_seconds_bucket',
      's',
      'status',
    ],
    [
      'http_server_request_duration_seconds_count',
      { http_response_status_code: '200', http_route: '/' },
      'http_server_request_duration_seconds_bucket',
      's',
      'http_response_status_code',
    ],
    [
      'http_server_duration_milliseconds_count',
      { http_status_code: '200' },
      'http_server_duration_milliseconds_bucket',
      'ms',
      'http_status_code',
    ],
    ['http_requests_received_total', { code: '200' }, 'http_request_duration_seconds_bucket', 's', 'code'],
    ['flask_http_request_total', { status: '200', method: 'GET' }, 'flask_http_request_duration_seconds_bucket', 's', 'status'],
    [
      'django_http_responses_total_by_status_total',
      { status: '200' },
      'django_http_requests_latency_seconds_by_view_method_bucket',
      's',
      'status',
    ],
    ['echo_requests_total', { code: '200', url: '/' }, 'echo_request_duration_seconds_bucket', 's', 'code'],
    ['gin_requests_total', { code: '200', url: '/' }, 'gin_request_duration_seconds_bucket', 's', 'code'],
    ['rails_requests_total', { status: '200', action: 'show' }, 'rails_request_duration_bucket', 's', 'status'],
  ])('finds %s with %j, and %s in %s', async (name, labels, histogram, unit, status) => {
    const found = await of([...both(name, labels), ...buckets(histogram)])
    expect(found.error).toBe('')
    expect(selectors(found)).toMatch(new RegExp(`^${name}{.* ${name}{${status}=~'5\\.\\.',`))
    expect(selectors(found, 1)).toContain(`${unit} ${histogram}{`)
    expect(found.told).toContain(`http reads ${name} by ${status}, and ${histogram}`)
  })
  test('knows the words of chi', async () => {
    const found = await of(both('chi_requests_total', { code: 'OK' }))
    expect(selectors(found)).toMatch(/ chi_requests_total{code=~'5\.\.\|Internal Server Error\|/)
  })
  test('leaves out what probes ask by the label of the library', async () => {
    const found = await of(both('http_server_requests_seconds_count', { status: '200', uri: '/' }))
    const probes = /uri!~'([^']+)'/.exec(selectors(found))?.[1] ?? ''
    const asked = ['/actuator/health', '/actuator/health/liveness', '/actuator/prometheus', '/healthz', '/orders', '/health-insurance']
    expect(asked.filter((uri) => new RegExp(`^(?:${probes})$`).test(uri))).toEqual(asked.slice(0, 4))
    expect(selectors(found)).not.toContain('handler')
  })
  test('asks for no more when it has found one', async () => {
    expect((await of(requests)).asked.filter((query) => query.includes('flask'))).toEqual([])
  })
  test('takes the first that both sides have', async () => {
    const old = series('http_requests_total', { ...BLUE, code: '200' })
    const found = await of([old, ...both('http_server_requests_seconds_count', { status: '200' })])
    expect(found.told).toContain('http reads http_server_requests_seconds_count by status')
  })
  test('takes a label that is given as it is', async () => {
    const counters = both('http_requests_total', { code: '200', upstream_status: '200' })
    const metrics = [{ preset: 'http', 'status-label': 'upstream_status' }]
    expect(selectors(await of(counters, { metrics }))).toContain(" http_requests_total{upstream_status=~'5..',")
    const wrong = [{ preset: 'http', 'status-label': 'status' }]
    expect(await of(counters, { metrics: wrong })).toMatchObject({
      error:
        'http: http_requests_total has no label status on both sides; its labels are code (200), pod, upstream_status (200): set status-label: code',
      seconds: 0,
    })
    const words = both('http_requests_total', { code: '200', status: 'ok' })
    expect((await of(words, { metrics: wrong })).error).toContain('has no status in the label status')
  })
  test('refuses a counter without a status, and one whose sides call it otherwise', async () => {
    expect(await of(both('http_requests_total', { method: 'GET' }))).toMatchObject({
      error:
        'http: http_requests_total has no label with the status of a response on both sides; its labels are method, pod: set status-label, or write a metric of the kind errors',
      seconds: 0,
    })
    const differ = [series('http_requests_total', { ...GREEN, code: '200' }), series('http_requests_total', { ...BLUE, status: '200' })]
    expect((await of(differ)).error).toContain('stands in the label code of the candidate and in status of the baseline')
  })
  test('waits where a histogram is there before the counter with the status', async () => {
    const late = [GREEN, BLUE].map((pod) => series('http_requests_total', { ...pod, code: '200' }, 20))
    const histogram = both('http_request_duration_seconds_count', {})
    expect(await of([...histogram, ...late])).toMatchObject({ error: '', begin: START + 20_000 })
    expect((await of(histogram)).error).toContain('http_request_duration_seconds_count has no label with the status of a response')
  })
  test('names what it looked for, what the pods have, and what to write', async () => {
    const { error, seconds } = await of([...both('shop_requests', {}), ...both('go_goroutines', {})])
    expect(seconds).toBe(0)
    expect(error).toMatch(
      /^http: no target has any of the usual counters of requests; http looks for http_requests_total, .*, axum_http_requests_total; the metrics of these pods are shop_requests, go_goroutines; write a metric of the kind errors with the names that there are, in config$/,
    )
  })
  test('asks for all metrics of a side only where a matcher wants a label', async () => {
    const { asked } = await of([], { candidate: 'color!="blue"', baseline: 'color="blue"' })
    expect(asked.filter((query) => query.endsWith('by __name__'))).toEqual(['{color="blue"} by __name__'])
  })
  test('refuses a label that no series of requests has, of a side or of where', async () => {
    expect(await of(requests, { candidate: 'color="green"', baseline: 'color="blue"' })).toMatchObject({
      error: 'candidate: no series of http_requests_total has the label color; its labels are code (200), pod',
      seconds: 0,
    })
    const metrics = [{ preset: 'http', where: 'namspace="shop"' }]
    expect((await of(requests, { metrics })).error).toMatch(
      /^config: where of http: no series of http_requests_total has the label namspace;/,
    )
  })
  test('waits for pods of which no metric is there while others have one', async () => {
    const { error, seconds } = await of([series('http_requests_total', { pod: 'order-9', code: '200' })])
    expect(seconds).toBe(120)
    expect(error).toContain(
      'candidate and baseline: no series of requests matches pod=~"orders-green-.+" or pod=~"orders-blue-.+"; the pods that have http_requests_total are order-9',
    )
    expect(error).toContain('these pods have no metrics at all')
  })
  test('leaves latency out where there are no buckets, and says so', async () => {
    const found = await of(requests)
    expect(found.names).toEqual(['http errors'])
    expect(found.told.at(-1)).toMatch(/^http latency is left out: no series of http_request_duration_seconds_bucket, .* is there: /)
    const half = await of([...requests, ...buckets('http_request_duration_seconds_bucket').slice(1)])
    expect(half.told.at(-1)).toBe('http latency is left out: the candidate has no series of http_request_duration_seconds_bucket')
    const traefik = await of(both('traefik_service_requests_total', { code: '200' }), { metrics: [{ preset: 'traefik' }] })
    expect(traefik.names).toEqual(['traefik errors'])
  })
})
