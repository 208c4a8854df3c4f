// Manifests in which something odd stands in one place: text where a list is meant, null where a map is.
import { expect, test } from '@jest/globals'
import { ownObjects } from '../../../actions/bluegreen-deploy/manifests/foreign.ts'
import { ManifestError, parseManifests } from '../../../actions/bluegreen-deploy/manifests/yaml.ts'
import { contentOf } from '../../../actions/bluegreen-deploy/release/content.ts'
import { renderRevision } from '../../../actions/bluegreen-deploy/release/render.ts'
import { sortRelease } from '../../../actions/bluegreen-deploy/release/sort.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { object } from '../room.ts'
import { changed } from './changed.ts'

type Place = Record<string | number, unknown>

function put(objects: KubeObject[], path: (string | number)[], value: unknown): void {
  const last = path.at(-1) ?? 0
  const place = path.slice(0, -1).reduce<unknown>((inner, key) => (inner as Place)[key], objects)
  ;(place as Place)[last] = value
}

/** Every place of an object, by its path. */
function placesOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return path.length ? [path] : []
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return [...(path.length ? [path] : []), ...entries.flatMap(([key, inner]) => placesOf(inner, [...path, key]))]
}

const ODD = [null, 'text', 5, true, [], {}, [null], { a: null }]
const richest: KubeObject[] = [
  object('PodDisruptionBudget', 'p', {
    selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
  }),
  object('VerticalPodAutoscaler', 'v', { targetRef: { kind: 'Deployment', name: 'web' } }, 'autoscaling.k8s.io/v1'),
  object('PersistentVolumeClaim', 'data', { accessModes: ['ReadWriteMany'], volumeName: 'pv' }),
  object('StatefulSet', 'db', { template: { metadata: { labels: { app: 'db' } } } }, 'apps/v1'),
  object('HorizontalPodAutoscaler', 'h', { scaleTargetRef: { kind: 'StatefulSet', name: 'db' } }, 'autoscaling/v2'),
  {
    ...object('Role', 'r', undefined, 'rbac.authorization.k8s.io/v1'),
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
  } as KubeObject,
  object('ExternalSecret', 'db', { secretStoreRef: { name: 'vault' } }, 'external-secrets.io/v1'),
  ...changed({
    'Deployment spec strategy': { type: 'Recreate' },
    'Deployment spec template spec': {
      volumes: [
        { name: 'h', hostPath: { path: '/a' } },
        { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'c', csi: { volumeAttributes: { secretProviderClass: 'k' } } },
        { name: 'p', projected: { sources: [{ secret: { name: 'db' } }] } },
      ],
      topologySpreadConstraints: [{ labelSelector: { matchLabels: { app: 'web' } } }],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] } },
          ],
          preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: { labelSelector: { matchLabels: { app: 'web' } } } }],
        },
      },
      imagePullSecrets: [{ name: 'db' }],
      containers: [
        {
          name: 'web',
          image: 'web:v1',
          args: ['--configmap', 'n/web-settings'],
          env: [
            { name: 'CONFIG', value: 'web-settings' },
            { name: 'B', valueFrom: { secretKeyRef: { name: 'db', key: 'a' } } },
          ],
          envFrom: [{ configMapRef: { name: 'web-settings' } }],
          ports: [{ name: 'http', containerPort: 3000, hostPort: 80 }],
          volumeMounts: [{ name: 'h' }],
        },
      ],
    },
  }),
]

test('whatever stands in any place, it is taken or refused by name, and never ends in an error of the program', () => {
  const places = placesOf(richest)
  expect(places.length).toBeGreaterThan(150)
  for (const path of places) {
    for (const odd of ODD) {
      const copy = structuredClone(richest)
      put(copy, path, structuredClone(odd))
      try {
        const objects = copy.flatMap((one, i) => (i === path[0] ? parseManifests(JSON.stringify(one), 'x') : [one]))
        const release = sortRelease('web', ownObjects(objects).objects)
        renderRevision(release, contentOf(objects, release.workloads), { color: 'blue', revision: 1 })
      } catch (error) {
        if (!(error instanceof ManifestError)) throw new Error(`${path.join('.')} = ${JSON.stringify(odd)}`, { cause: error })
      }
    }
  }
})
