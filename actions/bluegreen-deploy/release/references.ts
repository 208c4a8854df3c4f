// Where objects name ConfigMaps and Secrets.
import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, PodSpec } from '../../shared/kubernetes/objects/read.ts'

/** Calls `visit` with each place in a pod that names a ConfigMap or Secret; what `visit` returns is put there. */
export function visitConfig(pod: PodSpec, visit: (kind: 'ConfigMap' | 'Secret', name: string) => string): void {
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

/** `Kind/name` of every ConfigMap and Secret that a pod reads. */
export function configNames(pod: PodSpec): Set<string> {
  const names = new Set<string>()
  visitConfig(pod, (kind, name) => {
    names.add(`${kind}/${name}`)
    return name
  })
  return names
}

const NAMES_CONFIG = /secret|config|resourceNames/i

/**
 * Whether an object names a ConfigMap or Secret called `name`: a value that equals it, under a key that speaks of secrets, configuration or
 * resource names, or one level below such a key (an Ingress's TLS, a ServiceAccount's pull secrets, a Role, a Job's pods, a custom resource).
 */
export function mentions(object: KubeObject, name: string): boolean {
  const { apiVersion: _, kind: __, metadata: ___, ...fields } = object
  return found(fields, name, 0)
}

/** `near` counts down from 2 below a key that speaks of configuration; lists do not count. */
function found(value: unknown, name: string, near: number): boolean {
  if (value === name) return near > 0
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some((item) => found(item, name, near))
  return Object.entries(value).some(([key, inner]) => found(inner, name, NAMES_CONFIG.test(key) ? 2 : near - 1))
}

/** A Deployment without the places in its pods that `visitConfig` knows: what still names a ConfigMap or Secret cannot be renamed. */
export function withoutKnownNames(workload: Deployment): KubeObject {
  const rest = structuredClone(workload)
  visitConfig(rest.spec.template.spec, () => '')
  return rest
}
