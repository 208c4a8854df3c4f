import { type KubeObject, refOf } from '../../shared/kubernetes/api/cluster.ts'
import { type Deployment, listOf, type Pod } from '../../shared/kubernetes/objects/read.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Color } from '../release/names.ts'
import { colorQueries, type Needs } from './workload.ts'

/** How long deleted pods may take to be gone, in milliseconds, beyond their grace. */
const GONE = 120_000
/** How long a pod may be held by a finalizer alone, in milliseconds: whoever put it there may be about to take it off. */
const HELD = 10_000

/** How a color is taken away. */
export interface Removal {
  /** The color's own configuration, which goes last. */
  config: readonly KubeObject[]
  /** Seconds that the pods get at most, so that connections which were kept open end soon; undefined is their own grace. */
  grace?: number
  /** Pods that ended and are only held by a finalizer are passed over: nothing reaches them any more. */
  passHeld?: boolean
}

/**
 * Deletes a color with its pods and its configuration, and waits until the pods are gone. What bears such a name and is not the release's
 * stays. Idempotent. Throws when pods do not go, and says why.
 */
export async function removeColor(needs: Needs, color: Color, { config, grace, passHeld }: Removal): Promise<void> {
  const { cluster, writer } = needs
  const { deployments, pods } = colorQueries(needs, color)
  const there = await listOf(cluster, deployments)
  const running = await listOf(cluster, pods)
  if (there.length + running.length > 0) await removePods(needs, color, { there, running, grace, passHeld })
  for (const object of config) await writer.deleteOwn(refOf(object))
}

interface Found extends Pick<Removal, 'grace' | 'passHeld'> {
  there: readonly Deployment[]
  running: readonly Pod[]
}

async function removePods(needs: Needs, color: Color, { there, running, grace, passHeld }: Found): Promise<void> {
  const { cluster, writer, clock, signal, story } = needs
  const { deployments, pods } = colorQueries(needs, color)
  // Before their Deployment, whose deletion gives them their own grace: a kubelet that has begun to end a pod may not shorten it.
  if (grace !== undefined) for (const pod of running) await writer.deletePod(pod, grace)
  // In the foreground, so that the Deployment is there until its pods are gone and nothing makes new ones.
  for (const deployment of there) await writer.deleteOwn(refOf(deployment), { propagation: 'Foreground' })
  const shortened = new Set<string>()
  let held: number | undefined
  const end = await waitFor(
    cluster,
    [deployments, pods],
    async (owners, left): Promise<'gone' | Pod[] | undefined> => {
      for (const pod of grace === undefined ? [] : left) {
        const { name, uid = name } = pod.metadata
        if (shortened.has(uid)) continue
        shortened.add(uid)
        await writer.deletePod(pod, grace)
      }
      if (owners.length + left.length === 0) return 'gone'
      held = left.length > 0 && left.every(isHeld) ? (held ?? clock.monotonic()) : undefined
      return held !== undefined && clock.monotonic() - held >= HELD ? left : undefined
    },
    { clock, signal, timeout: GONE, every: 500 },
  )
  if (end === undefined)
    throw new Error(
      `the pods of color ${color} are still there ${formatDuration(GONE)} after their deletion; is their node away? Kept connections may still reach them`,
    )
  if (end !== 'gone') {
    const text = `${end.map(heldText).join('; ')}: they ended, and stay listed until it is taken off`
    if (!passHeld) throw new Error(`color ${color} cannot be deleted: ${text}`)
    story.tell(text, 'warning')
  }
}

/** A pod whose containers have all ended, and which a finalizer keeps in the list. */
function isHeld({ metadata, status }: Pod): boolean {
  if (!metadata.deletionTimestamp || !metadata.finalizers?.length) return false
  const over = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  const statuses = status?.containerStatuses ?? []
  return over || (statuses.length > 0 && statuses.every(({ state }) => state?.terminated))
}

const heldText = ({ metadata }: Pod): string => `pod ${metadata.name} is held by the finalizer ${metadata.finalizers?.join(', ')}`
