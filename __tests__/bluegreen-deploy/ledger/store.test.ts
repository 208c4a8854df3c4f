import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { type Content, type Ledger, LedgerStore, type Operation } from '../../../actions/bluegreen-deploy/ledger/store.ts'
import { GENERATION } from '../../../actions/bluegreen-deploy/writes/writer.ts'
import { ApiError, type Cluster, type KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { Superseded } from '../../../actions/shared/kubernetes/api/lease.ts'
import type { DataObject } from '../../../actions/shared/kubernetes/objects/read.ts'
import { TestClock } from '../../support/clock.ts'
import { type Call, intercept, MemoryCluster } from '../../support/memory-cluster.ts'

const content = (digest: string, value: unknown = digest): Content => ({
  objects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { value } }],
  digest,
  images: ['registry.example/web:v1'],
})

const operation = (revision: number): Operation => ({
  kind: 'deploy',
  phase: 'prepare',
  intent: 'try',
  candidate: { color: 'green', revision },
  stable: { color: 'blue', revision: 1 },
  replaces: null,
  switching: false,
  created: [],
  digests: [],
  started: '2026-01-01T00:00:00.000Z',
  run: 'https://ci.example/1',
  holder: 'run-1',
})

const newCluster = () => new MemoryCluster(new TestClock())
/** A store whose run has this generation. */
async function open(cluster: Cluster, generation = 1): Promise<LedgerStore> {
  const store = await LedgerStore.read(cluster, 'shop', 'web')
  await store.write({ generation })
  return store
}
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
  const first = await LedgerStore.read(cluster, 'shop', 'web')
  expect(first.state).toEqual({
    version: 1,
    release: 'web',
    generation: 0,
    revision: 0,
    active: null,
    warm: null,
    operation: null,
    history: [],
    forgotten: [],
  })
  await first.write({ generation: 3, revision: 2, operation: operation(2) })
  await first.write({ active: { color: 'blue', revision: 1 } })
  const { state } = await LedgerStore.read(cluster, 'shop', 'web')
  expect(state).toEqual(first.state)
  expect(state).toMatchObject({ generation: 3, revision: 2, operation: operation(2), active: { color: 'blue', revision: 1 } })
  expect(stored(cluster)[0]?.metadata).toMatchObject({ name: 'bluegreen-web', labels: { 'devops-actions/release': 'web' } })
  expect((await LedgerStore.read(cluster, 'other', 'web')).state.revision).toBe(0)
})

test('a label that somebody put on it is no obstacle, and stays', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  const [live] = stored(cluster)
  if (live) cluster.put({ ...live, metadata: { ...live.metadata, labels: { ...live.metadata.labels, team: 'shop' } } })
  await store.write({ revision: 7 })
  expect((await LedgerStore.read(cluster, 'shop', 'web')).state.revision).toBe(7)
  expect(stored(cluster)[0]?.metadata.labels).toMatchObject({ team: 'shop' })
})

test('a write whose answer was lost, of the first state or of a later one, is done once', async () => {
  for (const existing of [false, true]) {
    const cluster = newCluster()
    if (existing) await open(cluster)
    const store = await open(losing(cluster, 'ConfigMap'), 2)
    await store.write({ revision: 7 })
    expect((await LedgerStore.read(cluster, 'shop', 'web')).state).toMatchObject({ generation: 2, revision: 7 })
  }
})

test('a run that was taken over writes nothing more; the last word of the run before is read', async () => {
  const cluster = newCluster()
  const old = await open(cluster, 1)
  const next = await LedgerStore.read(cluster, 'shop', 'web')
  await old.write({ operation: operation(4), revision: 4 })
  await next.write({ generation: 2 })
  expect(next.state).toMatchObject({ generation: 2, revision: 4, operation: { intent: 'try' } })
  await expect(old.write({ revision: 5 })).rejects.toThrow(Superseded)
  await expect(old.write({ revision: 5 })).rejects.toThrow(
    'release web was taken over by https://ci.example/1; this run writes nothing more',
  )
  await next.write({ operation: null })
  await expect(old.write({ revision: 5 })).rejects.toThrow('release web was taken over by another run; this run writes nothing more')
  expect((await LedgerStore.read(cluster, 'shop', 'web')).state.revision).toBe(4)
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
  expect((await LedgerStore.read(cluster, 'shop', 'web')).state.revision).toBe(3)
  for (const object of stored(cluster)) cluster.put({ ...object, data: { 'state.json': '{' } })
  await expect(store.write({ revision: 9 })).rejects.toThrow('the ledger ConfigMap/bluegreen-web cannot be read: its state is not JSON')
})

test('content is kept as it was, immutable, and only its own revision', async () => {
  const cluster = newCluster()
  const store = await open(cluster, 3)
  await store.saveContent(2, content('sha256:2', 'ä€𝄞 '.repeat(50_000)))
  expect(await store.loadContent(2)).toEqual(content('sha256:2', 'ä€𝄞 '.repeat(50_000)))
  expect(await store.loadContent(3)).toBeUndefined()
  expect(stored(cluster, 'Secret')[0]).toMatchObject({
    type: 'devops-actions/revision',
    immutable: true,
    metadata: {
      name: 'bluegreen-web-r2',
      labels: { 'devops-actions/release': 'web', 'devops-actions/revision': '2', [GENERATION]: '3' },
    },
  })
})

