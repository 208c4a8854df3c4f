import { z } from 'zod'
import { type KubeObject, nameOf, selects } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, LabelSelector, Labels, PodSpec, Service } from '../../shared/kubernetes/objects/read.ts'
import { parseReference } from '../manifests/images.ts'
import { describe, ManifestError } from '../manifests/yaml.ts'

export type Color = 'blue' | 'green'
export const otherColor = (color: Color): Color => (color === 'blue' ? 'green' : 'blue')
export const isColor = (value: unknown): value is Color => value === 'blue' || value === 'green'

/** The label whose value decides which pods a Service sends traffic to. */
export const COLOR = 'color'
/** On everything that a release owns: the release's name. */
export const RELEASE = 'devops-actions/release'
export const REVISION = 'devops-actions/revision'
/** On preview Services, so that monitors can leave them out. */
export const PREVIEW = 'devops-actions/preview'

/** The user's manifests, color-free, taken apart by what a release does with them. */
export interface Parts {
  workload: Deployment
  service: Service
  /** ConfigMaps and Secrets that the pods read: each color gets its own, so that the way back finds the old ones. */
  config: KubeObject[]
  /** Must exist before the pods; created when absent, and changed with the switch. */
  prerequisites: KubeObject[]
  /** Everything else: changes with the switch. */
  shared: KubeObject[]
}

// In the order in which things depend on each other; what is not here comes after.
const PREREQUISITES = ['Namespace', 'CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'ServiceAccount', 'Secret', 'ConfigMap']
PREREQUISITES.push('PersistentVolume', 'PersistentVolumeClaim', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding')

/** Finds the one Deployment and the one Service of a release. Throws a ManifestError that says what is missing or too many. */
export function sortParts(objects: KubeObject[]): Parts {
  unique(objects)
  const workloads = objects.filter((object) => object.kind === 'Deployment' && object.apiVersion.startsWith('apps/'))
  const [first] = workloads
  if (!first) throw new ManifestError(`manifests: no Deployment among ${objects.slice(0, 10).map(nameOf).join(', ')}; a release needs one`)
  if (workloads.length > 1) {
    const names = workloads.slice(0, 10).map(nameOf).join(', ')
    throw new ManifestError(`manifests: ${workloads.length} Deployments (${names}); release each under a name of its own`)
  }
  const workload = checkWorkload(first)
  const { labels } = workload.spec.template.metadata
  // As if its pods had a color: a Service that selects one by itself is refused for just that.
  const services = objects
    .filter(isService)
    .filter(({ spec }) => selects(spec?.selector, { ...labels, [COLOR]: spec?.selector?.[COLOR] ?? '' }))
  const [found] = services
  if (!found) {
    throw new ManifestError(
      `manifests: no Service selects the pods of ${nameOf(workload)} (labels ${JSON.stringify(labels)}); traffic could not be switched`,
    )
  }
  if (services.length > 1) {
    throw new ManifestError(`manifests: ${services.map(nameOf).join(' and ')} select the same pods; a release switches one Service`)
  }
  const service = checkService(found)
  const scaler = objects.find((object) => (object as Scaler).spec?.scaleTargetRef?.name === workload.metadata.name)
  if (scaler) {
    const name = nameOf(scaler)
    throw new ManifestError(
      `manifests: ${name} scales ${nameOf(workload)}, of which there will be two; autoscaling of colors is not supported yet`,
    )
  }
  const used = configNames(workload)
  const config = objects.filter((object) => used.has(`${object.kind}/${object.metadata.name}`))
  const rest = objects.filter((object) => object !== first && object !== found && !config.includes(object))
  const order = (object: KubeObject) => PREREQUISITES.indexOf(object.kind)
  return {
    workload,
    service,
    config,
    prerequisites: rest.filter((object) => order(object) >= 0).sort((a, b) => order(a) - order(b)),
    shared: rest.filter((object) => order(object) < 0),
  }
}

function unique(objects: KubeObject[]): void {
  const seen = new Set<string>()
  for (const object of objects) {
    const key = `${object.apiVersion.split('/').at(-2) ?? ''} ${object.kind}/${object.metadata.name}`
    if (seen.has(key)) throw new ManifestError(`manifests: ${nameOf(object)} is there twice`)
    seen.add(key)
  }
}

interface Scaler extends KubeObject {
  spec?: { scaleTargetRef?: { name?: string } | null } | null
}

interface MaybeService extends KubeObject {
  spec?: { selector?: Labels | null } | null
}
const isService = (object: KubeObject): object is MaybeService => object.kind === 'Service' && object.apiVersion === 'v1'

const labelsShape = z.record(z.string(), z.string()).refine((labels) => Object.keys(labels).length > 0, 'at least one label is needed')
const namedShape = z.looseObject({ name: z.string() }).partial()
const sourceShape = z
  .looseObject({ configMap: namedShape, secret: z.looseObject({ name: z.string(), secretName: z.string() }).partial() })
  .partial()
const containerShape = z.looseObject({
  name: z.string(),
  image: z.string().refine((image) => parseReference(image) !== undefined, 'a reference such as ghcr.io/org/backend:v2 is needed'),
  envFrom: z.array(z.looseObject({ configMapRef: namedShape, secretRef: namedShape }).partial()).optional(),
  env: z
    .array(z.looseObject({ valueFrom: z.looseObject({ configMapKeyRef: namedShape, secretKeyRef: namedShape }).partial() }).partial())
    .optional(),
})
const termsShape = z.array(z.looseObject({})).optional()
const affinityShape = z.looseObject({
  requiredDuringSchedulingIgnoredDuringExecution: termsShape,
  preferredDuringSchedulingIgnoredDuringExecution: termsShape,
})
const podShape = z.looseObject({
  containers: z.array(containerShape).min(1),
  initContainers: z.array(containerShape).optional(),
  volumes: z.array(sourceShape.extend({ projected: z.looseObject({ sources: z.array(sourceShape).optional() }).optional() })).optional(),
  imagePullSecrets: z.array(namedShape).optional(),
  affinity: z.looseObject({ podAffinity: affinityShape, podAntiAffinity: affinityShape }).partial().optional(),
  topologySpreadConstraints: termsShape,
})
const workloadShape = z.looseObject({
  replicas: z.int().min(1).optional(),
  paused: z.literal(false).optional(), // its pods would never come
  selector: z.looseObject({ matchLabels: labelsShape }),
  template: z.looseObject({
    metadata: z.looseObject({ labels: labelsShape, annotations: z.record(z.string(), z.string()).nullish() }),
    spec: podShape,
  }),
})
const serviceShape = z.looseObject({
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).optional(), // what has endpoints
  selector: labelsShape,
  ports: z.array(z.looseObject({ port: z.int().min(1).max(65535), name: z.string().optional() })).min(1),
})

/** The fields that the release itself works with are checked here; the API server's dry run checks the rest. */
function checkShape(object: KubeObject, shape: z.ZodType): void {
  const issue = z.object({ spec: shape }).safeParse(object).error?.issues[0]
  if (!issue) return
  const value = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], object)
  const is = typeof value === 'object' && value !== null ? '' : ` is ${describe(value)}`
  throw new ManifestError(`manifests: ${nameOf(object)}: ${issue.path.join('.')}${is}: ${issue.message}`)
}

