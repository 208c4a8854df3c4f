import { expect, test } from '@jest/globals'
import { renderColor, sortParts } from '../../../actions/bluegreen-deploy/release/model.ts'
import { PreflightError, placeObjects, preflight, rulesText } from '../../../actions/bluegreen-deploy/writes/preflight/preflight.ts'
import { ApiError, type KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { TestClock } from '../../support/clock.ts'
import { type Attributes, type Call, intercept, MemoryCluster } from '../../support/memory-cluster.ts'
import { app } from '../stage.ts'

const object = (kind: string, name: string, more: object = {}, apiVersion = 'v1'): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
  ...more,
})
const ingress = object('Ingress', 'web', {}, 'networking.k8s.io/v1')
const service = (name: string, selector: Record<string, string> | undefined, labels = {}): KubeObject => ({
  ...object('Service', name, { spec: { ...(selector && { selector }) } }),
  metadata: { name, namespace: 'shop', labels },
})

/** A preflight of release `web` in namespace shop. */
function scene(more: KubeObject[] = []) {
  const cluster = new MemoryCluster(new TestClock())
  cluster.put(object('Namespace', 'shop'))
  const asked: Required<Attributes>[] = []
  const run = async (options: { checks?: boolean; before?: (call: Call) => void } = {}) => {
    const objects = [...app('v1'), ...structuredClone(more)]
    await placeObjects(cluster, 'shop', objects)
    const parts = sortParts(objects)
    const input = {
      namespace: 'shop',
      release: 'web',
      parts,
      rendered: renderColor(parts, 'web', 'blue', 0),
      checks: options.checks ?? true,
    }
    const changes = cluster.changes.length
    const outcome = await preflight({ ...input, cluster: intercept(cluster, options) }).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(cluster.changes).toHaveLength(changes)
    return outcome as Error | undefined
  }
  const allow = (decide: (asked: string) => boolean) => {
    cluster.allowed = (attributes) => {
      asked.push(attributes as Required<Attributes>)
      const { verb, group, resource, subresource } = attributes
      return decide(`${verb} ${group ? `${group}/` : ''}${resource}${subresource ? `/${subresource}` : ''}`)
    }
  }
  return { cluster, asked, run, allow }
}

test('a release that may go on is not held up, also beside others and over its own last one', async () => {
  const { cluster, run } = scene([ingress, object('ServiceAccount', 'web')])
  cluster.put(service('web', { app: 'web', color: 'green' }, { 'devops-actions/release': 'web' }))
  cluster.put(service('web-preview', { app: 'web', color: 'blue' }, { 'devops-actions/release': 'web', 'devops-actions/preview': 'true' }))
  cluster.put(service('api', { app: 'api' }))
  cluster.put(service('outside', undefined))
  cluster.put({ ...service('elsewhere', { app: 'web' }), metadata: { name: 'elsewhere', namespace: 'other' } })
  expect(await run()).toBeUndefined()
})

test('every verb is asked for, of what the release always needs and of what the manifests bring', async () => {
  const { asked, allow, run } = scene([ingress, object('ClusterRole', 'web', {}, 'rbac.authorization.k8s.io/v1')])
  allow(() => true)
  await run({ checks: false })
  const verbs: Record<string, string> = {}
  for (const { verb, group, resource, subresource } of asked) {
    const key = `${group}/${resource}${subresource ? `/${subresource}` : ''}`
    verbs[key] = `${verbs[key] ?? ''}${verbs[key] ? ' ' : ''}${verb}`
  }
  expect(verbs).toMatchObject({
    'coordination.k8s.io/leases': 'get create update',
    '/configmaps': 'get create update patch delete',
    '/services': 'get list create patch delete',
    '/pods/log': 'get',
    'apps/deployments': 'get list watch create patch delete',
    'networking.k8s.io/ingresses': 'get create patch delete',
    'rbac.authorization.k8s.io/clusterroles': 'get create patch delete',
  })
  expect(verbs).not.toHaveProperty('/services/proxy')
  await run()
  expect(asked.at(-1)).toBeDefined()
  expect(asked.some(({ subresource }) => subresource === 'proxy')).toBe(true)
  const [role] = asked.filter(({ resource }) => resource === 'clusterroles')
  expect([role, asked[0]]).toEqual([expect.not.objectContaining({ namespace: 'shop' }), expect.objectContaining({ namespace: 'shop' })])
})

test('what is not allowed becomes the rules to add, one for each resource', async () => {
  const { allow, run } = scene([object('ClusterRole', 'web', {}, 'rbac.authorization.k8s.io/v1')])
  const refused = ['delete pods', 'watch pods', 'get pods/log', 'get rbac.authorization.k8s.io/clusterroles']
  allow((asked) => !refused.includes(asked))
  const error = await run()
  expect(error).toBeInstanceOf(PreflightError)
  expect(error?.message).toBe(
    [
      'the release lacks permissions in namespace shop; add these rules to its Role (ClusterRole where marked):',
      'rules:',
      '- apiGroups: [""]\n  resources: ["pods"]\n  verbs: ["watch", "delete"]',
      '- apiGroups: [""]\n  resources: ["pods/log"]\n  verbs: ["get"]',
      '- apiGroups: ["rbac.authorization.k8s.io"]\n  resources: ["clusterroles"]\n  verbs: ["get"] # ClusterRole',
    ].join('\n'),
  )
  expect(rulesText([])).toBe('rules:\n')
})

