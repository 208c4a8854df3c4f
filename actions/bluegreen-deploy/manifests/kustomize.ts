// Kustomize folders: rendered by the tool on PATH, after it was seen that nothing in them leads out of the workspace. The tool keeps files
// inside of a folder, but follows folders and addresses anywhere.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { messageOf } from '../../shared/text/errors.ts'
import { leadsOut, readInside } from '../../shared/workspace.ts'
import { ManifestError, MOST_BYTES } from './yaml.ts'

export const KUSTOMIZATION = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']
/** Rendering takes a second; a minute is a tool that waits for something. */
const TIMEOUT = 60_000
const MOST_FOLDERS = 200
/** The fields of a kustomization that may name folders or addresses. */
const FOLDERS = ['resources', 'bases', 'components', 'generators', 'transformers', 'validators'] as const

const entries = z.array(z.unknown()).nullish()
const kustomizationShape = z.looseObject(Object.fromEntries(FOLDERS.map((field) => [field, entries])))

export interface KustomizeOptions {
  workspace: string
  signal: AbortSignal
  environment: Record<string, string | undefined>
}

/** Renders a Kustomize folder with kubectl, or kustomize where there is no kubectl. Throws a ManifestError that says why it cannot. */
export async function kustomize(folder: string, { workspace, signal, environment }: KustomizeOptions): Promise<string> {
  refuseOutside(folder, realpathSync(workspace))
  const candidates = [
    { tool: 'kubectl', args: ['kustomize', folder] },
    { tool: 'kustomize', args: ['build', folder] },
  ]
  const { PATH = '', HOME, TMPDIR } = environment
  const found = candidates.find(({ tool }) => PATH.split(':').some((path) => path && existsSync(`${path}/${tool}`)))
  if (!found)
    throw new ManifestError(
      'manifests: a Kustomize folder needs kubectl or kustomize on PATH; install one, or render it first and pass the file',
    )
  // Only what the tool needs: no token of the job, no proxy, no kubeconfig.
  const env = { PATH, ...(HOME && { HOME }), ...(TMPDIR && { TMPDIR }) }
  return new Promise((done, failed) => {
    const options = { env, signal, timeout: TIMEOUT, maxBuffer: MOST_BYTES, encoding: 'utf8' as const }
    execFile(found.tool, found.args, options, (error, stdout, stderr) => {
      if (!error) return done(stdout)
      const why = error.killed ? `it did not end within ${TIMEOUT / 1000} s` : stderr.slice(0, 2000) || messageOf(error).slice(0, 2000)
      failed(signal.aborted ? signal.reason : new ManifestError(`manifests: ${found.tool} cannot render the Kustomize folder: ${why}`))
    })
  })
}

/** Walks a folder and those that it names. Throws a ManifestError for one outside of the workspace, and for an address. */
function refuseOutside(folder: string, root: string): void {
  const left = [folder]
  const seen = new Set<string>()
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const real = realpathSync(next)
    const name = relative(root, next) || '.'
    if (leadsOut(root, real))
      throw new ManifestError(`manifests: the Kustomize folder ${name} leads out of the workspace; only folders inside of it are read`)
    if (seen.has(real)) continue
    seen.add(real)
    if (seen.size > MOST_FOLDERS) throw new ManifestError(`manifests: the Kustomize folder names more than ${MOST_FOLDERS} folders`)
    left.push(...foldersIn(real, name, root))
  }
}

function foldersIn(folder: string, name: string, root: string): string[] {
  const file = readdirSync(folder).find((entry) => KUSTOMIZATION.includes(entry))
  if (file === undefined) throw new ManifestError(`manifests: the folder ${name} holds no ${KUSTOMIZATION[0]}`)
  const place = join(folder, file)
  let read: z.infer<typeof kustomizationShape>
  try {
    // Merged maps and anchors are the tool's business: here only the names count.
    read = kustomizationShape.parse(parse(readInside(place, root), { logLevel: 'silent', uniqueKeys: false, stringKeys: true }) ?? {})
  } catch (cause) {
    throw new ManifestError(`manifests: ${join(name, file)} cannot be read as a kustomization`, { cause })
  }
  return FOLDERS.flatMap((field) =>
    ((read[field] ?? []) as unknown[]).flatMap((entry) => folderOf(entry, { folder, name: join(name, file), field })),
  )
}

/** The folder that an entry names; none for a file, or an object that is written there. */
function folderOf(entry: unknown, { folder, name, field }: { folder: string; name: string; field: string }): string[] {
  if (typeof entry !== 'string' || entry.includes('\n')) return []
  const path = resolve(folder, entry)
  if (existsSync(path)) return statSync(path).isDirectory() ? [path] : []
  const remote = /:\/\/|^git@|^(github|gitlab|bitbucket)\.|\.git(\/|\?|$)|\?ref=/.test(entry)
  throw new ManifestError(
    remote
      ? `manifests: ${name}: ${field} names ${JSON.stringify(entry)}, which is fetched without a checksum; keep a copy of it in the workspace`
      : `manifests: ${name}: ${field} names ${JSON.stringify(entry)}, which is not there`,
  )
}
