// Kubernetes in memory, as far as a release needs it: versions, preconditions, server-side apply, watches, foreground deletion.
// It stores; what pods and endpoints do is in memory-node.ts.
import {
  ApiError,
  type Cluster,
  type DeleteOptions,
  type KubeObject,
  type ProxyAnswer,
  type ProxyRequest,
  type Query,
  type Ref,
  type WatchEvent,
} from '../../actions/shared/kubernetes/api/cluster.ts'
import { FIELD_MANAGER } from '../../actions/shared/kubernetes/api/rest.ts'
import type { Deployment } from '../../actions/shared/kubernetes/objects/read.ts'
import type { Clock } from '../../actions/shared/time/clock.ts'
import { dotted, type Field, fieldsOf, mergePatch, setAt, valueAt } from './fields.ts'

/** `old` is undefined for what is new, `object` for what is gone. */
export interface Change {
  version: number
  old: KubeObject | undefined
  object: KubeObject | undefined
}

const NAMESPACED: Record<string, string[]> = {
  v1: ['Pod', 'Service', 'ConfigMap', 'Secret', 'Event', 'ServiceAccount', 'PersistentVolumeClaim'],
  'apps/v1': ['Deployment', 'StatefulSet'],
  'batch/v1': ['Job', 'CronJob'],
  'discovery.k8s.io/v1': ['EndpointSlice'],
  'coordination.k8s.io/v1': ['Lease'],
  'networking.k8s.io/v1': ['Ingress', 'NetworkPolicy'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding'],
}
const CLUSTER_WIDE: Record<string, string[]> = { v1: ['Namespace'], 'rbac.authorization.k8s.io/v1': ['ClusterRole'] }

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
const keyOf = (ref: { kind: string; namespace?: string | undefined; name: string }): string =>
  `${ref.kind}/${ref.namespace ?? ''}/${ref.name}`
const keyOfObject = ({ kind, metadata }: KubeObject): string => keyOf({ kind, namespace: metadata.namespace, name: metadata.name })
const target = (ref: Ref): string => `${ref.kind}/${ref.name}`

export interface Attributes {
  verb: string
  group: string
  resource: string
  subresource?: string
}

export class MemoryCluster implements Cluster {
  readonly clock: Clock
  /** Every change so far, in order; the resourceVersion of a change is its place here, from 1. */
  readonly changes: Change[] = []
  /** Throws an ApiError for objects that the API server is to refuse. */
  admission: (object: KubeObject) => void = () => undefined
  /** Answers SelfSubjectAccessReviews. */
  allowed: (attributes: Attributes) => boolean = () => true
  /** Answers SelfSubjectRulesReviews: by default as where a webhook authorizes, so that each verb is asked. */
  rules: { incomplete: boolean; resourceRules: object[] } = { incomplete: true, resourceRules: [] }
  /** Who answers in pods. */
  answer: (request: ProxyRequest) => ProxyAnswer = () => ({ reached: false, status: 503, body: 'no endpoints available' })
  log: (pod: string, container: string, previous: boolean) => string = () => ''
  readonly #objects = new Map<string, KubeObject>()
  readonly #owners = new Map<string, Map<string, Set<Field>>>()
  readonly #listeners = new Set<(change: Change) => void>()
  #uid = 0
  #oldest = 0
  #watches = new AbortController()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Told of every change, also of those that controllers make. */
  onChange(listener: (change: Change) => void): void {
    this.#listeners.add(listener)
  }

  /** What is stored cannot be changed, so nothing has to be copied. */
  all<T extends KubeObject = KubeObject>(kind: string, namespace?: string): T[] {
    const found: T[] = []
    for (const object of this.#objects.values()) {
      if (object.kind === kind && (!namespace || object.metadata.namespace === namespace)) found.push(object as T)
    }
    return found
  }

  /** Forgets what led here: watches from earlier on are told 410. */
  compact(): void {
    this.#oldest = this.changes.length
  }

  /** Ends all watches, as a restart of the API server does. */
  endWatches(): void {
    this.#watches.abort()
    this.#watches = new AbortController()
  }

  async get(ref: Ref): Promise<KubeObject | undefined> {
    const object = this.#objects.get(keyOf(ref))
    return object
  }

  async list(query: Query): Promise<{ items: KubeObject[]; resourceVersion: string }> {
    return {
      items: this.all(query.kind, query.namespace).filter((object) => matches(object, query)),
      resourceVersion: String(this.changes.length),
    }
  }

  async *watch(query: Query, resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    let seen = Number(resourceVersion)
    if (seen < this.#oldest) throw new ApiError('watch', query.kind, 410, { message: 'too old resource version', reason: 'Expired' })
    const either = AbortSignal.any([signal, this.#watches.signal])
    while (!either.aborted) {
      while (seen < this.changes.length) {
        const event = eventOf(this.changes[seen++], query)
        if (event) yield event
        if (either.aborted) return
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#listeners.delete(done)
          either.removeEventListener('abort', done)
          resolve()
        }
        this.#listeners.add(done)
        either.addEventListener('abort', done)
      })
    }
  }

  async create(object: KubeObject, manager = FIELD_MANAGER): Promise<KubeObject> {
    if (object.kind === 'SelfSubjectAccessReview') {
      const { resourceAttributes } = object.spec as { resourceAttributes: Attributes }
      return { ...object, status: { allowed: this.allowed(resourceAttributes) } }
    }
    if (object.kind === 'SelfSubjectRulesReview') return { ...object, status: this.rules }
    const next = copy(object)
    this.admission(next)
    if (this.#objects.has(keyOfObject(next))) throw conflict('create', next, 'already exists', 'AlreadyExists')
    this.#own(next, `${manager}/Update`, fieldsOf(next))
    return this.put(next)
  }

  async replace(object: KubeObject, manager = FIELD_MANAGER): Promise<KubeObject> {
    const next = copy(object)
    const live = this.#expect('update', next)
    this.admission(next)
    if (live.kind === 'Secret' && live.immutable)
      throw invalid('update', next, 'data: Forbidden: field is immutable when `immutable` is set')
    const fields = fieldsOf(next)
    this.#own(next, `${manager}/Update`, new Set([...fields].filter((field) => !same(valueAt(live, field), valueAt(next, field)))), 'add')
    return this.put(next)
  }

  async patch(ref: Ref, patch: object, manager = FIELD_MANAGER): Promise<KubeObject> {
    const live = this.#objects.get(keyOf(ref))
    if (!live) throw new ApiError('patch', target(ref), 404, { message: 'not found', reason: 'NotFound' })
    const next = mergePatch(copy(live), copy(patch)) as KubeObject
    const fields = [...fieldsOf({ kind: live.kind, ...copy(patch) })].filter((field) => valueAt(next, field) !== undefined)
    this.#own(next, `${manager}/Update`, new Set(fields), 'add')
    return this.put(next)
  }

  async apply(object: KubeObject, options: { force?: boolean; dryRun?: boolean } = {}, manager = FIELD_MANAGER): Promise<KubeObject> {
    const wanted = copy(object)
    this.admission(wanted)
    const key = keyOfObject(wanted)
    // As on the real one: a version is a precondition only for what is there.
    const there = this.#objects.get(key)
    const live = there && wanted.metadata.resourceVersion !== undefined ? this.#expect('apply', wanted) : there
    const self = `${manager}/Apply`
    const fields = fieldsOf(wanted)
    const owners = this.#owners.get(key) ?? new Map<string, Set<Field>>()
    if (live && !options.force) this.#refuseConflicts(wanted, live, fields, owners, self)
    if (live?.kind === 'Deployment' && !same((live as Deployment).spec.selector, (wanted as Deployment).spec.selector))
      throw invalid('apply', wanted, 'spec.selector: field is immutable')
    const next = live ? copy(live) : copy(wanted)
    for (const field of owners.get(self) ?? []) {
      const shared = [...owners].some(([owner, theirs]) => owner !== self && theirs.has(field))
      if (!fields.has(field) && !shared) setAt(next, field, undefined)
    }
    for (const field of fields) setAt(next, field, valueAt(wanted, field))
    if (options.dryRun) return next
    if (options.force) {
      for (const [owner, theirs] of owners)
        if (owner !== self) for (const field of fields) if (!same(valueAt(live, field), valueAt(next, field))) theirs.delete(field)
    }
    this.#own(next, self, fields)
    return this.put(next)
  }

  async delete(ref: Ref, options: DeleteOptions = {}): Promise<boolean> {
    const live = this.#objects.get(keyOf(ref))
    if (!live) return false
    const { uid, resourceVersion } = live.metadata
    if (options.uid !== undefined && options.uid !== uid)
      throw conflict('delete', live, `the UID in the precondition (${options.uid}) does not match`)
    if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion)
      throw conflict('delete', live, 'the ResourceVersion in the precondition does not match')
    const waits = ref.kind === 'Pod' || options.propagation === 'Foreground'
    if (!waits) return this.drop(live)
    const next = copy(live)
    next.metadata.deletionTimestamp ??= new Date(this.clock.now()).toISOString()
    const grace =
      options.gracePeriodSeconds ??
      (live as { spec?: { terminationGracePeriodSeconds?: number } }).spec?.terminationGracePeriodSeconds ??
      30
    this.put({ ...next, metadata: { ...next.metadata, ...(ref.kind === 'Pod' && { deletionGracePeriodSeconds: grace }) } })
    return true
  }

  async logs(pod: { namespace: string; name: string }, options: { container: string; previous?: boolean }): Promise<string> {
    return this.log(pod.name, options.container, options.previous ?? false)
  }

  async proxy(request: ProxyRequest): Promise<ProxyAnswer> {
    return this.answer(request)
  }

  async serves(apiVersion: string, kind: string): ReturnType<Cluster['serves']> {
    const namespaced = NAMESPACED[apiVersion]?.includes(kind) ?? false
    if (namespaced || CLUSTER_WIDE[apiVersion]?.includes(kind))
      return { served: true, namespaced, plural: `${kind.toLowerCase().replace(/s$/, 'se')}s` }
    const group = apiVersion.split('/')[0]
    return { served: false, known: Object.keys(NAMESPACED).filter((version) => version.split('/')[0] === group) }
  }

  /** Stores an object as a controller does: without preconditions. Nothing changes when nothing is different. */
  put(object: KubeObject): KubeObject {
    const key = keyOfObject(object)
    const live = this.#objects.get(key)
    const next = copy(object)
    next.metadata.uid = live?.metadata.uid ?? `uid-${++this.#uid}`
    next.metadata.creationTimestamp = live?.metadata.creationTimestamp ?? new Date(this.clock.now()).toISOString()
    next.metadata.generation = live ? (live.metadata.generation ?? 1) + (same(live.spec, next.spec) ? 0 : 1) : 1
    next.metadata.resourceVersion = live?.metadata.resourceVersion ?? ''
    if (live && same(live, next)) return live
    next.metadata.resourceVersion = String(this.changes.length + 1)
    this.#objects.set(key, freeze(next))
    this.#tell({ version: this.changes.length + 1, old: live, object: next })
    return next
  }

  drop(object: KubeObject): true {
    const key = keyOfObject(object)
    const old = this.#objects.get(key)
    this.#objects.delete(key)
    this.#owners.delete(key)
    if (old) this.#tell({ version: this.changes.length + 1, old, object: undefined })
    return true
  }

  #tell(change: Change): void {
    this.changes.push(change)
    for (const listener of [...this.#listeners]) listener(change)
  }

  #expect(verb: string, object: KubeObject): KubeObject {
    const live = this.#objects.get(keyOfObject(object))
    if (!live && verb === 'update') throw new ApiError(verb, keyOfObject(object), 404, { message: 'not found', reason: 'NotFound' })
    const { uid, resourceVersion } = object.metadata
    if (!live || resourceVersion !== live.metadata.resourceVersion || (uid !== undefined && uid !== live.metadata.uid)) {
      throw conflict(verb, object, 'the object has been modified')
    }
    return live
  }

  #own(object: KubeObject, owner: string, fields: Set<Field>, how: 'set' | 'add' = 'set'): void {
    const key = keyOfObject(object)
    const owners = this.#owners.get(key) ?? new Map<string, Set<Field>>()
    this.#owners.set(key, owners.set(owner, how === 'set' ? fields : new Set([...(owners.get(owner) ?? []), ...fields])))
    // Who changes a field by another way than apply takes it from the others.
    if (how === 'add') for (const [other, theirs] of owners) if (other !== owner) for (const field of fields) theirs.delete(field)
  }

  #refuseConflicts(wanted: KubeObject, live: KubeObject, fields: Set<Field>, owners: Map<string, Set<Field>>, self: string): void {
    const causes = [...owners].flatMap(([owner, theirs]) =>
      owner === self
        ? []
        : [...fields]
            .filter((field) => theirs.has(field) && !same(valueAt(live, field), valueAt(wanted, field)))
            .map((field) => ({
              reason: 'FieldManagerConflict',
              message: `conflict with "${owner.replace(/\/\w+$/, '')}" using ${live.apiVersion}`,
              field: dotted(field),
            })),
    )
    if (causes.length === 0) return
    const message = `Apply failed with ${causes.length} conflicts`
    throw new ApiError('apply', keyOfObject(wanted), 409, { message, reason: 'Conflict', details: { causes } })
  }
}

