// Load as users make it: new connections, kept-alive ones, WebSockets. Every request that fails counts, none is sent again.
import { Agent, get } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

export interface Target {
  host: string
  port: number
}

export type Kind = 'new' | 'keep-alive' | 'websocket'

export interface Failure {
  /** By the clock of this machine, in milliseconds. */
  at: number
  kind: Kind
  text: string
}

export interface Load {
  /** Requests sent so far, by kind; a WebSocket counts its opening and every message. */
  readonly sent: Record<Kind, number>
  readonly failures: Failure[]
  /** Ends the long-lived connections properly; resolves when they are closed. New connections go on. */
  pauseKept(): Promise<void>
  resumeKept(): void
  /** Resolves when the last answer is in. Throws when less was sent than was meant to: then it proves nothing. */
  stop(): Promise<{ requests: number; failed: number; seconds: number }>
}

export interface LoadOptions {
  /** New connections each second. */
  perSecond?: number
  /** Kept-alive connections, with a request every 100 ms each. */
  keepAlive?: number
  /** WebSockets, with a message every 200 ms each. */
  webSockets?: number
  onFailure?: (failure: Failure) => void
}

/** An answer that takes longer is none, in milliseconds. */
const PATIENCE = 5_000
const KEEP_ALIVE_EVERY = 100
const MESSAGE_EVERY = 200

export function startLoad(target: Target, options: LoadOptions = {}): Load {
  const { perSecond = 25, keepAlive = 5, webSockets = 5, onFailure } = options
  const sent: Record<Kind, number> = { new: 0, 'keep-alive': 0, websocket: 0 }
  const failures: Failure[] = []
  const began = performance.now()
  const pending = new Set<Promise<void>>()
  let kept: { loops: Promise<void>[]; end: AbortController } | undefined

  const fail = (kind: Kind, error: unknown): void => {
    const failure = {
      at: Date.now(),
      kind,
      text: error instanceof Error ? `${(error as NodeJS.ErrnoException).code ?? error.name}: ${error.message}` : String(error),
    }
    failures.push(failure)
    onFailure?.(failure)
  }
  const once = async (kind: 'new' | 'keep-alive', agent: Agent | false): Promise<void> => {
    sent[kind]++
    try {
      await ask(target, agent)
    } catch (error) {
      fail(kind, error)
    }
  }
  const timer = setInterval(() => {
    const request = once('new', false).finally(() => pending.delete(request))
    pending.add(request)
  }, 1000 / perSecond)

  const keepAsking = async (signal: AbortSignal): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!signal.aborted) {
      await once('keep-alive', agent)
      await sleep(KEEP_ALIVE_EVERY)
    }
    agent.destroy()
  }
  const keepTalking = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await talk(target, signal, () => sent.websocket++)
      } catch (error) {
        fail('websocket', error)
        await sleep(MESSAGE_EVERY)
      }
    }
  }
  const resumeKept = (): void => {
    const end = new AbortController()
    const loops = [
      ...Array.from({ length: keepAlive }, () => keepAsking(end.signal)),
      ...Array.from({ length: webSockets }, () => keepTalking(end.signal)),
    ]
    kept = { loops, end }
  }
  const pauseKept = async (): Promise<void> => {
    kept?.end.abort()
    await Promise.all(kept?.loops ?? [])
    kept = undefined
  }
  resumeKept()

  return {
    sent,
    failures,
    pauseKept,
    resumeKept,
    async stop() {
      clearInterval(timer)
      const seconds = (performance.now() - began) / 1000
      await Promise.all([pauseKept(), ...pending])
      if (seconds > 2 && sent.new < 0.8 * perSecond * seconds)
        throw new Error(
          `only ${sent.new} new connections in ${seconds.toFixed(0)} s, ${perSecond} a second were meant: this machine was too busy to say anything`,
        )
      return { requests: sent.new + sent['keep-alive'] + sent.websocket, failed: failures.length, seconds }
    },
  }
}

export interface Answer {
  version: string
  color: string
  pod: string
}

/** One GET /version; throws on anything but a whole answer with status 200. */
export function ask({ host, port }: Target, agent: Agent | false = false, onSocket?: (socket: Socket) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path: '/version', agent, signal: AbortSignal.timeout(PATIENCE) }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.once('error', reject).once('end', () => {
        if (response.statusCode === 200 && response.complete) resolve(JSON.parse(body) as Answer)
        else reject(new Error(`status ${response.statusCode}: ${body.slice(0, 200)}`))
      })
    })
    request.once('error', reject)
    if (onSocket) request.once('socket', onSocket)
  })
}

/** One WebSocket until it is closed with a close frame, by either side; throws when it ends otherwise or stops answering. */
function talk({ host, port }: Target, signal: AbortSignal, sent: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${host}:${port}/ws`, { handshakeTimeout: PATIENCE })
    let waiting = 0
    let timer: NodeJS.Timeout | undefined
    const close = (): void => socket.close(1000)
    const failed = (error: Error): void => {
      reject(error)
      socket.terminate()
    }
    sent()
    socket.on('open', () => {
      if (signal.aborted) return close()
      signal.addEventListener('abort', close, { once: true })
      timer = setInterval(() => {
        if (socket.readyState !== WebSocket.OPEN) return
        if (waiting && performance.now() - waiting > PATIENCE) return failed(new Error(`no echo within ${PATIENCE} ms`))
        if (waiting) return
        waiting = performance.now()
        sent()
        socket.send('hello')
      }, MESSAGE_EVERY)
    })
    socket.on('message', () => {
      waiting = 0
    })
    socket.on('error', failed)
    socket.on('close', (code) => {
      clearInterval(timer)
      signal.removeEventListener('abort', close)
      // 1006 stands for: there was no close frame. Every other code came in one.
      if (code === 1006) failed(new Error('died without a close frame'))
      else resolve()
    })
  })
}

export interface Kept {
  /** When each connection had its last answer from this version, by the clock of this machine, in milliseconds. */
  lastAnswers(): number[]
  /** How many are still open. */
  open(): number
  end(): void
}

/**
 * Opens connections that stay as long as the other side lets them, with a request every 50 ms on each; none is opened again.
 * Throws when one of them does not lead to `version`.
 */
export async function keepOpen(target: Target, version: string, count = 5): Promise<Kept> {
  const connections = await Promise.all(Array.from({ length: count }, () => keepOne(target, version)))
  return {
    lastAnswers: () => connections.map(({ last }) => last),
    open: () => connections.filter(({ ended }) => !ended).length,
    end: () => {
      for (const connection of connections) connection.end()
    },
  }
}

interface Connection {
  last: number
  ended: boolean
  end(): void
}

async function keepOne(target: Target, version: string): Promise<Connection> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const connection: Connection = { last: 0, ended: false, end: () => (connection.ended = true) }
  let first: Socket | undefined
  const one = async (): Promise<void> => {
    const answer = await ask(target, agent, (socket) => {
      if (!first) socket.once('close', () => connection.end())
      first ??= socket
      if (socket !== first) socket.destroy(new Error('a second connection'))
    })
    if (answer.version !== version) throw new Error(`a connection leads to version ${answer.version}, not ${version}`)
    connection.last = Date.now()
  }
  await one()
  const loop = async (): Promise<void> => {
    while (!connection.ended) {
      await one()
      await sleep(50)
    }
  }
  loop()
    .catch(() => undefined) // its connection has ended, which is what it waits for
    .finally(() => {
      connection.ended = true
      agent.destroy()
    })
  return connection
}
