import { expect, test } from '@jest/globals'
import { ownObjects } from '../../../actions/bluegreen-deploy/manifests/foreign.ts'
import { ManifestError } from '../../../actions/bluegreen-deploy/manifests/yaml.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { object } from '../room.ts'

const HELM = 'helm.sh/hook'
const ARGO = 'argocd.argoproj.io/hook'
const annotated = (annotations: Record<string, string>): KubeObject => ({ ...object('Job', 'x'), metadata: { name: 'x', annotations } })

test.each([
  [HELM, 'test'],
  [HELM, 'test-success'],
  [HELM, 'pre-delete,post-delete'],
  [HELM, ' pre-rollback , post-rollback '],
  [ARGO, 'Skip'],
  [ARGO, 'SyncFail'],
  [ARGO, 'PostDelete'],
])('a hook that does not run at a deployment (%s: %s) is left out with a word', (annotation, hooks) => {
  const { objects, left } = ownObjects([annotated({ [annotation]: hooks }), object('ConfigMap', 'a')])
  expect(objects.map(({ metadata }) => metadata.name)).toEqual(['a'])
  expect(left).toEqual([`Job/x is left out: it is a hook (${annotation}: ${hooks}) that does not run at a deployment`])
})

test.each([
  [HELM, 'pre-install', 'render with helm template --no-hooks'],
  [HELM, 'pre-upgrade,post-upgrade', 'render with helm template --no-hooks'],
  [HELM, 'test,post-install', 'render with helm template --no-hooks'],
  [HELM, 'tests', 'render with helm template --no-hooks'],
  [HELM, '', 'render with helm template --no-hooks'],
  [ARGO, 'PreSync', 'take it out, and run it in a step of its own'],
  [ARGO, 'Skip,Sync', 'take it out, and run it in a step of its own'],
  [ARGO, 'skip', 'take it out, and run it in a step of its own'],
])('a hook that would run (%s: %s) is refused by name, with what to do', (annotation, hooks, advice) => {
  const own = () => ownObjects([annotated({ [annotation]: hooks })])
  expect(own).toThrow(ManifestError)
  expect(own).toThrow(`manifests: Job/x is a hook (${annotation}: ${hooks}), and hooks are not run yet: ${advice}`)
})

test('what is for tools only is left out; only the word true says so', () => {
  const local = (value: string) => annotated({ 'config.kubernetes.io/local-config': value })
  expect(ownObjects([local('true')])).toEqual({
    objects: [],
    left: ['Job/x is left out: config.kubernetes.io/local-config says that it is for tools only'],
  })
  expect(ownObjects([local('false')]).objects).toHaveLength(1)
})

test('an object that another one makes again is refused', () => {
  const ownerReferences = [{ uid: 'u', kind: 'Certificate', name: 'tls' }]
  expect(() => ownObjects([{ ...object('Secret', 'x'), metadata: { name: 'x', ownerReferences } }])).toThrow(
    'manifests: Secret/x belongs to Certificate/tls (metadata.ownerReferences), which makes it again by itself; take it out of the manifests',
  )
  for (const none of [[], undefined])
    expect(
      ownObjects([{ ...object('Secret', 'x'), metadata: { name: 'x', ...(none && { ownerReferences: none }) } }]).objects,
    ).toHaveLength(1)
})

test('an object that is left out is not looked at further', () => {
  const one = annotated({ [HELM]: 'test' })
  one.metadata.ownerReferences = [{ uid: 'u', kind: 'Pod', name: 'p' }]
  expect(ownObjects([one]).objects).toEqual([])
})

test('addresses that a cluster gave are taken off a Service, None stays', () => {
  const spec = { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] }
  const specs = [object('Service', 'a', spec), object('Service', 'b', { clusterIP: 'None', clusterIPs: ['None'] })]
  expect(ownObjects(specs).objects.map((one) => one.spec)).toEqual([{ ports: [{ port: 80 }] }, { clusterIP: 'None', clusterIPs: ['None'] }])
  const knative = object('Service', 'c', { clusterIP: 'x' }, 'serving.knative.dev/v1')
  expect(ownObjects([knative]).objects[0]?.spec).toEqual({ clusterIP: 'x' })
  for (const odd of ['text', null, 5, undefined]) expect(() => ownObjects([object('Service', 'a', odd)])).not.toThrow()
})

