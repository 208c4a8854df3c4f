import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { passes } from '../../../../actions/shared/kubernetes/api/call.ts'
import { ApiError, type Cluster, type WatchEvent } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { CredentialError } from '../../../../actions/shared/kubernetes/api/permanent.ts'
import {
  type ApiServer,
  behindProxy,
  cut,
  drop,
  hang,
  json,
  type Reply,
  review,
  startApiServer,
  status,
  text,
} from '../../../support/api-server.ts'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
})
afterAll(() => server.close())

const WEB = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' }
const PATH = '/apis/apps/v1/namespaces/shop/deployments'
const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', resourceVersion: '7' },
  spec: { new: 1 },
}
const pods = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', labelSelector: 'app=web' }
const good = json(web)
const podList = json({ kind: 'PodList', metadata: { resourceVersion: '9' }, items: [] })

const failure = async (call: Promise<unknown>): Promise<ApiError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ApiError)
  return error as ApiError
}

test.each<[string, (cluster: Cluster) => Promise<unknown>, Reply, object]>([
  ['get', (cluster) => cluster.get(WEB), good, { method: 'GET', path: `${PATH}/web`, query: {}, body: undefined }],
  [
    'list',
    (cluster) => cluster.list(pods),
    podList,
    { method: 'GET', path: '/api/v1/namespaces/shop/pods', query: { labelSelector: 'app=web' } },
  ],
  ['create', (cluster) => cluster.create(web), good, { method: 'POST', path: PATH, query: { fieldManager: 'devops-actions' }, body: web }],
  [
    'replace',
    (cluster) => cluster.replace(web),
    good,
    { method: 'PUT', path: `${PATH}/web`, query: { fieldManager: 'devops-actions' }, body: web },
  ],
  [
    'apply',
    (cluster) => cluster.apply(web, { force: true }),
    good,
    {
      method: 'PATCH',
      path: `${PATH}/web`,
      query: { fieldManager: 'devops-actions', force: 'true' },
      type: 'application/apply-patch+yaml',
      body: web,
    },
  ],
  [
    'a dry run',
    (cluster) => cluster.apply(web, { dryRun: true }),
    good,
    { method: 'PATCH', query: { fieldManager: 'devops-actions', dryRun: 'All' } },
  ],
  [
    'patch',
    (cluster) => cluster.patch(WEB, { spec: null }),
    good,
    { method: 'PATCH', query: { fieldManager: 'devops-actions' }, type: 'application/merge-patch+json', body: { spec: null } },
  ],
  [
    'delete',
    (cluster) => cluster.delete(WEB, { uid: 'u', resourceVersion: '7', gracePeriodSeconds: 2, propagation: 'Foreground' }),
    json({ kind: 'Status', status: 'Success' }),
    {
      method: 'DELETE',
      path: `${PATH}/web`,
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: 'u', resourceVersion: '7' },
        gracePeriodSeconds: 2,
        propagationPolicy: 'Foreground',
      },
    },
  ],
  [
    'logs',
    (cluster) => cluster.logs({ namespace: 'shop', name: 'web-1' }, { container: 'web', previous: true, tailLines: 20 }),
    text('not JSON'),
    {
      method: 'GET',
      path: '/api/v1/namespaces/shop/pods/web-1/log',
      query: { container: 'web', previous: 'true', tailLines: '20', limitBytes: '65536' },
    },
  ],
])('%s is one request, and the same one again when its answer was lost', async (_, call, answer, expected) => {
  server.answer(drop, answer)
  const { cluster, told } = server.client()
  await call(cluster)
  expect(server.calls).toHaveLength(2)
  expect(server.calls[0]).toEqual(expect.objectContaining(expected))
  expect(server.calls[1]).toEqual(server.calls[0])
  expect(told).toEqual([
    expect.stringMatching(/^cannot .+ (Deployment\/web|Pod objects|Pod\/web-1) in namespace shop: .+; trying again in 200ms$/),
  ])
})

