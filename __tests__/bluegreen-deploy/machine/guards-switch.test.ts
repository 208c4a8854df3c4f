// What keeps traffic where there are pods: before the switch, at it, after it, and when somebody else has switched.
import { expect, test } from '@jest/globals'
import { ApiError, type KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { EndpointSlice, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { Call } from '../../support/memory-cluster.ts'
import {
  diesAt,
  hostOf,
  ingress,
  named,
  outcomeOf,
  PHASE,
  readyWithin,
  refused,
  SHORT,
  selected,
  setOneReady,
  setReady,
  standsAt,
  switchByHand,
  twoReleases,
  when,
} from '../guards.ts'
import { app, NAMESPACE, type RunOptions, Stage } from '../stage.ts'

async function prepared(): Promise<Stage> {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  await stage.ok('prepare', { version: 'v2', ...SHORT })
  return stage
}

const promote = (stage: Stage, options: RunOptions = {}) => stage.run('promote', { revision: 2, ...SHORT, ...options })

test('pods that went bad after prepare get no traffic', async () => {
  const stage = await prepared()
  setReady(stage, 'v2', false)
  await stage.settled() // hours later
  const ran = await promote(stage, readyWithin(20_000))
  expect(outcomeOf(ran)).toBe('failed')
  expect(ran.result).toMatchObject({ switched: false, rolledBack: false, activeColor: 'blue' })
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue'], ['v1'], undefined, []])
})

test('pods that need a moment again are waited for', async () => {
  const stage = await prepared()
  setOneReady(stage, 'v2', false)
  await stage.settled()
  stage.clock.after(10_000, () => setOneReady(stage, 'v2', true))
  expect(outcomeOf(await promote(stage, readyWithin(60_000)))).toBe('passed')
  expect([stage.serving(), stage.ready().length, stage.harm]).toEqual([['v2'], 3, []])
})

test('a Deployment that somebody deleted after prepare gets no traffic', async () => {
  const stage = await prepared()
  await stage.cluster.delete(
    { apiVersion: 'apps/v1', kind: 'Deployment', namespace: NAMESPACE, name: 'web-green' },
    { propagation: 'Foreground' },
  )
  await stage.settled()
  expect(outcomeOf(await promote(stage, readyWithin(20_000)))).not.toBe('passed')
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue'], ['v1'], undefined, []])
})

test.each([
  ['nothing was ever released', async () => new Stage()],
  ['nothing is prepared', twoReleases],
])('promote where %s is refused, and changes no object of the user', async (_, before) => {
  const stage = await before()
  const [serving, deployments] = [stage.serving(), stage.deployments()]
  expect((await promote(stage)).error?.message).toMatch(/nothing is prepared.*prepare/)
  expect([stage.serving(), stage.deployments(), stage.harm]).toEqual([serving, deployments, []])
})

test.each([undefined, 1, 3])('promote of revision %j, where 2 is prepared, is refused with the one that is', async (revision) => {
  const stage = await prepared()
  const { error } = await stage.run('promote', { revision, ...SHORT })
  expect(error?.message).toMatch(new RegExp(`${revision}.*revision 2`))
  expect([selected(stage), standsAt(stage), stage.harm]).toEqual([['blue'], PHASE.prepared, []])
})

test.each([PHASE.verify, PHASE.bake])('promote of what a dead run left at %s is refused: it was not prepared', async (phase) => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  await diesAt(stage, 'deploy', { version: 'v2', ...SHORT }, phase)
  const serving = stage.serving()
  expect((await promote(stage)).error?.message).toMatch(/nothing is prepared/)
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([serving, phase, []])
})

test('a cleanup after a switch by hand does not delete the pods that serve', async () => {
  const stage = await twoReleases()
  await switchByHand(stage, 'blue')
  const { error } = await stage.run('cleanup', SHORT)
  await stage.settled()
  expect(error?.message).toMatch(/Service\/web.*blue/)
  expect([stage.serving(), stage.ready().length, stage.harm]).toEqual([['v1'], 3, []])
  await stage.ok('deploy', { version: 'v3', ...SHORT })
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v3'], undefined, []])
})

test('an old color that was switched to by hand is not deleted when it would retire', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  when(stage, PHASE.retire, () => void switchByHand(stage, 'blue'), 1_000)
  const ran = await stage.run('deploy', { version: 'v2', ...SHORT, retire: 'delete' })
  await stage.settled()
  expect(outcomeOf(ran)).not.toBe('passed')
  expect([stage.serving(), stage.ready().length, stage.harm]).toEqual([['v1'], 3, []])
})

