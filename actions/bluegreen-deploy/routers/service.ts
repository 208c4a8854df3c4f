// The router over a Service's selector: all of the traffic goes to one color, by one conditional write of one field.
import { nameOf, refOf, selectorText } from '../../shared/kubernetes/api/cluster.ts'
import {
  ENDPOINT_SLICE,
  type EndpointSlice,
  getOf,
  type LiveService,
  POD,
  type Pod,
  SERVICE,
  select,
} from '../../shared/kubernetes/objects/read.ts'
import { isReady } from '../../shared/kubernetes/watch/rollout.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Reach } from '../ports.ts'
import type { Gateway } from '../release/model.ts'
import { COLOR, type Color, isColor } from '../release/names.ts'
import type { Writer } from '../writes/writer.ts'
import { ALL_CANDIDATE, ALL_STABLE, type Proof, type Router, type Split } from './router.ts'

/** How long endpoints may take to follow a shift, in milliseconds, beyond their propagation. */
const ENDPOINTS_TIMEOUT = 60_000

/** One side of an entry: the Service as it is while this color serves. */
export interface ServiceSide {
  color: Color
  gateway: Gateway
}

/** A router for a Service that exists on the candidate's side, and on the stable one unless the candidate brings it. */
export function serviceRouter(reach: Reach & { writer: Writer }, stable: ServiceSide | undefined, candidate: ServiceSide): Router {
  const { cluster, writer, config } = reach
  const { namespace } = config
  const { service } = candidate.gateway
  const sideOf = (split: Split): ServiceSide => {
    const side = split.candidate === 100 ? candidate : stable
    if (!side) throw new Error(`${nameOf(service)} has no stable side that could serve`)
    return side
  }
  return {
    name: nameOf(service),
    colors: { stable: stable?.color, candidate: candidate.color },
    can: (split) => split.candidate === 100 || (split.candidate === 0 && stable !== undefined),
    async read() {
      const color = await selectedColor(reach, service.metadata.name)
      if (color === candidate.color) return ALL_CANDIDATE
      return color !== undefined && color === stable?.color ? ALL_STABLE : undefined
    },
    // The selector is one atomic field for server-side apply: it is always written whole, with its color, over the version that was read.
    async set(split, way) {
      await writer.apply(sideOf(split).gateway.service, { force: way === 'rollback' })
    },
    prove: (split) => proveService(reach, sideOf(split).gateway, split.candidate === 100),
    async restore() {
      const live = await cluster.get({ apiVersion: 'v1', kind: 'Service', namespace, name: service.metadata.name })
      if (live && !stable) await writer.deleteOwn(refOf(service))
    },
  }
}

/** The color that a live Service selects; undefined when there is none, or no color decides. */
export async function selectedColor({ cluster, config }: Pick<Reach, 'cluster' | 'config'>, name: string): Promise<Color | undefined> {
  const live = await getOf(cluster, SERVICE, { namespace: config.namespace, name })
  return colorOf(live)
}

export function colorOf(service: LiveService | undefined): Color | undefined {
  const color = service?.spec?.selector?.[COLOR]
  return isColor(color) ? color : undefined
}

async function proveService(reach: Reach, { service, expected }: Gateway, all: boolean): Promise<Proof> {
  const { cluster, clock, signal, config } = reach
  const { namespace, propagationTime } = config
  let since: number | undefined
  let last: string | undefined
  const labelSelector = `kubernetes.io/service-name=${service.metadata.name}`
  const proof = await waitFor(
    cluster,
    [select(ENDPOINT_SLICE, { namespace, labelSelector }), select(POD, { namespace, labelSelector: selectorText(service.spec.selector) })],
    (slices, pods): Proof | undefined => {
      const ready = pods.filter(isReady)
      if (all && ready.length < expected)
        return { state: 'refuted', reason: `only ${ready.length} of ${expected} pods stayed ready when traffic came` }
      const wrong = disagreement(slices, pods)
      last = wrong?.text ?? ''
      // Pods of the right color may come and go, as while they are recreated in batches; one of the other starts the time anew.
      if (wrong?.foreign) since = undefined
      else if (ready.length > 0) since ??= clock.monotonic()
      const spread = since !== undefined && clock.monotonic() - since >= propagationTime
      return !wrong && spread ? { state: 'proved', pods: ready.length } : undefined
    },
    { clock, signal, timeout: propagationTime + ENDPOINTS_TIMEOUT, every: 250 },
  )
  if (proof) return proof
  if (last === undefined) return { state: 'unknown', reason: `the endpoints of ${nameOf(service)} could not be read` }
  const why = last || 'they changed too often'
  return {
    state: 'refuted',
    reason: `the endpoints of ${nameOf(service)} did not follow within ${formatDuration(ENDPOINTS_TIMEOUT)}: ${why}`,
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
