// The pods of a namespace and their metrics, by the API server: a list, and one request through its proxy for each pod.
import { ApiError, type Cluster, HTTP_PATH } from '../../shared/kubernetes/api/cluster.ts'
import { listOf, ObjectError, POD, type Pod, select } from '../../shared/kubernetes/objects/read.ts'
import { isReady } from '../../shared/kubernetes/watch/rollout.ts'
import { AnswerError } from '../../shared/prometheus/answer.ts'
import { BOUNDS, METRICS_HEADERS } from '../../shared/prometheus/exposition.ts'
import { excerpt } from '../../shared/report/text.ts'
import type { PodPorts, PodSeen } from './pods.ts'

interface Where {
  namespace: string
  /** Undefined: as the pods' annotations say, else /metrics. */
  path: string | undefined
  /** A number or the name of a container's port. Undefined: as the pods' annotations say, else that called metrics, else the first. */
  port: string | undefined
  /** In milliseconds. */
  timeout: number
}

interface Asked extends PodSeen {
  pod: Pod
}

export const podPorts = (cluster: Cluster, where: Where): PodPorts<Asked> => ({
  async pods() {
    const pods = await answered(() => listOf(cluster, select(POD, { namespace: where.namespace })))
    return pods.map((pod) => ({
      name: pod.metadata.name,
      uid: pod.metadata.uid ?? pod.metadata.name,
      labels: pod.metadata.labels ?? {},
      running: pod.status?.phase === 'Running',
      ready: isReady(pod),
      containers: (pod.status?.containerStatuses ?? []).map(({ name, restartCount = 0 }) => ({ name, restarts: restartCount })),
      pod,
    }))
  },
  async metrics({ pod }, signal) {
    const { name, annotations } = pod.metadata
    const [path, port] = [pathOf(pod, where), portOf(pod, where)]
    const to = {
      namespace: where.namespace,
      kind: 'pods',
      name,
      port,
      path,
      https: annotations?.['prometheus.io/scheme'] === 'https',
    } as const
    const ask = { ...to, timeout: where.timeout, headers: METRICS_HEADERS, limit: BOUNDS.text, signal }
    const { reached, status, body } = await answered(() => cluster.proxy(ask))
    if (!reached) throw new AnswerError(`port ${port} was not reached: ${excerpt(body, 200)}`)
    if (status !== 200)
      throw new AnswerError(`HTTP ${status} from ${path} on port ${port}; where metrics are is said by metrics-path and metrics-port`)
    // A text that ends where the reading ended was cut, in the middle of a number too.
    if (Buffer.byteLength(body) >= BOUNDS.text) throw new AnswerError(`its metrics are larger than ${BOUNDS.text} bytes`)
    return body
  },
})

/** What the API server refuses or cannot do is a reading that failed. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ApiError || error instanceof ObjectError) throw new AnswerError(error.message, { cause: error })
    throw error
  }
}

function pathOf({ metadata }: Pod, where: Where): string {
  const path = where.path ?? metadata.annotations?.['prometheus.io/path'] ?? '/metrics'
  if (HTTP_PATH.test(path)) return path
  throw new AnswerError(
    `its annotation prometheus.io/path is '${excerpt(path, 100)}', not a path without dot segments; metrics-path goes before it`,
  )
}

/** The API server's proxy to a pod takes numbers only. */
function portOf({ metadata, spec }: Pod, where: Where): number {
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? [])
  const given = where.port ?? metadata.annotations?.['prometheus.io/port']
  if (given === undefined) {
    const port = ports.find(({ name }) => name === 'metrics') ?? ports[0]
    if (port) return port.containerPort
    throw new AnswerError('it declares no port; where metrics are is said by metrics-port')
  }
  const port = /^\d{1,5}$/.test(given) ? Number(given) : ports.find(({ name }) => name === given)?.containerPort
  if (port !== undefined && port >= 1 && port <= 65_535) return port
  throw new AnswerError(
    where.port === undefined
      ? `its annotation prometheus.io/port is '${excerpt(given, 100)}', which is no port of it; metrics-port goes before it`
      : `it has no port called ${given}, as metrics-port says`,
  )
}
