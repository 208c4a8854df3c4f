import { expect, test } from '@jest/globals'
import type { Config } from '../../../actions/bluegreen-deploy/config.ts'
import {
  bakeGates,
  checkGate,
  type Finding,
  type Gate,
  podHealthGate,
  sumMetric,
  trafficGate,
  watchGates,
} from '../../../actions/bluegreen-deploy/gates/gate.ts'
import { renderColor, sortParts } from '../../../actions/bluegreen-deploy/release/model.ts'
import { ApiError, type Cluster, type ProxyAnswer } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { ContainerStatus, Deployment, Pod, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import { TestClock } from '../../support/clock.ts'
import { intercept, MemoryCluster } from '../../support/memory-cluster.ts'
import { app, DEFAULTS } from '../stage.ts'

const signal = new AbortController().signal
const passed: Finding = { verdict: 'passed', text: 'good' }
const failed: Finding = { verdict: 'failed', text: 'bad' }
const open: Finding = { verdict: 'inconclusive', text: 'who knows' }

/** A gate that says `finding` from `at` on, and writes down what is asked of it. */
function gate(log: string[], name: string, clock: TestClock, at = Infinity, finding = passed, last = passed): Gate {
  return {
    name,
    start: async () => void log.push(`start ${name}`),
    sample: async () => {
      if (clock.monotonic() < at) return undefined
      log.push(`${name} at ${clock.monotonic()}`)
      return finding
    },
    stop: async () => {
      log.push(`stop ${name}`)
      return last
    },
  }
}

/** Watches for ten seconds, a sample a second. */
const watch = (clock: TestClock, gates: Gate[], more: object = {}, told: string[] = []) =>
  watchGates(gates, { clock, signal, duration: 10_000, every: 1_000, tell: (text) => told.push(text), ...more })

test('gates that do not object are heard to the end, each for its last word', async () => {
  const clock = new TestClock()
  const log: string[] = []
  expect(await watch(clock, [gate(log, 'a', clock), gate(log, 'b', clock, Infinity, passed, open)])).toEqual([passed, open])
  expect([clock.monotonic(), log]).toEqual([10_000, ['start a', 'start b', 'stop a', 'stop b']])
})

test('the first that fails ends it for all, with nothing else to say', async () => {
  const clock = new TestClock()
  const log: string[] = []
  const gates = [gate(log, 'a', clock), gate(log, 'b', clock, 3_000, failed), gate(log, 'c', clock, 3_000, failed)]
  expect(await watch(clock, gates)).toEqual([failed])
  expect([clock.monotonic(), log.slice(3)]).toEqual([3_000, ['b at 3000', 'stop a', 'stop b', 'stop c']])
})

test('a verdict that is no failure stands, and is asked for no more', async () => {
  const clock = new TestClock()
  const log: string[] = []
  expect(await watch(clock, [gate(log, 'a', clock, 2_000, open, passed), gate(log, 'b', clock)])).toEqual([open, passed])
  expect([clock.monotonic(), log.filter((line) => line.startsWith('a at'))]).toEqual([10_000, ['a at 2000']])
})

test('what fails at the very end still fails', async () => {
  const clock = new TestClock()
  expect(await watch(clock, [gate([], 'a', clock, 10_000, failed)])).toEqual([failed])
})

test('a gate that cannot begin or cannot say is an error, and what was begun is stopped', async () => {
  const no = () => Promise.reject(new Error('the API is away'))
  for (const broken of [{ start: no }, { sample: no }]) {
    const clock = new TestClock()
    const log: string[] = []
    const gates = [gate(log, 'a', clock), { ...gate(log, 'b', clock), ...broken }, gate(log, 'c', clock)]
    await expect(watch(clock, gates)).rejects.toThrow('the API is away')
    expect(log.filter((line) => line.startsWith('stop'))).toEqual('start' in broken ? ['stop a', 'stop b'] : ['stop a', 'stop b', 'stop c'])
  }
})

test('a cancel ends it with its reason, and the gates', async () => {
  const clock = new TestClock()
  const log: string[] = []
  const stop = new AbortController()
  clock.after(2_500, () => stop.abort(new Error('cancelled')))
  await expect(watch(clock, [gate(log, 'a', clock)], { signal: stop.signal })).rejects.toThrow('cancelled')
  expect(log).toEqual(['start a', 'stop a'])
})

test('a long watch says how far it is, each quarter', async () => {
  const clock = new TestClock()
  const told: string[] = []
  await watch(clock, [gate([], 'a', clock)], { duration: 300_000 }, told)
  expect(told).toEqual(['3m45s', '2m30s', '1m15s'].map((left) => `watching for another ${left}; nothing to object so far`))
})

const SELECTOR = { app: 'web', color: 'green' }
type Status = Partial<ContainerStatus> & { isReady?: boolean }
const pod = (name: string, { isReady = true, ...status }: Status = {}, metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: SELECTOR, ...metadata },
  status: {
    conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    containerStatuses: [{ name: 'web', restartCount: 0, state: {}, ...status }],
  },
})

