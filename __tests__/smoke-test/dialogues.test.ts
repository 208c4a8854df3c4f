// WebSocket, TCP and gRPC health against real servers.
import { Duplex } from 'node:stream'
import { Server as GrpcServer, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { afterAll, expect, test } from '@jest/globals'
import { WebSocket, WebSocketServer } from 'ws'
import { Inbox } from '../../actions/smoke-test/checks/websocket.ts'
import { closeAll, http, httpServer, probe, raw, short, tcp } from './servers.ts'

afterAll(closeAll)

async function webSocket(say: (socket: import('ws').WebSocket, request: import('node:http').IncomingMessage) => void): Promise<number> {
  const { port, server } = await httpServer((_, response) => response.writeHead(404).end())
  const sockets = new WebSocketServer({ server, path: '/ws', handleProtocols: (offered) => [...offered][0] ?? false })
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined)
    say(socket, request)
  })
  return port
}

const repeat = (count: number, work: () => void): void => {
  for (let i = 0; i < count; i++) work()
}
const ws = (port: number, more: string, path = '/ws'): string => `{name: chat, websocket: {url: "ws://127.0.0.1:${port}${path}", ${more}}}`

test('a dialogue over WebSocket', async () => {
  const seen: unknown[] = []
  const port = await webSocket((socket, { headers }) => {
    seen.push(headers.authorization, headers.cookie, headers['x-a'], headers['sec-websocket-protocol'])
    socket.send('welcome')
    for (let i = 0; i < 50; i++) socket.send(JSON.stringify({ type: 'news', id: i }))
    socket.on('message', (data: Buffer) => socket.send(JSON.stringify({ type: 'pong', id: Number(data.toString()) })))
  })
  const options = 'bearer: t, cookies: {a: "1"}, headers: {x-a: b}, subprotocols: [chat.v2, chat.v1]'
  const dialogue =
    'dialogue: [{expect: welcome}, {send: "7", expect-json: {$.type: pong, $.id: 7}}, {send-json: 8}, {expect: {contains: "\\"id\\":8"}}]'
  expect(short(await probe(ws(port, `${options}, ${dialogue}`).replace(/}$/, ', expect: {subprotocol: chat.v2}}')))).toBe(
    'passed: 4 turns as expected',
  )
  expect(seen).toEqual(['Bearer t', 'a=1', 'b', 'chat.v2,chat.v1'])
  const wrong = await probe(ws(port, 'dialogue: [{expect-json: {$.type: never}}]'), { limit: 300 })
  expect(short(wrong)).toMatch(
    /^unhealthy slow at answer: what was expected did not come in time; the last message \$\.type is "news", expected "never"$/,
  )
  expect(wrong.fault?.shown.split('\n')).toHaveLength(20)
})

test.each<[string, Parameters<typeof webSocket>[0], string, RegExp]>([
  [
    'closed early',
    (socket) => socket.close(1011, 'overloaded'),
    'dialogue: [{expect: x}]',
    /^unhealthy closed at answer: the WebSocket was closed with code 1011: overloaded/,
  ],
  [
    'cut',
    (socket) => socket.terminate(),
    'dialogue: [{expect: x}]',
    /^unhealthy closed at answer: the WebSocket was closed with code 1006/,
  ],
  ['too large', (socket) => socket.send('x'.repeat(2 ** 21)), 'dialogue: [{expect: x}]', /^unhealthy oversized at answer/],
  [
    'too many',
    (socket) => repeat(1500, () => socket.send('y')),
    'dialogue: [{expect: x}]',
    /^unhealthy oversized at answer: more than 1000 messages/,
  ],
  ['another subprotocol', () => undefined, 'subprotocols: [a, b]', /^passed/],
])('a WebSocket that is %s', async (_, say, more, expected) => {
  const port = await webSocket(say)
  expect(short(await probe(ws(port, more)))).toMatch(expected)
})

