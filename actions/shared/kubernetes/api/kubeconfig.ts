// Kubeconfigs as they are read: which files, what is in them, and what a file may hold that a pull request can change.
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { leadsOut } from '../../workspace.ts'
import { isRecord } from './status.ts'
import { isTracked } from './tracked.ts'

type Environment = Record<string, string | undefined>
type Raw = Record<string, unknown>

/** An entry of a kubeconfig, and the file that it stands in; a text that was given has none. */
export interface Entry {
  name: string
  body: Raw
  file: string | undefined
}

export interface Entries {
  clusters: Entry[]
  users: Entry[]
  contexts: Entry[]
  currentContext: string
}

/** A kubeconfig of thousands of clusters is smaller. */
const MOST_BYTES = 8 * 2 ** 20
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Whether the input `kubeconfig` is a secret: everything is that is not the path of a file which is there. */
export const isSecretKubeconfig = (text: string): boolean => !isFile(text)

function isFile(path: string): boolean {
  try {
    return !path.includes('\n') && statSync(path).isFile()
  } catch {
    return false // not there, too long for a path, or not to be read: none that could be used
  }
}

/**
 * The entries of a kubeconfig: of the input (a path or the text itself), else of $KUBECONFIG, ~/.kube/config, or the pod's service
 * account. Of several files the first that has an entry counts, as in kubectl. Throws words that quote nothing of it.
 */
export function readKubeconfig(kubeconfig: string | undefined, environment: Environment): Entries {
  const files = kubeconfig === undefined ? defaultFiles(environment) : isFile(kubeconfig) ? [kubeconfig] : undefined
  if (files === undefined) return parse(asText(kubeconfig ?? ''), undefined)
  if (files.length === 0) return inCluster(environment)
  const all = files.map((file) => parse(contentOf(file), file))
  const first = (entries: Entry[]): Entry[] => [...new Map(entries.toReversed().map((entry) => [entry.name, entry])).values()].toReversed()
  return {
    clusters: first(all.flatMap(({ clusters }) => clusters)),
    users: first(all.flatMap(({ users }) => users)),
    contexts: first(all.flatMap(({ contexts }) => contexts)),
    currentContext: all.find(({ currentContext }) => currentContext !== '')?.currentContext ?? '',
  }
}

function defaultFiles({ KUBECONFIG, HOME }: Environment): string[] {
  const named = (KUBECONFIG ?? '').split(':').filter(Boolean)
  const there = named.filter(isFile)
  if (named.length > 0 && there.length === 0) throw new Error(`$KUBECONFIG names no file that is there: ${named.join(', ')}`)
  if (named.length > 0) return there
  const own = HOME ? join(HOME, '.kube/config') : ''
  return isFile(own) ? [own] : []
}

