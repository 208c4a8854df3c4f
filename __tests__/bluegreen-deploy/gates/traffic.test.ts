import { expect, test } from '@jest/globals'
import type { Finding } from '../../../actions/bluegreen-deploy/gates/gate.ts'
import { sumMetric, trafficGate } from '../../../actions/bluegreen-deploy/gates/traffic.ts'
import { ApiError, type ProxyAnswer } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { intercept, type MemoryCluster } from '../../support/memory-cluster.ts'
import { room } from '../room.ts'
import { pod, watch, workloadOf } from './pods.ts'

const good: ProxyAnswer = { reached: true, status: 200, body: '' }

/** Counters of the pods a and b before and after a minute; undefined is a pod without metrics. */
async function watchTraffic(
  before: (number | undefined)[],
  after: (number | undefined)[],
  least = 100,
  change?: (cluster: MemoryCluster) => void,
) {
  const { clock, cluster, reach, told } = room({ minRequests: least })
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
  const gates = [trafficGate(reach, workloadOf(2), 9090)]
  const [finding] = await watch(clock, gates, { duration: 60_000 })
  return { finding, ask, told }
}

test.each<[string, (number | undefined)[], (number | undefined)[], Finding['verdict'], string]>([
  ['enough', [1000, 50], [1060, 90], 'passed', '100 requests reached web-green in 1m'],
  [
    'too little',
    [1000, 50],
    [1060, 89],
    'inconclusive',
    'too little traffic: 99 requests reached web-green in 1m, and fewer than 100 say nothing about it',
  ],
  ['a counter that began anew', [1000, 50], [70, 80], 'passed', '100 requests reached web-green in 1m'],
  ['one pod with metrics', [undefined, 50], [undefined, 150], 'passed', '100 requests reached web-green in 1m'],
  [
    'none at the beginning',
    [undefined, undefined],
    [500, 500],
    'passed',
    'traffic was not measured: no http_requests_total at /metrics on port 9090 of the pods of web-green',
  ],
  [
    'none at the end',
    [500, 500],
    [undefined, undefined],
    'inconclusive',
    'the requests of web-green could not be counted at the end: no http_requests_total any more',
  ],
])('traffic: %s', async (_, before, after, verdict, text) => {
  const { finding, ask } = await watchTraffic(before, after)
  expect(finding).toEqual({ verdict, text })
  const once = ['pods/a:9090/metrics', 'pods/b:9090/metrics']
  // Where nothing was found at the beginning, there is nothing to count from.
  expect(ask).toEqual(before.every((count) => count === undefined) ? once : [...once, ...once])
})

test('traffic: a pod that is not ready is not asked', async () => {
  const { finding, ask } = await watchTraffic([0, 0], [100, 100], 100, (cluster) => void cluster.put(pod('b', { isReady: false })))
  expect(ask).toHaveLength(3)
  expect(finding).toMatchObject({ verdict: 'passed', text: expect.stringContaining('100 requests') })
})

test('traffic: metrics that nobody may read end no release, a mistake does', async () => {
  const refusing = (error: Error) =>
    room({
      client: (cluster) =>
        intercept(cluster, {
          before: ({ verb }) => {
            if (verb === 'proxy') throw error
          },
        }),
    })
  const watching = async (error: Error) => {
    const { clock, cluster, reach } = refusing(error)
    cluster.put(pod('a'))
    return watch(clock, [trafficGate(reach, workloadOf(1), 80)])
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
  ['n{a="1"} 1e3\nn{a="2"} NaN\nn{a="3"} +Inf\nn{a="4"} -1\n', 1000],
])('the sum of %j is %j', (metrics, expected) => {
  expect(sumMetric(metrics, 'n')).toBe(expected)
})

test('traffic: a pod whose metrics cannot be read says nothing of the others', async () => {
  const watching = async (bodies: Record<string, string>) => {
    const { clock, cluster, reach } = room({ minRequests: 0 })
    for (const name of Object.keys(bodies)) cluster.put(pod(name))
    const asked: unknown[] = []
    cluster.answer = ({ name, headers, limit }) => {
      asked.push([headers?.accept, limit])
      return { ...good, body: bodies[name] ?? '' }
    }
    return [await watch(clock, [trafficGate(reach, workloadOf(1), 80)]), asked[0]]
  }
  expect(await watching({ a: 'http_requests_total{code="200"} x\n', b: 'http_requests_total 7\n' })).toEqual([
    [{ verdict: 'passed', text: '0 requests reached web-green in 10s' }],
    [expect.stringMatching(/^application\/openmetrics-text.*text\/plain/), 32 * 2 ** 20],
  ])
  expect((await watching({ a: '<html>' }))[0]).toEqual([
    { verdict: 'passed', text: "traffic was not measured: a: line 1 of its metrics: a metric was expected: '<html>'" },
  ])
})

test('traffic: where there are no metrics it is said when the watch begins', async () => {
  expect((await watchTraffic([undefined, undefined], [500, 500])).told).toEqual([
    'traffic is not measured: no http_requests_total at /metrics on port 9090 of the pods of web-green',
  ])
  expect((await watchTraffic([0, 0], [500, 500])).told).toEqual([])
})

test('traffic: who ends the watch before its time gets no count, and nobody is asked any more', async () => {
  const { clock, cluster, reach } = room({ minRequests: 1 })
  cluster.put(pod('a'))
  let asked = 0
  cluster.answer = () => {
    asked++
    return { ...good, body: 'http_requests_total 1\n' }
  }
  const stop = new AbortController()
  const watching = trafficGate(reach, workloadOf(1), 80).watch(stop.signal)
  await clock.sleep(1_000)
  stop.abort(new Error('another gate objects'))
  expect([await watching, asked]).toEqual([{ verdict: 'inconclusive', text: 'the requests were not counted to the end' }, 1])
})