test('a namespace that is not there is said; one that may not be looked at is found out by its objects', async () => {
  const { cluster, run } = scene()
  for (const namespace of cluster.all('Namespace')) cluster.drop(namespace)
  expect((await run())?.message).toBe('namespace: shop does not exist; create it first')
  const fault = (status: number) => (call: Call) => {
    if (call.kind === 'Namespace') throw new ApiError('get', 'Namespace/shop', status, { message: 'no' })
  }
  expect(await run({ before: fault(403) })).toBeUndefined()
  expect(await run({ before: fault(500) })).toMatchObject({ status: 500 })
})

test.each<[string, KubeObject, string | undefined]>([
  [
    'another that selects the pods',
    service('all', { app: 'web' }),
    'Service/all would send traffic to the candidate before it is verified: it selects {"app":"web"}',
  ],
  [
    'the preview of another release',
    service('p', { app: 'web' }, { 'devops-actions/preview': 'true', 'devops-actions/release': 'api' }),
    'Service/p would send traffic',
  ],
  ['its own, not yet of a color', service('web', { app: 'web' }), 'Service/web exists and selects pods without a color ({"app":"web"})'],
  [
    'its own, of another release',
    service('web', { color: 'blue' }, { 'devops-actions/release': 'api' }),
    'Service/web belongs to release api',
  ],
  ['its own, without a selector', service('web', undefined), undefined],
  ['its own, with an empty one', service('web', {}), undefined],
])('a Service that is there: %s', async (_, there, message) => {
  const { cluster, run } = scene()
  cluster.put(there)
  const error = await run()
  expect(error?.message.slice(0, message?.length)).toBe(message)
  if (message) expect(error).toBeInstanceOf(PreflightError)
})

test('what the API server refuses is listed by the names of the manifests', async () => {
  const { cluster, run } = scene([ingress])
  cluster.admission = ({ kind, metadata }) => {
    if (kind === 'Service') return
    throw new ApiError('apply', kind, 422, { message: `${kind} "${metadata.name}" is invalid: spec` })
  }
  const error = await run()
  expect(error).toBeInstanceOf(PreflightError)
  expect(error?.message.split('\n')).toEqual([
    'manifests: the API server refuses 3 objects:',
    'ConfigMap/web-settings: ConfigMap "web-settings" is invalid: spec',
    'Deployment/web: Deployment "web" is invalid: spec',
    'Ingress/web: Ingress "web" is invalid: spec',
  ])
})

test('a field of another manager is named; one of our own other way of writing is none', async () => {
  const { cluster, run } = scene([{ ...ingress, spec: { host: 'a' } }])
  const live: KubeObject = { ...ingress, metadata: { name: 'web', namespace: 'shop' }, spec: { host: 'b' } }
  await cluster.create(live)
  expect(await run()).toBeUndefined()
  await cluster.apply(live, { force: true }, 'argocd')
  expect((await run())?.message).toContain('Ingress/web has fields of another manager: .spec.host belongs to "argocd"')
})

test.each([0, 401, 500, 503])('an API server that fails with %d says nothing about the manifests', async (status) => {
  const { cluster, run } = scene()
  cluster.admission = () => {
    throw new ApiError('apply', 'Deployment/web-blue-x', status, { message: 'no' })
  }
  const error = await run()
  expect(error).toMatchObject({ status })
  expect(error).not.toBeInstanceOf(PreflightError)
})

test('objects are put into the namespace; what belongs to none, loses it; what cannot be placed is listed', async () => {
  const { cluster } = scene()
  const named = (kind: string, name: string, namespace: string | undefined, apiVersion?: string) => {
    const made = object(kind, name, {}, apiVersion)
    if (namespace !== undefined) made.metadata.namespace = namespace
    return made
  }
  const objects = [
    named('ConfigMap', 'a', undefined),
    named('ConfigMap', 'b', 'shop'),
    named('ClusterRole', 'c', 'shop', 'rbac.authorization.k8s.io/v1'),
  ]
  await placeObjects(cluster, 'shop', objects)
  expect(objects.map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'shop', undefined])
  const wrong = [
    named('ConfigMap', 'd', 'kube-system'),
    named('Deployment', 'e', 'shop', 'apps/v1beta1'),
    named('Thing', 'f', 'shop', 'example/v1'),
  ]
  const refused = placeObjects(cluster, 'shop', wrong)
  await expect(refused).rejects.toThrow(PreflightError)
  await expect(refused).rejects.toThrow(
    [
      "manifests: ConfigMap/d: its namespace is kube-system, the release's is shop",
      'Deployment/e: the API server does not serve Deployment in apps/v1beta1; it serves apps/v1 of this group',
      'Thing/f: the API server does not serve Thing in example/v1; it knows nothing of this group (is the CRD installed?)',
    ].join('\n'),
  )
})
