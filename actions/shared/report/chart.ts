// What the two charts of a report show, apart from how they are drawn.
import type { Chart, Moment, Report } from './report.ts'

export interface Span {
  phase: string
  /** Seconds since the start of the run. */
  from: number
  to: number
  /** The worst thing said in it. */
  level: Moment['level']
}

const worse = ['info', 'good', 'warning', 'bad'] as const

/** The phases of the timeline, each from its first moment to the first of the next (the last: to the end of the run). */
export function spans(report: Pick<Report, 'started' | 'seconds' | 'timeline'>): Span[] {
  const start = Date.parse(report.started)
  const found: Span[] = []
  for (const moment of report.timeline) {
    const at = Math.max(0, (Date.parse(moment.at) - start) / 1000)
    const last = found.at(-1)
    if (last) last.to = at
    if (last?.phase === moment.phase) {
      if (worse.indexOf(moment.level) > worse.indexOf(last.level)) last.level = moment.level
    } else found.push({ phase: moment.phase, from: at, to: at, level: moment.level })
  }
  const last = found.at(-1)
  if (last) last.to = Math.max(last.to, report.seconds)
  return found
}

export interface Range {
  from: number
  to: number
}

const range = (values: number[]): Range =>
  values.reduce((r, value) => ({ from: Math.min(r.from, value), to: Math.max(r.to, value) }), { from: Infinity, to: -Infinity })

/** The smallest x and y ranges that hold every point (y: from 0 on, and the limit), or undefined for a chart without two different x. */
export function extent(chart: Chart): { x: Range; y: Range } | undefined {
  const points = chart.series.flatMap((one) => one.points)
  if (points.length < 2) return undefined
  const x = range(points.map((point) => point[0]))
  const y = range([0, ...points.map((point) => point[1]), ...(chart.limit === undefined ? [] : [chart.limit])])
  return x.to > x.from ? { x, y: y.to > y.from ? y : { from: y.from, to: y.from + 1 } } : undefined
}

/** The curve at `count` even steps of x, linear between the points and level beyond them: for drawings that know even steps only. */
export function resample(points: Chart['series'][number]['points'], x: Range, count: number): number[] {
  const values: number[] = []
  let i = 0
  for (let n = 0; n < count; n++) {
    const at = x.from + ((x.to - x.from) * n) / (count - 1)
    while (i < points.length - 1 && (points[i + 1]?.[0] ?? 0) <= at) i++
    const [left, right] = [points[i], points[i + 1]]
    if (!left) return []
    const share = right && at > left[0] ? (at - left[0]) / (right[0] - left[0]) : 0
    values.push(left[1] + (right ? (right[1] - left[1]) * share : 0))
  }
  return values
}
