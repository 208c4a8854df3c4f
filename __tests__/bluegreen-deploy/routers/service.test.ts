import { expect, test } from '@jest/globals'
import type { Revision } from '../../../actions/bluegreen-deploy/release/model.ts'
import { ALL_CANDIDATE, ALL_STABLE } from '../../../actions/bluegreen-deploy/routers/router.ts'
import { disagreement, type ServiceSide, serviceRouter } from '../../../actions/bluegreen-deploy/routers/service.ts'
import { Writer } from '../../../actions/bluegreen-deploy/writes/writer.ts'
import type { Cluster } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { EndpointSlice, Pod, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import { intercept, type MemoryCluster } from '../../support/memory-cluster.ts'
import { revisionOf, room } from '../room.ts'

const pod = (name: string, ready = true): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: name, labels: { app: 'web', color: 'green' } },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
})
const endpoint = (uid: string, ready: boolean | undefined = true) => ({
  addresses: ['10.0.0.7'],
  conditions: ready === undefined ? {} : { ready },
  targetRef: { uid, name: uid },
})
const slice = (...endpoints: EndpointSlice['endpoints'] & object): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-x', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  endpoints,
})

const gone = { ...pod('a'), metadata: { ...pod('a').metadata, deletionTimestamp: 'now' } }
test.each<[string, EndpointSlice[], Pod[], ReturnType<typeof disagreement>]>([
  ['all pods, and only these', [slice(endpoint('a'), endpoint('b'))], [pod('a'), pod('b')], undefined],
  ['the same in several slices', [slice(endpoint('a')), slice(endpoint('b')), slice()], [pod('a'), pod('b')], undefined],
  ['a readiness that is unknown is one', [slice(endpoint('a', undefined))], [pod('a')], undefined],
  ['another that gets no traffic', [slice(endpoint('a'), endpoint('old', false))], [pod('a')], undefined],
  ['another that gets traffic', [slice(endpoint('a'), endpoint('old'))], [pod('a')], { foreign: true, text: 'they still hold old' }],
  [
    'another of which readiness is unknown',
    [slice(endpoint('a'), endpoint('old', undefined))],
    [pod('a')],
    { foreign: true, text: 'they still hold old' },
  ],
  ['an address of no pod', [slice({ addresses: ['10.9.9.9'] })], [pod('a')], { foreign: true, text: 'they still hold 10.9.9.9' }],
  ['nothing that has a name', [slice({})], [pod('a')], { foreign: true, text: 'they still hold an unknown address' }],
  ['not all pods', [slice(endpoint('a'))], [pod('a'), pod('b'), pod('c')], { foreign: false, text: 'they do not hold b, c yet' }],
  ['an own one that is not ready there', [slice(endpoint('a', false))], [pod('a')], { foreign: false, text: 'they do not hold a yet' }],
  [
    'an own one that is no longer ready',
    [slice(endpoint('a'), endpoint('b'))],
    [pod('a'), pod('b', false)],
    { foreign: false, text: 'they still hold b, which is not ready' },
  ],
  [
    'one that is being deleted',
    [slice(endpoint('a'), endpoint('b'))],
    [gone, pod('b')],
    { foreign: false, text: 'they still hold a, which is not ready' },
  ],
  ['an unready pod that gets none', [slice(endpoint('a'))], [pod('a'), pod('b', false)], undefined],
  ['no ready pod', [slice()], [pod('a', false)], { foreign: false, text: 'no pod of the color is ready' }],
  ['no slice', [], [pod('a')], { foreign: false, text: 'they do not hold a yet' }],
  ['a slice without a list', [{ ...slice(), endpoints: null }], [pod('a')], { foreign: false, text: 'they do not hold a yet' }],
])('endpoints that hold %s', (_, slices, pods, expected) => {
  expect(disagreement(slices, pods)).toEqual(expected)
})

const candidate = revisionOf(undefined, { color: 'green', revision: 2 })
const stable = revisionOf(undefined, { color: 'blue', revision: 1 })
const sideOf = (revision: Revision, expected: number): ServiceSide => {
  const [gateway] = revision.gateways
  if (!gateway) throw new Error('the application has a Service')
  const service = { ...gateway.service, metadata: { ...gateway.service.metadata, namespace: 'shop' } }
  return { color: revision.color, gateway: { ...gateway, service, expected } }
}

