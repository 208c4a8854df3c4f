import { statSync } from 'node:fs'
import { KubeConfig, RequestContext } from '@kubernetes/client-node'
import { Agent, type Dispatcher } from 'undici'
import { proxyFor } from '../../proxy.ts'
import type { Clock } from '../../time/clock.ts'
import { isBase64, isKubeconfigText } from './kubeconfig.ts'

/** How to reach and convince the API server, as of now. */
export interface Access {
  server: string
  headers: Record<string, string>
  dispatcher: Dispatcher
}

export interface Credentials {
  current(): Promise<Access>
  /** Asks for new ones: the API server said 401. */
  renew(): Promise<void>
}

/** A kubeconfig of thousands of clusters is smaller. */
const MOST_BYTES = 8 * 2 ** 20

/** Tokens from files and exec plugins are asked for again after this long. */
const FRESH = 30_000

/**
 * Where the cluster is: `kubeconfig` (a path or the text itself), else $KUBECONFIG, ~/.kube/config, or the pod's own service account.
 * Throws when there is no such file, context or cluster.
 */
export function loadKubeconfig(from: {
  kubeconfig?: string
  context?: string
  environment: Record<string, string | undefined>
}): KubeConfig {
  const config = new KubeConfig()
  const problem = load(config, from.kubeconfig)
  if (problem) throw new Error(`the kubeconfig cannot be read: ${problem}`)
  // client-node's last resort, which is nobody's cluster
  if (from.kubeconfig === undefined && config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new Error(
      'there is no kubeconfig: neither the input, nor $KUBECONFIG, nor ~/.kube/config, and the runner is no pod with a service account',
    )
  }
  if (from.context !== undefined) {
    const known = config.getContexts().map((context) => context.name)
    if (!known.includes(from.context))
      throw new Error(`the kubeconfig has no context "${from.context}"; it has ${known.join(', ') || 'none'}`)
    config.setCurrentContext(from.context)
  }
  const current = config.getContextObject(config.getCurrentContext())
  const cluster = config.getCurrentCluster()
  if (!cluster) {
    const known = config.getContexts().map((context) => context.name)
    throw new Error(
      `the kubeconfig names no cluster for its current context "${config.getCurrentContext() ?? ''}"; its contexts: ${known.join(', ') || 'none'}`,
    )
  }
  const server = URL.parse(cluster.server)
  if (server?.protocol !== 'https:' && !(server?.protocol === 'http:' && cluster.skipTLSVerify)) {
    throw new Error(
      `the kubeconfig's server of cluster ${cluster.name} is ${server ? `${server.protocol}//${server.host}` : 'no URL'}; an https:// address is needed (http:// with insecure-skip-tls-verify)`,
    )
  }
  if (current?.user && !config.getCurrentUser())
    throw new Error(`the kubeconfig has no user "${current.user}", which its context "${current.name}" names`)
  const proxy = cluster.proxyUrl ?? proxyFor(server, from.environment)
  // client-node honours no HTTPS_PROXY by itself; it does honour proxyUrl
  if (proxy !== undefined && !URL.canParse(proxy)) throw new Error(`the proxy of cluster ${cluster.name} is no URL`)
  if (proxy !== undefined) Object.assign(cluster, { proxyUrl: proxy })
  return config
}

/** Says why it cannot be read. The parser's own words may quote the file, which holds secrets: they are left out. */
function load(config: KubeConfig, kubeconfig: string | undefined): string | undefined {
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else if (isBase64(kubeconfig)) return 'it looks like base64, which has to be decoded first'
    else if (isKubeconfigText(kubeconfig)) config.loadFromString(kubeconfig)
    else {
      const found = statSync(kubeconfig)
      if (!found.isFile() || found.size > MOST_BYTES) return `${kubeconfig} is no file of at most ${MOST_BYTES} bytes`
      config.loadFromFile(kubeconfig)
    }
    return undefined
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException
    return syscall === undefined ? 'it is not YAML or JSON of a kubeconfig' : message
  }
}

/** Credentials of a kubeconfig (tokens, client certificates, exec plugins, OIDC) on one pooled dispatcher. */
export function kubeconfigCredentials(config: KubeConfig, clock: Clock): Credentials {
  const server = config.getCurrentCluster()?.server ?? ''
  let access: Access | undefined
  let asked = 0
  const load = async (dispatcher?: Dispatcher): Promise<Access> => {
    const context = new RequestContext(server, 'GET')
    try {
      await config.applySecurityAuthentication(context)
    } catch (cause) {
      throw new Error(`the kubeconfig's credentials cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
    asked = clock.monotonic()
    access = { server, headers: context.getHeaders(), dispatcher: dispatcher ?? context.getDispatcher() ?? new Agent() }
    return access
  }
  return {
    current: async () => (access && clock.monotonic() - asked < FRESH ? access : load(access?.dispatcher)),
    // With a new dispatcher: a client certificate may have been rotated. The old one closes when its calls are done.
    renew: async () => {
      const old = access?.dispatcher
      await load()
      old?.close().catch(() => undefined)
    },
  }
}
