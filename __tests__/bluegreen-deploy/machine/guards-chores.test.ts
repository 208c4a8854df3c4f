// Faults that are known: work beside the verdict, waits and reasons. Each test fails until its fault is mended, and is then a plain test.
import { expect, test } from '@jest/globals'
import { ApiError } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { Pod } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { Call } from '../../support/memory-cluster.ts'
import { outcomeOf, PHASE, readyWithin, SHORT, selected, setReady, standsAt, twoReleases, when } from '../guards.ts'
import { app, NAMESPACE, type RunOptions, Stage } from '../stage.ts'

async function oneRelease(): Promise<Stage> {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  return stage
}

const refusal = (verb: string, name: string): ApiError =>
  new ApiError(verb, name, 403, { message: 'admission webhook "guard" denied the request', reason: 'Forbidden' })

const CASES_1: [string, (call: Call) => boolean, RunOptions][] = [
  ['the deletion of its pods', ({ verb, kind }) => verb === 'delete' && kind === 'Pod', { retire: 'keep' }],
  ['the deletion of its pods, before it is scaled', ({ verb, kind }) => verb === 'delete' && kind === 'Pod', {}],
  ['one more pod', ({ verb, name }) => verb === 'apply' && name === 'web-blue', { retire: 'keep' }],
]
for (const [what, refuses, options] of CASES_1) {
  test(`a webhook that refuses the old color ${what} is a warning, and the healthy candidate stays`, async () => {
    const stage = await oneRelease()
    const ran = await stage.run('deploy', {
      version: 'v2',
      ...SHORT,
      ...options,
      before: (call) => {
        if (call.name.startsWith('web-blue') && refuses(call)) throw refusal(call.verb, `${call.kind}/${call.name}`)
      },
    })
    expect(outcomeOf(ran)).toBe('passed')
    expect(ran.told).toContain('admission webhook "guard" denied the request')
    expect([stage.serving(), selected(stage), standsAt(stage), stage.harm]).toEqual([['v2'], ['blue', 'green'], undefined, []])
  })
}

test('prepared pods that are unready get no traffic, though the status of their Deployment has not followed', async () => {
  const stage = await oneRelease()
  await stage.ok('prepare', { version: 'v2', ...SHORT })
  setReady(stage, 'v2', false)
  const ran = await stage.run('promote', { revision: 2, ...SHORT, ...readyWithin(20_000) })
  expect(outcomeOf(ran)).toBe('failed')
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue'], ['v1'], undefined, []])
})

test('the deadline of the check bounds a row that is passing', async () => {
  const stage = await oneRelease()
  let asked = false
  const hold = async () => {
    if (asked) await stage.clock.sleep(4_000)
  }
  const before = ({ verb, kind, name }: Call) => {
    asked = verb === 'proxy' && kind === 'services' && name === 'web-preview'
  }
  const check = { timeout: 5_000, passes: 10, deadline: 10_000 }
  const ran = await stage.runHeld('deploy', hold, { version: 'v2', ...SHORT, check, before })
  expect(outcomeOf(ran)).not.toBe('passed')
  expect(ran.seconds).toBeLessThan(30) // ten answers take 40
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue'], ['v1'], undefined, []])
})

const AWAY = 'Internal error occurred: failed calling webhook "policy.example.com": Post "https://policy": dial tcp: connection refused'

test('a webhook that is away for a while when pods are made holds a release up, and no more', async () => {
  const stage = await oneRelease()
  stage.node.refusePods = AWAY
  stage.clock.after(12_000, () => stage.node.allowPods())
  const ran = await stage.run('deploy', { version: 'v2', ...SHORT })
  expect(outcomeOf(ran)).toBe('passed')
  expect([stage.serving(), stage.harm]).toEqual([['v2'], []])
})

const CASES_2 = [
  AWAY,
  'Internal error occurred: resource quota evaluation timed out',
  'Timeout: request did not complete within requested timeout',
]
for (const message of CASES_2) {
  test(`pods that cannot be made by a fault of the cluster are an error, and no verdict: ${message}`, async () => {
    const stage = await oneRelease()
    stage.node.refusePods = message
    const ran = await stage.run('deploy', { version: 'v2', ...SHORT, ...readyWithin(60_000) })
    expect(outcomeOf(ran)).toBe('error')
    expect(ran.error?.message ?? ran.result?.reason).toContain(message)
    expect(ran.seconds).toBeGreaterThan(30)
    expect([stage.serving(), selected(stage), standsAt(stage), stage.harm]).toEqual([['v1'], ['blue'], undefined, []])
  })
}

