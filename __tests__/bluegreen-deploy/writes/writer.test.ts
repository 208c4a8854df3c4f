import { expect, test } from '@jest/globals'
import { GENERATION } from '../../../actions/bluegreen-deploy/release/names.ts'
import { FieldConflict, fieldConflict, Writer } from '../../../actions/bluegreen-deploy/writes/writer.ts'
import { ApiError, type KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { Superseded } from '../../../actions/shared/kubernetes/api/lease.ts'
import { TestClock } from '../../support/clock.ts'
import { type Call, intercept, MemoryCluster } from '../../support/memory-cluster.ts'

const REF = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' }
const service = (spec: object = { selector: { color: 'blue' } }, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  spec,
})

/** A writer of release `web` under generation 5; `before` each of its writes something may happen to the cluster. */
function scene() {
  const cluster = new MemoryCluster(new TestClock())
  cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }) // no cluster is so empty that an object has version 1
  const writes: string[] = []
  let lost: Error | undefined
  let between: (() => void) | undefined
  const before = ({ write, verb }: Call) => {
    if (!write) return
    writes.push(verb)
    const once = between
    between = undefined
    once?.()
  }
  const lease = {
    generation: 5,
    assertHeld: async () => {
      if (lost) throw lost
    },
  }
  return {
    cluster,
    writes,
    writer: new Writer(intercept(cluster, { before }), lease, 'web'),
    loseLease: () => {
      lost = new Superseded('the lease is lost')
    },
    betweenReadAndWrite: (act: () => void) => {
      between = act
    },
    live: () => cluster.all('Service')[0],
  }
}

const generation = (object: KubeObject | undefined) => object?.metadata.annotations?.[GENERATION]

test('what is written carries the generation, and leaves what others wrote', async () => {
  const { cluster, writer, live } = scene()
  await cluster.apply(service({ externalTrafficPolicy: 'Local' }, { annotations: { team: 'shop' } }), {}, 'terraform')
  await writer.apply(service(undefined, { annotations: { own: 'yes' } }))
  expect(live()).toMatchObject({
    metadata: { annotations: { team: 'shop', own: 'yes', [GENERATION]: '5' } },
    spec: { selector: { color: 'blue' }, externalTrafficPolicy: 'Local' },
  })
})

test('what changed between reading and writing is read again, whether it came, changed or went', async () => {
  const { cluster, writer, writes, betweenReadAndWrite, live } = scene()
  const somebody = (value: number) => cluster.put(service({ selector: { color: 'blue' }, value }))
  betweenReadAndWrite(() => somebody(1))
  await writer.apply(service(undefined, { labels: { first: 'yes' } }))
  betweenReadAndWrite(() => somebody(2))
  await writer.apply(service(undefined, { labels: { second: 'yes' } }))
  betweenReadAndWrite(() => cluster.drop(service()))
  await writer.apply(service(undefined, { labels: { third: 'yes' } }))
  expect(live()?.metadata.labels).toEqual({ third: 'yes' })
  expect(writes).toHaveLength(5)
})

test('an object that changes without end is given up', async () => {
  const { cluster, writer, writes, betweenReadAndWrite } = scene()
  let value = 0
  const again = () => {
    cluster.put(service({ value: value++ }))
    betweenReadAndWrite(again)
  }
  again()
  await expect(writer.apply(service())).rejects.toMatchObject({ status: 409 })
  expect(writes).toHaveLength(20)
})

const ways: [string, (writer: Writer) => Promise<unknown>][] = [
  ['apply', (writer) => writer.apply(service())],
  ['apply by force', (writer) => writer.apply(service(), { force: true })],
  ['delete', (writer) => writer.delete(REF)],
  ['delete its own', (writer) => writer.deleteOwn(REF)],
  ['fence', (writer) => writer.fence(REF)],
]
test.each(ways)('%s: nothing over what a later run wrote, nothing without the lease', async (_, write) => {
  const { cluster, writer, writes } = scene()
  cluster.put(service(undefined, { annotations: { [GENERATION]: '6' } }))
  await expect(write(writer)).rejects.toThrow(Superseded)
  await expect(write(writer)).rejects.toThrow(
    'Service/web was written by a later run (generation 6, ours is 5); this run writes nothing more',
  )
  expect(writes).toEqual([])
  const other = scene()
  other.cluster.put(service(undefined, { annotations: { [GENERATION]: '5' } }))
  other.loseLease()
  await expect(write(other.writer)).rejects.toThrow('the lease is lost')
  expect(other.writes).toEqual([])
})

