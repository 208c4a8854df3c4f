// `k8s://namespace/service:port/path`: a Service inside of a cluster, which is reached through the API server.
import type { ServicePort } from './port-forward.ts'

export interface ServiceAddress extends ServicePort {
  /** TLS: `k8s+https://`. */
  secure: boolean
  /** How it is called there, by the name that pods know it by. */
  url: URL
}

/** Reads such an address; undefined when it is none. The port is a name or a number of the Service's. */
export function readServiceAddress(address: string): ServiceAddress | undefined {
  const match = /^k8s(\+https)?:\/\/([a-z0-9][a-z0-9-]*)\/([a-z][a-z0-9-]*):([a-z0-9-]+)(\/.*)?$/.exec(address)
  if (!match) return undefined
  const [, tls, namespace = '', service = '', port = '', path = '/'] = match
  const secure = tls !== undefined
  // A named port is no part of a URL.
  const authority = `${service}.${namespace}.svc${/^\d+$/.test(port) ? `:${port}` : ''}`
  const url = URL.parse(`${secure ? 'https' : 'http'}://${authority}${path}`)
  return url ? { namespace, service, port, secure, url } : undefined
}
