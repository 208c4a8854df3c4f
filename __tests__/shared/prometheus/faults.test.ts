// What a person reads when Prometheus cannot be asked: each from a server, a proxy or a cluster that is really like that.
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, expect, test } from '@jest/globals'
import { ApiError } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { CredentialError } from '../../../actions/shared/kubernetes/api/permanent.ts'
import { NoEndpoints, NotForwarded } from '../../../actions/shared/kubernetes/api/port-forward.ts'
import { AnswerError } from '../../../actions/shared/prometheus/answer.ts'
import { PrometheusClient } from '../../../actions/shared/prometheus/client.ts'
import type { PrometheusOptions } from '../../../actions/shared/prometheus/connections.ts'
import { CERTIFICATE, KEY } from '../../smoke-test/certificate.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closing.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  return (server.address() as AddressInfo).port
}

function clientOf(url: string, more: Partial<PrometheusOptions> = {}): PrometheusClient {
  const client = new PrometheusClient({
    url,
    headers: {},
    tls: {},
    timeout: 3000,
    signal: new AbortController().signal,
    environment: {},
    ...more,
  })
  closing.push(() => client.close())
  return client
}

/** What a query of that server says, with ADDRESS for its address, and whether the fault stays. */
async function told(url: string, more: Partial<PrometheusOptions> = {}): Promise<[message: string, permanent: boolean]> {
  const error = await clientOf(url, more)
    .instant('up{a="b"}', 0)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    )
  if (!(error instanceof AnswerError)) throw new Error('an AnswerError is wanted', { cause: error })
  const { protocol, host } = new URL(url)
  return [error.message.replaceAll(`${protocol}//${host}`, 'ADDRESS'), error.permanent]
}

const says =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_, res) =>
    void res.writeHead(status, headers).end(body)

const html = { 'content-type': 'text/html; charset=utf-8' }
const error = (errorType: string, text: string): string => JSON.stringify({ status: 'error', errorType, error: text })
const LOGIN = 'set prometheus-token, or prometheus-username and prometheus-password'

test.each<[string, string, RequestListener, string, boolean]>([
  ['/api/v1 in the address', '/prom/api/v1/', says(404, '404 page not found'), 'ADDRESS/prom/api/v1 answers 404; leave out /api/v1', true],
  ['more of it', '/api/v1/query', says(404, ''), 'ADDRESS/api/v1/query answers 404; leave out /api/v1/query', true],
  ['a half of it', '/api', says(404, ''), 'ADDRESS/api answers 404; leave out /api', true],
  [
    'another server',
    '/',
    says(404, '<html>', html),
    'ADDRESS answers 404; the path in front of /api/v1 is wanted, such as /prometheus; is it another server?',
    true,
  ],
  ['a login', '', says(401, '<html>secret form</html>', html), `ADDRESS wants credentials (401); ${LOGIN}`, true],
  ['a door', '', says(403, ''), `ADDRESS wants credentials (403); ${LOGIN}`, true],
  [
    'a web page',
    '',
    says(200, '<!DOCTYPE html><title>Log in</title>'),
    'ADDRESS answers with a web page, where the API of Prometheus should be: is it a login, or another server? Name the address in front of /api/v1, and give credentials if it wants any',
    true,
  ],
  [
    'https behind a redirect',
    '/prom',
    says(301, '', { location: 'https://p.example/prom/api/v1/query' }),
    'ADDRESS/prom redirects to https://p.example/prom (301), which is not followed; set that address',
    true,
  ],
  [
    'a login behind a redirect',
    '',
    says(302, '', { location: 'https://u:pw@login.example/sign-in?state=sesame#x' }),
    `ADDRESS redirects to https://login.example/sign-in (302), which is not followed; if it is a login, ${LOGIN}, or name an address behind it`,
    true,
  ],
  ['a redirect to nowhere', '', says(307, ''), 'ADDRESS answers with a redirect to nowhere (307); is it another server?', true],
  ['a start', '', says(503, 'Service Unavailable'), 'ADDRESS is not ready (503); is it starting, or stopped?', false],
  ['a gateway', '', says(502, '<html>', html), 'ADDRESS is not reached by what stands in front of it (502); is it running?', false],
  ['too much', '', says(429, '{"message":"slow down"}'), 'ADDRESS answers that it has too many requests (429: slow down)', false],
  [
    'a server that takes no POST',
    '',
    says(405, ''),
    "ADDRESS does not answer a POST to Prometheus' API (405); is it another server?",
    true,
  ],
  ['TLS', '', says(400, 'Client sent an HTTP request to an HTTPS server.'), 'ADDRESS speaks TLS at this port; write https://', true],
  ['a broken server', '', says(500, error('internal', 'disk')), 'ADDRESS answers 500: disk', false],
  [
    'a query that is none',
    '',
    says(400, error('bad_data', 'parse error')),
    'ADDRESS does not take a query (400): bad_data: parse error; the query is up{a="b"}',
    true,
  ],
  [
    'a query that cannot be done',
    '',
    says(422, error('execution', 'too many samples')),
    'ADDRESS does not take a query (422): execution: too many samples; the query is up{a="b"}',
    false,
  ],
  [
    'a query that takes too long there',
    '',
    says(503, error('timeout', 'query timed out')),
    'ADDRESS needs too long for a query (503): timeout: query timed out; the query is up{a="b"}',
    false,
  ],
  [
    'a fault with the status of success',
    '',
    says(200, error('bad_data', 'no')),
    'ADDRESS does not take a query (200): bad_data: no; the query is up{a="b"}',
    true,
  ],
])('%s', async (_, path, answer, message, permanent) => {
  const port = await listen(createServer(answer))
  expect(await told(`http://127.0.0.1:${port}${path}`)).toEqual([`prometheus-url: ${message}`, permanent])
})

