// Recreating the pods of a color without traffic, so that connections which were kept open move to the color that serves.
import { selectorText } from '../../shared/kubernetes/api/cluster.ts'
import { listOf, POD, type Pod, select } from '../../shared/kubernetes/objects/read.ts'
import { isReady, judgeRollout, TroubleLog } from '../../shared/kubernetes/watch/rollout.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Revision, Workload } from '../release/model.ts'
import { readServing } from '../routers/choose.ts'
import { colorQueries, deploymentOf, type Needs, scaleWorkload } from './workload.ts'

/** `why` says what stands in the way of the rest. */
export type Recreated = { done: true } | { done: false; why: string }

/**
 * Recreates the pods of a color until `signal` ends it, a quarter at a time and with a quarter more than the manifests say, so that as many
 * as they say are ready all the time. A Deployment's own rolling update could not be ended at a way back: it would go on under traffic,
 * and end pods that some node still sends requests to. Ends by itself when the spare pods cannot come.
 */
export async function recreateColor(needs: Needs, revision: Revision, until: Until): Promise<Recreated> {
  // All are awaited: nothing may go on when this has ended.
  const all = await Promise.allSettled(revision.workloads.map((workload) => recreate(needs, revision, workload, until)))
  for (const one of all) {
    if (one.status === 'rejected') throw one.reason
    if (!one.value.done) return one.value
  }
  return { done: true }
}

/** When to end: at the signal, or after so many milliseconds. */
interface Until {
  signal: AbortSignal
  timeout: number
}

async function recreate(needs: Needs, revision: Revision, workload: Workload, { signal, timeout }: Until): Promise<Recreated> {
  const { cluster, writer, clock, config } = needs
  const { replicas, selector } = workload
  const { color } = revision
  const pods = select(POD, { namespace: config.namespace, labelSelector: selectorText(selector) })
  const old = new Set((await listOf(cluster, pods)).map(({ metadata }) => metadata.uid))
  const troubles = new TroubleLog()
  const ended = new Set<string | undefined>()
  let serves: string | undefined
  await scaleWorkload(writer, workload, replicas + Math.ceil(replicas / 4))
  const watched = waitFor(
    cluster,
    [colorQueries(needs, color).deployments, pods],
    async (deployments, live): Promise<Recreated | undefined> => {
      const here = live.filter(({ metadata }) => !metadata.deletionTimestamp && !ended.has(metadata.uid))
      const left = here.filter(({ metadata }) => old.has(metadata.uid))
      if (left.length === 0) return { done: true }
      const over = Math.max(0, here.filter(isReady).length - replicas)
      serves = over > 0 ? await entryOf(needs, revision) : undefined
      if (serves) return { done: false, why: `${serves} selects ${color} again` }
      for (const pod of left.slice(0, over)) {
        ended.add(pod.metadata.uid)
        await writer.deletePod(pod, undefined)
      }
      if (over > 0) return undefined
      const judgement = judgeRollout(deploymentOf(workload, deployments), live, troubles, clock.monotonic())
      return judgement.state === 'failed' ? { done: false, why: judgement.reason } : undefined
    },
    { clock, signal, timeout },
  )
  let result: Recreated | undefined
  try {
    result = await watched
  } finally {
    // Who ends the work scales the color as it will be then; the spare pods of one that serves again stay, as they would end under traffic.
    if (!signal.aborted && !serves) await scaleWorkload(writer, workload)
  }
  return result ?? { done: false, why: `not within ${formatDuration(timeout)}` }
}

/** An entry that selects the color: somebody let it by hand, and no pod of it may end. */
export async function entryOf(needs: Needs, { color, release }: Revision): Promise<string | undefined> {
  const { entries } = await readServing(needs, release)
  const serving = entries.find((entry) => entry.color === color)
  return serving && `Service/${serving.name}`
}

/** Recreates the pods of a color at once, for a while with none ready. */
export async function renewColor(needs: Needs, revision: Revision): Promise<void> {
  for (const pod of await podsIn(needs, revision)) await needs.writer.deletePod(pod, undefined)
}

const podsIn = (needs: Needs, { color }: Revision): Promise<Pod[]> => listOf(needs.cluster, colorQueries(needs, color).pods)