test('a warm color that was switched to by hand while a release begins is not cleared for its candidate', async () => {
  const stage = await twoReleases()
  await stage.run('deploy', {
    version: 'v3',
    ...SHORT,
    after: ({ verb, kind, name }) => {
      if (verb === 'replace' && kind === 'ConfigMap' && name === 'bluegreen-web' && standsAt(stage) === PHASE.prepare)
        void switchByHand(stage, 'blue')
    },
  })
  await stage.settled()
  expect(stage.ready().length).toBe(3)
  expect(stage.harm).toEqual([])
})

test('an old color that is kept, and switched to by hand while it retires, keeps its pods and its spare ones', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  when(stage, PHASE.retire, () => void switchByHand(stage, 'blue'), 100)
  const { told } = await stage.run('deploy', { version: 'v2', ...SHORT, bakeTime: 500, retire: 'keep' })
  await stage.settled()
  expect(told).toContain('Service/web selects blue again')
  expect([stage.serving(), stage.ready().length >= 3, stage.harm]).toEqual([['v1'], true, []])
})

test('an old color that was switched to by hand while the candidate bakes keeps its pods', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  when(stage, PHASE.bake, () => void switchByHand(stage, 'blue'), 1_000)
  await stage.run('deploy', { version: 'v2', ...SHORT })
  await stage.settled()
  // A spare pod may stay: to end it would end it under traffic.
  expect([stage.serving(), stage.ready().length >= 3, stage.harm]).toEqual([['v1'], true, []])
})

test.each<['blue' | 'green', string]>([
  ['blue', 'v1'],
  ['green', 'v2'],
])('a release after a switch by hand to %s takes the other color, and goes back to it', async (color, version) => {
  const stage = await twoReleases()
  await switchByHand(stage, color)
  stage.behave('v3', { answers: (age) => (age < 3_500 ? 200 : 500) })
  const bad = await stage.run('deploy', { version: 'v3', ...SHORT, checkInterval: 500 })
  expect([outcomeOf(bad), bad.result?.rolledBack, bad.result?.activeColor]).toEqual(['failed', true, color])
  expect([stage.serving(), stage.ready().length, stage.harm]).toEqual([[version], 3, []])
  await stage.ok('deploy', { version: 'v4', ...SHORT })
  expect([stage.serving(), stage.harm]).toEqual([['v4'], []])
})

test('a Service whose color somebody took away is refused, and nothing is written', async () => {
  const stage = await twoReleases()
  await switchByHand(stage, null)
  expect(await refused(stage, 'deploy', { version: 'v3', ...SHORT })).toMatch(/Service\/web.*without a color/)
})

test('a Service that somebody deleted is there again with the next release', async () => {
  const stage = await twoReleases()
  await stage.cluster.delete({ apiVersion: 'v1', kind: 'Service', namespace: NAMESPACE, name: 'web' })
  stage.harm = []
  await stage.ok('deploy', { version: 'v3', ...SHORT })
  expect(stage.serving()).toEqual(['v3'])
})

test('endpoints that still hold the other color after the switch are no release', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  const [old] = stage.pods('v1')
  const targetRef = { kind: 'Pod', name: old?.metadata.name ?? '', uid: old?.metadata.uid ?? '' }
  stage.cluster.onChange(({ object }) => {
    const green = stage.service()?.spec.selector.color === 'green'
    if (!green || object?.kind !== 'EndpointSlice' || object.metadata.name !== 'web-slice') return
    const endpoints = (object as EndpointSlice).endpoints ?? []
    if (endpoints.some((endpoint) => endpoint.targetRef?.uid === targetRef.uid)) return
    stage.cluster.put({ ...object, endpoints: [...endpoints, { addresses: ['10.0.0.9'], conditions: { ready: true }, targetRef }] })
  })
  const ran = await stage.run('deploy', { version: 'v2', ...SHORT })
  expect(outcomeOf(ran)).not.toBe('passed')
  expect(ran.result?.reason ?? ran.error?.message).toContain(targetRef.name)
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue', 'green', 'blue'], ['v1'], undefined, []])
})

