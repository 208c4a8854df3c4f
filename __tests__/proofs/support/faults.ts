// What an API server, or what stands before it, does on a bad day.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Call, Fault } from './proxy.ts'

export interface ApiFault {
  name: string
  /** Which calls it can happen to; by default all. */
  on?(call: Call): boolean
  does: Fault
  /** Whether the same call may be answered the next time. */
  passes: boolean
  /** What a message about it says when it stays; undefined where nothing has to be said. */
  says?: RegExp
}

const isList = ({ method, path, watch }: Call): boolean =>
  method === 'GET' && !watch && /\/(pods|services|deployments|endpointslices)$/.test(path)
const isWatch = ({ watch }: Call): boolean => watch

const status = (code: number, reason: string, message: string, headers: Record<string, string> = {}): Answer => ({
  status: code,
  // By which the API server's own answers through its proxy are told from those of pods, or of what stands before it.
  headers: { 'content-type': 'application/json', 'audit-id': '7d1c5b2e', ...headers },
  body: JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code }),
})
const says = (body: string, code = 200, type = 'application/json'): Answer => ({ status: code, headers: { 'content-type': type }, body })
const HTML = '<html><body><h1>Please sign in</h1></body></html>'
const OPEN: Answer = { status: 200, headers: { 'content-type': 'application/json' }, open: true }

/** Half of the real answer: with the whole's length, or with its own. */
function cut(whole: boolean): Fault {
  return async ({ watch }, forward) => {
    if (watch) return { passFor: 50 }
    const { body = '', ...rest } = await forward()
    const half = Math.floor(body.length / 2)
    return whole ? { ...rest, body, cutAfter: half } : { ...rest, body: body.slice(0, half) }
  }
}

/** More than any answer may hold. */
let huge: string | undefined
const HUGE = 129 * 2 ** 20

export const FAULTS: ApiFault[] = [
  {
    name: '409',
    on: ({ write }) => write,
    does: async () => status(409, 'Conflict', 'the object has been modified'),
    passes: true,
    says: /409|modified/,
  },
  { name: '429', does: async () => status(429, 'TooManyRequests', 'too many requests', { 'retry-after': '1' }), passes: true, says: /429/ },
  { name: '500', does: async () => status(500, 'InternalError', 'etcdserver: leader changed'), passes: true, says: /500 .*leader changed/ },
  {
    name: '503',
    does: async () => status(503, 'ServiceUnavailable', 'the server is shutting down'),
    passes: true,
    says: /503 .*shutting down/,
  },
  { name: '502 of a load balancer', does: async () => says('<html>Bad Gateway</html>', 502, 'text/html'), passes: true, says: /502/ },
  {
    name: '404 of a load balancer',
    does: async () => says('<html>no such page</html>', 404, 'text/html'),
    passes: true,
    says: /404|no such page/,
  },
  { name: 'dropped', does: async () => 'drop', passes: true, says: /socket|closed|hang up/ },
  {
    name: 'answer lost',
    does: async (call, forward) => {
      if (!call.watch) await forward()
      return 'drop'
    },
    passes: true,
    says: /socket|closed|hang up/,
  },
  { name: 'cut off', does: cut(true), passes: true, says: /closed|cut off|terminated|socket|aborted/ },
  { name: 'half a JSON', does: cut(false), passes: true, says: /not JSON|cut off/ },
  { name: 'HTML for JSON', does: async () => says(HTML, 200, 'text/html'), passes: true, says: /not JSON|not the API server/ },
  { name: 'null', does: async () => says('null'), passes: true, says: /not what was asked|unexpected|is not/ },
  { name: 'an array', does: async () => says('[]'), passes: true, says: /not what was asked|unexpected|is not/ },
  { name: 'an empty object', does: async () => says('{}'), passes: true, says: /not what was asked|unexpected|is not/ },
  {
    name: 'a list without items',
    on: isList,
    does: async () => says('{"kind":"List","apiVersion":"v1","metadata":{}}'),
    passes: true,
    says: /items|is not/,
  },
  {
    name: 'huge',
    on: isList,
    does: async () => {
      huge ??= ' '.repeat(HUGE)
      return says(huge)
    },
    passes: true,
    says: /larger than/,
  },
  {
    name: 'slow',
    does: async () => {
      await sleep(1000)
      return 'pass'
    },
    passes: true,
  },
  { name: '401', does: async () => status(401, 'Unauthorized', 'the token has expired'), passes: true, says: /401 .*expired/ },
  { name: '403', does: async () => status(403, 'Forbidden', 'not for you'), passes: false, says: /403 .*not for you|not for you/ },
  {
    name: '410',
    on: (call) => isWatch(call) || isList(call),
    does: async () => status(410, 'Expired', 'too old resource version'),
    passes: true,
    says: /410/,
  },
  {
    name: '410 within a watch',
    on: isWatch,
    does: async () => {
      const object = {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        message: 'too old resource version',
        reason: 'Expired',
        code: 410,
      }
      return says(`${JSON.stringify({ type: 'ERROR', object })}\n`)
    },
    passes: true,
  },
  { name: 'watches that break', on: isWatch, does: async () => ({ passFor: 100 }), passes: true },
  { name: 'watches that are silent', on: isWatch, does: async () => OPEN, passes: true },
  { name: 'no answer', does: () => new Promise(() => undefined), passes: false, says: /timeout|timed out|aborted|no answer/i },
]

/** What a call is, for telling calls apart. */
export const keyOf = ({ method, path, query, watch }: Call): string =>
  `${method} ${path}${watch ? ' watch' : ''}${query.has('dryRun') ? ' dry run' : ''}`

/** Gives every distinct call the fault at its first time, then the real answer. */
export function once(fault: ApiFault): { fault: Fault; met: () => number } {
  const seen = new Set<string>()
  return {
    met: () => seen.size,
    fault: async (call, forward) => {
      const key = keyOf(call)
      if (seen.has(key) || !(fault.on?.(call) ?? true)) return 'pass'
      seen.add(key)
      return fault.does(call, forward)
    },
  }
}
