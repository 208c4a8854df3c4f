import { expect, test } from '@jest/globals'
import { sortRelease } from '../../../actions/bluegreen-deploy/release/sort.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { object } from '../room.ts'
import { changed } from './changed.ts'

const SECRETS = 'external-secrets.io/v1'
/** The application, whose pods read Secrets that the manifests do not bring. */
const reading = (...names: string[]): KubeObject[] =>
  changed({ 'Deployment spec template spec volumes': names.map((secretName) => ({ name: secretName, secret: { secretName } })) })
const sorted = (objects: KubeObject[]) => {
  const { prerequisites, shared, notices } = sortRelease('web', objects)
  const names = (list: KubeObject[]) => list.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
  return { before: names(prerequisites), late: names(shared), notices }
}

test.each<[string, KubeObject]>([
  ['by its own name', object('SealedSecret', 'db', { encryptedData: {} }, 'bitnami.com/v1alpha1')],
  ['by the name of its target', object('ExternalSecret', 'x', { target: { name: 'db' } }, SECRETS)],
  ['by a field of its own', object('Certificate', 'x', { secretName: 'db' }, 'cert-manager.io/v1')],
])('what makes a Secret that the pods read is there before them: %s', (_, maker) => {
  const { before, late, notices } = sorted([maker, ...reading('db')])
  expect([before, late, notices]).toEqual([[`${maker.kind}/${maker.metadata.name}`], [], []])
})

test('a database makes Secrets whose names begin with its own', () => {
  const database = object('Cluster', 'shop-db', { instances: 3 }, 'postgresql.cnpg.io/v1')
  expect(sorted([database, ...reading('shop-db-app')]).before).toEqual(['Cluster/shop-db'])
  // The application's own name says nothing.
  const service = object('VirtualService', 'web', { hosts: ['web'] }, 'networking.istio.io/v1')
  expect(sorted([service, ...reading('web-tls')])).toEqual({ before: [], late: ['VirtualService/web'], notices: [] })
})

test('what such a resource names comes with it, in the order of the manifests', () => {
  const store = object('SecretStore', 'vault', { provider: {} }, SECRETS)
  const secret = object('ExternalSecret', 'db', { secretStoreRef: { name: 'vault' } }, SECRETS)
  const other = object('SecretStore', 'other', { provider: {} }, SECRETS)
  expect(sorted([secret, store, other, ...reading('db')])).toEqual({
    before: ['ExternalSecret/db', 'SecretStore/vault'],
    late: ['SecretStore/other'],
    notices: [expect.stringContaining('SecretStore/other is applied with the switch')],
  })
})

test('a provider class that a volume names is there before the pods', () => {
  const volumes = [{ name: 's', csi: { driver: 'secrets-store.csi.k8s.io', volumeAttributes: { secretProviderClass: 'keys' } } }]
  const made = object('SecretProviderClass', 'keys', {}, 'secrets-store.csi.x-k8s.io/v1')
  expect(sorted([made, ...changed({ 'Deployment spec template spec volumes': volumes })]).before).toEqual(['SecretProviderClass/keys'])
})

test('a Secret that the manifests bring is made by nobody', () => {
  const copy = object('ExternalSecret', 'db', {}, SECRETS)
  expect(sorted([object('Secret', 'db'), copy, ...reading('db')])).toMatchObject({ before: [], late: ['ExternalSecret/db'] })
})

test('objects of Kubernetes itself make nothing, though they say the name', () => {
  expect(sorted([object('Ingress', 'x', { tls: [{ secretName: 'db' }] }, 'networking.k8s.io/v1'), ...reading('db')])).toEqual({
    before: [],
    late: ['Ingress/x'],
    notices: [],
  })
})
