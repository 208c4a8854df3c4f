import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { PrometheusClient } from '../../../actions/shared/prometheus/client.ts'

interface Call {
  path: string
  form: URLSearchParams
  headers: IncomingMessage['headers']
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A server whose answers are those of `answer`, and a client of it. */
async function open(
  answer: (call: Call, number: number) => Promise<object | string | undefined> | object | string | undefined,
  given: Partial<ConstructorParameters<typeof PrometheusClient>[0]> = {},
) {
  const calls: Call[] = []
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of req) body += String(chunk)
    const call = { path: req.url ?? '', form: new URLSearchParams(body), headers: req.headers }
    calls.push(call)
    const said = await answer(call, calls.length)
    if (said !== undefined) res.end(typeof said === 'string' ? said : JSON.stringify({ status: 'success', data: said }))
  }
  const server = createServer((req, res) => void serve(req, res))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closing.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prom/`
  const client = new PrometheusClient({ url, headers: {}, tls: {}, timeout: 5000, signal: new AbortController().signal, ...given })
  closing.push(() => client.close())
  return { client, calls, url }
}
const empty = { resultType: 'matrix', result: [] }

test('an expression at a time, as a form, with the headers given', async () => {
  const { client, calls } = await open(() => ({ resultType: 'vector', result: [] }), {
    headers: { authorization: 'Bearer t', 'x-scope-orgid': 'team' },
  })
  await client.instant('up{a="b&c"}', 1_700_000_000_123)
  expect(calls[0]?.path).toBe('/prom/api/v1/query')
  expect(Object.fromEntries(calls[0]?.form ?? [])).toEqual({
    query: 'up{a="b&c"}',
    time: '1700000000.123',
    timeout: '5000ms',
    partial_response: 'false',
  })
  expect(calls[0]?.headers).toMatchObject({ authorization: 'Bearer t', 'x-scope-orgid': 'team' })
})

test('a range of more than 11,000 points is asked for in parts that do not overlap, and put together', async () => {
  const { client, calls } = await open(({ form }) => ({
    resultType: 'matrix',
    result: [
      {
        metric: { a: '1' },
        values: [
          [Number(form.get('start')), '1'],
          [Number(form.get('end')), '2'],
        ],
      },
    ],
  }))
  const { series } = await client.range('x', 0, 25_000_000, 1000)
  expect(calls.map(({ form }) => [form.get('start'), form.get('end')])).toEqual([
    ['0.000', '10999.000'],
    ['11000.000', '21999.000'],
    ['22000.000', '25000.000'],
  ])
  expect(series[0]?.points.map(([at]) => at)).toEqual([0, 10_999, 11_000, 21_999, 22_000, 25_000])
})

test('samples lie after the beginning, whatever the version of the server thinks of its left end', async () => {
  const { client, calls } = await open(() => ({
    resultType: 'matrix',
    result: [
      {
        metric: {},
        values: [
          [10, '1'],
          [15, '2'],
          [20, '3'],
        ],
      },
      { metric: { old: '1' }, values: [[10, '1']] },
    ],
  }))
  const { series } = await client.samples('c{a="b"}', 10_000, 20_000)
  expect(calls[0]?.form.get('query')).toBe('c{a="b"}[10000ms]')
  expect(series).toEqual([
    {
      labels: {},
      points: [
        [15, 2],
        [20, 3],
      ],
    },
  ])
})

test('at most eight queries are under way at once', async () => {
  let [now, most] = [0, 0]
  const { promise: full, resolve } = Promise.withResolvers<void>()
  const { client } = await open(async () => {
    most = Math.max(most, ++now)
    if (now === 8) resolve()
    await full
    // A ninth would come in by now.
    await new Promise((go) => setTimeout(go, 5))
    now--
    return empty
  })
  await Promise.all(Array.from({ length: 60 }, (_, i) => client.instant(`q${i}`, 0)))
  expect(most).toBe(8)
})

test('a query is signed when its turn comes: while it waited, the signature would grow old and its deadline pass', async () => {
  let signed = 0
  const { promise: full, resolve } = Promise.withResolvers<void>()
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const sign = async () => {
    signed++
    return {}
  }
  const answer = async (_: Call, number: number) => {
    if (number === 8) resolve()
    await held
    return empty
  }
  const { client } = await open(answer, { sign })
  const asked = Promise.all(Array.from({ length: 20 }, (_, i) => client.instant(`q${i}`, 0)))
  await full
  expect(signed).toBe(8)
  letGo()
  await asked
  expect(signed).toBe(20)
})

test('a huge answer is an error, not a cut', async () => {
  const { client } = await open(() => ({ resultType: 'vector', result: [{ metric: { a: 'x'.repeat(2000) }, value: [1, '1'] }] }), {
    limit: 1000,
  })
  await expect(client.instant('up', 0)).rejects.toThrow('the answer is larger than 1000 bytes')
})

test('a connection that was closed meanwhile is opened once more; twice is a fault', async () => {
  const empty = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } })
  for (const [hangUps, outcome] of [
    [1, 'answers'],
    [2, 'fails'],
  ] as const) {
    let connections = 0
    const server = createServer((_, res) => void res.end(empty)).on('connection', (socket) => {
      if (++connections <= hangUps) socket.resetAndDestroy()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    closing.push(() => server.close())
    const { port } = server.address() as AddressInfo
    const client = new PrometheusClient({
      url: `http://127.0.0.1:${port}`,
      headers: {},
      tls: {},
      timeout: 5000,
      signal: new AbortController().signal,
    })
    closing.push(() => client.close())
    const asked = client.instant('up', 0)
    if (outcome === 'answers') expect((await asked).series).toEqual([])
    else
      await expect(asked).rejects.toThrow(
        /^prometheus-url: http.* closes the connection before it has answered \((ECONNRESET|UND_ERR_SOCKET)\)$/,
      )
  }
})

