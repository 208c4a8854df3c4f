// Prometheus' query API over HTTP, and what speaks it: Thanos, Mimir, VictoriaMetrics, managed ones. Every call has a deadline and a limit
// of its size, and only some are under way at once.
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { proxyFor } from '../proxy.ts'
import { cut, oneLine } from '../report/text.ts'
import { readText } from '../stream.ts'
import { type Answer, AnswerError, readAnswer, type Series } from './answer.ts'

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
  /** The value of an expression at a time. */
  instant(query: string, at: number): Promise<Answer>
  /** An expression at even steps from `from` to `to`, both included. */
  range(query: string, from: number, to: number, step: number): Promise<Answer>
}

export interface PrometheusOptions {
  /** With the path in front of /api/v1, if any. */
  url: string
  headers: Readonly<Record<string, string>>
  /** PEM. */
  tls: { ca?: string; cert?: string; key?: string }
  /** Of one query, in milliseconds. */
  timeout: number
  /** Of an answer, in bytes. */
  limit?: number
  signal: AbortSignal
  /** Where $HTTPS_PROXY, $HTTP_PROXY and $NO_PROXY are looked for; that of the process unless it is given. */
  environment?: Record<string, string | undefined>
}

/** Prometheus refuses more points of one series in one answer. */
export const MOST_POINTS = 11_000
/** How far back a series is looked for that was there before, in milliseconds. */
const BEFORE = 3_600_000
const BODY_LIMIT = 64 * 2 ** 20
/** Queries under way at once: a release must not be what slows the monitoring down. */
const WIDTH = 8

/** The connections to a Prometheus, through the proxy that the environment asks for. Throws when that is no address. */
function agentFor({ url, tls: { ca, cert, key }, timeout, environment = process.env }: PrometheusOptions): Dispatcher {
  const tls = { ...(ca && { ca }), ...(cert && key && { cert, key }) }
  const address = URL.parse(url)
  const proxy = address ? proxyFor(address, environment) : undefined
  if (proxy === undefined) return new Agent({ connections: WIDTH, connect: { timeout, ...tls } })
  if (!/^https?:/.test(proxy))
    throw new Error(`the proxy for ${address?.host} is of a kind that is not supported here: http:// and https:// are`)
  // As in Go it makes a tunnel to https only, since proxies often allow none to other ports.
  return new ProxyAgent({ uri: proxy, connections: WIDTH, requestTls: { timeout, ...tls }, proxyTls: { timeout } })
}

export class PrometheusClient implements Prometheus {
  readonly everywhere = true
  readonly #options: PrometheusOptions
  readonly #agent: Dispatcher
  #free = WIDTH
  readonly #waiting: (() => void)[] = []

  constructor(options: PrometheusOptions) {
    this.#options = options
    this.#agent = agentFor(options)
  }

  instant(query: string, at: number): Promise<Answer> {
    return this.#ask('query', { query, time: seconds(at) })
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
    if (answer.type !== 'matrix') throw new AnswerError(`${this.#name}: it answered a ${answer.type} where samples were asked for`)
    // Whether a range holds its left end depends on the server's version.
    const inside = (at: number): boolean => at * 1000 > from && at * 1000 <= to
    const series = answer.series.map((one) => ({ ...one, points: one.points.filter(([at]) => inside(at)) }))
    return { ...answer, series: series.filter(({ points }) => points.length > 0) }
  }

  close(): Promise<void> {
    return this.#agent.close()
  }

  get #name(): string {
    return `Prometheus at ${this.#options.url}`
  }

  async #ask(path: 'query' | 'query_range', form: Record<string, string>): Promise<Answer> {
    const release = await this.#slot()
    const deadline = AbortSignal.timeout(this.#options.timeout)
    try {
      const { status, body } = await this.#post(path, form, deadline).catch((error) => {
        // A kept connection may have been closed by the other side while nobody looked; on a fresh one a closed door is a fault.
        if (!wasClosed(error) || deadline.aborted) throw error
        return this.#post(path, form, deadline)
      })
      return readAnswer(status, body)
    } catch (error) {
      this.#options.signal.throwIfAborted()
      const why = deadline.aborted ? `no answer within ${this.#options.timeout} ms` : messageOf(error)
      throw new AnswerError(`${this.#name}: ${why}, to ${cut(oneLine(form.query ?? ''), 300)}`, { cause: error })
    } finally {
      release()
    }
  }

  async #post(path: string, form: Record<string, string>, deadline: AbortSignal): Promise<{ status: number; body: string }> {
    const { url, headers, timeout, limit = BODY_LIMIT, signal } = this.#options
    const answer = await request(`${url.replace(/\/+$/, '')}/api/v1/${path}`, {
      method: 'POST',
      headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      // Thanos would else answer with what it has; others do not know the parameter.
      body: new URLSearchParams({ ...form, timeout: `${timeout}ms`, partial_response: 'false' }).toString(),
      dispatcher: this.#agent,
      signal: AbortSignal.any([signal, deadline]),
    })
    return { status: answer.statusCode, body: await readText(answer.body, limit) }
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

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' && !error.message.includes(error.code) ? ` (${error.code})` : ''
  return `${error.message || error.name}${code}`
}

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
