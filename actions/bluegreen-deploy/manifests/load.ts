import { constants } from 'node:fs'
import { type FileHandle, glob, open, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import { leadsOut } from '../../shared/workspace.ts'
import { KUSTOMIZATION } from './kustomize.ts'
import { ManifestError, MOST_BYTES, parseManifests } from './yaml.ts'

/** More than any release needs; what is larger is a mistake, and is refused before anything is sent. */
const MOST_OBJECTS = 2_000

export interface ManifestSources {
  /** Manifests lie in here; what leads out of it is refused. */
  workspace: string
  stdin(): Promise<Buffer>
  /** Renders a Kustomize folder. */
  kustomize(folder: string): Promise<string>
}

interface Source {
  name: string
  read(): Promise<string>
}

/**
 * Reads manifests from files, folders, globs, Kustomize folders and `-` (standard input).
 * Throws a ManifestError that names the source when something is missing, outside of the workspace, too much, or not a Kubernetes object.
 */
export async function loadManifests(sources: string[], from: ManifestSources): Promise<KubeObject[]> {
  const objects: KubeObject[] = []
  const seen = new Set<string>()
  let bytes = 0
  for (const source of sources) {
    for (const { name, read } of await sourcesOf(source, from)) {
      if (seen.has(name)) continue // a file that two patterns match
      seen.add(name)
      const text = await read()
      bytes += Buffer.byteLength(text)
      if (bytes > MOST_BYTES) throw tooLarge(name, bytes)
      objects.push(...parsed(text, name))
      if (objects.length > MOST_OBJECTS) {
        const many = `${objects.length} objects up to ${name}; a release has at most ${MOST_OBJECTS}`
        throw new ManifestError(`manifests: ${many}: apply what does not belong to one Deployment apart from it`)
      }
    }
  }
  if (objects.length === 0) throw new ManifestError(`manifests: no Kubernetes object in ${sources.join(', ')}`)
  return objects
}

/** What looks like a template of Helm or Jinja, where `{{ }}` and `{% %}` stand for what is not there yet. */
const TEMPLATE = /\{\{[-\s]*[.\w$"]|\{%/

function parsed(text: string, name: string): KubeObject[] {
  try {
    return parseManifests(text, name)
  } catch (error) {
    if (!(error instanceof ManifestError) || !TEMPLATE.test(text)) throw error
    throw new ManifestError(`${error.message}. It holds {{ }} or {% %}: render it first, with helm template or what it was written for`, {
      cause: error,
    })
  }
}

const tooLarge = (name: string, bytes: number) =>
  new ManifestError(`manifests: ${bytes} bytes up to ${name}; at most ${MOST_BYTES} are read for one release`)

async function sourcesOf(source: string, from: ManifestSources): Promise<Source[]> {
  if (source === '-') return [{ name: 'standard input', read: async () => decode(await from.stdin(), 'standard input') }]
  const root = await realpath(from.workspace)
  const path = await inside(root, source)
  if (path === undefined) return matching(root, source)
  const found = await stat(path)
  if (found.isFile()) return [file(root, path)]
  if (!found.isDirectory()) throw new ManifestError(`manifests: ${source} is neither a file nor a folder`)
  const names = await readdir(path)
  if (names.some((name) => KUSTOMIZATION.includes(name)))
    return [{ name: `${relative(root, path) || '.'} (kustomize)`, read: () => from.kustomize(path) }]
  const files = names.filter((name) => /\.(ya?ml|json)$/.test(name)).sort()
  if (files.length === 0)
    throw new ManifestError(`manifests: folder ${source} holds no .yaml, .yml or .json file and no kustomization.yaml`)
  return Promise.all(files.map(async (name) => file(root, (await inside(root, join(path, name))) ?? join(path, name))))
}

/** The real path of `source`, undefined when there is no such file; throws when it leads out of the workspace, also by a link. */
async function inside(root: string, source: string): Promise<string | undefined> {
  const refused = () => new ManifestError(`manifests: ${source} leads out of the workspace; only files inside of it are read`)
  const path = resolve(root, source)
  let real: string
  try {
    real = await realpath(path)
  } catch (cause) {
    if (leadsOut(root, path)) throw refused()
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined
    throw unreadable(source, cause)
  }
  if (leadsOut(root, real)) throw refused()
  return real
}

const unreadable = (source: string, cause: unknown): ManifestError => {
  const { code = String(cause) } = cause as NodeJS.ErrnoException
  const why = code === 'ELOOP' ? 'its links lead in a circle' : code
  return new ManifestError(`manifests: ${source} cannot be read: ${why}`, { cause })
}

async function matching(root: string, pattern: string): Promise<Source[]> {
  const files = new Set<string>()
  if (/[*?[{]/.test(pattern)) {
    for await (const match of glob(pattern, { cwd: root })) {
      const path = await inside(root, match)
      if (path !== undefined && (await stat(path)).isFile()) files.add(path)
      if (files.size > MOST_OBJECTS) throw new ManifestError(`manifests: ${pattern} matches more than ${MOST_OBJECTS} files`)
    }
  }
  if (files.size === 0) throw new ManifestError(`manifests: ${pattern} matches no file in the workspace`)
  return [...files].sort().map((path) => file(root, path))
}

function file(root: string, path: string): Source {
  const name = relative(root, path)
  if (KUSTOMIZATION.includes(basename(path)))
    throw new ManifestError(
      `manifests: ${name} is the recipe of a Kustomize folder; give the folder ${dirname(name)} instead, and no pattern that matches the recipe`,
    )
  const read = async (): Promise<string> => {
    let handle: FileHandle | undefined
    try {
      // Not waiting for a writer, should it be a pipe.
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const found = await handle.stat()
      if (!found.isFile()) throw new ManifestError(`manifests: ${name} is no file`)
      if (found.size > MOST_BYTES) throw tooLarge(name, found.size)
      return decode(await handle.readFile(), name)
    } catch (error) {
      throw error instanceof ManifestError ? error : unreadable(name, error)
    } finally {
      await handle?.close()
    }
  }
  return { name, read }
}

function decode(bytes: Buffer, name: string): string {
  const refuse = (what: string, cause?: unknown) =>
    new ManifestError(`manifests: ${name} ${what}; YAML or JSON as UTF-8 text is needed`, { cause })
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw refuse(bytes[0] === 0xff || bytes[0] === 0xfe ? 'is UTF-16' : 'is not UTF-8', cause)
  }
  if (text.includes('\0')) throw refuse('holds NUL bytes')
  return text
}
