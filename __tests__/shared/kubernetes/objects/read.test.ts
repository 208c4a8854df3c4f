// The border: what the API server writes is taken as it is, and what is not of its kind is refused by its name and field.
import { describe, expect, test } from '@jest/globals'
import type { KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import {
  CONFIG_MAP,
  DEPLOYMENT,
  ENDPOINT_SLICE,
  EVENT,
  getOf,
  type Kind,
  LEASE,
  listOf,
  ObjectError,
  POD,
  SECRET,
  SERVICE,
  select,
} from '../../../../actions/shared/kubernetes/objects/read.ts'
import { TestClock } from '../../../support/clock.ts'
import { setAt } from '../../../support/fields.ts'
import { MemoryCluster } from '../../../support/memory-cluster.ts'

/** A whole object of each kind, as an API server gives it, with fields that nobody here reads. */
const WHOLE: Record<string, [kind: Kind<KubeObject>, fields: object]> = {
  Pod: [
    POD,
    {
      spec: { containers: [{ name: 'web' }], nodeName: 'a' },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null }],
        containerStatuses: [{ name: 'web', imageID: 'web@sha256:1', ready: true, restartCount: 0, state: { running: {} }, lastState: {} }],
        initContainerStatuses: [{ name: 'init', state: { terminated: { exitCode: 0, reason: 'Completed', finishedAt: 'now' } } }],
        podIP: '10.0.0.1',
      },
    },
  ],
  Deployment: [
    DEPLOYMENT,
    {
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' }, annotations: { a: 'b' }, creationTimestamp: null },
          spec: { containers: [{ name: 'web', image: 'web:v1', ports: [{ name: 'http', containerPort: 80 }] }] },
        },
      },
      status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2, conditions: [{ type: 'A', status: 'True' }] },
    },
  ],
  Service: [
    SERVICE,
    { spec: { type: 'ClusterIP', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http', appProtocol: 'http' }] } },
  ],
  EndpointSlice: [
    ENDPOINT_SLICE,
    {
      ports: [{ name: 'http', port: 80 }],
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', uid: 'u', name: 'web-1' } }],
    },
  ],
  ConfigMap: [CONFIG_MAP, { data: { a: 'b' } }],
  Secret: [SECRET, { data: { a: 'Yg==' } }],
  Event: [EVENT, { type: 'Warning', reason: 'Failed', message: 'no', lastTimestamp: 'now', eventTime: null }],
  Lease: [LEASE, { spec: { holderIdentity: 'a', leaseDurationSeconds: 30, leaseTransitions: 1, acquireTime: 'now', renewTime: 'now' } }],
}

function objectOf(name: string): { kind: Kind<KubeObject>; object: KubeObject } {
  const [kind, fields] = WHOLE[name] ?? []
  if (!kind) throw new Error(`there is no ${name}`)
  const metadata = { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '7', generation: 1, creationTimestamp: 'now' }
  return { kind, object: { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...structuredClone(fields) } }
}

function changed(name: string, field: (string | number)[], value: unknown) {
  const { kind, object } = objectOf(name)
  // Places in lists are keys too.
  const path = field.slice(0, -1)
  const last = String(field.at(-1))
  const place = path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)[key], object)
  if (Array.isArray(place)) place[Number(last)] = value
  else setAt(place as Record<string, unknown>, JSON.stringify([last]), value)
  return { kind, object }
}

test.each(Object.keys(WHOLE))('a whole %s is taken as it is, with what nobody reads', (name) => {
  const { kind, object } = objectOf(name)
  expect(kind.read(structuredClone(object))).toEqual(object)
})

const NOT_THAT: Record<string, unknown[]> = {
  text: [5, {}, [], true],
  count: ['5', 1.5, -1, Number.NaN, 2 ** 60],
  list: ['text', {}, 5],
  map: ['text', 5, [], { a: 5 }, { a: null }],
  flag: ['true', 1],
  object: ['text', 5, []],
  port: [70_000, -1, 1.5],
}

const FIELDS: [string, (string | number)[], keyof typeof NOT_THAT][] = [
  ['Pod', ['metadata', 'name'], 'text'],
  ['Pod', ['metadata', 'uid'], 'text'],
  ['Pod', ['metadata', 'labels'], 'map'],
  ['Pod', ['metadata', 'annotations'], 'map'],
  ['Pod', ['metadata', 'generation'], 'count'],
  ['Pod', ['metadata', 'deletionTimestamp'], 'text'],
  ['Pod', ['metadata', 'finalizers'], 'list'],
  ['Pod', ['metadata', 'ownerReferences'], 'list'],
  ['Pod', ['status'], 'object'],
  ['Pod', ['status', 'phase'], 'text'],
  ['Pod', ['status', 'conditions'], 'list'],
  ['Pod', ['status', 'conditions', 0, 'status'], 'text'],
  ['Pod', ['status', 'containerStatuses'], 'list'],
  ['Pod', ['status', 'containerStatuses', 0, 'name'], 'text'],
  ['Pod', ['status', 'containerStatuses', 0, 'imageID'], 'text'],
  ['Pod', ['status', 'containerStatuses', 0, 'ready'], 'flag'],
  ['Pod', ['status', 'containerStatuses', 0, 'restartCount'], 'count'],
  ['Pod', ['status', 'containerStatuses', 0, 'state'], 'object'],
  ['Pod', ['status', 'initContainerStatuses', 0, 'state', 'terminated', 'reason'], 'text'],
  ['Deployment', ['spec'], 'object'],
  ['Deployment', ['spec', 'replicas'], 'count'],
  ['Deployment', ['spec', 'selector', 'matchLabels'], 'map'],
  ['Deployment', ['spec', 'template', 'metadata', 'labels'], 'map'],
  ['Deployment', ['spec', 'template', 'spec', 'containers'], 'list'],
  ['Deployment', ['spec', 'template', 'spec', 'containers', 0, 'ports', 0, 'containerPort'], 'port'],
  ['Deployment', ['status', 'observedGeneration'], 'count'],
  ['Deployment', ['status', 'availableReplicas'], 'count'],
  ['Deployment', ['status', 'updatedReplicas'], 'count'],
  ['Service', ['spec', 'selector'], 'map'],
  ['Service', ['spec', 'ports'], 'list'],
  ['Service', ['spec', 'ports', 0, 'port'], 'port'],
  ['Service', ['spec', 'ports', 0, 'targetPort'], 'port'],
  ['EndpointSlice', ['endpoints'], 'list'],
  ['EndpointSlice', ['endpoints', 0, 'addresses'], 'list'],
  ['EndpointSlice', ['endpoints', 0, 'conditions', 'ready'], 'flag'],
  ['EndpointSlice', ['endpoints', 0, 'targetRef', 'uid'], 'text'],
  ['ConfigMap', ['data'], 'map'],
  ['Secret', ['data'], 'map'],
  ['Event', ['message'], 'text'],
  ['Event', ['lastTimestamp'], 'text'],
  ['Lease', ['spec', 'holderIdentity'], 'text'],
  ['Lease', ['spec', 'leaseDurationSeconds'], 'text'],
]

