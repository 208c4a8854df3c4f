import { expect, test } from '@jest/globals'
import { ApiError } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { Discovery } from '../../../../actions/shared/kubernetes/api/discovery.ts'

const fault = (status: number) => new ApiError('discover', '/x', status, { message: 'no' })
const LISTS: Record<string, unknown> = {
  '/apis/networking.k8s.io/v1': {
    resources: [
      { name: 'ingresses', kind: 'Ingress', namespaced: true },
      { name: 'ingresses/status', kind: 'Ingress', namespaced: false },
      null,
      { name: 7, kind: 'Ingress' },
      { name: 'ingressclasses', kind: 'IngressClass', namespaced: false },
    ],
  },
  '/apis/networking.k8s.io': {
    versions: [null, { groupVersion: 1 }, { groupVersion: 'networking.k8s.io/v1' }, { groupVersion: 'networking.k8s.io/v1beta1' }],
  },
  '/api/v1': {},
}

/** A discovery of these lists, and what it asked for; `faults` are what it gets first. */
function discovery(...faults: Error[]): { discovery: Discovery; asked: string[] } {
  const asked: string[] = []
  const read = async (path: string) => {
    asked.push(path)
    const error = faults.shift() ?? (path in LISTS ? undefined : fault(404))
    if (error) throw error
    return LISTS[path]
  }
  return { discovery: new Discovery(read), asked }
}

test.each([
  ['v1', 'Pod', 'shop', '/api/v1/namespaces/shop/pods', 0],
  ['v1', 'Pod', undefined, '/api/v1/pods', 0],
  ['v1', 'Namespace', 'shop', '/api/v1/namespaces', 0],
  ['apps/v1', 'Deployment', 'shop', '/apis/apps/v1/namespaces/shop/deployments', 0],
  ['authorization.k8s.io/v1', 'SelfSubjectRulesReview', undefined, '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', 0],
  ['coordination.k8s.io/v1', 'Lease', 'shop', '/apis/coordination.k8s.io/v1/namespaces/shop/leases', 0],
  ['networking.k8s.io/v1', 'Ingress', 'shop', '/apis/networking.k8s.io/v1/namespaces/shop/ingresses', 1],
  ['networking.k8s.io/v1', 'IngressClass', 'shop', '/apis/networking.k8s.io/v1/ingressclasses', 1],
])('%s %s in %s lies at %s; %d questions', async (apiVersion, kind, namespace, path, questions) => {
  const { discovery: found, asked } = discovery()
  expect((await found.path({ apiVersion, kind }, namespace)).path).toBe(path)
  expect(asked).toHaveLength(questions)
})

test('a group version is asked for once, also by several at the same time', async () => {
  const { discovery: found, asked } = discovery()
  await Promise.all(['Ingress', 'IngressClass', 'Ingress'].map((kind) => found.serves('networking.k8s.io/v1', kind)))
  expect(asked).toEqual(['/apis/networking.k8s.io/v1'])
})

test.each([
  [
    'networking.k8s.io/v1beta2',
    'Ingress',
    /does not serve Ingress in networking.k8s.io\/v1beta2; it serves networking.k8s.io\/v1, networking.k8s.io\/v1beta1 of this group/,
  ],
  ['networking.k8s.io/v1', 'Ingres', /does not serve Ingres in networking.k8s.io\/v1; it serves/],
  ['argoproj.io/v1alpha1', 'Rollout', /knows nothing of this group \(is the CRD installed\?\)/],
  ['v1', 'Deployment', /does not serve Deployment in v1; it serves v1 of this group/],
  ['../v1', 'Pod', /knows nothing of this group/],
])('%s %s is an error that says what there is', async (apiVersion, kind, message) => {
  await expect(discovery().discovery.path({ apiVersion, kind }, 'shop')).rejects.toThrow(message)
})

test('a fault is no answer: it is thrown, and the next one asks again', async () => {
  const { discovery: found, asked } = discovery(fault(403))
  await expect(found.serves('networking.k8s.io/v1', 'Ingress')).rejects.toMatchObject({ status: 403 })
  expect(await found.serves('networking.k8s.io/v1', 'Ingress')).toMatchObject({ served: true, plural: 'ingresses' })
  expect(asked).toHaveLength(2)
  const other = discovery(fault(404), fault(500))
  await expect(other.discovery.serves('example/v1', 'Thing')).rejects.toMatchObject({ status: 500 })
})
