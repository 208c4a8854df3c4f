// One attempt over HTTP: a new connection, the requests on it, redirects, and what of it is not as expected.
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Client, type Dispatcher } from 'undici'
import { excerpt, excerptLines } from '../../shared/report/text.ts'
import { dial, secure } from '../dial.ts'
import { Fault, faultOf } from '../fault.ts'
import { type Answer, captured, cookiesOf, headerOf, objections } from '../judge.ts'
import type { CheckOf, Connection } from '../suite.ts'
import { networkWay, readTarget, type Target } from '../targets.ts'
import { boundedBody } from './body.ts'
import type { Context, Outcome } from './check.ts'
import { cookieHeader, credentials } from './request.ts'

/** What a request is made of, once: a redirect may take its body and its credentials away. */
interface Request {
  method: string
  headers: Record<string, string>
  body: string | null
  cookies: Map<string, string>
}

export async function checkHttp(check: CheckOf<'http'>, context: Context): Promise<Outcome> {
  const { http, expect, capture = {} } = check
  const asked = withQuery(readTarget(http.url, context.target), http.query)
  const answer = await follow(check, asked, context)
  context.attempt.trace.enter('judge')
  const shown = showAnswer(answer)
  const found = objections(answer, expect, context.schemaOf(expect.schema), asked.url)
  const [first] = found
  if (first) throw new Fault(first.word, 'judge', found.map(({ text }) => text).join('; '), { shown })
  return { said: `${answer.status} from ${new URL(answer.redirects.at(-1) ?? asked.url).href}`, captured: captured(answer, capture) }
}

const withQuery = (target: Target, query: Record<string, unknown> = {}): Target => {
  const url = new URL(target.url)
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, String(value))
  return { ...target, url }
}

/** Asks, and follows redirects as far as the check allows. */
async function follow(check: CheckOf<'http'>, asked: Target, context: Context): Promise<Answer> {
  const { http } = check
  let target = asked
  let connection = context.connection
  let request = firstRequest(http, context.mask)
  const seen = new Set<string>()
  const redirects: URL[] = []
  for (;;) {
    const answer = await exchange(target, request, check, connection, context)
    for (const [name, value] of cookiesOf(answer)) request.cookies.set(name, value)
    const location = answer.status >= 300 && answer.status < 400 ? headerOf(answer, 'location') : undefined
    if (location === undefined || http.redirects === 0) return { ...answer, redirects }
    const refuse = (why: string): never => {
      throw new Fault('redirect', 'answer', `${why} (${excerpt(location, 200)})`, { shown: showAnswer(answer) })
    }
    const next = URL.canParse(location, target.url.href) ? new URL(location, target.url) : refuse('a redirect leads to no address')
    if (!/^https?:$/.test(next.protocol)) refuse(`a redirect leads to another scheme, ${next.protocol}`)
    if (target.url.protocol === 'https:' && next.protocol === 'http:') refuse('a redirect leads from https to http')
    const away = next.hostname !== target.url.hostname
    if (away && !http['redirect-hosts'].includes(next.hostname))
      refuse('a redirect leads to another host, which redirect-hosts does not name')
    seen.add(`${request.method} ${target.url.href}`)
    request = redirected(request, answer.status, away)
    if (seen.has(`${request.method} ${next.href}`)) refuse('redirects go round in a circle')
    if (redirects.length >= http.redirects) refuse(`there are more than ${http.redirects} redirects`)
    redirects.push(next)
    if (away) connection = { ...connection, cert: undefined, key: undefined, servername: undefined }
    // The same origin stays behind the same Service.
    const way = next.origin === target.url.origin ? target.way : networkWay(next)
    target = { way, url: next, secure: next.protocol === 'https:' }
  }
}

function firstRequest(http: CheckOf<'http'>['http'], mask: Context['mask']): Request {
  const { json, form, body } = http
  const type = json !== undefined ? 'application/json' : form ? 'application/x-www-form-urlencoded' : undefined
  const given = Object.fromEntries(Object.entries(http.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
  return {
    method: http.method.toUpperCase(),
    headers: {
      accept: '*/*',
      'user-agent': 'devops-actions-smoke-test',
      ...(type && { 'content-type': type }),
      ...credentials(http, mask),
      ...given,
    },
    body: json !== undefined ? JSON.stringify(json) : form ? new URLSearchParams(mapped(form)).toString() : (body ?? null),
    cookies: new Map(Object.entries(http.cookies ?? {})),
  }
}

const mapped = (values: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))

/** As browsers do: 303, and 301 and 302 after POST, ask with GET; another host gets no credentials. */
function redirected({ method, headers, body, cookies }: Request, status: number, away: boolean): Request {
  const get = status === 303 || ((status === 301 || status === 302) && method === 'POST')
  const dropped = [...(get ? ['content-type'] : []), ...(away ? ['authorization', 'cookie', 'host'] : [])]
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.includes(name)))
  return {
    method: get && method !== 'HEAD' ? 'GET' : method,
    headers: kept,
    body: get ? null : body,
    cookies: new Map(away ? [] : cookies),
  }
}

