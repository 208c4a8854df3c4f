// The web front end of the example: one page, and what probes and tests ask. It is released together with the backend.
import { createServer } from 'node:http'
import { hostname } from 'node:os'

const { VERSION: version = 'dev', HOSTNAME: pod = hostname(), COLOR: color = '', POD_IP: host = '0.0.0.0' } = process.env
const port = Number(process.env.PORT ?? 3001)
const drainMs = Number(process.env.DRAIN_MS ?? 1500)
const page = '<!doctype html><title>Secure Messenger</title><h1>Secure Messenger</h1>'
let requests = 0
let draining = false

const routes = {
  '/': () => [200, 'text/html; charset=utf-8', page],
  '/version': () => json(200, { version, pod, color }),
  '/live': () => json(200, { status: 'ok' }),
  '/health': () => json(draining ? 503 : 200, { status: draining ? 'draining' : 'ok' }),
  '/metrics': () => [
    200,
    'text/plain; version=0.0.4',
    `# TYPE http_requests_total counter\nhttp_requests_total{status="200"} ${requests}\n`,
  ],
}
const json = (status, body) => [status, 'application/json', JSON.stringify(body)]

const server = createServer((req, res) => {
  const path = req.url.split('?')[0]
  if (path === '/' || path === '/version') requests++
  const [status, type, body] = Object.hasOwn(routes, path) ? routes[path]() : json(404, { error: 'no such page' })
  if (draining) res.setHeader('connection', 'close') // clients come back on a new connection, which another pod will get
  res.writeHead(status, { 'content-type': type, 'x-version': version }).end(body)
})
server.keepAliveTimeout = 75_000 // longer than a proxy's own, so that it is never us who closes first

function drain() {
  if (draining) return
  draining = true
  setTimeout(() => {
    server.close(() => process.exit(0))
    server.closeIdleConnections()
    setTimeout(() => process.exit(0), 5000).unref()
  }, drainMs)
}
process.on('SIGTERM', drain)
process.on('SIGINT', drain)
server.listen(port, host, () => console.log(`${version} listens on ${host}:${port}`))