test('pods of a kept color that cannot be made are told soon, with why, and the release passes', async () => {
  const stage = await oneRelease()
  const quota = 'pods "web-blue-9" is forbidden: exceeded quota: few, requested: pods=1, used: pods=6, limited: pods=6'
  when(stage, PHASE.bake, () => (stage.node.refusePods = quota))
  const { result, told, seconds } = await stage.ok('deploy', { version: 'v2', ...SHORT, retire: 'keep' })
  expect(result.outcome).toBe('passed')
  expect(told).toContain('exceeded quota')
  expect(seconds).toBeLessThan(120)
  expect([stage.serving(), stage.pods('v1').length, standsAt(stage), stage.harm]).toEqual([['v2'], 3, undefined, []])
})

const event = (stage: Stage, pod: Pod | undefined, reason: string, message: string) =>
  stage.cluster.put({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `event-${reason}`, namespace: NAMESPACE },
    type: 'Warning',
    reason,
    message,
    lastTimestamp: new Date(stage.clock.now()).toISOString(),
    involvedObject: { kind: 'Pod', name: pod?.metadata.name ?? '' },
  })

test('a pod that is not ready says by its own condition why, whatever event is long over', async () => {
  const stage = await oneRelease()
  stage.behave('v2', { startup: Infinity })
  when(stage, PHASE.prepare, () => event(stage, stage.pods('v2')[0], 'Unhealthy', 'Readiness probe failed: connection refused'), 2_000)
  const gate = 'corresponding condition of pod readiness gate "example.com/registered" does not exist.'
  const conditions = [
    { type: 'PodScheduled', status: 'True' },
    { type: 'ContainersReady', status: 'True' },
    { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: gate },
  ]
  when(
    stage,
    PHASE.prepare,
    () => {
      for (const pod of stage.pods('v2')) stage.cluster.put({ ...pod, status: { ...pod.status, conditions } })
    },
    10_000,
  )
  const { result } = await stage.run('deploy', { version: 'v2', ...SHORT })
  expect(result?.outcome).toBe('failed')
  expect(result?.reason).toContain('example.com/registered')
})

test('a Deployment that exceeds its own progress deadline is told with the words of its pod', async () => {
  const stage = await oneRelease()
  stage.behave('v2', { startup: Infinity })
  when(
    stage,
    PHASE.prepare,
    () => {
      event(stage, stage.pods('v2')[0], 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 500')
      const deployment = stage.cluster.all('Deployment').find(({ metadata }) => metadata.name === 'web-green')
      if (!deployment) return
      const message = 'ReplicaSet "web-green-5d9" has timed out progressing.'
      const exceeded = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message }
      stage.cluster.put({ ...deployment, status: { ...(deployment.status as object), conditions: [exceeded] } })
    },
    60_000,
  )
  const { result, seconds } = await stage.run('deploy', { version: 'v2', ...SHORT })
  expect(result?.outcome).toBe('failed')
  expect(seconds).toBeLessThan(120)
  expect(result?.reason).toContain('HTTP probe failed with statuscode: 500')
})

test('pods that have ended and that a finalizer holds are told by it, and waited for no longer', async () => {
  const stage = await twoReleases()
  for (const pod of stage.pods('v1'))
    stage.cluster.put({ ...pod, metadata: { ...pod.metadata, finalizers: ['example.com/hold'] } as Pod['metadata'] })
  const { error, told, seconds } = await stage.run('cleanup', SHORT)
  expect(`${told} ${error?.message}`).toContain('example.com/hold')
  expect(seconds).toBeLessThan(60)
  expect([stage.serving(), stage.harm]).toEqual([['v2'], []])
})

test('a quota is told at once: it does not heal by itself', async () => {
  const stage = await oneRelease()
  stage.node.refusePods = 'pods "web-green-1" is forbidden: violates PodSecurity "restricted:latest"'
  const ran = await stage.run('deploy', { manifests: app('v2'), ...SHORT })
  expect([outcomeOf(ran), ran.seconds < 10]).toEqual(['failed', true])
  expect(ran.result?.reason).toContain('PodSecurity')
  stage.node.allowPods()
})
