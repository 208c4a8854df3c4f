import { expect, test } from '@jest/globals'
import type { Condition, ContainerStatus, Deployment, Pod } from '../../../../actions/shared/kubernetes/objects/read.ts'
import {
  isReady,
  type Judgement,
  judgeRollout,
  PATIENCE,
  restartsOf,
  TroubleLog,
  troubleText,
} from '../../../../actions/shared/kubernetes/watch/rollout.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

const deployment = (status: object = {}, conditions: Condition[] = []): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', generation: 2 },
  spec: { replicas: 2, selector: { matchLabels: {} }, template: { metadata: { labels: {} }, spec: { containers: [] } } },
  status: { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 1, conditions, ...status },
})

const pod = (status: Pod['status'], metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', uid: 'u1', ...metadata },
  status: { phase: 'Running', ...status },
})
const container = (status: Partial<ContainerStatus>): Pod => pod({ containerStatuses: [{ name: 'web', ready: false, ...status }] })
const waiting = (reason: string, message = '', more: Partial<ContainerStatus> = {}): Pod =>
  container({ state: { waiting: { reason, message } }, ...more })
const died = { lastState: { terminated: { reason: 'OOMKilled', exitCode: 137, message: 'too big' } } }
/** A pod that is ready, by its own word. */
const fine = (name: string): Pod => pod({ conditions: [{ type: 'Ready', status: 'True' }] }, { name, uid: name })
const judge = (pods: Pod[], now = 0, seen = new TroubleLog(), of: Deployment | undefined = deployment()): Judgement =>
  judgeRollout(of, pods, seen, now)

