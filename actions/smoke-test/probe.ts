// One attempt of one check: filled in, bounded in time, and every way it can end told by a word.
import type { Clock } from '../shared/time/clock.ts'
import { formatDuration } from '../shared/time/clock.ts'
import type { Context, Outcome } from './checks/check.ts'
import { checkGrpc } from './checks/grpc.ts'
import { checkHttp } from './checks/http.ts'
import { checkTcp } from './checks/tcp.ts'
import { checkTls } from './checks/tls.ts'
import { checkWebsocket } from './checks/websocket.ts'
import type { Network } from './dial.ts'
import { Fault, faultOf, isOnTheWay, Trace } from './fault.ts'
import { type Check, type Suite, schemaOf, withFiles } from './load.ts'
import type { CheckSpec } from './suite.ts'
import { fill, isCaptured, type Values } from './template.ts'

export interface Probed {
  /** Undefined when the attempt passed. */
  fault: Fault | undefined
  said: string
  captured: ReadonlyMap<string, unknown>
  /** Stages with their times. */
  stages: string
  milliseconds: number
}

/** Makes one attempt, which ends within `limit` milliseconds. Throws only what is no answer of anybody: an aborted run, a defect. */
export type Probe = (check: Check, values: Values, limit: number) => Promise<Probed>

export interface ProbeWorld {
  mask: Context['mask']
  suite: Suite
  network: Network
  clock: Clock
  signal: AbortSignal
}

export function createProbe({ suite, network, clock, signal, mask }: ProbeWorld): Probe {
  return async (check, values, limit) => {
    const began = clock.monotonic()
    const trace = new Trace(() => clock.monotonic())
    const ended = new AbortController()
    // Not AbortSignal.timeout: that one does not keep the process alive while nothing else does.
    const timer = setTimeout(() => ended.abort(new Late()), limit)
    const both = AbortSignal.any([signal, ended.signal])
    const outcome = (fault: Fault | undefined, { said, captured = new Map<string, unknown>() }: Outcome): Probed => {
      const stages = trace.toString()
      return { fault, said, captured, stages, milliseconds: clock.monotonic() - began }
    }
    try {
      const spec = fill(check.spec, values)
      if (isCaptured(urlOf(check.spec) ?? '', values) && !/^\/(?!\/)/.test(urlOf(spec) ?? ''))
        throw new Fault('capture', 'judge', 'a captured address that is no path of the target is not asked')
      const context: Context = {
        attempt: { trace, signal: both },
        network,
        mask,
        target: suite.target,
        connection: withFiles({ ...fill(suite.head.connection, values), ...spec.connection }, suite.files),
        schemaOf: (schema) => schemaOf(schema, suite.files),
      }
      const work = run(spec, context)
      // Whatever a library does with the signal, the attempt is over.
      const over = abandoned(both)
      for (const promise of [work, over]) promise.catch(() => undefined)
      return outcome(undefined, await Promise.race([work, over]))
    } catch (error) {
      signal.throwIfAborted()
      return outcome(asFault(error, trace, ended.signal.aborted ? limit : undefined), { said: '' })
    } finally {
      clearTimeout(timer)
      // Whatever is still open ends.
      ended.abort(new Late())
    }
  }
}

class Late extends Error {}

/** How long a check that is late may take to say what it had seen, in milliseconds. */
const LAST_WORD = 100

const abandoned = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => void setTimeout(() => reject(signal.reason as Error), LAST_WORD)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })

function run(spec: CheckSpec, context: Context): Promise<Outcome> {
  if ('http' in spec) return checkHttp(spec, context)
  if ('websocket' in spec) return checkWebsocket(spec, context)
  if ('tcp' in spec) return checkTcp(spec, context)
  if ('tls' in spec) return checkTls(spec, context)
  return checkGrpc(spec, context)
}

function asFault(error: unknown, { stage }: Trace, late: number | undefined): Fault {
  if (error instanceof Fault && error.word !== 'closed' && error.word !== 'truncated' && error.word !== 'disconnected') return error
  if (late !== undefined) {
    const shown = error instanceof Fault ? error.shown : ''
    if (stage === 'dns') return new Fault('dns', stage, `the name was not resolved within ${formatDuration(late)}`)
    if (isOnTheWay(stage)) return new Fault('timeout', stage, `no connection within ${formatDuration(late)}`, { shown })
    return new Fault('slow', stage, `no ${stage === 'body' ? 'end of the answer' : 'answer'} within ${formatDuration(late)}`, { shown })
  }
  if (error instanceof TypeError || error instanceof ReferenceError) throw error
  return faultOf(error, stage)
}

const urlOf = (spec: CheckSpec): string | undefined =>
  'http' in spec ? spec.http.url : 'websocket' in spec ? spec.websocket.url : undefined
