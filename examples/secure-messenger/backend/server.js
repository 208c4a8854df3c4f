// The backend of the example: HTTP and WebSocket on one port. It can be told to misbehave, through the environment or, one pod
// at a time, by POST /control, so that demos and tests see what a bad release looks like.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { WebSocketServer } from 'ws'
import { createMetrics } from './metrics.js'

const env = process.env
const version = env.VERSION ?? 'dev'
const identity = { version, pod: env.HOSTNAME ?? hostname(), color: env.COLOR ?? '' }

/** How it behaves; POST /control with any of these changes it. */
const behaviour = {
  /** share of requests answered with 500 */
  errorRate: number('ERROR_RATE', 0),
  /** added to each answer */
  latencyMs: number('LATENCY_MS', 0),
  /** whether /health says so */
  ready: env.NEVER_READY !== 'true',
  /** whether /live says so */
  live: true,
  ignoreSigterm: env.IGNORE_SIGTERM === 'true',
  drainMs: number('DRAIN_MS', 1500),
}

function number(name, fallback) {
  const value = Number(env[name] || fallback)
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} is ${env[name]}: a number from 0 is wanted`)
  return value
}

/** Ends as a crash does, with a last word where Kubernetes looks for it. */
function crash(why) {
  console.error(`fatal: ${why}`)
  try {
    writeFileSync(env.MOUNT_DEV_TERMINATION_LOG ?? '/dev/termination-log', `${version} crashed: ${why}`)
  } catch {
    // not in Kubernetes
  }
  process.exit(1)
}

const metrics = createMetrics(env.METRICS_FROM_ZERO === 'true', env.STATUS_LABEL ?? 'status')
let draining = false

function answer(res, status, body, type = 'application/json') {
  // Asks clients to come back on a new connection, which another pod will get.
  if (draining) res.setHeader('connection', 'close')
  res.writeHead(status, { 'content-type': type, 'x-version': version })
  res.end(type === 'application/json' ? JSON.stringify(body) : body)
}

/** What probes, scrapes and tests ask: never delayed, never failing by chance, never counted. */
const internal = {
  '/health': (_, res) => {
    const ready = behaviour.ready && !draining
    answer(res, ready ? 200 : 503, { status: ready ? 'ok' : draining ? 'draining' : 'not ready', ...identity })
  },
  '/live': (_, res) => answer(res, behaviour.live ? 200 : 500, { status: behaviour.live ? 'ok' : 'stuck' }),
  '/metrics': (_, res) => answer(res, 200, metrics.text(), 'text/plain; version=0.0.4'),
  '/control': control,
}

/** What users ask. */
const routes = {
  '/': (_, res) => answer(res, 200, { service: 'secure-messenger', ...identity }),
  '/version': (_, res) => answer(res, 200, identity),
}

async function control(req, res) {
  if (req.method !== 'POST') return answer(res, 405, { error: 'POST a JSON object', ...behaviour })
  let text = ''
  for await (const chunk of req) text += chunk
  let wish
  try {
    wish = JSON.parse(text)
  } catch {
    return answer(res, 400, { error: 'not JSON' })
  }
  const { crash: dies, ...rest } = wish
  const wrong = Object.keys(rest).filter((k) => typeof behaviour[k] !== typeof rest[k])
  if (wrong.length > 0) return answer(res, 400, { error: `unknown or of another type: ${wrong.join(', ')}`, ...behaviour })
  Object.assign(behaviour, rest)
  if (dies) res.on('finish', () => crash('told to'))
  answer(res, 200, behaviour)
}

const server = createServer((req, res) => {
  const path = req.url.split('?')[0]
  if (Object.hasOwn(internal, path)) return internal[path](req, res)
  const started = performance.now()
  res.on('finish', () => metrics.observe(res.statusCode, (performance.now() - started) / 1000))
  const act = () => {
    if (Math.random() < behaviour.errorRate) answer(res, 500, { error: 'told to fail', ...identity })
    else if (Object.hasOwn(routes, path)) routes[path](req, res)
    else answer(res, 404, { error: 'no such page' })
  }
  if (behaviour.latencyMs > 0) setTimeout(act, behaviour.latencyMs)
  else act()
})
server.keepAliveTimeout = 75_000 // longer than a proxy's own, so that it is never us who closes first

const sockets = new WebSocketServer({ server, path: '/ws' })
sockets.on('connection', (socket) => {
  metrics.connections++
  socket.on('close', () => metrics.connections--)
  socket.on('error', () => socket.terminate())
  socket.on('message', (data) => {
    socket.send(JSON.stringify({ echo: data.toString(), ...identity }))
    metrics.messages++
  })
})

/**
 * Goes on answering while the news of its end spreads through the cluster; closes what is open at the very end. Idle
 * connections stay till then: closing one the moment a client sends on it would lose that request.
 */
function drain() {
  if (behaviour.ignoreSigterm || draining) return
  draining = true
  console.log('draining')
  setTimeout(() => {
    for (const socket of sockets.clients) socket.close(1001, 'going away')
    server.close(() => process.exit(0))
    server.closeIdleConnections()
    setTimeout(() => process.exit(0), 5000).unref()
  }, behaviour.drainMs)
}
process.on('SIGTERM', drain)
process.on('SIGINT', drain)

setTimeout(
  () => {
    const port = number('PORT', 3000)
    server.listen(port, env.POD_IP ?? '0.0.0.0', () => console.log(`${version} listens on ${env.POD_IP ?? '0.0.0.0'}:${port}`))
  },
  number('START_DELAY_MS', 0),
)
const crashAfter = number('CRASH_AFTER_MS', 0)
if (crashAfter > 0) setTimeout(() => crash(`CRASH_AFTER_MS=${crashAfter}`), crashAfter)