function checkWorkload(object: KubeObject): Deployment {
  checkShape(object, workloadShape)
  const workload = object as Deployment
  const name = nameOf(workload)
  const { selector, template } = workload.spec
  if (COLOR in template.metadata.labels || COLOR in selector.matchLabels) {
    throw new ManifestError(`manifests: ${name} has a label ${COLOR} of its own; keep the manifests free of colors, the release adds them`)
  }
  if (workload.metadata.name.length > 57) {
    throw new ManifestError(`manifests: the name of ${name} is longer than 57 characters, which leaves no room for the color`)
  }
  return workload
}

function checkService(object: KubeObject): Service {
  checkShape(object, serviceShape)
  const service = object as Service
  const name = nameOf(service)
  if (COLOR in service.spec.selector) {
    throw new ManifestError(`manifests: ${name} selects a ${COLOR}; keep the manifests free of colors, the release adds them`)
  }
  if (service.metadata.name.length > 55) {
    throw new ManifestError(`manifests: the name of ${name} is longer than 55 characters, which leaves no room for its preview`)
  }
  return service
}

/** Calls `visit` with each place in a pod that names a ConfigMap or Secret; `visit` may return another name to put there. */
function visitConfig(pod: PodSpec, visit: (kind: 'ConfigMap' | 'Secret', name: string) => string): void {
  const at = <Field extends string>(place: { [name in Field]?: string } | undefined, field: Field, kind: 'ConfigMap' | 'Secret') => {
    const name = place?.[field]
    if (place && name !== undefined) Object.assign(place, { [field]: visit(kind, name) })
  }
  for (const container of [...(pod.initContainers ?? []), ...(pod.containers ?? [])]) {
    for (const source of container.envFrom ?? []) {
      at(source.configMapRef, 'name', 'ConfigMap')
      at(source.secretRef, 'name', 'Secret')
    }
    for (const variable of container.env ?? []) {
      at(variable.valueFrom?.configMapKeyRef, 'name', 'ConfigMap')
      at(variable.valueFrom?.secretKeyRef, 'name', 'Secret')
    }
  }
  for (const volume of pod.volumes ?? []) {
    for (const source of [volume, ...(volume.projected?.sources ?? [])]) {
      at(source.configMap, 'name', 'ConfigMap')
      at(source.secret, volume === source ? 'secretName' : 'name', 'Secret')
    }
  }
  for (const secret of pod.imagePullSecrets ?? []) at(secret, 'name', 'Secret')
}

