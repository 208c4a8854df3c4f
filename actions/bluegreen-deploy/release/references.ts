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
/** Words in a command line or a variable after which a ConfigMap or Secret may be named. */
const SPEAKS_OF_CONFIG = /secret|config|cert|credential/i

/**
 * Whether an object names a ConfigMap or Secret called `name`: a value that equals it, under a key that speaks of secrets, configuration or
 * resource names, or one level below such a key (an Ingress's TLS, a ServiceAccount's pull secrets, a Role, a Job's pods, a custom resource);
 * an annotation; or a word of a container's command line or variable (`--configmap=$(NAMESPACE)/name`).
 */
export function mentions(object: KubeObject, name: string): boolean {
  const { apiVersion: _, kind: __, metadata, ...fields } = object
  return found({ ...fields, annotations: metadata.annotations }, name, 0)
}

/** `near` counts down from 2 below a key that speaks of configuration; lists do not count. */
function found(value: unknown, name: string, near: number): boolean {
  if (value === name) return near > 0
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some((item) => found(item, name, near) || inVariable(item, name))
  return Object.entries(value).some(
    ([key, inner]) =>
      found(inner, name, NAMES_CONFIG.test(key) ? 2 : near - 1) ||
      (key === 'annotations' && inAnnotation(inner, name)) ||
      ((key === 'args' || key === 'command') && Array.isArray(inner) && inWords(inner, name)),
  )
}

/** `nginx.ingress.kubernetes.io/auth-tls-secret: namespace/name`. */
const inAnnotation = (annotations: unknown, name: string): boolean =>
  Object.entries(annotations ?? {}).some(([key, text]) => NAMES_CONFIG.test(key) && typeof text === 'string' && text.endsWith(`/${name}`))

function inVariable(item: unknown, name: string): boolean {
  const { name: variable, value } = (item ?? {}) as { name?: unknown; value?: unknown }
  return typeof variable === 'string' && typeof value === 'string' && inWords([variable, value], name)
}

/** A word counts when it, or the one before it, speaks of configuration. What is an absolute path names a file. */
function inWords(words: unknown[], name: string): boolean {
  return words.some((word, i) => {
    const before = words[i - 1]
    if (typeof word !== 'string' || !SPEAKS_OF_CONFIG.test(typeof before === 'string' ? `${before} ${word}` : word)) return false
    return word
      .split(/[=,;\s]+/)
      .filter((part) => !part.startsWith('/'))
      .some((part) => part === name || part.endsWith(`/${name}`))
  })
}

interface Rules extends KubeObject {
  rules?: unknown
}
const RESOURCES = { ConfigMap: 'configmaps', Secret: 'secrets' } as const
const holds = (list: unknown, ...wanted: string[]): boolean =>
  Array.isArray(list) && list.some((entry) => entry === '*' || wanted.includes(entry as string))

/** Whether a Role of the manifests lets pods read every ConfigMap or Secret: such pods may ask the API server for one by its plain name. */
export function letsRead(object: KubeObject, kind: string): boolean {
  const resource = RESOURCES[kind as keyof typeof RESOURCES]
  const { rules } = object as Rules
  if (!resource || !/^(Cluster)?Role$/.test(object.kind) || !Array.isArray(rules)) return false
  return rules.some(
    (rule: { apiGroups?: unknown; resources?: unknown; verbs?: unknown; resourceNames?: unknown[] | null } | null) =>
      !rule?.resourceNames?.length &&
      holds(rule?.apiGroups, '') &&
      holds(rule?.resources, resource) &&
      holds(rule?.verbs, 'get', 'list', 'watch'),
  )
}

/** A Deployment without the places in its pods that `visitConfig` knows: what still names a ConfigMap or Secret cannot be renamed. */
export function withoutKnownNames(workload: Deployment): KubeObject {
  const rest = structuredClone(workload)
  visitConfig(rest.spec.template.spec, () => '')
  return rest
}
