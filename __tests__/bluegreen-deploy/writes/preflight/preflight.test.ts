import { expect, test } from '@jest/globals'
import { ApiError } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import type { Call } from '../../../support/memory-cluster.ts'
import { object } from '../../room.ts'
import { scene, service } from './scene.ts'

const OWN = { 'devops-actions/release': 'web' }

test('a release that may go on is not held up, also beside others and over its own last one', async () => {
  const { cluster, run } = scene([object('Ingress', 'web', {}, 'networking.k8s.io/v1'), object('ServiceAccount', 'web')])
  cluster.put(service('web', { app: 'web', color: 'green' }, OWN))
  cluster.put(service('web-preview', { app: 'web', color: 'blue' }, { ...OWN, 'devops-actions/preview': 'true' }))
  cluster.put({ ...object('ConfigMap', 'web-settings-green'), metadata: { name: 'web-settings-green', namespace: 'shop', labels: OWN } })
  cluster.put(service('api', { app: 'api' }))
  cluster.put(service('outside', undefined))
  cluster.put({ ...service('elsewhere', { app: 'web' }), metadata: { name: 'elsewhere', namespace: 'other' } })
  expect(await run()).toBeUndefined()
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
