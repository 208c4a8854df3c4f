import { X509Certificate } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import { KubeConfig, RequestContext, type Cluster as Target } from '@kubernetes/client-node'
import { Agent, type Dispatcher } from 'undici'
import { proxyFor, proxySecrets } from '../../proxy.ts'
import { type Clock, formatDuration } from '../../time/clock.ts'
import type { PluginAnswer, PluginWorld } from './exec-plugin.ts'
import { type Entry, pathIn, readKubeconfig, refuseTracked, textIn } from './kubeconfig.ts'
import { CredentialError } from './permanent.ts'
import { isRecord } from './status.ts'
import { checkUser, type Identity, identify, pemOf } from './user.ts'

/** How to reach and convince the API server, as of now. */
export interface Access {
  server: string
  headers: Record<string, string | string[]>
  dispatcher: Dispatcher
}

export interface Credentials {
  current(): Promise<Access>
  /** Asks for new ones: the API server said 401. */
  renew(): Promise<void>
}

/** Tokens from files are read again after this long. */
const FRESH = 30_000
/** How long an exec plugin or an OIDC server may take, unless it is said. */
const TIMEOUT = 60_000

/** A kubeconfig with one context, whose credentials are had by our own rules: with a deadline, a signal, and masked before they are used. */
export class Kubeconfig extends KubeConfig {
  readonly #cluster: Entry
  readonly #user: Entry | undefined
  readonly #world: PluginWorld
  #kept: PluginAnswer | undefined
  #whole: { identity: Identity; config: KubeConfig } | undefined

  constructor(parts: { cluster: Entry; user: Entry | undefined; context: Entry; contexts: string[]; target: Target; world: PluginWorld }) {
    super()
    const { cluster, user, context, contexts, target, world } = parts
    this.#cluster = cluster
    this.#user = user
    this.#world = world
    const namespace = textIn(context, 'namespace')
    const current = {
      name: context.name,
      cluster: cluster.name,
      user: user?.name ?? 'nobody',
      ...(namespace !== undefined && { namespace }),
    }
    const others = contexts.filter((name) => name !== context.name).map((name) => ({ name, cluster: '', user: '' }))
    this.loadFromOptions({
      clusters: [target],
      users: [{ name: current.user }],
      contexts: [current, ...others],
      currentContext: context.name,
    })
  }

  /** Drops what a plugin gave: the next call asks it again. */
  forget(): void {
    this.#kept = undefined
  }

  /** Who we are now, and client-node's way to connect so. */
  async #authenticated(): Promise<{ identity: Identity; config: KubeConfig }> {
    const { environment, ...world } = this.#world
    const keep = (answer: PluginAnswer): void => {
      this.#kept = answer
    }
    const identity = await identify(this.#user, () => this.#told(), { ...world, environment, kept: this.#kept, keep, now: Date.now })
    // client-node keeps its connections with the configuration, and the state of OIDC.
    if (this.#whole && JSON.stringify(this.#whole.identity.user) === JSON.stringify(identity.user)) {
      this.#whole = { identity, config: this.#whole.config }
      return this.#whole
    }
    const config = new KubeConfig()
    const cluster = this.getCurrentCluster()
    const context = { name: 'current', cluster: cluster?.name ?? '', user: identity.user.name }
    config.loadFromOptions({ clusters: [cluster], users: [identity.user], contexts: [context], currentContext: 'current' })
    this.#whole = { identity, config }
    return this.#whole
  }