function world(client = (cluster: MemoryCluster): Cluster => cluster) {
  const clock = new TestClock()
  const cluster = new MemoryCluster(clock)
  return { clock, cluster, world: { cluster: client(cluster), clock, signal, namespace: 'shop' } }
}

/** Pods a and b serve; what happens to them while a gate watches for a minute, with 20 s for new pods. */
async function watchPods(
  happens: (cluster: MemoryCluster, after: (ms: number, act: () => void) => void) => void,
  first = [pod('a'), pod('b')],
) {
  const { clock, cluster, world: at } = world()
  for (const one of first) cluster.put(one)
  cluster.log = (name) => `${name} had this to say`
  happens(cluster, (ms, act) => clock.after(ms, act))
  const [finding] = await watch(clock, [podHealthGate({ ...at, selector: SELECTOR, expected: first.length, startup: 20_000 })], {
    duration: 60_000,
  })
  return { finding, at: clock.monotonic() }
}
const died = (reason: string, exitCode: number) => ({ restartCount: 1, lastState: { terminated: { reason, exitCode } } })

test.each<[string, Parameters<typeof watchPods>[0], string, number]>([
  [
    'becomes unready',
    (cluster, after) => after(10_000, () => cluster.put(pod('b', { isReady: false }))),
    'pod b is no longer ready',
    10_000,
  ],
  [
    'restarts, and is ready again when it is looked at',
    (cluster, after) => after(10_000, () => cluster.put(pod('b', died('OOMKilled', 137)))),
    'pod b: container web restarted (OOMKilled, exit code 137)',
    10_000,
  ],
  [
    'comes instead of another and is never ready',
    (cluster, after) => after(10_000, () => cluster.put(pod('c', { isReady: false }))),
    'pod c, which replaces another, does not become ready',
    30_000,
  ],
])('a pod that %s fails the bake, with its words', async (_, happens, text, from) => {
  const { finding, at } = await watchPods(happens)
  expect(finding).toMatchObject({ verdict: 'failed', text })
  expect(finding?.evidence?.at(-1)?.text).toMatch(/^[bc] had this to say$/)
  expect(at).toBeGreaterThanOrEqual(from)
  expect(at).toBeLessThanOrEqual(from + 2_000)
})

test.each<[string, Parameters<typeof watchPods>[0], string]>([
  ['nothing', () => undefined, '2 pods stayed ready, without a restart'],
  [
    'a drained node, whose pod is replaced in time',
    (cluster, after) => {
      after(10_000, () => cluster.put(pod('b', { isReady: false }, { deletionTimestamp: 'now' })))
      after(11_000, () => cluster.put(pod('c', { isReady: false })))
      after(20_000, () => cluster.drop(pod('b')))
      after(30_000, () => cluster.put(pod('c')))
    },
    '2 pods stayed ready, without a restart',
  ],
  ['one that scales up', (cluster, after) => after(10_000, () => cluster.put(pod('c'))), '3 pods stayed ready, without a restart'],
  [
    'pods of another color that fail',
    (cluster, after) => after(10_000, () => cluster.put(pod('z', { isReady: false }, { labels: { app: 'web', color: 'blue' } }))),
    '2 pods stayed ready, without a restart',
  ],
])('%s is no objection', async (_, happens, text) => {
  expect(await watchPods(happens)).toEqual({ finding: { verdict: 'passed', text }, at: 60_000 })
})

test.each([
  ['is unready at the first look', [pod('a'), pod('b', { isReady: false })], 'pod b is no longer ready: only 1 of 2 pods are'],
  ['is gone at the first look', [pod('a')], 'only 1 of 2 pods are'],
])('a pod that %s went bad before it', async (_, pods, text) => {
  const { clock, cluster, world: at } = world()
  for (const one of pods) cluster.put(one)
  const gates = [podHealthGate({ ...at, selector: SELECTOR, expected: 2, startup: 20_000 })]
  expect(await watch(clock, gates)).toMatchObject([{ verdict: 'failed', text }])
})

test('restarts from before the bake are none of it', async () => {
  const { finding } = await watchPods(() => undefined, [pod('a', died('Error', 1))])
  expect(finding).toMatchObject({ verdict: 'passed' })
})

