// A Prometheus inside of a cluster, asked through the streams of Kubernetes' port-forward: a server that speaks that protocol as the API
// server does, and leads each stream to a Prometheus of this machine.
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { KubeConfig } from '@kubernetes/client-node'
import { WebSocketServer } from 'ws'
import { createForward, type Forward } from '../../../actions/shared/kubernetes/api/port-forward.ts'
import { PrometheusClient } from '../../../actions/shared/prometheus/client.ts'
import { TestClock } from '../../support/clock.ts'
import { MemoryCluster } from '../../support/memory-cluster.ts'

const good = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } })
const hosts: (string | undefined)[] = []
const prometheus = createServer((req, res) => {
  hosts.push(req.headers.host)
  res.end(good)
})
const api = createServer()
const sockets = new WebSocketServer({ noServer: true })
const paths: string[] = []
const pods: Socket[] = []
const cluster = new MemoryCluster(new TestClock())
let forward: Forward

api.on('upgrade', (request: IncomingMessage, socket, head) => {
  paths.push(request.url ?? '')
  sockets.handleUpgrade(request, socket, head, (websocket) => {
    for (const channel of [0, 1]) websocket.send(Buffer.from([channel, 0x82, 0x23]))
    const pod = connect((prometheus.address() as AddressInfo).port, '127.0.0.1')
    pods.push(pod)
    websocket.on('message', (data: Buffer) => pod.write(data.subarray(1)))
    websocket.on('close', () => pod.destroy())
    pod.on('data', (data) => websocket.send(Buffer.concat([Buffer.from([0]), data])))
    pod.on('close', () => websocket.close())
  })
})

beforeAll(async () => {
  for (const server of [prometheus, api]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'c', server: `http://127.0.0.1:${(api.address() as AddressInfo).port}`, skipTLSVerify: true }],
    users: [{ name: 'u', token: 't' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  cluster.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'prometheus', namespace: 'monitoring' },
    spec: { selector: { app: 'p' }, ports: [{ name: 'web', port: 9090 }] },
  })
  cluster.put({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'p-1', namespace: 'monitoring', labels: { 'kubernetes.io/service-name': 'prometheus' } },
    ports: [{ name: 'web', port: 9091 }],
    endpoints: [{ conditions: { ready: true }, targetRef: { name: 'p-0' } }],
  })
  forward = createForward(config, cluster)
})
afterAll(async () => {
  for (const socket of sockets.clients) socket.terminate()
  for (const server of [prometheus, api]) {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
})

const open = (port = '9090'): PrometheusClient =>
  new PrometheusClient({
    url: 'http://prometheus.monitoring.svc:9090',
    shown: `k8s://monitoring/prometheus:${port}`,
    headers: {},
    tls: {},
    timeout: 5000,
    signal: new AbortController().signal,
    forward: (until) => forward({ namespace: 'monitoring', service: 'prometheus', port }, until),
  })

test('queries share streams; after the pod has gone they go over another one', async () => {
  const client = open()
  for (let i = 0; i < 6; i++) expect((await client.instant('up', 0)).series).toEqual([])
  await Promise.all(Array.from({ length: 20 }, () => client.instant('up', 0)))
  const before = paths.length
  expect(before).toBeLessThanOrEqual(8)
  expect(new Set(paths)).toEqual(new Set(['/api/v1/namespaces/monitoring/pods/p-0/portforward?ports=9091']))
  expect(new Set(hosts)).toEqual(new Set(['prometheus.monitoring.svc:9090']))
  for (const pod of pods) pod.destroy()
  await client.instant('up', 0)
  expect(paths.length).toBe(before + 1)
  await client.close()
})

test('a port that the Service does not have is a fault that stays, and says which it has', async () => {
  const client = open('metrics')
  await expect(client.instant('up', 0)).rejects.toMatchObject({
    message: 'prometheus-url: k8s://monitoring/prometheus:metrics: Service/prometheus has no port metrics; it has web',
    permanent: true,
  })
  await client.close()
})
