// Prometheus' query API over HTTP, and what speaks it: Thanos, Mimir, VictoriaMetrics, managed ones. Every call has a deadline and a limit
// of its size, and only some are under way at once.
import { type Dispatcher, request } from 'undici'
import { excerpt } from '../report/text.ts'
import { readText } from '../stream.ts'
import { messageOf } from '../text/errors.ts'
import { type Answer, AnswerError, readAnswer, type Series } from './answer.ts'
import { connectionsTo, type Outgoing, type PrometheusOptions, proxyOf } from './connections.ts'
import { type Came, faultOfAnswer, faultOfConnection, shownAddress, type Way } from './faults.ts'

/**
 * Where counters are read as they were counted: a Prometheus, or the pods themselves. Times are milliseconds since 1970. Every method throws an
 * AnswerError when it could not tell.
 */
export interface CounterStore {
  /** Whether it knows the targets of everybody: a metric that it does not know is nowhere. A store of some pods can tell of those alone. */
  readonly everywhere: boolean
  /** The last sample of each series of a selector in the hour before `at`: those of a pod whose scrapes fail for a while are not new ones. */
  before(selector: string, at: number): Promise<Answer>
  /** The samples of a selector as they were scraped, after `from` and up to `to`. */
  samples(selector: string, from: number, to: number): Promise<Answer>
  /** Which values of these labels the series of a selector had in the hour before `at`: a series a group, with these labels alone. */
  groups(selector: string, labels: readonly string[], at: number): Promise<Answer>
}

/** What an engine needs of a Prometheus, beside its counters. */
export interface Prometheus extends CounterStore {
  /** The value of an expression at a time. `timeout`, in milliseconds, is that of this query; by default it is that of all. */
  instant(query: string, at: number, timeout?: number): Promise<Answer>
  /** An expression at even steps from `from` to `to`, both included. */
  range(query: string, from: number, to: number, step: number): Promise<Answer>
}

/** Prometheus refuses more points of one series in one answer. */
export const MOST_POINTS = 11_000
/** How far back a series is looked for that was there before, in milliseconds. */
const BEFORE = 3_600_000
const BODY_LIMIT = 64 * 2 ** 20
/** Queries under way at once: a release must not be what slows the monitoring down. */
const WIDTH = 8

export class PrometheusClient implements Prometheus {
  readonly everywhere = true
  readonly #options: PrometheusOptions
  readonly #way: Way
  readonly #agent: Dispatcher
  #free = WIDTH
  readonly #waiting: (() => void)[] = []

