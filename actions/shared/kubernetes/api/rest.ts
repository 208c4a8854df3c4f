import { type Dispatcher, request } from 'undici'
import { jsonLines, readStart, readText } from '../../stream.ts'
import { type Clock, formatDuration } from '../../time/clock.ts'
import { type Call, eventOf, failureOf, isAnswer, isEvent, isWrite, merged, orUndefined, passes, stays, targetOf } from './call.ts'
import {
  ApiError,
  type Cluster,
  type DeleteOptions,
  isReservedHeader,
  type KubeObject,
  type ProxyAnswer,
  type ProxyRequest,
  type Query,
  type Ref,
  type WatchEvent,
} from './cluster.ts'
import type { Credentials } from './credentials.ts'
import { Discovery } from './discovery.ts'
import { heard, proxiedName, reviewOf } from './proxied.ts'
import { retryLog } from './retries.ts'
import { readError, retryAfter, statusOf } from './status.ts'

/** The name under which server-side apply remembers what is ours. */
export const FIELD_MANAGER = 'devops-actions'
/** One attempt may take this long, in milliseconds; what the API server has not answered by then is lost. */
const ATTEMPT = 15_000
/** An answer may be this large; a list of 5,000 pods is about 40 MiB. */
const BODY_LIMIT = 128 * 2 ** 20
/** Of what a pod answers, this much is read; more than that of metrics says nothing new. */
const PROXY_LIMIT = 8 * 2 ** 20
/** What the API server says, as its own fault, to an object that it cannot read. */
const UNREADABLE = /^failed to (create typed|convert new) /
/** Every answer of the API server carries it, also those that it passes on from a pod. */
const MARK = 'audit-id'
/** A doubtful answer through the proxy is asked for once more after this long, in milliseconds. */
const AGAIN = 200
/** With less time left than this, in milliseconds, a call is not tried again: no answer could come. */
const LEAST = 10
/** The server ends a watch after this long, so that one that silently lost its events is not believed for longer. */
const WATCH_SECONDS = 20

export interface RestOptions {
  credentials: Credentials
  clock: Clock
  signal: AbortSignal
  /** How long a call is tried again, in milliseconds, when the API server is away or overloaded. */
  patience: number
  /** Told of every second try: a fault that was overcome is still said. */
  onRetry: (text: string) => void
}

/** The cluster over HTTP: raw JSON, one pooled dispatcher, every call with a deadline. */
export class RestCluster implements Cluster {
  readonly #options: RestOptions
  readonly #discovery: Discovery
  /** Whether this API server marks what it answers: then an answer without the mark is not its own. */
  #marks = false
  /** Whether something was written: from then on nothing is given up before `patience` is over. */
  #wrote = false
  readonly #retried: (text: string) => void

  constructor(options: RestOptions) {
    this.#options = options
    this.#retried = retryLog(options.onRetry)
    this.#discovery = new Discovery((path) => this.#json({ verb: 'discover', method: 'GET', path, target: path }))
  }

