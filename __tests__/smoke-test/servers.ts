// Real servers on loopback for one test file; all are gone at its end.
import { createServer as createHttp, type Server as HttpServer, type RequestListener } from 'node:http'
import { createServer as createTcp, type Server, type Socket } from 'node:net'
import type { Forward } from '../../actions/shared/kubernetes/api/port-forward.ts'
import { systemClock } from '../../actions/shared/time/clock.ts'
import { loadSuite } from '../../actions/smoke-test/load.ts'
import { createProbe, type Probed } from '../../actions/smoke-test/probe.ts'

const open = new Set<() => Promise<void>>()

export async function closeAll(): Promise<void> {
  await Promise.all([...open].map((close) => close()))
  open.clear()
}

function listen(server: Server | HttpServer): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  })
  open.add(
    () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => done())
      }),
  )
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port)))
}

export const http = (answer: RequestListener): Promise<number> => listen(createHttp(answer))
export const httpServer = async (answer: RequestListener): Promise<{ port: number; server: HttpServer }> => {
  const server = createHttp(answer)
  return { port: await listen(server), server }
}
/** Speaks bytes; `say` gets each socket. */
export const tcp = (say: (socket: Socket) => void): Promise<number> => listen(createTcp(say))
/** Answers every request with these bytes, and closes when told to. */
export const raw = (bytes: string | Buffer, end = true): Promise<number> =>
  tcp((socket) =>
    socket.once('data', () => {
      socket.write(bytes)
      if (end) socket.end()
    }),
  )

export interface ProbeOptions {
  limit?: number
  values?: Record<string, unknown>
  forward?: Forward
  environment?: Record<string, string>
  files?: Record<string, string>
  signal?: AbortSignal
  mask?: (secret: string) => void
}

/** One attempt of the check that a YAML text describes. */
export function probe(check: string, options: ProbeOptions = {}): Promise<Probed> {
  const {
    limit = 5000,
    values = {},
    forward,
    environment = {},
    files = {},
    signal = new AbortController().signal,
    mask = () => undefined,
  } = options
  const suite = loadSuite(`checks:\n  - ${check.trim().replaceAll('\n', '\n    ')}`, {
    file: 's.yaml',
    read: (path) => files[path] ?? '',
    variables: values,
  })
  const [first] = suite.checks
  if (!first) throw new Error('there is no check')
  const captured = new Map(Object.entries(values).map(([name, value]) => [name, { value, captured: true }]))
  return createProbe({ suite, network: { environment, forward }, clock: systemClock, signal, mask })(first, captured, limit)
}

/** How an attempt ended, in a line. */
export const short = ({ fault, said }: Probed): string =>
  fault ? `${fault.verdict} ${fault.word} at ${fault.stage}: ${fault.message}` : `passed: ${said}`
