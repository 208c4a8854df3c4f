import { selectorText } from '../../shared/kubernetes/api/cluster.ts'
import { type ContainerStatus, POD, type Pod, select } from '../../shared/kubernetes/objects/read.ts'
import { diagnose } from '../../shared/kubernetes/watch/diagnosis.ts'
import { containerStatuses, isReady, restartsOf } from '../../shared/kubernetes/watch/rollout.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import type { Reach } from '../ports.ts'
import type { Workload } from '../release/model.ts'
import { type Finding, type Gate, unlessOver } from './gate.ts'

/**
 * Fails when a pod that was ready no longer is, when a container restarts, or when a new pod takes longer than the ready-deadline.
 * All pods of the workload were ready a moment ago: one that went bad before the first look is missing from them.
 */
export function podHealthGate({ cluster, clock, config }: Reach, workload: Workload): Gate {
  const { namespace, readyDeadline } = config
  const query = select(POD, { namespace, labelSelector: selectorText(workload.selector) })
  return {
    name: `pods of ${workload.object.metadata.name}`,
    async watch(signal) {
      const health = new PodHealth(workload.replicas, readyDeadline, () => clock.monotonic())
      const options = { clock, signal, timeout: Number.MAX_SAFE_INTEGER }
      const found = await unlessOver(
        signal,
        waitFor(cluster, [query], (pods) => health.look(pods), options),
      )
      if (!found) return health.conclusion
      return { verdict: 'failed', text: found.text, evidence: await diagnose(cluster, namespace, health.pods, found.pod) }
    },
  }
}

interface Objection {
  text: string
  pod: Pod | undefined
}

/** What was seen of the pods of a workload so far. */
class PodHealth {
  pods: Pod[] = []
  readonly #expected: number
  readonly #startup: number
  readonly #now: () => number
  readonly #restarts = new Map<string, number>()
  readonly #wasReady = new Set<string>()
  readonly #firstSeen = new Map<string, number>()
  #known = false

  constructor(expected: number, startup: number, now: () => number) {
    this.#expected = expected
    this.#startup = startup
    this.#now = now
  }

  look(pods: Pod[]): Objection | undefined {
    this.pods = pods
    const ready = pods.filter(isReady).length
    if (!this.#known && ready < this.#expected) {
      const pod = pods.find((one) => !isReady(one) && !one.metadata.deletionTimestamp)
      return { text: `${pod ? `pod ${pod.metadata.name} is no longer ready: ` : ''}only ${ready} of ${this.#expected} pods are`, pod }
    }
    this.#known = true
    for (const pod of pods) {
      // A pod that is being deleted (a drained node, an eviction) is replaced: its successor has to become ready.
      const text = pod.metadata.deletionTimestamp ? undefined : this.#objection(pod)
      if (text) return { text, pod }
    }
    return undefined
  }

  get conclusion(): Finding {
    if (!this.#known) return { verdict: 'inconclusive', text: 'the pods could not be read while they were to be watched' }
    return { verdict: 'passed', text: `${this.pods.filter(isReady).length} pods stayed ready, without a restart` }
  }

  #objection(pod: Pod): string | undefined {
    const { name, uid = name } = pod.metadata
    const since = this.#firstSeen.get(uid) ?? this.#now()
    this.#firstSeen.set(uid, since)
    const before = this.#restarts.get(uid) ?? restartsOf(pod)
    this.#restarts.set(uid, before)
    if (restartsOf(pod) > before) return restarted(pod)
    if (isReady(pod)) {
      this.#wasReady.add(uid)
      return undefined
    }
    if (this.#wasReady.has(uid)) return `pod ${name} is no longer ready`
    const late = this.#now() - since > this.#startup
    return late ? `pod ${name}, which replaces another, does not become ready` : undefined
  }
}

function restarted(pod: Pod): string {
  const ended = (status: ContainerStatus): string => status.lastState?.terminated?.finishedAt ?? ''
  const [{ name: container, lastState } = {}] = containerStatuses(pod).sort((a, b) => ended(b).localeCompare(ended(a)))
  const { reason = 'no reason given', exitCode, message = '' } = lastState?.terminated ?? {}
  return `pod ${pod.metadata.name}: container ${container ?? '?'} restarted (${reason}, exit code ${exitCode ?? '?'})${message && `: ${message}`}`
}
