// What a person should know of manifests before they are released.
import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, LabelSelector } from '../../shared/kubernetes/objects/read.ts'
import { ManifestError } from '../manifests/yaml.ts'
import { matchesLabels } from './labels.ts'

interface Selecting extends KubeObject {
  spec?: { selector?: LabelSelector | null; podSelector?: LabelSelector | null; accessModes?: string[] | null } | null
}

/** Kinds whose selector is a promise about the pods that serve. */
const PROMISES = ['PodDisruptionBudget', 'ServiceMonitor', 'PodMonitor', 'VerticalPodAutoscaler']
/** API groups whose objects nobody but Kubernetes itself acts on. */
const BUILT_IN =
  /^(v1|(apps|batch|autoscaling|policy|networking\.k8s\.io|rbac\.authorization\.k8s\.io|storage\.k8s\.io|scheduling\.k8s\.io)\/.*)$/

/** The notices of a release. Throws a ManifestError for a volume that both colors would write. */
export function noticesOf(workloads: Deployment[], config: KubeObject[], rest: KubeObject[]): string[] {
  return [
    ...workloads.flatMap((workload) => recreated(workload)),
    ...workloads.flatMap((workload) => volumes(workload, rest)),
    ...rest.flatMap((object) => counting(object, workloads)),
    ...rest.flatMap(jobs),
    ...rest.flatMap((object) => made(object, config)),
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
    const claim = rest.find(({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.name === name) as Selecting | undefined
    const modes = claim?.spec?.accessModes ?? []
    if (modes.some((mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod'))
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

function counting(object: KubeObject, workloads: Deployment[]): string[] {
  if (!PROMISES.includes(object.kind)) return []
  const selector = (object as Selecting).spec?.selector
  const counts = workloads.some(({ spec }) => selector && matchesLabels(selector, spec.template.metadata.labels))
  return counts ? [`${nameOf(object)} counts the pods of both colors, also those of the one that is kept warm without traffic`] : []
}

function jobs(object: KubeObject): string[] {
  if (object.kind !== 'Job') return []
  return [
    `${nameOf(object)} is applied with the switch: the new version serves before it has run. A Job cannot be changed: give it a name per version`,
  ]
}

function made(object: KubeObject, config: KubeObject[]): string[] {
  if (BUILT_IN.test(object.apiVersion) || config.includes(object)) return []
  return [`${nameOf(object)} is applied with the switch: what is made from it is not there yet when the candidate's pods start`]
}