test.each([
  ['bad_data', 400, true],
  ['execution', 422, true],
  ['timeout', 503, false],
  ['internal', 500, false],
])('%s is of the query, or is not', async (kind, status, ofQuery) => {
  const port = await listen(createServer(says(status, error(kind, 'no'))))
  await expect(clientOf(`http://127.0.0.1:${port}`).instant('up', 0)).rejects.toMatchObject({ ofQuery })
})

test('neither user nor query of an address is shown, and its query goes along', async () => {
  const asked: unknown[] = []
  const port = await listen(
    createServer((req, res) => {
      asked.push(req.url)
      res.writeHead(404).end()
    }),
  )
  const [message] = await told(`http://user:sesame@127.0.0.1:${port}/prom?key=open`)
  expect(message).not.toMatch(/user|sesame|open/)
  expect(asked).toEqual(['/prom/api/v1/query?key=open'])
})

test.each([
  [401, ['prometheus-token'], 'does not take the credentials of prometheus-token (401: gone); are they right, and still valid?'],
  [403, ['prometheus-token'], 'does not permit the query to the credentials of prometheus-token (403: gone); give them the right to read'],
  [
    403,
    ['prometheus-aws-region'],
    'does not permit the query to the credentials of prometheus-aws-region (403: gone); give them the right to read, such as aps:QueryMetrics',
  ],
])('credentials that are refused with %d are named by their inputs', async (status, credentials, message) => {
  const port = await listen(createServer(says(status, '{"error":{"message":"gone"}}')))
  expect(await told(`http://127.0.0.1:${port}`, { credentials })).toEqual([`prometheus-url: ADDRESS ${message}`, true])
})

test('the address of a template is told as that of config', async () => {
  const port = await listen(createServer(says(404, '')))
  expect((await told(`http://127.0.0.1:${port}`, { input: 'config' }))[0]).toMatch(/^config: ADDRESS answers 404/)
})

test('names that nobody knows: a Service of a cluster is reached as k8s://', async () => {
  expect(await told('http://prometheus.monitoring.invalid.:9090')).toEqual([
    expect.stringContaining('as k8s://namespace/service:port'),
    true,
  ])
})

test('TLS: whose certificate is at fault, and which input mends it', async () => {
  const port = await listen(createTlsServer({ cert: CERTIFICATE, key: KEY }, says(200, '')))
  const url = `https://localhost:${port}`
  expect(await told(url)).toEqual([
    'prometheus-url: ADDRESS shows a certificate of a CA that is not known here; give that CA in prometheus-ca (DEPTH_ZERO_SELF_SIGNED_CERT)',
    true,
  ])
  expect(await told(`https://127.0.0.1:${port}`, { tls: { ca: CERTIFICATE } })).toEqual([
    'prometheus-url: ADDRESS shows a certificate for other names than 127.0.0.1; set an address that it is for (ERR_TLS_CERT_ALTNAME_INVALID)',
    true,
  ])
  // It is trusted, and is no Prometheus.
  expect((await told(url, { tls: { ca: CERTIFICATE } }))[0]).toContain('something else than its API says')
  const plain = await listen(createServer(says(200, '')))
  expect(await told(`https://localhost:${plain}`)).toEqual([
    expect.stringMatching(/^prometheus-url: ADDRESS does not speak TLS at this port; write http:\/\/ \(ERR_SSL_/),
    true,
  ])
})

test('the proxy of the environment that is away, refuses, or does not reach', async () => {
  const away = { HTTPS_PROXY: 'http://me:sesame@127.0.0.1:1' }
  expect(await told('https://p.invalid', { environment: away })).toEqual([
    'prometheus-url: ADDRESS is asked through the proxy http://127.0.0.1:1 of $HTTPS_PROXY, which refuses the connection (ECONNREFUSED); mend that, or name p.invalid in $NO_PROXY',
    false,
  ])
  const proxy = createServer(says(502, ''))
  proxy.on('connect', (_, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
  const port = await listen(proxy)
  const environment = { HTTPS_PROXY: `127.0.0.1:${port}`, HTTP_PROXY: `127.0.0.1:${port}` }
  const through = (variable: string, what: string): string =>
    `prometheus-url: ADDRESS is asked through the proxy http://127.0.0.1:${port} of $${variable}, which ${what} (502); mend that, or name p.invalid in $NO_PROXY`
  expect(await told('https://p.invalid', { environment })).toEqual([through('HTTPS_PROXY', 'refuses a tunnel'), false])
  expect(await told('http://p.invalid', { environment })).toEqual([through('HTTP_PROXY', 'does not reach it'), false])
})

/** Streams to a port of this machine, in the place of those to a pod. */
const streamsTo = (port: number, opened: Duplex[] = []) => {
  return (): Promise<Duplex> => {
    const socket = connect(port, '127.0.0.1')
    opened.push(socket)
    return new Promise((resolve, reject) => socket.once('connect', () => resolve(socket)).once('error', reject))
  }
}
const shown = 'k8s://monitoring/prometheus:9090'
const good = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } })

