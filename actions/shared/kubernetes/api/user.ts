// What a user of a kubeconfig authenticates with, as of now. Whatever is secret is masked before it is used.
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { User } from '@kubernetes/client-node'
import { askPlugin, isPair, type PluginAnswer, type PluginWorld, readPlugin, TOKEN } from './exec-plugin.ts'
import { type Entry, pathIn, textIn } from './kubeconfig.ts'
import { CredentialError } from './permanent.ts'
import { isRecord } from './status.ts'

export interface Identity {
  /** For client-node, without anything that it would have to ask for; but `oidc`, which it does well. */
  user: User
  /** Who is impersonated. */
  headers: Record<string, string | string[]>
  /** When it ends, in milliseconds since 1970; undefined when nobody knows. */
  expires: number | undefined
}

/** A file of a token or a key is smaller, in bytes. */
const MOST_BYTES = 2 ** 20

/** Providers that kubectl has dropped, and what is used instead. */
const DROPPED = new Map([
  ['gcp', 'exec with gke-gcloud-auth-plugin (gcloud container clusters get-credentials writes it)'],
  ['azure', 'exec with kubelogin (kubelogin convert-kubeconfig writes it)'],
])

/** Throws a CredentialError for a user that cannot be used at all, and masks every secret that stands in the kubeconfig. */
export function checkUser(user: Entry, mask: (secret: string) => void): void {
  const { exec, 'auth-provider': provider } = user.body
  const named = `the kubeconfig's user ${JSON.stringify(user.name)}`
  const [token, username, password] = ['token', 'username', 'password'].map((field) => textIn(user, field))
  if (token !== undefined) mask(token)
  if (password !== undefined) {
    mask(password)
    mask(Buffer.from(`${username ?? ''}:${password}`).toString('base64'))
  }
  maskKey(textIn(user, 'client-key-data'), mask)
  if (exec && provider) throw new CredentialError(`${named} has both exec and auth-provider; one of them is possible`)
  if (exec) readPlugin(user)
  if (!provider) return
  const { name, config } = isRecord(provider) ? provider : {}
  const instead = DROPPED.get(String(name))
  if (instead) throw new CredentialError(`${named} has auth-provider ${String(name)}, which kubectl has dropped; use ${instead}`)
  for (const secret of isRecord(config) ? Object.entries(config) : [])
    if (/token|secret|password/i.test(secret[0]) && typeof secret[1] === 'string' && secret[0] !== 'tokenFile') mask(secret[1])
  if (name !== 'oidc' && tokenFileOf(user) === undefined)
    throw new CredentialError(`${named} has an auth-provider that is not known; oidc is, and exec is for all others`)
}

function maskKey(data: string | undefined, mask: (secret: string) => void): void {
  if (data === undefined) return
  mask(data)
  mask(Buffer.from(data, 'base64').toString('utf8'))
}

/** A file whose content is a token: `tokenFile`; client-node's own spellings count as well. */
function tokenFileOf(user: Entry): string | undefined {
  const provider = user.body['auth-provider']
  const config = isRecord(provider) && isRecord(provider.config) ? provider.config : {}
  return pathIn(user, 'tokenFile') ?? pathIn(user, 'token-file') ?? pathIn({ ...user, body: config }, 'tokenFile')
}

