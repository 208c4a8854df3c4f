import { expect, test } from '@jest/globals'
import { type Check, checkInRow, chooseCheck, runCheck } from '../../../actions/bluegreen-deploy/gates/http-check.ts'
import type { ProxyAnswer } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { Container, Deployment, Service, ServicePort } from '../../../actions/shared/kubernetes/objects/read.ts'
import { TestClock } from '../../support/clock.ts'
import { MemoryCluster } from '../../support/memory-cluster.ts'

const workload = (...containers: Partial<Container>[]): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: {} },
    template: { metadata: { labels: {} }, spec: { containers: containers.map((container) => ({ name: 'c', ...container })) } },
  },
})
const service = (...ports: ServicePort[]): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: {}, ports },
})
const probe = (port: number | string, more: object = {}): Partial<Container> => ({ readinessProbe: { httpGet: { port, ...more } } })
const http = { name: 'http', port: 80, targetPort: 8080 }
const admin = { name: 'admin', port: 81, targetPort: 'admin' }
const tls = { port: 443 }

test.each<[string, Partial<Container>[], ServicePort[], { path?: string; port?: string }, Partial<Check> | undefined]>([
  ['the probe’s path on the port that leads to it', [probe(8080, { path: '/ready' })], [admin, http], {}, { path: '/ready', port: 80 }],
  ['a probe without a path', [probe(8080)], [http], {}, { path: '/', port: 80 }],
  ['a probe by the name of a port', [{ ...probe('web'), ports: [{ name: 'web', containerPort: 8080 }] }], [http], {}, { port: 80 }],
  [
    'a target by the name of a port',
    [{ ...probe(9000), ports: [{ name: 'admin', containerPort: 9000 }] }],
    [http, admin],
    {},
    { port: 81 },
  ],
  ['a target that is the port itself', [probe(443)], [tls], {}, { port: 443 }],
  ['a probe over TLS', [probe(8080, { scheme: 'HTTPS' })], [http], {}, { https: true }],
  ['the probe of the second container', [{}, probe(8080, { path: '/second' })], [http], {}, { path: '/second' }],
  ['no probe', [{}], [http], {}, undefined],
  ['a probe on a port that no Service has', [probe(9999)], [http, admin], {}, undefined],
  ['a path that is given', [probe(8080, { path: '/ready' })], [http, admin], { path: '/mine' }, { path: '/mine', port: 80, https: false }],
  ['a path on a port by its number', [], [http, tls], { path: '/', port: '443' }, { port: 443, https: true }],
  ['a path on a port by its name', [], [http, admin], { path: '/', port: 'admin' }, { port: 81, https: false }],
  ['a port that says it is TLS', [], [{ ...http, appProtocol: 'https' }], { path: '/' }, { https: true }],
  ['a port without a path: that of the probe, if it leads there', [probe(8080)], [http, admin], { port: 'http' }, { path: '/', port: 80 }],
  ['a port without a path that leads elsewhere', [probe(8080)], [http, admin], { port: 'admin' }, undefined],
])('%s', (_, containers, ports, given, expected) => {
  const check = chooseCheck(workload(...containers), service(...ports), { ...given, timeout: 700 })
  if (expected) expect(check).toMatchObject({ ...expected, timeout: 700 })
  else expect(check).toBeUndefined()
})

test('a port that is not there is named with those that are', () => {
  expect(() => chooseCheck(workload(), service(http, tls), { port: 'grpc', timeout: 1 })).toThrow(
    'check-port: Service/web has no port "grpc"; it has http, 443',
  )
})

const check: Check = { path: '/health', port: 80, https: false, timeout: 5_000 }

test.each<[ProxyAnswer, boolean, string]>([
  [{ reached: true, status: 200, body: 'fine' }, true, 'answered 200'],
  [{ reached: true, status: 399, body: '' }, true, 'answered 399'],
  [{ reached: true, status: 199, body: '' }, false, 'answered 199'],
  [{ reached: true, status: 400, body: '' }, false, 'answered 400'],
  [{ reached: true, status: 503, body: 'later' }, false, 'answered 503'],
  [{ reached: false, status: 503, body: 'no endpoints' }, false, 'could not be reached: no endpoints'],
  [{ reached: false, status: 200, body: '' }, false, 'could not be reached: status 200'],
])('%j passes: %j', async (answer, passed, words) => {
  const cluster = new MemoryCluster(new TestClock())
  const asked: unknown[] = []
  cluster.answer = (request) => {
    asked.push(request)
    return answer
  }
  expect(await runCheck(cluster, 'shop', 'web', check)).toEqual({
    passed,
    text: `GET /health on port 80 of Service/web ${words}`,
    body: answer.body,
  })
  expect(asked).toEqual([{ namespace: 'shop', kind: 'services', name: 'web', port: 80, https: false, path: '/health', timeout: 5_000 }])
})

/** Asks for three in a row within ten seconds; `answers` are statuses, the last one for ever. */
async function inRow(...answers: number[]) {
  const clock = new TestClock()
  const cluster = new MemoryCluster(clock)
  let asked = 0
  cluster.answer = () => ({ reached: true, status: answers[asked++] ?? answers.at(-1) ?? 0, body: '' })
  const world = { cluster, clock, signal: new AbortController().signal }
  const result = await checkInRow(world, { namespace: 'shop', service: 'web', check, passes: 3, deadline: 10_000 })
  return { passed: result.passed, asked, at: clock.monotonic() }
}

const tenBad = Array.from({ length: 10 }, () => 500)
test.each<[string, number[], { passed: boolean; asked: number; at: number }]>([
  ['three at once', [200], { passed: true, asked: 3, at: 400 }],
  ['three after a bad start', [500, 500, 200], { passed: true, asked: 5, at: 2_400 }],
  ['a row that is broken begins anew', [200, 200, 500, 200], { passed: true, asked: 6, at: 1_800 }],
  ['never', [500], { passed: false, asked: 11, at: 10_000 }],
  ['a row that has begun at the deadline is heard out', [...tenBad, 200], { passed: true, asked: 13, at: 10_400 }],
  ['a row that breaks after the deadline', [...tenBad, 200, 500], { passed: false, asked: 12, at: 10_200 }],
])('%s', async (_, answers, expected) => {
  expect(await inRow(...answers)).toEqual(expected)
})
