import { glob, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { parseAllDocuments, type SchemaOptions } from 'yaml'
import type { KubeObject } from '../shared/kubernetes/cluster.ts'

/** What the manifests say cannot be released; the message names the file, the document and what would be accepted. */
export class ManifestError extends Error {}

/** More than any release needs; what is larger is a mistake, and is refused before anything is sent. */
const MOST_OBJECTS = 2_000
const MOST_BYTES = 32 * 2 ** 20
const KUSTOMIZATION = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

export interface ManifestSources {
  /** Manifests lie in here; what leads out of it is refused. */
  workspace: string
  stdin(): Promise<string>
  /** Renders a Kustomize folder. */
  kustomize(folder: string): Promise<string>
}

/**
 * Reads manifests from files, folders, globs, Kustomize folders and `-` (standard input).
 * Throws a ManifestError that names the source when something is missing, outside of the workspace, or not a Kubernetes object.
 */
export async function loadManifests(sources: string[], from: ManifestSources): Promise<KubeObject[]> {
  const objects: KubeObject[] = []
  const seen = new Set<string>()
  for (const source of sources) {
    for (const { name, text } of await texts(source, from)) {
      if (seen.has(name)) continue // a file that two patterns match
      seen.add(name)
      objects.push(...parseManifests(text, name))
      if (objects.length > MOST_OBJECTS)
        throw new ManifestError(`manifests: more than ${MOST_OBJECTS} objects (at ${name}); release them in parts`)
    }
  }
  if (objects.length === 0) throw new ManifestError(`manifests: no Kubernetes object in ${sources.join(', ')}`)
  return objects
}

async function texts(source: string, from: ManifestSources): Promise<{ name: string; text: string }[]> {
  if (source === '-') return [{ name: 'standard input', text: await from.stdin() }]
  const root = await realpath(from.workspace)
  const path = await inside(root, source)
  if (path === undefined) {
    const files = await matching(root, source)
    return Promise.all(files.map((file) => fileText(root, file)))
  }
  if ((await stat(path)).isFile()) return [await fileText(root, path)]
  const names = await readdir(path)
  if (names.some((name) => KUSTOMIZATION.includes(name))) return [{ name: `${source} (kustomize)`, text: await from.kustomize(path) }]
  const files = names.filter((name) => /\.(ya?ml|json)$/.test(name)).sort()
  if (files.length === 0)
    throw new ManifestError(`manifests: folder ${source} holds no .yaml, .yml or .json file and no kustomization.yaml`)
  return Promise.all(files.map(async (name) => fileText(root, (await inside(root, join(path, name))) ?? name)))
}

/** The real path of `source`, undefined when there is no such file; throws when it leads out of the workspace, also by a link. */
async function inside(root: string, source: string): Promise<string | undefined> {
  if (source.includes('\0')) throw new ManifestError('manifests: a path holds a NUL byte')
  const outside = (path: string) => {
    const way = relative(root, path)
    return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)
  }
  const refused = new ManifestError(`manifests: ${source} leads out of the workspace; only files inside of it are read`)
  const path = resolve(root, source)
  let real: string
  try {
    real = await realpath(path)
  } catch {
    if (outside(path)) throw refused
    return undefined
  }
  if (outside(real)) throw refused
  return real
}

