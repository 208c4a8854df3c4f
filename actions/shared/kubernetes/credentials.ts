import { BlockList, isIP } from 'node:net'
import { KubeConfig, RequestContext } from '@kubernetes/client-node'
import { Agent, type Dispatcher } from 'undici'
import type { Clock } from '../time/clock.ts'

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
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error('the kubeconfig names no cluster for its current context')
  if (!URL.canParse(cluster.server)) throw new Error(`the kubeconfig's server of cluster ${cluster.name} is no URL`)
  const proxy = cluster.proxyUrl ?? proxyFor(new URL(cluster.server), from.environment)
  // client-node honours no HTTPS_PROXY by itself; it does honour proxyUrl
  if (proxy !== undefined) Object.assign(cluster, { proxyUrl: proxy })
  return config
}

/** Says why it cannot be read. The parser's own words may quote the file, which holds secrets: they are left out. */
function load(config: KubeConfig, kubeconfig: string | undefined): string | undefined {
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else if (/\n|^\s*\{/.test(kubeconfig)) config.loadFromString(kubeconfig)
    else config.loadFromFile(kubeconfig)
    return undefined
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException
    return syscall === undefined ? 'it is not YAML or JSON of a kubeconfig' : message
  }
}

/** The proxy that $HTTPS_PROXY and $NO_PROXY ask for; $NO_PROXY holds hosts, domain suffixes, addresses and CIDR blocks. */
export function proxyFor(server: URL, environment: Record<string, string | undefined>): string | undefined {
  const proxy = environment.HTTPS_PROXY ?? environment.https_proxy
  if (!proxy || server.protocol !== 'https:') return undefined
  const host = server.hostname.replace(/^\[|\]$/g, '')
  const excluded = (environment.NO_PROXY ?? environment.no_proxy ?? '').split(',').map((entry) => entry.trim().toLowerCase())
  return excluded.some((entry) => entry !== '' && matches(host, entry)) ? undefined : proxy
}

function matches(host: string, entry: string): boolean {
  const [address = '', bits] = entry.split('/')
  const family = isIP(host)
  if (bits !== undefined && family && isIP(address) === family) {
    const block = new BlockList()
    block.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4')
    return block.check(host, family === 6 ? 'ipv6' : 'ipv4')
  }
  const suffix = entry.replace(/^\*?\./, '')
  return entry === '*' || host === suffix || host.endsWith(`.${suffix}`)
}

/** Credentials of a kubeconfig (tokens, client certificates, exec plugins, OIDC) on one pooled dispatcher. */
export function kubeconfigCredentials(config: KubeConfig, clock: Clock): Credentials {
  const server = config.getCurrentCluster()?.server ?? ''
  let access: Access | undefined
  let asked = 0
  const load = async (dispatcher?: Dispatcher): Promise<Access> => {
    const context = new RequestContext(server, 'GET')
    await config.applySecurityAuthentication(context)
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