test('through a cluster: streams are kept, and opened anew when the pod behind has gone', async () => {
  const opened: Duplex[] = []
  const hosts: unknown[] = []
  const server = createServer((req, res) => {
    hosts.push(req.headers.host)
    res.end(good)
  })
  const client = clientOf('http://prometheus.monitoring.svc:9090', { shown, forward: streamsTo(await listen(server), opened) })
  for (let i = 0; i < 8; i++) await client.instant('up', 0)
  const kept = opened.length
  expect(kept).toBeLessThan(4)
  for (const stream of opened) stream.destroy()
  await client.instant('up', 0)
  expect(opened.length).toBe(kept + 1)
  expect(new Set(hosts)).toEqual(new Set(['prometheus.monitoring.svc:9090']))
})

test('TLS inside of a stream: the name is that of the Service', async () => {
  const port = await listen(createTlsServer({ cert: CERTIFICATE, key: KEY }, says(200, good)))
  const forward = streamsTo(port)
  await clientOf('https://localhost:9090', { shown, forward, tls: { ca: CERTIFICATE } }).instant('up', 0)
  expect(await told('https://prometheus.monitoring.svc:9090', { shown, forward, tls: { ca: CERTIFICATE } })).toEqual([
    `prometheus-url: ${shown} shows a certificate for other names than prometheus.monitoring.svc; set an address that it is for (ERR_TLS_CERT_ALTNAME_INVALID)`,
    true,
  ])
})

test.each<[string, Error, string, boolean]>([
  ['no Service', new NoEndpoints('there is no Service prometheus', true), 'there is no Service prometheus', true],
  ['no pods', new NoEndpoints('Service/prometheus has no ready pods', false), 'Service/prometheus has no ready pods', false],
  ['no right to look', new ApiError('get', 'Service/prometheus', 403, { message: 'forbidden' }), 'cannot get Service/prometheus', true],
  ['no right to forward', new NotForwarded('the API server answers 403', 403), 'the API server answers 403', true],
  ['credentials that stay', new CredentialError('no tool'), 'no tool', true],
  ['an API server that is away', new ApiError('get', 'Service/prometheus', 0, {}), 'cannot get Service/prometheus', false],
])('through a cluster: %s', async (_, reason, words, permanent) => {
  const [message, stays] = await told('http://prometheus.monitoring.svc:9090', { shown, forward: () => Promise.reject(reason) })
  expect(message).toContain(`prometheus-url: ${shown}: ${words}`)
  expect(stays).toBe(permanent)
})

test('a stream that nobody opens ends with the deadline', async () => {
  const ends: unknown[] = []
  const forward = (signal: AbortSignal): Promise<Duplex> =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        ends.push(signal.reason)
        reject(signal.reason as Error)
      }),
    )
  expect((await told('http://prometheus.monitoring.svc:9090', { shown, forward, timeout: 50 }))[0]).toMatch(
    `prometheus-url: ${shown} gives no answer within 50ms`,
  )
  expect(ends.length).toBeGreaterThan(0)
})

test('a probe throws what would come again, and leaves alone what may pass', async () => {
  let status = 200
  const asked: (string | undefined)[] = []
  const server = createServer((req, res) => {
    asked.push(req.url)
    res.writeHead(status).end(good)
  })
  const client = clientOf(`http://127.0.0.1:${await listen(server)}`)
  await client.probe()
  status = 503
  await client.probe()
  status = 404
  await expect(client.probe()).rejects.toThrow('answers 404')
  expect(asked).toEqual(['/api/v1/query', '/api/v1/query', '/api/v1/query'])
})
