import { expect, test } from '@jest/globals'
import { configNames, mentions, visitConfig } from '../../../actions/bluegreen-deploy/release/references.ts'
import { sortRelease } from '../../../actions/bluegreen-deploy/release/sort.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { PodSpec } from '../../../actions/shared/kubernetes/objects/read.ts'
import { object } from '../room.ts'
import { app } from '../stage.ts'
import { changed } from './changed.ts'

const everywhere = (): PodSpec => ({
  initContainers: [{ name: 'i', envFrom: [{ configMapRef: { name: 'a' } }] }],
  containers: [
    {
      name: 'c',
      envFrom: [{ secretRef: { name: 'b' } }],
      env: [{ valueFrom: { configMapKeyRef: { name: 'c' } } }, { valueFrom: { secretKeyRef: { name: 'd' } } }, {}],
    },
  ],
  volumes: [
    { configMap: { name: 'e' } },
    { secret: { secretName: 'f' } },
    { projected: { sources: [{ configMap: { name: 'g' } }, { secret: { name: 'h' } }] } },
    {},
  ],
  imagePullSecrets: [{ name: 'j' }, {}],
})

test('every place in a pod that names a ConfigMap or Secret is found', () => {
  expect([...configNames(everywhere())]).toEqual([
    'ConfigMap/a',
    'Secret/b',
    'ConfigMap/c',
    'Secret/d',
    'ConfigMap/e',
    'Secret/f',
    'ConfigMap/g',
    'Secret/h',
    'Secret/j',
  ])
})

test('what a visit gives takes the place of the name, and nothing else changes', () => {
  const pod = everywhere()
  visitConfig(pod, (kind, name) => `${kind === 'Secret' ? 's' : 'm'}-${name}`)
  expect(JSON.stringify(pod).match(/"[sm]-[a-j]"/g)).toHaveLength(9)
  const back = structuredClone(pod)
  visitConfig(back, (_, name) => name.slice(2))
  expect(back).toEqual(everywhere())
})

test.each<[string, object]>([
  ['an Ingress’s TLS', { spec: { tls: [{ hosts: ['a'], secretName: 'settings' }] } }],
  ['a ServiceAccount’s pull secrets', { imagePullSecrets: [{ name: 'settings' }] }],
  ['a ServiceAccount’s secrets', { secrets: [{ name: 'settings' }] }],
  ['a Role', { rules: [{ resources: ['configmaps'], resourceNames: ['other', 'settings'] }] }],
  [
    'a CronJob’s pods',
    { spec: { jobTemplate: { spec: { template: { spec: { containers: [{ envFrom: [{ configMapRef: { name: 'settings' } }] }] } } } } } },
  ],
  ['a CronJob’s volume', { spec: { jobTemplate: { spec: { template: { spec: { volumes: [{ configMap: { name: 'settings' } }] } } } } } }],
  ['a custom resource', { spec: { credentialsSecretRef: { name: 'settings', key: 'password' } } }],
  ['an annotation', { metadata: { name: 'x', annotations: { 'nginx.ingress.kubernetes.io/auth-secret': 'settings' } } }],
  [
    'an annotation with a namespace',
    { metadata: { name: 'x', annotations: { 'nginx.ingress.kubernetes.io/auth-tls-secret': 'n/settings' } } },
  ],
  ['a flag', { spec: { containers: [{ args: ['--configmap=$(NAMESPACE)/settings'] }] } }],
  ['a word after a flag', { spec: { containers: [{ command: ['run', '--tls-secret', 'settings'] }] } }],
  ['a variable', { spec: { containers: [{ env: [{ name: 'CONFIG_MAP', value: 'settings' }] }] } }],
])('%s mentions a configuration', (_, fields) => {
  const one = { ...object('Thing', 'x'), ...fields }
  expect(mentions(one, 'settings')).toBe(true)
  expect(mentions(one, 'setting')).toBe(false)
})

test.each<[string, object]>([
  ['its own name', { metadata: { name: 'settings' } }],
  ['text in it', { data: { file: 'settings' } }],
  ['a name of something else', { spec: { scaleTargetRef: { name: 'settings' }, backend: { service: { name: 'settings' } } } }],
  ['something far below a key that speaks of configuration', { spec: { config: { a: { b: { c: 'settings' } } } } }],
  ['a path', { spec: { containers: [{ args: ['--config=/etc/settings', '--config', '/etc/settings'] }] } }],
  ['another flag', { spec: { containers: [{ args: ['--host=settings'], env: [{ name: 'HOST', value: 'settings' }] }] } }],
  ['another annotation', { metadata: { name: 'x', annotations: { group: 'n/settings' } } }],
])('%s is no mention', (_, fields) => {
  expect(mentions({ ...object('Thing', 'x'), ...fields }, 'settings')).toBe(false)
})

const others: [string, KubeObject][] = [
  [
    'a CronJob',
    object(
      'CronJob',
      'x',
      { jobTemplate: { spec: { template: { spec: { containers: [{ envFrom: [{ configMapRef: { name: 'web-settings' } }] }] } } } } },
      'batch/v1',
    ),
  ],
  ['an Ingress', object('Ingress', 'x', { tls: [{ secretName: 'web-settings' }] }, 'networking.k8s.io/v1')],
  ['a ServiceAccount', { ...object('ServiceAccount', 'x'), imagePullSecrets: [{ name: 'web-settings' }] }],
  ['a Role', { ...object('Role', 'x', undefined, 'rbac.authorization.k8s.io/v1'), rules: [{ resourceNames: ['web-settings'] }] }],
]
const plainOf = (objects: KubeObject[]): string[] =>
  sortRelease('web', objects)
    .prerequisites.filter(({ kind }) => kind === 'ConfigMap')
    .map(({ metadata }) => metadata.name)

test.each(others)('what %s names stays under its own name too, beside the copies of the colors', (_, other) => {
  expect(plainOf([...app('v1'), other])).toEqual(['web-settings'])
  expect(sortRelease('web', [...app('v1'), other]).config.map(({ metadata }) => metadata.name)).toEqual(['web-settings'])
})

test('what only the pods name has no plain copy', () => {
  expect(plainOf(app('v1'))).toEqual([])
  expect(plainOf([...app('v1'), object('Thing', 'x', { name: 'web-settings' })])).toEqual([])
})

test('what a Deployment names where nothing can be renamed stays too', () => {
  const csi = [{ csi: { nodePublishSecretRef: { name: 'web-settings' } } }]
  expect(plainOf(changed({ 'Deployment spec template spec volumes': csi }))).toEqual(['web-settings'])
})

test('pods that may read every ConfigMap through the API server find it under its own name', () => {
  const role = (rule: object, kind = 'Role') => ({ ...object(kind, 'x', undefined, 'rbac.authorization.k8s.io/v1'), rules: [rule] })
  const reads = { apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['get', 'list'] }
  expect(plainOf([...app('v1'), role(reads)])).toEqual(['web-settings'])
  expect(plainOf([...app('v1'), role({ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, 'ClusterRole')])).toEqual(['web-settings'])
  for (const other of [{ resources: ['secrets'] }, { verbs: ['create'] }, { apiGroups: ['apps'] }, { resourceNames: ['x'] }])
    expect(plainOf([...app('v1'), role({ ...reads, ...other })])).toEqual([])
})
