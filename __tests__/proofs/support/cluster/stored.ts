// What a release keeps of itself in the cluster, when somebody else has written it: revisions, ledger, Lease.
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Ledger } from '../../../../actions/bluegreen-deploy/ledger/schema.ts'
import type { KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { type Case, change, read, SECRET, SHOUT, swap, type Table } from './case.ts'

interface Kept {
  objects: (KubeObject & Record<string, unknown>)[]
  digest: string
  images: string[]
}

const pack = (value: unknown): string => packText(JSON.stringify(value))
const packText = (text: string): string => gzipSync(text).toString('base64')

/** What becomes of the content of a Secret: another `data.content`, or other fields of the Secret. */
type Forgery = (content: Kept, packed: string) => string | object

const config = (name: string, more: object = {}): Kept['objects'][number] => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data: { password: SECRET },
})
const adds =
  (...objects: object[]): Forgery =>
  (content) =>
    pack({ ...content, objects: [...content.objects, ...objects] })

const admin = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'hostile' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:anonymous' }],
}

/** @throws when nothing matches: a forgery that changes nothing would be released rightly, whatever the release looks at. */
function replaced(objects: Kept['objects'], what: RegExp, by: string): unknown {
  const text = JSON.stringify(objects)
  const forged = text.replaceAll(what, by)
  if (forged === text) throw new Error(`no ${String(what)} in ${text}`)
  return JSON.parse(forged)
}

const FORGERIES: [name: string, forge: Forgery, short?: boolean][] = [
  ['another image', (content) => pack({ ...content, objects: replaced(content.objects, /backend:[\w.-]+/g, 'backend:evil') }), true],
  ['an object of another namespace', adds(config('foreign', { namespace: 'kube-system' })), true],
  ['a cluster-wide object', adds(admin), true],
  ['an object of its own namespace', adds(config('foreign'))],
  ['a reserved label', adds(config('foreign', { labels: { 'devops-actions/release': 'other' } }))],
  ['a reserved name', adds(config('bluegreen-other'))],
  ['a namespace as a path', adds(config('foreign', { namespace: '../kube-system' }))],
  ['a name as a path', adds(config('../../kube-system/configmaps/foreign'))],
  ['null', () => packText('null'), true],
  ['an empty object', () => packText('{}')],
  ['a list', () => packText('[]')],
  ['no objects', (content) => pack({ ...content, objects: [] })],
  ['an object that is null', (content) => pack({ ...content, objects: [null] })],
  ['a Deployment without anything', (content) => pack({ ...content, objects: [{ kind: 'Deployment' }] }), true],
  ['objects as text', (content) => pack({ ...content, objects: SECRET })],
  ['replicas as text', (content) => pack({ ...content, objects: replaced(content.objects, /"replicas":\d/g, '"replicas":"1e9"') })],
  ['half of its bytes', (_, packed) => Buffer.from(packed, 'base64').subarray(0, 200).toString('base64'), true],
  ['no gzip', () => Buffer.from(`${SECRET}${SHOUT}`).toString('base64')],
  ['a gzip bomb', () => gzipSync(Buffer.alloc(512 * 2 ** 20)).toString('base64'), true],
  ['a million objects', () => packText(`{"objects":[${'{},'.repeat(999_999)}{}],"digest":"","images":[]}`), true],
  [
    'a million objects with names',
    () =>
      packText(
        `{"objects":[${'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}},'.repeat(299_999)}{}],"digest":"","images":[]}`,
      ),
  ],
  ['depth', () => packText(`{"objects":${'['.repeat(200_000)}`)],
  [
    'depth that is closed',
    (content) =>
      packText(
        `{"objects":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"x":${'['.repeat(4_000)}${']'.repeat(4_000)}}],"digest":"${content.digest}","images":[]}`,
      ),
  ],
  [
    'keys of a prototype',
    (content) => packText(JSON.stringify(content).replace('"objects":', '"__proto__":{"polluted":true},"constructor":1,"objects":')),
  ],
  ['numbers that are none', (content) => packText(JSON.stringify(content).replaceAll(/"replicas":\d+/g, '"replicas":1e400'))],
  ['images that shout', (content) => pack({ ...content, images: [SHOUT, SECRET] })],
  ['no data', () => ({ data: {} })],
  ['other data', (_, packed) => ({ data: { Content: packed, content2: packed } })],
  ['empty data', () => ({ data: { content: '' } })],
  ['another type and the same content', () => ({ type: 'Opaque', immutable: false })],
]