test('all that is refused is told at once', () => {
  const owned = (name: string): KubeObject => ({
    ...object('Pod', name),
    metadata: { name, ownerReferences: [{ uid: 'u', kind: 'ReplicaSet', name: 'web-1' }] },
  })
  expect(() => ownObjects([owned('a'), annotated({ [HELM]: 'pre-install' }), owned('b')])).toThrow(
    /^manifests: Pod\/a belongs to ReplicaSet\/web-1.*\nJob\/x is a hook.*\nPod\/b belongs/,
  )
  expect(() => ownObjects(Array.from({ length: 12 }, (_, i) => owned(`p${i}`)))).toThrow(/\nand 2 more$/)
})

const selecting = object('Service', 'web', { selector: { app: 'web' } })
const slice = { ...object('EndpointSlice', 'web-x', undefined, 'discovery.k8s.io/v1') }
slice.metadata.labels = { 'kubernetes.io/service-name': 'web' }

test.each<[KubeObject, string]>([
  [object('Event', 'web.17'), 'it tells what happened'],
  [object('Endpoints', 'web'), 'Kubernetes makes it from Service/web'],
  [slice, 'Kubernetes makes it from Service/web'],
  [object('ConfigMap', 'kube-root-ca.crt'), 'the cluster makes it in every namespace'],
  [object('ConfigMap', 'openshift-service-ca.crt'), 'the cluster makes it in every namespace'],
  [{ ...object('Service', 'kubernetes'), metadata: { name: 'kubernetes', labels: { provider: 'kubernetes' } } }, 'the API server itself'],
  [{ ...object('Secret', 'sh.helm.release.v1.web.v1'), type: 'helm.sh/release.v1' } as KubeObject, 'Helm keeps its own releases'],
])('what a cluster makes by itself is left out: %j', (one, why) => {
  const { objects, left } = ownObjects([one, selecting])
  expect(objects).toEqual([selecting])
  expect(left).toEqual([expect.stringContaining(why)])
})

test('endpoints by hand, and a Service that only bears the name, stay', () => {
  const bare = object('Service', 'web', { ports: [{ port: 80 }] })
  const named = object('Service', 'kubernetes', {})
  expect(ownObjects([bare, object('Endpoints', 'web'), object('Endpoints', 'other'), slice, named]).left).toEqual([])
})

test('what controllers write into annotations is taken off, so that a copy is the same release tomorrow', () => {
  const theirs = { 'deployment.kubernetes.io/revision': '3', 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"p":"secret"}}' }
  const [one, two] = ownObjects([annotated({ ...theirs, 'example.com/team': 'a' }), annotated(theirs)]).objects
  expect(one?.metadata.annotations).toEqual({ 'example.com/team': 'a' })
  expect(two?.metadata).toEqual({ name: 'x' })
})

test('a claim that was bound elsewhere names no volume; one that was not keeps what it names', () => {
  const claim = (annotations: Record<string, string>): KubeObject => ({
    ...object('PersistentVolumeClaim', 'c', { volumeName: 'pv-1', storageClassName: 's' }),
    metadata: { name: 'c', annotations },
  })
  const specs = ownObjects([claim({ 'pv.kubernetes.io/bind-completed': 'yes' }), claim({})]).objects.map((one) => one.spec)
  expect(specs).toEqual([{ storageClassName: 's' }, { volumeName: 'pv-1', storageClassName: 's' }])
})

test.each(['Job', 'Service', 'EndpointSlice', 'Secret'])(
  'a %s whose annotations and labels are empty in the text is as good as one without',
  (kind) => {
    const bare = {
      ...object(kind, 'kubernetes'),
      metadata: { name: 'kubernetes', annotations: null, labels: null },
    } as unknown as KubeObject
    expect(ownObjects([bare])).toMatchObject({ objects: [{ kind }], left: [] })
  },
)