  async get(ref: Ref): Promise<KubeObject | undefined> {
    const call = await this.#on(ref, 'get', 'GET')
    return orUndefined(this.#json<KubeObject>(call))
  }

  async list(query: Query): Promise<{ items: KubeObject[]; resourceVersion: string }> {
    const { call, selectors } = await this.#every(query, 'list')
    const answer = await this.#json<{ items: KubeObject[] | null; metadata?: { resourceVersion?: unknown } }>({
      ...call,
      query: selectors,
      list: true,
    })
    const items = (answer.items ?? []).map((item) => ({ ...item, apiVersion: query.apiVersion, kind: query.kind }))
    const version = answer.metadata?.resourceVersion
    return { items, resourceVersion: typeof version === 'string' ? version : '' }
  }

  async *watch(query: Query, resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const { call, selectors } = await this.#every(query, 'watch')
    // A little longer than the server was asked for: a connection that went dead is not waited for.
    const both = AbortSignal.any([signal, this.#options.signal, AbortSignal.timeout((WATCH_SECONDS + 5) * 1000)])
    const options = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(WATCH_SECONDS), resourceVersion }
    const watch = { ...call, query: { ...selectors, ...options } }
    let answer = await this.#send(watch, both)
    if (answer.statusCode === 401) {
      await answer.body.dump()
      const problem = await this.#renew(watch, both)
      if (problem) throw problem
      answer = await this.#send(watch, both)
    }
    if (answer.statusCode !== 200) throw this.#error(call, answer, await readText(answer.body, BODY_LIMIT))
    for await (const line of jsonLines(answer.body, BODY_LIMIT)) {
      const event = eventOf(line)
      if (event?.type === 'ERROR') {
        const { code, status } = readError(event.object)
        throw new ApiError('watch', call.target, code, status)
      }
      if (!event || !isEvent(event))
        throw new ApiError('watch', call.target, 0, { message: `no event: ${JSON.stringify(line).slice(0, 100)}` })
      yield event
    }
  }

  async create(object: KubeObject): Promise<KubeObject> {
    const { path } = await this.#discovery.path(object, object.metadata.namespace)
    return this.#json({ ...this.#write('create', 'POST', path, object), body: object })
  }

  async replace(object: KubeObject): Promise<KubeObject> {
    const call = await this.#on({ ...object, name: object.metadata.name, namespace: object.metadata.namespace }, 'update', 'PUT')
    return this.#json({ ...this.#write('update', 'PUT', call.path, object), name: object.metadata.name, body: object })
  }

  async apply(object: KubeObject, options: { force?: boolean; dryRun?: boolean } = {}): Promise<KubeObject> {
    const call = await this.#on({ ...object, name: object.metadata.name, namespace: object.metadata.namespace }, 'apply', 'PATCH')
    const query = { fieldManager: FIELD_MANAGER, force: options.force ? 'true' : undefined, dryRun: options.dryRun ? 'All' : undefined }
    return this.#json({ ...call, query, body: object, contentType: 'application/apply-patch+yaml' })
  }

  async patch(ref: Ref, patch: object): Promise<KubeObject> {
    const call = await this.#on(ref, 'patch', 'PATCH')
    return this.#json({ ...call, query: { fieldManager: FIELD_MANAGER }, body: patch, contentType: 'application/merge-patch+json' })
  }

  async delete(ref: Ref, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, gracePeriodSeconds, propagation } = options
    const preconditions = uid || resourceVersion ? { uid, resourceVersion } : undefined
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, gracePeriodSeconds, propagationPolicy: propagation }
    const call = await this.#on(ref, 'delete', 'DELETE')
    // Answered with the object, or with a Status that says that it is gone.
    return (await orUndefined(this.#json({ ...call, name: undefined, body }))) !== undefined
  }

  async logs(
    pod: { namespace: string; name: string },
    options: { container: string; previous?: boolean; tailLines: number },
  ): Promise<string> {
    const call = await this.#on({ apiVersion: 'v1', kind: 'Pod', ...pod }, 'read the log of', 'GET')
    const query = {
      container: options.container,
      tailLines: String(options.tailLines),
      limitBytes: '65536',
      previous: options.previous ? 'true' : undefined,
    }
    const { signal } = this.#options
    return this.#tried(call, signal, (left) => this.#text({ ...call, path: `${call.path}/log`, query }, left(), signal))
  }

  async proxy(to: ProxyRequest): Promise<ProxyAnswer> {
    const base = `/api/v1/namespaces/${encodeURIComponent(to.namespace)}/${to.kind}/${encodeURIComponent(proxiedName(to))}/proxy`
    const headers = to.headers ?? {}
    const target = `${to.path} of ${to.name} through ${to.kind}/proxy`
    const call: Call = { verb: 'get', method: 'GET', path: `${base}${to.path}`, target, headers, ...(to.limit && { bytes: to.limit }) }
    const reserved = Object.keys(headers).find(isReservedHeader)
    if (reserved !== undefined)
      throw new ApiError(call.verb, call.target, 400, { message: `the header ${reserved} cannot be sent: it is the API server's own` })
    const signal = to.signal ? AbortSignal.any([this.#options.signal, to.signal]) : this.#options.signal
    return this.#tried(call, signal, async (left, attempt) => {
      for (let again = false; ; again = true) {
        const { answer, doubt } = await this.#through(call, { limit: to.timeout, left: attempt ? left() : Infinity, signal })
        if (!doubt) return answer
        await this.#ask(to, call, { doubt, signal, left: left() })
        // The API server is well and permits the call. A passing fault of its may be over by now: that one is given a second chance.
        const { status } = doubt
        if (again || status === 401 || status === 403) return answer
        this.#retried(`${doubt.message}; asking again, as the API server itself is well`)
        await this.#options.clock.sleep(AGAIN, signal)
      }
    })
  }

  /** One answer through the proxy, and as what error it has to be taken if it is the API server's own word. */
  async #through(
    call: Call,
    { limit, left, signal }: { limit: number; left: number; signal: AbortSignal },
  ): Promise<{ answer: ProxyAnswer; doubt?: ApiError }> {
    const timeout = AbortSignal.timeout(Math.ceil(Math.min(limit, left)))
    try {
      const answer = await this.#send(call, AbortSignal.any([signal, timeout]))
      const body = await readStart(answer.body, call.bytes ?? PROXY_LIMIT)
      const { statusCode } = answer
      if (this.#marks && answer.headers[MARK] === undefined) {
        throw new ApiError(call.verb, call.target, 0, { message: `${statusCode}, which is not the API server's: ${body.slice(0, 200)}` })
      }
      const { from, status } = heard(statusCode, body)
      if (from === 'unreached') return { answer: { reached: false, status: statusCode, body: status?.message ?? body } }
      const whole = { answer: { reached: true, status: statusCode, body } }
      return from === 'pod' ? whole : { ...whole, doubt: this.#error(call, answer, body) }
    } catch (error) {
      signal.throwIfAborted()
      // Only the pod's own time says something about the pod.
      if (timeout.aborted && left >= limit)
        return { answer: { reached: false, status: 0, body: `no answer within ${formatDuration(limit)}` } }
      if (error instanceof ApiError || timeout.aborted) throw error
      // A pod can have the connection broken by what it answers: heads without end, lengths and encodings that are not true.
      const doubt = failureOf(call, error)
      return { answer: { reached: false, status: 0, body: doubt.said }, doubt }
    }
  }

  /** Asks the API server itself whether it permits a request through its proxy. Throws its word when it does not, or when it is not well. */
  async #ask(to: ProxyRequest, { verb, target }: Call, { doubt, signal, left }: { doubt: ApiError; signal: AbortSignal; left: number }) {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
    const call: Call = { verb: 'review', method: 'POST', path, target, body: reviewOf(to) }
    let answer: { status?: { allowed?: unknown } }
    try {
      answer = await this.#once(call, left, signal)
    } catch (error) {
      signal.throwIfAborted()
      const failure = failureOf(call, error)
      if (failure.status !== 401 && !passes(failure.status)) throw doubt // it cannot be asked: its word is believed
      throw new ApiError(
        verb,
        target,
        failure.status,
        { message: failure.said, ...(failure.details && { details: failure.details }) },
        error,
      )
    }
    if (answer.status?.allowed !== true) throw doubt
  }

  serves(apiVersion: string, kind: string): ReturnType<Cluster['serves']> {
    return this.#discovery.serves(apiVersion, kind)
  }

  async #on(ref: Ref, verb: string, method: Dispatcher.HttpMethod): Promise<Call> {
    const { path } = await this.#discovery.path(ref, ref.namespace)
    return { verb, method, path: `${path}/${encodeURIComponent(ref.name)}`, target: targetOf(ref), name: ref.name }
  }

  async #every(query: Query, verb: string): Promise<{ call: Call; selectors: Record<string, string | undefined> }> {
    const { path } = await this.#discovery.path(query, query.namespace)
    const target = `${query.kind} objects${query.namespace ? ` in namespace ${query.namespace}` : ''}`
    const selectors = { labelSelector: query.labelSelector, fieldSelector: query.fieldSelector }
    return { call: { verb, method: 'GET', path, target }, selectors }
  }

  #write(verb: string, method: Dispatcher.HttpMethod, path: string, object: KubeObject): Call {
    const target = targetOf({ kind: object.kind, name: object.metadata.name, namespace: object.metadata.namespace })
    return { verb, method, path, target, query: { fieldManager: FIELD_MANAGER } }
  }

  async #json<T>(call: Call): Promise<T> {
    const answer = await this.#tried(call, this.#options.signal, (left) => this.#once<T>(call, left(), this.#options.signal))
    this.#wrote ||= isWrite(call)
    return answer
  }

  async #once<T>(call: Call, left: number, signal: AbortSignal): Promise<T> {
    const text = await this.#text(call, left, signal)
    const wrong = (message: string, cause?: unknown) => new ApiError(call.verb, call.target, 0, { message }, cause)
    let answer: unknown
    try {
      answer = JSON.parse(text)
    } catch (cause) {
      throw wrong('the answer was cut off or is not JSON', cause)
    }
    // Believing anything else would make an object that is there look absent.
    if (!isAnswer(answer, call)) throw wrong(`the answer is not what was asked for: ${text.slice(0, 100)}`)
    return answer as T
  }

  async #text(call: Call, left: number, signal: AbortSignal): Promise<string> {
    const deadline = AbortSignal.timeout(Math.ceil(Math.min(ATTEMPT, left)))
    const answer = await this.#send(call, AbortSignal.any([signal, deadline]))
    const text = await readText(answer.body, BODY_LIMIT)
    if (answer.statusCode >= 300) throw this.#error(call, answer, text)
    this.#marks ||= answer.headers[MARK] !== undefined
    return text
  }

  /**
   * Tries a call until it is answered, for as long as the fault may pass; every write is conditional or the same when repeated. `once` is told
   * how many milliseconds are left, and the number of the try. Credentials that are refused or cannot be had end the call at once; after the
   * first write they are asked for anew and the call is tried on, as a release that stops midway strands the traffic.
   */
  async #tried<T>(call: Call, signal: AbortSignal, once: (left: () => number, attempt: number) => Promise<T>): Promise<T> {
    const { clock, patience } = this.#options
    const until = clock.monotonic() + patience
    let renewed = false
    for (let attempt = 0; ; attempt++) {
      let failure: ApiError
      try {
        return await once(() => Math.max(LEAST, Math.ceil(until - clock.monotonic())), attempt)
      } catch (error) {
        signal.throwIfAborted()
        failure = failureOf(call, error)
      }
      const refused = failure.status === 401
      if ((refused && !renewed) || (this.#wrote && stays(failure))) {
        const problem = await this.#renew(call, signal)
        if (!problem && refused && !renewed) {
          renewed = true
          continue
        }
        renewed = true
        failure = problem ?? failure
      }
      if (stays(failure) ? !this.#wrote : !passes(failure.status)) throw failure
      const { said, status, reason, details } = failure
      const pause = Math.min(5_000, 200 * 2 ** attempt)
      const wait = details?.retryAfterSeconds ? Math.max(LEAST, details.retryAfterSeconds * 1000) : pause
      if (clock.monotonic() + wait > until) {
        const message = `${said} (tried for ${formatDuration(patience)})`
        throw new ApiError(call.verb, call.target, status, { message, ...(reason && { reason }), ...(details && { details }) }, failure)
      }
      this.#retried(`${failure.message}; trying again in ${formatDuration(wait)}`)
      await clock.sleep(wait, signal)
    }
  }

  /** Asks for new credentials; what prevents it is returned. */
  async #renew(call: Call, signal: AbortSignal): Promise<ApiError | undefined> {
    try {
      await this.#options.credentials.renew()
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      return failureOf(call, error)
    }
  }

  async #send(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { server, headers, dispatcher } = await this.#options.credentials.current()
    const url = new URL(server.replace(/\/$/, '') + call.path)
    for (const [key, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(key, value)
    const body = call.body === undefined ? null : JSON.stringify(call.body)
    const type: Record<string, string> = body === null ? {} : { 'content-type': call.contentType ?? 'application/json' }
    // Names are compared without case, and the later one counts: credentials come last.
    const all = merged({ accept: 'application/json' }, call.headers ?? {}, type, headers)
    return request(url, { method: call.method, headers: all, body, dispatcher, signal })
  }

  #error(call: Call, { statusCode, headers }: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>, text: string): ApiError {
    const status = statusOf(text) ?? { message: text.slice(0, 500) }
    // Something before the API server that knows no such page says nothing about the object.
    if (statusCode === 404 && !statusOf(text) && !text.startsWith('404 page not found')) {
      const why = text.startsWith('{') ? 'cut off' : "which is not the API server's"
      return new ApiError(call.verb, call.target, 0, { message: `404, ${why}: ${status.message}` })
    }
    const after = retryAfter(headers['retry-after'], this.#options.clock.now())
    const details = after === undefined ? status.details : { ...status.details, retryAfterSeconds: after }
    const code = statusCode === 500 && UNREADABLE.test(status.message ?? '') ? 422 : statusCode
    return new ApiError(call.verb, call.target, code, { ...status, ...(details && { details }) })
  }
}