test('a later run that writes between reading and writing is not written over', async () => {
  const { cluster, writer, betweenReadAndWrite, live } = scene()
  cluster.put(service({ selector: { color: 'blue' } }))
  betweenReadAndWrite(() => cluster.put(service({ selector: { color: 'green' } }, { annotations: { [GENERATION]: '6' } })))
  await expect(writer.apply(service(), { force: true })).rejects.toThrow(Superseded)
  expect(live()?.spec).toEqual({ selector: { color: 'green' } })
})

test('create leaves what is there', async () => {
  const { writer, writes, live } = scene()
  await writer.create(service({ value: 1 }))
  await writer.create(service({ value: 2 }))
  expect([live()?.spec, writes]).toEqual([{ value: 1 }, ['apply']])
})

test.each([
  [{}, 'Service/web is in the way: it was not made by a release; rename it or delete it, then try again'],
  [{ 'devops-actions/release': 'api' }, 'Service/web is in the way: it belongs to release api; rename it or delete it, then try again'],
])(
  'what is not the release’s own (labels %j) is neither taken nor deleted, and a way back does not fail on it',
  async (labels, message) => {
    const { cluster, writer, writes } = scene()
    cluster.put(service({ value: 1 }, { labels }))
    await expect(writer.apply(service(), { own: true })).rejects.toThrow(message)
    await writer.deleteOwn(REF)
    expect([writes, cluster.all('Service').length]).toEqual([[], 1])
  },
)

test('own objects are taken back from those who changed them', async () => {
  const { cluster, writer, live } = scene()
  const own = service({ value: 1 }, { labels: { 'devops-actions/release': 'web' } })
  await writer.apply(own, { own: true })
  await cluster.apply(service({ value: 2 }), { force: true }, 'argocd')
  await writer.apply(own, { own: true })
  expect(live()?.spec).toEqual({ value: 1 })
  await writer.deleteOwn(REF)
  expect(live()).toBeUndefined()
  await writer.deleteOwn(REF)
})

test('what is on its way out is not deleted again', async () => {
  const { cluster, writer, writes } = scene()
  cluster.put(service({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }))
  await writer.delete(REF)
  expect(writes).toEqual([])
})

test.each([true, false])('what a later run wrote while it was looked at is not deleted (made anew: %j)', async (anew) => {
  const { cluster, writer, betweenReadAndWrite, live } = scene()
  cluster.put(service())
  betweenReadAndWrite(() => {
    if (anew) cluster.drop(service())
    cluster.put(service({}, { annotations: { [GENERATION]: '6' } }))
  })
  await expect(writer.delete(REF)).rejects.toThrow(Superseded)
  expect(live()).toBeDefined()
})

test('a pod is deleted with its grace, another of its name is not', async () => {
  const { cluster, writer, loseLease } = scene()
  const pod = cluster.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop' } })
  await writer.deletePod({ ...pod, metadata: { ...pod.metadata, uid: 'another' } }, 2)
  expect(cluster.all('Pod')[0]?.metadata.deletionTimestamp).toBeUndefined()
  await writer.deletePod(pod, 2)
  expect(cluster.all('Pod')[0]?.metadata).toMatchObject({ deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 2 })
  loseLease()
  await expect(writer.deletePod(pod, 0)).rejects.toThrow('the lease is lost')
})

test('a fence makes what a superseded run has read no longer current', async () => {
  const { cluster, writer, writes, live } = scene()
  await writer.fence(REF)
  expect(writes).toEqual([])
  cluster.put(service({ value: 1 }, { annotations: { [GENERATION]: '4' } }))
  const version = live()?.metadata.resourceVersion
  await writer.fence(REF)
  expect([generation(live()), live()?.metadata.resourceVersion === version]).toEqual(['5', false])
})

test('what is gone before the fence is up needs none', async () => {
  const { cluster, writer, betweenReadAndWrite, live } = scene()
  const old = cluster.put(service({ value: 1 }))
  betweenReadAndWrite(() => cluster.drop(old))
  await writer.fence(REF)
  expect(live()).toBeUndefined()
})