test.each<[string, Reply, number, RegExp]>([
  ['429 with Retry-After', status(429, 'slow down', {}, { 'retry-after': '7' }), 7000, /: 429 slow down; trying again in 7s/],
  ['429 with its seconds in the body', status(429, 'slow down', { details: { retryAfterSeconds: 3 } }), 3000, /again in 3s/],
  ['429', status(429, 'slow down'), 200, /: 429 slow down/],
  ['429 with a date', status(429, 'slow down', {}, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }), 200, /: 429/],
  ['500', status(500, 'etcdserver: request timed out'), 200, /: 500 etcdserver/],
  ['502 of a load balancer', text('<html>bad gateway', 502), 200, /: 502 <html>bad gateway/],
  ['503', status(503, 'apiserver is shutting down'), 200, /: 503 apiserver/],
  ['504', status(504, 'timeout'), 200, /: 504/],
  ['an expired list', status(410, 'too old'), 200, /: 410 too old/],
  ['a broken connection', drop, 200, /: other side closed|: socket|: terminated/i],
  ['an answer that is cut off', cut('{"kind":"Deployment"'), 200, /terminated|other side closed|aborted/],
  ['JSON that is cut off', text('{"kind":"Deployment","metadata":'), 200, /cut off or is not JSON/],
  ['nothing', text(''), 200, /cut off or is not JSON/],
  ['protobuf', text('k8s\0\n\f', 200, { 'content-type': 'application/vnd.kubernetes.protobuf' }), 200, /cut off or is not JSON/],
  ['a page of something before it', text('<html>login', 200, { 'content-type': 'text/html' }), 200, /cut off or is not JSON/],
  ['a page that says not found', text('<html>no such page', 404), 200, /404, which is not the API server's: <html>no such page/],
  ['a 404 that is cut off', text('{"kind":"Status","mess', 404), 200, /404, cut off: \{"kind"/],
  ['JSON of something else', json({ error: 'maintenance' }), 200, /not what was asked for: \{"error":"maintenance"\}/],
  ['null', json(null), 200, /not what was asked for: null/],
  ['an array', json([web]), 200, /not what was asked for/],
  ['another object', json({ ...web, metadata: { name: 'other' } }), 200, /not what was asked for/],
])('%s passes: the call is made again, and it is said', async (_, fault, waited, said) => {
  server.answer(fault, good)
  const { cluster, clock, told } = server.client()
  expect(await cluster.get(WEB)).toEqual(web)
  expect(server.calls).toHaveLength(2)
  expect(clock.monotonic()).toBe(waited)
  expect(told).toEqual([expect.stringMatching(said)])
  expect(told[0]).toMatch(/^cannot get Deployment\/web in namespace shop: /)
})

test.each<[number, string]>([
  [302, 'moved'],
  [400, 'bad'],
  [403, 'not allowed'],
  [405, 'no such verb'],
  [409, 'the object has been modified'],
  [413, 'too large'],
  [422, 'invalid'],
])('%d stays: it is the answer', async (code, message) => {
  server.answer(
    status(code, message, { reason: 'Because', details: { causes: [{ field: '.spec' }] } }, { location: 'https://elsewhere.example' }),
  )
  const { cluster, told } = server.client()
  const error = await failure(cluster.apply(web))
  expect(server.calls).toHaveLength(1)
  expect(told).toEqual([])
  expect(error.message).toBe(`cannot apply Deployment/web in namespace shop: ${code} ${message}`)
  expect(error).toMatchObject({ status: code, reason: 'Because', verb: 'apply', details: { causes: [{ field: '.spec' }] } })
})

test.each([
  'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
  'failed to convert new object (shop/a; /v1, Kind=Secret) to proper version: illegal base64 data at input byte 0',
])('an object that the API server cannot read is no fault of its: %s', async (message) => {
  server.answer(status(500, message))
  const { cluster } = server.client()
  expect(await failure(cluster.apply(web))).toMatchObject({ status: 422, said: message })
  expect(server.calls).toHaveLength(1)
})

test('what is not there is undefined to get, nothing to delete, and an error to change', async () => {
  server.answer(status(404, 'deployments.apps "web" not found', { reason: 'NotFound' }))
  const { cluster } = server.client()
  expect(await cluster.get(WEB)).toBeUndefined()
  expect(await cluster.delete(WEB)).toBe(false)
  expect(server.calls[1]?.body).toEqual({ apiVersion: 'v1', kind: 'DeleteOptions' })
  expect((await failure(cluster.patch(WEB, {}))).message).toBe(
    'cannot patch Deployment/web in namespace shop: 404 deployments.apps "web" not found',
  )
})

test('a fault that stays is an error with what was said and how long was tried; the waits grow', async () => {
  server.answer(status(503, 'apiserver is shutting down', { reason: 'ServiceUnavailable' }))
  const { cluster, clock, told } = server.client({ patience: 60_000 })
  const error = await failure(cluster.list(pods))
  expect(error.message).toBe('cannot list Pod objects in namespace shop: 503 apiserver is shutting down (tried for 1m)')
  expect(error).toMatchObject({ status: 503, reason: 'ServiceUnavailable' })
  expect(error.cause).toBeInstanceOf(ApiError)
  const waits = told.map((line) => line.split(' ').at(-1))
  expect(waits.slice(0, 7)).toEqual(['200ms', '400ms', '800ms', '1.6s', '3.2s', '5s', '5s'])
  expect(clock.monotonic()).toBeGreaterThan(55_000)
  expect(clock.monotonic()).toBeLessThanOrEqual(60_000)
})

test('a longer Retry-After than there is patience is not waited for', async () => {
  server.answer(status(429, 'slow down', {}, { 'retry-after': '11' }))
  const { cluster, clock } = server.client()
  expect(await failure(cluster.get(WEB))).toMatchObject({ status: 429, details: { retryAfterSeconds: 11 } })
  expect(clock.monotonic()).toBe(0)
})

test('a server that never answers ends the call at its deadline', async () => {
  server.answer(hang)
  const { cluster } = server.client({ patience: 50 })
  expect((await failure(cluster.get(WEB))).message).toMatch(/^cannot get Deployment\/web in namespace shop: .+ \(tried for 50ms\)$/)
})

test('a cancelled run stops within a call and between two, with its own reason', async () => {
  const stop = new AbortController()
  const { cluster, told } = server.client({ signal: stop.signal })
  server.answer((outgoing) => {
    hang(outgoing)
    stop.abort(new Error('cancelled'))
  })
  await expect(cluster.get(WEB)).rejects.toThrow('cancelled')
  await expect(cluster.get(WEB)).rejects.toThrow('cancelled')
  expect([server.calls.length, told]).toEqual([1, []])
})

test('a refused token is renewed once', async () => {
  const refused = status(401, 'Unauthorized')
  const { cluster, renewed } = server.client()
  server.answer(refused, good, refused)
  await cluster.get(WEB)
  expect(server.calls.map(({ authorization }) => authorization)).toEqual(['Bearer 0', 'Bearer 1'])
  expect((await failure(cluster.get(WEB))).message).toBe('cannot get Deployment/web in namespace shop: 401 Unauthorized')
  expect([server.calls.length, renewed()]).toEqual([4, 2])
})

test('lists say what their items are; one without items is empty, one of something else is asked for again', async () => {
  const { cluster } = server.client()
  server.answer(json({ kind: 'PodList', metadata: { resourceVersion: '9' }, items: [{ metadata: { name: 'a' } }] }))
  expect(await cluster.list(pods)).toEqual({ items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }], resourceVersion: '9' })
  server.answer(json({ kind: 'Status', status: 'Success' }), json({ kind: 'PodList', items: null }))
  expect(await cluster.list(pods)).toEqual({ items: [], resourceVersion: '' })
  expect(server.calls).toHaveLength(2)
})

