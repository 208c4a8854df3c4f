// What is stored of a revision is checked as manifests are: whoever may write Secrets does not decide what a rollback writes.
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@jest/globals'
import { ContentError, keeps, packContent, unpackContent } from '../../../actions/bluegreen-deploy/ledger/content.ts'
import { digestOf } from '../../../actions/bluegreen-deploy/release/content.ts'
import { GENERATION } from '../../../actions/bluegreen-deploy/release/names.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject } from '../../../actions/shared/kubernetes/objects/read.ts'
import { TestClock } from '../../support/clock.ts'
import { MemoryCluster } from '../../support/memory-cluster.ts'
import { content, entries, open, operation, read } from './kept.ts'

const newCluster = () => new MemoryCluster(new TestClock())
const secret = (data: unknown): DataObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'bluegreen-web-r2', namespace: 'shop' },
  data: { content: data as string },
})
const packed = (value: unknown): string => gzipSync(JSON.stringify(value)).toString('base64')
const EXPECTED = { revision: 2, namespace: 'shop', digest: content('2').digest }
const ADVICE = 'restore it from a backup, or release what is wanted anew with deploy'

test('content is kept as it was, immutable, and only its own revision', async () => {
  const cluster = newCluster()
  const store = await open(cluster, 3)
  const long = content('ä€𝄞 '.repeat(50_000))
  await store.saveContent(2, long)
  await store.write({ operation: operation(2, long) })
  expect(await store.loadContent(2)).toEqual(long)
  expect(await (await read(cluster)).loadContent(2)).toEqual(long)
  expect(await store.loadContent(3)).toBeUndefined()
  expect(cluster.all('Secret')[0]).toMatchObject({
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
  const large = content(randomBytes(800_000).toString('base64'))
  await expect(store.saveContent(1, large)).rejects.toThrow(/^manifests: they take 10\d{5} bytes compressed; at most 1000000 can be kept/)
  expect(() => packContent(large)).toThrow('release them in parts')
  expect(cluster.all('Secret')).toEqual([])
})

const map = (name: string, more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more })
const of = (objects: unknown, more: object = {}) => packed({ objects, digest: 'sha256:x', images: [], ...more })

test.each<[string, unknown, RegExp]>([
  ['nothing', undefined, /it has no content/],
  ['a number', 5, /it has no content/],
  ['an empty text', '', /./],
  ['no base64', '@@@ no base64', /./],
  ['no gzip', Buffer.from('no gzip').toString('base64'), /incorrect header check/],
  ['half a gzip', packContent(content('2')).slice(0, 40), /./],
  ['no JSON', gzipSync('{').toString('base64'), /JSON/],
  ['an empty map', packed({}), /expected array.*→ at objects.*→ at digest.*→ at images/],
  ['null', packed(null), /expected object, received null/],
  ['a list', packed([]), /expected object, received array/],
  ['objects that are none', of('text'), /expected array, received string.*→ at objects/],
  ['no objects', of([]), />=1 items.*→ at objects/],
  ['too many objects', of(Array.from({ length: 2_001 }, () => null)), /<=2000 items.*→ at objects/],
  ['images of another kind', of([map('a')], { images: [5] }), /expected string, received number.*→ at images/],
  [
    'images of others',
    of([map('a')], { images: ['registry.example/evil:v1'] }),
    /: it names images that its Deployments do not have; restore/,
  ],
  [
    'lists without end',
    gzipSync(`{"objects":${'['.repeat(300)}${']'.repeat(300)}}`).toString('base64'),
    /: it is nested deeper than 200 levels; restore/,
  ],
  ['a field that nobody knows', of([map('a')], { run: 'rm' }), /Unrecognized key: "run"/],
  ['an object that is null', of([null]), /object 1: is a object, not a Kubernetes object/],
  ['an object that is a text', of([map('a'), 'b']), /object 2: is a string, not a Kubernetes object/],
  ['an object without a kind', of([{ apiVersion: 'v1', metadata: { name: 'a' } }]), /kind is missing/],
  ['an object of another path', of([map('../../secrets/x')]), /metadata\.name of the ConfigMap is/],
  ['an apiVersion of another path', of([{ ...map('a'), apiVersion: '../v1' }]), /apiVersion is "\.\.\/v1"/],
  [
    'labels of the release',
    of([map('a', { metadata: { name: 'a', labels: { 'devops-actions/release': 'api' } } })]),
    /is for what a release makes/,
  ],
  ['more than a runner can hold', gzipSync(Buffer.alloc(65 * 2 ** 20, 32)).toString('base64'), /larger than/],
])('a Secret with %s is refused by its name, with what to do', (_, data, says) => {
  const unpack = () => unpackContent(secret(data), EXPECTED)
  expect(unpack).toThrow(ContentError)
  expect(unpack).toThrow(says)
  expect(unpack).toThrow(/^Secret\/bluegreen-web-r2 does not hold the manifests of revision 2: /)
  expect(unpack).toThrow(ADVICE)
  expect(keeps(secret(data), content('2'))).toBe(false)
})

test('a Secret without data is refused too', () => {
  const { data: _, ...bare } = secret('')
  expect(() => unpackContent(bare as DataObject, EXPECTED)).toThrow('it has no content')
})

test('the hash is worked out, not believed, and held against that of the ledger', () => {
  const good = packContent(content('2'))
  expect(unpackContent(secret(good), EXPECTED)).toEqual(content('2'))
  const forged = packContent({ ...content('evil'), digest: EXPECTED.digest })
  expect(() => unpackContent(secret(forged), EXPECTED)).toThrow(`its hash is not the one of the ledger (${EXPECTED.digest.slice(0, 19)}…)`)
  expect(() => unpackContent(secret(good), { ...EXPECTED, digest: undefined })).toThrow('the ledger does not know this revision')
  // What claims another hash is what it is.
  const claims = packContent({ ...content('2'), digest: 'sha256:other' })
  expect(unpackContent(secret(claims), EXPECTED).digest).toBe(EXPECTED.digest)
  expect([keeps(secret(claims), content('2')), keeps(secret(forged), content('2'))]).toEqual([true, false])
})

test('objects of another namespace are refused, whatever the hash; those of none are taken', () => {
  const placed = (namespace?: string): KubeObject => map('x', { metadata: { name: 'x', ...(namespace && { namespace }) } }) as KubeObject
  const unpack = (one: KubeObject) => {
    const kept = content('2', one)
    return unpackContent(secret(packContent(kept)), { ...EXPECTED, digest: digestOf(kept.objects) })
  }
  expect(() => unpack(placed('kube-system'))).toThrow('ConfigMap/x is of namespace kube-system, not of shop')
  expect([placed('shop'), placed()].map((one) => unpack(one).objects.length)).toEqual([2, 2])
})

test('a revision that cannot be read is an error for who needs it, and gone with one word for who does not', async () => {
  const cluster = newCluster()
  const told: string[] = []
  const store = await open(cluster, 1, { warn: (text) => told.push(text) })
  await store.write({ history: entries(2, 1) })
  cluster.put(secret(packContent(content('evil'))))
  await expect(store.loadContent(2)).rejects.toThrow(ContentError)
  expect([await store.findContent(2), await store.findContent(2), await store.findContent(1)]).toEqual([undefined, undefined, undefined])
  expect(told).toEqual([expect.stringContaining('Secret/bluegreen-web-r2 does not hold the manifests of revision 2')])
})

test('what the API says against it is no broken revision', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  cluster.get = () => Promise.reject(new Error('the API is away'))
  await expect(store.findContent(2)).rejects.toThrow('the API is away')
})