const refusal = (...causes: [manager: string, field: string][]) =>
  new ApiError('apply', 'Service/web', 409, {
    message: 'Apply failed',
    details: {
      causes: causes.map(([manager, field]) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager} using v1`, field })),
    },
  })

test.each<[string, unknown, unknown]>([
  [
    'another',
    refusal(['"argocd"', '.spec.selector'], ['"helm"', '.spec.ports']),
    /\.spec\.selector belongs to "argocd"; \.spec\.ports belongs to "helm"\. Take .+ --field-manager=devops-actions -f FILE$/,
  ],
  ['another beside ourselves', refusal(['"devops-actions"', '.a'], ['"helm"', '.b']), /manager: \.b belongs to "helm"\. /],
  ['nobody that is named', refusal(['somebody', '.a']), /\.a belongs to "\?"/],
  ['ourselves by another way', refusal(['"devops-actions"', '.spec.selector']), 'ours'],
  ['a person who switched by hand', refusal(['"kubectl-patch"', '.spec.selector']), 'ours'],
  ['a person who edited something else', refusal(['"kubectl-edit"', '.spec.ports']), /belongs to "kubectl-edit"/],
  ['nobody: the object changed', new ApiError('apply', 'x', 409, { message: 'modified' }), undefined],
  ['nobody: it is invalid', new ApiError('apply', 'x', 422, { details: { causes: [{ reason: 'FieldManagerConflict' }] } }), undefined],
  ['nobody: it is no answer', new Error('x'), undefined],
])('a refused write is a conflict with %s', (_, error, expected) => {
  const found = fieldConflict(error, service())
  if (!(expected instanceof RegExp)) return expect(found).toBe(expected)
  expect(found).toBeInstanceOf(FieldConflict)
  expect((found as FieldConflict).message).toMatch(expected)
  expect((found as FieldConflict).cause).toBe(error)
})

test('a Service that was switched by hand is taken over, one of another manager is not', async () => {
  const { cluster, writer, live } = scene()
  await writer.apply(service())
  await cluster.patch(REF, { spec: { selector: { color: 'green' } } }, 'kubectl-patch')
  await writer.apply(service())
  expect(live()?.spec).toEqual({ selector: { color: 'blue' } })
  await cluster.apply(service({ selector: { color: 'green' } }), { force: true }, 'argocd')
  await expect(writer.apply(service())).rejects.toThrow(FieldConflict)
})

test('what is made while an own object is deleted, by somebody else, stays', async () => {
  const { cluster, writer, betweenReadAndWrite, live } = scene()
  cluster.put(service({}, { labels: { 'devops-actions/release': 'web' } }))
  betweenReadAndWrite(() => {
    cluster.drop(service())
    cluster.put(service({ value: 1 }))
  })
  await writer.deleteOwn(REF)
  expect(live()?.spec).toEqual({ value: 1 })
})

test('an annotation that somebody has put in the place of the generation is passed over', async () => {
  const { cluster, writer, live } = scene()
  for (const text of ['x', '', '1e999', 'NaN']) {
    cluster.put(service({}, { annotations: { [GENERATION]: text } }))
    await writer.apply(service())
    expect(generation(live())).toBe('5')
    cluster.drop(service())
  }
})

test('an error of the way says where the superseding annotation is, and how to take it off', async () => {
  const { cluster, writer } = scene()
  cluster.put(service({}, { annotations: { [GENERATION]: '999' } }))
  await expect(writer.apply(service())).rejects.toThrow(`When no other run is at work, take its annotation ${GENERATION} off`)
})

test.each<[string, (writer: Writer) => Promise<unknown>, { code: string }]>([
  ['foreign-object', (writer) => writer.apply(service(), { own: true }), { code: 'foreign-object' }],
  ['field-conflict', (writer) => writer.apply(service({ value: 2 })), { code: 'field-conflict' }],
])('an error that a user acts on has the code %s', async (_, write, expected) => {
  const { cluster, writer } = scene()
  await cluster.apply(service({ value: 1 }), {}, 'argocd')
  await expect(write(writer)).rejects.toMatchObject(expected)
})
