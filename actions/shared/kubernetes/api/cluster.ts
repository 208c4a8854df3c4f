/** Kubernetes as a port: raw JSON in and out, so that no field which a client library does not know is ever dropped. */

export interface Metadata {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: { uid: string; kind: string; name: string; controller?: boolean }[]
  managedFields?: { manager?: string; operation?: string; fieldsV1?: unknown }[]
}

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  /** Whatever the kind has; kinds.ts describes what is read of it. */
  [field: string]: unknown
}

export interface Ref {
  apiVersion: string
  kind: string
  namespace?: string | undefined
  name: string
}

export interface Query {
  apiVersion: string
  kind: string
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
}

export type WatchEvent = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: KubeObject }

export interface DeleteOptions {
  /** The object is deleted only while it still is this one. */
  uid?: string | undefined
  resourceVersion?: string | undefined
  gracePeriodSeconds?: number
  propagation?: 'Foreground' | 'Background'
}

export interface ProxyRequest {
  namespace: string
  kind: 'services' | 'pods'
  name: string
  port: string | number
  https?: boolean
  /** Path and query, beginning with a slash. */
  path: string
  timeout: number
  /** So many bytes of the answer are read, the rest is left out; 8 MiB unless it is given. */
  limit?: number
  /** Sent along to the pod; a name that `isReservedHeader` knows is an error, as the API server would take it as its own. */
  headers?: Record<string, string>
  /** Ends the request when nobody waits for its answer any more: the call rejects with the signal's reason. */
  signal?: AbortSignal
}

/** What the API server itself reads in a request: who asks, for whom, of which host, and where the body ends. */
const RESERVED_HEADER =
  /^(authorization|proxy-authorization|host|connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|content-length|expect|upgrade|impersonate-.*|x-remote-.*)$/i

/** Whether a request through the API server's proxy cannot carry this header to a pod. */
export const isReservedHeader = (name: string): boolean => RESERVED_HEADER.test(name)

/** A path of a pod. Segments of dots, also encoded, would lead out of its proxy to another part of the API. */
export const HTTP_PATH = /^(?!.*[/\\](?:\.|%2e){1,2}(?:[/\\?]|$))\/[^\s#\\]*$/i

/** One answer through the API server's proxy; `reached` is false when the API server found no way to the pod, or none answered in time (status 0). */
export interface ProxyAnswer {
  reached: boolean
  status: number
  body: string
}

export interface Cluster {
  /** Undefined when there is no such object. */
  get(ref: Ref): Promise<KubeObject | undefined>
  list(query: Query): Promise<{ items: KubeObject[]; resourceVersion: string }>
  /** Events from `resourceVersion` on, until the server ends the watch, the connection breaks or the signal is aborted. */
  watch(query: Query, resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent>
  create(object: KubeObject): Promise<KubeObject>
  /** PUT; `metadata.resourceVersion` is the precondition. */
  replace(object: KubeObject): Promise<KubeObject>
  /** Server-side apply. With `metadata.resourceVersion` set the write is conditional. */
  apply(object: KubeObject, options?: { force?: boolean; dryRun?: boolean }): Promise<KubeObject>
  /** JSON merge patch. */
  patch(ref: Ref, patch: object): Promise<KubeObject>
  /** True when there was something to delete. */
  delete(ref: Ref, options?: DeleteOptions): Promise<boolean>
  logs(pod: { namespace: string; name: string }, options: { container: string; previous?: boolean; tailLines: number }): Promise<string>
  /** GET through the API server, so that what is inside the cluster is reached from any runner. Every answer of the pod counts as it is; a fault of the API server is tried again. */
  proxy(request: ProxyRequest): Promise<ProxyAnswer>
  /** Whether the API server serves this kind; false when not, with the versions of the group that it has. */
  serves(
    apiVersion: string,
    kind: string,
  ): Promise<{ served: true; namespaced: boolean; plural: string } | { served: false; known: string[] }>
}

/** An answer of the API server that is not a success, or no answer (`status` 0). */
export class ApiError extends Error {
  readonly status: number
  readonly reason: string
  readonly verb: string
  readonly target: string
  readonly details: ApiStatus['details']
  readonly code = 'api-error'
  /** What the server said, without what was tried. */
  readonly said: string
  constructor(verb: string, target: string, status: number, body: ApiStatus, cause?: unknown) {
    const said = body.message ?? (cause instanceof Error ? describe(cause) : 'no explanation')
    super(`cannot ${verb} ${target}: ${status ? `${status} ` : ''}${said}`, { cause })
    this.name = 'ApiError'
    this.said = said
    this.status = status
    this.reason = body.reason ?? ''
    this.verb = verb
    this.target = target
    this.details = body.details
  }
}

export interface ApiStatus {
  message?: string
  reason?: string
  details?: { retryAfterSeconds?: number; causes?: { reason?: string; message?: string; field?: string }[] }
}

function describe(error: Error): string {
  const inner = error.cause instanceof Error ? describe(error.cause) : ''
  return inner === '' || error.message.includes(inner) ? error.message : `${error.message}: ${inner}`
}

export const isConflict = (error: unknown): error is ApiError => error instanceof ApiError && error.status === 409
export const isMissing = (error: unknown): error is ApiError => error instanceof ApiError && error.status === 404
export const isForbidden = (error: unknown): error is ApiError => error instanceof ApiError && error.status === 403

/** `Deployment/backend` in messages. */
export const nameOf = (ref: { kind: string; name?: string; metadata?: { name: string } }): string =>
  `${ref.kind}/${ref.name ?? ref.metadata?.name ?? '?'}`

export const refOf = (object: KubeObject): Ref => ({
  apiVersion: object.apiVersion,
  kind: object.kind,
  namespace: object.metadata.namespace,
  name: object.metadata.name,
})

/** `{a: b}` -> `a=b`, as label selectors are sent. */
export const selectorText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')

/** Whether an equality selector selects these labels; an empty selector selects nothing, as in a Service. */
export const selects = (selector: Record<string, string> | null | undefined, labels: Record<string, string> | undefined): boolean =>
  selector !== undefined &&
  selector !== null &&
  Object.keys(selector).length > 0 &&
  Object.entries(selector).every(([key, value]) => labels?.[key] === value)