  constructor(options: PrometheusOptions) {
    const { url, shown, input = 'prometheus-url', credentials = [], tls, timeout, forward, environment = process.env } = options
    const address = new URL(url)
    this.#options = options
    this.#way = {
      input,
      address: shown ?? shownAddress(address),
      url: address,
      proxy: forward ? undefined : proxyOf(address, environment),
      forwarded: forward !== undefined,
      credentials,
      ca: tls.ca !== undefined,
      timeout,
    }
    this.#agent = connectionsTo(address, WIDTH, { ...options, environment })
  }

  /** Asks for the number 1, before there is anything to wait for. Throws the fault that would come again; one that may pass is left to what follows. */
  async probe(): Promise<void> {
    try {
      await this.instant('vector(1)', Date.now())
    } catch (error) {
      if (!(error instanceof AnswerError) || error.permanent) throw error
    }
  }

  instant(query: string, at: number, timeout?: number): Promise<Answer> {
    return this.#ask('query', { query, time: seconds(at) }, timeout)
  }

  async range(query: string, from: number, to: number, step: number): Promise<Answer> {
    // Each answer begins where the one before it ended.
    const width = step * (MOST_POINTS - 1)
    const answers: Answer[] = []
    for (let start = from; start <= to; start += width + step)
      answers.push(
        await this.#ask('query_range', { query, start: seconds(start), end: seconds(Math.min(to, start + width)), step: seconds(step) }),
      )
    return joined(answers)
  }

  before(selector: string, at: number): Promise<Answer> {
    return this.instant(`last_over_time(${selector}[${BEFORE}ms])`, at)
  }

  groups(selector: string, labels: readonly string[], at: number): Promise<Answer> {
    return this.instant(`count by (${labels.join(',')}) (last_over_time(${selector}[${BEFORE}ms]))`, at)
  }

  async samples(selector: string, from: number, to: number): Promise<Answer> {
    const answer = await this.#ask('query', { query: `${selector}[${Math.max(1, Math.ceil(to - from))}ms]`, time: seconds(to) })
    if (answer.type !== 'matrix')
      throw new AnswerError(
        `${this.#name}: it answered a ${answer.type} where samples were asked for; the query is ${excerpt(selector, 300)}`,
      )
    // Whether a range holds its left end depends on the server's version.
    const inside = (at: number): boolean => at * 1000 > from && at * 1000 <= to
    const series = answer.series.map((one) => ({ ...one, points: one.points.filter(([at]) => inside(at)) }))
    return { ...answer, series: series.filter(({ points }) => points.length > 0) }
  }

  close(): Promise<void> {
    return this.#agent.close()
  }

  get #name(): string {
    return `${this.#way.input}: ${this.#way.address}`
  }

  async #ask(path: 'query' | 'query_range', given: Record<string, string>, timeout = this.#options.timeout): Promise<Answer> {
    const release = await this.#slot()
    const deadline = AbortSignal.timeout(timeout)
    const form = { ...given, timeout: `${timeout}ms` }
    const query = given['query'] ?? ''
    try {
      const came = await this.#post(path, form, deadline).catch((error) => {
        // A kept connection may have been closed by the other side while nobody looked; on a fresh one a closed door is a fault.
        if (!wasClosed(error) || deadline.aborted) throw error
        return this.#post(path, form, deadline)
      })
      const fault = faultOfAnswer(came, query, this.#way)
      if (fault) throw fault
      return this.#read(came, query)
    } catch (error) {
      this.#options.signal.throwIfAborted()
      throw error instanceof AnswerError ? error : faultOfConnection(error, deadline.aborted, { ...this.#way, timeout })
    } finally {
      release()
    }
  }

  #read({ status, body }: Came, query: string): Answer {
    try {
      return readAnswer(status, body)
    } catch (error) {
      throw new AnswerError(`${this.#name}: ${messageOf(error)}; the query is ${excerpt(query, 300)}`, { cause: error })
    }
  }

  async #post(path: string, form: Record<string, string>, deadline: AbortSignal): Promise<Came> {
    const { headers, limit = BODY_LIMIT, signal, sign } = this.#options
    const url = new URL(this.#way.url)
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/${path}`
    const asked: Outgoing = {
      method: 'POST',
      url,
      headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      // Thanos would else answer with what it has; others do not know the parameter.
      body: new URLSearchParams({ ...form, partial_response: 'false' }).toString(),
    }
    const answer = await request(url, {
      method: 'POST',
      headers: sign ? await sign(asked) : asked.headers,
      body: asked.body,
      dispatcher: this.#agent,
      // The deadline ends it, and nothing before that.
      headersTimeout: 0,
      bodyTimeout: 0,
      signal: AbortSignal.any([signal, deadline]),
    })
    const { 'content-type': type, location } = answer.headers
    return { status: answer.statusCode, type: String(type ?? ''), location: [location].flat()[0], body: await readText(answer.body, limit) }
  }

  async #slot(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((go) => this.#waiting.push(go))
    return () => {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}

/** Whether a connection ended before there was any answer; asking once more changes nothing on the server. */
const wasClosed = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'UND_ERR_SOCKET')

const seconds = (ms: number): string => (ms / 1000).toFixed(3)

/** One answer of several that follow each other in time. */
function joined(answers: readonly Answer[]): Answer {
  const [first] = answers
  if (first && answers.length === 1) return first
  const all = new Map<string, Series>()
  for (const { series } of answers)
    for (const one of series) {
      const id = JSON.stringify(one.labels)
      all.set(id, { labels: one.labels, points: [...(all.get(id)?.points ?? []), ...one.points] })
    }
  return { type: 'matrix', series: [...all.values()], warnings: [...new Set(answers.flatMap(({ warnings }) => warnings))] }
}