test('pods that could not be read were not watched: inconclusive, and forbidden is an error', async () => {
  const slow = world((cluster) => intercept(cluster, { hold: () => cluster.clock.sleep(20_000) }))
  expect(await watch(slow.clock, [podHealthGate({ ...slow.world, selector: SELECTOR, expected: 1, startup: 1 })])).toEqual([
    { verdict: 'inconclusive', text: 'the pods could not be read while they were to be watched' },
  ])
  const forbidden = world((cluster) =>
    intercept(cluster, {
      before: () => {
        throw new ApiError('list', 'Pod objects', 403, { message: 'forbidden' })
      },
    }),
  )
  await expect(
    watch(forbidden.clock, [podHealthGate({ ...forbidden.world, selector: SELECTOR, expected: 1, startup: 1 })]),
  ).rejects.toThrow('forbidden')
})

/** Asks every ten seconds for a minute; `answer` by the seconds since the beginning. */
async function watchCheck(answer: (second: number) => ProxyAnswer) {
  const { clock, cluster, world: at } = world()
  const asked: number[] = []
  cluster.answer = () => {
    asked.push(clock.monotonic() / 1000)
    return answer(clock.monotonic() / 1000)
  }
  const check = { path: '/health', port: 80, https: false, timeout: 5_000 }
  const [finding] = await watch(clock, [checkGate({ ...at, service: 'web', check, every: 10_000, failures: 3 })], { duration: 60_000 })
  return { finding, asked }
}
const good: ProxyAnswer = { reached: true, status: 200, body: '' }
const bad: ProxyAnswer = { reached: true, status: 500, body: 'out of memory' }

test('good answers are counted', async () => {
  const { finding, asked } = await watchCheck(() => good)
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
  expect(finding?.verdict).toBe('passed')
})

test('a watch without a good answer is inconclusive', async () => {
  const { clock, cluster, world: at } = world()
  cluster.answer = () => bad
  const check = { path: '/', port: 80, https: false, timeout: 1 }
  const gates = [checkGate({ ...at, service: 'web', check, every: 1_000, failures: 99 })]
  expect(await watch(clock, gates, { duration: 2_000 })).toEqual([
    { verdict: 'inconclusive', text: 'no good answer while watching: GET / on port 80 of Service/web answered 500' },
  ])
})

/** Counters of the pods a and b before and after a minute; undefined is a pod without metrics. */
async function watchTraffic(
  before: (number | undefined)[],
  after: (number | undefined)[],
  least = 100,
  change?: (cluster: MemoryCluster) => void,
) {
  const { clock, cluster, world: at } = world()
  const names = ['a', 'b']
  for (const name of names) cluster.put(pod(name))
  const ask: string[] = []
  cluster.answer = ({ kind, name, port, path }) => {
    ask.push(`${kind}/${name}:${port}${path}`)
    const count = (clock.monotonic() < 30_000 ? before : after)[names.indexOf(name)]
    return count === undefined
      ? { reached: true, status: 404, body: 'http_requests_total 7\n' }
      : { ...good, body: `http_requests_total ${count}\n` }
  }
  if (change) clock.after(30_000, () => change(cluster))
  const gates = [trafficGate({ ...at, selector: SELECTOR, port: 9090, path: '/metrics', least })]
  const [finding] = await watch(clock, gates, { duration: 60_000 })
  return { finding, ask }
}

test.each<[string, (number | undefined)[], (number | undefined)[], Finding['verdict'], string]>([
  ['enough', [1000, 50], [1060, 90], 'passed', '100 requests reached the candidate in 1m'],
  [
    'too little',
    [1000, 50],
    [1060, 89],
    'inconclusive',
    'too little traffic: 99 requests reached the candidate in 1m, and fewer than 100 say nothing about it',
  ],
  ['a counter that began anew', [1000, 50], [70, 80], 'passed', '100 requests reached the candidate in 1m'],
  ['one pod with metrics', [undefined, 50], [undefined, 150], 'passed', '100 requests reached the candidate in 1m'],
  [
    'none at the beginning',
    [undefined, undefined],
    [500, 500],
    'passed',
    'traffic was not measured: no http_requests_total at /metrics on port 9090 of the pods',
  ],
  [
    'none at the end',
    [500, 500],
    [undefined, undefined],
    'passed',
    'traffic was not measured: no http_requests_total at /metrics on port 9090 of the pods',
  ],
])('traffic: %s', async (_, before, after, verdict, text) => {
  const { finding, ask } = await watchTraffic(before, after)
  expect(finding).toEqual({ verdict, text })
  expect(ask).toEqual(['pods/a:9090/metrics', 'pods/b:9090/metrics', 'pods/a:9090/metrics', 'pods/b:9090/metrics'])
})

