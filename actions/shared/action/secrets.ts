// The secrets of a run, and text without them: the runner masks the log only, not the report, the summary or the outputs.
import { plain } from '../report/text.ts'

export interface Secrets {
  add: (secret: string) => void
  /** The text without secrets; what holds none stays as it is. */
  redact: (text: string) => string
  /** A copy of JSON data with every string and key redacted. */
  redactAll: (value: unknown) => unknown
}

/** Lines of a secret that are shorter than this (`}`, `kind: x`) would hide half of a report. */
const lineLength = 8

/** The secret, its lines, and both as JSON, URLs and base64 carry them. */
function forms(secret: string): string[] {
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim())
  const whole = plain(secret)
  const texts = [whole, whole.trim(), ...(lines.length > 1 ? lines.filter((line) => line.length >= lineLength) : [])]
  return texts.flatMap((text) => {
    const base64 = Buffer.from(text).toString('base64')
    return [
      text,
      JSON.stringify(text).slice(1, -1),
      encodeURIComponent(text.toWellFormed()),
      ...(text.length < lineLength ? [] : [base64, base64.replace(/=+$/, ''), Buffer.from(text).toString('base64url')]),
    ]
  })
}

export function createSecrets(): Secrets {
  let known: string[] = []
  // Compared without terminal sequences and the like, which would come off later and put a secret together again.
  const redact = (text: string): string => {
    const clear = plain(text)
    const hidden = known.reduce((result, secret) => result.replaceAll(secret, '***'), clear)
    return hidden === clear ? text : hidden
  }
  const redactAll = (value: unknown): unknown => {
    if (typeof value === 'string') return redact(value)
    if (Array.isArray(value)) return value.map(redactAll)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [redact(key), redactAll(inner)]))
  }
  return {
    add(secret) {
      if (secret.trim() === '') return
      // The longest first: a secret inside another one must not leave the rest of that one readable.
      known = [...new Set([...known, ...forms(secret)])].sort((a, b) => b.length - a.length)
    },
    redact,
    redactAll,
  }
}
