// What several phases do with a color.
import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'
import type { Revision } from '../release/model.ts'
import { readServing } from '../routers/choose.ts'
import { awaitReady } from '../workloads/readiness.ts'
import { removeColor } from '../workloads/remove.ts'
import { listed } from '../workloads/workload.ts'
import type { Context } from './context.ts'
import { ClusterFault, type Progress, Rejected } from './step.ts'

/** What the pods of a rejected color get to finish, in seconds: kept connections must not hear from it for longer. */
export const REJECTED_GRACE = 2

export const workloadsText = ({ workloads }: Revision): string => listed(workloads.map(({ object }) => object))
/** Everything that a color has of its own, for people. */
export const colorText = ({ color, workloads, config }: Revision): string =>
  `color ${color} (${[...workloads.map(({ object }) => object), ...config].map(nameOf).join(', ')})`
export const previewsOf = ({ gateways }: Revision): KubeObject[] => gateways.map(({ preview }) => preview)
export const servicesOf = ({ gateways }: Revision): KubeObject[] => gateways.map(({ service }) => service)

/** Waits for the pods of the candidate. Throws Rejected when they are bad, and an error when the cluster could not tell. */
export async function bringUp(context: Context, progress: Progress, candidate: Revision): Promise<void> {
  const readiness = await awaitReady(context, candidate)
  if (readiness.state === 'failed') throw new Rejected(readiness.code, readiness.reason, readiness.evidence)
  if (readiness.state === 'unknown') {
    for (const { title, text } of readiness.evidence) context.story.evidence(title, text)
    throw new ClusterFault(readiness.reason)
  }
  progress.digests = readiness.digests
  context.story.tell(`${workloadsText(candidate)}: ${readiness.pods} pods ready`, 'good')
}

/** Takes a color away; never one that serves. */
export async function clearColor(
  context: Context,
  revision: Revision,
  removal: { config: readonly KubeObject[]; grace?: number; passHeld?: boolean },
): Promise<void> {
  const { color, release } = revision
  const { entries } = await readServing(context, release)
  const serving = entries.find((entry) => entry.color === color)
  if (serving) throw new Error(`Service/${serving.name} selects color ${color}, which was to be deleted; nothing is`)
  await removeColor(context, color, removal)
}