test('content that is too large is refused before it is sent, with its size', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  const large = content('sha256:1', randomBytes(800_000).toString('base64'))
  await expect(store.saveContent(1, large)).rejects.toThrow(/^manifests: they take 10\d{5} bytes compressed; at most 1000000 can be kept/)
  expect(kept(cluster)).toEqual([])
})

test.each(['@@@ no base64', Buffer.from('no gzip').toString('base64'), ''])(
  'content that is broken (%j) names its Secret',
  async (data) => {
    const cluster = newCluster()
    const store = await open(cluster)
    cluster.put({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bluegreen-web-r2', namespace: 'shop' }, data: { content: data } })
    await expect(store.loadContent(2)).rejects.toThrow(/Secret\/bluegreen-web-r2/)
  },
)

test('content that a dead run left under the number is replaced; the same, or its own without an answer, is as good', async () => {
  const cluster = newCluster()
  await (await open(cluster, 1)).saveContent(2, content('sha256:dead'))
  const next = await open(cluster, 2)
  await next.saveContent(2, content('sha256:new'))
  expect((await next.loadContent(2))?.digest).toBe('sha256:new')
  const { length } = cluster.changes
  await next.saveContent(2, content('sha256:new'))
  expect(cluster.changes).toHaveLength(length)
  const lossy = await open(losing(cluster, 'Secret'), 3)
  await lossy.saveContent(5, content('sha256:5'))
  expect((await lossy.loadContent(5))?.digest).toBe('sha256:5')
})

test('content that a later run keeps is not replaced', async () => {
  const cluster = newCluster()
  const old = await open(cluster, 1)
  await (await open(cluster, 2)).saveContent(2, content('sha256:later'))
  await expect(old.saveContent(2, content('sha256:old'))).rejects.toThrow('Secret/bluegreen-web-r2 was written by a later run')
  expect(kept(cluster)).toEqual(['bluegreen-web-r2'])
})

const entries = (from: number, to: number): Ledger['history'] =>
  Array.from({ length: from - to + 1 }, (_, at) => ({
    revision: from - at,
    color: 'blue',
    outcome: 'released',
    digest: `sha256:${from - at}`,
    images: [],
    digests: [],
    started: '',
    finished: '',
    run: '',
  }))

test('what is done goes into the history; too old contents are forgotten, but for what is still there', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  for (let revision = 1; revision <= 12; revision++) await store.saveContent(revision, content(`sha256:${revision}`))
  await store.write({ history: entries(11, 1), operation: { ...operation(12), reason: 'bad', digests: ['web@sha256:1'] } })
  await store.finish(
    'rolled-back',
    content('sha256:12'),
    { active: { color: 'blue', revision: 1 }, warm: null },
    { at: 'now', run: 'here' },
  )
  const { history, operation: open_, active } = store.state
  expect(history.map(({ revision }) => revision)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 1])
  expect(history[0]).toEqual({
    revision: 12,
    color: 'green',
    outcome: 'rolled-back',
    digest: 'sha256:12',
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
  await store.finish('released', content('sha256:13'), { active: { color: 'green', revision: 13 }, warm: null }, { at: '', run: '' })
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
  for (let revision = 1; revision <= 13; revision++) await dying.saveContent(revision, content(`sha256:${revision}`))
  await dying.write({ revision: 11, history: entries(10, 1), operation: operation(11) })
  const sides = { active: { color: 'green', revision: 11 }, warm: null } as const
  await expect(dying.finish('released', content('sha256:11'), sides, { at: '', run: '' })).rejects.toThrow('killed')
  expect(kept(cluster)).toContain('bluegreen-web-r1')
  const next = await LedgerStore.read(cluster, 'shop', 'web')
  await next.write({ revision: 12, operation: operation(12) })
  await next.finish('failed', content('sha256:12'), sides, { at: '', run: '' })
  expect(kept(cluster)).not.toContain('bluegreen-web-r1')
  expect(kept(cluster)).not.toContain('bluegreen-web-r2')
  await (await LedgerStore.read(cluster, 'shop', 'web')).tidy()
  expect(kept(cluster)).not.toContain('bluegreen-web-r13') // it never began
  expect(kept(cluster)).toHaveLength(10)
})

test('a revision that is finished again takes the place of its entry and keeps its digests', async () => {
  const store = await open(newCluster())
  const [two, one] = entries(2, 1) as [Ledger['history'][0], Ledger['history'][0]]
  await store.write({ history: [{ ...two, digests: ['web@sha256:2'] }, one], operation: operation(2) })
  await store.finish('rolled-back', content('sha256:2'), { active: { color: 'blue', revision: 1 }, warm: null }, { at: '', run: '' })
  expect(store.state.history.map(({ revision, outcome, digests }) => ({ revision, outcome, digests }))).toEqual([
    { revision: 2, outcome: 'rolled-back', digests: ['web@sha256:2'] },
    { revision: 1, outcome: 'released', digests: [] },
  ])
  await expect(store.finish('failed', content(''), { active: null, warm: null }, { at: '', run: '' })).rejects.toThrow(
    'no operation to finish',
  )
})

test('what is stored can be read by people', async () => {
  const cluster = newCluster()
  await open(cluster, 4)
  const [object] = stored(cluster) as [KubeObject & DataObject]
  expect(object.data?.['state.json']).toContain('\n  "generation": 4,\n')
})
