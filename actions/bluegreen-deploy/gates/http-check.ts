import type { Cluster } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, Service, ServicePort } from '../../shared/kubernetes/objects/read.ts'
import type { Clock } from '../../shared/time/clock.ts'

/** An HTTP request that a good version answers with a status from 200 to 399. */
export interface Check {
  path: string
  port: number
  https: boolean
  /** In milliseconds, for each request. */
  timeout: number
}

/** A path of a pod. Segments of dots, also encoded, would lead out of the Service's proxy to another part of the API. */
export const HTTP_PATH = /^(?!.*[/\\](?:\.|%2e){1,2}(?:[/\\?]|$))\/[^\s#\\]*$/i

export interface CheckResult {
  passed: boolean
  text: string
  /** The answer, for the evidence. */
  body: string
}

export async function runCheck(cluster: Cluster, namespace: string, service: string, check: Check): Promise<CheckResult> {
  const { path, port, https, timeout } = check
  const answer = await cluster.proxy({ namespace, kind: 'services', name: service, port, https, path, timeout })
  const passed = answer.reached && answer.status >= 200 && answer.status < 400
  const what = answer.reached ? `answered ${answer.status}` : `could not be reached: ${answer.body || `status ${answer.status}`}`
  return { passed, text: `GET ${path} on port ${port} of Service/${service} ${what}`, body: answer.body }
}

/** Asks until `passes` answers in a row are good, or `deadline` milliseconds are over; the last answer tells which. */
export async function checkInRow(
  world: { cluster: Cluster; clock: Clock; signal: AbortSignal },
  asked: { namespace: string; service: string; check: Check; passes: number; deadline: number },
): Promise<CheckResult> {
  const { cluster, clock, signal } = world
  const until = clock.monotonic() + asked.deadline
  for (let row = 0; ; ) {
    const result = await runCheck(cluster, asked.namespace, asked.service, asked.check)
    row = result.passed ? row + 1 : 0
    if (row >= asked.passes || (!result.passed && clock.monotonic() >= until)) return result
    await clock.sleep(result.passed ? 200 : 1000, signal)
  }
}

/**
 * What to ask for: `path` and `port` as given; without a path, that of the readiness probe when the Service leads to its port.
 * Undefined when there is nothing to ask. `port` may be a number or a name of the Service's.
 */
export function chooseCheck(
  workload: Deployment,
  service: Service,
  given: { path?: string; port?: string; timeout: number },
): Check | undefined {
  const { ports } = service.spec
  const named = given.port === undefined ? undefined : ports.find((port) => port.name === given.port || String(port.port) === given.port)
  if (given.port !== undefined && !named) {
    throw new Error(
      `check-port: Service/${service.metadata.name} has no port "${given.port}"; it has ${ports.map((port) => port.name ?? port.port).join(', ')}`,
    )
  }
  if (given.path !== undefined) {
    const port = named ?? ports[0]
    return port && { path: given.path, port: port.port, https: isHttps(port), timeout: given.timeout }
  }
  for (const container of workload.spec.template.spec.containers) {
    const probe = container.readinessProbe?.httpGet
    if (!probe) continue
    const numberOf = (port: unknown): unknown => container.ports?.find((entry) => entry.name === port)?.containerPort ?? port
    const port = (named ? [named] : ports).find((entry) => numberOf(entry.targetPort ?? entry.port) === numberOf(probe.port))
    if (!port) continue
    const path = (probe.path ?? '').replace(/^\/?/, '/') // as the kubelet asks for it
    if (!HTTP_PATH.test(path))
      throw new Error(`check-path: that of the readiness probe, ${path}, cannot be asked for through the API server; give one that can`)
    return { path, port: port.port, https: probe.scheme === 'HTTPS', timeout: given.timeout }
  }
  return undefined
}

const isHttps = (port: ServicePort): boolean => port.appProtocol === 'https' || port.name === 'https' || port.port === 443
