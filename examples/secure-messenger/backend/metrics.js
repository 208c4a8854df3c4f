/** The four metrics of the backend in Prometheus' text format. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/**
 * @param {boolean} fromZero Whether the counters of 200 and 500 are there from the start, or appear with their first request.
 * @param {string} statusLabel What the label with the status is called.
 */
export function createMetrics(fromZero, statusLabel) {
  const requests = new Map(
    fromZero
      ? [
          [200, 0],
          [500, 0],
        ]
      : [],
  )
  const buckets = bounds.map(() => 0)
  let count = 0
  let sum = 0
  return {
    connections: 0,
    messages: 0,
    /** @param {number} status @param {number} seconds */
    observe(status, seconds) {
      requests.set(status, (requests.get(status) ?? 0) + 1)
      bounds.forEach((bound, i) => {
        if (seconds <= bound) buckets[i]++
      })
      count++
      sum += seconds
    },
    text() {
      return [
        '# HELP http_requests_total Requests answered; probes and scrapes are not counted.',
        '# TYPE http_requests_total counter',
        ...[...requests].map(([status, n]) => `http_requests_total{${statusLabel}="${status}"} ${n}`),
        '# HELP http_request_duration_seconds Time from the request to the end of its answer.',
        '# TYPE http_request_duration_seconds histogram',
        ...bounds.map((bound, i) => `http_request_duration_seconds_bucket{le="${bound}"} ${buckets[i]}`),
        `http_request_duration_seconds_bucket{le="+Inf"} ${count}`,
        `http_request_duration_seconds_sum ${sum}`,
        `http_request_duration_seconds_count ${count}`,
        '# HELP websocket_connections_active WebSockets open now.',
        '# TYPE websocket_connections_active gauge',
        `websocket_connections_active ${this.connections}`,
        '# HELP messages_sent_total Messages sent over WebSockets.',
        '# TYPE messages_sent_total counter',
        `messages_sent_total ${this.messages}`,
        '',
      ].join('\n')
    },
  }
}