function scene(expected = 0, { first = false, client }: { first?: boolean; client?: (cluster: MemoryCluster) => Cluster } = {}) {
  const { clock, cluster, reach } = room({ ...(client && { client }) })
  const writer = new Writer(cluster, { generation: 1, assertHeld: async () => undefined }, 'web')
  const [blue, green] = [sideOf(stable, expected), sideOf(candidate, expected)]
  const router = serviceRouter({ ...reach, writer }, first ? undefined : blue, green)
  /** The slices as they are `at` milliseconds after the beginning. */
  const hold = (at: number, ...uids: string[]) => clock.after(at, () => cluster.put(slice(...uids.map((uid) => endpoint(uid)))))
  /** Pods keep the uid that their first storing gave them: their names are their uids here. */
  const place = (at: number, ...pods: Pod[]) => clock.after(at, () => pods.map((one) => cluster.put(one)))
  const live = () => cluster.all<Service>('Service')[0]
  return { clock, cluster, router, hold, place, live, service: green.gateway.service }
}

/** Proves from 10 ms on; the pods a and b are ready from the beginning. */
async function prove(prepare: (stage: ReturnType<typeof scene>, uids: string[]) => void, expected = 0) {
  const stage = scene(expected)
  const uids = [pod('a'), pod('b')].map((one) => stage.cluster.put(one).metadata.uid ?? '')
  prepare(stage, uids)
  await stage.clock.sleep(10)
  const proof = await stage.router.prove(ALL_CANDIDATE)
  return { proof, at: stage.clock.monotonic() }
}

test('endpoints that are right from the beginning are proved when they had time to spread', async () => {
  const { proof, at } = await prove(({ hold }, uids) => hold(0, ...uids), 2)
  expect(proof).toEqual({ state: 'proved', pods: 2 })
  expect(at).toBeGreaterThanOrEqual(5_000)
  expect(at).toBeLessThan(5_500)
})

test('the time begins when the last pod of the other color is out, and anew when one comes back', async () => {
  const { proof, at } = await prove(({ hold }, uids) => {
    hold(0, ...uids, 'old')
    hold(3_000, ...uids)
    hold(7_000, ...uids, 'old')
    hold(9_000, ...uids)
  })
  expect(proof).toEqual({ state: 'proved', pods: 2 })
  expect(at).toBeGreaterThanOrEqual(14_000)
  expect(at).toBeLessThan(14_500)
})

test('own pods that come and go do not begin it anew, but have to be in agreement at its end', async () => {
  const { proof, at } = await prove(({ hold, place }, [a = '', b = '']) => {
    hold(0, a, b)
    place(4_000, pod('b', false))
    hold(6_500, a)
  })
  expect(proof).toEqual({ state: 'proved', pods: 1 })
  expect(at).toBeGreaterThanOrEqual(6_500)
  expect(at).toBeLessThan(7_000)
})

test('the time does not begin before a pod is ready', async () => {
  const { proof, at } = await prove(({ hold, place }, uids) => {
    place(0, pod('a', false), pod('b', false))
    hold(0)
    place(8_000, pod('a'), pod('b'))
    hold(8_000, ...uids)
  })
  expect(proof).toMatchObject({ state: 'proved' })
  expect(at).toBeGreaterThanOrEqual(13_000)
})

test('fewer ready pods than expected end it at once', async () => {
  const { proof, at } = await prove(({ hold, place }, uids) => {
    hold(0, ...uids)
    place(2_000, pod('b', false))
  }, 2)
  expect(proof).toEqual({ state: 'refuted', reason: 'only 1 of 2 pods stayed ready when traffic came' })
  expect(at).toBe(2_000)
})

test.each<[string, (stage: ReturnType<typeof scene>, uids: string[]) => void, string]>([
  ['keep a pod of the other color', ({ hold }, uids) => hold(0, ...uids, 'old'), 'they still hold old'],
  ['do not get all', ({ hold }, uids) => hold(0, ...uids.slice(1)), 'they do not hold a yet'],
  [
    'change for ever',
    ({ hold }, uids) => {
      for (let at = 0; at < 90_000; at += 4_000) {
        hold(at, ...uids, 'old')
        hold(at + 100, ...uids)
      }
    },
    'they changed too often',
  ],
])('endpoints that %s are not proved', async (_, prepare, last) => {
  const { proof, at } = await prove(prepare)
  expect(proof).toEqual({ state: 'refuted', reason: `the endpoints of Service/web did not follow within 1m: ${last}` })
  expect(at).toBeGreaterThanOrEqual(65_000)
})