async function matching(root: string, pattern: string): Promise<string[]> {
  const files: string[] = []
  if (/[*?[{]/.test(pattern)) {
    for await (const match of glob(pattern, { cwd: root })) {
      const path = await inside(root, match)
      if (path !== undefined && (await stat(path)).isFile()) files.push(path)
    }
  }
  if (files.length === 0) throw new ManifestError(`manifests: ${pattern} matches no file in the workspace`)
  return files.sort()
}

async function fileText(root: string, path: string): Promise<{ name: string; text: string }> {
  const { size } = await stat(path)
  const name = relative(root, path) || basename(path)
  if (size > MOST_BYTES) throw new ManifestError(`manifests: ${name} is ${size} bytes; at most ${MOST_BYTES} are read`)
  return { name, text: await readFile(path, 'utf8') }
}

// kubectl reads YAML 1.1 without base 60 and without dates: `0644` is octal, `yes` is true, `12:30` and `2001-01-01` are strings.
const YAML: SchemaOptions & { merge: boolean } = {
  schema: 'yaml-1.1',
  merge: true,
  customTags: (tags) =>
    tags.filter((tag) => typeof tag === 'string' || ((tag as { format?: string }).format !== 'TIME' && !/timestamp$/.test(tag.tag))),
}

/**
 * Splits multi-document YAML or JSON into Kubernetes objects; empty documents are skipped, `kind: List` is unfolded.
 * Throws a ManifestError that names the document when it is not an object of Kubernetes, is cyclic, or unfolds too far.
 */
export function parseManifests(text: string, name: string): KubeObject[] {
  if (Buffer.byteLength(text) > MOST_BYTES) throw new ManifestError(`manifests: ${name} is larger than ${MOST_BYTES} bytes`)
  const documents = parseAllDocuments(text, { version: '1.1', ...YAML, logLevel: 'error' })
  if (!Array.isArray(documents)) return []
  return documents.flatMap((document, index) => {
    const where = `${name}, document ${index + 1}`
    const problem = document.errors[0]
    if (problem) throw new ManifestError(`manifests: ${where}: ${problem.message}`, { cause: problem })
    let value: unknown
    try {
      // Through JSON, so that objects which anchors share become apart, and what refers to itself is found.
      value = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 1000 }) ?? null))
    } catch (cause) {
      const why = cause instanceof TypeError ? 'an anchor refers to itself' : String(cause instanceof Error ? cause.message : cause)
      throw new ManifestError(`manifests: ${where}: ${why}`, { cause })
    }
    return value === null ? [] : unfold(value, where)
  })
}

function unfold(value: unknown, where: string): KubeObject[] {
  if (!isRecord(value)) throw new ManifestError(`manifests: ${where}: is ${describe(value)}, not a Kubernetes object`)
  const { apiVersion, kind, metadata, items } = value
  if (typeof apiVersion !== 'string' || !/^([a-z0-9.-]+\/)?v[a-z0-9]+$/.test(apiVersion)) {
    throw new ManifestError(`manifests: ${where}: apiVersion is ${describe(apiVersion)}; a version such as v1 or apps/v1 is needed`)
  }
  if (typeof kind !== 'string' || !/^[A-Za-z][A-Za-z0-9]*$/.test(kind)) {
    throw new ManifestError(`manifests: ${where}: kind is ${describe(kind)}; a kind such as Deployment is needed`)
  }
  if (kind.endsWith('List') && Array.isArray(items)) return items.flatMap((item, i) => unfold(item, `${where}, item ${i + 1}`))
  const name = isRecord(metadata) ? metadata.name : undefined
  if (typeof name !== 'string' || !/^[a-z0-9A-Z]([-a-zA-Z0-9.:_]{0,251}[a-zA-Z0-9])?$/.test(name)) {
    throw new ManifestError(`manifests: ${where}: metadata.name of the ${kind} is ${describe(name)}; a name of Kubernetes is needed`)
  }
  const { namespace, labels, annotations } = metadata as Record<string, unknown>
  if (namespace !== undefined && namespace !== null && typeof namespace !== 'string') {
    throw new ManifestError(`manifests: ${where}: metadata.namespace of ${kind}/${name} is ${describe(namespace)}, not a string`)
  }
  for (const [field, map] of Object.entries({ labels, annotations })) {
    if (map === undefined || map === null) continue
    const wrong = isRecord(map) ? Object.entries(map).find(([, text]) => typeof text !== 'string') : ['', map]
    if (wrong)
      throw new ManifestError(
        `manifests: ${where}: metadata.${field} of ${kind}/${name} has ${describe(wrong[1])} where a string is needed (quote it)`,
      )
  }
  return [value as KubeObject]
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