function inCluster({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' }: Environment): Entries {
  const [token, ca, namespace] = ['token', 'ca.crt', 'namespace'].map((file) => join(SERVICE_ACCOUNT, file)) as [string, string, string]
  if (!host || !isFile(token))
    throw new Error(
      'there is no kubeconfig: neither the input, nor $KUBECONFIG, nor ~/.kube/config, and the runner is no pod with a service account',
    )
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const entry = (body: Raw): Entry[] => [{ name: 'in-cluster', body, file: undefined }]
  return {
    clusters: entry({ server, 'certificate-authority': ca }),
    users: entry({ tokenFile: token }),
    contexts: entry({
      cluster: 'in-cluster',
      user: 'in-cluster',
      ...(isFile(namespace) && { namespace: readFileSync(namespace, 'utf8').trim() }),
    }),
    currentContext: 'in-cluster',
  }
}

function contentOf(file: string): string {
  if (statSync(file).size > MOST_BYTES) throw new Error(`the kubeconfig cannot be read: ${file} is larger than ${MOST_BYTES} bytes`)
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`the kubeconfig cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** A kubeconfig that was given as text. What is neither that nor a file is a secret too: only its length and its first letters are told. */
function asText(text: string): string {
  if (/\n|^\s*\{/.test(text)) return text
  const begins = text.length >= 16 ? ` that begin with ${JSON.stringify(text.slice(0, 4))}` : ''
  const hint = /^[A-Za-z0-9+/_-]{250,}=*$/.test(text)
    ? '; it looks like base64, which has to be decoded first'
    : text.includes('\\n')
      ? '; it holds \\n as two characters, where line breaks belong'
      : text.split('.').length === 3 && text.startsWith('eyJ')
        ? '; it looks like a token, which belongs into a kubeconfig'
        : existsSync(text)
          ? '; a folder is there, or something else that is no file'
          : ''
  throw new Error(
    `the kubeconfig cannot be read: it is neither a file that is there nor the text of a kubeconfig, but ${text.length} characters${begins}${hint}`,
  )
}

const UNREADABLE = 'the kubeconfig cannot be read: it is not YAML or JSON of a kubeconfig'

function parse(text: string, file: string | undefined): Entries {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent', stringKeys: true })
  // The parser's own words may quote the file, which holds secrets: they are left out.
  if (document.errors.length > 0) throw new Error(UNREADABLE)
  let raw: unknown
  try {
    raw = document.toJS({ maxAliasCount: 100 })
  } catch {
    throw new Error(UNREADABLE)
  }
  if (!isRecord(raw)) throw new Error(UNREADABLE)
  const current = raw['current-context'] ?? ''
  if (typeof current !== 'string') throw new Error(`${UNREADABLE}: current-context is no text`)
  return {
    clusters: entriesOf(raw, 'clusters', 'cluster', file),
    users: entriesOf(raw, 'users', 'user', file),
    contexts: entriesOf(raw, 'contexts', 'context', file),
    currentContext: current,
  }
}

function entriesOf(raw: Raw, list: string, body: string, file: string | undefined): Entry[] {
  const entries = raw[list] ?? []
  if (!Array.isArray(entries)) throw new Error(`${UNREADABLE}: ${list} is no list`)
  return entries.map((entry: unknown, at) => {
    const value = isRecord(entry) ? (entry[body] ?? {}) : undefined
    if (!isRecord(entry) || typeof entry.name !== 'string' || !isRecord(value))
      throw new Error(`${UNREADABLE}: ${list}[${at}] has no name, or no ${body}`)
    return { name: entry.name, body: value, file }
  })
}

/** A text of an entry; undefined when there is none. Throws words that name the field for anything that is no text. */
export function textIn({ name, body }: Entry, field: string): string | undefined {
  const value = Object.hasOwn(body, field) ? body[field] : undefined
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new Error(`the kubeconfig's ${field} of ${JSON.stringify(name)} is no text; put it in quotes`)
  return value
}

/** A path of an entry, which is relative to its file. */
export function pathIn(entry: Entry, field: string): string | undefined {
  const path = textIn(entry, field)
  return path === undefined ? undefined : resolve(entry.file === undefined ? '.' : dirname(entry.file), path)
}

/**
 * Refuses what a kubeconfig may not do that git tracks in the workspace, as whoever opens a pull request wrote it: start a command, read
 * a file as a token, take keys from outside of the workspace, or send credentials of another file to a server of its own.
 */
export function refuseTracked(cluster: Entry, user: Entry | undefined, environment: Environment): void {
  const workspace = environment.GITHUB_WORKSPACE ?? process.cwd()
  const tracked = (entry: Entry | undefined): entry is Entry & { file: string } =>
    entry?.file !== undefined && isTracked(entry.file, workspace, environment)
  const refuse = (file: string, what: string): never => {
    throw new Error(
      `the kubeconfig ${file} is refused: git tracks it, so that a pull request can change it, and ${what}; write the file in a step of the job, or give its text by a secret`,
    )
  }
  if (user && cluster.file !== user.file && tracked(cluster))
    refuse(cluster.file, `its cluster ${JSON.stringify(cluster.name)} would get credentials that come from elsewhere`)
  if (!tracked(user)) return
  const named = JSON.stringify(user.name)
  for (const field of ['exec', 'auth-provider', 'tokenFile', 'token-file'])
    if (user.body[field]) refuse(user.file, `its user ${named} has ${field}`)
  for (const field of ['client-certificate', 'client-key']) {
    const path = pathIn(user, field)
    if (path !== undefined && leadsOut(realpathSync.native(workspace), realOf(path)))
      refuse(user.file, `its user ${named} has a ${field} outside of the workspace`)
  }
}

/** Where a path leads to in the end; itself when it is not there. */
function realOf(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}
