import { expect, test } from '@jest/globals'
import { podPorts } from '../../../actions/canary-analyze/sources/cluster.ts'
import { ApiError, type ProxyAnswer, type ProxyRequest } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { AnswerError } from '../../../actions/shared/prometheus/answer.ts'
import { TestClock } from '../../support/clock.ts'
import { intercept, MemoryCluster } from '../../support/memory-cluster.ts'

const pod = (name: string, { spec = {}, status = {}, ...metadata }: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', ...metadata },
  spec: { containers: [{ name: 'web', ports: [{ name: 'http', containerPort: 8080 }] }], ...(spec as object) },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], ...(status as object) },
})
const where = { namespace: 'shop', path: undefined, port: undefined, timeout: 5000 }
const never = new AbortController().signal

function scene(given: object = {}, answer: ProxyAnswer = { reached: true, status: 200, body: 'n 1\n' }) {
  const cluster = new MemoryCluster(new TestClock())
  const asked: ProxyRequest[] = []
  cluster.answer = (request) => {
    asked.push(request)
    return answer
  }
  return { cluster, asked, ports: podPorts(cluster, { ...where, ...given }) }
}
async function ask(given: object, more: Record<string, unknown>, answer?: ProxyAnswer) {
  const { cluster, asked, ports } = scene(given, answer)
  cluster.put(pod('a', more))
  const [first] = await ports.pods()
  if (!first) throw new Error('there is a pod')
  return { text: await ports.metrics(first, never), asked: asked[0] }
}

test('the pods of the namespace, as the API server has them', async () => {
  const { cluster, ports } = scene()
  const statuses = [{ name: 'web', restartCount: 3 }, { name: 'new' }] // biome-ignore format: short
  cluster.put(pod('a', { labels: { app: 'web' }, status: { containerStatuses: statuses } }))
  cluster.put(pod('b', { labels: null, status: { phase: 'Pending', conditions: null, containerStatuses: null } }))
  cluster.put({ ...pod('c'), metadata: { name: 'c', namespace: 'other' } })
  expect(await ports.pods()).toMatchObject([
    { name: 'a', uid: expect.stringMatching(/^uid-/), labels: { app: 'web' }, running: true, ready: true, containers: [{ name: 'web', restarts: 3 }, { name: 'new', restarts: 0 }] }, // biome-ignore format: short
    { name: 'b', labels: {}, running: false, ready: false, containers: [] },
  ])
})

const two = { containers: [{ name: 'web', ports: [{ name: 'http', containerPort: 80 }] }, { name: 'x', ports: [{ name: 'metrics', containerPort: 9100 }] }] } // biome-ignore format: short
const annotated = (annotations: object) => ({
  annotations: { 'prometheus.io/port': '9090', 'prometheus.io/path': '/stats', ...annotations },
})
test.each<[string, object, Record<string, unknown>, object]>([
  ['the only port of a pod', {}, {}, { port: 8080, path: '/metrics', https: false }],
  ['the port called metrics', {}, { spec: two }, { port: 9100 }],
  ['its annotations', {}, { spec: two, ...annotated({}) }, { port: 9090, path: '/stats' }],
  ['an annotation with the name of a port', {}, { spec: two, ...annotated({ 'prometheus.io/port': 'http' }) }, { port: 80 }],
  ['TLS, by its annotation', {}, annotated({ 'prometheus.io/scheme': 'https' }), { https: true }],
  ['the inputs before all', { path: '/m?x=1', port: '81' }, { spec: two, ...annotated({}) }, { port: 81, path: '/m?x=1' }],
  ['the name of a port', { port: 'http' }, { spec: two }, { port: 80 }],
])('where metrics are: %s', async (_, given, more, expected) => {
  const { text, asked } = await ask(given, more)
  expect(text).toBe('n 1\n')
  expect(asked).toMatchObject({
    kind: 'pods',
    namespace: 'shop',
    name: 'a',
    timeout: 5000,
    signal: never,
    limit: 32 * 2 ** 20,
    ...expected,
  })
  expect(asked?.headers?.accept).toMatch(/^application\/openmetrics-text/)
})

const answer = (status: number, body: string, reached = true): ProxyAnswer => ({ reached, status, body })
test.each<[string, object, Record<string, unknown>, ProxyAnswer | undefined, string]>([
  ['no port', {}, { spec: { containers: [{ name: 'web' }] } }, undefined, 'it declares no port; where metrics are is said by metrics-port'],
  ['a port that it has not', { port: 'admin' }, {}, undefined, 'it has no port called admin, as metrics-port says'],
  [
    'a port that is none',
    {},
    annotated({ 'prometheus.io/port': '99999' }),
    undefined,
    "its annotation prometheus.io/port is '99999', which is no port of it",
  ],
  [
    'a path that leads elsewhere',
    {},
    annotated({ 'prometheus.io/path': '/../../b/proxy/' }),
    undefined,
    "its annotation prometheus.io/path is '/../../b/proxy/'",
  ],
  [
    'a path that leads elsewhere, encoded',
    {},
    annotated({ 'prometheus.io/path': '/%2e%2E/b' }),
    undefined,
    'not a path without dot segments',
  ],
  [
    'no metrics',
    {},
    {},
    answer(404, 'n 1\n'),
    'HTTP 404 from /metrics on port 8080; where metrics are is said by metrics-path and metrics-port',
  ],
  ['nobody behind the port', {}, {}, answer(503, 'connection \u001b[31mrefused', false), 'port 8080 was not reached: connection refused'],
  ['a text that was cut', {}, {}, answer(200, 'ü'.repeat(16 * 2 ** 20)), 'its metrics are larger than 33554432 bytes'],
])('%s', async (_, given, more, answered, why) => {
  const asked = ask(given, more, answered)
  await expect(asked).rejects.toThrow(AnswerError)
  await expect(asked).rejects.toThrow(why)
})

test.each(['list', 'proxy'])('what the API server says to a %s is a reading that failed; a mistake is none', async (verb) => {
  const failing = async (error: Error) => {
    const { cluster } = scene()
    cluster.put(pod('a'))
    const before = (call: { verb: string }): void => {
      if (call.verb === verb) throw error
    }
    const ports = podPorts(intercept(cluster, { before }), where)
    for (const one of await ports.pods()) await ports.metrics(one, never)
  }
  const refused = failing(new ApiError('get', 'pods', 403, { message: 'forbidden' }))
  await expect(refused).rejects.toThrow(AnswerError)
  await expect(refused).rejects.toThrow('cannot get pods: 403 forbidden')
  await expect(failing(new TypeError('a mistake'))).rejects.toThrow(TypeError)
})

test('a pod that is none is a reading that failed', async () => {
  const { cluster, ports } = scene()
  cluster.put(pod('a', { spec: { containers: 'x' } }))
  await expect(ports.pods()).rejects.toThrow(AnswerError)
})
