import { expect, test } from '@jest/globals'
import { PreflightError } from '../../../../actions/bluegreen-deploy/writes/preflight/error.ts'
import { placeObjects, refuseOwnNames } from '../../../../actions/bluegreen-deploy/writes/preflight/names.ts'
import type { KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { object, revisionOf, room } from '../../room.ts'
import { app } from '../../stage.ts'
import { scene } from './scene.ts'

const refuse = (...more: KubeObject[]) => refuseOwnNames(revisionOf([...app('v1'), ...more], { name: 'shop' }))

test.each([
  ['ConfigMap', 'bluegreen-shop'],
  ['Lease', 'bluegreen-shop'],
  ['Secret', 'bluegreen-shop-r12'],
  ['Service', 'web-preview'],
  ['ConfigMap', 'shop-web-settings-blue'],
  ['ConfigMap', 'shop-web-settings-green'],
])('%s/%s would take the place of something that the release keeps', (kind, name) => {
  expect(() => refuse(object(kind, name))).toThrow(`manifests: ${kind}/${name} is the name of what release shop keeps for itself`)
  expect(() => refuse(object(kind, name))).toThrow(PreflightError)
})

test('names that only look so are free', () => {
  const others = ['bluegreen-shop-r', 'bluegreen-shop-r1x', 'bluegreen-shops-r1'].map((name) => object('Secret', name))
  expect(() => refuse(object('ConfigMap', 'bluegreen-other'), object('ConfigMap', 'web-settings-blue'), ...others)).not.toThrow()
})

test('an entry that bears the name of another one’s preview is refused', () => {
  const second = [object('Service', 'web-preview', { selector: { app: 'web' }, ports: [{ port: 80 }] })]
  expect(() => refuse(...second)).toThrow('Service/web-preview is the name of what release shop keeps for itself')
})

test.each([
  ['ConfigMap', 'web-settings-blue', {}, 'it was not made by a release'],
  ['ConfigMap', 'web-settings-green', { 'devops-actions/release': 'api' }, 'it belongs to release api'],
  ['Deployment', 'web-green', {}, 'it was not made by a release'],
])('%s/%s that is there with labels %j is in the way, whichever color is next', async (kind, name, labels, why) => {
  const { cluster, run } = scene()
  const spec = { selector: { matchLabels: {} }, template: { metadata: {}, spec: { containers: [] } } }
  cluster.put({ ...object(kind, name, spec, kind === 'Deployment' ? 'apps/v1' : 'v1'), metadata: { name, namespace: 'shop', labels } })
  const error = await run()
  expect(error).toBeInstanceOf(PreflightError)
  expect(error?.message).toBe(`manifests: ${kind}/${name} is in the way: ${why}; rename it or delete it, then try again`)
})

const named = (kind: string, name: string, namespace?: string, apiVersion?: string): KubeObject => {
  const made = object(kind, name, {}, apiVersion)
  if (namespace !== undefined) made.metadata.namespace = namespace
  return made
}
const place = async (...objects: KubeObject[]) => placeObjects(room().reach, objects)

test('objects are put into the namespace; what belongs to none, loses it', async () => {
  const objects = [
    named('ConfigMap', 'a'),
    named('ConfigMap', 'b', 'shop'),
    named('ConfigMap', 'empty', ''),
    named('ClusterRole', 'c', 'shop', 'rbac.authorization.k8s.io/v1'),
  ]
  await place(...objects)
  expect(objects.map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'shop', 'shop', undefined])
})

test('what cannot be placed is listed', async () => {
  const wrong = [
    named('ConfigMap', 'd', 'kube-system'),
    named('Deployment', 'e', 'shop', 'apps/v1beta1'),
    named('Thing', 'f', 'shop', 'example/v1'),
  ]
  const refused = place(...wrong)
  await expect(refused).rejects.toThrow(PreflightError)
  const { message } = (await refused.catch((error: unknown) => error)) as Error
  expect(message.split('\n').toSorted()).toEqual(
    [
      "ConfigMap/d: its namespace is kube-system, the release's is shop",
      'Thing/f: the API server does not serve Thing in example/v1; it knows nothing of this group (is the CRD installed?)',
      'manifests: Deployment/e: the API server does not serve Deployment in apps/v1beta1; it serves apps/v1 of this group',
    ].toSorted(),
  )
})

test('when all are of one other namespace, that is the input which is wrong', async () => {
  await expect(place(named('ConfigMap', 'a', 'prod'), named('Service', 'b', 'prod'))).rejects.toThrow(
    "manifests: ConfigMap/a, Service/b: the namespace of all is prod, the release's is shop; give the input namespace: prod",
  )
  const many = Array.from({ length: 7 }, (_, at) => named('ConfigMap', `c${at}`, 'prod'))
  await expect(place(...many)).rejects.toThrow('ConfigMap/c4 and 2 more: the namespace of all is prod')
  await expect(place(named('ConfigMap', 'a', 'prod'), named('ConfigMap', 'b', 'test'))).rejects.toThrow(
    "ConfigMap/a: its namespace is prod, the release's is shop\nConfigMap/b: its namespace is test, the release's is shop",
  )
})

test('a kind whose definition comes with the manifests says that this is applied first', async () => {
  const crd = object(
    'CustomResourceDefinition',
    'things.example',
    { group: 'example', names: { kind: 'Thing' } },
    'apiextensions.k8s.io/v1',
  )
  await expect(place(crd, named('Thing', 'f', 'shop', 'example/v1'))).rejects.toThrow(
    'Its CustomResourceDefinition is in these manifests: apply that first',
  )
  await expect(place(crd, named('Other', 'f', 'shop', 'example/v1'))).rejects.not.toThrow(
    'Its CustomResourceDefinition is in these manifests',
  )
})
