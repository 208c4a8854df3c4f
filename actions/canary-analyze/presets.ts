// Metrics that are known by name: what to read of common servers, proxies and meshes.
import { LIBRARIES, type Library } from './presence/libraries.ts'
import { type Matcher, parseMatchers, selectorText } from './selectors.ts'

export const PRESETS = ['http', 'ingress-nginx', 'traefik', 'istio', 'envoy', 'restarts', 'saturation'] as const
export type Preset = (typeof PRESETS)[number]

/** What probes, scrapes and load balancers ask: they dilute errors, and answer faster than users are answered. */
const PROBES =
  '/?(health|healthz|live|livez|liveness|ready|readyz|readiness|startup|metrics|ping|status|-/healthy|-/ready|health/[a-z]+|actuator(/.*)?|q/(health|metrics)(/.*)?)/?'
/** A series without the label is not excluded: an absent one is empty. */
const withoutProbes = (routes: readonly string[]): Matcher[] => routes.map((label) => ({ label, operator: '!~', value: PROBES }))

export interface PresetOptions {
  preset: Preset
  /** Matchers for every selector. */
  where: string
  weight: number
  /** What the requests that it judges are called; undefined where it judges something else. */
  names: HttpNames | undefined
}

/** What a server, a proxy or a mesh calls its counters and histograms of requests. */
export interface HttpNames {
  requests: string
  /** Matchers of failed ones. */
  failed: Matcher[]
  /** Counters of failed requests, where they have their own. */
  failedMetric?: string
  /** Undefined: there are none to compare. */
  buckets: { metric: string; unit: 's' | 'ms' } | undefined
  always: Matcher[]
  /** Who counts: the pods that are compared, or a proxy in front of them that counted before. */
  origin: 'pod' | 'proxy'
}

const is = (label: string, operator: Matcher['operator'], value: string): Matcher => ({ label, operator, value })

/** 503, or 5xx and 5XX where the library counts by class. */
const FAILED = '5..'

/** What a library's requests are called where this label has their status. */
export const libraryNames = (library: Library, status: string, buckets: HttpNames['buckets'] = library.buckets[0]): HttpNames => ({
  requests: library.requests,
  failed: [is(status, '=~', library.words?.label === status ? `${FAILED}|${library.words.failed}` : FAILED)],
  buckets,
  always: withoutProbes(library.routes),
  origin: 'pod',
})

const proxies: Record<Exclude<Preset, 'http' | 'restarts' | 'saturation'>, HttpNames> = {
  'ingress-nginx': {
    requests: 'nginx_ingress_controller_requests',
    failed: [is('status', '=~', '5..')],
    buckets: { metric: 'nginx_ingress_controller_request_duration_seconds_bucket', unit: 's' },
    always: withoutProbes(['path']),
    origin: 'proxy',
  },
  traefik: {
    requests: 'traefik_service_requests_total',
    failed: [is('code', '=~', '5..')],
    buckets: { metric: 'traefik_service_request_duration_seconds_bucket', unit: 's' },
    always: [],
    origin: 'proxy',
  },
  istio: {
    requests: 'istio_requests_total',
    failed: [is('response_code', '=~', '5..')],
    buckets: { metric: 'istio_request_duration_milliseconds_bucket', unit: 'ms' },
    // Both proxies of a request count it: those in front of the pods know the pods.
    always: [is('reporter', '=', 'destination')],
    origin: 'pod',
  },
  envoy: {
    requests: 'envoy_cluster_upstream_rq_total',
    failed: [is('envoy_response_code_class', '=', '5')],
    failedMetric: 'envoy_cluster_upstream_rq_xx',
    buckets: { metric: 'envoy_cluster_upstream_rq_time_bucket', unit: 'ms' },
    always: [],
    origin: 'proxy',
  },
}

/** The usual names, where nobody has looked; undefined for what judges no requests. */
export function usualNames({ preset, 'status-label': status = 'status' }: { preset: Preset; 'status-label'?: string | undefined }) {
  if (preset === 'restarts' || preset === 'saturation') return undefined
  return preset === 'http' ? libraryNames(LIBRARIES[0], status) : proxies[preset]
}

/** The metrics of a preset, in the shape of the configuration. */
export function expandPreset({ preset, where, weight, names }: PresetOptions): object[] {
  const more = parseMatchers(where)
  if (preset === 'restarts') {
    const counter = selectorText({ metric: 'kube_pod_container_status_restarts_total', matchers: more })
    return [{ kind: 'restarts', name: 'restarts', weight, counter }]
  }
  if (!names) return saturation(more)
  const { requests, failed, failedMetric, buckets, always, origin } = names
  const matchers = [...always, ...more]
  return [
    {
      kind: 'errors',
      name: `${preset} errors`,
      weight,
      origin,
      total: selectorText({ metric: requests, matchers }),
      events: selectorText({ metric: failedMetric ?? requests, matchers: [...failed, ...matchers] }),
    },
    ...(buckets
      ? [
          {
            kind: 'latency',
            name: `${preset} latency`,
            weight,
            origin,
            required: false,
            unit: buckets.unit,
            histogram: selectorText({ metric: buckets.metric, matchers }),
          },
        ]
      : []),
  ]
}

/** The fullest pod of the candidate, of what its limits allow. */
function saturation(more: readonly Matcher[]): object[] {
  const of = (metric: string, ...own: Matcher[]): string => {
    const text = selectorText({ metric, matchers: [...own, ...more] })
    return `${text.slice(0, -1)}${text.endsWith('{}') ? '' : ','}{{candidate}}}`
  }
  const container = is('container', '!=', '')
  const limit = (resource: string): string =>
    `sum by (pod, container) (${of('kube_pod_container_resource_limits', is('resource', '=', resource))})`
  const cpu = `sum by (pod, container) (rate(${of('container_cpu_usage_seconds_total', container)}[2m]))`
  const memory = `sum by (pod, container) (${of('container_memory_working_set_bytes', container)})`
  return [
    { kind: 'value', name: 'cpu saturation', query: `max(${cpu} / ${limit('cpu')})`, criterion: '<=0.9' },
    { kind: 'value', name: 'memory saturation', query: `max(${memory} / ${limit('memory')})`, criterion: '<=0.9' },
  ]
}
