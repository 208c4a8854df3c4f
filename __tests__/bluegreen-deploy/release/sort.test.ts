import { expect, test } from '@jest/globals'
import { ManifestError } from '../../../actions/bluegreen-deploy/manifests/yaml.ts'
import { sortRelease } from '../../../actions/bluegreen-deploy/release/sort.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { object } from '../room.ts'
import { app } from '../stage.ts'
import { changed } from './changed.ts'

const CONTAINER = 'Deployment spec template spec containers'
const [deployment, service] = [app('v1')[1], app('v1')[2]] as [KubeObject, KubeObject]

const REFUSED: [what: string, objects: KubeObject[], says: RegExp][] = [
  ['nothing of a release', [object('ConfigMap', 'a')], /no Deployment among ConfigMap\/a; a release needs one/],
  ['no Service', [deployment], /no Service selects the pods of Deployment\/web \(labels \{"app":"web"\}\)/],
  [
    'a second Deployment without a Service, by its name',
    [
      ...app('v1'),
      changed({ 'Deployment metadata name': 'worker', 'Deployment spec template metadata labels': { app: 'worker' } })[1] as KubeObject,
    ],
    /no Service selects the pods of Deployment\/worker \(labels \{"app":"worker"\}\): there is no traffic.* apply it apart/,
  ],
  [
    'an object twice, in two versions of its group',
    [...app('v1'), { ...deployment, apiVersion: 'apps/v1beta1' }],
    /Deployment\/web is there twice/,
  ],
  ...(['StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController'] as const).map((kind): [string, KubeObject[], RegExp] => [
    `a Service that selects a ${kind} too`,
    [...app('v1'), object(kind, 'db', { template: { metadata: { labels: { app: 'web', role: 'db' } } } }, 'apps/v1')],
    new RegExp(`Service/web selects the pods of ${kind}/db too, which get no color and would lose their traffic`),
  ]),
  ...['first', '1.5', '', '12345678901', '1e3'].map((order): [string, KubeObject[], RegExp] => [
    `the order ${JSON.stringify(order)}`,
    changed({ 'Service metadata annotations': { 'devops-actions/order': order } }),
    /Service\/web: the annotation devops-actions\/order is ".*"; a whole number is needed/,
  ]),
  ['an object twice', [...app('v1'), service], /Service\/web is there twice/],
  ['a Service without selector', changed({ 'Service spec selector': null }), /no Service selects the pods/],
  ['a Service whose selector is text', changed({ 'Service spec selector': 'app' }), /no Service selects the pods/],
  ['a Service without spec', changed({ 'Service spec': null }), /no Service selects the pods/],
  ['a selector that selects other pods', changed({ 'Service spec selector app': 'other' }), /no Service selects the pods/],
  ['a selector with color', changed({ 'Service spec selector color': 'blue' }), /Service\/web selects a color; keep the manifests free/],
  [
    'pods with color',
    changed({ 'Deployment spec template metadata labels color': 'red' }),
    /Deployment\/web has a label color of its own; keep/,
  ],
  ['a Deployment that selects a color', changed({ 'Deployment spec selector matchLabels color': 'red' }), /label color of its own/],
  ['no replicas', changed({ 'Deployment spec replicas': 0 }), /Deployment\/web: spec\.replicas is 0: a release needs at least one pod/],
  ['half a replica', changed({ 'Deployment spec replicas': 1.5 }), /spec\.replicas is 1\.5: a whole number is needed$/],
  ['replicas as text', changed({ 'Deployment spec replicas': '3' }), /spec\.replicas is "3": a (whole )?number is needed$/],
  ['a paused Deployment', changed({ 'Deployment spec paused': true }), /spec\.paused is true: its pods would never come/],
  ['no selector', changed({ 'Deployment spec selector': undefined }), /spec\.selector is missing/],
  ['no labels', changed({ 'Deployment spec template metadata labels': {} }), /spec\.template\.metadata\.labels: at least one label/],
  [
    'a label that is no text',
    changed({ 'Deployment spec template metadata labels app': true }),
    /spec\.template\.metadata\.labels\.app is true: text is needed$/,
  ],
  ['spec as text', changed({ 'Deployment spec': 'text' }), /Deployment\/web: spec is "text": a map is needed$/],
  ['containers as a map', changed({ [CONTAINER]: {} }), /spec\.template\.spec\.containers: a list is needed$/],
  ['no containers', changed({ [CONTAINER]: [] }), /spec\.template\.spec\.containers: at least one is needed$/],
  ['a container that is none', changed({ [CONTAINER]: [null] }), /spec\.template\.spec\.containers\.0 is null/],
  ['a Service without ports', changed({ 'Service spec ports': [] }), /Service\/web: spec\.ports: at least one is needed$/],
  [
    'a port that is none',
    changed({ 'Service spec ports': [{ port: 70000 }] }),
    /spec\.ports\.0\.port is 70000: at most 65535 is possible$/,
  ],
  [
    'a Service without endpoints',
    changed({ 'Service spec type': 'ExternalName' }),
    /spec\.type is "ExternalName": one of ClusterIP, NodePort, LoadBalancer is needed$/,
  ],
  [
    'a port of the pods that is none',
    changed({ 'Service spec ports': [{ port: 80, targetPort: true }] }),
    /targetPort is true: a number or a name is needed$/,
  ],
  ['a patch', changed({ 'Deployment spec': undefined }), /Deployment\/web: spec is missing: a map is needed \(is it a patch\?/],
  [
    'a container without image',
    changed({ [CONTAINER]: [{ name: 'web' }] }),
    /containers\.0\.image is missing: text is needed \(is it a patch\?/,
  ],
  ['a name that leaves no room', changed({ 'Deployment metadata name': 'a'.repeat(58) }), /longer than 57 characters/],
  [
    'an autoscaler',
    [...app('v1'), object('HorizontalPodAutoscaler', 'web', { scaleTargetRef: { name: 'web' } })],
    /HorizontalPodAutoscaler\/web scales/,
  ],
]

test.each(REFUSED)('%s is refused', (_, objects, says) => {
  const sort = () => sortRelease('web', objects)
  expect(sort).toThrow(says)
  expect(sort).toThrow(ManifestError)
})

test('objects go where a release needs them, whatever shape the others have', () => {
  const others = ['text', null, [], 5].map((spec, i) => object('Thing', `odd-${i}`, spec))
  const release = sortRelease('web', [...others, object('Role', 'r'), object('Namespace', 'n'), object('ConfigMap', 'c'), ...app('v1')])
  const names = (objects: KubeObject[]) => objects.map(({ metadata }) => metadata.name)
  expect(names(release.config)).toEqual(['web-settings'])
  expect(names(release.prerequisites)).toEqual(['n', 'c', 'r'])
  expect(names(release.shared)).toEqual(['odd-0', 'odd-1', 'odd-2', 'odd-3'])
})

const two = (): KubeObject[] => [...app('v1', 'api'), ...app('v1')]
const entriesOf = (objects: KubeObject[]) =>
  sortRelease('web', objects).entries.map(({ service, workloads }) => `${service.metadata.name}: ${workloads.join(' ')}`)
const another = (name: string, selector: Record<string, string>, order?: string): KubeObject => ({
  ...structuredClone(service),
  metadata: { name, ...(order !== undefined && { annotations: { 'devops-actions/order': order } }) },
  spec: { selector, ports: [{ port: 80 }] },
})

test('several Deployments and Services are one release; each entry knows whose pods it selects', () => {
  const release = sortRelease('web', [...two(), another('admin', { app: 'web' })])
  expect(release.workloads.map(({ metadata }) => metadata.name)).toEqual(['api', 'web'])
  expect(entriesOf([...two(), another('admin', { app: 'web' })])).toEqual(['api: api', 'web: web', 'admin: web'])
  expect(release.config.map(({ metadata }) => metadata.name)).toEqual(['api-settings', 'web-settings'])
})

test('one Service may lead to the pods of several Deployments', () => {
  const labelled = two().map((one) => {
    if (one.kind === 'Deployment')
      Object.assign((one.spec as { template: { metadata: { labels: object } } }).template.metadata.labels, { all: 'yes' })
    return one
  })
  expect(entriesOf([...labelled, another('all', { all: 'yes' })])).toEqual(['api: api', 'web: web', 'all: api web'])
})

test('entries are switched in the order of their annotation, else in that of the manifests', () => {
  const more = [
    another('z', { app: 'web' }, '-1'),
    another('y', { app: 'web' }, '5'),
    another('x', { app: 'web' }, '5'),
    another('w', { app: 'web' }),
  ]
  expect(entriesOf([...app('v1'), ...more])).toEqual(['z: web', 'web: web', 'w: web', 'y: web', 'x: web'])
})

test('what the pods talk to is there before them: databases, and Services that select other pods or none', () => {
  const database = object('StatefulSet', 'db', { template: { metadata: { labels: { app: 'db' } } } }, 'apps/v1')
  const rest = [database, object('Endpoints', 'external'), another('db', { app: 'db' }), another('external', {})]
  const policy = object('NetworkPolicy', 'deny', { podSelector: {} }, 'networking.k8s.io/v1')
  const release = sortRelease('web', [policy, ...app('v1'), ...rest])
  expect(release.entries).toHaveLength(1)
  expect(release.prerequisites.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
    'Endpoints/external',
    'Service/db',
    'Service/external',
    'StatefulSet/db',
  ])
  expect(release.shared).toEqual([policy]) // it would reach the pods that serve
})

test('all Deployments without a Service, and all autoscalers, are told at once', () => {
  const worker = (name: string) =>
    changed({ 'Deployment metadata name': name, 'Deployment spec template metadata labels': { app: name } })[1] as KubeObject
  expect(() => sortRelease('web', [...app('v1'), worker('a'), worker('b')])).toThrow(
    'no Service selects the pods of Deployment/a (labels {"app":"a"}), Deployment/b (labels {"app":"b"}): there is',
  )
  const scaler = (name: string) => object('HorizontalPodAutoscaler', name, { scaleTargetRef: { kind: 'Deployment', name } })
  expect(() => sortRelease('web', [...two(), scaler('api'), scaler('web')])).toThrow(
    'HorizontalPodAutoscaler/api scales Deployment/api, HorizontalPodAutoscaler/web scales Deployment/web, of which there will be two',
  )
})

test('an autoscaler of another kind that bears the name is none of ours', () => {
  const scaler = object('HorizontalPodAutoscaler', 'web', { scaleTargetRef: { kind: 'StatefulSet', name: 'web' } })
  expect(sortRelease('web', [...app('v1'), scaler]).shared).toEqual([scaler])
})

test('a kind called Service or Deployment of another group is none', () => {
  const knative = { ...object('Service', 'fn', { selector: { app: 'web' } }, 'serving.knative.dev/v1') }
  const other = object('Deployment', 'odd', {}, 'example.com/v1')
  const release = sortRelease('web', [...app('v1'), knative, other])
  expect([release.workloads.length, release.entries.length, release.shared.length]).toEqual([1, 1, 2])
})

test('copies of two configurations that would bear one name are refused', () => {
  const reads = (...names: string[]) =>
    changed({ 'Deployment spec template spec volumes': names.map((name) => ({ name, configMap: { name } })) })
  const maps = (...names: string[]) => names.map((name) => object('ConfigMap', name))
  expect(() => sortRelease('web', [...reads('web-a', 'a'), ...maps('web-a', 'a')])).toThrow(
    'manifests: ConfigMap/web-a and ConfigMap/a would both be ConfigMap/web-a-blue; rename one of them',
  )
  const long = 'a'.repeat(244)
  expect(() => sortRelease('web', [...reads(long), ...maps(long)])).toThrow(
    `ConfigMap/${long} is too long: it leaves no room for the color`,
  )
  const fits = 'a'.repeat(240)
  expect(() => sortRelease('web', [...reads(fits), ...maps(fits)])).not.toThrow()
  expect(sortRelease('web', [...reads('a', 'b'), ...maps('a', 'b', 'c')]).config.map(({ metadata }) => metadata.name)).toEqual([
    'web-settings',
    'a',
    'b',
  ])
})

test('a target port of 0 is that of the port, as some tools write it', () => {
  expect(entriesOf(changed({ 'Service spec ports': [{ port: 80, targetPort: 0 }] }))).toEqual(['web: web'])
})
