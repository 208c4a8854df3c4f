// One call of the API server: what it is, what its answer has to be, and what its fault means.
import type { Dispatcher } from 'undici'
import { ApiError, isMissing, type WatchEvent } from './cluster.ts'
import { permanentFault } from './permanent.ts'
import { isRecord } from './status.ts'

export interface Call {
  verb: string
  method: Dispatcher.HttpMethod
  path: string
  target: string
  query?: Record<string, string | undefined>
  body?: unknown
  contentType?: string
  /** Sent along with the credentials, which they cannot replace. */
  headers?: Record<string, string>
  /** The object that the answer has to be. */
  name?: string | undefined
  /** The answer has to be a list. */
  list?: true
  /** So many bytes of what a pod answers are read. */
  bytes?: number
}

/** Headers in lower case; of one name the last one counts. */
export const merged = (...all: Record<string, string | string[]>[]): Record<string, string | string[]> =>
  Object.fromEntries(all.flatMap((headers) => Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])))

/** Whether trying again can help: no answer, a list that was too old, too many requests, or a server that fails. */
export const passes = (status: number): boolean => status === 0 || status === 410 || status === 429 || status >= 500

/** Whether the next try ends like this one unless somebody mends something: refused credentials, a certificate that nobody trusts. */
export const stays = (failure: ApiError): boolean =>
  failure.status === 401 || (failure.status === 0 && permanentFault(failure.cause) !== undefined)

/** An error of a call in its words. */
export function failureOf(call: Call, error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const words = permanentFault(error)
  return new ApiError(call.verb, call.target, 0, words === undefined ? {} : { message: words }, error)
}

/** Whether a call that succeeded has left something behind. */
export const isWrite = ({ method, query, path }: Call): boolean =>
  method !== 'GET' && query?.dryRun === undefined && !path.startsWith('/apis/authorization.k8s.io/')

/** Whether JSON has the shape of an answer to the call: an object of some kind, with the name that was asked for. */
export function isAnswer(answer: unknown, { name, list, verb }: Call): boolean {
  if (!isRecord(answer) || typeof answer.kind !== 'string') return false
  const { metadata, items, resources, versions } = answer
  if (list) return items === null || (Array.isArray(items) && items.every((item) => isRecord(item) && isRecord(item.metadata)))
  if (verb === 'discover') return Array.isArray(resources) || Array.isArray(versions)
  return name === undefined || (isRecord(metadata) && metadata.name === name)
}

/** One event of a watch; undefined when it is none. */
export function eventOf(line: unknown): { type: unknown; object: Record<string, unknown> } | undefined {
  return isRecord(line) && isRecord(line.object) ? { type: line.type, object: line.object } : undefined
}

export const isEvent = (event: { type: unknown; object: Record<string, unknown> }): event is WatchEvent =>
  ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'].includes(String(event.type)) && isRecord(event.object.metadata)

export async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (!isMissing(error)) throw error
    return undefined
  }
}

export const targetOf = (ref: { kind: string; name: string | undefined; namespace?: string | undefined }): string =>
  `${ref.kind}${ref.name ? `/${ref.name}` : ''}${ref.namespace ? ` in namespace ${ref.namespace}` : ''}`
