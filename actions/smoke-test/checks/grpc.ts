// One attempt at the standard health service (grpc.health.v1.Health/Check). One unary call with a two-field message over Node's HTTP/2, so
// that it goes through the same connections, stages and bounds as every other check; gRPC libraries dial and reconnect by themselves.
import { type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { excerpt } from '../../shared/report/text.ts'
import { dial, secure } from '../dial.ts'
import { Fault, faultOf } from '../fault.ts'
import { type CheckOf, CODES, HEALTH } from '../suite.ts'
import { readAddress } from '../targets.ts'
import type { Context, Outcome } from './check.ts'
import { credentials } from './request.ts'

/** The largest answer, in bytes; a health answer has seven. */
const LIMIT = 64 * 1024

export async function checkGrpc({ grpc, expect }: CheckOf<'grpc'>, context: Context): Promise<Outcome> {
  const target = readAddress(grpc.address, context.target)
  const { attempt, connection } = context
  const raw = await dial(target.way, connection, context.network, attempt)
  const encrypted = grpc.tls ?? target.secure
  const stream = encrypted ? await secure(raw, { host: target.url.hostname, ...connection, alpn: ['h2'] }, attempt) : raw
  if (encrypted && (stream as TLSSocket).alpnProtocol !== 'h2') throw new Fault('malformed', 'tls', 'the server does not speak HTTP/2')
  attempt.trace.enter('answer')
  const session = connect(`${encrypted ? 'https' : 'http'}://${target.url.host}`, {
    createConnection: () => stream,
    settings: { enablePush: false },
    maxSessionMemory: 1,
  })
  try {
    const failed = new Promise<never>((_, reject) => {
      session.once('error', reject)
      session.once('close', () => reject(new Fault('closed', 'answer', 'the connection was closed before the answer was there')))
    })
    failed.catch(() => undefined)
    const call = session.request({
      ...credentials(grpc, context.mask),
      ...grpc.metadata,
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    call.end(request(grpc.service))
    const { code, message, body } = await Promise.race([answer(call), failed])
    attempt.trace.enter('judge')
    if (code !== expect.code)
      throw new Fault('status', 'judge', `the gRPC status is ${code}${message && `: ${message}`}, expected ${expect.code}`)
    if (code !== 'OK') return { said: `gRPC status ${code}` }
    const status = HEALTH[statusOf(body)] ?? 'UNKNOWN'
    if (status !== expect.status) throw new Fault('status', 'judge', `the health is ${status}, expected ${expect.status}`)
    return { said: `health ${status}` }
  } catch (error) {
    throw faultOf(error, attempt.trace.stage)
  } finally {
    session.destroy()
    stream.destroy()
  }
}

/** A message frame with `string service = 1`. */
function request(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length ? Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]) : name
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

const varint = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)])

async function answer(call: ClientHttp2Stream): Promise<{ code: string; message: string; body: Buffer }> {
  const chunks: Buffer[] = []
  let [size, status] = [0, 0]
  let ends: IncomingHttpHeaders = {}
  call.once('response', (headers) => {
    status = Number(headers[':status'])
    // An error may come without a message, in one block of headers.
    ends = headers
  })
  call.once('trailers', (trailers: IncomingHttpHeaders) => (ends = trailers))
  for await (const chunk of call as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LIMIT) throw new Fault('oversized', 'answer', `a health answer is larger than ${LIMIT} bytes`)
    chunks.push(chunk)
  }
  if (status !== 200) throw new Fault('status', 'answer', `the HTTP status of the call is ${status || 'missing'}, expected 200`)
  const code = ends['grpc-status']
  if (code === undefined) throw new Fault('truncated', 'body', 'the answer ends without a gRPC status')
  const message = excerpt(percentDecoded(String(ends['grpc-message'] ?? '')), 300)
  return { code: CODES[Number(code)] ?? `code ${excerpt(String(code), 20)}`, message, body: Buffer.concat(chunks) }
}

/** As gRPC writes messages; what is broken stays readable, where decodeURIComponent would throw. */
function percentDecoded(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** `enum status = 1` of a message frame; 0 when it is left out. Throws a Fault for anything that is not one. */
function statusOf(frame: Buffer): number {
  const malformed = (): never => {
    throw new Fault('malformed', 'body', 'the answer is no health message')
  }
  if (frame.length < 5 || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - 5) malformed()
  if (frame.length === 5) return 0
  const [tag, value = 0] = frame.subarray(5)
  return tag === 0x08 && value < 0x80 ? value : malformed()
}
