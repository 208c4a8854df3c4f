// The way to a service: a name becomes a connection, with its stages told apart. Nothing here speaks the service's own protocol.

import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { Forward, ServicePort } from '../shared/kubernetes/api/port-forward.ts'
import { proxyFor } from '../shared/proxy.ts'
import { own } from '../shared/text/records.ts'
import { Fault, type Trace } from './fault.ts'
import type { Connection } from './suite.ts'

export interface Address {
  host: string
  port: number
}

/** An attempt under way: its stages, and its end. */
export interface Attempt {
  trace: Trace
  signal: AbortSignal
}

/** Where a check goes: over the network, or through the API server of a cluster. */
export type Way = { kind: 'network'; address: Address } | ({ kind: 'cluster' } & ServicePort)

export interface Network {
  forward: Forward | undefined
  environment: Record<string, string | undefined>
}

/** A connected stream. Rejects with the error of its stage; the stream ends with the attempt's signal. */
export async function dial(way: Way, connection: Connection, network: Network, attempt: Attempt): Promise<Duplex> {
  const stream = way.kind === 'cluster' ? await forwarded(way, network, attempt) : await direct(way.address, connection, network, attempt)
  const end = (): void => void stream.destroy()
  attempt.signal.addEventListener('abort', end, { once: true })
  stream.once('close', () => attempt.signal.removeEventListener('abort', end))
  // Whoever reads is told; nobody reading is no crash.
  stream.on('error', () => undefined)
  return stream
}

async function forwarded(way: Way & { kind: 'cluster' }, { forward }: Network, { trace, signal }: Attempt): Promise<Duplex> {
  if (!forward) throw new Error('there is no cluster to reach k8s:// through')
  trace.enter('forward')
  return forward(way, signal)
}

async function direct(address: Address, connection: Connection, network: Network, attempt: Attempt): Promise<Duplex> {
  const proxy = proxyOf(address, connection, network.environment)
  if (!proxy) return tcp({ ...address, host: own(connection.resolve ?? {}, address.host) ?? address.host }, attempt)
  const port = Number(proxy.port) || (proxy.protocol === 'https:' ? 443 : 80)
  const raw = await tcp({ host: bare(proxy.hostname), port }, attempt)
  attempt.trace.enter('proxy')
  const socket = proxy.protocol === 'https:' ? await handshake(raw, { host: bare(proxy.hostname) }, attempt) : raw
  return tunnel(socket, address, proxy, attempt)
}

/** An IPv6 address without its brackets. */
export const bare = (host: string): string => host.replace(/^\[|\]$/g, '')

function proxyOf({ host, port }: Address, { proxy }: Connection, environment: Network['environment']): URL | undefined {
  if (proxy === 'none') return undefined
  const url = proxy ?? proxyFor(new URL(`https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`), environment)
  if (url === undefined) return undefined
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new Error('the proxy is no http:// or https:// address')
  return new URL(url)
}

function tcp(address: Address, { trace, signal }: Attempt): Promise<Socket> {
  trace.enter(isIP(address.host) ? 'connect' : 'dns')
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ ...address, signal, autoSelectFamily: true })
    socket.once('lookup', (error: Error | null) => !error && trace.enter('connect'))
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

/** The longest head of a proxy's answer, in bytes. */
const HEAD = 16 * 1024

/** Asks an HTTP proxy for a tunnel (CONNECT). */
async function tunnel(socket: Duplex, { host, port }: Address, proxy: URL, { signal }: Attempt): Promise<Duplex> {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const basic = proxy.username ? `Proxy-Authorization: Basic ${Buffer.from(user).toString('base64')}\r\n` : ''
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${basic}\r\n`)
  let head = Buffer.alloc(0)
  for (;;) {
    const chunk = await read(socket, signal)
    head = Buffer.concat([head, chunk ?? Buffer.alloc(0)])
    const end = head.indexOf('\r\n\r\n')
    if (end >= 0) {
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1'))?.[1]
      if (status !== '200')
        throw new Fault('proxy', 'proxy', `the proxy refuses a tunnel to ${authority}: ${status ?? 'it is no HTTP proxy'}`)
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4))
      return socket
    }
    if (!chunk) throw new Fault('proxy', 'proxy', `the proxy closed the connection instead of opening a tunnel to ${authority}`)
    if (head.length > HEAD) throw new Fault('proxy', 'proxy', 'the proxy answers with more than a head')
  }
}

/** The next bytes of a stream; undefined at its end. Rejects with the stream's error, or with the signal's reason. */
export function read(stream: Duplex, signal: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      stream.off('readable', look).off('end', ended).off('close', ended).off('error', failed)
      signal.removeEventListener('abort', aborted)
      act()
    }
    const look = (): void => {
      const chunk = stream.read() as Buffer | null
      if (chunk) settle(() => resolve(chunk))()
    }
    const ended = settle(() => resolve(undefined))
    const failed = (error: Error): void => settle(() => reject(error))()
    const aborted = settle(() => reject(signal.reason as Error))
    if (stream.readableEnded || stream.destroyed) return stream.errored ? failed(stream.errored) : ended()
    stream.on('readable', look).once('end', ended).once('close', ended).once('error', failed)
    signal.addEventListener('abort', aborted, { once: true })
    look()
  })
}

export interface Tls {
  /** The host that was asked for. */
  host: string
  servername?: string | undefined
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
  alpn?: string[]
  /** False lets every certificate pass; `authorizationError` of the socket tells what was wrong. */
  verify?: boolean
}

/** TLS over a stream. Rejects with the error of the handshake or of the certificate. */
export function secure(stream: Duplex, tls: Tls, attempt: Attempt): Promise<TLSSocket> {
  attempt.trace.enter('tls')
  return handshake(stream, tls, attempt)
}

function handshake(stream: Duplex, { host, servername, ca, cert, key, alpn, verify = true }: Tls, { signal }: Attempt): Promise<TLSSocket> {
  const name = servername ?? host
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      socket: stream,
      // An address is no name to ask for, but it is one to verify.
      ...(isIP(name) ? { host: name } : { servername: name }),
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(alpn && { ALPNProtocols: alpn }),
      rejectUnauthorized: verify,
    })
    const aborted = (): void => void socket.destroy(signal.reason as Error)
    signal.addEventListener('abort', aborted, { once: true })
    // It may fail more than once: its own end, and that of what is below it.
    socket.on('error', reject)
    socket.once('close', () => {
      signal.removeEventListener('abort', aborted)
      reject(new Fault('disconnected', 'tls', 'the connection was closed in the TLS handshake'))
    })
    socket.once('secureConnect', () => {
      resolve(socket)
    })
  })
}

/** The certificate that the other side showed; undefined when it showed none. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate()
  return Object.keys(certificate).length > 0 ? certificate : undefined
}
