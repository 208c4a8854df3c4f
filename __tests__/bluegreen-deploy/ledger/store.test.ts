import { expect, test } from '@jest/globals'
import { emptyLedger, type HistoryEntry } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import { ApiError, type Cluster, type KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { Superseded } from '../../../actions/shared/kubernetes/api/lease.ts'
import type { DataObject } from '../../../actions/shared/kubernetes/objects/read.ts'
import { TestClock } from '../../support/clock.ts'
import { type Call, intercept, MemoryCluster } from '../../support/memory-cluster.ts'
import { content, entries, open, operation, read } from './kept.ts'

const newCluster = () => new MemoryCluster(new TestClock())
const stored = (cluster: MemoryCluster, kind = 'ConfigMap') => cluster.all<DataObject>(kind)
const kept = (cluster: MemoryCluster) => stored(cluster, 'Secret').map(({ metadata }) => metadata.name)

/** The answer to the first write of this kind is lost: what comes back is the conflict of its repetition. */
const losing = (cluster: MemoryCluster, kind: string): Cluster => {
  let lost = false
  const after = (call: Call) => {
    if (!call.write || call.kind !== kind || lost) return
    lost = true
    throw new ApiError(call.verb, call.name, 409, { message: 'already exists' })
  }
  return intercept(cluster, { after })
}

test('what one run writes, the next one reads', async () => {
  const cluster = newCluster()
  const first = await read(cluster)
  expect(first.state).toEqual(emptyLedger('web'))
  await first.write({ generation: 3, revision: 2, operation: operation(2) })
  await first.write({ active: { color: 'blue', revision: 1 } })
  const { state } = await read(cluster)
  expect(state).toEqual(first.state)
  expect(state).toMatchObject({ generation: 3, revision: 2, operation: operation(2), active: { color: 'blue', revision: 1 } })
  expect(stored(cluster)[0]?.metadata).toMatchObject({ name: 'bluegreen-web', labels: { 'devops-actions/release': 'web' } })
  expect((await read(cluster, { namespace: 'other' })).state.revision).toBe(0)
})

test('a label that somebody put on it is no obstacle, and stays', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  const [live] = stored(cluster)
  if (live) cluster.put({ ...live, metadata: { ...live.metadata, labels: { ...live.metadata.labels, team: 'shop' } } })
  await store.write({ revision: 7 })
  expect((await read(cluster)).state.revision).toBe(7)
  expect(stored(cluster)[0]?.metadata.labels).toMatchObject({ team: 'shop' })
})

test('a write whose answer was lost, of the first state or of a later one, is done once', async () => {
  for (const existing of [false, true]) {
    const cluster = newCluster()
    if (existing) await open(cluster)
    const store = await open(losing(cluster, 'ConfigMap'), 2)
    await store.write({ revision: 7 })
    expect((await read(cluster)).state).toMatchObject({ generation: 2, revision: 7 })
  }
})

test('a run that was taken over writes nothing more; the last word of the run before is read', async () => {
  const cluster = newCluster()
  const old = await open(cluster, 1)
  const next = await read(cluster)
  await old.write({ operation: operation(4), revision: 4 })
  await next.write({ generation: 2 })
  expect(next.state).toMatchObject({ generation: 2, revision: 4, operation: { intent: 'try' } })
  await expect(old.write({ revision: 5 })).rejects.toThrow(Superseded)
  await expect(old.write({ revision: 5 })).rejects.toThrow(
    'release web was taken over by https://ci.example/1; this run writes nothing more',
  )
  await next.write({ operation: null })
  await expect(old.write({ revision: 5 })).rejects.toThrow('release web was taken over by another run; this run writes nothing more')
  expect((await read(cluster)).state.revision).toBe(4)
})

test('a ledger that was deleted meanwhile is written again; one that was broken is not', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  for (const object of stored(cluster)) cluster.drop(object)
  // As the API server does: an update of what is gone, with its uid, is a conflict.
  const gone = (call: Call) => {
    if (call.verb === 'replace' && stored(cluster).length === 0) throw new ApiError('update', call.name, 409, { message: 'uid mismatch' })
  }
  const other = await open(intercept(cluster, { before: gone }))
  for (const object of stored(cluster)) cluster.drop(object)
  await other.write({ revision: 3 })
  expect((await read(cluster)).state.revision).toBe(3)
  for (const object of stored(cluster)) cluster.put({ ...object, data: { 'state.json': '{' } })
  await expect(store.write({ revision: 9 })).rejects.toThrow('the ledger ConfigMap/bluegreen-web cannot be read: its state is not JSON')
})

test('content that a dead run left under the number is replaced; the same, or its own without an answer, is as good', async () => {
  const cluster = newCluster()
  await (await open(cluster, 1)).saveContent(2, content('dead'))
  const next = await open(cluster, 2)
  await next.saveContent(2, content('new'))
  expect((await next.loadContent(2))?.digest).toBe(content('new').digest)
  const { length } = cluster.changes
  await next.saveContent(2, content('new'))
  expect(cluster.changes).toHaveLength(length)
  const lossy = await open(losing(cluster, 'Secret'), 3)
  await lossy.saveContent(5, content('5'))
  await lossy.write({ operation: operation(5) })
  expect((await lossy.loadContent(5))?.digest).toBe(content('5').digest)
})

test('content that a later run keeps is not replaced', async () => {
  const cluster = newCluster()
  const old = await open(cluster, 1)
  await (await open(cluster, 2)).saveContent(2, content('later'))
  await expect(old.saveContent(2, content('old'))).rejects.toThrow('Secret/bluegreen-web-r2 was written by a later run')
  expect(kept(cluster)).toEqual(['bluegreen-web-r2'])
})

