// Why a Prometheus gave no answer, in words: the input that is to blame, the address, what happened, what to do. A query is shown last, and
// only where it is to blame; of an address neither user, password nor query is.
import { types } from 'node:util'
import { ApiError } from '../kubernetes/api/cluster.ts'
import { permanentFault } from '../kubernetes/api/permanent.ts'
import { NoEndpoints, NotForwarded } from '../kubernetes/api/port-forward.ts'
import { excerpt } from '../report/text.ts'
import { messageOf } from '../text/errors.ts'
import { formatDuration } from '../time/clock.ts'
import { type TlsFault, tlsFault } from '../tls.ts'
import { AnswerError, type Circumstances, type Said, saidBy } from './answer.ts'

/** How a Prometheus is asked, as far as faults depend on it. */
export interface Way {
  /** The input that the address comes from. */
  input: string
  /** As people know it. */
  address: string
  url: URL
  /** The proxy on the way, without user and password, and the variable that names it. */
  proxy: { address: string; variable: string } | undefined
  /** It is asked through the API server of a cluster. */
  forwarded: boolean
  /** The inputs whose credentials are sent. */
  credentials: readonly string[]
  /** Whether a CA was given. */
  ca: boolean
  /** Of one query, in milliseconds. */
  timeout: number
}

/** An answer as it came. */
export interface Came {
  status: number
  /** Its content type; empty when there is none. */
  type: string
  /** Where it redirects to, if anywhere. */
  location: string | undefined
  body: string
}

/** An address as people may see it: neither user nor password, query nor fragment. */
export const shownAddress = (url: URL): string => excerpt(`${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`, 300)

/** The query that is to blame, at the end of a sentence. */
const blamed = (query: string): string => `; the query is ${excerpt(query, 300)}`

const permanently = { permanent: true }
const LOGIN = 'set prometheus-token, or prometheus-username and prometheus-password'

/** What an answer says instead of what was asked for; undefined for one that can be read. */
export function faultOfAnswer(came: Came, query: string, way: Way): AnswerError | undefined {
  const { status, body, type } = came
  const said = saidBy(body)
  if (status >= 200 && status < 300) {
    if (said?.kind !== undefined) return faultOfQuery(status, said, query, way)
    if (!/\bhtml\b/i.test(type) && !/^\s{0,100}<(?:!doctype|html)/i.test(body)) return undefined
    return fault(
      way,
      'answers with a web page, where the API of Prometheus should be: is it a login, or another server? Name the address in front of /api/v1, and give credentials if it wants any',
      permanently,
    )
  }
  if (status >= 300 && status < 400) return faultOfRedirect(came, way)
  if (said?.kind !== undefined && /^(bad_data|execution|timeout)$/.test(said.kind)) return faultOfQuery(status, said, query, way)
  const word = said ? `${status}: ${said.text}` : String(status)
  switch (status) {
    case 400:
    case 422:
      return /\bHTTP request (?:was sent )?to (?:an )?HTTPS\b/i.test(body.slice(0, 2000))
        ? fault(way, 'speaks TLS at this port; write https://', permanently)
        : faultOfQuery(status, said ?? { kind: undefined, text: `'${excerpt(body, 200)}'` }, query, way)
    case 401:
    case 403:
      return faultOfCredentials(status, word, way)
    case 404:
      return fault(way, `answers 404; ${pathHint(way)}`, permanently)
    case 405:
    case 410:
      return fault(way, `does not answer a POST to Prometheus' API (${word}); is it another server?`, permanently)
    case 407:
      return fault(way, `is asked ${through(way)}, which wants credentials (407); ${proxyHint(way)}`, permanently)
    case 429:
      return fault(way, `answers that it has too many requests (${word})`)
    case 502:
    case 504:
      return way.proxy && way.url.protocol === 'http:'
        ? fault(way, `is asked ${through(way)}, which does not reach it (${status}); ${proxyHint(way)}`)
        : fault(way, `is not reached by what stands in front of it (${word}); is it running?`)
    case 503:
      return fault(way, `is not ready (${word}); is it starting, or stopped?`)
    default:
      return fault(way, `answers ${said ? word : `${status} ${excerpt(body, 200)}`.trimEnd()}`)
  }
}