/** The requests of one hop on one connection; the last answer is the answer. */
async function exchange(
  target: Target,
  request: Request,
  { http, expect }: CheckOf<'http'>,
  connection: Connection,
  context: Context,
): Promise<Omit<Answer, 'redirects'>> {
  const { attempt } = context
  const { trace } = attempt
  const h2 = expect.protocol === 'h2'
  const stream = await open(target, connection, h2, context)
  const negotiated = h2 && (stream as TLSSocket).alpnProtocol === 'h2'
  const client = new Client(target.url.origin, {
    allowH2: negotiated,
    // Later, as a real connection would come: undici waits for nothing that is there at once.
    connect: (_, done) =>
      process.nextTick(() =>
        stream.destroyed ? done(stream.errored ?? new Error('the connection was closed'), null) : done(null, stream as TLSSocket),
      ),
    // The attempt has one deadline for everything.
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 1,
  })
  try {
    const latencies: number[] = []
    for (let left = http.requests; ; left--) {
      trace.enter('answer')
      const began = performance.now()
      const answer = await client.request(dispatched(target, request, context))
      trace.enter('body')
      const head = { status: answer.statusCode, headers: answer.headers, protocol: negotiated ? ('h2' as const) : ('http/1.1' as const) }
      const body = await readBody(answer, http['max-body'], { ...head, body: Buffer.alloc(0) })
      latencies.push(performance.now() - began)
      // What follows the end of an answer breaks the connection, which nobody reads any more.
      const after = stream.errored
      if (after && (after.name === 'HTTPParserError' || after.message === 'bad response'))
        throw new Fault('malformed', 'body', `the answer goes on after its end (${after.message})`, { cause: after })
      if (left <= 1) return { ...head, body, latencies }
    }
  } catch (error) {
    throw faultOf(error, trace.stage)
  } finally {
    client.destroy().catch(() => undefined)
    stream.destroy()
  }
}

async function open(target: Target, connection: Connection, h2: boolean, context: Context): Promise<Duplex> {
  const raw = await dial(target.way, connection, context.network, context.attempt)
  if (!target.secure) return raw
  return secure(raw, { host: target.url.hostname, ...connection, ...(h2 && { alpn: ['h2', 'http/1.1'] }) }, context.attempt)
}

function dispatched({ url }: Target, { method, headers, body, cookies }: Request, { attempt }: Context): Dispatcher.RequestOptions {
  const jar = cookieHeader(cookies)
  return {
    path: url.pathname + url.search,
    method: method as Dispatcher.HttpMethod,
    headers: { ...headers, ...(jar && { cookie: jar }) },
    body,
    signal: attempt.signal,
  }
}

async function readBody(answer: Dispatcher.ResponseData, limit: number, head: Omit<Answer, 'redirects' | 'latencies'>): Promise<Buffer> {
  try {
    return await boundedBody(answer.body, String(answer.headers['content-encoding'] ?? ''), limit)
  } catch (error) {
    const fault = faultOf(error, 'body')
    throw new Fault(fault.word, 'body', fault.message, { shown: showAnswer(head), cause: error })
  }
}

const HIDDEN = new Set(['set-cookie', 'authorization', 'proxy-authorization', 'www-authenticate'])

/** An answer as evidence: bounded, and without the cookies it sets. */
export function showAnswer({ status, headers, body }: Pick<Answer, 'status' | 'headers' | 'body'>): string {
  const lines = Object.entries(headers)
    .slice(0, 40)
    .map(([name, value]) => `${name}: ${HIDDEN.has(name) ? '***' : excerpt([value].flat().join(', '), 300)}`)
  const text = body.includes(0) ? `(${body.length} bytes that are no text)` : excerptLines(body.toString('utf8'), 4096)
  return [`status ${status}`, ...lines, '', text].join('\n')
}