  /** What kubectl tells plugins of the cluster: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
  #told(): object {
    const { server, caData, tlsServerName, skipTLSVerify, proxyUrl } = this.getCurrentCluster() ?? {}
    const extensions = this.#cluster.body.extensions
    const ours = (Array.isArray(extensions) ? extensions : []).filter(isRecord)
    return {
      server,
      ...(tlsServerName && { 'tls-server-name': tlsServerName }),
      ...(skipTLSVerify && { 'insecure-skip-tls-verify': true }),
      ...(caData && { 'certificate-authority-data': caData }),
      ...(proxyUrl && { 'proxy-url': proxyUrl }),
      config: ours.find(({ name }) => name === 'client.authentication.k8s.io/exec')?.extension ?? null,
    }
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    const { config, identity } = await this.#authenticated()
    await this.#within(config.applySecurityAuthentication(context))
    // client-node's headers have one value each; `access` gives them all.
    for (const [name, value] of Object.entries(identity.headers)) context.setHeaderParam(name, String(value))
    this.#checkBearer(identity, context.getHeaders().Authorization)
  }

  override async applyToHTTPSOptions(options: RequestOptions): Promise<void> {
    const { config, identity } = await this.#authenticated()
    await this.#within(config.applyToHTTPSOptions(options))
    const headers = options.headers as Record<string, string> | undefined
    options.headers = { ...headers, ...identity.headers }
    this.#checkBearer(identity, headers?.Authorization)
  }

  /** The headers and the connections of now, and whom they belong to. */
  async access(): Promise<{ headers: Record<string, string | string[]>; dispatcher: Dispatcher | undefined; identity: Identity }> {
    const context = new RequestContext(this.getCurrentCluster()?.server ?? '', 'GET')
    await this.applySecurityAuthentication(context)
    const identity = this.#whole?.identity ?? { user: { name: 'nobody' }, headers: {}, expires: undefined }
    return { headers: { ...context.getHeaders(), ...identity.headers }, dispatcher: context.getDispatcher(), identity }
  }

  /** A token that client-node got from an OIDC server is a secret as well; without one the call would be nobody's. */
  #checkBearer({ user }: Identity, header: string | undefined): void {
    if (user.authProvider === undefined) return
    if (header === undefined)
      throw new CredentialError(
        `the kubeconfig's id-token of user ${JSON.stringify(user.name)} is missing or has expired, and client-id, refresh-token and idp-issuer-url, which it takes to get another, are not all there`,
      )
    this.#world.mask(header.replace(/^Bearer /, ''))
  }

  /** Waits for client-node's work, which takes neither a signal nor a deadline. */
  async #within(work: Promise<void>): Promise<void> {
    const { signal, timeout } = this.#world
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => reject(new CredentialError(`the kubeconfig's OIDC server gave no answer within ${formatDuration(timeout)}`)),
      timeout,
    )
    const aborted = (): void => reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      signal.throwIfAborted()
      await Promise.race([work, promise])
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
    }
  }
}

/**
 * Where the cluster is: `kubeconfig` (a path or the text itself), else $KUBECONFIG, ~/.kube/config, or the pod's own service account.
 * `mask` gets every secret that stands in it or is got later; `timeout`, in milliseconds, and `signal` end plugins. Throws when there is no
 * such file, context or cluster, for what cannot be read, and for what a file that git tracks in the workspace may not do.
 */
export function loadKubeconfig(from: {
  kubeconfig?: string
  context?: string
  environment: Record<string, string | undefined>
  mask: (secret: string) => void
  timeout?: number
  signal?: AbortSignal
}): Kubeconfig {
  const { environment, mask, timeout = TIMEOUT, signal = new AbortController().signal } = from
  const { clusters, users, contexts, currentContext } = readKubeconfig(from.kubeconfig, environment)
  const known = contexts.map(({ name }) => name)
  const listed = known.join(', ') || 'none'
  const wanted = from.context ?? currentContext
  const context = contexts.find(({ name }) => name === wanted)
  if (!context && from.context !== undefined) throw new Error(`the kubeconfig has no context "${wanted}"; it has ${listed}`)
  const cluster = context && clusters.find(({ name }) => name === textIn(context, 'cluster'))
  if (!context || !cluster) throw new Error(`the kubeconfig names no cluster for its current context "${wanted}"; its contexts: ${listed}`)
  const named = textIn(context, 'user')
  const user = users.find(({ name }) => name === named)
  if (named !== undefined && !user) throw new Error(`the kubeconfig has no user "${named}", which its context "${context.name}" names`)
  refuseTracked(cluster, user, environment)
  const target = targetOf(cluster, environment)
  if (user) checkUser(user, mask)
  for (const secret of proxySecrets(target.proxyUrl)) mask(secret)
  return new Kubeconfig({ cluster, user, context, contexts: known, target, world: { environment, mask, timeout, signal } })
}