test('no answer, half an answer, a closed door: errors that name the input and the address, and the query where it is to blame', async () => {
  const silent = await open(() => undefined, { timeout: 50 })
  await expect(silent.client.instant('up', 0)).rejects.toThrow(
    /^prometheus-url: http:\/\/127.0.0.1:\d+\/prom gives no answer within 50ms; .*query-timeout$/,
  )
  const patient = await open(() => undefined, { timeout: 60_000 })
  await expect(patient.client.instant('up', 0, 50)).rejects.toThrow('gives no answer within 50ms')
  const half = await open(() => '{"status":"success","data":{"resultType":"vec')
  await expect(half.client.instant('up', 0)).rejects.toThrow(/something else than its API says: .*; the query is up$/)
  const closed = new PrometheusClient({
    url: 'http://127.0.0.1:1',
    headers: {},
    tls: {},
    timeout: 500,
    signal: new AbortController().signal,
  })
  await expect(closed.instant('up', 0)).rejects.toThrow('prometheus-url: nobody listens at http://127.0.0.1:1; can this runner reach it?')
  const abort = new AbortController()
  const cancelled = await open(() => undefined, { signal: abort.signal })
  const waiting = cancelled.client.instant('up', 0)
  abort.abort(new Error('cancelled'))
  await expect(waiting).rejects.toThrow('cancelled')
})

test('the proxy of the environment is used: for http as such, for https by a tunnel; what $NO_PROXY names goes straight', async () => {
  const asked: string[] = []
  const proxy = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`)
    res.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } }))
  })
  proxy.on('connect', (req, socket) => {
    asked.push(`CONNECT ${req.url}`)
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  closing.push(
    () => proxy.closeAllConnections(),
    () => proxy.close(),
  )
  const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const environment = { HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: 'straight.invalid' }
  const ask = async (url: string): Promise<void> => {
    const client = new PrometheusClient({ url, headers: {}, tls: {}, timeout: 3000, signal: new AbortController().signal, environment })
    closing.push(() => client.close())
    await client.instant('up', 0)
  }
  await ask('http://prometheus.invalid:9090')
  await expect(ask('https://prometheus.invalid')).rejects.toThrow(
    `prometheus-url: https://prometheus.invalid is asked through the proxy http://${address} of $HTTPS_PROXY, which refuses a tunnel (403)`,
  )
  await expect(ask('http://straight.invalid')).rejects.toThrow('http://straight.invalid has a name that this runner cannot look up')
  expect(asked).toEqual(['POST http://prometheus.invalid:9090/api/v1/query', 'CONNECT prometheus.invalid:443'])
  const socks = { HTTPS_PROXY: 'socks5://127.0.0.1:1' }
  const refused = {
    url: 'https://prometheus.invalid',
    headers: {},
    tls: {},
    timeout: 1,
    signal: new AbortController().signal,
    environment: socks,
  }
  expect(() => new PrometheusClient(refused)).toThrow('not supported here')
})