test('what is done goes into the history; too old contents are forgotten, but for what is still there', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  for (let revision = 1; revision <= 12; revision++) await store.saveContent(revision, content(String(revision)))
  await store.write({ history: entries(11, 1), operation: { ...operation(12), reason: 'bad', digests: ['web@sha256:1'] } })
  await store.finish('rolled-back', { active: { color: 'blue', revision: 1 }, warm: null }, { at: 'now', run: 'here' })
  const { history, operation: open_, active } = store.state
  expect(history.map(({ revision }) => revision)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 1])
  expect(history[0]).toEqual({
    revision: 12,
    color: 'green',
    outcome: 'rolled-back',
    digest: content('12').digest,
    images: ['registry.example/web:v1'],
    digests: ['web@sha256:1'],
    started: '2026-01-01T00:00:00.000Z',
    finished: 'now',
    run: 'here',
    reason: 'bad',
  })
  expect([open_, active]).toEqual([null, { color: 'blue', revision: 1 }])
  // 1 still serves, 2 is nowhere any more
  expect(kept(cluster)).toHaveLength(11)
  expect(kept(cluster)).not.toContain('bluegreen-web-r2')
  // Once it serves no more, 1 is forgotten too.
  await store.write({ revision: 13, operation: operation(13) })
  await store.finish('released', { active: { color: 'green', revision: 13 }, warm: null }, { at: '', run: '' })
  expect(kept(cluster)).not.toContain('bluegreen-web-r1')
})

test('a content that was to be forgotten when its run died is forgotten by the next end, or by tidying', async () => {
  const cluster = newCluster()
  const deletesNothing = intercept(cluster, {
    before: ({ verb }) => {
      if (verb === 'delete') throw new Error('killed')
    },
  })
  const dying = await open(deletesNothing)
  for (let revision = 1; revision <= 13; revision++) await dying.saveContent(revision, content(String(revision)))
  await dying.write({ revision: 11, history: entries(10, 1), operation: operation(11) })
  const sides = { active: { color: 'green', revision: 11 }, warm: null } as const
  await expect(dying.finish('released', sides, { at: '', run: '' })).rejects.toThrow('killed')
  expect(kept(cluster)).toContain('bluegreen-web-r1')
  const next = await read(cluster)
  await next.write({ revision: 12, operation: operation(12) })
  await next.finish('failed', sides, { at: '', run: '' })
  expect(kept(cluster)).not.toContain('bluegreen-web-r1')
  expect(kept(cluster)).not.toContain('bluegreen-web-r2')
  await (await read(cluster)).tidy()
  expect(kept(cluster)).not.toContain('bluegreen-web-r13') // it never began
  expect(kept(cluster)).toHaveLength(10)
})

test('a revision that is finished again takes the place of its entry and keeps its digests', async () => {
  const store = await open(newCluster())
  const [two, one] = entries(2, 1) as [HistoryEntry, HistoryEntry]
  await store.write({ history: [{ ...two, digests: ['web@sha256:2'] }, one], operation: operation(2) })
  await store.finish('rolled-back', { active: { color: 'blue', revision: 1 }, warm: null }, { at: '', run: '' })
  expect(store.state.history.map(({ revision, outcome, digests }) => ({ revision, outcome, digests }))).toEqual([
    { revision: 2, outcome: 'rolled-back', digests: ['web@sha256:2'] },
    { revision: 1, outcome: 'released', digests: [] },
  ])
  await expect(store.finish('failed', { active: null, warm: null }, { at: '', run: '' })).rejects.toThrow('no operation to finish')
})

test('what is stored can be read by people', async () => {
  const cluster = newCluster()
  await open(cluster, 4)
  const [object] = stored(cluster) as [KubeObject & DataObject]
  expect(object.data?.['state.json']).toContain('\n  "generation": 4,\n')
})

test('what others have said is stored without secrets: intents and reasons, also those of the history', async () => {
  const cluster = newCluster()
  const store = await open(cluster, 1, { redact: (text) => text.replaceAll('hunter2', '***') })
  await store.write({ operation: { ...operation(2), intent: 'try hunter2', reason: 'the pod said hunter2' } })
  expect(JSON.stringify(stored(cluster))).not.toContain('hunter2')
  expect(store.state.operation).toMatchObject({ intent: 'try ***', reason: 'the pod said ***' })
  const [one] = entries(1, 1) as [HistoryEntry]
  await store.write({ history: [{ ...one, reason: 'hunter2 again' }], operation: { ...operation(3), reason: 'hunter2' } })
  await store.finish('failed', { active: null, warm: null }, { at: '', run: '' })
  expect(store.state.history.map(({ reason }) => reason)).toEqual(['***', '*** again'])
  expect(JSON.stringify(stored(cluster))).not.toContain('hunter2')
})

test.each([
  ['refused', 403, 1],
  ['in conflict without end', 409, 20],
])('a write that is %s is an error, and no state that this run goes on with', async (_, status, most) => {
  const cluster = newCluster()
  await open(cluster)
  let writes = 0
  const before = (call: Call) => {
    if (call.write && ++writes <= most) throw new ApiError('update', call.name, status, { message: 'no' })
  }
  const store = await read(intercept(cluster, { before }))
  await expect(store.write({ revision: 7 })).rejects.toMatchObject({ status })
  expect([writes, store.state.revision, (await read(cluster)).state.revision]).toEqual([most, 0, 0])
})
