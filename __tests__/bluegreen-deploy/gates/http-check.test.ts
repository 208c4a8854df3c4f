import { expect, test } from '@jest/globals'
import { type Check, checkGate, chooseCheck, rowGate } from '../../../actions/bluegreen-deploy/gates/http-check.ts'
import type { ProxyAnswer } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { Container, Deployment, Service, ServicePort } from '../../../actions/shared/kubernetes/objects/read.ts'
import { room } from '../room.ts'
import { watch } from './pods.ts'

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

const choose = (workloads: Deployment[], of: Service, { path, port }: { path?: string; port?: string } = {}) =>
  chooseCheck(workloads, of, { path, port, timeout: 700 })

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
  ['a target of 0, which is the port itself', [probe(80)], [{ ...http, targetPort: 0 }], {}, { port: 80 }],
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
  const choice = choose([workload(...containers)], service(...ports), given)
  if (expected) expect(choice).toMatchObject({ check: { ...expected, timeout: 700 } })
  else expect(choice).toEqual({ why: 'give check-path, or the container an HTTP readiness probe on a port of the Service' })
})

test('a port that is not there is named with those that are', () => {
  expect(() => choose([workload()], service(http, tls), { port: 'grpc' })).toThrow(
    'check-port: Service/web has no port "grpc"; it has http, 443',
  )
})

test('the first of several Deployments that has a probe there is asked', () => {
  const workloads = [
    workload({}),
    workload(probe(9999)),
    workload(probe(8080, { path: '/second' })),
    workload(probe(8080, { path: '/third' })),
  ]
  expect(choose(workloads, service(http))).toMatchObject({ check: { path: '/second' } })
})

test('the headers of the probe are sent, a given path has none', () => {
  const headers = [
    { name: 'X-Probe', value: 'yes' },
    { name: 'Accept', value: 'text/plain' },
  ]
  const workloads = [workload(probe(8080, { httpHeaders: headers }))]
  expect(choose(workloads, service(http))).toMatchObject({ check: { headers: { 'X-Probe': 'yes', Accept: 'text/plain' } } })
  expect(choose(workloads, service(http), { path: '/' })).toEqual({ check: { path: '/', port: 80, https: false, timeout: 700 } })
  for (const none of [[], null, undefined])
    expect(choose([workload(probe(8080, { httpHeaders: none }))], service(http))).toEqual({
      check: { path: '/', port: 80, https: false, timeout: 700 },
    })
})

test.each(['Host', 'host', 'Authorization', 'Proxy-Authorization', 'Connection', 'Impersonate-User', 'X-Remote-User', 'Content-Length'])(
  'a probe with the header %s, which the API server takes as its own, is not asked, with a word',
  (name) => {
    const httpHeaders = [
      { name: 'X-Probe', value: 'yes' },
      { name, value: 'x' },
    ]
    expect(choose([workload(probe(8080, { httpHeaders }))], service(http))).toEqual({
      why: `the readiness probe has the header ${name}, which the API server does not pass on; give check-path, or a smoke-suite`,
    })
    expect(choose([workload(probe(8080, { httpHeaders }))], service(http), { path: '/mine' })).toMatchObject({ check: { path: '/mine' } })
  },
)

test('check-path off asks nothing, also where the probe could be asked or the port is not there', () => {
  expect(choose([workload(probe(8080))], service(http), { path: 'off' })).toEqual({ why: 'check-path is off' })
  expect(choose([workload(probe(8080))], service(http), { path: 'off', port: 'grpc' })).toEqual({ why: 'check-path is off' })
})

test.each(['/../secrets', '/a/%2e%2E/b', '/a b', '/a#b', '/..\\x'])(
  'a probe’s path that leads out of the Service (%s) is refused',
  (path) => {
    expect(() => choose([workload(probe(8080, { path }))], service(http))).toThrow(
      `check-path: that of the readiness probe, ${path}, cannot be asked for through the API server; give one that can`,
    )
  },
)

test('a probe’s path without its slash is asked with it', () => {
  expect(choose([workload(probe(8080, { path: 'health?full=1' }))], service(http))).toMatchObject({ check: { path: '/health?full=1' } })
})

const check: Check = { path: '/health', port: 80, https: false, timeout: 5_000 }
const unending = () => new AbortController().signal

test.each<[ProxyAnswer, boolean, string]>([
  [{ reached: true, status: 200, body: 'fine' }, true, 'answered 200'],
  [{ reached: true, status: 399, body: '' }, true, 'answered 399'],
  [{ reached: true, status: 199, body: '' }, false, 'answered 199'],
  [{ reached: true, status: 400, body: '' }, false, 'answered 400'],
  [{ reached: true, status: 503, body: 'later' }, false, 'answered 503'],
  [{ reached: false, status: 503, body: 'no endpoints' }, false, 'could not be reached: no endpoints'],
  [{ reached: false, status: 200, body: '' }, false, 'could not be reached: status 200'],
])('%j passes: %j', async (answer, passed, words) => {
  const { cluster, reach } = room({ check: { passes: 1, deadline: 0 } })
  const asked: object[] = []
  cluster.answer = (request) => {
    asked.push(request)
    return answer
  }
  const finding = await rowGate(reach, 'web', { ...check, headers: { 'X-Probe': 'yes' } }).watch(unending())
  const text = `GET /health on port 80 of Service/web ${words}`
  expect(finding).toEqual(
    passed
      ? { verdict: 'passed', text: `${text}, 1 in a row` }
      : { verdict: 'failed', text, evidence: [{ title: 'Last answer to GET /health', text: answer.body }] },
  )
  const signal = expect.any(AbortSignal)
  const headers = { 'X-Probe': 'yes' }
  expect(asked).toEqual([
    { namespace: 'shop', kind: 'services', name: 'web', port: 80, https: false, path: '/health', timeout: 5_000, signal, headers },
  ])
})