describe.each(FIELDS)('%s %j', (name, field, want) => {
  test.each((NOT_THAT[want] ?? []).filter((value) => !(field.at(-1) === 'leaseDurationSeconds' && value === 5)))(
    `as %j is refused by the name of the object and the field`,
    (value) => {
      const { kind, object } = changed(name, field, value)
      const read = () => kind.read(object)
      expect(read).toThrow(ObjectError)
      expect(read).toThrow(field.at(-1) === 'name' && field[0] === 'metadata' ? `${name}/? cannot be read` : `${name}/web cannot be read: `)
      expect(read).toThrow(new RegExp(`: ${field.join('\\.')}`))
    },
  )
})

test.each<[string, (string | number)[], unknown]>([
  ['Pod', ['metadata', 'labels'], null],
  ['Pod', ['metadata', 'annotations'], null],
  ['Pod', ['metadata', 'creationTimestamp'], null],
  ['Pod', ['metadata', 'deletionTimestamp'], null],
  ['Pod', ['metadata', 'finalizers'], null],
  ['Pod', ['metadata', 'ownerReferences'], null],
  ['Pod', ['status'], null],
  ['Pod', ['status'], undefined],
  ['Pod', ['status', 'conditions'], null],
  ['Pod', ['status', 'containerStatuses'], null],
  ['Pod', ['status', 'containerStatuses', 0, 'state'], null],
  ['Pod', ['status', 'containerStatuses', 0, 'lastState'], null],
  ['Pod', ['status', 'initContainerStatuses', 0, 'state', 'terminated', 'finishedAt'], null],
  ['Deployment', ['status'], undefined],
  ['Deployment', ['status', 'conditions'], null],
  ['Deployment', ['spec', 'replicas'], undefined],
  ['Deployment', ['spec', 'template', 'metadata', 'annotations'], null],
  ['Deployment', ['spec', 'template', 'spec', 'containers', 0, 'ports'], null],
  ['Service', ['spec', 'selector'], null],
  ['Service', ['spec', 'ports'], null],
  ['Service', ['spec', 'ports', 0, 'targetPort'], undefined],
  ['Service', ['spec', 'ports', 0, 'appProtocol'], null],
  ['EndpointSlice', ['ports'], null],
  ['EndpointSlice', ['endpoints'], null],
  ['EndpointSlice', ['endpoints', 0, 'conditions'], null],
  ['EndpointSlice', ['endpoints', 0, 'conditions', 'ready'], null],
  ['EndpointSlice', ['endpoints', 0, 'targetRef'], null],
  ['EndpointSlice', ['ports', 0, 'name'], null],
  ['ConfigMap', ['data'], null],
  ['ConfigMap', ['data'], undefined],
  ['Event', ['lastTimestamp'], null],
  ['Lease', ['spec', 'holderIdentity'], null],
  ['Lease', ['spec', 'renewTime'], null],
])('%s %j may be %j: API servers write it so', (name, field, value) => {
  const { kind, object } = changed(name, field, value)
  expect(kind.read(object)).toBe(object)
})

test.each<[string, unknown]>([
  ['no metadata', undefined],
  ['metadata that is text', 'web'],
  ['metadata without a name', {}],
])('an object with %s is refused', (_, metadata) => {
  expect(() => POD.read({ apiVersion: 'v1', kind: 'Pod', metadata } as unknown as KubeObject)).toThrow('Pod/? cannot be read: metadata')
})

test('one object is read when it is asked for, and each of a list; what is not there is undefined', async () => {
  const cluster = new MemoryCluster(new TestClock())
  const where = { namespace: 'shop', name: 'web' }
  expect(await getOf(cluster, POD, where)).toBeUndefined()
  cluster.put(objectOf('Pod').object)
  expect((await getOf(cluster, POD, where))?.status?.phase).toBe('Running')
  const query = select(POD, { namespace: 'shop' })
  expect((await listOf(cluster, query)).map(({ metadata }) => metadata.name)).toEqual(['web'])
  cluster.put({ ...objectOf('Pod').object, metadata: { name: 'bad', namespace: 'shop' }, status: { phase: 5 } })
  await expect(listOf(cluster, query)).rejects.toThrow('Pod/bad cannot be read: status.phase: ')
  await expect(getOf(cluster, POD, { namespace: 'shop', name: 'bad' })).rejects.toThrow(ObjectError)
})
