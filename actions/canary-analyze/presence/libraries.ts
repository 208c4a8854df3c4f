// What the usual libraries call their counters and histograms of HTTP requests.

export interface Library {
  name: string
  /** The counter of requests, by status. */
  requests: string
  /** Histograms of how long they took, by preference. */
  buckets: readonly { metric: string; unit: 's' | 'ms' }[]
  /** Labels that name the route. */
  routes: readonly string[]
  /** Where the status is told by words, which no look at the values finds. */
  words?: { label: string; failed: string }
}

const SECONDS = { metric: 'http_request_duration_seconds_bucket', unit: 's' } as const
/** A hand-made counter may name its route as it likes. */
const ROUTES = ['route', 'path', 'handler', 'uri', 'endpoint', 'url', 'http_route', 'path_template']
/** As Go's http.StatusText writes them. */
const WORDS =
  'Internal Server Error|Not Implemented|Bad Gateway|Service Unavailable|Gateway Timeout|HTTP Version Not Supported|Variant Also Negotiates|Insufficient Storage|Loop Detected|Not Extended|Network Authentication Required'

/** The histogram counts the requests as well. */
const histogram = (name: string, base: string, unit: 's' | 'ms', routes: readonly string[]): Library => ({
  name,
  requests: `${base}_count`,
  buckets: [{ metric: `${base}_bucket`, unit }],
  routes,
})

/** In the order in which they are looked for: where several are there, the first one with a status on both sides is read. */
export const LIBRARIES: readonly [Library, ...Library[]] = [
  {
    name: 'Prometheus clients',
    requests: 'http_requests_total',
    buckets: [
      SECONDS,
      { metric: 'http_requests_duration_seconds_bucket', unit: 's' },
      { metric: 'http_request_duration_milliseconds_bucket', unit: 'ms' },
      { metric: 'http_request_duration_ms_bucket', unit: 'ms' },
    ],
    routes: ROUTES,
  },
  histogram('Prometheus clients with a histogram alone, such as express-prom-bundle', 'http_request_duration_seconds', 's', ROUTES),
  histogram('Micrometer (Spring, Quarkus, Micronaut)', 'http_server_requests_seconds', 's', ['uri']),
  histogram('OpenTelemetry', 'http_server_request_duration_seconds', 's', ['http_route', 'url_path']),
  histogram('OpenTelemetry before 1.21', 'http_server_duration_milliseconds', 'ms', ['http_route', 'http_target']),
  { name: 'ASP.NET Core (prometheus-net)', requests: 'http_requests_received_total', buckets: [SECONDS], routes: ['endpoint', 'route'] },
  histogram('prom-client in milliseconds', 'http_request_duration_ms', 'ms', ROUTES),
  {
    name: 'Ruby (Rack)',
    requests: 'http_server_requests_total',
    buckets: [{ metric: 'http_server_request_duration_seconds_bucket', unit: 's' }],
    routes: ['path'],
  },
  {
    name: 'Flask (prometheus_flask_exporter)',
    requests: 'flask_http_request_total',
    buckets: [{ metric: 'flask_http_request_duration_seconds_bucket', unit: 's' }],
    routes: ['path', 'url_rule', 'endpoint'],
  },
  {
    name: 'Starlette (starlette_exporter)',
    requests: 'starlette_requests_total',
    buckets: [{ metric: 'starlette_request_duration_seconds_bucket', unit: 's' }],
    routes: ['path'],
  },
  {
    name: 'Django (django-prometheus)',
    requests: 'django_http_responses_total_by_status_total',
    buckets: [
      { metric: 'django_http_requests_latency_including_middlewares_seconds_bucket', unit: 's' },
      { metric: 'django_http_requests_latency_seconds_by_view_method_bucket', unit: 's' },
    ],
    routes: ['view'],
  },
  {
    name: 'Rails (yabeda)',
    requests: 'rails_requests_total',
    buckets: [{ metric: 'rails_request_duration_bucket', unit: 's' }],
    routes: ['action'],
  },
  {
    name: 'Echo',
    requests: 'echo_requests_total',
    buckets: [{ metric: 'echo_request_duration_seconds_bucket', unit: 's' }],
    routes: ['url'],
  },
  {
    name: 'Gin',
    requests: 'gin_requests_total',
    buckets: [{ metric: 'gin_request_duration_seconds_bucket', unit: 's' }],
    routes: ['url'],
  },
  {
    name: 'Gin (gin-metrics)',
    requests: 'gin_uri_request_total',
    buckets: [{ metric: 'gin_request_duration_bucket', unit: 's' }],
    routes: ['uri'],
  },
  {
    name: 'chi',
    requests: 'chi_requests_total',
    buckets: [{ metric: 'chi_request_duration_milliseconds_bucket', unit: 'ms' }],
    routes: ['path'],
    words: { label: 'code', failed: WORDS },
  },
  {
    name: 'axum',
    requests: 'axum_http_requests_total',
    buckets: [{ metric: 'axum_http_requests_duration_seconds_bucket', unit: 's' }],
    routes: ['endpoint'],
  },
]