function faultOfQuery(status: number, { kind, text }: Said, query: string, way: Way): AnswerError {
  const words = kind === 'timeout' ? 'needs too long for a query' : 'does not take a query'
  const stays = kind === undefined ? status === 400 : kind === 'bad_data'
  return fault(way, `${words} (${status}): ${kind === undefined ? '' : `${kind}: `}${text}${blamed(query)}`, {
    permanent: stays,
    ofQuery: kind !== 'timeout',
  })
}

function faultOfRedirect({ status, location }: Came, way: Way): AnswerError {
  const to = location === undefined ? null : URL.parse(location, way.url.href)
  if (!to) return fault(way, `answers with a redirect to nowhere (${status}); is it another server?`, permanently)
  const [path = '', rest] = to.pathname.split(/\/api\/v1\/query(?:_range)?$/)
  to.pathname = path
  const where = `redirects to ${shownAddress(to)} (${status}), which is not followed`
  const hint = rest === undefined ? `if it is a login, ${LOGIN}, or name an address behind it` : 'set that address'
  return fault(way, `${where}; ${hint}`, permanently)
}

function faultOfCredentials(status: 401 | 403, word: string, way: Way): AnswerError {
  if (way.credentials.length === 0) {
    const hint = /\.amazonaws\.com(\.cn)?$/.test(way.url.hostname) ? 'set prometheus-aws-region' : LOGIN
    return fault(way, `wants credentials (${word}); ${hint}`, permanently)
  }
  const whose = way.credentials.join(' and ')
  if (status === 401)
    return fault(way, `does not take the credentials of ${whose} (${word}); are they right, and still valid?`, permanently)
  const right = way.credentials.includes('prometheus-aws-region') ? ', such as aps:QueryMetrics' : ''
  return fault(way, `does not permit the query to the credentials of ${whose} (${word}); give them the right to read${right}`, permanently)
}

function pathHint({ url }: Way): string {
  const api = /\/api(?:\/v1.*)?\/?$/.exec(url.pathname)?.[0]
  if (api) return `leave out ${excerpt(api.replace(/\/$/, ''), 100)}`
  return 'the path in front of /api/v1 is wanted, such as /prometheus; is it another server?'
}

/** What kept an answer from coming. `late`: the deadline of the query has passed. */
export function faultOfConnection(error: unknown, late: boolean, way: Way): AnswerError {
  const all = chain(error)
  const code = all.flatMap((one) => ('code' in one && typeof one.code === 'string' ? one.code : []))
  const refused = all.map(({ message }) => /^Proxy response \((\d{3})\)/.exec(message)?.[1]).find(Boolean)
  const because = { cause: error }
  if (refused)
    return fault(way, `is asked ${through(way)}, which refuses a tunnel (${refused}); ${proxyHint(way)}`, {
      ...because,
      permanent: /^4(?!08|29)/.test(refused),
    })
  if (late) {
    const how = way.proxy ? ` ${through(way)}` : ''
    const words = `gives no answer within ${formatDuration(way.timeout)}${how}; can this runner reach it? What takes longer needs a longer query-timeout`
    return fault(way, words, because)
  }
  for (const one of code) {
    const tls = tlsFault(one)
    if (tls && !isOfCluster(all, way)) return fault(way, `${tlsWords(tls, way)} (${one})`, { ...because, permanent: true })
    if (one === 'ECONNREFUSED' && !way.forwarded && !way.proxy)
      return new AnswerError(`${way.input}: nobody listens at ${way.address}; can this runner reach it?`, because)
    const words = connectionWords(one, way)
    if (words && !way.forwarded) return fault(way, words, { ...because, permanent: one === 'ENOTFOUND' })
  }
  const closed = code.some((one) => /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_PRX_CONN)$/.test(one))
  if (closed) return fault(way, `closes the connection before it has answered (${code[0]})`, because)
  const stays =
    permanentFault(error) !== undefined ||
    all.some((one) =>
      one instanceof NoEndpoints
        ? one.missing
        : one instanceof ApiError
          ? one.status === 401 || one.status === 403
          : one instanceof NotForwarded && one.status === 403,
    )
  return new AnswerError(`${way.input}: ${way.address}: ${excerpt(all[0]?.message || messageOf(error), 500)}`, {
    ...because,
    permanent: stays,
  })
}

