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
    object('PodDisruptionBudget', 'none', { selector: {} }, 'policy/v1'),
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
  expect(noticesOf([...changed(claims('data')), claim('data', 'ReadWriteMany')])).toEqual([])
  expect(noticesOf([...changed(claims('data', 'more')), claim('data', 'ReadOnlyMany')])).toEqual([
    'the pods of Deployment/web use the claim more: pods of both versions use it at once while the release bakes',
  ])
})

test.each([
  ['PodDisruptionBudget', 'policy/v1', { matchLabels: { app: 'web' } }],
  ['PodDisruptionBudget', 'policy/v1', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }],
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