test('traffic: a pod that is not ready is not asked', async () => {
  const { finding, ask } = await watchTraffic([0, 0], [100, 100], 100, (cluster) => void cluster.put(pod('b', { isReady: false })))
  expect(ask).toHaveLength(3)
  expect(finding).toMatchObject({ verdict: 'passed', text: expect.stringContaining('100 requests') })
})

test('traffic: metrics that nobody may read end no release, a mistake does', async () => {
  const refusing = (error: Error) =>
    world((cluster) =>
      intercept(cluster, {
        before: ({ verb }) => {
          if (verb === 'proxy') throw error
        },
      }),
    )
  const watching = async (error: Error) => {
    const { clock, cluster, world: at } = refusing(error)
    cluster.put(pod('a'))
    return watch(clock, [trafficGate({ ...at, selector: SELECTOR, port: 80, path: '/', least: 1 })])
  }
  expect(await watching(new ApiError('get', 'pods/proxy', 403, { message: 'forbidden' }))).toEqual([
    { verdict: 'passed', text: 'traffic was not measured: cannot get pods/proxy: 403 forbidden' },
  ])
  await expect(watching(new TypeError('a mistake'))).rejects.toThrow('a mistake')
})

test.each([
  ['', undefined],
  ['other_total 5\n', undefined],
  ['# TYPE n counter\n', 0],
  ['# TYPE n_created gauge\n', undefined],
  ['n 5', 5],
  ['n{code="200"} 5\nn{code="500",path="/a}b"} 2.5 1700000000\n', 7.5],
  ['n_bucket 9\nn 1\nmy_n 9\n# n 9\n', 1],
  ['n 1e3\nn NaN\nn +Inf\n', 1000],
  ['n{code="200"} x\n', undefined],
])('the sum of %j is %j', (metrics, expected) => {
  expect(sumMetric(metrics, 'n')).toBe(expected)
})

/** The names of a bake's gates, and which port its traffic gate asks. */
async function gatesOf(config: Partial<Config>, change: (workload: Deployment, service: Service) => void = () => undefined) {
  const parts = sortParts(app('v1'))
  change(parts.workload, parts.service)
  const { clock, cluster } = world()
  const rendered = renderColor(parts, 'web', 'green', 2)
  cluster.put(pod('a', {}, { labels: rendered.selector }))
  const ports: unknown[] = []
  cluster.answer = ({ port }) => {
    ports.push(port)
    return good
  }
  const from = { cluster, clock, signal, config: { ...DEFAULTS, namespace: 'shop', ...config } }
  const gates = bakeGates(from, { parts, rendered, content: { objects: [], digest: '', images: [] }, known: true })
  await gates.find(({ name }) => name === 'traffic')?.start()
  return { names: gates.map(({ name }) => name), ports }
}

const annotated = (value: string) => (workload: Deployment) => {
  workload.spec.template.metadata.annotations = { 'prometheus.io/port': value }
}
test.each<[string, Partial<Config>, Parameters<typeof gatesOf>[1], string[], unknown[]]>([
  ['no bake', { bakeTime: 0 }, undefined, [], []],
  ['pods and the probe', {}, undefined, ['pods', 'check'], []],
  [
    'pods alone without a probe',
    {},
    ({ spec }) => {
      for (const container of spec.template.spec.containers) delete container.readinessProbe
    },
    ['pods'],
    [],
  ],
  ['traffic on the target port, by its number', { minRequests: 1 }, undefined, ['pods', 'check', 'traffic'], [8080]],
  ['traffic on the annotated port', { minRequests: 1 }, annotated('9090'), ['pods', 'check', 'traffic'], ['9090']],
  ['traffic on the annotated port, by its name', { minRequests: 1 }, annotated('http'), ['pods', 'check', 'traffic'], [8080]],
  ['no traffic on a port that no container has', { minRequests: 1 }, annotated('metrics'), ['pods', 'check'], []],
  [
    'traffic on the port of the Service itself',
    { minRequests: 1, check: { ...DEFAULTS.check, path: '/' } },
    (_, { spec }) => void delete spec.ports[0]?.targetPort,
    ['pods', 'check', 'traffic'],
    [80],
  ],
])('a bake of %s', async (_, config, change, names, ports) => {
  expect(await gatesOf(config, change)).toEqual({ names, ports })
})
