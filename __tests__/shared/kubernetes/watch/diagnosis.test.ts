import { expect, test } from '@jest/globals'
import { ApiError } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import type { ContainerStatus, Pod } from '../../../../actions/shared/kubernetes/objects/read.ts'
import { diagnose, lastWarning } from '../../../../actions/shared/kubernetes/watch/diagnosis.ts'
import { TestClock } from '../../../support/clock.ts'
import { type Call, intercept, MemoryCluster } from '../../../support/memory-cluster.ts'

const pod = (name: string, ready: boolean, containerStatuses: ContainerStatus[] = [], metadata = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', ...metadata },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], containerStatuses },
})
const running = { name: 'web', state: {} }
const NOW = Date.UTC(2026, 0, 1)

function scene() {
  const cluster = new MemoryCluster(new TestClock())
  let events = 0
  const event = (of: string, message: string, more: object = {}) =>
    cluster.put({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `e${events++}`, namespace: 'shop' },
      involvedObject: { name: of },
      type: 'Warning',
      reason: 'Failed',
      message,
      ...more,
    })
  return { cluster, event }
}

test('the first pod that is not ready shows why, unless it is known which; one that goes does not', async () => {
  const { cluster } = scene()
  const pods = [pod('good', true), pod('gone', false, [], { deletionTimestamp: 'now' }), pod('bad', false), pod('worse', false)]
  const titles = async (...culprit: Pod[]) => (await diagnose(cluster, 'shop', pods, ...culprit)).map(({ title }) => title)
  expect(await titles()).toEqual(['Events of pod bad'])
  expect(await titles(pods[3] as Pod)).toEqual(['Events of pod worse'])
  expect(await diagnose(cluster, 'shop', [pod('good', true)])).toEqual([])
})

test('events are those of the pod, the last ten, oldest first by whichever time they have', async () => {
  const { cluster, event } = scene()
  event('bad', 'third', { lastTimestamp: '2026-01-03T00:00:00Z' })
  event('bad', 'second', { lastTimestamp: null, eventTime: '2026-01-02T00:00:00.000000Z' })
  event('bad', 'first', { metadata: { name: 'old', namespace: 'shop' } }) // created on 2026-01-01 by the clock
  event('other', 'not this one')
  expect((await diagnose(cluster, 'shop', [pod('bad', false)]))[0]?.text).toBe(
    [
      '2026-01-01T00:00:00.000Z Warning Failed: first',
      '2026-01-02T00:00:00.000000Z Warning Failed: second',
      '2026-01-03T00:00:00Z Warning Failed: third',
    ].join('\n'),
  )
  for (let day = 10; day < 25; day++) event('bad', `day ${day}`, { lastTimestamp: `2026-01-${day}T00:00:00Z` })
  const lines = (await diagnose(cluster, 'shop', [pod('bad', false)]))[0]?.text.split('\n') ?? []
  expect([lines.length, lines[0]?.slice(-6), lines.at(-1)?.slice(-6)]).toEqual([10, 'day 15', 'day 24'])
})

test.each<[string, ContainerStatus, string[]]>([
  ['runs', running, ['web, container web|now']],
  ['runs again', { ...running, restartCount: 2 }, ['web, container web|now']],
  [
    'waits for its next start',
    { name: 'web', restartCount: 2, state: { waiting: { reason: 'CrashLoopBackOff' } } },
    ['web, container web (before its restart)|before'],
  ],
  ['never ran', { name: 'web', restartCount: 0, state: { waiting: { reason: 'ErrImagePull' } } }, []],
])('a container that %s is heard by the log it has', async (_, status, expected) => {
  const { cluster } = scene()
  cluster.log = (_pod, _container, previous) => (previous ? 'before' : 'now')
  const [, ...logs] = await diagnose(cluster, 'shop', [pod('web', false, [status])])
  expect(logs.map(({ title, text }) => `${title.replace('Last log lines of pod ', '')}|${text}`)).toEqual(expected)
})

test('a container that has just begun again, and said nothing yet, is heard by what it said before', async () => {
  const { cluster } = scene()
  cluster.log = (_pod, _container, previous) => (previous ? 'before' : '')
  const [, log] = await diagnose(cluster, 'shop', [pod('web', false, [{ ...running, restartCount: 3 }])])
  expect(log).toEqual({ title: 'Last log lines of pod web, container web (before its restart)', text: 'before' })
})

test('nothing is said to be nothing, and what cannot be read is said in its place', async () => {
  const { cluster } = scene()
  const pods = [pod('web', false, [running])]
  expect((await diagnose(cluster, 'shop', pods)).map(({ text }) => text)).toEqual(['(none)', '(empty)'])
  const before = ({ verb, kind }: Call) => {
    throw new ApiError(verb, kind, 403, { message: 'forbidden' })
  }
  expect((await diagnose(intercept(cluster, { before }), 'shop', pods)).map(({ text }) => text)).toEqual([
    '(cannot list Event: 403 forbidden)',
    '(cannot logs Pod: 403 forbidden)',
  ])
  expect(await lastWarning(intercept(cluster, { before }), 'shop', pods, NOW)).toBeUndefined()
})

test('a fault that is not of the API is not taken for one', async () => {
  const { cluster } = scene()
  const before = () => {
    throw new TypeError('a mistake')
  }
  const pods = [pod('web', false, [running])]
  await expect(diagnose(intercept(cluster, { before }), 'shop', pods)).rejects.toThrow('a mistake')
  await expect(lastWarning(intercept(cluster, { before }), 'shop', pods, NOW)).rejects.toThrow('a mistake')
})

test('the last warning is that of the probes, else any; nothing else counts, and none that is older than two minutes', async () => {
  const { cluster, event } = scene()
  const pods = [pod('good', true), pod('bad', false)]
  const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString()
  const warning = (seconds = 0) => lastWarning(cluster, 'shop', pods, NOW + seconds * 1000)
  event('bad', 'pulled', { type: 'Normal', lastTimestamp: at(0) })
  event('good', 'of another', { lastTimestamp: at(0) })
  event('bad', 'of yesterday', { lastTimestamp: at(-86_400) })
  expect(await warning()).toBeUndefined()
  event('bad', 'old', { lastTimestamp: at(-100) })
  event('bad', 'newer', { lastTimestamp: null, eventTime: at(-50) })
  expect(await warning()).toBe('pod bad: newer')
  event('bad', 'probe failed: 500', { reason: 'Unhealthy', lastTimestamp: at(-90) })
  expect(await warning()).toBe('pod bad: probe failed: 500')
  expect(await warning(30)).toBe('pod bad: probe failed: 500')
  expect(await warning(31)).toBe('pod bad: newer')
  expect(await warning(71)).toBeUndefined()
  expect(await lastWarning(cluster, 'shop', [pod('good', true)], NOW)).toBeUndefined()
})

test('what the pod says of itself now comes before what it was warned of', async () => {
  const { cluster, event } = scene()
  event('bad', 'probe failed: 500', { reason: 'Unhealthy', lastTimestamp: new Date(NOW).toISOString() })
  const waiting = { name: 'web', state: { waiting: { reason: 'CreateContainerError', message: 'no such user' } } }
  const said = await lastWarning(cluster, 'shop', [pod('bad', false, [waiting])], NOW)
  expect(said).toBe('pod bad: container web: CreateContainerError: no such user')
})
