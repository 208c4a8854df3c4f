// What the usual HTTP libraries call their metrics, in the order in which they are looked for: the preset `http` takes the first that is there.

export interface Library {
  /** A counter of requests, with a label for their status. */
  requests: string
  /** The buckets of their latencies. */
  buckets: string
  unit: 's' | 'ms'
}

const seconds = (requests: string, buckets: string): Library => ({ requests, buckets, unit: 's' })

export const LIBRARIES: readonly Library[] = [
  // Most clients of Prometheus, as their guides name them: Go, Node, Python, Rust.
  seconds('http_requests_total', 'http_request_duration_seconds_bucket'),
  // Micrometer: Spring Boot, Quarkus, Ktor.
  seconds('http_server_requests_seconds_count', 'http_server_requests_seconds_bucket'),
  // OpenTelemetry, by the stable names, and by the older ones.
  seconds('http_server_request_duration_seconds_count', 'http_server_request_duration_seconds_bucket'),
  { requests: 'http_server_duration_milliseconds_count', buckets: 'http_server_duration_milliseconds_bucket', unit: 'ms' },
  // Middlewares with a histogram alone: express-prom-bundle, promhttp's InstrumentHandlerDuration, Gin, Fiber, Chi.
  seconds('http_request_duration_seconds_count', 'http_request_duration_seconds_bucket'),
  // ASP.NET by prometheus-net.
  seconds('http_requests_received_total', 'http_request_duration_seconds_bucket'),
  // Ruby's client.
  seconds('http_server_requests_total', 'http_server_request_duration_seconds_bucket'),
  seconds('flask_http_request_total', 'flask_http_request_duration_seconds_bucket'),
  seconds('starlette_requests_total', 'starlette_request_duration_seconds_bucket'),
  seconds('django_http_responses_total_by_status_total', 'django_http_requests_latency_seconds_by_view_method_bucket'),
  seconds('echo_requests_total', 'echo_request_duration_seconds_bucket'),
  seconds('gin_requests_total', 'gin_request_duration_seconds_bucket'),
  seconds('fastapi_requests_total', 'fastapi_requests_duration_seconds_bucket'),
]

/** Labels that bear the status of a request, in the order in which they are looked for. */
const STATUS_LABELS = [
  'status',
  'code',
  'status_code',
  'http_response_status_code',
  'http_status_code',
  'response_code',
  'http_status',
  'statusCode',
  'response_status',
  'http_code',
]
/** A status, or a group of them. */
const STATUS = /^[1-5](\d\d|xx)$/i

/** The label that bears the status, by the values that series have; undefined when none does. */
export const statusLabelOf = (series: readonly Readonly<Record<string, string>>[]): string | undefined =>
  STATUS_LABELS.find((label) => series.some((labels) => STATUS.test(labels[label] ?? '')))