test('a flood that nobody reads stays where it comes from', async () => {
  let server: import('ws').WebSocket | undefined
  const port = await webSocket((socket) => {
    server = socket
    repeat(64, () => socket.send(Buffer.alloc(2 ** 20)))
  })
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  const inbox = new Inbox(client, new AbortController().signal)
  await inbox.opened
  expect(await inbox.next()).toHaveLength(2 ** 20)
  // Each turn of the loop would move a good part of a megabyte.
  for (let turn = 0; turn < 5000 && server?.bufferedAmount; turn++) await new Promise((done) => setImmediate(done))
  expect(server?.bufferedAmount).toBeGreaterThan(2 ** 25)
  client.terminate()
})

test('an upgrade that is no upgrade', async () => {
  const port = await webSocket(() => undefined)
  expect(short(await probe(ws(port, '', '/other')))).toMatch(
    /^unhealthy status at answer: the upgrade was answered with status 400, expected 101/,
  )
  const plain = await http((_, response) => response.writeHead(200).end('hi'))
  expect(short(await probe(ws(plain, '')))).toMatch(/answered with status 200, expected 101/)
  const liar = await raw(
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n',
    false,
  )
  expect(short(await probe(ws(liar, '')))).toMatch(/^unhealthy (malformed|closed) at answer: .*Sec-WebSocket-Accept/)
  const silent = await tcp(() => undefined)
  expect(short(await probe(ws(silent, ''), { limit: 200 }))).toMatch(/^unhealthy slow at answer/)
  expect(short(await probe(ws(1, '')))).toMatch(/^unreachable refused at connect/)
})

test('a dialogue over TCP', async () => {
  const port = await tcp((socket) => {
    socket.write('220 ready\r\n')
    socket.on('data', (data) => socket.write(`got ${data.toString()}`))
  })
  const talk = (dialogue: string, limit = 5000) =>
    probe(`{name: db, tcp: {address: "127.0.0.1:${port}", dialogue: ${dialogue}}}`, { limit })
  expect(short(await probe(`{name: db, tcp: "127.0.0.1:${port}"}`))).toBe('passed: connected')
  expect(short(await talk('[{expect: {matches: "^220"}}, {send: "PING\\r\\n", expect: {contains: "got PING"}}]'))).toBe(
    'passed: 2 turns as expected',
  )
  const wrong = await talk('[{send: X, expect: {contains: nothing}}]', 300)
  expect(short(wrong)).toBe('unhealthy slow at answer: what was expected did not come in time')
  expect(wrong.fault?.shown).toContain('220 ready')
})

test('a stream that ends or floods', async () => {
  const address = (port: number) => `{name: db, tcp: {address: "127.0.0.1:${port}", dialogue: [{send: x, expect: {contains: ok}}]}}`
  const ends = await raw('bye')
  const ended = await probe(address(ends))
  expect(short(ended)).toMatch(
    /^unhealthy closed at answer: the connection was closed before what was expected came: it is "bye", expected it to contain "ok"/,
  )
  const flood = await raw('y'.repeat(2 ** 21), false)
  expect(short(await probe(address(flood)))).toMatch(/^unhealthy oversized at answer/)
  expect(short(await probe('{name: db, tcp: "127.0.0.1:1"}'))).toMatch(/^unreachable refused at connect/)
})

/** A gRPC server with a health service that is written down here once more, as others would. */
async function health(
  answer: (service: string, done: (code: status, state: number) => void) => void,
): Promise<{ port: number; stop: () => void }> {
  const server = new GrpcServer()
  const bytes = {
    requestSerialize: (b: Buffer) => b,
    requestDeserialize: (b: Buffer) => b,
    responseSerialize: (b: Buffer) => b,
    responseDeserialize: (b: Buffer) => b,
  }
  server.addService(
    { Check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...bytes } },
    {
      Check: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        answer(call.request.subarray(2).toString(), (code, state) =>
          code === status.OK ? done(null, Buffer.from(state ? [8, state] : [])) : done({ code, details: 'because “so”' }),
        ),
    },
  )
  const port = await new Promise<number>((ready, failed) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? failed(error) : ready(bound))),
  )
  return { port, stop: () => server.forceShutdown() }
}

