// A Prometheus in memory: counters that grow as told, scraped each second. Everything is a function of time, so that live and replay see the same.
import { type Answer, AnswerError, type Labels, type Series } from '../../../actions/shared/prometheus/answer.ts'
import type { Prometheus } from '../../../actions/shared/prometheus/client.ts'

export interface Counter {
  labels: Labels
  /** Its value so many seconds after the beginning; undefined: it is not there. */
  at(seconds: number): number | undefined
}

/** How many seconds back a sample is looked for. */
const BEFORE = 120

export class Past implements Prometheus {
  /** False: it is a store of some pods. */
  everywhere = true
  /** Seconds from one scrape to the next. */
  scrape = 1
  readonly #start: number
  readonly #counters: readonly Counter[]
  /** Throws or warns, where a test wants that. */
  readonly #fault: (at: number) => string[]
  readonly asked: string[] = []
  values: (query: string, seconds: number) => number | undefined = () => undefined

  constructor(start: number, counters: readonly Counter[], fault: (seconds: number) => string[] = () => []) {
    this.#start = start
    this.#counters = counters
    this.#fault = fault
  }

  #seconds(at: number): number {
    return (at - this.#start) / 1000
  }

  /** The series of a selector as the action writes it: only the matchers that the tests use. */
  #select(selector: string): Counter[] {
    const [, metric = '', inside = ''] = /([a-z_]*)\{(.*)\}/.exec(selector) ?? []
    const matchers = [...inside.matchAll(/(\w+)(=~|!~|!=|=)"((?:\\.|[^"\\])*)"/g)]
    return this.#counters.filter(
      ({ labels }) =>
        (metric === '' || labels['__name__'] === metric) &&
        matchers.every(([, label = '', operator, value = '']) => {
          const own = labels[label] ?? ''
          const met = operator?.endsWith('~') ? new RegExp(`^(?:${value.replaceAll('\\\\', '\\')})$`).test(own) : own === value
          return operator?.startsWith('!') ? !met : met
        }),
    )
  }

  async instant(query: string, at: number): Promise<Answer> {
    this.asked.push(query)
    const warnings = this.#fault(this.#seconds(at))
    const value = this.values(query, this.#seconds(at))
    if (value !== undefined) return { type: 'vector', series: [{ labels: {}, points: [[at / 1000, value]] }], warnings }
    const series = this.#select(query).flatMap((counter): Series[] => {
      const found = counter.at(this.#seconds(at))
      const { __name__: name, ...labels } = counter.labels
      return found === undefined || !name ? [] : [{ labels, points: [[at / 1000, found]] }]
    })
    return { type: 'vector', series, warnings }
  }

  async before(selector: string, at: number): Promise<Answer> {
    this.asked.push(selector)
    const warnings = this.#fault(this.#seconds(at))
    const series = this.#select(selector).flatMap((counter): Series[] => {
      const last = this.#lastOf(counter, at)
      const { __name__: _, ...labels } = counter.labels
      return last ? [{ labels, points: [last] }] : []
    })
    return { type: 'vector', series, warnings }
  }

  /** The last sample before a time. */
  #lastOf({ at: valueAt }: Counter, at: number): [number, number] | undefined {
    for (let seconds = this.#seconds(at); seconds > this.#seconds(at) - BEFORE; seconds -= 1) {
      const value = valueAt(seconds)
      if (value !== undefined) return [this.#start / 1000 + seconds, value]
    }
    return undefined
  }

  async groups(selector: string, labels: readonly string[], at: number): Promise<Answer> {
    this.asked.push(`${selector} by ${labels.join()}`)
    const warnings = this.#fault(this.#seconds(at))
    const series = this.#select(selector).filter((counter) => this.#lastOf(counter, at) !== undefined)
    const found = new Map(
      series.map((one) => {
        const kept = Object.fromEntries(labels.flatMap((label) => (one.labels[label] === undefined ? [] : [[label, one.labels[label]]])))
        return [JSON.stringify(kept), { labels: kept, points: [[at / 1000, 1] as const] }]
      }),
    )
    return { type: 'vector', series: [...found.values()], warnings }
  }

  async range(query: string, from: number, to: number, step: number): Promise<Answer> {
    this.asked.push(query)
    const warnings = this.#fault(this.#seconds(to))
    const points: [number, number][] = []
    for (let at = from; at <= to; at += step) {
      const value = this.values(query, this.#seconds(at))
      if (value !== undefined) points.push([at / 1000, value])
    }
    return { type: 'matrix', series: points.length ? [{ labels: {}, points }] : [], warnings }
  }

  async samples(selector: string, from: number, to: number): Promise<Answer> {
    this.asked.push(selector)
    const warnings = this.#fault(this.#seconds(to))
    const series = this.#select(selector).flatMap(({ labels, at }): Series[] => {
      const points: [number, number][] = []
      for (
        let seconds = (Math.floor(this.#seconds(from) / this.scrape) + 1) * this.scrape;
        seconds <= this.#seconds(to);
        seconds += this.scrape
      ) {
        const value = at(seconds)
        if (value !== undefined) points.push([this.#start / 1000 + seconds, value])
      }
      return points.length ? [{ labels, points }] : []
    })
    return { type: 'matrix', series, warnings }
  }
}

export const down = (): never => {
  throw new AnswerError('Prometheus at http://test: connect ECONNREFUSED')
}

/** Requests and failed ones of a pod, at even rates. */
export function traffic(
  pod: string,
  given: { rps: number; errors: number; from?: number; until?: number; restartAt?: number; before?: number },
): Counter[] {
  const { rps, errors, from = -1000, until = Infinity, restartAt = Infinity, before = 0 } = given
  const counted =
    (rate: number) =>
    (seconds: number): number | undefined => {
      if (seconds < from) return undefined
      const since = seconds >= restartAt ? restartAt : Math.max(from, 0)
      const start = seconds >= restartAt ? 0 : before
      return Math.floor(start + rate * Math.max(0, Math.min(seconds, until) - since))
    }
  const labels = { __name__: 'http_requests_total', pod }
  const failed = counted(rps * errors)
  return [
    { labels: { ...labels, status: '200' }, at: counted(rps * (1 - errors)) },
    // As most libraries have it: the series appears with its first error.
    { labels: { ...labels, status: '500' }, at: (seconds) => failed(seconds) || undefined },
  ]
}

/** A histogram of a pod: `shares` are those at or below each edge. */
export function latency(pod: string, rps: number, shares: Record<string, number>): Counter[] {
  return Object.entries({ ...shares, '+Inf': 1 }).map(([le, share]) => ({
    labels: { __name__: 'http_request_duration_seconds_bucket', pod, le },
    at: (seconds) => Math.floor(rps * Math.max(0, seconds) * share),
  }))
}
