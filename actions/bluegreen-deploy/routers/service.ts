import { type Cluster, nameOf, selectorText } from '../../shared/kubernetes/api/cluster.ts'
import type { EndpointSlice, Pod, Service } from '../../shared/kubernetes/objects/read.ts'
import { isReady } from '../../shared/kubernetes/watch/rollout.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import { type Clock, formatDuration } from '../../shared/time/clock.ts'
import { COLOR, type Color, isColor } from '../release/model.ts'
import type { Writer } from '../writes/writer.ts'

/** Sends traffic to a color: set, read back, prove. A Service's selector is the first of its kind. */
export interface Router {
  /** The color that gets the traffic now; undefined when there is none, or no color decides. */
  serving(): Promise<Color | undefined>
  /** `way` is 'back' when safety comes before another manager's fields. */
  set(service: Service, way: 'forth' | 'back'): Promise<void>
  /** Resolves when only ready pods of the color have been reachable for longer than endpoints take to spread. */
  prove(service: Service, options: { expected?: number }): Promise<Proof>
}

export type Proof = { proved: true; pods: number } | { proved: false; reason: string }

export interface RouterOptions {
  cluster: Cluster
  writer: Writer
  clock: Clock
  signal: AbortSignal
  namespace: string
  name: string
  /** How long endpoints take to reach every node, in milliseconds. */
  propagation: number
  /** How long the endpoints themselves may take to follow, in milliseconds. */
  timeout: number
}

export function serviceRouter(options: RouterOptions): Router {
  const { cluster, writer, clock, signal, namespace, name, propagation, timeout } = options
  return {
    async serving() {
      const live = (await cluster.get({ apiVersion: 'v1', kind: 'Service', namespace, name })) as Service | undefined
      const color = live?.spec?.selector?.[COLOR]
      return isColor(color) ? color : undefined
    },

    // The selector is one atomic field for server-side apply: it is always written whole, with its color, over the version that was read.
    async set(service, way) {
      await writer.apply(service, { force: way === 'back' })
    },

    async prove(service, { expected = 0 }) {
      let since: number | undefined
      let last = 'they have not been read'
      const queries = [
        { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespace, labelSelector: `kubernetes.io/service-name=${name}` },
        { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: selectorText(service.spec.selector) },
      ]
      const proof = await waitFor<Proof>(
        cluster,
        queries,
        (slices: EndpointSlice[], pods: Pod[]) => {
          const ready = pods.filter(isReady)
          if (ready.length < expected)
            return { proved: false, reason: `only ${ready.length} of ${expected} pods stayed ready when traffic came` }
          const wrong = disagreement(slices, pods)
          last = wrong?.text ?? ''
          // Pods of the right color may come and go, as while they are recreated in batches; one of the other starts the time anew.
          if (wrong?.foreign) since = undefined
          else if (ready.length > 0) since ??= clock.monotonic()
          return !wrong && since !== undefined && clock.monotonic() - since >= propagation
            ? { proved: true, pods: ready.length }
            : undefined
        },
        { clock, signal, timeout: propagation + timeout, every: 250 },
      )
      return (
        proof ?? {
          proved: false,
          reason: `the endpoints of ${nameOf(service)} did not follow within ${formatDuration(timeout)}: ${last || 'they changed too often'}`,
        }
      )
    },
  }
}

export interface Disagreement {
  /** A pod of another color still gets traffic; else the right pods are only not all, or no longer all, ready in the slices. */
  foreign: boolean
  text: string
}

/** What speaks against traffic reaching exactly the ready pods of these, all of one color; undefined when nothing does. */
export function disagreement(slices: EndpointSlice[], pods: Pod[]): Disagreement | undefined {
  const own = new Map(pods.map((pod) => [pod.metadata.uid, pod]))
  const reached = new Set<string>()
  let unready: string | undefined
  for (const slice of slices) {
    for (const endpoint of slice.endpoints ?? []) {
      // "nil means unknown, and is to be taken as ready" (discovery.k8s.io/v1)
      if (endpoint.conditions?.ready === false) continue
      const { uid = '', name } = endpoint.targetRef ?? {}
      const pod = own.get(uid)
      if (!pod) return { foreign: true, text: `they still hold ${name ?? endpoint.addresses?.[0] ?? 'an unknown address'}` }
      if (!isReady(pod)) unready ??= pod.metadata.name
      reached.add(uid)
    }
  }
  const ready = pods.filter(isReady)
  const missing = ready.filter((pod) => !reached.has(pod.metadata.uid ?? '')).map((pod) => pod.metadata.name)
  if (ready.length === 0) return { foreign: false, text: 'no pod of the color is ready' }
  if (unready) return { foreign: false, text: `they still hold ${unready}, which is not ready` }
  return missing.length ? { foreign: false, text: `they do not hold ${missing.join(', ')} yet` } : undefined
}