/** A cluster for client-node, with its CA read and its proxy found. */
function targetOf(cluster: Entry, environment: Record<string, string | undefined>): Target {
  const skipTLSVerify = cluster.body['insecure-skip-tls-verify'] === true
  const server = URL.parse(textIn(cluster, 'server') ?? '')
  if (server?.protocol !== 'https:' && !(server?.protocol === 'http:' && skipTLSVerify))
    throw new Error(
      `the kubeconfig's server of cluster ${cluster.name} is ${server ? `${server.protocol}//${server.host}` : 'no URL'}; an https:// address is needed (http:// with insecure-skip-tls-verify)`,
    )
  if (server.username || server.password)
    throw new Error(`the kubeconfig's server of cluster ${cluster.name} holds a user; credentials belong to the kubeconfig's users`)
  // client-node honours no HTTPS_PROXY by itself; it does honour proxyUrl
  const proxyUrl = textIn(cluster, 'proxy-url') ?? proxyFor(server, environment)
  if (proxyUrl !== undefined && !/^(https?|socks5h?):$/.test(URL.parse(proxyUrl)?.protocol ?? ''))
    throw new Error(`the proxy of cluster ${cluster.name} is no URL of http://, https:// or socks5://`)
  const ca = caOf(cluster)
  const tlsServerName = textIn(cluster, 'tls-server-name')
  return {
    name: cluster.name,
    server: (textIn(cluster, 'server') ?? '').replace(/\/$/, ''),
    skipTLSVerify,
    ...(ca !== undefined && { caData: Buffer.from(ca).toString('base64') }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(proxyUrl !== undefined && { proxyUrl }),
  }
}

function caOf(cluster: Entry): string | undefined {
  const pem = pemOf(cluster, 'certificate-authority')
  if (pem === undefined) return undefined
  try {
    void new X509Certificate(pem)
    return pem
  } catch {
    const where = textIn(cluster, 'certificate-authority-data') === undefined ? pathIn(cluster, 'certificate-authority') : undefined
    throw new CredentialError(
      `the kubeconfig's certificate-authority${where === undefined ? '-data' : ''} of cluster ${cluster.name} holds no certificate: ${where === undefined ? 'PEM in base64' : `PEM in ${where}`} is needed`,
    )
  }
}

/** Credentials of a kubeconfig (tokens, client certificates, exec plugins, OIDC) on one pooled dispatcher. */
export function kubeconfigCredentials(config: Kubeconfig, clock: Clock): Credentials {
  const server = config.getCurrentCluster()?.server ?? ''
  let access: { now: Access; identity: Identity; asked: number } | undefined
  let asking: Promise<Access> | undefined
  const load = async (): Promise<Access> => {
    const asked = clock.monotonic()
    const { headers, dispatcher = new Agent(), identity } = await config.access()
    const before = access
    // A client certificate may have been rotated. The old connections close when their calls are done.
    const kept = before && before.identity.user.certData === identity.user.certData ? before.now.dispatcher : dispatcher
    for (const unused of new Set([before?.now.dispatcher, dispatcher])) if (unused !== kept) unused?.close().catch(() => undefined)
    access = { now: { server, headers, dispatcher: kept }, identity, asked }
    return access.now
  }
  // Calls that come meanwhile wait for the same answer: a plugin is asked once.
  const ask = (): Promise<Access> => {
    asking ??= load().finally(() => {
      asking = undefined
    })
    return asking
  }
  const isFresh = ({ asked, identity }: NonNullable<typeof access>): boolean =>
    clock.monotonic() - asked < FRESH && (identity.expires === undefined || identity.expires > Date.now())
  let renewing: Promise<void> | undefined
  const renew = async (): Promise<void> => {
    await asking?.catch(() => undefined) // what comes now is older than the question
    config.forget()
    const old = access
    access = undefined
    try {
      await ask()
    } finally {
      old?.now.dispatcher.close().catch(() => undefined)
    }
  }
  return {
    current: async () => (access && isFresh(access) ? access.now : ask()),
    renew: () => {
      renewing ??= renew().finally(() => {
        renewing = undefined
      })
      return renewing
    },
  }
}
