import { expect, test } from '@jest/globals'
import { sortRelease } from '../../../actions/bluegreen-deploy/release/sort.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { object } from '../room.ts'
import { app } from '../stage.ts'
import { changed } from './changed.ts'

const noticesOf = (objects: KubeObject[]): string[] => sortRelease('web', objects).notices
const claims = (...names: string[]) => ({
  'Deployment spec template spec volumes': names.map((claimName) => ({ persistentVolumeClaim: { claimName } })),
})
const claim = (name: string, ...accessModes: string[]) => object('PersistentVolumeClaim', name, { accessModes })

test('an ordinary release needs no word', () => {
  const rest = [
    object('Ingress', 'web', {}, 'networking.k8s.io/v1'),
    object('NetworkPolicy', 'web', { podSelector: { matchLabels: { app: 'web' } } }, 'networking.k8s.io/v1'),
    object('CronJob', 'web', {}, 'batch/v1'),
    object('ServiceAccount', 'web'),
    object('PodDisruptionBudget', 'db', { selector: { matchLabels: { app: 'db' } } }, 'policy/v1'),
    object('PodDisruptionBudget', 'none', {}, 'policy/v1'),
    object('ServiceMonitor', 'web', { selector: { matchLabels: { app: 'web' } } }, 'monitoring.coreos.com/v1'),
    object('VirtualService', 'web', {}, 'networking.istio.io/v1'),
    object('HTTPRoute', 'web', {}, 'gateway.networking.k8s.io/v1'),
    object('CustomResourceDefinition', 'things.example.com', {}, 'apiextensions.k8s.io/v1'),
    object('ValidatingWebhookConfiguration', 'web', {}, 'admissionregistration.k8s.io/v1'),
    object('VerticalPodAutoscaler', 'db', { targetRef: { kind: 'StatefulSet', name: 'web' } }, 'autoscaling.k8s.io/v1'),
  ]
  expect(noticesOf([...app('v1'), ...rest])).toEqual([])
})

test('the strategy Recreate says that two versions must not run at once, which they do', () => {
  expect(noticesOf(changed({ 'Deployment spec strategy': { type: 'Recreate' } }))).toEqual([
    expect.stringContaining('Deployment/web has the strategy Recreate: pods of both versions run at once'),
  ])
  expect(noticesOf(changed({ 'Deployment spec strategy': { type: 'RollingUpdate' } }))).toEqual([])
})

test.each(['ReadWriteOnce', 'ReadWriteOncePod'])('a volume that both colors would write to (%s) is refused', (mode) => {
  expect(() => noticesOf([...changed(claims('data')), claim('data', mode)])).toThrow(
    `manifests: the pods of Deployment/web use PersistentVolumeClaim/data (${mode}): both colors would write to one volume`,
  )
})

test('a claim that several nodes may write is no matter; one that the manifests do not bring is said', () => {
  expect(noticesOf([...changed(claims('data')), claim('data', 'ReadWriteOnce', 'ReadWriteMany')])).toEqual([])
  expect(noticesOf([...changed(claims('data')), claim('data', 'ReadWriteMany')])).toEqual([])
  expect(noticesOf([...changed(claims('data', 'more')), claim('data', 'ReadOnlyMany')])).toEqual([
    'the pods of Deployment/web use the claim more: pods of both versions use it at once while the release bakes',
  ])
})

test.each([
  ['PodDisruptionBudget', 'policy/v1', { matchLabels: { app: 'web' } }],
  ['PodDisruptionBudget', 'policy/v1', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }],
  ['PodDisruptionBudget', 'policy/v1', {}],
  ['PodMonitor', 'monitoring.coreos.com/v1', { matchLabels: { app: 'web' } }],
])('%s of %s that counts the pods (%j) counts those of both colors', (kind, apiVersion, selector) => {
  expect(noticesOf([...app('v1'), object(kind, 'web', { selector }, apiVersion)])).toEqual([
    `${kind}/web counts the pods of both colors, also those of the one that is kept warm without traffic`,
  ])
})

test('a Job is run too late, and a custom resource is made too late', () => {
  expect(noticesOf([...app('v1'), object('Job', 'migrate', {}, 'batch/v1'), object('SealedSecret', 's', {}, 'bitnami.com/v1')])).toEqual([
    expect.stringContaining('Job/migrate is applied with the switch: the new version serves before it has run'),
    expect.stringContaining('SealedSecret/s is applied with the switch: what is made from it is not there yet'),
  ])
})

test('custom resources that come too late are told in one line', () => {
  const things = Array.from({ length: 7 }, (_, i) => object('Thing', `t${i}`, {}, 'example.com/v1'))
  expect(noticesOf([...app('v1'), ...things])).toEqual([
    expect.stringMatching(/^Thing\/t0, Thing\/t1, Thing\/t2, Thing\/t3, Thing\/t4 and 2 more are applied with the switch/),
  ])
})

test.each([
  ['VerticalPodAutoscaler', { targetRef: { kind: 'Deployment', name: 'web' } }],
  ['Canary', { targetRef: { kind: 'Deployment', name: 'web' } }],
  ['Rollout', { workloadRef: { kind: 'Deployment', name: 'web' } }],
])('a %s that works on a Deployment by its name finds none', (kind, spec) => {
  expect(noticesOf([...app('v1'), object(kind, 'x', spec, 'autoscaling.k8s.io/v1')])).toContain(
    `${kind}/x works on Deployment/web, and there is none of that name: the release's are called web-blue and -green`,
  )
})

const CONTAINERS = 'Deployment spec template spec containers'
const container = (fields: object) => [{ name: 'web', image: 'registry.example/web:v1', ...fields }]
const mounted = (source: object, mount: object) =>
  changed({
    'Deployment spec template spec volumes': [{ name: 'v', ...source }],
    [CONTAINERS]: container({ volumeMounts: [{ name: 'v', ...mount }] }),
  })

test('a volume that both versions write to is told; one that is read only, or the pod’s own, is not', () => {
  const says = 'the pods of Deployment/web write to v (hostPath): pods of both versions do so at once while the release bakes'
  expect(noticesOf(mounted({ hostPath: { path: '/data' } }, {}))).toEqual([says])
  expect(noticesOf(mounted({ hostPath: { path: '/data' } }, { readOnly: true }))).toEqual([])
  expect(noticesOf(mounted({ emptyDir: {} }, {}))).toEqual([])
})

test('pods that take a port of their node need a node for each color', () => {
  expect(noticesOf(changed({ [CONTAINERS]: container({ ports: [{ containerPort: 80, hostPort: 80 }] }) }))).toEqual([
    "the pods of Deployment/web take port 80 of their node: pods of both colors need a node each, else the candidate's do not come up",
  ])
  expect(noticesOf(changed({ 'Deployment spec template spec hostNetwork': true }))).toEqual([
    expect.stringContaining('take the network of their node'),
  ])
})
