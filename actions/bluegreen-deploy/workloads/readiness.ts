// Waiting for the pods of a color.

import { selectorText } from '../../shared/kubernetes/api/cluster.ts'
import { POD, type Pod, select } from '../../shared/kubernetes/objects/read.ts'
import { diagnose, type Evidence, lastWarning } from '../../shared/kubernetes/watch/diagnosis.ts'
import { containerStatuses, isReady, type Judgement, judgeRollout, TroubleLog } from '../../shared/kubernetes/watch/rollout.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Reach } from '../ports.ts'
import type { Revision } from '../release/model.ts'
import { COLOR, RELEASE } from '../release/names.ts'
import { colorQueries, deploymentOf, podsOf } from './workload.ts'

export type Readiness =
  | { state: 'ready'; pods: number; digests: string[] }
  /** The candidate is bad. */
  | { state: 'failed'; code: string; reason: string; evidence: Evidence[] }
  /** A fault of the cluster, which says nothing about the candidate. */
  | { state: 'unknown'; reason: string; evidence: Evidence[] }

/** How often a wait tells how far it is, in milliseconds. */
const PROGRESS = 10_000

/** Waits until every pod of a color is ready, at most for the ready-deadline; ends early on what cannot heal, with the words of the pod that shows why. */
export async function awaitReady(reach: Reach, revision: Revision): Promise<Readiness> {
  const { cluster, clock, signal, story, config } = reach
  const troubles = new TroubleLog()
  const { deployments, pods } = colorQueries(reach, revision.color)
  let told = clock.monotonic()
  let seen: Pod[] = []
  let last: Extract<Judgement, { state: 'waiting' }> = { state: 'waiting', text: 'the pods have not been read' }
  const verdict = await waitFor(
    cluster,
    [deployments, pods],
    (live, all) => {
      seen = all
      const judged = revision.workloads.map((workload) => ({
        name: workload.object.metadata.name,
        judgement: judgeRollout(deploymentOf(workload, live), podsOf(workload, all), troubles, clock.monotonic()),
      }))
      const failed = judged.map(({ judgement }) => judgement).find(({ state }) => state === 'failed')
      if (failed) return failed
      const waiting = judged.flatMap(({ name, judgement }) => (judgement.state === 'waiting' ? [{ name, judgement }] : []))
      if (waiting.length === 0) return { state: 'ready' as const, ready: judged.length }
      const text = waiting.map(({ name, judgement }) => `Deployment/${name}: ${judgement.text}`).join('; ')
      last = { state: 'waiting', text, ...(waiting.some(({ judgement }) => judgement.fault) && { fault: true }) }
      if (clock.monotonic() - told >= PROGRESS) {
        story.tell(text)
        told = clock.monotonic()
      }
      return undefined
    },
    { clock, signal, timeout: config.readyDeadline },
  )
  const own = revision.workloads.flatMap((workload) => podsOf(workload, seen))
  if (verdict?.state === 'ready') return { state: 'ready', pods: own.filter(isReady).length, digests: digestsOf(own) }
  return explain(reach, own, verdict ?? last)
}

/** What the pods run, by the digests that their nodes pulled. */
function digestsOf(pods: Pod[]): string[] {
  const ids = pods.flatMap((pod) => containerStatuses(pod).map((status) => status.imageID ?? ''))
  return [...new Set(ids.filter((id) => id.includes('@')))].sort()
}

/** Why a color is not ready, with the words of its pods. */
async function explain(
  { cluster, clock, config }: Reach,
  pods: Pod[],
  ended: Extract<Judgement, { state: 'waiting' | 'failed' }>,
): Promise<Exclude<Readiness, { state: 'ready' }>> {
  const { namespace, readyDeadline } = config
  const culprit = ended.state === 'failed' ? ended.pod : undefined
  const why = culprit ? undefined : await lastWarning(cluster, namespace, pods, clock.now())
  const evidence = await diagnose(cluster, namespace, pods, culprit)
  const said = ended.state === 'failed' ? ended.reason : `not ready within ${formatDuration(readyDeadline)}: ${ended.text}`
  const reason = why && !said.includes(why.slice(0, 60)) ? `${said}; ${why}` : said
  if (ended.state === 'failed') return { state: 'failed', code: ended.code, reason, evidence }
  return ended.fault ? { state: 'unknown', reason, evidence } : { state: 'failed', code: 'not-ready', reason, evidence }
}

/** How long the old color may take to be at full capacity before traffic goes back to what it has, in milliseconds. */
const PATIENCE = 30_000

/**
 * Waits until a color can take the traffic back: all pods of each workload ready and none too many, which would end under traffic; or after
 * 30 s at least one of each, or at once when the serving color has no ready pod itself (there is nothing to lose). Gives how many pods are
 * ready; undefined when there is nothing to go to within the ready-deadline.
 */
export async function awaitWarm(reach: Reach, revision: Revision, serving: Revision): Promise<number | undefined> {
  const { cluster, clock, signal, config } = reach
  const begun = clock.monotonic()
  const { deployments, pods } = colorQueries(reach, revision.color)
  const labelSelector = selectorText({ [RELEASE]: config.name, [COLOR]: serving.color })
  return waitFor(
    cluster,
    [deployments, pods, select(POD, { namespace: config.namespace, labelSelector })],
    (live, all, others) => {
      const states = revision.workloads.map((workload) => {
        const own = podsOf(workload, all)
        const replicas = deploymentOf(workload, live)?.spec.replicas ?? 1
        const ready = own.filter(isReady).length
        const alive = own.filter(({ metadata }) => !metadata.deletionTimestamp).length
        return { ready, full: ready >= replicas && alive <= replicas }
      })
      const full = states.every((state) => state.full)
      const some = states.every((state) => state.ready > 0)
      const serves = others.some(isReady)
      const late = clock.monotonic() - begun >= PATIENCE
      return full || !serves || (late && some) ? states.reduce((sum, { ready }) => sum + ready, 0) : undefined
    },
    { clock, signal, timeout: config.readyDeadline },
  )
}