/** An error, what caused it, and what it is made of. */
function chain(error: unknown): Error[] {
  const found: Error[] = []
  for (const left = [error]; left.length > 0 && found.length < 20; ) {
    const at = left.shift()
    // Also an error of another realm.
    if (!types.isNativeError(at) || found.includes(at)) continue
    found.push(at)
    left.push(...('errors' in at && Array.isArray(at.errors) ? at.errors : []), at.cause)
  }
  return found
}

/** Whether TLS failed on the way through a cluster, where the kubeconfig is to blame. */
const isOfCluster = (all: readonly Error[], { forwarded, url }: Way): boolean =>
  forwarded && (url.protocol === 'http:' || all.some((one) => one instanceof ApiError))

function tlsWords(tls: TlsFault, way: Way): string {
  if (tls === 'untrusted')
    return way.ca
      ? 'shows a certificate that the CA of prometheus-ca did not sign; give the CA that did'
      : 'shows a certificate of a CA that is not known here; give that CA in prometheus-ca'
  return {
    expired: 'shows a certificate that has expired; renew it there',
    early: 'shows a certificate that is not valid yet; look at the clocks of both sides',
    name: `shows a certificate for other names than ${way.url.hostname}; set an address that it is for`,
    plain: 'does not speak TLS at this port; write http://',
    client: 'does not take this client; set prometheus-certificate and prometheus-key, or others',
    unreadable: 'cannot be asked, as prometheus-ca, prometheus-certificate or prometheus-key cannot be read',
  }[tls]
}

function connectionWords(code: string, way: Way): string | undefined {
  if (way.proxy) {
    const words = {
      ECONNREFUSED: 'which refuses the connection',
      ENOTFOUND: 'whose name is not known here',
      EAI_AGAIN: 'whose name is not known here',
    }
    const said = Object.entries(words).find(([one]) => one === code)?.[1] ?? (UNREACHABLE.test(code) ? 'which is not reached' : undefined)
    return said && `is asked ${through(way)}, ${said} (${code}); ${proxyHint(way)}`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `has a name that this runner cannot look up (${code}); a Service inside of a cluster is reached as ${serviceHint(way.url.hostname)}`
  return UNREACHABLE.test(code)
    ? `is not reached (${code}); can this runner reach it? A Service inside of a cluster is, as k8s://namespace/service:port`
    : undefined
}

const UNREACHABLE = /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/

/** `prometheus.monitoring.svc` is a Service by its name; others may be. */
function serviceHint(host: string): string {
  const [, service, namespace] = /^([a-z][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)(?:\.svc(?:\.[a-z0-9.-]+)?)?$/.exec(host) ?? []
  return service && namespace ? `k8s://${namespace}/${service}:port` : 'k8s://namespace/service:port'
}

const through = ({ proxy }: Way): string => `through the proxy ${proxy?.address ?? ''} of $${proxy?.variable ?? ''}`
const proxyHint = ({ url }: Way): string => `mend that, or name ${url.hostname} in $NO_PROXY`

const fault = ({ input, address }: Way, words: string, more?: Circumstances): AnswerError =>
  new AnswerError(`${input}: ${address} ${words}`, more)
