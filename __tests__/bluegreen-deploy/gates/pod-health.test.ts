import { expect, test } from '@jest/globals'
import { podHealthGate } from '../../../actions/bluegreen-deploy/gates/pod-health.ts'
import { ApiError } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { intercept, type MemoryCluster } from '../../support/memory-cluster.ts'
import { room } from '../room.ts'
import { pod, watch, workloadOf } from './pods.ts'

/** Pods a and b serve; what happens to them while a gate watches for a minute, with 20 s for new pods. */
async function watchPods(
  happens: (cluster: MemoryCluster, after: (ms: number, act: () => void) => void) => void,
  first = [pod('a'), pod('b')],
) {
  const { clock, cluster, reach } = room({ readyDeadline: 20_000 })
  for (const one of first) cluster.put(one)
  cluster.log = (name) => `${name} had this to say`
  happens(cluster, (ms, act) => clock.after(ms, act))
  const [finding] = await watch(clock, [podHealthGate(reach, workloadOf(first.length))], {
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
  const { clock, cluster, reach } = room({ readyDeadline: 20_000 })
  for (const one of pods) cluster.put(one)
  const gates = [podHealthGate(reach, workloadOf(2))]
  expect(await watch(clock, gates)).toMatchObject([{ verdict: 'failed', text }])
})

test('restarts from before the bake are none of it', async () => {
  const { finding } = await watchPods(() => undefined, [pod('a', died('Error', 1))])
  expect(finding).toMatchObject({ verdict: 'passed' })
})

test('pods that could not be read were not watched: inconclusive, and forbidden is an error', async () => {
  const slow = room({ client: (cluster) => intercept(cluster, { hold: () => cluster.clock.sleep(20_000) }) })
  expect(await watch(slow.clock, [podHealthGate(slow.reach, workloadOf(1))])).toEqual([
    { verdict: 'inconclusive', text: 'the pods could not be read while they were to be watched' },
  ])
  const forbidden = room({
    client: (cluster) =>
      intercept(cluster, {
        before: () => {
          throw new ApiError('list', 'Pod objects', 403, { message: 'forbidden' })
        },
      }),
  })
  await expect(watch(forbidden.clock, [podHealthGate(forbidden.reach, workloadOf(1))])).rejects.toThrow('forbidden')
})
