// YAML and JSON text to Kubernetes objects: what kubectl reads is read the same way, and what cannot be released is refused by its place.
import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import { isRecord } from '../../shared/text/records.ts'
import { readYaml, YamlError } from '../../shared/text/yaml.ts'

/** What the manifests say cannot be released; the message names the file, the document and what would be accepted. */
export class ManifestError extends Error {
  readonly code = 'manifests'
}

/** More text than any release needs. */
export const MOST_BYTES = 8 * 2 ** 20
const limits = { characters: MOST_BYTES, aliases: 10_000 }

/**
 * Splits multi-document YAML or JSON into Kubernetes objects; empty documents are skipped, `kind: List` is unfolded, and what only
 * the API server writes (status, uid, managedFields and the like, as `kubectl get -o yaml` shows them) is left out.
 * Throws a ManifestError that names the document when it is not an object of Kubernetes, is cyclic, or unfolds too far.
 */
export function parseManifests(text: string, name: string): KubeObject[] {
  try {
    // Files that were put together have their byte order marks inside.
    return readYaml(text.replace(/^\ufeff/gm, ''), { dialect: 'kubectl', limits }).flatMap(({ value }, index) =>
      value === null ? [] : unfold(value, `${name}, document ${index + 1}`),
    )
  } catch (error) {
    const problem = error instanceof YamlError ? error.problems[0] : undefined
    if (!problem) throw error
    const place = problem.place ? `line ${problem.place.line}, column ${problem.place.column}: ` : ''
    throw new ManifestError(`manifests: ${name}, document ${problem.document}: ${place}${problem.message}`, { cause: error })
  }
}

/** Of metadata: what only the API server writes. It would make an apply a conflict, and every copy another release. */
const SERVERS = ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'managedFields', 'selfLink']

export function unfold(value: unknown, where: string): KubeObject[] {
  if (!isRecord(value))
    throw new ManifestError(`manifests: ${where}: is a ${Array.isArray(value) ? 'list' : typeof value}, not a Kubernetes object`)
  const { status: _, ...object } = value
  const { apiVersion, kind, metadata, items } = object
  if (typeof apiVersion !== 'string' || !/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?v[a-z0-9]+$/.test(apiVersion)) {
    throw new ManifestError(`manifests: ${where}: apiVersion is ${describe(apiVersion)}; a version such as v1 or apps/v1 is needed`)
  }
  if (typeof kind !== 'string' || !/^[A-Za-z][A-Za-z0-9]*$/.test(kind)) {
    throw new ManifestError(`manifests: ${where}: kind is ${describe(kind)}; a kind such as Deployment is needed`)
  }
  if (kind.endsWith('List') && Array.isArray(items)) return items.flatMap((item, i) => unfold(item, `${where}, item ${i + 1}`))
  const name = isRecord(metadata) ? metadata.name : undefined
  if (typeof name !== 'string' || !/^[a-z0-9A-Z]([-a-zA-Z0-9.:_]{0,251}[a-zA-Z0-9])?$/.test(name)) {
    const made =
      isRecord(metadata) && metadata.generateName !== undefined ? ' (generateName would make another object at each release)' : ''
    throw new ManifestError(
      `manifests: ${where}: metadata.name of the ${kind} is ${describe(name)}${made}; letters, digits, dashes and dots are needed, at most 253`,
    )
  }
  const refuse = (why: string): never => {
    throw new ManifestError(`manifests: ${where}: ${kind}/${name}: ${why}`)
  }
  const kept: Record<string, unknown> = Object.fromEntries(Object.entries(metadata as object).filter(([field]) => !SERVERS.includes(field)))
  const { namespace, labels, annotations } = kept
  if (namespace !== undefined && namespace !== null && typeof namespace !== 'string') {
    refuse(`metadata.namespace is ${describe(namespace)}, not a string`)
  }
  for (const [field, map] of Object.entries({ labels, annotations })) {
    const wrong = notText(map)
    if (wrong) refuse(`metadata.${field} has ${describe(wrong[1])} where a string is needed (quote it)`)
  }
  const own = isRecord(labels) && Object.keys(labels).find((key) => key.startsWith('devops-actions/'))
  if (own) refuse(`the label ${own} is for what a release makes itself; take it out of the manifests`)
  if (apiVersion === 'v1' && (kind === 'ConfigMap' || kind === 'Secret')) {
    for (const field of ['data', 'stringData', 'binaryData']) {
      const wrong = notText(object[field], true)
      // Only its type: it may be a password.
      if (wrong) refuse(`${[field, wrong[0]].filter(Boolean).join('.')} is a ${typeof wrong[1]} where a string is needed (quote it)`)
    }
  }
  return [{ ...object, metadata: kept } as unknown as KubeObject]
}

/** The first entry of a map that is not text (`orNull`: nor empty); nothing when it has none, or is not given. */
function notText(map: unknown, orNull = false): [string, unknown] | undefined {
  if (map === undefined || map === null) return undefined
  if (!isRecord(map)) return ['', map]
  return Object.entries(map).find(([, text]) => typeof text !== 'string' && !(orNull && text === null))
}

/** A value as messages show it. */
export function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
