// Whether there was any traffic that could speak for or against the candidate, by the metrics of its pods.
import { ApiError, selectorText } from '../../shared/kubernetes/api/cluster.ts'
import { type Deployment, listOf, POD, type Service, select } from '../../shared/kubernetes/objects/read.ts'
import { isReady } from '../../shared/kubernetes/watch/rollout.ts'
import { AnswerError } from '../../shared/prometheus/answer.ts'
import { BOUNDS, METRICS_HEADERS, readExposition } from '../../shared/prometheus/exposition.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Reach } from '../ports.ts'
import type { Workload } from '../release/model.ts'
import { ended, type Finding, type Gate, TimeIsUp, unlessOver } from './gate.ts'

const METRIC = 'http_requests_total'
/** How long one pod may take to show its metrics, in milliseconds. */
const TIMEOUT = 5_000

/** Counts the requests that the pods of a workload got; fewer than `min-requests` is inconclusive. Where there are no metrics it says so at the start. */
export function trafficGate(reach: Reach, workload: Workload, port: number | string): Gate {
  const { clock, story, config } = reach
  const { metricsPath, minRequests } = config.bake
  const { name } = workload.object.metadata
  return {
    name: `traffic of ${name}`,
    async watch(signal) {
      const begun = clock.monotonic()
      const before = await unlessOver(signal, counts(reach, workload, port))
      const missing = !before || before.found.size === 0
      const unread = before?.problem ?? `no ${METRIC} at ${metricsPath} on port ${port} of the pods of ${name}`
      if (missing) story.tell(`traffic is not measured: ${unread}`, 'warning')
      await ended(signal)
      if (!(signal.reason instanceof TimeIsUp)) return { verdict: 'inconclusive', text: 'the requests were not counted to the end' }
      if (missing) return { verdict: 'passed', text: `traffic was not measured: ${unread}` }
      const after = await counts(reach, workload, port)
      return conclude(before.found, after, { name, least: minRequests, seconds: formatDuration(clock.monotonic() - begun) })
    },
  }
}

function conclude(
  before: Map<string, number>,
  after: Counts,
  { name, least, seconds }: { name: string; least: number; seconds: string },
): Finding {
  if (after.found.size === 0)
    return {
      verdict: 'inconclusive',
      text: `the requests of ${name} could not be counted at the end: ${after.problem ?? `no ${METRIC} any more`}`,
    }
  // A counter that went back began anew.
  let requests = 0
  for (const [uid, count] of after.found) requests += count >= (before.get(uid) ?? 0) ? count - (before.get(uid) ?? 0) : count
  const text = `${requests} requests reached ${name} in ${seconds}`
  if (requests >= least) return { verdict: 'passed', text }
  return { verdict: 'inconclusive', text: `too little traffic: ${text}, and fewer than ${least} say nothing about it` }
}

interface Counts {
  /** By the uid of the pod. */
  found: Map<string, number>
  problem?: string
}

/** Metrics are a courtesy of the pods: that nobody may read them, or that the API is away, ends no release; it is said. */
async function counts({ cluster, config }: Reach, { selector }: Workload, port: number | string): Promise<Counts> {
  const { namespace, bake } = config
  const found = new Map<string, number>()
  const problems: string[] = []
  try {
    const pods = await listOf(cluster, select(POD, { namespace, labelSelector: selectorText(selector) }))
    for (const { metadata } of pods.filter(isReady)) {
      const { name, uid = name } = metadata
      const to = { namespace, kind: 'pods', name, port, path: bake.metricsPath, timeout: TIMEOUT } as const
      const answer = await cluster.proxy({ ...to, headers: METRICS_HEADERS, limit: BOUNDS.text })
      const count = answer.reached && answer.status === 200 ? countIn(answer.body) : {}
      if (count.sum !== undefined) found.set(uid, count.sum)
      if (count.problem) problems.push(`${name}: ${count.problem}`)
    }
    return { found, ...(problems[0] && { problem: problems[0] }) }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { found, problem: error.message }
  }
}

/** What one pod counted. That its metrics cannot be read says nothing of the others. */
function countIn(text: string): { sum?: number | undefined; problem?: string } {
  try {
    return { sum: sumMetric(text, METRIC) }
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error
    return { problem: error.message }
  }
}

/** Where the pods show their metrics: the usual annotation, else the Service's first target port. */
export function metricsPort(workload: Deployment, service: Service): number | string | undefined {
  const { metadata, spec } = workload.spec.template
  const [first] = service.spec.ports
  const port = metadata.annotations?.['prometheus.io/port'] ?? (first?.targetPort || first?.port)
  if (typeof port !== 'string' || /^\d+$/.test(port)) return port
  // The API server's proxy to a pod takes no names.
  const ports = spec.containers.flatMap((container) => container.ports ?? [])
  return ports.find((entry) => entry.name === port)?.containerPort
}

/** The sum over all series of a counter; 0 when it is declared without a series, undefined when there is none. Throws an AnswerError for no metrics. */
export function sumMetric(text: string, name: string): number | undefined {
  const { samples, declared } = readExposition(text, new Set([name]))
  const counts = samples.map(({ value }) => value).filter((value) => Number.isFinite(value) && value >= 0)
  return counts.length || declared.has(name) ? counts.reduce((sum, count) => sum + count, 0) : undefined
}