function same(a: unknown, b: unknown): boolean {
  const [one, other] = [JSON.stringify(a), JSON.stringify(b)]
  return one === other || (one?.length === other?.length && JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)))
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

function conflict(verb: string, object: KubeObject, message: string, reason = 'Conflict'): ApiError {
  return new ApiError(verb, keyOfObject(object), 409, { message, reason })
}

function invalid(verb: string, object: KubeObject, message: string): ApiError {
  return new ApiError(verb, keyOfObject(object), 422, { message, reason: 'Invalid' })
}

function matches(object: KubeObject | undefined, { kind, namespace, labelSelector, fieldSelector }: Query): boolean {
  if (!object || object.kind !== kind || (namespace && object.metadata.namespace !== namespace)) return false
  const labels = (labelSelector ?? '').split(',').filter(Boolean)
  const wanted = labels.every((pair) => object.metadata.labels?.[pair.slice(0, pair.indexOf('='))] === pair.slice(pair.indexOf('=') + 1))
  const [way = '', value] = (fieldSelector ?? '').split('=')
  return wanted && (!way || valueAt(object, JSON.stringify(way.split('.'))) === value)
}

function eventOf(change: Change | undefined, query: Query): WatchEvent | undefined {
  const [was, is] = [matches(change?.old, query), matches(change?.object, query)]
  if (is && change?.object) return { type: was ? 'MODIFIED' : 'ADDED', object: change.object }
  return was && change?.old ? { type: 'DELETED', object: change.old } : undefined
}

