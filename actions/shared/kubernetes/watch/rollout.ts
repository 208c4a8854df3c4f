import { formatDuration } from '../../time/clock.ts'
import type { Condition, ContainerStatus, Deployment, Pod } from '../objects/read.ts'

/** When a rollout that shows no progress is given up, in milliseconds. */
export interface Patience {
  crashLoop: number
  rateLimit: number
  unschedulable: number
  restarts: number
}

export const PATIENCE: Patience = { crashLoop: 120_000, rateLimit: 120_000, unschedulable: 300_000, restarts: 3 }

export type Judgement =
  | { state: 'ready'; ready: number }
  /** `fault`: what it waits for is a fault of the cluster, which says nothing about what is rolled out. */
  | { state: 'waiting'; text: string; fault?: true }
  /** It cannot heal by itself; `pod` shows why. */
  | { state: 'failed'; code: RolloutCode; reason: string; pod?: Pod }

/** What keeps a rollout from being ready. */
export type RolloutCode = 'image-missing' | 'bad-config' | 'pod-crashes' | 'no-node' | 'pods-refused' | 'no-progress'

export const isReady = (pod: Pod): boolean => !pod.metadata.deletionTimestamp && condition(pod, 'Ready')?.status === 'True'

export function containerStatuses(pod: Pod): ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
}

export const restartsOf = (pod: Pod): number => containerStatuses(pod).reduce((sum, status) => sum + (status.restartCount ?? 0), 0)

