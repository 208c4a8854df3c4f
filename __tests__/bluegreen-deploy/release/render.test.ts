import { expect, test } from '@jest/globals'
import { contentOf, digestOf, isMoving } from '../../../actions/bluegreen-deploy/release/content.ts'
import { renderRevision } from '../../../actions/bluegreen-deploy/release/render.ts'
import { sortRelease } from '../../../actions/bluegreen-deploy/release/sort.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { setAt } from '../../support/fields.ts'
import { object, revisionOf } from '../room.ts'
import { app } from '../stage.ts'
import { changed } from './changed.ts'

test('a color is on everything that is its own, and the manifests stay free of it', () => {
  const before = app('v1')
  const mine = { labelSelector: { matchLabels: { app: 'web' } } }
  const others = { labelSelector: { matchLabels: { app: 'db' } } }
  setAt(before[1] as KubeObject, '["spec","template","spec","topologySpreadConstraints"]', [mine, others])
  const release = sortRelease('shop', structuredClone(before))
  const side = { color: 'green', revision: 7 } as const
  const { workloads, gateways, config } = renderRevision(release, contentOf(before, release.workloads), side)
  expect(release).toEqual(sortRelease('shop', before))
  const [workload] = workloads
  const [gateway] = gateways
  expect([workload?.object, gateway?.service, gateway?.preview, ...config].map((one) => one?.metadata.name)).toEqual([
    'web-green',
    'web',
    'web-preview',
    'shop-web-settings-green',
  ])
  const selector = { app: 'web', color: 'green' }
  expect([workload?.selector, gateway?.service.spec.selector, gateway?.preview.spec.selector]).toEqual([selector, selector, selector])
  const { metadata, spec } = workload?.object.spec.template ?? {}
  expect(metadata?.labels).toEqual({ app: 'web', color: 'green', 'devops-actions/release': 'shop', 'devops-actions/revision': '7' })
  expect(workload?.object.metadata.labels).toMatchObject({
    color: 'green',
    'devops-actions/release': 'shop',
    'devops-actions/revision': '7',
  })
  expect(spec?.containers[0]?.envFrom).toEqual([{ configMapRef: { name: 'shop-web-settings-green' } }])
  expect(spec?.topologySpreadConstraints).toEqual([{ labelSelector: { matchLabels: selector } }, others])
  expect(config[0]?.metadata.labels).toEqual({ 'devops-actions/release': 'shop', color: 'green' })
})

test('affinity to the pods themselves means those of their color, by labels or by expressions; that to others stays', () => {
  const term = (labelSelector: object) => ({ labelSelector, topologyKey: 'host' })
  const self = term({ matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'api'] }] })
  const db = term({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] })
  const affinity = {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [self, db] },
    podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: self }] },
    nodeAffinity: { any: 'thing' },
  }
  const { workloads } = revisionOf(changed({ 'Deployment spec template spec affinity': affinity }))
  const colored = { ...self, labelSelector: { ...self.labelSelector, matchLabels: { color: 'green' } } }
  expect(workloads[0]?.object.spec.template.spec.affinity).toEqual({
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [colored, db] },
    podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: colored }] },
    nodeAffinity: { any: 'thing' },
  })
})

test('a preview has the ports of its Service, but no node port, no outside address and no labels of the user', () => {
  const spec = { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http', nodePort: 30_080 }] }
  const { gateways } = revisionOf(changed({ 'Service spec': spec, 'Service metadata namespace': 'shop' }))
  expect(gateways[0]?.preview).toEqual({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web-preview', namespace: 'shop', labels: { 'devops-actions/release': 'web', 'devops-actions/preview': 'true' } },
    spec: { type: 'ClusterIP', selector: { app: 'web', color: 'green' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  })
  expect(gateways[0]?.service.spec).toMatchObject({ type: 'LoadBalancer', ports: [{ nodePort: 30_080 }] })
})

test('an entry leads to as many pods as its Deployments have; one that says nothing has one', () => {
  const objects = [...app('v1', 'api'), ...changed({ 'Deployment spec replicas': undefined })].map((one) => {
    if (one.kind === 'Deployment') setAt(one, '["spec","template","metadata","labels","all"]', 'yes')
    return one
  })
  const { gateways, workloads } = revisionOf([...objects, object('Service', 'all', { selector: { all: 'yes' }, ports: [{ port: 80 }] })])
  expect(workloads.map(({ name, replicas }) => `${name} ${replicas}`)).toEqual(['api 3', 'web 1'])
  expect(gateways.map(({ service, expected }) => `${service.metadata.name} ${expected}`)).toEqual(['api 3', 'web 1', 'all 4'])
})

test('only what is the release’s own configuration is renamed in the pods', () => {
  const envFrom = [
    { configMapRef: { name: 'web-settings' } },
    { configMapRef: { name: 'of-the-cluster' } },
    { secretRef: { name: 'web-settings' } },
  ]
  const objects = app('v1')
  const [container] = (objects[1] as { spec?: { template?: { spec?: { containers?: object[] } } } }).spec?.template?.spec?.containers ?? []
  Object.assign(container ?? {}, { envFrom })
  expect(revisionOf(objects).workloads[0]?.object.spec.template.spec.containers[0]?.envFrom).toEqual([
    { configMapRef: { name: 'web-settings-green' } },
    { configMapRef: { name: 'of-the-cluster' } },
    { secretRef: { name: 'web-settings' } },
  ])
})

test('the order of fields makes no other release, everything else does', () => {
  const digest = (...given: object[]): string => digestOf(given as KubeObject[])
  expect(digest({ a: 1, b: { c: 2, d: 3 } })).toBe(digest({ b: { d: 3, c: 2 }, a: 1 }))
  const others = [digest({ a: 1 }, { b: 1 }), digest({ b: 1 }, { a: 1 }), digest({ a: '1' }), digest({ a: [1, 2] }), digest({ a: [2, 1] })]
  expect(new Set(others).size).toBe(others.length)
})

test('images of a release are those of its Deployments, each once; those that may move are known', () => {
  const objects = [...app('v1', 'api'), ...app('v1')]
  expect(contentOf(objects, sortRelease('web', objects).workloads).images).toEqual(['registry.example/web:v1'])
  expect(['web', 'web:latest', 'localhost:5000/web', 'web:v1', 'localhost:5000/web:v1', 'web@sha256:abc'].filter(isMoving)).toEqual([
    'web',
    'web:latest',
    'localhost:5000/web',
  ])
})
