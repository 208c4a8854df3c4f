// `${name}` in a suite: data put into its place, once. Nothing is evaluated, and what was put in is not read again.

import { RE2JS } from 're2js'
import { own } from '../shared/text/records.ts'
import { Fault } from './fault.ts'

/** `captured` came from an answer, which may be anybody's. */
export type Values = ReadonlyMap<string, { value: unknown; captured: boolean }>

const PLACE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_-]{0,63})\}/g
const WHOLE = /^\$\{([A-Za-z_][A-Za-z0-9_-]{0,63})\}$/

/** The names that a text asks for; `$${` is a literal `${`. */
export const namesIn = (text: string): string[] => [...text.matchAll(PLACE)].flatMap(([, name]) => name ?? [])

/** All names that any text inside of a value asks for. */
export function namesWithin(value: unknown): string[] {
  if (typeof value === 'string') return namesIn(value)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [...namesIn(key), ...namesWithin(inner)])
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

/** What becomes of a value by the field that it goes to: it must stay data there. */
const encoders: Record<string, (text: string) => string> = {
  url: encodeURIComponent,
  matches: (text) => RE2JS.quote(text),
  'not-matches': (text) => RE2JS.quote(text),
}
/** Fields that hold any JSON: a whole `${count}` stays a number below them. In `expect`, `json` maps paths instead. */
const DATA = new Set(['json', 'send-json', 'equals', 'not-equals', 'contains', 'not-contains'])
/** Fields below which the keys are the suite's own, not names of fields. */
const MAPS = new Set(['json', 'expect-json', 'headers', 'cookies', 'metadata', 'query', 'form'])
/** Fields that go into the head of a request: a line end would be another header. */
const HEAD = new Set(['headers', 'cookies', 'metadata', 'bearer', 'basic'])

interface Place {
  field: string
  expected: boolean
  oneLine: boolean
}

/** A copy of a check with values in their places. Throws a Fault for a value that may not go where it would. */
export function fill<T>(part: T, values: Values): T {
  return walk(part, { field: '', expected: false, oneLine: false }, values) as T
}

/** Whether a whole address is something that an answer said. */
export const isCaptured = (text: string, values: Values): boolean => values.get(WHOLE.exec(text)?.[1] ?? '')?.captured ?? false

function walk(value: unknown, place: Place, values: Values): unknown {
  if (typeof value === 'string') return fillText(value, place, values)
  if (Array.isArray(value)) return value.map((inner) => walk(inner, place, values))
  if (typeof value !== 'object' || value === null) return value
  const { field, expected, oneLine } = place
  const below = (key: string): Place => ({
    field: isData(place) ? field : MAPS.has(field) ? '' : key,
    expected: expected || key === 'expect',
    oneLine: oneLine || (HEAD.has(key) && !expected),
  })
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, below(key), values)]))
}

const isData = ({ field, expected }: Place): boolean => DATA.has(field) && !(field === 'json' && expected)

function fillText(text: string, place: Place, values: Values): unknown {
  const whole = WHOLE.exec(text)?.[1]
  if (whole !== undefined && isData(place)) return lookUp(whole, values)
  if (whole !== undefined && place.field === 'url') return asText(lookUp(whole, values))
  return text.replace(PLACE, (literal, name: string | undefined) => {
    if (name === undefined) return literal.slice(1)
    const given = asText(lookUp(name, values))
    if (place.oneLine && /[\r\n\0]/.test(given)) throw new Fault('capture', 'judge', `\${${name}} holds a line end, which no header may`)
    return (own(encoders, place.field) ?? String)(given)
  })
}

function lookUp(name: string, values: Values): unknown {
  const found = values.get(name)
  if (!found) throw new Error(`\${${name}} has no value`)
  return found.value
}
