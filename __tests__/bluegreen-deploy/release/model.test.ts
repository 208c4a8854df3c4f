import { expect, test } from '@jest/globals'
import { type Parts, renderColor, sortParts } from '../../../actions/bluegreen-deploy/release/model.ts'
import { refuseOwnNames } from '../../../actions/bluegreen-deploy/writes/preflight/preflight.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { setAt } from '../../support/fields.ts'
import { app } from '../stage.ts'

const object = (kind: string, name: string, spec?: unknown): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name }, spec })

/** The application with fields set: `{'Deployment spec replicas': 0}`. */
function changed(fields: Record<string, unknown>): KubeObject[] {
  const objects = app('v1')
  for (const [way, value] of Object.entries(fields)) {
    const [kind, ...path] = way.split(' ')
    const found = objects.find((candidate) => candidate.kind === kind)
    if (!found) throw new Error(`the application has no ${kind}`)
    setAt(found, JSON.stringify(path), value)
  }
  return objects
}

const CONTAINER = 'Deployment spec template spec containers'
const [deployment, service] = [app('v1')[1], app('v1')[2]] as [KubeObject, KubeObject]
const second = { ...service, metadata: { name: 'other' } }

const REFUSED: [what: string, objects: KubeObject[], says: RegExp][] = [
  ['nothing of a release', [object('ConfigMap', 'a')], /no Deployment among ConfigMap\/a; a release needs one/],
  ['no Service', [deployment], /no Service selects the pods of Deployment\/web \(labels \{"app":"web"\}\)/],
  [
    'two Deployments',
    [...app('v1'), { ...deployment, metadata: { name: 'b' } }],
    /2 Deployments \(Deployment\/web, Deployment\/b\); release each/,
  ],
  ['two Services', [...app('v1'), second], /Service\/web and Service\/other select the same pods/],
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
  ['no replicas', changed({ 'Deployment spec replicas': 0 }), /Deployment\/web: spec\.replicas is 0: .*>=1/],
  ['half a replica', changed({ 'Deployment spec replicas': 1.5 }), /spec\.replicas is 1\.5: .*int/],
  ['replicas as text', changed({ 'Deployment spec replicas': '3' }), /spec\.replicas is "3": .*number/],
  ['a paused Deployment', changed({ 'Deployment spec paused': true }), /spec\.paused is true: .*false/],
  ['no selector', changed({ 'Deployment spec selector': undefined }), /spec\.selector is missing/],
  ['no labels', changed({ 'Deployment spec template metadata labels': {} }), /spec\.template\.metadata\.labels: at least one label/],
  [
    'a label that is no text',
    changed({ 'Deployment spec template metadata labels app': true }),
    /spec\.template\.metadata\.labels\.app is true: .*string/,
  ],
  ['spec as text', changed({ 'Deployment spec': 'text' }), /Deployment\/web: spec is "text"/],
  ['containers as a map', changed({ [CONTAINER]: {} }), /spec\.template\.spec\.containers: .*array/],
  ['no containers', changed({ [CONTAINER]: [] }), /spec\.template\.spec\.containers: .*>=1/],
  ['a container that is none', changed({ [CONTAINER]: [null] }), /spec\.template\.spec\.containers\.0 is null/],
  ['a Service without ports', changed({ 'Service spec ports': [] }), /Service\/web: spec\.ports: .*>=1/],
  ['a port that is none', changed({ 'Service spec ports': [{ port: 70000 }] }), /spec\.ports\.0\.port is 70000: .*<=65535/],
  ['a Service without endpoints', changed({ 'Service spec type': 'ExternalName' }), /spec\.type is "ExternalName": .*"ClusterIP"/],
  ['a name that leaves no room', changed({ 'Deployment metadata name': 'a'.repeat(58) }), /longer than 57 characters/],
  ['a Service name that leaves no room', changed({ 'Service metadata name': 'a'.repeat(56) }), /longer than 55 characters/],
  [
    'an autoscaler',
    [...app('v1'), object('HorizontalPodAutoscaler', 'web', { scaleTargetRef: { name: 'web' } })],
    /HorizontalPodAutoscaler\/web scales/,
  ],
]

test.each(REFUSED)('%s is refused', (_, objects, says) => {
  expect(() => sortParts(objects)).toThrow(says)
})

test('objects go where a release needs them, whatever shape the others have', () => {
  const others = ['text', null, [], 5].map((spec, i) => object('Thing', `odd-${i}`, spec))
  const parts = sortParts([...others, object('Role', 'r'), object('Namespace', 'n'), object('ConfigMap', 'c'), ...app('v1')])
  const names = (objects: KubeObject[]) => objects.map(({ metadata }) => metadata.name)
  expect(names(parts.config)).toEqual(['web-settings'])
  expect(names(parts.prerequisites)).toEqual(['n', 'c', 'r'])
  expect(names(parts.shared)).toEqual(['odd-0', 'odd-1', 'odd-2', 'odd-3'])
})

test('a color is on everything that is its own, and the manifests stay free of it', () => {
  const before = app('v1')
  const mine = { labelSelector: { matchLabels: { app: 'web' } } }
  const others = { labelSelector: { matchLabels: { app: 'db' } } }
  setAt(before[1] as KubeObject, '["spec","template","spec","topologySpreadConstraints"]', [mine, others])
  const parts = sortParts(structuredClone(before))
  const { workload, service: live, preview, config, selector } = renderColor(parts, 'shop', 'green', 7)
  expect(parts).toEqual(sortParts(before))
  expect([workload, live, preview, ...config].map(({ metadata }) => metadata.name)).toEqual([
    'web-green',
    'web',
    'web-preview',
    'web-settings-green',
  ])
  expect(selector).toEqual({ app: 'web', color: 'green' })
  expect(live.spec.selector).toEqual(selector)
  expect(preview.spec.selector).toEqual(selector)
  const { metadata, spec } = workload.spec.template
  expect(metadata.labels).toEqual({ app: 'web', color: 'green', 'devops-actions/release': 'shop', 'devops-actions/revision': '7' })
  expect(spec.containers[0]?.envFrom).toEqual([{ configMapRef: { name: 'web-settings-green' } }])
  expect(spec.topologySpreadConstraints).toEqual([{ labelSelector: { matchLabels: { app: 'web', color: 'green' } } }, others])
})

const partsWith = (...more: KubeObject[]): Parts => sortParts([...app('v1'), ...more])

test.each([
  ['ConfigMap', 'bluegreen-shop'],
  ['Lease', 'bluegreen-shop'],
  ['Secret', 'bluegreen-shop-r12'],
  ['Service', 'web-preview'],
  ['ConfigMap', 'web-settings-blue'],
  ['ConfigMap', 'web-settings-green'],
])('%s/%s would take the place of something that the release keeps', (kind, name) => {
  expect(() => refuseOwnNames(partsWith(object(kind, name)), 'shop')).toThrow(`manifests: ${kind}/${name} is the name of what release shop`)
})

test('names that only look so are free', () => {
  const others = ['bluegreen-shop-r', 'bluegreen-shop-r1x', 'bluegreen-shops-r1'].map((name) => object('Secret', name))
  const parts = partsWith(object('ConfigMap', 'bluegreen-other'), object('ConfigMap', 'web-blue'), ...others)
  expect(() => refuseOwnNames(parts, 'shop')).not.toThrow()
})
