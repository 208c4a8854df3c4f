import { types } from 'node:util'
import { own } from '../shared/text/records.ts'
import { formatDuration } from '../shared/time/clock.ts'

/** The steps of an attempt, in order. */
export type Stage = 'dns' | 'connect' | 'proxy' | 'forward' | 'tls' | 'answer' | 'body' | 'judge'

export type Verdict = 'unreachable' | 'unhealthy'

/** Every way in which an attempt can end badly, and whom it speaks against: the way to the service, or the service. */
export const WORDS = {
  dns: 'unreachable',
  refused: 'unreachable',
  'no-route': 'unreachable',
  timeout: 'unreachable',
  proxy: 'unreachable',
  forward: 'unreachable',
  'tls-expired': 'unreachable',
  'tls-name': 'unreachable',
  'tls-untrusted': 'unreachable',
  'tls-failed': 'unreachable',
  disconnected: 'unreachable',
  'no-endpoints': 'unhealthy',
  slow: 'unhealthy',
  closed: 'unhealthy',
  malformed: 'unhealthy',
  truncated: 'unhealthy',
  oversized: 'unhealthy',
  redirect: 'unhealthy',
  status: 'unhealthy',
  certificate: 'unhealthy',
  latency: 'unhealthy',
  capture: 'unhealthy',
  wrong: 'unhealthy',
  flapping: 'unhealthy',
} as const satisfies Record<string, Verdict>
export type Word = keyof typeof WORDS

/** An attempt that did not pass: which word for it, at which stage, in a sentence; `shown` is what came back, which is untrusted. */
export class Fault extends Error {
  readonly word: Word
  readonly stage: Stage
  readonly shown: string
  constructor(word: Word, stage: Stage, message: string, more: { shown?: string; cause?: unknown } = {}) {
    super(message, { cause: more.cause })
    this.name = 'Fault'
    this.word = word
    this.stage = stage
    this.shown = more.shown ?? ''
  }
  get verdict(): Verdict {
    return WORDS[this.word]
  }
}

/** Where an attempt is, and how long each stage took. */
export class Trace {
  readonly #now: () => number
  #since: number
  stage: Stage = 'dns'
  readonly times: Partial<Record<Stage, number>> = {}

  /** `now` is a monotonic time in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
    this.#since = now()
  }

  enter(stage: Stage): void {
    this.#count()
    this.stage = stage
  }

  /** `dns 2ms, connect 10ms, answer 1.5s`, with the stage that is under way. */
  toString(): string {
    this.#count()
    return Object.entries(this.times)
      .filter(([, ms]) => ms >= 0.5)
      .map(([stage, ms]) => `${stage} ${formatDuration(ms)}`)
      .join(', ')
  }

  #count(): void {
    const now = this.#now()
    this.times[this.stage] = (this.times[this.stage] ?? 0) + now - this.#since
    this.#since = now
  }
}

const ON_THE_WAY: Stage[] = ['dns', 'connect', 'proxy', 'forward', 'tls']
/** Whether an attempt at this stage has not reached the service yet. */
export const isOnTheWay = (stage: Stage): boolean => ON_THE_WAY.includes(stage)

const codes: Record<string, Word> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ENODATA: 'dns',
  ECONNREFUSED: 'refused',
  ENOENDPOINTS: 'no-endpoints',
  EHOSTUNREACH: 'no-route',
  ENETUNREACH: 'no-route',
  EADDRNOTAVAIL: 'no-route',
  ETIMEDOUT: 'timeout',
  CERT_HAS_EXPIRED: 'tls-expired',
  CERT_NOT_YET_VALID: 'tls-expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls-name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls-untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls-untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls-untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'tls-untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls-untrusted',
  UND_ERR_HEADERS_OVERFLOW: 'oversized',
  HPE_HEADER_OVERFLOW: 'oversized',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'oversized',
}

const plainly: Partial<Record<Word, string>> = {
  dns: 'the name is not known',
  refused: 'the connection was refused',
  'no-route': 'there is no route to it',
  timeout: 'the connection timed out',
  'no-endpoints': 'nobody serves it',
  forward: 'the API server has no way to it',
  'tls-expired': 'the certificate is expired or not valid yet',
  'tls-name': 'the certificate is for another name',
  'tls-untrusted': 'the certificate comes from nobody that is trusted',
  'tls-failed': 'there is no TLS between us',
  disconnected: 'the connection was cut',
  closed: 'the connection was closed before the answer was there',
  truncated: 'the answer broke off',
  malformed: 'the answer is not what the protocol allows',
  oversized: 'the answer is too large',
}

// Also for errors of another realm.
const { isNativeError } = types

/** What an error of a socket or a library means at a stage. */
export function faultOf(error: unknown, stage: Stage): Fault {
  if (error instanceof Fault) return error
  const { code, message } = rootOf(error)
  const word = own(codes, code) ?? wordAt(stage, code, message)
  return new Fault(word, stage, `${plainly[word] ?? 'it failed'} (${message || code})`, { cause: error })
}

function wordAt(stage: Stage, code: string, message: string): Word {
  if (stage === 'dns') return 'dns'
  if (stage === 'connect') return 'disconnected'
  if (stage === 'proxy' || stage === 'forward') return stage
  if (stage === 'tls') return /ECONNRESET|EPIPE|before secure TLS/.test(`${code} ${message}`) ? 'disconnected' : 'tls-failed'
  if (/^HPE_|^HTTPParserError$|^UND_ERR_RES|^ERR_HTTP2|^WS_ERR|^Z_|^ERR_/.test(code))
    return stage === 'body' && code === 'HPE_INVALID_EOF_STATE' ? 'truncated' : 'malformed'
  if (stage === 'judge') return 'malformed'
  return stage === 'body' ? 'truncated' : 'closed'
}

/** The error that says most: an aggregate's first, a cause's innermost with a code. */
function rootOf(error: unknown): { code: string; message: string } {
  if (!isNativeError(error)) return { code: '', message: String(error) }
  const inner: unknown = 'errors' in error && Array.isArray(error.errors) ? error.errors[0] : error.cause
  if (isNativeError(inner)) return rootOf(inner)
  const { code } = error as Error & { code?: unknown }
  return { code: typeof code === 'string' ? code : error.name, message: error.message }
}