function configNames(workload: Deployment): Set<string> {
  const names = new Set<string>()
  visitConfig(workload.spec.template.spec, (kind, name) => {
    names.add(`${kind}/${name}`)
    return name
  })
  return names
}

/** What one color of a release consists of, ready to be applied. */
export interface Rendered {
  config: KubeObject[]
  workload: Deployment
  preview: Service
  service: Service
  /** What the color's pods are selected by. */
  selector: Record<string, string>
}

/** Gives the parts a color. The user's objects stay as they are; copies are returned. */
export function renderColor(parts: Parts, release: string, color: Color, revision: number): Rendered {
  const workload = structuredClone(parts.workload)
  const service = structuredClone(parts.service)
  const { spec } = workload
  const own = { [RELEASE]: release, [COLOR]: color }
  const plainLabels = parts.workload.spec.template.metadata.labels
  workload.metadata.name += `-${color}`
  workload.metadata.labels = { ...workload.metadata.labels, ...own, [REVISION]: String(revision) }
  spec.selector.matchLabels[COLOR] = color
  spec.template.metadata.labels = { ...plainLabels, ...own, [REVISION]: String(revision) }
  colorPlacement(spec.template.spec, plainLabels, color)

  const config = parts.config.map((object) => {
    const copy = structuredClone(object)
    copy.metadata.name += `-${color}`
    copy.metadata.labels = { ...copy.metadata.labels, ...own }
    return copy
  })
  const renamed = new Set(parts.config.map((object) => `${object.kind}/${object.metadata.name}`))
  visitConfig(spec.template.spec, (kind, name) => (renamed.has(`${kind}/${name}`) ? `${name}-${color}` : name))

  const selector = { ...service.spec.selector, [COLOR]: color }
  service.spec.selector = selector
  service.metadata.labels = { ...service.metadata.labels, [RELEASE]: release }
  // Only our own labels: a ServiceMonitor that selects the user's does not pick it up.
  const ports = parts.service.spec.ports.map((port) => ({ ...port, nodePort: undefined }))
  const preview: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${service.metadata.name}-preview`, labels: { [RELEASE]: release, [PREVIEW]: 'true' } },
    spec: { type: 'ClusterIP', selector, ports },
  }
  if (service.metadata.namespace) preview.metadata.namespace = service.metadata.namespace
  return { config, workload, preview, service, selector: { ...spec.selector.matchLabels } }
}

/** Affinity and spread terms that mean the pods themselves mean only those of their color: else five blue and five green pods would need ten nodes. */
function colorPlacement(pod: PodSpec, labels: Labels, color: Color): void {
  const terms: { labelSelector?: LabelSelector }[] = [...(pod.topologySpreadConstraints ?? [])]
  for (const affinity of [pod.affinity?.podAffinity, pod.affinity?.podAntiAffinity]) {
    terms.push(...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []))
    for (const preferred of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) terms.push(preferred.podAffinityTerm ?? {})
  }
  for (const { labelSelector } of terms) {
    if (labelSelector && matchesLabels(labelSelector, labels)) labelSelector.matchLabels = { ...labelSelector.matchLabels, [COLOR]: color }
  }
}

function matchesLabels(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) return false
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      if (operator === 'In') return value !== undefined && values.includes(value)
      if (operator === 'NotIn') return value === undefined || !values.includes(value)
      return (operator === 'Exists') === (value !== undefined)
    })
  )
}
