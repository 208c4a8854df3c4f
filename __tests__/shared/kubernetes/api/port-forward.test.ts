// The port-forward protocol against a server that speaks it as the API server does, and the choice of pods.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { KubeConfig } from '@kubernetes/client-node'
import { type WebSocket, WebSocketServer } from 'ws'
import { loadKubeconfig } from '../../../../actions/shared/kubernetes/api/credentials.ts'
import { createForward } from '../../../../actions/shared/kubernetes/api/port-forward.ts'
import { TestClock } from '../../../support/clock.ts'
import { MemoryCluster } from '../../../support/memory-cluster.ts'

/** What the pod does, by its name; every request that came. */
let pod: (socket: WebSocket, say: (channel: number, data: string) => void) => void = () => undefined
const asked: { url: string | undefined; authorization: string | undefined; protocol: string | undefined }[] = []
let refuse = 0
const server = createServer()
const sockets = new WebSocketServer({ noServer: true })
server.on('upgrade', (request: IncomingMessage, socket, head) => {
  const { authorization, 'sec-websocket-protocol': protocol } = request.headers
  asked.push({ url: request.url, authorization, protocol })
  if (refuse) return void socket.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\n\r\n`)
  sockets.handleUpgrade(request, socket, head, (websocket) => {
    const say = (channel: number, data: string): void => websocket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]))
    for (const channel of [0, 1]) websocket.send(Buffer.from([channel, 0xb8, 0x0b]))
    pod(websocket, say)
  })
})

let forward: ReturnType<typeof createForward>
let address = ''
const cluster = new MemoryCluster(new TestClock())
const slice = (name: string, pods: string[], ready = true): void => {
  cluster.put({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    ports: [
      { name: 'admin', port: 9000 },
      { name: 'http', port: 3000 },
    ],
    endpoints: pods.map((target) => ({ conditions: { ready }, targetRef: { name: target } })),
  })
}

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  address = `http://127.0.0.1:${port}`
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'c', server: address, skipTLSVerify: true }],
    users: [{ name: 'u', token: 't' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  const ports = [
    { name: 'admin', port: 81 },
    { name: 'http', port: 80, targetPort: 'web' },
  ]
  cluster.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports },
  })
  slice('web-1', ['a', 'b'])
  slice('web-2', ['gone'], false)
  forward = createForward(config, cluster)
})
afterAll(async () => {
  for (const socket of sockets.clients) socket.terminate()
  await new Promise((done) => server.close(done))
})

const to = { namespace: 'shop', service: 'web', port: 'http' }
const signal = new AbortController().signal

test('bytes go to one ready pod after the other, at the port of the pod', async () => {
  pod = (socket, say) => {
    socket.on('message', (data: Buffer) => {
      say(0, `echo ${data[0]} ${data.subarray(1).toString()}`)
      socket.close()
    })
  }
  for (const port of ['http', '80', 'admin']) {
    const stream = await forward({ ...to, port }, signal)
    stream.write('hello')
    expect(await text(stream)).toBe('echo 0 hello')
  }
  expect(asked.map(({ url }) => url)).toEqual([
    '/api/v1/namespaces/shop/pods/a/portforward?ports=3000',
    '/api/v1/namespaces/shop/pods/b/portforward?ports=3000',
    '/api/v1/namespaces/shop/pods/a/portforward?ports=9000',
  ])
  expect(asked[0]).toMatchObject({ authorization: 'Bearer t', protocol: 'v4.channel.k8s.io' })
})

test('a slow reader slows the pod down', async () => {
  const chunk = 'x'.repeat(256 * 1024)
  const sent = { bytes: 0 }
  pod = (socket, say) => {
    const more = (): void => {
      if (sent.bytes >= 64 * chunk.length || socket.readyState !== socket.OPEN) socket.close()
      else {
        sent.bytes += chunk.length
        say(0, chunk)
        socket.send(Buffer.from([0]), more)
      }
    }
    more()
  }
  const stream = await forward(to, signal)
  stream.once('readable', () => undefined)
  // What the sockets themselves hold is a few megabytes; the pod would have sent sixteen.
  await new Promise((done) => setTimeout(done, 300))
  expect(sent.bytes).toBeLessThan(12 * 2 ** 20)
  expect((await text(stream)).length).toBe(64 * chunk.length)
})