/** One call of a client. */
export interface Call {
  verb: 'get' | 'list' | 'watch' | 'create' | 'replace' | 'apply' | 'patch' | 'delete' | 'logs' | 'proxy'
  kind: string
  name: string
  /** Changes something: not a read, a review or a dry run. */
  write: boolean
}

/** The cluster as one client sees it: `before` and `after` each call may throw what the client is to get instead of an answer. */
export function intercept(
  cluster: Cluster,
  hooks: { before?: (call: Call) => void; hold?: () => Promise<void>; after?: (call: Call) => void },
): Cluster {
  const through = async <T>(call: Call, work: () => Promise<T>): Promise<T> => {
    hooks.before?.(call)
    await hooks.hold?.()
    const answer = await work()
    hooks.after?.(call)
    return answer
  }
  const call = (verb: Call['verb'], kind: string, name = '', write = false): Call => ({ verb, kind, name, write })
  return {
    get: (ref) => through(call('get', ref.kind, ref.name), () => cluster.get(ref)),
    list: (query) => through(call('list', query.kind), () => cluster.list(query)),
    watch: (query, version, signal) => {
      hooks.before?.(call('watch', query.kind))
      return cluster.watch(query, version, signal)
    },
    create: (object) =>
      through(call('create', object.kind, object.metadata.name, !object.kind.startsWith('SelfSubject')), () => cluster.create(object)),
    replace: (object) => through(call('replace', object.kind, object.metadata.name, true), () => cluster.replace(object)),
    apply: (object, options) =>
      through(call('apply', object.kind, object.metadata.name, !options?.dryRun), () => cluster.apply(object, options)),
    patch: (ref, patch) => through(call('patch', ref.kind, ref.name, true), () => cluster.patch(ref, patch)),
    delete: (ref, options) => through(call('delete', ref.kind, ref.name, true), () => cluster.delete(ref, options)),
    logs: (pod, options) => through(call('logs', 'Pod', pod.name), () => cluster.logs(pod, options)),
    proxy: (request) => through(call('proxy', request.kind, request.name), () => cluster.proxy(request)),
    serves: (apiVersion, kind) => cluster.serves(apiVersion, kind),
  }
}
