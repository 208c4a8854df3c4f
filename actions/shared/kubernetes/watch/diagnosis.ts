import { ApiError, type Cluster } from '../api/cluster.ts'
import { EVENT, type EventObject, listOf, type Pod, select } from '../objects/read.ts'
import { containerStatuses, isReady, troubleText } from './rollout.ts'

export interface Evidence {
  title: string
  text: string
}

const LOG_LINES = 20
const EVENTS = 10

/** The events and the last log lines of the pod that shows best why a rollout fails. What cannot be read is said in its place. */
export async function diagnose(cluster: Cluster, namespace: string, pods: Pod[], culprit?: Pod): Promise<Evidence[]> {
  const pod = culprit ?? pods.find((candidate) => !isReady(candidate) && !candidate.metadata.deletionTimestamp)
  if (!pod) return []
  const { name } = pod.metadata
  const evidence = [{ title: `Events of pod ${name}`, text: await unlessRefused(() => eventsText(cluster, namespace, name)) }]
  for (const { name: container, state, restartCount = 0 } of containerStatuses(pod)) {
    const read = (previous: boolean) =>
      unlessRefused(() => cluster.logs({ namespace, name }, { container, previous, tailLines: LOG_LINES }))
    // A container that waits for its next start, or has just begun it, has its words in the log of the last one.
    let previous = restartCount > 0 && state?.waiting !== undefined
    if (restartCount === 0 && state?.waiting) continue
    let text = await read(previous)
    if (text === '' && restartCount > 0 && !previous) {
      previous = true
      text = await read(previous)
    }
    evidence.push({
      title: `Last log lines of pod ${name}, container ${container}${previous ? ' (before its restart)' : ''}`,
      text: text || '(empty)',
    })
  }
  return evidence
}

/** A warning that is older than this, in milliseconds, is over. */
const RECENT = 120_000

/**
 * Why a pod does not become ready: what its own status says now, else what it was warned of within the last two minutes, before all by its
 * probes; undefined when nothing says it. `now` is in milliseconds since 1970.
 */
export async function lastWarning(cluster: Cluster, namespace: string, pods: Pod[], now: number): Promise<string | undefined> {
  const pod = pods.find((candidate) => !isReady(candidate) && !candidate.metadata.deletionTimestamp)
  if (!pod) return undefined
  const { name } = pod.metadata
  const trouble = troubleText(pod)
  if (trouble) return `pod ${name}: ${trouble}`
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')
  // Its containers are ready, and somebody else has not said his word yet.
  if (ready?.reason === 'ReadinessGatesNotReady' && ready.message) return `pod ${name}: ${ready.message}`
  const events = await eventsOf(cluster, namespace, name).catch((error) => {
    if (error instanceof ApiError) return []
    throw error
  })
  const warnings = events.filter((event) => event.type === 'Warning' && isRecent(event, now))
  const warning = warnings.findLast((event) => event.reason === 'Unhealthy') ?? warnings.at(-1)
  return warning && `pod ${name}: ${warning.message ?? warning.reason}`
}

/** An event without a time may be of now. */
function isRecent(event: EventObject, now: number): boolean {
  const at = Date.parse(timeOf(event))
  return Number.isNaN(at) || now - at <= RECENT
}

async function eventsText(cluster: Cluster, namespace: string, pod: string): Promise<string> {
  const lines = (await eventsOf(cluster, namespace, pod)).slice(-EVENTS)
  return lines.map((event) => `${timeOf(event)} ${event.type} ${event.reason}: ${event.message}`).join('\n') || '(none)'
}

const timeOf = (event: EventObject): string => event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''

/** Oldest first. */
async function eventsOf(cluster: Cluster, namespace: string, pod: string): Promise<EventObject[]> {
  const events = await listOf(cluster, select(EVENT, { namespace, fieldSelector: `involvedObject.name=${pod}` }))
  return events.sort((a, b) => timeOf(a).localeCompare(timeOf(b)))
}

async function unlessRefused(read: () => Promise<string>): Promise<string> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof ApiError) return `(${error.message})`
    throw error
  }
}
