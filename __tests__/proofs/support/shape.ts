// What a release of a proof is made of: the example's backend alone, or backend and web together, with three Services.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject, Deployment } from '../../../actions/shared/kubernetes/objects/read.ts'
import { BACKEND } from '../../../sandbox/images.ts'
import { EXAMPLE, root } from './world.ts'

export interface Shape {
  /** The folders of its manifests. */
  folders: string[]
  /** Each Service that users reach, and the Deployment behind it; the first bears the release's name. */
  entries: Record<string, string>
  /** ConfigMaps of each color, without the color, and those that stay under their own name. */
  config: string[]
  plain: string[]
  /** What changes with the switch, and back with the way back. */
  follows: { apiVersion: string; kind: string; name: string }[]
}

const WEB = 'examples/secure-messenger/web/k8s'
const account = (name: string) => ({ apiVersion: 'v1', kind: 'ServiceAccount', name })
const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', name: 'backend' }

export const ALONE: Shape = {
  folders: [EXAMPLE],
  entries: { backend: 'backend' },
  config: ['backend'],
  plain: [],
  follows: [account('backend'), budget],
}

/** Two Deployments and three Services, with what belongs to a front end. */
export const PAIR: Shape = {
  folders: [EXAMPLE, WEB],
  entries: { backend: 'backend', 'backend-ws': 'backend', web: 'web' },
  config: ['backend', 'backend-web'],
  plain: ['web'], // a Role names it
  follows: [
    account('backend'),
    budget,
    account('web'),
    { apiVersion: 'v1', kind: 'ConfigMap', name: 'web' },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', name: 'web' },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', name: 'web' },
    { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'secure-messenger' },
    { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', name: 'web' },
  ],
}

/** The manifests of a shape with one version in all pods; the example's image serves for both Deployments. */
export async function shapeManifests({ folders, entries }: Shape, version: string): Promise<KubeObject[]> {
  const objects: KubeObject[] = []
  for (const folder of folders) {
    for (const file of (await readdir(join(root, folder))).sort()) {
      for (const document of parseAllDocuments(await readFile(join(root, folder, file), 'utf8')))
        objects.push(document.toJS() as KubeObject)
    }
  }
  for (const object of objects.filter(({ kind }) => kind === 'Deployment'))
    for (const container of (object as Deployment).spec.template.spec.containers) container.image = `${BACKEND}:${version}`
  const own = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name)
  for (const [name, workload] of Object.entries(entries)) {
    const model = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === workload)
    if (!own.includes(name) && model) objects.push({ ...structuredClone(model), metadata: { name } })
  }
  return objects
}

/** The same with little of everything, each object labeled with its version: config of each color, a prerequisite, and what changes with the switch. */
export async function stageManifests(shape: Shape, version: string, replicas: number): Promise<KubeObject> {
  const items = await shapeManifests(shape, version)
  for (const item of items) {
    if (item.kind === 'ConfigMap') (item as DataObject).data = { DRAIN_MS: '300' }
    if (item.kind !== 'Deployment') continue
    const { spec } = item as Deployment
    spec.replicas = replicas
    for (const container of spec.template.spec.containers) Object.assign(container.readinessProbe ?? {}, { failureThreshold: 1 })
  }
  items.push({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'backend' } })
  const spec = { maxUnavailable: 1, selector: { matchLabels: { app: 'backend' } } }
  items.push({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'backend' }, spec })
  for (const { apiVersion, kind, name } of shape.follows) {
    const object = items.find((item) => item.apiVersion === apiVersion && item.kind === kind && item.metadata.name === name)
    if (!object) throw new Error(`the manifests have no ${kind}/${name}`)
    object.metadata.labels = { ...object.metadata.labels, version }
  }
  return { apiVersion: 'v1', kind: 'List', metadata: { name: '' }, items }
}
