// What a Prometheus (or Thanos, Mimir, VictoriaMetrics) answers, checked: its shape, its numbers, its size.

import { z } from 'zod'
import { cut, excerpt, oneLine } from '../report/text.ts'
import { own } from '../text/records.ts'

export interface Circumstances {
  cause?: unknown
  permanent?: boolean
  ofQuery?: boolean
}

/** An answer that is no answer: an error of the server, or something else than its API says. */
export class AnswerError extends Error {
  override readonly name: string = 'AnswerError'
  /** Asking again ends like this, until somebody mends an input, a permission or a certificate. */
  readonly permanent: boolean
  /** The server answers, and does not take the query. */
  readonly ofQuery: boolean

  constructor(message: string, { cause, permanent = false, ofQuery = false }: Circumstances = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.permanent = permanent
    this.ofQuery = ofQuery
  }
}

export type Labels = Readonly<Record<string, string>>

export interface Series {
  labels: Labels
  /** [seconds since 1970, value], in ascending time; values may be NaN or infinite. */
  points: readonly (readonly [number, number])[]
}

export interface Answer {
  type: 'scalar' | 'vector' | 'matrix'
  series: readonly Series[]
  /** The server's doubts, with a partial answer too: what is judged on it is not conclusive. */
  warnings: readonly string[]
}

/** More than this is refused: no comparison of two groups of pods needs it. */
const MOST_SERIES = 50_000

const sample = z.tuple([z.number(), z.string()])
const labels = z.record(z.string(), z.string())
const envelope = z.object({
  status: z.enum(['success', 'error']),
  data: z.unknown().optional(),
  errorType: z.string().optional(),
  error: z.string().optional(),
  warnings: z.array(z.string()).optional(),
})
const data = z.discriminatedUnion('resultType', [
  z.object({ resultType: z.literal('scalar'), result: sample }),
  z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: labels, value: sample.optional(), histogram: z.unknown().optional() })).max(MOST_SERIES),
  }),
  z.object({
    resultType: z.literal('matrix'),
    result: z.array(z.object({ metric: labels, values: z.array(sample).optional(), histograms: z.unknown().optional() })).max(MOST_SERIES),
  }),
])

const special: Record<string, number> = { NaN, '+Inf': Infinity, '-Inf': -Infinity, Inf: Infinity }

/** A number as Prometheus writes it; undefined when it is none. */
export const numberOf = (text: string): number | undefined =>
  own(special, text) ?? (/^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined)

function value(text: string): number {
  const parsed = numberOf(text)
  if (parsed === undefined) throw new AnswerError(`it answered ${shown(text)} where a number has to be`)
  return parsed
}

const point = ([at, text]: readonly [number, string]): readonly [number, number] => [at, value(text)]

const shown = (text: string): string => `'${excerpt(text, 200)}'`

/** What a server says of its fault: by Prometheus' API, or as gateways and the managed ones do. */
export interface Said {
  /** Prometheus' word for the kind: bad_data, execution, timeout, unavailable, internal. */
  kind: string | undefined
  text: string
}

const elsewhere = z.object({ message: z.string() })
const google = z.object({ error: elsewhere })

/** What the body of an answer says of a fault; undefined when it says nothing in JSON. */
export function saidBy(body: string): Said | undefined {
  const value = json(body)
  const own = envelope.safeParse(value)
  if (own.success && own.data.error) return { kind: own.data.errorType ?? 'error', text: excerpt(own.data.error, 500) }
  const other = google.safeParse(value).data?.error ?? elsewhere.safeParse(value).data
  return other && { kind: undefined, text: excerpt(other.message, 500) }
}

/** Reads an answer of the query API: HTTP status and body. Throws an AnswerError for everything that is not a whole, well-formed one. */
export function readAnswer(status: number, body: string): Answer {
  const parsed = envelope.safeParse(json(body))
  const said = saidBy(body)
  if (status < 200 || status > 299 || said?.kind !== undefined)
    throw new AnswerError(`HTTP ${status}: ${said ? [said.kind, said.text].filter(Boolean).join(': ') : shown(body)}`)
  if (!parsed.success || parsed.data.status !== 'success')
    throw new AnswerError(`it answered something else than its API says: ${shown(body)}`)
  const read = data.safeParse(parsed.data.data)
  if (!read.success)
    throw new AnswerError(`it answered something else than its API says: ${cut(oneLine(read.error.issues[0]?.message ?? ''), 300)}`)
  const warnings = parsed.data.warnings ?? []
  return { type: read.data.resultType, series: seriesOf(read.data), warnings }
}

function seriesOf(read: z.infer<typeof data>): Series[] {
  if (read.resultType === 'scalar') return [{ labels: {}, points: [point(read.result)] }]
  const found = new Set<string>()
  return read.result.map((one) => {
    const id = JSON.stringify(Object.entries(one.metric).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    if (found.has(id)) throw new AnswerError(`it answered the series ${cut(id, 200)} twice`)
    found.add(id)
    const samples = 'value' in one ? one.value && [one.value] : 'values' in one ? one.values : undefined
    if (!samples) throw new AnswerError('it answered native histograms, which are not compared; ask for a classic one or convert it')
    return { labels: one.metric, points: ascending(samples.map(point)) }
  })
}

function ascending(points: (readonly [number, number])[]): (readonly [number, number])[] {
  for (let i = 1; i < points.length; i++)
    if ((points[i]?.[0] ?? 0) <= (points[i - 1]?.[0] ?? 0)) throw new AnswerError('it answered points that are not in the order of time')
  return points
}

function json(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