test('names and namespaces from outside stay within their part of the path', async () => {
  server.answer(json({ ...web, metadata: { name: '../x?y' } }))
  await server.client().cluster.get({ ...WEB, namespace: 'a/b', name: '../x?y' })
  expect(server.calls[0]?.path).toBe('/apis/apps/v1/namespaces/a%2Fb/deployments/..%2Fx%3Fy')
})

test('a kind that is not known is looked up once', async () => {
  const list = { kind: 'APIResourceList', resources: [{ name: 'certificates', kind: 'Certificate', namespaced: true }] }
  const certificate = { apiVersion: 'cert.example/v1', kind: 'Certificate', metadata: { name: 'web', namespace: 'shop' } }
  server.answer(json({ kind: 'Status' }), json(list), json(certificate))
  const { cluster } = server.client()
  await cluster.apply(certificate)
  await cluster.apply(certificate)
  expect(server.calls.map(({ path }) => path)).toEqual([
    '/apis/cert.example/v1',
    '/apis/cert.example/v1',
    '/apis/cert.example/v1/namespaces/shop/certificates/web',
    '/apis/cert.example/v1/namespaces/shop/certificates/web',
  ])
})

/** Events of one watch until it ends; `take` leaves it earlier. */
async function watched(cluster: Cluster, signal = new AbortController().signal, take = Infinity): Promise<WatchEvent[]> {
  const events: WatchEvent[] = []
  for await (const event of cluster.watch(pods, '9', signal)) if (events.push(event) >= take) break
  return events
}
const event = (type: string, name: string) => `${JSON.stringify({ type, object: { kind: 'Pod', metadata: { name } } })}\n`