test('a color without a ready pod is not proved, also when none was expected', async () => {
  const { proof } = await prove(({ hold, place }) => {
    hold(0)
    place(0, pod('a', false), pod('b', false))
  })
  expect(proof).toMatchObject({ state: 'refuted', reason: expect.stringContaining('no pod of the color is ready') })
})

test('endpoints that could not be read are no proof, and no refutation', async () => {
  const { router } = scene(0, { client: (cluster) => intercept(cluster, { hold: () => cluster.clock.sleep(100_000) }) })
  expect(await router.prove(ALL_CANDIDATE)).toEqual({ state: 'unknown', reason: 'the endpoints of Service/web could not be read' })
})

test('the stable side is proved by what it has: pods may be few after a way back', async () => {
  const { router, hold, cluster, clock } = scene(9)
  const { uid = '' } = cluster.put({ ...pod('old'), metadata: { ...pod('old').metadata, labels: { app: 'web', color: 'blue' } } }).metadata
  hold(0, uid)
  await clock.sleep(10)
  expect(await router.prove(ALL_STABLE)).toEqual({ state: 'proved', pods: 1 })
})

test('how traffic is divided is what the Service selects; undefined where no color decides', async () => {
  const { cluster, router, service } = scene()
  expect(await router.read()).toBeUndefined()
  for (const [selector, split] of [
    [{ app: 'web' }, undefined],
    [{ app: 'web', color: 'red' }, undefined],
    [{ app: 'web', color: 'blue' }, ALL_STABLE],
    [{ app: 'web', color: 'green' }, ALL_CANDIDATE],
  ] as const) {
    cluster.put({ ...service, spec: { ...service.spec, selector } })
    expect(await router.read()).toEqual(split)
  }
})

test('a selector gives all of the traffic to one side, and to the stable one only where there is one', () => {
  const splits = [ALL_CANDIDATE, ALL_STABLE, { stable: 90, candidate: 10 }]
  const { router } = scene()
  expect([router.name, router.colors, splits.map((split) => router.can(split))]).toEqual([
    'Service/web',
    { stable: 'blue', candidate: 'green' },
    [true, true, false],
  ])
  const first = scene(0, { first: true }).router
  expect([first.colors, splits.map((split) => first.can(split))]).toEqual([{ stable: undefined, candidate: 'green' }, [true, false, false]])
})

test('a first entry has no stable side: it reads nothing of another color, and cannot be set to it', async () => {
  const { cluster, router, service } = scene(0, { first: true })
  cluster.put({ ...service, spec: { ...service.spec, selector: { app: 'web', color: 'blue' } } })
  expect(await router.read()).toBeUndefined()
  await expect(router.set(ALL_STABLE, 'rollback')).rejects.toThrow('Service/web has no stable side that could serve')
})

test('the way forth respects the fields of others, the way back takes them', async () => {
  const { cluster, router, service } = scene()
  await cluster.apply({ ...service, spec: { ...service.spec, selector: { app: 'web' } } }, {}, 'argocd')
  await expect(router.set(ALL_CANDIDATE, 'promote')).rejects.toThrow('.spec.selector belongs to "argocd"')
  expect(await router.read()).toBeUndefined()
  await router.set(ALL_CANDIDATE, 'rollback')
  expect(await router.read()).toEqual(ALL_CANDIDATE)
  await router.set(ALL_STABLE, 'rollback')
  expect(await router.read()).toEqual(ALL_STABLE)
})

test('restore deletes what the candidate brought, and nothing that was there before or is another’s', async () => {
  const brought = scene(0, { first: true })
  await brought.router.restore()
  await brought.router.set(ALL_CANDIDATE, 'promote')
  await brought.router.restore()
  expect(brought.live()).toBeUndefined()
  const had = scene()
  await had.router.set(ALL_CANDIDATE, 'promote')
  await had.router.restore()
  expect(had.live()).toBeDefined()
  const foreign = scene(0, { first: true })
  foreign.cluster.put({ ...foreign.service, metadata: { name: 'web', namespace: 'shop' } })
  await foreign.router.restore()
  expect(foreign.live()).toBeDefined()
})
