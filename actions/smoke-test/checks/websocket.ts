// One attempt over WebSocket: the upgrade, then send and expect in turns.
import type { IncomingMessage } from 'node:http'
import { type RawData, WebSocket } from 'ws'
import { excerpt, excerptLines } from '../../shared/report/text.ts'
import { dial, secure } from '../dial.ts'
import { Fault, faultOf } from '../fault.ts'
import { wrongPaths } from '../json.ts'
import { mismatches } from '../matcher.ts'
import type { CheckOf, Turn } from '../suite.ts'
import { readTarget } from '../targets.ts'
import type { Context, Outcome } from './check.ts'
import { cookieHeader, credentials } from './request.ts'

/** The largest message, and how many of them may pass by before the one that is expected. */
const MESSAGE = 2 ** 20
const MESSAGES = 1000

export async function checkWebsocket({ websocket, expect }: CheckOf<'websocket'>, context: Context): Promise<Outcome> {
  const target = readTarget(websocket.url, context.target)
  const { attempt, connection } = context
  const raw = await dial(target.way, connection, context.network, attempt)
  const stream = target.secure ? await secure(raw, { host: target.url.hostname, ...connection }, attempt) : raw
  attempt.trace.enter('answer')
  const cookie = cookieHeader(new Map(Object.entries(websocket.cookies ?? {})))
  const socket = new WebSocket(target.url, websocket.subprotocols ?? [], {
    createConnection: () => stream as never,
    headers: { ...credentials(websocket, context.mask), ...(cookie && { cookie }), ...websocket.headers },
    followRedirects: false,
    maxPayload: MESSAGE,
    // A message that inflates to a thousand times its size is not asked for.
    perMessageDeflate: false,
  })
  const inbox = new Inbox(socket, attempt.signal)
  try {
    await inbox.opened
    if (expect.subprotocol !== undefined && socket.protocol !== expect.subprotocol)
      throw new Fault('wrong', 'judge', `the subprotocol is ${socket.protocol || 'none'}, expected ${expect.subprotocol}`)
    for (const turn of websocket.dialogue) await take(turn, socket, inbox)
    return { said: websocket.dialogue.length ? `${websocket.dialogue.length} turns as expected` : 'upgraded' }
  } finally {
    socket.terminate()
    stream.destroy()
  }
}

async function take(turn: Turn, socket: WebSocket, inbox: Inbox): Promise<void> {
  if (turn.send !== undefined) socket.send(turn.send)
  if (turn['send-json'] !== undefined) socket.send(JSON.stringify(turn['send-json']))
  if (!turn.expect && !turn['expect-json']) return
  const passed: string[] = []
  let wrong: string[] = []
  for (;;) {
    const message = await inbox.next().catch((error: unknown) => {
      const fault = faultOf(error, 'answer')
      const last = wrong.length ? `; the last message ${wrong.join('; ')}` : ''
      throw new Fault(fault.word, 'answer', `${fault.message}${last}`, {
        shown: passed.slice(-20).join('\n') || '(no message came)',
        cause: error,
      })
    })
    wrong = objections(turn, message)
    if (wrong.length === 0) return
    passed.push(excerptLines(message, 500))
    if (passed.length > 20) passed.shift()
  }
}

function objections(turn: Turn, message: string): string[] {
  const wrong = turn.expect ? mismatches(turn.expect, message) : []
  if (!turn['expect-json']) return wrong
  try {
    return [...wrong, ...wrongPaths(turn['expect-json'], JSON.parse(message))]
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return [...wrong, 'is not JSON']
  }
}

/** The messages of a socket one after the other; the socket is paused while nobody waits for one. */
export class Inbox {
  readonly opened: Promise<void>
  readonly #queue: string[] = []
  readonly #socket: WebSocket
  #count = 0
  #failure: Fault | Error | undefined
  #wake = (): void => undefined

  constructor(socket: WebSocket, signal: AbortSignal) {
    this.#socket = socket
    const fail = (error: Fault | Error): void => {
      this.#failure ??= error
      this.#wake()
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.opened = promise
    promise.catch(() => undefined)
    socket.once('open', resolve)
    socket.once('unexpected-response', (_request, answer: IncomingMessage) =>
      reject(new Fault('status', 'answer', `the upgrade was answered with status ${answer.statusCode}, expected 101`)),
    )
    socket.on('error', (error) => {
      reject(error)
      fail(error)
    })
    socket.on('close', (code, reason) => {
      const text = `the WebSocket was closed with code ${code}${reason.length ? `: ${excerpt(reason.toString(), 200)}` : ''}`
      reject(new Fault('closed', 'answer', text))
      fail(new Fault('closed', 'answer', text))
    })
    socket.on('message', (data: RawData) => this.#receive(data))
    signal.addEventListener(
      'abort',
      () => {
        reject(new Fault('slow', 'answer', 'the upgrade was not answered in time'))
        fail(new Fault('slow', 'answer', 'what was expected did not come in time'))
      },
      { once: true },
    )
  }

  #receive(data: RawData): void {
    this.#queue.push(Buffer.from(data as Buffer).toString('utf8'))
    this.#socket.pause()
    this.#wake()
  }

  /** The next message. Rejects with why none comes. */
  async next(): Promise<string> {
    for (;;) {
      const message = this.#queue.shift()
      if (message !== undefined) {
        if (++this.#count > MESSAGES)
          throw new Fault('oversized', 'answer', `more than ${MESSAGES} messages came without what was expected`)
        return message
      }
      if (this.#failure) throw this.#failure
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      this.#socket.resume()
      await promise
    }
  }
}
