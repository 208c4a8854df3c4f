import { type KubeObject, nameOf, selects } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, Labels, Service } from '../../shared/kubernetes/objects/read.ts'
import { ManifestError } from '../manifests/yaml.ts'
import { isBuiltIn, makersOf } from './makers.ts'
import type { Entry, Release } from './model.ts'
import { COLOR, configName, ORDER } from './names.ts'
import { noticesOf } from './notices.ts'
import { configNames, letsRead, mentions, withoutKnownNames } from './references.ts'
import { checkService, checkWorkload } from './shapes.ts'

// In the order in which things depend on each other; what is not here comes after.
const PREREQUISITES = ['Namespace', 'CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'ServiceAccount', 'Secret', 'ConfigMap']
PREREQUISITES.push('PersistentVolume', 'PersistentVolumeClaim', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding')
// Databases and the like, with the Services under which the pods know them.
PREREQUISITES.push('Endpoints', 'EndpointSlice', 'Service', 'StatefulSet', 'DaemonSet')

/** Takes the objects of a release apart. Throws a ManifestError that names what is missing, too much, or cannot have colors. */
export function sortRelease(name: string, objects: KubeObject[]): Release {
  unique(objects)
  const deployments = objects.filter(isDeployment)
  if (deployments.length === 0) throw new ManifestError(`manifests: no Deployment among ${listed(objects)}; a release needs one`)
  const workloads = deployments.map(checkWorkload)
  const entries = entriesOf(objects, workloads)
  refuseUnreached(workloads, entries)
  refuseScalers(objects, workloads)
  const used = new Set(workloads.flatMap((workload) => [...configNames(workload.spec.template.spec)]))
  const config = objects.filter((object) => used.has(nameOf(object)))
  refuseSameName(name, config)
  const services = entries.map(({ service }): KubeObject => service)
  const rest = objects.filter((object) => !deployments.includes(object) && !services.includes(object) && !config.includes(object))
  // What anything else names stays under its own name too, beside the copies of the colors.
  const elsewhere = [...rest, ...workloads.map(withoutKnownNames)]
  const plain = config.filter(({ kind, metadata }) => elsewhere.some((other) => mentions(other, metadata.name) || letsRead(other, kind)))
  const makers = makersOf(workloads, objects)
  // What somebody makes the pods' configuration from comes last: the pods' own prerequisites are then there for it too.
  const order = (object: KubeObject) =>
    makers.includes(object) ? PREREQUISITES.length : isBuiltIn(object) ? PREREQUISITES.indexOf(object.kind) : -1
  return {
    name,
    workloads,
    entries,
    config,
    prerequisites: [...rest, ...plain].filter((object) => order(object) >= 0).sort((a, b) => order(a) - order(b)),
    shared: rest.filter((object) => order(object) < 0),
    notices: noticesOf(
      workloads,
      rest.filter((object) => order(object) < 0),
      rest,
    ),
  }
}

const isDeployment = ({ kind, apiVersion }: KubeObject): boolean => kind === 'Deployment' && apiVersion.startsWith('apps/')
const listed = (objects: readonly KubeObject[]): string => {
  const rest = objects.length - 10
  return `${objects.slice(0, 10).map(nameOf).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function unique(objects: KubeObject[]): void {
  const seen = new Set<string>()
  for (const object of objects) {
    const key = `${object.apiVersion.split('/').at(-2) ?? ''} ${object.kind}/${object.metadata.name}`
    if (seen.has(key)) throw new ManifestError(`manifests: ${nameOf(object)} is there twice`)
    seen.add(key)
  }
}

interface MaybeService extends KubeObject {
  spec?: { selector?: Labels | null } | null
}
const isService = (object: KubeObject): object is MaybeService => object.kind === 'Service' && object.apiVersion === 'v1'

/** Whether a selector means these pods, as if they had a color: one that names a color by itself is refused for just that. */
const means = (selector: Labels | null | undefined, labels: Labels): boolean =>
  selects(selector, { ...labels, [COLOR]: selector?.[COLOR] ?? '' })

function entriesOf(objects: KubeObject[], workloads: Deployment[]): Entry[] {
  const entries = objects.filter(isService).flatMap((object): Entry[] => {
    const own = workloads.filter((workload) => means(object.spec?.selector, workload.spec.template.metadata.labels))
    if (own.length === 0) return []
    refuseMixed(object, objects)
    return [{ service: checkService(object), workloads: own.map(({ metadata }) => metadata.name) }]
  })
  const place = new Map(entries.map((entry) => [entry, orderOf(entry.service)]))
  return entries.sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0))
}

interface Templated extends KubeObject {
  spec?: { template?: { metadata?: { labels?: Labels | null } | null } | null } | null
}

/** A Service that selects a color no longer selects pods which have none. */
function refuseMixed(service: MaybeService, objects: KubeObject[]): void {
  const other = objects.find(
    (object) =>
      ['StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController'].includes(object.kind) &&
      selects(service.spec?.selector, (object as Templated).spec?.template?.metadata?.labels ?? undefined),
  )
  if (other)
    throw new ManifestError(
      `manifests: ${nameOf(service)} selects the pods of ${nameOf(other)} too, which get no color and would lose their traffic; give it a Service of its own`,
    )
}

function orderOf({ metadata }: Service): number {
  const text = metadata.annotations?.[ORDER]
  if (text === undefined) return 0
  if (!/^-?\d{1,9}$/.test(text))
    throw new ManifestError(
      `manifests: Service/${metadata.name}: the annotation ${ORDER} is ${JSON.stringify(text)}; a whole number is needed`,
    )
  return Number(text)
}

function refuseUnreached(workloads: Deployment[], entries: Entry[]): void {
  const reached = new Set(entries.flatMap((entry) => entry.workloads))
  const missed = workloads.filter(({ metadata }) => !reached.has(metadata.name))
  if (missed.length === 0) return
  const those = missed.map((workload) => `${nameOf(workload)} (labels ${JSON.stringify(workload.spec.template.metadata.labels)})`)
  throw new ManifestError(
    `manifests: no Service selects the pods of ${those.join(', ')}: there is no traffic that could be switched; a Deployment without a Service cannot be released yet, apply it apart from this release`,
  )
}

interface Scaler extends KubeObject {
  spec?: { scaleTargetRef?: { kind?: string; name?: string } | null } | null
}

function refuseScalers(objects: KubeObject[], workloads: Deployment[]): void {
  const found = objects.flatMap((object) => {
    const target = (object as Scaler).spec?.scaleTargetRef
    if ((target?.kind ?? 'Deployment') !== 'Deployment' || !workloads.some(({ metadata }) => metadata.name === target?.name)) return []
    return [`${nameOf(object)} scales Deployment/${target?.name}`]
  })
  if (found.length)
    throw new ManifestError(
      `manifests: ${found.join(', ')}, of which there will be two; autoscaling of colors is not supported yet: take it out of the manifests, and give the Deployment as many replicas as it needs`,
    )
}

function refuseSameName(release: string, config: KubeObject[]): void {
  const seen = new Map<string, string>()
  for (const { kind, metadata } of config) {
    const name = `${kind}/${configName(release, metadata.name, 'blue')}`
    const other = seen.get(name)
    if (other !== undefined)
      throw new ManifestError(`manifests: ${kind}/${other} and ${kind}/${metadata.name} would both be ${name}; rename one of them`)
    if (name.length - kind.length > 250)
      throw new ManifestError(`manifests: the name of ${kind}/${metadata.name} is too long: it leaves no room for the color`)
    seen.set(name, metadata.name)
  }
}