/** Judges a Deployment by its own status and that of its pods. `now` and the times in the objects are of the same clock, roughly. */
export function judgeRollout(
  deployment: Deployment | undefined,
  pods: Pod[],
  seen: TroubleLog,
  now: number,
  patience = PATIENCE,
): Judgement {
  if (!deployment) return { state: 'waiting', text: 'the Deployment is not there yet' }
  const { spec, status = {}, metadata } = deployment
  const wanted = spec.replicas ?? 1
  const alive = pods.filter((pod) => !pod.metadata.deletionTimestamp)
  for (const pod of alive) {
    const trouble = troubleOf(pod, patience)
    if (!trouble) continue
    const since = seen.since(pod, trouble.kind, now)
    if (now - since < trouble.patience) continue
    const waited = trouble.patience ? ` (for ${formatDuration(now - since)})` : ''
    return { state: 'failed', code: CODES[trouble.kind], reason: `pod ${pod.metadata.name}: ${trouble.text}${waited}`, pod }
  }
  const failing = condition(deployment, 'ReplicaFailure')
  if (failing?.status === 'True') {
    const text = `pods cannot be created: ${failing.message ?? failing.reason}`
    return PASSING.test(failing.message ?? '')
      ? { state: 'waiting', text, fault: true }
      : { state: 'failed', code: 'pods-refused', reason: text }
  }
  const observed = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  if (!observed) return { state: 'waiting', text: 'the Deployment controller has not seen the change yet' }
  const progressing = condition(deployment, 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded')
    return { state: 'failed', code: 'no-progress', reason: progressing.message ?? 'no progress within progressDeadlineSeconds' }
  const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = status
  // The status follows the pods by a moment, longer while the controller is away: both have to say it.
  const ready = alive.filter(isReady).length
  if (updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted && ready >= wanted)
    return { state: 'ready', ready: wanted }
  const why = alive.map((pod) => troubleOf(pod, patience)?.text).find((text) => text)
  return { state: 'waiting', text: `${Math.min(availableReplicas, ready)} of ${wanted} pods available${why ? `: ${why}` : ''}` }
}

/** When each pod was first in which trouble: what lies between does not count, because back-offs and attempts alternate. */
export class TroubleLog {
  readonly #since = new Map<string, number>()
  since(pod: Pod, kind: string, now: number): number {
    const key = `${pod.metadata.uid ?? pod.metadata.name} ${kind}`
    const since = this.#since.get(key) ?? now
    this.#since.set(key, since)
    return since
  }
}

/** What is wrong with a pod now, by its own status; undefined when nothing shows. */
export const troubleText = (pod: Pod): string | undefined => troubleOf(pod, PATIENCE)?.text

const CODES = {
  failed: 'pod-crashes',
  unschedulable: 'no-node',
  cache: 'bad-config',
  config: 'bad-config',
  pull: 'image-missing',
  restarts: 'pod-crashes',
  crash: 'pod-crashes',
} as const

interface Trouble {
  kind: keyof typeof CODES
  text: string
  patience: number
}

/** Why the API server refuses a pod now and may take it in a moment: a webhook or the API server itself is away. Kubernetes tries again by itself. */
const PASSING =
  /failed calling webhook|failed to call webhook|timeout|timed out|deadline exceeded|internal error|connection refused|no endpoints available|too many requests|service ?unavailable|etcdserver|try again|object has been modified/i

const BAD_CONFIG = ['CreateContainerConfigError', 'InvalidImageName', 'ErrImageNeverPull', 'CreateContainerError']
const NO_PULL = ['ErrImagePull', 'ImagePullBackOff', 'RegistryUnavailable', 'ImageInspectError']

function troubleOf(pod: Pod, patience: Patience): Trouble | undefined {
  if (pod.status?.phase === 'Failed') {
    const { reason, message } = pod.status
    // An evicted pod is replaced by its ReplicaSet.
    if (reason === 'Evicted' || reason === 'Preempting') return undefined
    return { kind: 'failed', text: `failed: ${message ?? reason ?? 'no reason given'}`, patience: patience.crashLoop }
  }
  for (const status of containerStatuses(pod)) {
    const trouble = containerTrouble(status, patience)
    if (trouble) return trouble
  }
  const scheduled = condition(pod, 'PodScheduled')
  if (scheduled?.status === 'False') {
    return {
      kind: 'unschedulable',
      text: `no node can take it: ${scheduled.message ?? scheduled.reason}`,
      patience: patience.unschedulable,
    }
  }
  return undefined
}

function containerTrouble(status: ContainerStatus, patience: Patience): Trouble | undefined {
  const { waiting, terminated } = status.state ?? {}
  const where = `container ${status.name}`
  const reason = waiting?.reason ?? ''
  const message = waiting?.message ?? ''
  // The kubelet waits a second or so for its watch of a ConfigMap, and tries again; a busy node takes longer.
  if (/failed to sync (configmap|secret) cache/.test(message))
    return { kind: 'cache', text: `${where}: ${message}`, patience: patience.crashLoop }
  if (BAD_CONFIG.includes(reason)) {
    // Somebody else may be about to make the Secret or ConfigMap: the kubelet tries again.
    const missing = /not found|find key/.test(message)
    return { kind: 'config', text: `${where}: ${reason}: ${message}`, patience: missing ? patience.crashLoop : 0 }
  }
  if (NO_PULL.includes(reason)) {
    // Only what the registry said for certain ends it at once; the back-off message repeats it in newer releases.
    const certain = /not found|manifest unknown|unauthorized|authorization failed|denied|forbidden|no match for platform|401|403|404/i
    const limited = /toomanyrequests|too many requests|rate limit|429/i
    const final = certain.test(message) && !limited.test(message)
    return { kind: 'pull', text: `${where}: image cannot be pulled: ${message || reason}`, patience: final ? 0 : patience.rateLimit }
  }
  const last = terminated ?? status.lastState?.terminated
  const ended = last
    ? `, ended with exit code ${last.exitCode} (${last.reason ?? 'no reason'})${last.message ? `: ${last.message}` : ''}`
    : ''
  const restarts = status.restartCount ?? 0
  if (restarts >= patience.restarts && !status.ready)
    return { kind: 'restarts', text: `${where} was restarted ${restarts} times${ended}`, patience: 0 }
  if (/^(CrashLoopBackOff|RunContainerError|StartError|PostStartHookError)$/.test(reason)) {
    return { kind: 'crash', text: `${where}: ${reason}${ended || (message && `: ${message}`)}`, patience: patience.crashLoop }
  }
  return undefined
}

function condition(object: Pod | Deployment, type: string): Condition | undefined {
  return object.status?.conditions?.find((entry) => entry.type === type)
}
