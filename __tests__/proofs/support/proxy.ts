// A proxy before the API server: sees every call, and does to it what a proof asks for.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Dispatcher, request } from 'undici'
import type { Credentials } from '../../../actions/shared/kubernetes/api/credentials.ts'

export interface Call {
  method: string
  path: string
  query: URLSearchParams
  body: string
  /** Changes something: not a read, a review or a dry run. */
  write: boolean
  watch: boolean
  /** When it came, by `performance.now()`. */
  at: number
  /** What was answered; undefined while it is under way, and when it was dropped. */
  status?: number
}

export interface Answer {
  status: number
  headers?: Record<string, string>
  body?: string
  /** Sends this many bytes of the body and then breaks the connection. */
  cutAfter?: number
  /** Leaves the answer open after the body, as a watch does that has nothing to say. */
  open?: boolean
}

/** `passFor` forwards a watch and breaks its connection after so many milliseconds. */
export type Verdict = Answer | 'drop' | 'pass' | { passFor: number }

/** What becomes of a call. `forward` sends it to the API server and reads the whole answer; not for watches. */
export type Fault = (call: Call, forward: () => Promise<Answer>) => Promise<Verdict>

export interface ApiProxy {
  url: string
  /** A kubeconfig that leads through the proxy. */
  kubeconfig: string
  /** Every call so far. */
  calls: Call[]
  use(fault: Fault): void
  close(): Promise<void>
}

/** Starts a proxy on a free port of loopback. Without a fault every call passes. */
export async function startProxy(credentials: Credentials, fault: Fault = async () => 'pass'): Promise<ApiProxy> {
  const calls: Call[] = []
  let current = fault
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing, credentials, calls, () => current).catch(() => outgoing.destroy())
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    kubeconfig: kubeconfigFor(url),
    calls,
    use: (next) => {
      current = next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const kubeconfigFor = (server: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })

async function handle(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  credentials: Credentials,
  calls: Call[],
  fault: () => Fault,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const url = new URL(incoming.url ?? '/', 'http://proxy')
  const call: Call = {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    body: Buffer.concat(chunks).toString('utf8'),
    watch: url.searchParams.get('watch') === 'true',
    write: incoming.method !== 'GET' && !url.pathname.includes('selfsubject') && !url.searchParams.has('dryRun'),
    at: performance.now(),
  }
  calls.push(call)
  const send = async (): Promise<Dispatcher.ResponseData> => {
    const { server, headers, dispatcher } = await credentials.current()
    const type = incoming.headers['content-type']
    return request(`${server}${incoming.url}`, {
      method: call.method as Dispatcher.HttpMethod,
      headers: { ...headers, accept: incoming.headers.accept ?? 'application/json', ...(type && { 'content-type': type }) },
      body: call.body || null,
      dispatcher,
    })
  }
  const forward = async (): Promise<Answer> => {
    const answer = await send()
    return { status: answer.statusCode, headers: plain(answer.headers), body: await answer.body.text() }
  }
  const verdict = await fault()(call, forward)
  if (verdict === 'drop') {
    outgoing.destroy()
    return
  }
  const answered = (answer: Answer): void => {
    call.status = answer.status
    respond(outgoing, answer)
  }
  if (verdict !== 'pass' && !('passFor' in verdict)) return answered(verdict)
  // As bytes: what kubectl asks for is not always text.
  const answer = await send()
  call.status = answer.statusCode
  if (verdict !== 'pass') setTimeout(() => outgoing.destroy(), verdict.passFor)
  outgoing.writeHead(answer.statusCode, plain(answer.headers))
  outgoing.flushHeaders()
  outgoing.on('close', () => answer.body.destroy())
  for await (const chunk of answer.body) outgoing.write(chunk)
  outgoing.end()
}

function respond(
  outgoing: ServerResponse,
  { status, headers = { 'content-type': 'application/json' }, body = '', cutAfter, open }: Answer,
): void {
  const bytes = Buffer.from(body)
  if (open) {
    outgoing.writeHead(status, headers).flushHeaders()
    if (body) outgoing.write(bytes)
    return
  }
  outgoing.writeHead(status, { ...headers, 'content-length': String(bytes.length) })
  if (cutAfter === undefined) outgoing.end(bytes)
  else outgoing.write(bytes.subarray(0, cutAfter), () => outgoing.destroy())
}

function plain(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const skip = ['transfer-encoding', 'content-length', 'connection']
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined || skip.includes(name) ? [] : [[name, String(value)]])),
  )
}
