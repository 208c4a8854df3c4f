// Answers that are no success, read at the border: kinds and bounds of what a server says are looked at before anything is done with it.
import type { ApiStatus } from './cluster.ts'

/** A longer pause than this, in seconds, is not meant. */
const LONGEST_PAUSE = 86_400
/** Of a message, and of each part of it, this many characters are kept. */
const LONGEST_TEXT = 10_000
/** A Status with more causes than this says nothing new. */
const MOST_CAUSES = 100

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : undefined)

/** A number of whole seconds that a caller can be asked to wait; undefined for anything else. */
const pauseOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= LONGEST_PAUSE ? value : undefined

/** A Status object as far as it has the right kinds; undefined when it is none. */
export function readStatus(value: unknown): ApiStatus | undefined {
  if (!isRecord(value) || value.kind !== 'Status') return undefined
  return read(value)
}

/** The object of a watch's event of the type ERROR, and its code. */
export function readError(value: unknown): { code: number; status: ApiStatus } {
  const { code } = isRecord(value) ? value : {}
  const known = typeof code === 'number' && Number.isInteger(code) && code >= 100 && code <= 599
  return { code: known ? code : 500, status: isRecord(value) ? read(value) : {} }
}

function read({ message, reason, details }: Record<string, unknown>): ApiStatus {
  const status: ApiStatus = {}
  const [said, why] = [textOf(message), textOf(reason)]
  if (said !== undefined) status.message = said
  if (why !== undefined) status.reason = why
  if (!isRecord(details)) return status
  const pause = pauseOf(details.retryAfterSeconds)
  const causes = Array.isArray(details.causes) ? details.causes.slice(0, MOST_CAUSES).filter(isRecord).map(readCause) : undefined
  if (pause !== undefined || causes)
    status.details = { ...(pause !== undefined && { retryAfterSeconds: pause }), ...(causes && { causes }) }
  return status
}

function readCause(cause: Record<string, unknown>): { reason?: string; message?: string; field?: string } {
  const parts = (['reason', 'message', 'field'] as const).flatMap((part) => {
    const text = textOf(cause[part])
    return text === undefined ? [] : [[part, text]]
  })
  return Object.fromEntries(parts)
}

/** The API server's own explanation in a body; undefined when it is something else. */
export function statusOf(text: string): ApiStatus | undefined {
  try {
    return readStatus(JSON.parse(text))
  } catch {
    return undefined // not JSON: the caller shows the text itself
  }
}

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** The seconds of a Retry-After head, which is a number or a date; undefined when it is neither or cannot be meant. */
export function retryAfter(head: string | string[] | undefined, now: number): number | undefined {
  if (typeof head !== 'string') return undefined
  if (/^\d{1,9}$/.test(head)) return pauseOf(Number(head))
  if (!HTTP_DATE.test(head)) return undefined
  return pauseOf(Math.ceil((Date.parse(head) - now) / 1000))
}
