// What an address in a suite means: where to connect, and what to ask for there.
import { readServiceAddress } from '../shared/kubernetes/api/service-address.ts'
import type { Way } from './dial.ts'
import { bare } from './dial.ts'

/** One end of a check: how to get there, and the URL that it is called there. */
export interface Target {
  way: Way
  /** http or https, with the host that the service is called by. */
  url: URL
  secure: boolean
}

const NETWORK = { 'http:': 80, 'https:': 443, 'ws:': 80, 'wss:': 443 } as const
const ACCEPTED = 'https://host/path, http://host/path, k8s://namespace/service:port/path or k8s+https://namespace/service:port/path'

/**
 * Reads an address; a path is one of `base`. `k8s://namespace/service:port/path` is HTTP through the API server, `k8s+https://...` TLS there.
 * Throws with what would be accepted.
 */
export function readTarget(address: string, base?: Target): Target {
  if (address.startsWith('/') && !address.startsWith('//')) {
    if (!base) throw new Error(`${address} is a path, but there is no target: give the suite or the action one`)
    return { ...base, url: new URL(address, base.url) }
  }
  const cluster = readServiceAddress(address)
  if (cluster) {
    const { namespace, service, port, url, secure } = cluster
    return { way: { kind: 'cluster', namespace, service, port }, url, secure }
  }
  const url = URL.canParse(address) ? new URL(address) : undefined
  const standard = url && NETWORK[url.protocol as keyof typeof NETWORK]
  if (!url || !standard || !url.hostname) throw new Error(`'${address}' is not accepted: ${ACCEPTED}`)
  if (url.username || url.password) throw new Error(`${url.protocol}//${url.host} carries a user; give it as basic`)
  const secure = url.protocol === 'https:' || url.protocol === 'wss:'
  const http = new URL(`${secure ? 'https' : 'http'}:${address.slice(url.protocol.length)}`)
  return { way: networkWay(http, standard), url: http, secure }
}

/** Where a URL leads over the network. */
export const networkWay = (url: URL, standard = url.protocol === 'https:' ? 443 : 80): Way => ({
  kind: 'network',
  address: { host: bare(url.hostname), port: Number(url.port) || standard },
})

/** Reads `host:port` or a k8s:// address; without one it is the base's. */
export function readAddress(address: string | undefined, base?: Target): Target {
  if (address === undefined) {
    if (base) return base
    throw new Error('there is neither an address nor a target: give the check, the suite or the action one')
  }
  if (/^[a-z0-9+]+:\/\//.test(address)) return readTarget(address, base)
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})$/.exec(address)
  if (!match || Number(match[2]) > 65_535) throw new Error(`'${address}' is not accepted: host:port, or k8s://namespace/service:port`)
  const [, host = '', port] = match
  const way: Way = { kind: 'network', address: { host: bare(host), port: Number(port) } }
  return { way, url: new URL(`https://${host}:${port}/`), secure: false }
}
