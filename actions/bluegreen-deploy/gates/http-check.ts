import { type Cluster, HTTP_PATH, isReservedHeader } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, Service, ServicePort } from '../../shared/kubernetes/objects/read.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { CheckConfig } from '../config.ts'
import type { Reach } from '../ports.ts'
import { type Finding, type Gate, pause, unlessOver } from './gate.ts'

/** An HTTP request that a good version answers with a status from 200 to 399. */
export interface Check {
  path: string
  port: number
  https: boolean
  headers?: Record<string, string>
  /** In milliseconds, for each request. */
  timeout: number
}

/** So many answers in a row that are not good take the traffic back. */
const FAILURES = 3
const SHOWN = 64 * 1024

interface Answer {
  passed: boolean
  text: string
  /** For the evidence. */
  body: string
}

async function ask(cluster: Cluster, namespace: string, service: string, check: Check, signal: AbortSignal): Promise<Answer> {
  const { path, port, https, timeout, headers } = check
  const answer = await cluster.proxy({
    namespace,
    kind: 'services',
    name: service,
    port,
    https,
    path,
    timeout,
    signal,
    ...(headers && { headers }),
  })
  const passed = answer.reached && answer.status >= 200 && answer.status < 400
  const what = answer.reached ? `answered ${answer.status}` : `could not be reached: ${answer.body || `status ${answer.status}`}`
  return { passed, text: `GET ${path} on port ${port} of Service/${service} ${what}`, body: answer.body }
}

const evidenceOf = (path: string, body: string) => [{ title: `Last answer to GET ${path}`, text: body.slice(0, SHOWN) }]

/** Passes after `check-passes` good answers in a row; fails when they did not come within the `check-deadline`. */
export function rowGate({ cluster, clock, config }: Reach, service: string, check: Check): Gate {
  const { passes, deadline } = config.check
  const look = async (signal: AbortSignal): Promise<Finding> => {
    const until = clock.monotonic() + deadline
    for (let row = 0; ; ) {
      const answer = await ask(cluster, config.namespace, service, check, signal)
      row = answer.passed ? row + 1 : 0
      if (row >= passes) return { verdict: 'passed', text: `${answer.text}, ${passes} in a row` }
      if (clock.monotonic() >= until) {
        const few = answer.passed ? `, only ${row} of ${passes} in a row within ${formatDuration(deadline)}` : ''
        return { verdict: 'failed', text: answer.text + few, evidence: evidenceOf(check.path, answer.body) }
      }
      await clock.sleep(answer.passed ? 200 : 1000, signal)
    }
  }
  return {
    name: `check of ${service}`,
    watch: async (signal) =>
      (await unlessOver(signal, look(signal))) ?? {
        verdict: 'inconclusive',
        text: `GET ${check.path} of Service/${service} was not asked to the end`,
      },
  }
}

/** Fails after three answers in a row that are not good. */
export function checkGate({ cluster, clock, config }: Reach, service: string, check: Check): Gate {
  const { interval } = config.check
  return {
    name: `check of ${service}`,
    async watch(signal) {
      let row = 0
      let passed = 0
      let last: Answer | undefined
      for (;;) {
        const asked = clock.monotonic()
        const answer = await unlessOver(signal, ask(cluster, config.namespace, service, check, signal))
        if (!answer) break
        row = answer.passed ? 0 : row + 1
        passed += answer.passed ? 1 : 0
        last = answer
        if (row >= FAILURES)
          return { verdict: 'failed', text: `${answer.text}, ${row} times in a row`, evidence: evidenceOf(check.path, answer.body) }
        const next = asked + (row > 0 ? Math.min(interval, 1000) : interval)
        if (!(await pause(clock, next - clock.monotonic(), signal))) break
      }
      return conclude(check, { passed, row, last })
    },
  }
}

function conclude({ path }: Check, { passed, row, last }: { passed: number; row: number; last: Answer | undefined }): Finding {
  if (passed === 0) return { verdict: 'inconclusive', text: last ? `no good answer while watching: ${last.text}` : 'no check was made' }
  if (row > 0)
    return { verdict: 'inconclusive', text: `the last ${row === 1 ? 'answer was' : `${row} answers were`} not good: ${last?.text ?? path}` }
  return { verdict: 'passed', text: `${passed} good ${passed === 1 ? 'answer' : 'answers'} to GET ${path}` }
}

/** What an entry is asked, or why it is asked nothing. */
export type Choice = { check: Check } | { why: string }

/**
 * What to ask an entry: `path` and `port` as given; without a path, what the readiness probe of its pods asks, when the Service leads to the
 * probe's port. `port` may be a number or a name of the Service's. Throws when the Service has no such port.
 */
export function chooseCheck(
  workloads: readonly Deployment[],
  service: Service,
  given: Pick<CheckConfig, 'path' | 'port' | 'timeout'>,
): Choice {
  if (given.path === 'off') return { why: 'check-path is off' }
  const { ports } = service.spec
  const { name } = service.metadata
  const named = given.port === undefined ? undefined : ports.find((port) => port.name === given.port || String(port.port) === given.port)
  if (given.port !== undefined && !named)
    throw new Error(
      `check-port: Service/${name} has no port "${given.port}"; it has ${ports.map((port) => port.name ?? port.port).join(', ')}`,
    )
  if (given.path !== undefined) {
    const port = named ?? ports[0]
    if (!port) return { why: `Service/${name} has no port` }
    return { check: { path: given.path, port: port.port, https: isHttps(port), timeout: given.timeout } }
  }
  const found = workloads.flatMap((workload) => probesOf(workload, named ? [named] : ports))
  const [first] = found
  if (!first) return { why: 'give check-path, or the container an HTTP readiness probe on a port of the Service' }
  return probeCheck(first, given.timeout)
}

interface Probe {
  port: ServicePort
  httpGet: { path?: string; scheme?: string; httpHeaders?: { name: string; value: string }[] | null }
}

function probesOf(workload: Deployment, ports: ServicePort[]): Probe[] {
  return workload.spec.template.spec.containers.flatMap((container) => {
    const httpGet = container.readinessProbe?.httpGet
    if (!httpGet) return []
    const numberOf = (port: unknown): unknown => container.ports?.find((entry) => entry.name === port)?.containerPort ?? port
    const port = ports.find((entry) => numberOf(entry.targetPort || entry.port) === numberOf(httpGet.port))
    return port ? [{ port, httpGet }] : []
  })
}

/** The request of the probe, as the kubelet makes it. */
function probeCheck({ port, httpGet }: Probe, timeout: number): Choice {
  const path = (httpGet.path ?? '').replace(/^\/?/, '/')
  if (!HTTP_PATH.test(path))
    throw new Error(`check-path: that of the readiness probe, ${path}, cannot be asked for through the API server; give one that can`)
  const headers = httpGet.httpHeaders ?? []
  const kept = headers.find(({ name }) => isReservedHeader(name))
  if (kept)
    return {
      why: `the readiness probe has the header ${kept.name}, which the API server does not pass on; give check-path, or a smoke-suite`,
    }
  return {
    check: {
      path,
      port: port.port,
      https: httpGet.scheme === 'HTTPS',
      timeout,
      ...(headers.length && { headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])) }),
    },
  }
}

const isHttps = (port: ServicePort): boolean => port.appProtocol === 'https' || port.name === 'https' || port.port === 443