/** What to authenticate with now. Throws a CredentialError when that cannot be read or got. `cluster` is what plugins are told of it. */
export async function identify(
  user: Entry | undefined,
  cluster: () => object,
  world: PluginWorld & { kept: PluginAnswer | undefined; keep: (answer: PluginAnswer) => void; now: () => number },
): Promise<Identity> {
  if (user === undefined) return { user: { name: 'nobody' }, headers: {}, expires: undefined }
  const [username, password] = ['username', 'password'].map((field) => textIn(user, field))
  const pair = certificateOf(user, world.mask)
  const token = tokenOf(user, world.mask)
  const known = token !== undefined || pair !== undefined || username !== undefined
  // As kubectl does it: a plugin is asked only when nothing else says who this is.
  const plugin = user.body.exec && !known ? await asked(user, cluster, world) : undefined
  const provider = user.body['auth-provider']
  const oidc = isRecord(provider) && provider.name === 'oidc'
  const cert = plugin?.cert ?? pair?.cert
  const key = plugin?.key ?? pair?.key
  const bearer = plugin?.token ?? token
  return {
    user: {
      name: user.name,
      ...(oidc && { authProvider: provider }),
      ...(bearer !== undefined && { token: bearer }),
      ...(username !== undefined && { username, password: password ?? '' }),
      ...(cert !== undefined && key !== undefined && { certData: base64(cert), keyData: base64(key) }),
    },
    headers: impersonation(user),
    expires: plugin?.expires,
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function asked(
  user: Entry,
  cluster: () => object,
  world: PluginWorld & { kept: PluginAnswer | undefined; keep: (answer: PluginAnswer) => void; now: () => number },
): Promise<PluginAnswer> {
  const { kept } = world
  if (kept && (kept.expires === undefined || kept.expires > world.now())) return kept
  const plugin = readPlugin(user)
  const answer = await askPlugin(plugin, plugin.provideClusterInfo ? cluster() : undefined, world)
  world.keep(answer)
  return answer
}

function tokenOf(user: Entry, mask: (secret: string) => void): string | undefined {
  const file = tokenFileOf(user)
  const token = file === undefined ? textIn(user, 'token') : contentOf(file, 'token').trim()
  if (token === undefined) return undefined
  mask(token)
  if (!TOKEN.test(token))
    throw new CredentialError(
      `the kubeconfig's token of user ${JSON.stringify(user.name)}${file === undefined ? '' : `, from ${file},`} is empty or holds characters that no header can carry`,
    )
  return token
}

function certificateOf(user: Entry, mask: (secret: string) => void): { cert: string; key: string } | undefined {
  const [cert, key] = ['client-certificate', 'client-key'].map((field) => pemOf(user, field)) as [string | undefined, string | undefined]
  if (key !== undefined) mask(key)
  if (cert === undefined && key === undefined) return undefined
  const named = `the kubeconfig's user ${JSON.stringify(user.name)}`
  if (cert === undefined || key === undefined) throw new CredentialError(`${named} has only one of client-certificate and client-key`)
  if (isEncrypted(key))
    throw new CredentialError(
      `${named} has a client-key that is encrypted, and nobody is there to give its passphrase; decrypt it, and keep it as a secret`,
    )
  if (!isPair(cert, key))
    throw new CredentialError(
      `${named} has a client-certificate or a client-key that is not PEM (in base64, where it ends with -data), or they are not a pair`,
    )
  return { cert, key }
}

function isEncrypted(key: string): boolean {
  if (!key.includes('ENCRYPTED')) return false
  try {
    createPrivateKey(key)
    return false
  } catch {
    return true // without a passphrase it says no more than that
  }
}

/** PEM of a field that holds it in base64 (`-data`), which counts first, or the path of its file. */
export function pemOf(entry: Entry, field: string): string | undefined {
  const data = textIn(entry, `${field}-data`)
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const path = pathIn(entry, field)
  return path === undefined ? undefined : contentOf(path, field)
}

function contentOf(path: string, what: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new CredentialError(`the kubeconfig's ${what} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  if (text.length > MOST_BYTES) throw new CredentialError(`the kubeconfig's ${what} in ${path} is larger than ${MOST_BYTES} bytes`)
  return text
}

/** The headers of who is impersonated: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
function impersonation(user: Entry): Record<string, string | string[]> {
  const [as, uid] = ['as', 'as-uid'].map((field) => textIn(user, field))
  const { 'as-groups': groups, 'as-user-extra': extra } = user.body
  if (as === undefined) {
    if (uid !== undefined || groups || extra)
      throw new CredentialError(
        `the kubeconfig's user ${JSON.stringify(user.name)} impersonates groups, a uid or extras without a user: give as`,
      )
    return {}
  }
  const lists = isRecord(extra)
    ? Object.entries(extra).map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, texts(values, user)])
    : []
  return {
    'Impersonate-User': as,
    ...(uid !== undefined && { 'Impersonate-Uid': uid }),
    ...(groups !== undefined && groups !== null && { 'Impersonate-Group': texts(groups, user) }),
    ...Object.fromEntries(lists),
  }
}

function texts(value: unknown, user: Entry): string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw new CredentialError(`the kubeconfig's user ${JSON.stringify(user.name)} impersonates something that is no list of texts`)
}
