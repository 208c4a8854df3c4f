import { expect, test } from '@jest/globals'
import { PreflightError } from '../../../../actions/bluegreen-deploy/writes/preflight/error.ts'
import { ApiError, type KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { object } from '../../room.ts'
import { scene } from './scene.ts'

const ingress = object('Ingress', 'web', {}, 'networking.k8s.io/v1')

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

test('every object is tried, the entry under its own name, what is made anew under one that nothing has', async () => {
  const { cluster, run } = scene([ingress])
  const tried: string[] = []
  cluster.admission = ({ kind, metadata }) => void tried.push(`${kind}/${metadata.name}`)
  expect(await run()).toBeUndefined()
  expect(tried.toSorted()).toEqual(
    ['ConfigMap/web-settings-blue-x', 'Deployment/web-blue-x', 'Service/web-preview-x', 'Service/web', 'Ingress/web'].toSorted(),
  )
})

test('a field of another manager is named; one of our own other way of writing is none', async () => {
  const { cluster, run } = scene([{ ...ingress, spec: { host: 'a' } }])
  const live: KubeObject = { ...ingress, metadata: { name: 'web', namespace: 'shop' }, spec: { host: 'b' } }
  await cluster.create(live)
  expect(await run()).toBeUndefined()
  await cluster.apply(live, { force: true }, 'argocd')
  expect((await run())?.message).toContain('Ingress/web has fields of another manager: .spec.host belongs to "argocd"')
})

test.each([0, 401, 408, 410, 429, 500, 503])('an API server that fails with %d says nothing about the manifests', async (status) => {
  const { cluster, run } = scene()
  cluster.admission = ({ kind, metadata }) => {
    if (kind === 'Deployment') throw new ApiError('apply', `Deployment/${metadata.name}`, status, { message: 'no' })
  }
  const error = await run()
  expect(error).toBeInstanceOf(Error)
  expect(error).not.toBeInstanceOf(PreflightError)
  // Told by the name that the user knows.
  expect(error?.message).toContain('cannot apply Deployment/web:')
  expect(error?.cause).toMatchObject({ status })
})

test('a shared object of another release is not taken', async () => {
  const { cluster, run } = scene([ingress])
  const labels = { 'devops-actions/release': 'api' }
  cluster.apply = async (one) => (one.kind === 'Ingress' ? { ...one, metadata: { ...one.metadata, labels } } : one)
  expect((await run())?.message).toBe(
    'manifests: the API server refuses an object:\nIngress/web: is there and belongs to release api; rename it',
  )
})

test('values of a Secret are not told, whatever the API server quotes', async () => {
  const { cluster, run } = scene([object('Secret', 'token')])
  cluster.admission = ({ kind }) => {
    if (kind === 'Secret') throw new ApiError('apply', kind, 422, { message: 'data[a]: Invalid value: "hunter2": no, {"b":"hunter2"}' })
  }
  expect((await run())?.message).toBe('manifests: the API server refuses an object:\nSecret/token: data[a]: Invalid value: …: no, …')
})

test('a Job that cannot be changed says what to do; pages of values are cut, the field and the reason stay', async () => {
  const { cluster, run } = scene([object('Job', 'migrate', undefined, 'batch/v1')])
  const serves = cluster.serves.bind(cluster)
  cluster.serves = async (apiVersion, kind) =>
    kind === 'Job' ? { served: true, namespaced: true, plural: 'jobs' } : serves(apiVersion, kind)
  const said = `spec.template: Invalid value: ${'x'.repeat(5_000)}: field is immutable`
  cluster.admission = ({ kind }) => {
    if (kind === 'Job') throw new ApiError('apply', kind, 422, { message: said })
  }
  expect((await run())?.message).toBe(
    'manifests: the API server refuses an object:\nJob/migrate: spec.template: …field is immutable. A Job cannot be changed: give it a name per version, or set ttlSecondsAfterFinished and wait until it is gone',
  )
})