/** A second Secret of the release, written by the next run: it is not there yet. */
type How = 'warm' | 'again'

/**
 * `warm`: the way back to a color that is still there has to be found whatever its manifests say. `again`: the manifests would be released
 * anew, which they are not when they are not those of the ledger.
 */
function forged([name, forge, short]: (typeof FORGERIES)[number], how: How): Case {
  return {
    name: `revision, ${how}: ${name}`,
    ...(how === 'again' && { after: 'recover' as const }),
    ...(short && how === 'again' && { short }),
    async run(table) {
      const { stage, before, run, expect, expectOutcome, expectServes } = table
      const { active, warm } = before.ledger ?? {}
      if (!active || !warm) throw new Error('both colors have to be there')
      const versionOf = (revision: number): string | undefined =>
        before.ledger?.history
          .find((entry) => entry.revision === revision)
          ?.images[0]?.split(':')
          .at(-1)
      if (how === 'again') await run({ inputs: { command: 'cleanup' } })
      const secret = await read(stage, 'v1', 'Secret', `bluegreen-backend-r${warm.revision}`)
      const packed = secret.data?.['content'] ?? ''
      const given = forge(JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString('utf8')) as Kept, packed)
      const kept = name.endsWith('the same content') || name === 'keys of a prototype'
      await swap(table, secret, typeof given === 'string' ? { data: { content: given } } : given)
      const result = await run({ inputs: { command: 'rollback', ...(how === 'again' && { revision: String(warm.revision) }) } })
      if (how === 'warm' || kept) {
        if (name === 'keys of a prototype') expectOutcome(result, ['passed', 'error'])
        else expectOutcome(result, 'passed')
        if (result.outputs['outcome'] === 'passed') await expectServes(versionOf(warm.revision))
      } else {
        expectOutcome(result, 'error', new RegExp(`bluegreen-backend-r${warm.revision}|revision:? ${warm.revision}`))
        await expectServes(before.version)
      }
      const wrote = stage.proxy.calls.filter(({ write, path, body }) => write && /foreign|hostile|kube-system|evil/.test(path + body))
      expect(wrote.length === 0, `a forged object was written: ${wrote[0]?.method} ${wrote[0]?.path}`)
    },
  }
}

const LEDGER = { apiVersion: 'v1', kind: 'ConfigMap', name: 'bluegreen-backend' }

type Edit = (ledger: Ledger & Record<string, unknown>) => unknown

const opened = (ledger: Ledger, more: object): object => ({
  ...ledger,
  operation: {
    kind: 'deploy',
    phase: 'bake',
    step: 'bake.watch',
    intent: 'watch',
    split: { stable: 0, candidate: 100 },
    moved: true,
    candidate: ledger.active,
    digest: ledger.history.find(({ revision }) => revision === ledger.active?.revision)?.digest,
    images: [],
    stable: ledger.warm,
    replaces: null,
    created: [],
    digests: [],
    started: 'then',
    run: 'a run',
    holder: 'somebody',
    ...more,
  },
})

/** Ledgers that cannot be read: nothing is done, and the message names the ledger. */
const UNREADABLE: [name: string, text: string | Edit, short?: boolean][] = [
  ['version 1', (ledger) => ({ ...ledger, version: 1 }), true],
  ['a newer version', (ledger) => ({ ...ledger, version: 99 })],
  ['a version as text', (ledger) => ({ ...ledger, version: '2' })],
  ['no JSON', `{"version": 2, ${SECRET}${SHOUT}`, true],
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['a number', '2'],
  ['depth', '['.repeat(100_000)],
  ['a generation below zero', (ledger) => ({ ...ledger, generation: -1 })],
  ['a huge generation', (ledger) => ({ ...ledger, generation: 1e308 }), true],
  ['a revision as text', (ledger) => ({ ...ledger, revision: '7' })],
  ['an unknown field', (ledger) => ({ ...ledger, [`x${SHOUT}`]: 1 })],
  ['another release', (ledger) => ({ ...ledger, release: 'other' }), true],
  ['a color that there is not', (ledger) => ({ ...ledger, active: { color: 'purple', revision: 1 } })],
  ['half a history', (ledger) => ({ ...ledger, history: [{ revision: 1 }] })],
  ['a history that is a million long', (ledger) => ({ ...ledger, history: Array.from({ length: 100_000 }, () => 1) })],
  ['a split that does not sum up', (ledger) => opened(ledger, { split: { stable: 60, candidate: 60 } })],
  ['a phase of an older version', (ledger) => opened(ledger, { phase: 'switch' }), true],
]

