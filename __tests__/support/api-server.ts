// An API server on loopback that answers what a test wants, byte for byte.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import type { Credentials } from '../../actions/shared/kubernetes/api/credentials.ts'
import { RestCluster } from '../../actions/shared/kubernetes/api/rest.ts'
import type { Clock } from '../../actions/shared/time/clock.ts'
import { TestClock } from './clock.ts'

/** What becomes of one request. */
export type Reply = (outgoing: ServerResponse, received: Received) => void

export interface Received {
  method: string
  path: string
  query: Record<string, string>
  type: string | undefined
  authorization: string | undefined
  headers: IncomingHttpHeaders
  body: unknown
}

type Headers = Record<string, string>

export const text =
  (body: string, status = 200, headers: Headers = {}): Reply =>
  (outgoing) =>
    outgoing.writeHead(status, headers).end(body)

export const json = (body: unknown, status = 200, headers: Headers = {}): Reply =>
  text(JSON.stringify(body), status, { 'content-type': 'application/json', ...headers })

/** The API server's own words. */
export const status = (code: number, message: string, more: object = {}, headers: Headers = {}): Reply =>
  json({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code, ...more }, code, headers)

/** Replies to requests through the proxy in their order, the last one for all that follow, and what the API server says of itself meanwhile. */
export function behindProxy(answers: Reply[], own: Reply): Reply {
  let left = answers
  return (outgoing, received) => {
    if (!received.path.includes('/proxy/')) return own(outgoing, received)
    const [next = hang, ...rest] = left
    if (rest.length) left = rest
    next(outgoing, received)
  }
}

/** Whether the API server permits what it is asked about. */
export const review = (allowed: unknown): Reply => json({ kind: 'SelfSubjectAccessReview', status: { allowed } }, 201)

/** The connection breaks before there is an answer. */
export const drop: Reply = (outgoing) => outgoing.destroy()

/** The connection breaks within the answer. */
export const cut =
  (body: string): Reply =>
  (outgoing) => {
    outgoing.writeHead(200, { 'content-length': '1000' })
    outgoing.write(body, () => outgoing.destroy())
  }

/** No answer ever. */
export const hang: (outgoing?: ServerResponse) => void = () => undefined

export interface ClientOptions {
  patience?: number
  signal?: AbortSignal
  /** What its credentials throw when they are asked for; nothing, while they can be had. */
  fault?: () => Error | undefined
}

export interface ApiServer {
  readonly calls: Received[]
  /** Answers in their order; the last one for all that follows. */
  answer(...replies: Reply[]): void
  /** A client on a clock of its own, which patiently tries for `patience` milliseconds of it. */
  client(options?: ClientOptions): {
    cluster: RestCluster
    clock: TestClock
    told: string[]
    renewed: () => number
  }
  close(): Promise<void>
}

export async function startApiServer(): Promise<ApiServer> {
  const calls: Received[] = []
  let replies: Reply[] = []
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://server')
      const body = Buffer.concat(chunks).toString('utf8')
      const received: Received = {
        method: incoming.method ?? '',
        path: pathname,
        query: Object.fromEntries(searchParams),
        type: incoming.headers['content-type'],
        authorization: incoming.headers.authorization,
        headers: incoming.headers,
        body: body === '' ? undefined : JSON.parse(body),
      }
      calls.push(received)
      const [reply = hang, ...rest] = replies
      if (rest.length) replies = rest
      reply(outgoing, received)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dispatcher = new Agent()
  return {
    calls,
    answer: (...next) => {
      calls.length = 0
      replies = next
    },
    client: ({ patience = 10_000, signal = new AbortController().signal, fault = () => undefined } = {}) => {
      const clock = new TestClock()
      const told: string[] = []
      let renewals = 0
      const credentials: Credentials = {
        current: async () => {
          const error = fault()
          if (error !== undefined) throw error
          return { server: `${address}/`, headers: { Authorization: `Bearer ${renewals}` }, dispatcher }
        },
        renew: async () => {
          renewals++
        },
      }
      // The system's clock counts in fractions of a millisecond; timers take whole ones.
      const fractional: Clock = {
        now: () => clock.now(),
        monotonic: () => clock.monotonic() + 0.25,
        sleep: (ms, signal) => clock.sleep(ms, signal),
      }
      const cluster = new RestCluster({ credentials, clock: fractional, signal, patience, onRetry: (line) => told.push(line) })
      return { cluster, clock, told, renewed: () => renewals }
    },
    close: async () => {
      await dispatcher.destroy()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