test('the health of gRPC services', async () => {
  const { port, stop } = await health((service, done) => {
    if (service === 'slow') return
    const long = 's'.repeat(200)
    const states: Record<string, [status, number]> = {
      '': [status.OK, 1],
      down: [status.OK, 2],
      unknown: [status.OK, 0],
      gone: [status.NOT_FOUND, 0],
      [long]: [status.OK, 1],
    }
    done(...(states[service] ?? states[service.slice(1)] ?? [status.UNIMPLEMENTED, 0]))
  })
  const ask = (service: string, expectation = '{}', limit = 5000) =>
    probe(`{name: g, grpc: {address: "127.0.0.1:${port}", service: "${service}"}, expect: ${expectation}}`, { limit }).then(short)
  try {
    expect(await ask('')).toBe('passed: health SERVING')
    expect(await ask('s'.repeat(200))).toBe('passed: health SERVING')
    expect(await ask('down')).toBe('unhealthy status at judge: the health is NOT_SERVING, expected SERVING')
    expect(await ask('down', '{status: NOT_SERVING}')).toBe('passed: health NOT_SERVING')
    expect(await ask('unknown')).toBe('unhealthy status at judge: the health is UNKNOWN, expected SERVING')
    expect(await ask('gone')).toBe('unhealthy status at judge: the gRPC status is NOT_FOUND: because “so”, expected OK')
    expect(await ask('gone', '{code: NOT_FOUND}')).toBe('passed: gRPC status NOT_FOUND')
    expect(await ask('slow', '{}', 200)).toBe('unhealthy slow at answer: no answer within 200ms')
  } finally {
    stop()
  }
})

test('what is no gRPC server', async () => {
  const ask = (port: number, limit = 2000) => probe(`{name: g, grpc: "127.0.0.1:${port}"}`, { limit }).then(short)
  const plain = await http((_, response) => response.end('hi'))
  expect(await ask(plain)).toMatch(/^unhealthy (malformed|closed) at answer/)
  expect(await ask(await tcp((socket) => socket.destroy()))).toMatch(/^unhealthy closed at answer/)
  expect(await ask(await tcp(() => undefined), 200)).toMatch(/^unhealthy slow at answer/)
  expect(await ask(1)).toMatch(/^unreachable refused at connect/)
})

test('every kind of check goes through a port-forward', async () => {
  const targets: string[] = []
  const forward = (port: number) => async (to: { namespace: string; service: string; port: string }) => {
    targets.push(`${to.namespace}/${to.service}:${to.port}`)
    const { connect } = await import('node:net')
    const socket = connect(port, '127.0.0.1')
    // A stream that is no socket, as the one of a cluster is.
    return Duplex.from({ readable: socket, writable: socket })
  }
  const web = await http((request, response) => response.end(request.headers.host))
  expect(short(await probe('{name: a, http: "k8s://shop/web:http/health", expect: {body: web.shop.svc}}', { forward: forward(web) }))).toBe(
    'passed: 200 from http://web.shop.svc/health',
  )
  const chat = await webSocket((socket) => socket.send('hi'))
  expect(
    short(await probe('{name: a, websocket: {url: "k8s://shop/chat:80/ws", dialogue: [{expect: hi}]}}', { forward: forward(chat) })),
  ).toMatch(/^passed/)
  const echo = await tcp((socket) => socket.pipe(socket))
  expect(
    short(await probe('{name: a, tcp: {address: "k8s://shop/db:5432", dialogue: [{send: x, expect: x}]}}', { forward: forward(echo) })),
  ).toMatch(/^passed/)
  const { port, stop } = await health((_, done) => done(status.OK, 1))
  try {
    expect(short(await probe('{name: a, grpc: "k8s://shop/ledger:grpc"}', { forward: forward(port) }))).toMatch(/^passed/)
  } finally {
    stop()
  }
  expect(targets).toEqual(['shop/web:http', 'shop/chat:80', 'shop/db:5432', 'shop/ledger:grpc'])
  const nobody = () => Promise.reject(Object.assign(new Error('Service/web has no ready pods'), { code: 'ENOENDPOINTS' }))
  expect(short(await probe('{name: a, http: "k8s://shop/web:80/"}', { forward: nobody }))).toBe(
    'unhealthy no-endpoints at forward: nobody serves it (Service/web has no ready pods)',
  )
  const away = () => Promise.reject(new Error('cannot get Service/web: 503'))
  expect(short(await probe('{name: a, http: "k8s://shop/web:80/"}', { forward: away }))).toMatch(/^unreachable forward at forward/)
})