const textOf = (ledger: Ledger, edit: string | Edit): string =>
  typeof edit === 'string' ? edit : JSON.stringify(edit(structuredClone(ledger) as never))

async function edit(table: Table, text: string): Promise<void> {
  const live = await read(table.stage, 'v1', 'ConfigMap', LEDGER.name)
  await change(table, LEDGER, { data: { 'state.json': text } }, { data: { 'state.json': live.data?.['state.json'] } })
}

const unreadable = ([name, text, short]: (typeof UNREADABLE)[number], at: number): Case => ({
  name: `ledger: ${name}`,
  forges: true,
  after: 'recover',
  ...(short && { short }),
  async run(table) {
    const { stage, before, run, expect, expectOutcome } = table
    if (!before.ledger) throw new Error('there is no ledger')
    await edit(table, textOf(before.ledger, text))
    stage.proxy.calls.length = 0
    const commands = ['deploy', 'recover', 'rollback', 'status', 'cleanup']
    for (const command of [commands[at % 5] ?? 'deploy', commands[(at + 2) % 5] ?? 'deploy']) {
      const result = await run({ ...(command === 'deploy' && { version: await stage.other() }), inputs: { command } })
      expectOutcome(result, 'error', /ledger ConfigMap\/bluegreen-backend/)
    }
    const wrote = stage.proxy.calls.filter(({ write }) => write)
    expect(wrote.length === 0, `something was written: ${wrote[0]?.method} ${wrote[0]?.path}`)
  },
})

/** Ledgers that can be read and lie: recover leaves nothing open, and takes nothing that is not the release's. */
const LIES: [name: string, edit: Edit, short?: boolean][] = [
  [
    'a candidate that was released long ago',
    (ledger) => opened(ledger, { candidate: ledger.warm, stable: ledger.active, phase: 'prepare', moved: false }),
  ],
  [
    'objects of others that it has created',
    (ledger) => opened(ledger, { phase: 'rollback', created: ['v1 ConfigMap/foreign', 'v1 Secret/foreign', 'v1 Namespace/kube-system'] }),
    true,
  ],
  ['a digest that is not of its manifests', (ledger) => opened(ledger, { digest: `sha256:${'0'.repeat(64)}` })],
  ['a retire of what serves', (ledger) => opened(ledger, { phase: 'retire', candidate: ledger.warm, stable: ledger.active })],
  ['both sides of one color', (ledger) => opened(ledger, { stable: ledger.active })],
  ['words that shout', (ledger) => opened(ledger, { intent: SHOUT, run: SHOUT, holder: SHOUT, reason: SHOUT, step: SHOUT }), true],
  ['nothing active', (ledger) => ({ ...ledger, active: null, warm: null })],
  ['the colors the other way round', (ledger) => ({ ...ledger, active: ledger.warm, warm: ledger.active }), true],
  [
    'revisions that never were',
    (ledger) => ({ ...ledger, active: { ...ledger.active, revision: 77 }, warm: { ...ledger.warm, revision: 78 } }),
  ],
  ['a generation near the end of numbers', (ledger) => ({ ...ledger, generation: 1e9 })],
  ['a revision near the end of numbers', (ledger) => ({ ...ledger, revision: 1e9 })],
]

