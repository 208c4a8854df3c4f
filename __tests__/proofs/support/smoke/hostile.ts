// Servers as one meets them on a bad day, and some that mean harm. Each listens on a port of its own on 127.0.0.1.
import { createServer as createHttp, type Server as HttpServer } from 'node:http'
import { createServer as createTcp, type Server, type Socket } from 'node:net'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { Server as GrpcServer, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { WebSocketServer } from 'ws'

const head = (lines: string): string => `HTTP/1.1 200 OK\r\n${lines}\r\n`
const MiB = 2 ** 20

const zeros = Buffer.alloc(64 * MiB)
const gzipBomb = (): Buffer => Buffer.concat(Array.from({ length: 16 }, () => gzipSync(zeros, { level: 9 })))
const brotliBomb = (): Buffer => brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })

/** Answers the first bytes of each connection. */
const onData = (answer: (socket: Socket) => void) => (socket: Socket) => void socket.once('data', () => answer(socket))
const says = (bytes: string | Buffer, end = true) =>
  onData((socket) => {
    socket.write(bytes)
    if (end) socket.end()
  })
/** Sends for ever, as fast as it is read. */
const floods = (first: string, piece: string | Buffer) =>
  onData((socket) => {
    socket.write(first)
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece)) {
        // until it is full
      }
    }
    socket.on('drain', more)
    more()
  })

/** What each connection gets, by the name of the server. */
const raw: Record<string, () => (socket: Socket) => void> = {
  silent: () => () => undefined,
  closes: () => onData((socket) => socket.destroy()),
  resets: () => onData((socket) => socket.resetAndDestroy()),
  'no-http': () => says('SSH-2.0-OpenSSH_9.6\r\n'),
  truncated: () => says(`${head('content-length: 1000\r\n')}{"status":`),
  'truncated-chunks': () => says(`${head('transfer-encoding: chunked\r\n')}40\r\n{"status":`),
  'too-long': () => says(`${head('content-length: 2\r\n')}{}{"status":"ok"}`),
  'two-lengths': () => says(`${head('content-length: 2\r\ncontent-length: 4\r\n')}{}{}`),
  'both-framings': () => says(`${head('content-length: 2\r\ntransfer-encoding: chunked\r\n')}0\r\n\r\n`),
  'broken-chunk': () => says(`${head('transfer-encoding: chunked\r\n')}xyz\r\n{}`),
  'huge-header': () => floods('HTTP/1.1 200 OK\r\nx: ', 'y'.repeat(65_536)),
  'huge-body': () => floods(head(''), Buffer.alloc(65_536, 'x')),
  'huge-chunks': () => floods(head('transfer-encoding: chunked\r\n'), `10000\r\n${'x'.repeat(65_536)}\r\n`),
  'lying-gzip': () => says(`${head('content-encoding: gzip\r\n')}not an archive`),
  'gzip-bomb': () => {
    const bomb = gzipBomb()
    return says(Buffer.concat([Buffer.from(head('content-encoding: gzip\r\n')), bomb]))
  },
  'brotli-bomb': () => {
    const bomb = brotliBomb()
    return says(Buffer.concat([Buffer.from(head('content-encoding: br\r\n')), bomb]))
  },
  'deep-json': () => says(`${head('')}${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
  'evil-text': () => says(`${head('')}${'a'.repeat(100_000)}!`),
  commands: () => says(`HTTP/1.1 500 No\r\nx: ::error::planted\r\n\r\n::error::planted\n##[error]planted\n::set-output name=x::planted\n`),
  drips: () =>
    onData((socket) => {
      socket.write(head('content-length: 1000\r\n'))
      const timer = setInterval(() => socket.write('x'), 100)
      socket.once('close', () => clearInterval(timer))
    }),
  file: () => says('HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n'),
  script: () => says('HTTP/1.1 302 Found\r\nlocation: javascript:alert(1)\r\ncontent-length: 0\r\n\r\n'),
  'tcp-flood': () => floods('', Buffer.alloc(65_536, 'x')),
}

export interface Hostile {
  /** The port of each server, by its name. */
  ports: Record<string, number>
  /** Addresses of peers, by the name of the server, one for each connection that sent something. */
  close(): Promise<void>
}

export async function startHostile(): Promise<Hostile> {
  const servers: (Server | HttpServer)[] = []
  const sockets = new Set<Socket>()
  const ports: Record<string, number> = {}
  const listen = async (name: string, server: Server | HttpServer): Promise<void> => {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
    })
    servers.push(server)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    ports[name] = (server.address() as { port: number }).port
  }
  for (const [name, make] of Object.entries(raw)) await listen(name, createTcp(make()))
  let asked = 0
  const flapping = createHttp((_, response) => response.writeHead(++asked % 2 ? 503 : 200).end())
  await listen('flapping', flapping)
  let starting = 0
  await listen(
    'starting',
    createHttp((_, response) => response.writeHead(++starting <= 3 ? 503 : 200).end('{"status":"ok"}')),
  )
  const http = createHttp((_, response) => response.writeHead(404).end())
  const websockets = new WebSocketServer({ server: http })
  websockets.on('connection', (socket, { url }) => {
    socket.on('error', () => undefined)
    if (url === '/closes') socket.close(1013, 'try again later')
    if (url === '/large') socket.send(Buffer.alloc(8 * MiB, 'x'))
    if (url === '/flood') {
      const more = (error?: Error): void => {
        if (!error && socket.readyState === socket.OPEN) socket.send('noise', more)
      }
      more()
    }
    if (url === '/echo') socket.on('message', (data: Buffer) => socket.send(JSON.stringify({ echo: data.toString() })))
  })
  await listen('websocket', http)
  const grpc = await startGrpc()
  ports.grpc = grpc.port
  return {
    ports,
    async close() {
      grpc.stop()
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
    },
  }
}

/** A health service by the gRPC project's own server. */
async function startGrpc(): Promise<{ port: number; stop: () => void }> {
  const server = new GrpcServer()
  const same = (bytes: Buffer): Buffer => bytes
  const method = {
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
  server.addService(
    { Check: { ...method, path: '/grpc.health.v1.Health/Check' } },
    {
      Check: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        const service = request.subarray(2).toString()
        if (service === '' || service === 'up') done(null, Buffer.from([8, 1]))
        else if (service === 'down') done(null, Buffer.from([8, 2]))
        else if (service !== 'mute') done({ code: status.NOT_FOUND, details: `no service ${service}` })
      },
    },
  )
  const port = await new Promise<number>((ready, failed) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? failed(error) : ready(bound))),
  )
  return { port, stop: () => server.forceShutdown() }
}
