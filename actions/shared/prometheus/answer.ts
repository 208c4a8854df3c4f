// What a Prometheus (or Thanos, Mimir, VictoriaMetrics) answers, checked: its shape, its numbers, its size.

import { z } from 'zod'
import { cut, oneLine } from '../report/text.ts'
import { own } from '../text/records.ts'

/** An answer that is no answer: an error of the server, or something else than its API says. */
export class AnswerError extends Error {
  override readonly name: string = 'AnswerError'
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

const shown = (text: string): string => `'${cut(oneLine(text), 200)}'`

/** Reads an answer of the query API: HTTP status and body. Throws an AnswerError for everything that is not a whole, well-formed one. */
export function readAnswer(status: number, body: string): Answer {
  const parsed = envelope.safeParse(json(body))
  const said =
    parsed.success && parsed.data.error ? `${parsed.data.errorType ?? 'error'}: ${cut(oneLine(parsed.data.error), 500)}` : undefined
  if (status < 200 || status > 299 || said !== undefined) throw new AnswerError(`HTTP ${status}: ${said ?? shown(body)}`)
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