const lying = ([name, lie, short]: (typeof LIES)[number]): Case => ({
  name: `ledger that lies: ${name}`,
  forges: true,
  ...(short && { short }),
  async run({ stage, before, run, expect }) {
    const { kube } = stage.world
    const { namespace } = stage
    const foreign = ['ConfigMap', 'Secret'].map((kind) => ({ apiVersion: 'v1', kind, metadata: { name: 'foreign', namespace } }))
    for (const object of foreign) await kube.create(object)
    if (!before.ledger) throw new Error('there is no ledger')
    const truth = await read(stage, 'v1', 'ConfigMap', LEDGER.name)
    const write = (text: string | undefined) => kube.patch({ ...LEDGER, namespace }, { data: { 'state.json': text } })
    await write(textOf(before.ledger, lie))
    stage.proxy.calls.length = 0
    const recover = await run({ inputs: { command: 'recover' } })
    const next = await run({ version: await stage.other() })
    for (const { outputs } of [recover, next])
      expect(['passed', 'error'].includes(outputs['outcome'] ?? ''), `it ended ${outputs['outcome']}`)
    for (const { kind, metadata } of foreign) {
      const ref = { apiVersion: 'v1', kind, namespace, name: metadata.name }
      expect((await kube.get(ref)) !== undefined, `${kind}/foreign was deleted`)
      await kube.delete(ref)
    }
    // What the release has made of it is its ledger now; else the truth is put back, as from a backup.
    if (next.outputs['outcome'] !== 'passed') await write(truth.data?.['state.json'])
  },
})

const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', name: 'bluegreen-backend' }

/** Leases that no run of ours has left. `waits`: somebody seems to hold it, and it does not end before the lock-timeout. */
const LEASES: [name: string, spec: object, ends: 'passed' | 'error' | 'any', metadata?: object, short?: boolean][] = [
  ['held for 68 years', { holderIdentity: 'x', leaseDurationSeconds: 2147483647 }, 'error', {}, true],
  [
    'held for a day by words that shout',
    { holderIdentity: SHOUT, leaseDurationSeconds: 86_400 },
    'error',
    { annotations: { 'devops-actions/run-url': SHOUT } },
  ],
  ['held by a name of 1 MB', { holderIdentity: 'x'.repeat(900_000), leaseDurationSeconds: 3600 }, 'error'],
  ['free, for 68 years', { holderIdentity: '', leaseDurationSeconds: 2147483647 }, 'passed'],
  ['free, transitions at the end of numbers', { holderIdentity: '', leaseTransitions: 2147483647 }, 'any', {}, true],
  ['free, a billion transitions', { holderIdentity: '', leaseTransitions: 1_000_000_000 }, 'any'],
  ['free, renewed in the far future', { holderIdentity: '', renewTime: '9999-12-31T23:59:59.000000Z' }, 'passed', {}, true],
  [
    'of a dead run, renewed in the far future',
    { holderIdentity: 'x', leaseDurationSeconds: 3, renewTime: '9999-12-31T23:59:59.000000Z' },
    'passed',
  ],
  [
    'without anything',
    { holderIdentity: null, leaseDurationSeconds: null, acquireTime: null, renewTime: null, leaseTransitions: null },
    'passed',
  ],
  ['of another release', { holderIdentity: '' }, 'any', { labels: { 'devops-actions/release': 'other' } }],
]

const leased = ([name, spec, ends, metadata = {}, short]: (typeof LEASES)[number]): Case => ({
  name: `lease: ${name}`,
  ...(short && { short }),
  longest: 45_000,
  after: 'recover',
  async run(table) {
    const { stage, before, run, expectOutcome, expectServes } = table
    const { kube } = stage.world
    await kube.patch({ ...LEASE, namespace: stage.namespace }, { spec, metadata })
    // A Lease is nothing but a lock: who finds it broken deletes it.
    table.heal(() => kube.delete({ ...LEASE, namespace: stage.namespace }))
    const version = await stage.other()
    const result = await run({ version })
    expectOutcome(result, ends === 'any' ? ['passed', 'error'] : ends, ends === 'error' ? /bluegreen-backend|Lease/ : undefined)
    await expectServes(result.outputs['outcome'] === 'passed' ? version : before.version)
  },
})

export const storedCases: Case[] = [
  ...FORGERIES.flatMap((one) => [forged(one, 'again'), forged(one, 'warm')]),
  ...UNREADABLE.map(unreadable),
  ...LIES.map(lying),
  ...LEASES.map(leased),
]
