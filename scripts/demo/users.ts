// The users of the demo: most come on a new connection, five keep theirs.
import { Agent, get } from 'node:http'

export interface Users {
  /** Begins to ask; nothing is counted before. */
  go(url: string): void
  count(): { requests: number; failed: number }
  /** Who answered within the last second, most answers first. */
  answering(): { version: string; color: string }[]
  /** When a version gave its last answer, in milliseconds since 1970; NaN when it never did. */
  last(version: string): number
  /** How it goes, for people. */
  line(): string
  stop(): void
}

const EVERY = 20
const KEPT = 5
const KEPT_EVERY = 200
const TIMEOUT = 5_000

export function startUsers(): Users {
  const timers: NodeJS.Timeout[] = []
  const agents = Array.from({ length: KEPT }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const seen = new Map<string, { version: string; color: string; at: number; recent: number[] }>()
  let requests = 0
  let failed = 0

  const ask = (url: string, agent: Agent | false): void => {
    const done = once((good: boolean) => {
      requests++
      if (!good) failed++
    })
    const request = get(url, { agent, timeout: TIMEOUT }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', () => done(false))
      answer.on('end', () => {
        done(remember(Buffer.concat(chunks).toString('utf8')) && answer.statusCode === 200)
      })
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', () => done(false))
  }

  /** False when it is not an answer of the example. */
  const remember = (body: string): boolean => {
    const [, version, color] = /"version":"(\w*)".*"color":"(\w*)"/.exec(body) ?? []
    if (version === undefined || color === undefined) return false
    const key = `${version} ${color}`
    const entry = seen.get(key) ?? { version, color, at: 0, recent: [] }
    entry.at = Date.now()
    entry.recent = [...entry.recent.filter((at) => at > entry.at - 1000), entry.at]
    seen.set(key, entry)
    return true
  }

  const answering = () => {
    const recent = (times: number[]) => times.filter((at) => at > Date.now() - 1000).length
    return [...seen.values()].filter((entry) => recent(entry.recent) > 0).sort((a, b) => recent(b.recent) - recent(a.recent))
  }

  return {
    go(url) {
      timers.push(setInterval(() => ask(url, false), EVERY))
      for (const agent of agents) timers.push(setInterval(() => ask(url, agent), KEPT_EVERY))
    },
    count: () => ({ requests, failed }),
    answering,
    last(version) {
      const times = [...seen.values()].filter((entry) => entry.version === version).map(({ at }) => at)
      return times.length ? Math.max(...times) : Number.NaN
    },
    line() {
      const who = answering().map(({ version, color }) => `${version} (${color})`)
      return `${requests.toLocaleString('en')} requests so far, ${failed} failed; answering now: ${who.join(' and ') || 'nobody'}`
    },
    stop() {
      for (const timer of timers) clearInterval(timer)
      for (const agent of agents) agent.destroy()
    },
  }
}

function once<T>(work: (value: T) => void): (value: T) => void {
  let done = false
  return (value) => {
    if (!done) work(value)
    done = true
  }
}