/** Asks for three in a row within ten seconds; `answers` are statuses, the last one for ever. */
async function inRow(...answers: number[]) {
  const { clock, cluster, reach } = room({ check: { passes: 3, deadline: 10_000 } })
  let asked = 0
  cluster.answer = () => ({ reached: true, status: answers[asked++] ?? answers.at(-1) ?? 0, body: '' })
  const { verdict, text } = await rowGate(reach, 'web', check).watch(unending())
  return { verdict, asked, at: clock.monotonic(), text }
}

const tenBad = Array.from({ length: 10 }, () => 500)
test.each<[string, number[], { verdict: string; asked: number; at: number }, string]>([
  ['three at once', [200], { verdict: 'passed', asked: 3, at: 400 }, 'answered 200, 3 in a row'],
  ['three after a bad start', [500, 500, 200], { verdict: 'passed', asked: 5, at: 2_400 }, '3 in a row'],
  ['a row that is broken begins anew', [200, 200, 500, 200], { verdict: 'passed', asked: 6, at: 1_800 }, '3 in a row'],
  ['never', [500], { verdict: 'failed', asked: 11, at: 10_000 }, 'answered 500'],
  // The deadline bounds a row that passes too: what was not good in time is not good.
  [
    'a row that has begun at the deadline',
    [...tenBad, 200],
    { verdict: 'failed', asked: 11, at: 10_000 },
    'answered 200, only 1 of 3 in a row within 10s',
  ],
  ['a row that is done before the deadline', [...tenBad.slice(1), 200], { verdict: 'passed', asked: 12, at: 9_400 }, '3 in a row'],
])('%s', async (_, answers, expected, words) => {
  const { text, ...rest } = await inRow(...answers)
  expect(rest).toEqual(expected)
  expect(text).toContain(words)
})

test('a row that is ended before its time is no verdict, also while an answer is waited for', async () => {
  const { clock, cluster, reach } = room()
  cluster.proxy = () => new Promise(() => undefined)
  const stop = new AbortController()
  const watching = rowGate(reach, 'web', check).watch(stop.signal)
  clock.after(1_000, () => stop.abort(new Error('another gate objects')))
  expect(await watching).toEqual({ verdict: 'inconclusive', text: 'GET /health of Service/web was not asked to the end' })
})

/** Asks every ten seconds for a minute; `answer` by the seconds since the beginning. */
async function watchCheck(answer: (second: number) => ProxyAnswer, duration = 60_000) {
  const { clock, cluster, reach } = room({ checkInterval: 10_000 })
  const asked: number[] = []
  cluster.answer = () => {
    asked.push(clock.monotonic() / 1000)
    return answer(clock.monotonic() / 1000)
  }
  const [finding] = await watch(clock, [checkGate(reach, 'web', check)], { duration })
  return { finding, asked }
}
const good: ProxyAnswer = { reached: true, status: 200, body: '' }
const bad: ProxyAnswer = { reached: true, status: 500, body: 'out of memory' }

test('good answers are counted', async () => {
  const { finding, asked } = await watchCheck(() => good, 61_000)
  expect(asked).toEqual([0, 10, 20, 30, 40, 50, 60])
  expect(finding).toEqual({ verdict: 'passed', text: '7 good answers to GET /health' })
})

test('bad answers in a row are asked about again after a second; three fail, with the last one', async () => {
  const { finding, asked } = await watchCheck((second) => (second < 20 ? good : bad))
  expect(asked).toEqual([0, 10, 20, 21, 22])
  expect(finding).toEqual({
    verdict: 'failed',
    text: 'GET /health on port 80 of Service/web answered 500, 3 times in a row',
    evidence: [{ title: 'Last answer to GET /health', text: 'out of memory' }],
  })
})

test('bad answers between good ones are no row', async () => {
  let asked = 0
  const { finding } = await watchCheck(() => (++asked % 3 ? bad : good))
  expect(asked).toBeGreaterThan(9)
  expect(finding?.verdict).not.toBe('failed')
})

test('answers that were not good at the end are no pass, though they were too few to fail', async () => {
  const last = await watchCheck((second) => (second < 60 ? good : bad), 60_500)
  expect(last.finding).toEqual({
    verdict: 'inconclusive',
    text: 'the last answer was not good: GET /health on port 80 of Service/web answered 500',
  })
  const two = await watchCheck((second) => (second < 60 ? good : bad), 61_500)
  expect(two.finding).toEqual({
    verdict: 'inconclusive',
    text: 'the last 2 answers were not good: GET /health on port 80 of Service/web answered 500',
  })
})

test('a watch without a good answer is inconclusive', async () => {
  expect((await watchCheck(() => bad, 1_500)).finding).toEqual({
    verdict: 'inconclusive',
    text: 'no good answer while watching: GET /health on port 80 of Service/web answered 500',
  })
})

test('a watch without any answer is inconclusive, and waits for none when its time is over', async () => {
  const { clock, cluster, reach } = room()
  cluster.proxy = () => new Promise(() => undefined)
  expect(await watch(clock, [checkGate(reach, 'web', check)])).toEqual([{ verdict: 'inconclusive', text: 'no check was made' }])
  expect(clock.monotonic()).toBe(10_000)
})

test('an answer of pages is cut for the evidence', async () => {
  const { finding } = await watchCheck(() => ({ ...bad, body: 'x'.repeat(1_000_000) }))
  expect(finding?.evidence?.[0]?.text).toHaveLength(64 * 1024)
})
