// YAML and JSON text to Kubernetes objects: what kubectl reads is read the same way, and what cannot be released is refused by its place.
import { type Document, isScalar, LineCounter, parseAllDocuments, type ScalarTag, type SchemaOptions, visit } from 'yaml'
import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'

/** What the manifests say cannot be released; the message names the file, the document and what would be accepted. */
export class ManifestError extends Error {
  readonly code = 'manifests'
}

/** More text than any release needs. */
export const MOST_BYTES = 8 * 2 ** 20
/** What anchors may add to the text when they unfold, in characters. */
const MOST_UNFOLDED = 2 ** 20
const MOST_ALIASES = 10_000
const DEEPEST = 200

const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^0o[0-7]+$/,
  resolve: (text) => BigInt(text),
}

/** Merged here and not by the parser, which takes for ever over maps that merge each other. */
const MERGE = '<<'

// kubectl reads YAML 1.1 without base 60 and without dates, but with 0o: `0644` and `0o644` are octal, `yes` is true, `12:30` and
// `2001-01-01` are strings.
const YAML: SchemaOptions & { merge: boolean } = {
  schema: 'yaml-1.1',
  merge: false,
  customTags: (tags) => [
    octal,
    ...tags.filter(
      (tag) => typeof tag !== 'string' && (tag as { format?: string }).format !== 'TIME' && !/:(timestamp|merge)$/.test(tag.tag),
    ),
  ],
}

/**
 * Splits multi-document YAML or JSON into Kubernetes objects; empty documents are skipped, `kind: List` is unfolded, and what only
 * the API server writes (status, uid, managedFields and the like, as `kubectl get -o yaml` shows them) is left out.
 * Throws a ManifestError that names the document when it is not an object of Kubernetes, is cyclic, or unfolds too far.
 */
export function parseManifests(text: string, name: string): KubeObject[] {
  const lines = new LineCounter()
  // Without the parser's picture of the line, which may show a secret.
  const options = { version: '1.1', ...YAML, intAsBigInt: true, uniqueKeys: false, prettyErrors: false, lineCounter: lines } as const
  // Files that were put together have their byte order marks inside.
  const documents = parseAllDocuments(text.replace(/^\ufeff/gm, ''), { ...options, logLevel: 'error' })
  if (!Array.isArray(documents)) return []
  return documents.flatMap((document, index) => {
    const where = `${name}, document ${index + 1}`
    const refuse = (why: string, cause?: unknown): never => {
      throw new ManifestError(`manifests: ${where}: ${why}`, { cause })
    }
    const at = (offset = 0): string => {
      const { line, col } = lines.linePos(offset)
      return `line ${line}, column ${col}`
    }
    const problem = document.errors[0]
    if (problem?.code === 'RESOURCE_EXHAUSTION') refuse('is nested too deeply to be read')
    if (problem) refuse(`${at(problem.pos[0])}: ${problem.message}`, problem)
    const { twice, aliases } = survey(document)
    if (twice) refuse(`${at(twice.offset)}: the key ${describe(twice.key)} is there twice`)
    if (aliases > MOST_ALIASES) refuse(`has ${aliases} aliases of anchors; at most ${MOST_ALIASES} are read`)
    let value: unknown
    try {
      value = plain(document.toJS({ maxAliasCount: -1 }), { left: text.length + MOST_UNFOLDED }, [], '')
    } catch (cause) {
      refuse(cause instanceof Error ? cause.message : String(cause), cause)
    }
    return value === null ? [] : unfold(value, where)
  })
}

/** What the parser takes too long over in a large document: how many aliases there are, and a key that a map has twice. */
function survey(document: Document.Parsed): { aliases: number; twice: { key: string; offset: number | undefined } | undefined } {
  let aliases = 0
  let twice: { key: string; offset: number | undefined } | undefined
  visit(document, {
    Alias: () => void aliases++,
    Map: (_, { items }) => {
      const seen = new Set<string>()
      for (const { key } of items) {
        if (!isScalar(key)) continue
        const name = String(key.value)
        if (seen.has(name)) twice ??= { key: name, offset: key.range?.[0] }
        seen.add(name)
      }
    },
  })
  return { aliases, twice }
}

/**
 * A copy as JSON has it, in which what anchors share is apart. Throws on what has no such copy: an anchor inside of itself, one that
 * unfolds to more than the budget of characters, infinity, a number that would lose digits, a set. The place is named, not the value,
 * which may be a password.
 */
function plain(value: unknown, budget: { left: number }, above: readonly unknown[], path: string): unknown {
  budget.left -= typeof value === 'string' ? value.length : 1
  if (budget.left < 0) throw new Error(`its anchors unfold to more than ${MOST_UNFOLDED} characters`)
  if (typeof value === 'bigint') {
    if (Number.isSafeInteger(Number(value))) return Number(value)
    throw new Error(`${path} is a number that would lose digits; at most ${Number.MAX_SAFE_INTEGER} is read (quote it where it is text)`)
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${path} is ${value}; a finite number is needed`)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8') // !!binary
  if (typeof value !== 'object' || value === null) return value ?? null
  if (above.includes(value)) throw new Error(`an anchor refers to itself at ${path}`)
  if (above.length >= DEEPEST) throw new Error(`is nested too deeply to be read: at most ${DEEPEST} levels`)
  if (value instanceof Set || value instanceof Map) throw new Error(`${path} is a YAML set or ordered map; a list or a map is needed`)
  const inside = [...above, value]
  if (Array.isArray(value)) return value.map((item, i) => plain(item, budget, inside, `${path}[${i}]`))
  const result = new Map<string, unknown>()
  const { [MERGE]: merged, ...fields } = value as Record<string, unknown>
  for (const [key, inner] of Object.entries(fields)) {
    budget.left -= key.length
    result.set(key, plain(inner, budget, inside, path ? `${path}.${key}` : key))
  }
  for (const source of [merged ?? []].flat()) {
    const copy = plain(source, budget, inside, path)
    if (!isRecord(copy)) throw new Error(`${path} merges a ${typeof source}; a map is needed`)
    for (const [key, inner] of Object.entries(copy)) if (!result.has(key)) result.set(key, inner)
  }
  return Object.fromEntries(result)
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

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value as messages show it. */
export function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
