// Whose word an answer through the API server's proxy is. Nothing in the answer tells: heads that the API server sets (Audit-Id, the
// X-Kubernetes-PF-* of its queues) stand on what it passes on from a pod as well, it strips nothing from a pod's heads, and a body can say
// anything. So an answer that the API server could have given is only doubtful, and whoever asked asks the API server itself, something that
// no pod can answer: whether this very request is permitted (see `proxy` in rest.ts).
import type { ApiStatus, ProxyRequest } from './cluster.ts'
import { statusOf } from './status.ts'

/** Codes by which the API server refuses a request or fails, before any pod is asked. */
const OWN_CODES = [401, 403, 429, 500, 503]
/** What a 503 says when nothing is behind the API server's proxy; others are of the API server itself. */
const UNREACHED = /no endpoints available|no service port|error trying to reach/
/** A 404 of the API server: what should be behind the proxy is not there. */
const ABSENT = /^(services|pods|endpoints) ".*" not found$/
/** What the API server says in other forms than JSON: as YAML, protobuf or CBOR when a header asks for that, and in the plain words of its outer filters. */
const OWN_TEXT =
  /^(k8s\0|\uFFFD\uFFFD\uFFFD|Too many requests, please try again later|This request caused apiserver to panic|Internal Server Error: ")|^kind: Status$/m

export interface Heard {
  /** `pod`: it answered; `unreached`: the proxy found none, whoever says so; `doubtful`: the API server or a pod that speaks like it. */
  from: 'pod' | 'unreached' | 'doubtful'
  status: ApiStatus | undefined
}

/** What an answer can be, by its code and its body. */
export function heard(code: number, body: string): Heard {
  const status = code >= 400 ? statusOf(body) : undefined
  const said = status?.message ?? ''
  if (code === 503 && status && UNREACHED.test(said)) return { from: 'unreached', status }
  if (OWN_CODES.includes(code)) return { from: status || OWN_TEXT.test(body.slice(0, 1000)) ? 'doubtful' : 'pod', status }
  if (status && (code === 502 || code === 504 || (code === 404 && ABSENT.test(said)))) return { from: 'unreached', status }
  return { from: 'pod', status }
}

/** The name by which the API server's proxy knows what is behind it. */
export const proxiedName = ({ https, name, port }: ProxyRequest): string => `${https ? 'https:' : ''}${name}:${port}`

/** The question whether a request through the proxy is permitted: https://kubernetes.io/docs/reference/access-authn-authz/authorization/ */
export function reviewOf(to: ProxyRequest): object {
  const { namespace, kind } = to
  const resourceAttributes = { namespace, verb: 'get', resource: kind, subresource: 'proxy', name: proxiedName(to) }
  return { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: {}, spec: { resourceAttributes } }
}
