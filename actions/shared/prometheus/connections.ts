// The connections to a Prometheus: over the network, through a proxy, or through the API server of a cluster.
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici'
import { proxyFor } from '../proxy.ts'

/** A request that is about to be sent. */
export interface Outgoing {
  method: string
  url: URL
  headers: Readonly<Record<string, string>>
  body: string
}

export interface PrometheusOptions {
  /** With the path in front of /api/v1, if any. */
  url: string
  headers: Readonly<Record<string, string>>
  /** PEM. */
  tls: { ca?: string; cert?: string; key?: string }
  /** Of one query, in milliseconds. */
  timeout: number
  /** Of an answer, in bytes. */
  limit?: number
  signal: AbortSignal
  /** Where $HTTPS_PROXY, $HTTP_PROXY and $NO_PROXY are looked for; that of the process unless it is given. */
  environment?: Record<string, string | undefined>
  /** Opens the connections instead of the network. */
  forward?: (signal: AbortSignal) => Promise<Duplex>
  /** Gives a request the headers that prove who asks: all that are sent. */
  sign?: (request: Outgoing) => Promise<Record<string, string>>
  /** How messages name the address; without user, password and query unless it is given. */
  shown?: string
  /** The input that the address comes from; prometheus-url unless it is given. */
  input?: string
  /** The inputs whose credentials `headers`, `tls` and `sign` hold. */
  credentials?: readonly string[]
}

type Environment = Record<string, string | undefined>

/** The proxy on the way to an address, without user and password, and the variable that names it. */
export function proxyOf(address: URL, environment: Environment): { address: string; variable: string } | undefined {
  const proxy = proxyFor(address, environment)
  if (proxy === undefined) return undefined
  const { protocol, host } = new URL(proxy)
  return { address: `${protocol}//${host}`, variable: address.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY' }
}

/** At most `width` of them at once. Throws when the proxy that the environment asks for is none that can be used. */
export function connectionsTo(
  address: URL,
  width: number,
  { tls: { ca, cert, key }, timeout, forward, signal, environment = process.env }: PrometheusOptions,
): Dispatcher {
  const tls = { ...(ca && { ca }), ...(cert && key && { cert, key }) }
  if (forward) return new Agent({ connections: width, connect: through(forward, signal, { timeout, ...tls }) })
  const proxy = proxyFor(address, environment)
  if (proxy === undefined) return new Agent({ connections: width, connect: { timeout, ...tls } })
  if (!/^https?:/.test(proxy))
    throw new Error(`the proxy for ${address.host} is of a kind that is not supported here: http:// and https:// are`)
  // As in Go it makes a tunnel to https only, since proxies often allow none to other ports.
  return new ProxyAgent({ uri: proxy, connections: width, requestTls: { timeout, ...tls }, proxyTls: { timeout } })
}

/** Connects by streams of `forward`, with TLS inside of them for https. A stream that ends is followed by another when something is asked. */
function through(
  forward: NonNullable<PrometheusOptions['forward']>,
  signal: AbortSignal,
  options: buildConnector.BuildOptions,
): buildConnector.connector {
  const secure = buildConnector({ ...options, allowH2: false })
  return (to, done) => {
    const until = AbortSignal.any([signal, AbortSignal.timeout(options.timeout ?? 0)])
    forward(until).then(
      (stream) => {
        // Whoever reads is told of its end; nobody reading is no crash.
        stream.on('error', () => undefined)
        // undici needs no more of a socket than a stream has.
        const socket = stream as Socket
        if (to.protocol === 'https:') secure({ ...to, httpSocket: socket }, done)
        else done(null, socket)
      },
      (error: Error) => done(error, null),
    )
  }
}