test.each<[string, Deployment | undefined, Judgement]>([
  ['nothing', undefined, { state: 'waiting', text: 'the Deployment is not there yet' }],
  ['all available', deployment({ availableReplicas: 2 }), { state: 'ready', ready: 2 }],
  [
    'one replica by default',
    { ...deployment({ replicas: 1, updatedReplicas: 1 }), spec: { ...deployment().spec, replicas: undefined as never } },
    { state: 'ready', ready: 1 },
  ],
  [
    'a status of the last change',
    deployment({ availableReplicas: 2, observedGeneration: 1 }),
    { state: 'waiting', text: 'the Deployment controller has not seen the change yet' },
  ],
  [
    'no status',
    { ...deployment(), status: undefined as never },
    { state: 'waiting', text: 'the Deployment controller has not seen the change yet' },
  ],
  ['pods that are not available', deployment(), { state: 'waiting', text: '1 of 2 pods available' }],
  [
    'pods of the old template',
    deployment({ availableReplicas: 2, updatedReplicas: 1 }),
    { state: 'waiting', text: '2 of 2 pods available' },
  ],
  ['a surplus pod', deployment({ availableReplicas: 2, replicas: 3 }), { state: 'waiting', text: '2 of 2 pods available' }],
  [
    'a quota',
    deployment({}, [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota: few' }]),
    { state: 'failed', code: 'pods-refused', reason: 'pods cannot be created: exceeded quota: few' },
  ],
  [
    'a quota that is over',
    deployment({}, [{ type: 'ReplicaFailure', status: 'False' }]),
    { state: 'waiting', text: '1 of 2 pods available' },
  ],
  [
    'its own deadline',
    deployment({}, [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'has timed out' }]),
    { state: 'failed', code: 'no-progress', reason: 'has timed out' },
  ],
  [
    'the deadline of the last change',
    deployment({ observedGeneration: 1 }, [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]),
    { state: 'waiting', text: 'the Deployment controller has not seen the change yet' },
  ],
])('%s', (_, of, expected) => {
  expect(judgeRollout(of, [fine('a'), fine('b')], new TroubleLog(), 0)).toEqual(expected)
})

const { crashLoop, rateLimit, unschedulable } = PATIENCE
test.each<[string, Pod, number, string]>([
  [
    'an image that is not there',
    waiting('ErrImagePull', 'web:v2: not found'),
    0,
    'container web: image cannot be pulled: web:v2: not found',
  ],
  ['an image that is refused', waiting('ImagePullBackOff', 'Back-off: 401 Unauthorized'), 0, 'image cannot be pulled: Back-off: 401'],
  ['an image for other machines', waiting('ErrImagePull', 'no match for platform in manifest'), 0, 'no match for platform'],
  ['a registry that limits its rate', waiting('ErrImagePull', 'toomanyrequests: denied'), rateLimit, 'toomanyrequests: denied (for 2m)'],
  ['a registry that is away', waiting('ImagePullBackOff'), rateLimit, 'image cannot be pulled: ImagePullBackOff (for 2m)'],
  ['an image name that is none', waiting('InvalidImageName', 'web:'), 0, 'InvalidImageName: web:'],
  [
    'a Secret that is not there',
    waiting('CreateContainerConfigError', 'secret "x" not found'),
    crashLoop,
    'CreateContainerConfigError: secret "x" not found (for 2m)',
  ],
  ['a user that is not there', waiting('CreateContainerConfigError', 'no such user'), 0, 'CreateContainerConfigError: no such user'],
  [
    'a ConfigMap that the kubelet has not seen yet',
    waiting('CreateContainerConfigError', 'failed to sync configmap cache: timed out'),
    crashLoop,
    'failed to sync configmap cache: timed out (for 2m)',
  ],
  [
    'a third restart',
    waiting('CrashLoopBackOff', '', { restartCount: 3, ...died }),
    0,
    'container web was restarted 3 times, ended with exit code 137 (OOMKilled): too big',
  ],
  [
    'a crash loop of few restarts',
    waiting('CrashLoopBackOff', '', { restartCount: 2, ...died }),
    crashLoop,
    'CrashLoopBackOff, ended with exit code 137 (OOMKilled): too big (for 2m)',
  ],
  [
    'a program that cannot be started',
    waiting('RunContainerError', 'no such file: /app'),
    crashLoop,
    'RunContainerError: no such file: /app',
  ],
  [
    'an init container that fails',
    pod({ phase: 'Pending', initContainerStatuses: [{ name: 'migrate', restartCount: 4, state: { terminated: { exitCode: 2 } } }] }),
    0,
    'container migrate was restarted 4 times, ended with exit code 2 (no reason)',
  ],
  [
    'no node',
    pod({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' }] }),
    unschedulable,
    'no node can take it: 0/3 nodes (for 5m)',
  ],
  ['a pod that failed as a whole', pod({ phase: 'Failed', reason: 'NodeAffinity' }), crashLoop, 'failed: NodeAffinity (for 2m)'],
])('%s ends it when it is known that it cannot heal', (_, culprit, after, words) => {
  const seen = new TroubleLog()
  if (after > 0) {
    const early = judge([culprit], 10 * SECOND, seen)
    expect(early.state).toBe('waiting')
    expect(judge([culprit], 10 * SECOND + after - 1, seen).state).toBe('waiting')
  }
  const verdict = judge([culprit], 10 * SECOND + after, seen)
  expect(verdict).toMatchObject({ state: 'failed', pod: culprit })
  expect(verdict).toMatchObject({ reason: expect.stringContaining(words) })
  expect(verdict).toMatchObject({ reason: expect.stringMatching(/^pod web-1: /) })
})

test.each<[string, Pod]>([
  ['a pod that starts', waiting('ContainerCreating')],
  ['restarts that are over', container({ restartCount: 5, ready: true })],
  ['two restarts', container({ restartCount: 2, ...died })],
  ['an evicted pod, which is replaced', pod({ phase: 'Failed', reason: 'Evicted' })],
  ['trouble of a pod that is being deleted', { ...waiting('InvalidImageName'), metadata: { name: 'web-0', deletionTimestamp: 'now' } }],
])('%s is no trouble, however long it takes', (_, innocent) => {
  const seen = new TroubleLog()
  for (const now of [0, 5 * MINUTE, 60 * MINUTE])
    expect(judge([innocent], now, seen)).toEqual({ state: 'waiting', text: '0 of 2 pods available' })
})

test('while it waits it says what the trouble is', () => {
  expect(judge([fine('a'), waiting('CrashLoopBackOff', 'back-off')])).toEqual({
    state: 'waiting',
    text: '1 of 2 pods available: container web: CrashLoopBackOff: back-off',
  })
})

test('a trouble that comes and goes counts from its first time; that of another pod by itself', () => {
  const seen = new TroubleLog()
  const [pull, backOff] = [waiting('ErrImagePull', 'toomanyrequests'), waiting('ImagePullBackOff', 'toomanyrequests')]
  expect(judge([pull], 0, seen).state).toBe('waiting')
  expect(judge([container({})], MINUTE, seen).state).toBe('waiting')
  expect(judge([{ ...backOff, metadata: { name: 'web-2', uid: 'u2' } }], 2 * MINUTE, seen).state).toBe('waiting')
  expect(judge([waiting('CrashLoopBackOff')], 2 * MINUTE, seen).state).toBe('waiting')
  expect(judge([backOff], 2 * MINUTE, seen).state).toBe('failed')
})

test('ready is what has the condition and stays; restarts are those of all containers', () => {
  const conditions = [{ type: 'Ready', status: 'True' }]
  expect(isReady(pod({ conditions }))).toBe(true)
  expect(isReady(pod({ conditions }, { deletionTimestamp: 'now' }))).toBe(false)
  expect(isReady(pod({ conditions: [{ type: 'Ready', status: 'Unknown' }] }))).toBe(false)
  expect(isReady(pod({}))).toBe(false)
  expect(
    restartsOf(
      pod({ initContainerStatuses: [{ name: 'a', restartCount: 1 }], containerStatuses: [{ name: 'b', restartCount: 2 }, { name: 'c' }] }),
    ),
  ).toBe(3)
})

test('the status alone is not believed, nor are the pods alone: a controller that is away says what was', () => {
  const available = deployment({ availableReplicas: 2 })
  expect(judge([fine('a'), fine('b')], 0, undefined, available)).toEqual({ state: 'ready', ready: 2 })
  for (const second of [pod({}, { name: 'b' }), { ...fine('b'), metadata: { name: 'b', deletionTimestamp: 'now' } }])
    expect(judge([fine('a'), second], 0, undefined, available)).toEqual({ state: 'waiting', text: '1 of 2 pods available' })
  expect(judge([fine('a'), fine('b')])).toEqual({ state: 'waiting', text: '1 of 2 pods available' })
})

test.each([
  'Internal error occurred: failed calling webhook "x": no endpoints available for service "y"',
  'etcdserver: request timed out',
  'the object has been modified; please apply your changes to the latest version and try again',
])('pods that cannot be created by a fault of the cluster (%s) are waited for, and it is said that it is one', (message) => {
  const of = deployment({}, [{ type: 'ReplicaFailure', status: 'True', message }])
  expect(judge([], 0, undefined, of)).toEqual({ state: 'waiting', text: `pods cannot be created: ${message}`, fault: true })
})

test('what a pod says of itself now is told, else nothing', () => {
  expect(troubleText(waiting('CreateContainerError', 'no such user'))).toBe('container web: CreateContainerError: no such user')
  expect(troubleText(fine('a'))).toBeUndefined()
})
