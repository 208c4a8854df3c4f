import { ApiError, type Cluster } from './cluster.ts'
import { isRecord } from './status.ts'

interface Kind {
  plural: string
  namespaced: boolean
}

/** What the suite itself reads and writes: no need to ask. */
const KNOWN: Record<string, Record<string, Kind>> = {
  v1: {
    Pod: { plural: 'pods', namespaced: true },
    Service: { plural: 'services', namespaced: true },
    ConfigMap: { plural: 'configmaps', namespaced: true },
    Secret: { plural: 'secrets', namespaced: true },
    Event: { plural: 'events', namespaced: true },
    Namespace: { plural: 'namespaces', namespaced: false },
  },
  'apps/v1': { Deployment: { plural: 'deployments', namespaced: true }, ReplicaSet: { plural: 'replicasets', namespaced: true } },
  'autoscaling/v2': { HorizontalPodAutoscaler: { plural: 'horizontalpodautoscalers', namespaced: true } },
  'discovery.k8s.io/v1': { EndpointSlice: { plural: 'endpointslices', namespaced: true } },
  'coordination.k8s.io/v1': { Lease: { plural: 'leases', namespaced: true } },
  'authorization.k8s.io/v1': {
    SelfSubjectAccessReview: { plural: 'selfsubjectaccessreviews', namespaced: false },
    SelfSubjectRulesReview: { plural: 'selfsubjectrulesreviews', namespaced: false },
  },
}

/** Not what every object has, such as `constructor`. */
const own = <T>(record: Record<string, T>, key: string): T | undefined => (Object.hasOwn(record, key) ? record[key] : undefined)

/** Finds the REST path of a kind; asks the API server once for each group version, and only for kinds that are not known. */
export class Discovery {
  readonly #read: (path: string) => Promise<unknown>
  readonly #versions = new Map<string, Promise<Map<string, Kind> | undefined>>()

  constructor(read: (path: string) => Promise<unknown>) {
    this.#read = read
  }

  /** The collection's path, such as `/apis/apps/v1/namespaces/shop/deployments`. Throws when the kind is not served or its namespace is missing. */
  async path(of: { apiVersion: string; kind: string }, namespace: string | undefined): Promise<{ path: string; namespaced: boolean }> {
    const found = await this.serves(of.apiVersion, of.kind)
    if (!found.served)
      throw new ApiError('find', `${of.kind} of ${of.apiVersion}`, 404, { message: unserved(of.apiVersion, of.kind, found.known) })
    const base = `${root(of.apiVersion)}/`
    if (!found.namespaced) return { path: base + found.plural, namespaced: false }
    if (!namespace) return { path: base + found.plural, namespaced: true }
    return { path: `${base}namespaces/${encodeURIComponent(namespace)}/${found.plural}`, namespaced: true }
  }

  async serves(apiVersion: string, kind: string): ReturnType<Cluster['serves']> {
    const known = own(own(KNOWN, apiVersion) ?? {}, kind) ?? (await this.#version(apiVersion))?.get(kind)
    if (known) return { served: true, ...known }
    return { served: false, known: await this.#alternatives(apiVersion) }
  }

  #version(apiVersion: string): Promise<Map<string, Kind> | undefined> {
    let found = this.#versions.get(apiVersion)
    if (!found) {
      found = this.#load(apiVersion)
      this.#versions.set(apiVersion, found)
    }
    return found
  }

  async #load(apiVersion: string): Promise<Map<string, Kind> | undefined> {
    try {
      const kinds = listOf(await this.#read(root(apiVersion)), 'resources').flatMap(({ name, kind, namespaced }) =>
        typeof name === 'string' && typeof kind === 'string' && !name.includes('/')
          ? [[kind, { plural: name, namespaced: namespaced === true }] as const]
          : [],
      )
      return new Map(kinds)
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      this.#versions.delete(apiVersion) // a fault is not an answer: ask again next time
      throw error
    }
  }

  async #alternatives(apiVersion: string): Promise<string[]> {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : undefined
    if (group === undefined) return ['v1']
    try {
      const versions = listOf(await this.#read(`/apis/${encodeURIComponent(group)}`), 'versions')
      return versions.flatMap(({ groupVersion }) => (typeof groupVersion === 'string' ? [groupVersion] : []))
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return []
      throw error
    }
  }
}

/** The objects of a list in an answer; what is none of them is passed over. */
function listOf(answer: unknown, name: string): Record<string, unknown>[] {
  const list = isRecord(answer) ? answer[name] : undefined
  return Array.isArray(list) ? list.filter(isRecord) : []
}

/** What to say when a kind is not served. */
export function unserved(apiVersion: string, kind: string, known: string[]): string {
  const rest = known.length ? `it serves ${known.join(', ')} of this group` : 'it knows nothing of this group (is the CRD installed?)'
  return `the API server does not serve ${kind} in ${apiVersion}; ${rest}`
}

const root = (apiVersion: string): string => {
  const path = apiVersion.split('/').map(encodeURIComponent).join('/')
  return apiVersion.includes('/') ? `/apis/${path}` : `/api/${path}`
}
