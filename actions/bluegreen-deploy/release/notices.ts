// What a person should know of manifests before they are released.
import { z } from 'zod'
import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment } from '../../shared/kubernetes/objects/read.ts'
import { ManifestError } from '../manifests/yaml.ts'
import { matchesLabels } from './labels.ts'
import { isBuiltIn } from './makers.ts'

// Of objects that nobody has looked at yet: what has another shape is for the API server to refuse.
const target = z.looseObject({ kind: z.string(), name: z.string() }).optional().catch(undefined)
const restShape = z.looseObject({
  spec: z
    .looseObject({
      selector: z.unknown().optional(),
      accessModes: z.array(z.string()).catch([]),
      targetRef: target,
      workloadRef: target,
    })
    .optional()
    .catch(undefined),
})
const specOf = (object: KubeObject | undefined) => restShape.parse(object ?? {}).spec
const mountsShape = z.array(z.looseObject({ name: z.string(), readOnly: z.boolean().optional() })).catch([])

/** Kinds whose selector is a promise about the pods that serve. A ServiceMonitor selects Services, and so follows what serves. */
const PROMISES = ['PodDisruptionBudget', 'PodMonitor']
/** API groups of routes, monitors and scalers: pods read nothing that is made from them. */
const ASIDE =
  /^([a-z.]+\.)?(monitoring\.coreos\.com|autoscaling\.k8s\.io|istio\.io|gateway\.networking\.k8s\.io|traefik\.(io|containo\.us)|projectcontour\.io)\//
/** Volumes that a pod has for itself, or cannot write. */
const PRIVATE = ['emptyDir', 'configMap', 'secret', 'projected', 'downwardAPI', 'ephemeral', 'csi', 'image', 'persistentVolumeClaim']

/**
 * The notices of a release: `late` is what comes with the switch, `rest` whatever belongs to no color. Throws a ManifestError for a volume
 * that both colors would write.
 */
export function noticesOf(workloads: Deployment[], late: KubeObject[], rest: KubeObject[]): string[] {
  return [
    ...workloads.flatMap((workload) => recreated(workload)),
    ...workloads.flatMap((workload) => volumes(workload, rest)),
    ...workloads.flatMap(mounts),
    ...workloads.flatMap(nodePorts),
    ...rest.flatMap((object) => counting(object, workloads)),
    ...rest.flatMap((object) => meaning(object, workloads)),
    ...rest.flatMap(jobs),
    ...made(late),
  ]
}

function recreated(workload: Deployment): string[] {
  const { strategy } = workload.spec as { strategy?: { type?: string } | null }
  if (strategy?.type !== 'Recreate') return []
  return [
    `${nameOf(workload)} has the strategy Recreate: pods of both versions run at once while the release bakes, which it says must not be`,
  ]
}

/** A volume that one node may mount for writing, in pods of both colors. */
function volumes(workload: Deployment, rest: KubeObject[]): string[] {
  const claims = (workload.spec.template.spec.volumes ?? []).flatMap(
    (volume) => (volume as { persistentVolumeClaim?: { claimName?: string } }).persistentVolumeClaim?.claimName ?? [],
  )
  for (const name of claims) {
    const claim = rest.find(({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.name === name)
    const modes = specOf(claim)?.accessModes ?? []
    if (!modes.includes('ReadWriteMany') && modes.some((mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod'))
      throw new ManifestError(
        `manifests: the pods of ${nameOf(workload)} use PersistentVolumeClaim/${name} (${modes.join(', ')}): both colors would write to one volume; keep the data in a service of its own, or use ReadWriteMany`,
      )
  }
  const unknown = claims.filter((name) => !rest.some(({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.name === name))
  if (unknown.length === 0) return []
  return [
    `the pods of ${nameOf(workload)} use the claim ${unknown.join(', ')}: pods of both versions use it at once while the release bakes`,
  ]
}

/** Folders of the node and disks that a pod names itself, where it may write. */
function mounts(workload: Deployment): string[] {
  const pod = workload.spec.template.spec
  const written = new Set(
    [...(pod.initContainers ?? []), ...pod.containers].flatMap((container) =>
      mountsShape.parse((container as { volumeMounts?: unknown }).volumeMounts).flatMap(({ name, readOnly }) => (readOnly ? [] : [name])),
    ),
  )
  const shared = (pod.volumes ?? []).flatMap((volume) => {
    const { name, ...source } = volume as { name?: string }
    const kind = Object.keys(source).find((key) => !PRIVATE.includes(key))
    return kind !== undefined && name !== undefined && written.has(name) ? [`${name} (${kind})`] : []
  })
  if (shared.length === 0) return []
  return [`the pods of ${nameOf(workload)} write to ${shared.join(', ')}: pods of both versions do so at once while the release bakes`]
}

/** A port of the node can be had by one pod only. */
function nodePorts(workload: Deployment): string[] {
  const pod = workload.spec.template.spec as Deployment['spec']['template']['spec'] & { hostNetwork?: boolean }
  const ports = pod.containers.flatMap(({ ports }) => (ports ?? []).flatMap((port) => (port as { hostPort?: number }).hostPort || []))
  const what = pod.hostNetwork ? 'the network of their node' : ports.length ? `port ${ports.join(', ')} of their node` : undefined
  if (what === undefined) return []
  return [`the pods of ${nameOf(workload)} take ${what}: pods of both colors need a node each, else the candidate's do not come up`]
}

function counting(object: KubeObject, workloads: Deployment[]): string[] {
  if (!PROMISES.includes(object.kind)) return []
  const selector = specOf(object)?.selector
  const all = typeof selector === 'object' && selector !== null && Object.keys(selector).length === 0
  const counts = all || workloads.some(({ spec }) => matchesLabels(selector, spec.template.metadata.labels))
  return counts ? [`${nameOf(object)} counts the pods of both colors, also those of the one that is kept warm without traffic`] : []
}

/** What works on a Deployment by its name (a VerticalPodAutoscaler, another tool's release) finds none of that name. */
function meaning(object: KubeObject, workloads: Deployment[]): string[] {
  const spec = specOf(object)
  const found = [spec?.targetRef, spec?.workloadRef].find(
    (one) => one?.kind === 'Deployment' && workloads.some(({ metadata }) => metadata.name === one.name),
  )
  if (!found) return []
  return [
    `${nameOf(object)} works on Deployment/${found.name}, and there is none of that name: the release's are called ${found.name}-blue and -green`,
  ]
}

function jobs(object: KubeObject): string[] {
  if (object.kind !== 'Job') return []
  return [
    `${nameOf(object)} is applied with the switch: the new version serves before it has run. A Job cannot be changed: give it a name per version`,
  ]
}

const SHOWN = 5

function made(late: KubeObject[]): string[] {
  const custom = late.filter((object) => !isBuiltIn(object) && !ASIDE.test(object.apiVersion)).map(nameOf)
  if (custom.length === 0) return []
  const more = custom.length > SHOWN ? ` and ${custom.length - SHOWN} more` : ''
  const verb = custom.length > 1 ? 'are' : 'is'
  return [
    `${custom.slice(0, SHOWN).join(', ')}${more} ${verb} applied with the switch: what is made from it is not there yet when the candidate's pods start`,
  ]
}
