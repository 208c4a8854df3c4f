// Whether an HTTP answer is what the suite expects, and what later checks get of it.

import { createHash } from 'node:crypto'
import { own } from '../shared/text/records.ts'
import { formatDuration } from '../shared/time/clock.ts'
import { Fault, type Word } from './fault.ts'
import { find, wrongPaths, wrongShape } from './json.ts'
import { mismatches, regex, show } from './matcher.ts'
import type { Capture, CheckOf } from './suite.ts'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  protocol: 'http/1.1' | 'h2'
  /** Milliseconds from the request to the end of its answer, one for each request. */
  latencies: number[]
  /** Where redirects led to, in order. */
  redirects: URL[]
}

type Expect = CheckOf<'http'>['expect']

export const headerOf = (answer: Pick<Answer, 'headers'>, name: string): string | undefined => {
  const value = own(answer.headers, name.toLowerCase())
  return Array.isArray(value) ? value.join(', ') : value
}

/** Everything that is not as expected, by the word for it. `schema` has been read from its file. `base`: the address that was asked. */
export function objections(answer: Answer, expect: Expect, schema: object | undefined, base: URL): { word: Word; text: string }[] {
  const found: { word: Word; text: string }[] = []
  const object = (word: Word, texts: string[]): void => void found.push(...texts.map((text) => ({ word, text })))
  const statuses = expect.status ?? ['2xx']
  if (!statuses.some((wanted) => wanted === answer.status || wanted === `${Math.floor(answer.status / 100)}xx`))
    object('status', [`the status is ${answer.status}, expected ${statuses.join(', ')}`])
  if (expect.protocol && expect.protocol !== answer.protocol)
    object('wrong', [`the protocol is ${answer.protocol}, expected ${expect.protocol}`])
  for (const [name, matcher] of Object.entries(expect.headers ?? {}))
    object('wrong', prefixed(`header ${name}`, mismatches(matcher, headerOf(answer, name))))
  if (expect.redirects) object('redirect', wrongRedirects(expect.redirects, answer.redirects, base))
  if (expect.sha256) {
    const hash = createHash('sha256').update(answer.body).digest('hex')
    if (hash !== expect.sha256) object('wrong', [`the body's SHA-256 is ${hash}, expected ${expect.sha256}`])
  }
  if (expect.body) object('wrong', prefixed('the body', mismatches(expect.body, answer.body.toString('utf8'))))
  if (expect.json || schema) {
    const json = parsed(answer.body)
    if (json === undefined) object('wrong', [`the body is not JSON: ${show(answer.body.toString('utf8'))}`])
    else object('wrong', [...wrongPaths(expect.json ?? {}, json.value), ...(schema ? wrongShape(schema, json.value) : [])])
  }
  for (const [name, limit] of Object.entries(expect.latency ?? {})) {
    const took = percentile(answer.latencies, Number(name.slice(1)))
    if (took > limit)
      object('latency', [
        `${name} of ${answer.latencies.length} answers is ${formatDuration(took)}, expected at most ${formatDuration(limit)}`,
      ])
  }
  return found
}

const prefixed = (what: string, texts: string[]): string[] => texts.map((text) => `${what} ${text}`)

function wrongRedirects(wanted: string[], came: URL[], base: URL): string[] {
  const chain = (urls: (URL | string)[]): string => urls.map(String).join(' -> ') || 'none'
  const expected = wanted.map((url) => new URL(url, base).href)
  const same = expected.length === came.length && expected.every((url, at) => url === came[at]?.href)
  return same ? [] : [`the redirects are ${chain(came)}, expected ${chain(expected)}`]
}

/** The nearest-rank percentile: the smallest value that `p` percent of all do not exceed. */
export function percentile(values: number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN
}

function parsed(body: Buffer): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body.toString('utf8')) }
  } catch {
    return undefined
  }
}

/** The values that an answer holds for later checks. Throws a Fault for one that is not there. */
export function captured(answer: Answer, captures: Record<string, Capture>): Map<string, unknown> {
  const values = new Map<string, unknown>()
  for (const [name, how] of Object.entries(captures)) {
    const value = capture(answer, how)
    if (value === undefined) throw new Fault('capture', 'judge', `there is nothing to capture for ${name}`)
    values.set(name, value)
  }
  return values
}

function capture(answer: Answer, { json, header, cookie, body }: Capture): unknown {
  if (json) return find(json, parsed(answer.body)?.value)
  if (header) return headerOf(answer, header)
  if (cookie) return cookiesOf(answer).get(cookie)
  const match = body === undefined ? null : regex(body).matcher(answer.body.toString('utf8'))
  if (!match?.find()) return undefined
  return match.groupCount() > 0 ? match.group(1) : match.group()
}

/** The cookies that an answer sets, by name. */
export function cookiesOf(answer: Pick<Answer, 'headers'>): Map<string, string> {
  const lines = [answer.headers['set-cookie'] ?? []].flat()
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [, name, value] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? []
      return name === undefined || value === undefined ? [] : [[name, value.trim()]]
    }),
  )
}
