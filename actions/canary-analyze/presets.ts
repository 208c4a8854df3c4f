// Metrics that are known by name: what to read of common servers, proxies and meshes.
import { LIBRARIES, type Library } from './libraries.ts'
import { type Matcher, parseMatchers, selectorText } from './selectors.ts'

export const PRESETS = ['http', 'ingress-nginx', 'traefik', 'istio', 'envoy', 'restarts', 'saturation'] as const
export type Preset = (typeof PRESETS)[number]

/** What probes, scrapes and load balancers ask: they dilute errors, and answer faster than users are answered. */
const PROBES = '/?(health|healthz|live|livez|liveness|ready|readyz|readiness|startup|metrics|ping|status|-/healthy|-/ready)/?'
/** Labels that name the route in usual libraries. A series without the label is not excluded: an absent one is empty. */
const ROUTES = ['route', 'path', 'handler', 'uri', 'endpoint', 'http_route', 'url', 'view']
const withoutProbes: Matcher[] = ROUTES.map((label) => ({ label, operator: '!~', value: PROBES }))

export interface PresetOptions {
  preset: Preset
  /** Matchers for every selector. */
  where: string
  /** The label with the status code, for `http`. */
  statusLabel: string
  weight: number
  /** For `http`: whose names its metrics have. */
  library?: Library
}

interface Http {
  requests: string
  /** Matchers of failed ones. */
  failed: Matcher[]
  /** Counters of failed requests, where they have their own. */
  failedMetric?: string
  buckets: string
  unit: 's' | 'ms'
  always: Matcher[]
  origin: 'pod' | 'proxy'
}

const is = (label: string, operator: Matcher['operator'], value: string): Matcher => ({ label, operator, value })

const http = (statusLabel: string, { requests, buckets, unit }: Library): Http => ({
  requests,
  // Groups of them are written as 5xx.
  failed: [is(statusLabel, '=~', '5..')],
  buckets,
  unit,
  always: withoutProbes,
  origin: 'pod',
})

type Proxy = Exclude<Preset, 'http' | 'restarts' | 'saturation'>

const proxies: Record<Proxy, Http> = {
  'ingress-nginx': {
    requests: 'nginx_ingress_controller_requests',
    failed: [is('status', '=~', '5..')],
    buckets: 'nginx_ingress_controller_request_duration_seconds_bucket',
    unit: 's',
    always: withoutProbes.filter(({ label }) => label === 'path'),
    origin: 'proxy',
  },
  traefik: {
    requests: 'traefik_service_requests_total',
    failed: [is('code', '=~', '5..')],
    buckets: 'traefik_service_request_duration_seconds_bucket',
    unit: 's',
    always: [],
    origin: 'proxy',
  },
  istio: {
    requests: 'istio_requests_total',
    failed: [is('response_code', '=~', '5..')],
    buckets: 'istio_request_duration_milliseconds_bucket',
    unit: 'ms',
    // Both proxies of a request count it: those in front of the pods know the pods.
    always: [is('reporter', '=', 'destination')],
    origin: 'pod',
  },
  envoy: {
    requests: 'envoy_cluster_upstream_rq_total',
    failed: [is('envoy_response_code_class', '=', '5')],
    failedMetric: 'envoy_cluster_upstream_rq_xx',
    buckets: 'envoy_cluster_upstream_rq_time_bucket',
    unit: 'ms',
    always: [],
    origin: 'proxy',
  },
}

/** The metrics of a preset, in the shape of the configuration. */
export function expandPreset({ preset, where, statusLabel, weight, library = LIBRARIES[0] }: PresetOptions): object[] {
  const more = parseMatchers(where)
  if (preset === 'restarts') {
    const counter = selectorText({ metric: 'kube_pod_container_status_restarts_total', matchers: more })
    return [{ kind: 'restarts', name: 'restarts', weight, counter }]
  }
  if (preset === 'saturation') return saturation(more)
  const { requests, failed, failedMetric, buckets, unit, always, origin } =
    preset === 'http' && library ? http(statusLabel, library) : proxies[preset as Proxy]
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
    {
      kind: 'latency',
      name: `${preset} latency`,
      weight,
      unit,
      origin,
      required: false,
      histogram: selectorText({ metric: buckets, matchers }),
    },
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