test('the pod of the old color whose deletion is on its way has ended before traffic comes back', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  let slow: Call | undefined
  let held = false
  const hold = async () => {
    if (!slow || held) return
    held = true
    await stage.clock.sleep(20_000) // an API server that takes its time over this one call
  }
  const before = (call: Call) => {
    if (call.verb !== 'delete' || call.kind !== 'Pod' || slow) return
    slow = call
    stage.clock.after(1_000, () => setOneReady(stage, 'v2', false))
  }
  const { result } = await stage.runHeld('deploy', hold, { version: 'v2', ...SHORT, bakeTime: 60_000, before })
  await stage.settled()
  expect(slow?.name).toMatch(/^web-blue/)
  expect(result).toMatchObject({ outcome: 'failed', rolledBack: true })
  expect([stage.serving(), stage.ready().length, stage.harm]).toEqual([['v1'], 3, []])
})

test('the way back takes fields that another manager has taken in the meantime', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { manifests: [...app('v1'), ingress('old.example')], ...SHORT })
  when(
    stage,
    PHASE.bake,
    () => {
      const ref = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace: NAMESPACE, name: 'web' }
      void stage.cluster.patch(ref, { spec: { rules: [{ host: 'by-hand.example' }] } }, 'another-manager')
      setOneReady(stage, 'v2', false)
    },
    2_000,
  )
  const { result } = await stage.run('deploy', { manifests: [...app('v2'), ingress('new.example')], ...SHORT })
  expect(result).toMatchObject({ outcome: 'failed', rolledBack: true })
  expect([hostOf(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual(['old.example', ['v1'], undefined, []])
})

test('the way back takes the Service from another manager', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  when(
    stage,
    PHASE.bake,
    () => {
      const ref = { apiVersion: 'v1', kind: 'Service', namespace: NAMESPACE, name: 'web' }
      void stage.cluster.patch(ref, { spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } }, 'another-manager')
      setOneReady(stage, 'v2', false)
    },
    2_000,
  )
  const { result } = await stage.run('deploy', { version: 'v2', ...SHORT })
  expect(result).toMatchObject({ outcome: 'failed', rolledBack: true })
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue', 'green', 'blue'], ['v1'], undefined, []])
})

/** Node ports as the API server gives them out: one for one Service, and none for a Service that is only reached inside. */
function allocateNodePorts(stage: Stage): void {
  stage.cluster.admission = (object) => {
    if (object.kind !== 'Service') return
    const { ports, type = 'ClusterIP' } = object.spec as { ports: { nodePort?: number }[]; type?: string }
    for (const { nodePort } of ports) {
      const taken = stage.cluster
        .all<Service>('Service')
        .find(
          ({ metadata, spec }) =>
            metadata.name !== object.metadata.name &&
            spec.ports.some((port) => (port as typeof port & { nodePort?: number }).nodePort === nodePort),
        )
      if (nodePort === undefined || (!taken && type !== 'ClusterIP')) continue
      const message = taken
        ? `spec.ports[0].nodePort: Invalid value: ${nodePort}: provided port is already allocated`
        : 'nodePort may not be used'
      throw new ApiError('apply', `Service/${object.metadata.name}`, 422, { message, reason: 'Invalid' })
    }
  }
}

test.each(['NodePort', 'LoadBalancer'])('a Service of type %s with a node port is released again and again', async (type) => {
  const stage = new Stage()
  allocateNodePorts(stage)
  const outside = (object: KubeObject): KubeObject =>
    object.kind === 'Service'
      ? { ...object, spec: { selector: { app: 'web' }, type, ports: [{ name: 'http', port: 80, targetPort: 'http', nodePort: 30_080 }] } }
      : object
  for (const version of ['v1', 'v2', 'v3']) await stage.ok('deploy', { manifests: app(version).map(outside), ...SHORT })
  expect(named(stage, 'Service', 'web')?.spec).toMatchObject({ type, ports: [{ nodePort: 30_080 }] })
  expect([stage.serving(), stage.harm]).toEqual([['v3'], []])
})