test('what the pod refuses is told as such', async () => {
  pod = (_, say) => say(1, 'error forwarding port 3000: dial tcp 127.0.0.1:3000: connect: connection refused')
  const stream = await forward(to, signal)
  await expect(text(stream)).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    message: expect.stringMatching(/^port 3000 of Pod\/[ab]: .*connection refused/),
  })
  pod = (_, say) => say(1, 'network namespace is gone')
  await expect(text(await forward(to, signal))).rejects.toThrow('network namespace is gone')
})

test('what the API server refuses is an error with what to do', async () => {
  refuse = 403
  await expect(forward(to, signal)).rejects.toThrow(/the API server answers 403 \(it takes get and create of pods\/portforward\)/)
  refuse = 0
})

test('a token that the API server refuses is not shown to it again: the plugin is asked for another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'forward-'))
  const status = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t%s"}}'
  const script = `echo x >> ${join(folder, 'asked')}; printf '${status}' $(wc -l < ${join(folder, 'asked')})`
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never', command: 'sh', args: ['-c', script] }
  const kubeconfig = JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { exec } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
  const environment = { PATH: process.env.PATH ?? '' }
  const own = createForward(loadKubeconfig({ kubeconfig, environment, mask: () => undefined }), cluster)
  asked.length = 0
  refuse = 401
  await expect(own(to, signal)).rejects.toThrow('the API server answers 401')
  refuse = 0
  pod = (socket) => socket.close()
  await text(await own(to, signal))
  expect(asked.map(({ authorization }) => authorization)).toEqual(['Bearer t1', 'Bearer t2'])
  rmSync(folder, { recursive: true })
})

test('a wait for the API server ends with the signal', async () => {
  pod = () => undefined
  const ended = new AbortController()
  const opening = forward(to, ended.signal)
  ended.abort(new Error('late'))
  await expect(opening).rejects.toThrow('late')
})

test('nobody behind a Service is said', async () => {
  await expect(forward({ ...to, port: '99' }, signal)).rejects.toThrow('Service/web has no port 99; it has admin, http')
  await expect(forward({ ...to, service: 'none' }, signal)).rejects.toMatchObject({
    code: 'ENOENDPOINTS',
    message: 'there is no Service none in namespace shop',
  })
  slice('web-1', ['a', 'b'], false)
  await expect(forward(to, signal)).rejects.toMatchObject({ code: 'ENOENDPOINTS', message: 'Service/web has no ready pods' })
})

test.each<[string, object | null, object[], RegExp]>([
  [
    'ExternalName',
    { type: 'ExternalName', externalName: 'db.example.com' },
    [],
    /^Service\/db in namespace shop .+ExternalName.+db\.example\.com/,
  ],
  ['no ports', { selector: {} }, [], /^Service\/db in namespace shop has no ports/],
  ['ports that are null', { ports: null }, [], /^Service\/db in namespace shop has no ports/],
  ['ports that are none', { ports: [null, 7] }, [], /^Service\/db in namespace shop has no ports/],
  ['no spec', null, [], /^Service\/db in namespace shop has no ports/],
  ['other ports', { ports: [{ port: 1 }, { name: 'x', port: 2 }] }, [], /^Service\/db has no port 5432; it has 1, x$/],
  ['slices without anything', { ports: [{ port: 5432 }] }, [{}, { ports: null, endpoints: null }], /^Service\/db has no ready pods$/],
  [
    'slices of odd things',
    { ports: [{ port: 5432 }] },
    [{ ports: [null, { port: 5432 }], endpoints: [null, {}, { targetRef: null }, { targetRef: { kind: 'Node', name: 'n' } }] }],
    /^Service\/db has no ready pods$/,
  ],
])('a Service with %s leads to nobody, in words that name it', async (_, spec, slices, words) => {
  const odd = new MemoryCluster(new TestClock())
  odd.put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'db', namespace: 'shop' }, ...(spec && { spec }) })
  const labels = { 'kubernetes.io/service-name': 'db' }
  for (const [at, more] of slices.entries())
    odd.put({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `db-${at}`, namespace: 'shop', labels },
      ...more,
    })
  const error = await createForward(new KubeConfig(), odd)({ namespace: 'shop', service: 'db', port: '5432' }, signal).catch(
    (e: unknown) => e,
  )
  expect(error).toMatchObject({ code: 'ENOENDPOINTS', message: expect.stringMatching(words) })
})
