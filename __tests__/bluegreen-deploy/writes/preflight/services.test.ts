import { expect, test } from '@jest/globals'
import { PreflightError } from '../../../../actions/bluegreen-deploy/writes/preflight/error.ts'
import { ApiError, type KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { object } from '../../room.ts'
import { scene, service } from './scene.ts'

const OWN = { 'devops-actions/release': 'web' }

test.each<[string, KubeObject, string | undefined]>([
  [
    'another that selects the pods',
    service('all', { app: 'web' }),
    'Service/all would send traffic to the candidate before it is verified: it selects {"app":"web"}',
  ],
  ['another that selects a color of the pods', service('blue', { app: 'web', color: 'blue' }), 'Service/blue would send traffic'],
  ['another that selects the pods by the release', service('r', OWN), 'Service/r would send traffic'],
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
  [
    'its own preview, made by somebody',
    service('web-preview', { app: 'other' }),
    'manifests: Service/web-preview is in the way: it was not made by a release',
  ],
  [
    'its own preview, of another release',
    service('web-preview', {}, { 'devops-actions/release': 'api' }),
    'manifests: Service/web-preview is in the way: it belongs to release api',
  ],
  [
    'an entry that left the manifests, and was switched',
    service('admin', { app: 'other', color: 'blue' }, OWN),
    'Service/admin was switched by an earlier revision of release web, and is not in the manifests any more: its users would stay with the old color. Keep it in the manifests, or delete it from the cluster first',
  ],
  ['a shared one that left the manifests', service('db', { app: 'db' }, OWN), undefined],
  ['an entry of another release', service('admin', { app: 'other', color: 'blue' }, { 'devops-actions/release': 'api' }), undefined],
  [
    'a forgotten preview of its own',
    service('old-preview', { app: 'old', color: 'blue' }, { ...OWN, 'devops-actions/preview': 'true' }),
    undefined,
  ],
])('a Service that is there: %s', async (_, there, message) => {
  const { cluster, run } = scene()
  cluster.put(there)
  const error = await run()
  expect(error?.message.slice(0, message?.length)).toBe(message)
  if (message) expect(error).toBeInstanceOf(PreflightError)
})

const hpa = (name: string, target: object): KubeObject => ({
  ...object('HorizontalPodAutoscaler', name, { scaleTargetRef: target }, 'autoscaling/v2'),
  metadata: { name, namespace: 'shop' },
})

function scaled(...autoscalers: KubeObject[]) {
  const made = scene()
  const { cluster } = made
  for (const one of autoscalers) cluster.put(one)
  const serves = cluster.serves.bind(cluster)
  cluster.serves = async (apiVersion, kind) =>
    kind === 'HorizontalPodAutoscaler' ? { served: true, namespaced: true, plural: 'horizontalpodautoscalers' } : serves(apiVersion, kind)
  return made
}

test.each(['web-blue', 'web-green'])('an autoscaler of the cluster that scales %s is refused', async (name) => {
  const error = await scaled(hpa('h', { kind: 'Deployment', name })).run()
  expect(error).toBeInstanceOf(PreflightError)
  expect(error?.message).toMatch(new RegExp(`^HorizontalPodAutoscaler/h scales Deployment/${name}, whose size the release decides`))
})

test('autoscalers of others are none of ours, nor are those that say nothing', async () => {
  const others = [
    hpa('a', { kind: 'Deployment', name: 'web' }),
    hpa('b', { kind: 'StatefulSet', name: 'web-blue' }),
    hpa('c', {}),
    { ...hpa('d', { kind: 'Deployment', name: 'web-blue' }), metadata: { name: 'd', namespace: 'other' } },
  ]
  expect(await scaled(...others).run()).toBeUndefined()
})

test('who may not list autoscalers is told that they are not looked for; another fault is the error', async () => {
  const { run, told } = scaled(hpa('h', { kind: 'Deployment', name: 'web-blue' }))
  const fault = (status: number) => ({
    before: ({ verb, kind }: { verb: string; kind: string }) => {
      if (verb === 'list' && kind === 'HorizontalPodAutoscaler') throw new ApiError('list', kind, status, { message: 'no' })
    },
  })
  expect(await run(fault(403))).toBeUndefined()
  expect(told).toEqual(['autoscalers of the colors are not looked for: that takes list of horizontalpodautoscalers'])
  expect(await run(fault(500))).toMatchObject({ status: 500 })
})