test('a watch is asked for from a version on, for a bounded time, and gives events with bookmarks until it ends', async () => {
  server.answer(text(`${event('ADDED', 'a')}${event('BOOKMARK', '')}${event('DELETED', 'a')}{"type":"ADDED","obj`))
  expect((await watched(server.client().cluster)).map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK', 'DELETED'])
  expect(server.calls[0]?.query).toEqual({
    watch: 'true',
    allowWatchBookmarks: 'true',
    labelSelector: 'app=web',
    resourceVersion: '9',
    timeoutSeconds: '20',
  })
})

test('events come as they happen, not when the watch ends', async () => {
  server.answer((outgoing) => outgoing.write(event('ADDED', 'a') + event('MODIFIED', 'a').slice(0, 10)))
  expect(await watched(server.client().cluster, undefined, 1)).toHaveLength(1)
})

test.each<[string, Reply, RegExp]>([
  ['410', status(410, 'too old resource version'), /cannot watch Pod objects in namespace shop: 410 too old resource version/],
  [
    'an event of an error',
    text(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })}\n`),
    /cannot watch Pod objects in namespace shop: 410 too old/,
  ],
  ['403', status(403, 'not allowed'), /cannot watch Pod objects in namespace shop: 403 not allowed/],
  ['a broken connection', cut(event('ADDED', 'a')), /terminated|other side closed|aborted/],
  ['a page of something before it', text('<html>login\n'), /JSON/],
  ['a page of an error', text('<html>bad gateway', 502), /502 <html>bad gateway/],
])('a watch that ends with %s throws it, and is not begun again by itself', async (_, reply, message) => {
  server.answer(reply)
  await expect(watched(server.client().cluster)).rejects.toThrow(message)
  expect(server.calls).toHaveLength(1)
})

test('a watch renews a refused token', async () => {
  server.answer(status(401, 'Unauthorized'), text(event('ADDED', 'a')))
  const { cluster, renewed } = server.client()
  expect(await watched(cluster)).toHaveLength(1)
  expect(renewed()).toBe(1)
})

test('a watch ends when it is no longer wanted', async () => {
  const stop = new AbortController()
  server.answer((outgoing) => {
    outgoing.write(event('ADDED', 'a'))
    stop.abort(new Error('enough'))
  })
  await expect(watched(server.client().cluster, stop.signal)).rejects.toThrow('enough')
})

const to = { namespace: 'shop', kind: 'services', name: 'web', port: 80, path: '/health?full=1', timeout: 5_000 } as const
const MARK = { 'audit-id': 'x' }

test.each<[string, Reply, { reached: boolean; status: number; body: string }]>([
  ['a good answer', text('fine', 200, MARK), { reached: true, status: 200, body: 'fine' }],
  ['a redirect, which is not followed', text('', 302, { ...MARK, location: '/login' }), { reached: true, status: 302, body: '' }],
  ['a failure of the pod', text('broken', 500, MARK), { reached: true, status: 500, body: 'broken' }],
  ['a refusal of the pod', text('{"error":"no"}', 403, MARK), { reached: true, status: 403, body: '{"error":"no"}' }],
  ['no endpoints', status(503, 'no endpoints available', {}, MARK), { reached: false, status: 503, body: 'no endpoints available' }],
  [
    'a pod that listens to nobody',
    status(503, 'error trying to reach service: dial tcp 10.0.0.1:80: connect: connection refused', {}, MARK),
    { reached: false, status: 503, body: 'error trying to reach service: dial tcp 10.0.0.1:80: connect: connection refused' },
  ],
  ['a pod that hangs up', status(502, 'EOF', {}, MARK), { reached: false, status: 502, body: 'EOF' }],
])('through the proxy, %s is an answer', async (_, reply, expected) => {
  server.answer(reply)
  expect(await server.client().cluster.proxy(to)).toEqual(expected)
  expect(server.calls).toMatchObject([{ path: '/api/v1/namespaces/shop/services/web%3A80/proxy/health', query: { full: '1' } }])
})

test('through the proxy, a pod that does not answer in time was not reached', async () => {
  server.answer(hang)
  expect(await server.client().cluster.proxy({ ...to, https: true, timeout: 30 })).toEqual({
    reached: false,
    status: 0,
    body: 'no answer within 30ms',
  })
  expect(server.calls[0]?.path).toContain('/services/https%3Aweb%3A80/proxy/')
})

test.each<[string, Reply]>([
  ['too many requests of the API server', status(429, 'slow down', {}, MARK)],
  ['a failure of the API server itself', status(500, 'etcdserver: leader changed', {}, MARK)],
  ['an API server that ends', status(503, 'apiserver is shutting down', {}, MARK)],
  ['a broken connection', drop],
  ['an answer that does not bear the mark of this API server', text('bad gateway', 502)],
])('through the proxy, %s is no answer of the pod: it is asked again', async (_, reply) => {
  const { cluster, told } = server.client()
  server.answer(json(web, 200, MARK))
  await cluster.get(WEB)
  server.answer(reply, text('fine', 200, MARK))
  expect(await cluster.proxy(to)).toEqual({ reached: true, status: 200, body: 'fine' })
  expect(told).toHaveLength(1)
})

test('through the proxy, as much of an answer is read as was asked for', async () => {
  server.answer(text('abcdef'))
  expect(await server.client().cluster.proxy({ ...to, limit: 4 })).toEqual({ reached: true, status: 200, body: 'abcd' })
})

test('through the proxy, a refusal of the API server is an error that names the call', async () => {
  server.answer(status(403, 'services "web" is forbidden', {}, MARK))
  expect((await failure(server.client().cluster.proxy(to))).message).toBe(
    'cannot get /health?full=1 of web through services/proxy: 403 services "web" is forbidden',
  )
})

test('through the proxy, headers go along to the pod; the credentials stay our own', async () => {
  server.answer(text('fine'))
  await server.client().cluster.proxy({ ...to, headers: { Accept: 'text/plain', 'X-Probe': 'yes' } })
  expect(server.calls[0]?.headers).toMatchObject({ accept: 'text/plain', 'x-probe': 'yes', authorization: 'Bearer 0' })
})

test.each([
  'Authorization',
  'HOST',
  'Impersonate-User',
  'impersonate-extra-scopes',
  'X-Remote-User',
  'Transfer-Encoding',
  'content-length',
])('through the proxy, no request carries a header %s of its own', async (name) => {
  server.answer(text('fine'))
  const error = await failure(server.client().cluster.proxy({ ...to, headers: { [name]: 'x' } }))
  expect(error.message).toContain(`the header ${name} cannot be sent`)
  expect(passes(error.status)).toBe(false) // waiting makes it no better
  expect(server.calls).toEqual([])
})

test('through the proxy, a request that nobody waits for any more ends with their reason, also while it waits for its next try', async () => {
  const { cluster, told } = server.client()
  for (const [replies, tries] of [
    [[hang], 1],
    // The second try is after the pause, when the API server was asked.
    [[drop, review(true), hang], 3],
  ] as const) {
    const stop = new AbortController()
    server.answer(...replies)
    const call = cluster.proxy({ ...to, signal: stop.signal })
    while (server.calls.length < tries) await new Promise(setImmediate)
    stop.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
  }
  expect(told).toHaveLength(1)
})

const forged = { ...MARK, 'x-kubernetes-pf-flowschema-uid': 'x', 'retry-after': '5' }
test.each<[string, Reply, { status: number; times: number }]>([
  ['403', status(403, 'forged by the pod', {}, forged), { status: 403, times: 1 }],
  ['401', status(401, 'Unauthorized', {}, forged), { status: 401, times: 1 }],
  ['403 as YAML', text('apiVersion: v1\nkind: Status\n', 403, forged), { status: 403, times: 1 }],
  ['403 as protobuf', text('k8s\0\n', 403, forged), { status: 403, times: 1 }],
  ['500 with a pause that is no number', status(500, 'x', { details: { retryAfterSeconds: 'x' } }, MARK), { status: 500, times: 2 }],
  ['429', status(429, 'slow down', { details: { retryAfterSeconds: 3600 } }, forged), { status: 429, times: 2 }],
  ['429 in the words of its queues', text('Too many requests, please try again later.\n', 429, forged), { status: 429, times: 2 }],
  ['503', status(503, 'apiserver is shutting down', {}, forged), { status: 503, times: 2 }],
])('through the proxy, a pod that answers %s as the API server would is a bad answer of the pod', async (_, reply, expected) => {
  const { cluster, clock, renewed } = server.client()
  server.answer(behindProxy([reply], review(true)))
  const answer = await cluster.proxy({ ...to, https: true })
  expect(answer).toMatchObject({ reached: true, status: expected.status })
  const [proxied, own] = [true, false].map((way) => server.calls.filter(({ path }) => path.includes('/proxy/') === way))
  expect([proxied?.length, own?.length]).toEqual([expected.times, expected.times])
  const resourceAttributes = { namespace: 'shop', verb: 'get', resource: 'services', subresource: 'proxy', name: 'https:web:80' }
  expect(own?.[0]).toMatchObject({ path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', body: { spec: { resourceAttributes } } })
  expect([clock.monotonic(), renewed()]).toEqual([expected.times === 1 ? 0 : 200, 0])
})

test.each<[string, Reply, Reply, RegExp]>([
  ['does not permit the call', status(403, 'services "web" is forbidden'), review(false), /403 services "web" is forbidden$/],
  ['gives no answer that can be read', status(403, 'no'), review('yes'), /403 no$/],
  ['may not be asked', status(403, 'no'), status(403, 'no reviews'), /403 no$/],
  ['refuses the credentials', status(403, 'no'), status(401, 'Unauthorized'), /401 Unauthorized$/],
  ['fails', status(403, 'no'), status(500, 'etcdserver: no leader'), /500 etcdserver: no leader \(tried for 10s\)$/],
  ['breaks off', status(500, 'no'), drop, /\(tried for 10s\)$/],
])("through the proxy, a refusal is the API server's when it %s", async (_, reply, own, said) => {
  server.answer(behindProxy([reply], own))
  expect((await failure(server.client().cluster.proxy(to))).message).toMatch(said)
})

test('through the proxy, a pod that has the connection broken is a bad answer of the pod, and an API server that breaks is not', async () => {
  const { cluster, told } = server.client()
  const heads: Reply = (outgoing) => outgoing.writeHead(200, { ...MARK, 'x-huge': 'x'.repeat(200_000) }).end('fine')
  for (const reply of [drop, heads]) {
    server.answer(behindProxy([reply], review(true)))
    expect(await cluster.proxy(to)).toMatchObject({ reached: false, status: 0 })
  }
  expect(told).toHaveLength(2)
  server.answer(behindProxy([drop], drop))
  expect((await failure(cluster.proxy(to))).message).toMatch(/^cannot get .*\(tried for 10s\)$/)
})

test('through the proxy, a fault of the API server that is over when it is asked gets a second chance', async () => {
  const { cluster, told } = server.client()
  server.answer(behindProxy([status(500, 'etcdserver: leader changed'), text('fine')], review(true)))
  expect(await cluster.proxy(to)).toEqual({ reached: true, status: 200, body: 'fine' })
  expect(told).toEqual([expect.stringContaining('asking again')])
})

test('through the proxy, a 404 of the pod is an answer, and what the API server does not find was not reached', async () => {
  const { cluster } = server.client()
  server.answer(behindProxy([status(404, 'orders "7" not found'), status(404, 'services "web" not found')], review(true)))
  expect(await cluster.proxy(to)).toMatchObject({ reached: true, status: 404 })
  expect(await cluster.proxy(to)).toEqual({ reached: false, status: 404, body: 'services "web" not found' })
})

test.each<[string, Reply]>([
  ['a word', status(503, 'no', { details: { retryAfterSeconds: 'x' } })],
  ['a list', status(503, 'no', { details: { retryAfterSeconds: [7] } })],
  ['less than nothing', status(503, 'no', { details: { retryAfterSeconds: -5 } })],
  ['nothing', status(503, 'no', { details: { retryAfterSeconds: 0 } })],
  ['a fraction', status(503, 'no', { details: { retryAfterSeconds: 1e-9 } })],
  ['more than anybody means', status(503, 'no', { details: { retryAfterSeconds: 1e300 } })],
  ['a head in words', status(503, 'no', {}, { 'retry-after': 'soon' })],
  ['a head of hexadecimal digits', status(503, 'no', {}, { 'retry-after': '0x10' })],
  ['a head of too many digits', status(503, 'no', {}, { 'retry-after': '9'.repeat(400) })],
  ['a date that is past', status(503, 'no', {}, { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' })],
  ['details that are a word', status(503, 'no', { details: 'x' })],
  ['details that are null', status(503, 'no', { details: null })],
])('a pause of %s is none that was asked for: the waits are our own, and end', async (_, reply) => {
  server.answer(reply)
  const { cluster, clock, told } = server.client()
  expect((await failure(cluster.get(WEB))).message).toMatch(/503 no \(tried for 10s\)$/)
  expect(told.length).toBeLessThan(10)
  expect(clock.monotonic()).toBeLessThanOrEqual(10_000)
})

test('a Retry-After that is a date is waited for', async () => {
  const { cluster, clock } = server.client()
  server.answer(status(503, 'no', {}, { 'retry-after': new Date(clock.now() + 4_000).toUTCString() }), good)
  await cluster.get(WEB)
  expect(clock.monotonic()).toBe(4_000)
})

test('a Status with parts of wrong kinds is read as far as it has right ones', async () => {
  server.answer(status(409, 'conflict', { message: { a: 1 }, reason: 7, details: { causes: [null, 'x', { field: '.spec', message: 5 }] } }))
  const error = await failure(server.client().cluster.apply(web))
  expect(error).toMatchObject({ status: 409, reason: '', said: 'no explanation', details: { causes: [{ field: '.spec' }] } })
})

test('of a page that something before the API server answers, the beginning is shown', async () => {
  server.answer(text(`<html>${'x'.repeat(5_000)}`, 403))
  const { said } = await failure(server.client().cluster.get(WEB))
  expect(said).toBe(`<html>${'x'.repeat(494)}`)
})

test('of a long outage over many calls only some tries are told', async () => {
  server.answer(status(503, 'no', { details: { retryAfterSeconds: 1 } }))
  const { cluster, told } = server.client({ patience: 300_000 })
  await failure(cluster.get(WEB))
  await failure(cluster.get(WEB))
  expect(server.calls.length).toBeGreaterThan(550)
  expect(told.length).toBeLessThan(40)
  expect(told.at(-1)).toContain('512 calls were tried again so far')
})

test.each<[string, object]>([
  ['no object', { type: 'ADDED', object: null }],
  ['no metadata', { type: 'ADDED', object: { kind: 'Pod' } }],
  ['another type', { type: 'constructor', object: { metadata: {} } }],
  ['an error without a code', { type: 'ERROR', object: { code: 'x', message: 'oops' } }],
  ['an error with a code that there is not', { type: 'ERROR', object: { code: 4.1, message: 'oops' } }],
])('an event of a watch with %s ends it as a fault', async (_, line) => {
  server.answer(text(`${JSON.stringify(line)}\n`))
  await expect(watched(server.client().cluster)).rejects.toThrow(/^cannot watch Pod objects in namespace shop: (no event|500 oops)/)
})

test('a list whose items are no objects is no answer', async () => {
  server.answer(json({ kind: 'PodList', items: [null] }), json({ kind: 'PodList', items: [{}] }), podList)
  expect((await server.client().cluster.list(pods)).items).toEqual([])
  expect(server.calls).toHaveLength(3)
})

const untrusted = () => {
  const inner = Object.assign(new Error('unable to verify the first certificate'), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  return new TypeError('fetch failed', { cause: inner })
}
test.each<[string, () => Error, RegExp]>([
  ['credentials that cannot be had', () => new CredentialError('the tool is missing'), /namespace shop: the tool is missing$/],
  ['a certificate that nobody trusts', untrusted, /is not trusted \(UNABLE_.+certificate-authority-data/],
])('%s end a call at once and are told once', async (_, fault, said) => {
  server.answer(good)
  const { cluster, clock, told, renewed } = server.client({ fault })
  expect((await failure(cluster.get(WEB))).message).toMatch(said)
  expect([clock.monotonic(), told, renewed(), server.calls]).toEqual([0, [], 0, []])
})

test('a refusal of renewed credentials stays before the first write; after it the call is tried on, each time with new ones', async () => {
  const { cluster, told, renewed } = server.client()
  const refused = status(401, 'Unauthorized')
  server.answer(refused)
  await failure(cluster.get(WEB))
  expect([renewed(), told]).toEqual([1, []])
  server.answer(good, refused, refused, refused, refused, good)
  await cluster.apply(web, { dryRun: true })
  await failure(cluster.get(WEB))
  expect(server.calls).toHaveLength(3)
  await failure(cluster.get(WEB))
  server.answer(good, refused, refused, refused, good)
  await cluster.apply(web)
  expect(await cluster.get(WEB)).toEqual(web)
  expect(server.calls).toHaveLength(5)
  expect(renewed()).toBe(6)
})

test('after the first write credentials that cannot be had are asked for anew for as long as other faults', async () => {
  let broken = false
  const { cluster, clock, renewed } = server.client({ fault: () => (broken ? new CredentialError('the tool is missing') : undefined) })
  server.answer(good)
  await cluster.apply(web)
  broken = true
  expect((await failure(cluster.get(WEB))).message).toMatch(/the tool is missing \(tried for 10s\)$/)
  expect(clock.monotonic()).toBeGreaterThan(5_000)
  expect(renewed()).toBeGreaterThan(3)
})

test('a review of permissions is no write', async () => {
  const { cluster } = server.client()
  server.answer(json({ kind: 'SelfSubjectAccessReview' }), status(401, 'Unauthorized'))
  await cluster.create({ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: { name: '' } })
  await failure(cluster.get(WEB))
  expect(server.calls).toHaveLength(3)
})

test('a clock that counts parts of milliseconds is no fault', async () => {
  const { cluster, told } = server.client({ patience: 10_000.5 })
  server.answer(good)
  expect(await cluster.get(WEB)).toEqual(web)
  server.answer(behindProxy([drop, status(403, 'no')], review(true)))
  expect(await cluster.proxy({ ...to, timeout: 20_000.5 })).toMatchObject({ reached: true, status: 403 })
  expect(told).toHaveLength(1)
})
