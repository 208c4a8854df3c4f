import { loadRevision } from '../ledger/revisions.ts'
import type { HistoryEntry, Ledger } from '../ledger/schema.ts'
import type { Context } from '../machine/context.ts'
import { drive } from '../machine/machine.ts'
import { beginOperation } from '../machine/plan.ts'
import { noProgress } from '../machine/step.ts'
import type { Side } from '../release/model.ts'
import { isThere } from '../workloads/workload.ts'
import { placeObjects } from '../writes/preflight/names.ts'
import { checkManifests, take } from './manifests.ts'
import { releaseManifests, settleLeftover } from './release.ts'
import { conclude, type ReleaseResult, resultOf } from './result.ts'

/** Back to the revision before, or to the one that is meant: at once where its color is still there, else by releasing its manifests again. */
export async function rollback(context: Context): Promise<ReleaseResult> {
  const { ledger, config } = context
  const { operation } = ledger.state
  // To undo what a dead run left, or to finish its way back, is the rollback that was asked for.
  const undone = operation && operation.phase !== 'prepared' && operation.phase !== 'retire'
  await settleLeftover(context, 'a rollback was asked for')
  const { active, warm } = ledger.state
  if (!active) throw new Error('rollback: nothing was released yet')
  if (undone && config.revision === undefined)
    return { ...conclude(ledger.state, noProgress(), active, `Rolled back to revision ${active.revision} on ${active.color}`) }
  const target = config.revision ?? before(ledger.state, active)
  if (target === undefined) throw new Error(`rollback: there is no released revision before ${active.revision}`)
  if (target === active.revision) {
    const headline = `Nothing to do: revision ${target} already serves on ${active.color}`
    return { ...resultOf(ledger.state, active.color), outcome: 'passed', headline }
  }
  refuseUnreleased(ledger.state, target)
  return warm?.revision === target && (await isThere(context, warm.color)) ? back(context, active, warm) : again(context, target)
}

const before = ({ warm, history }: Ledger, active: Side): number | undefined =>
  warm?.revision ?? history.find((entry) => entry.outcome === 'released' && entry.revision < active.revision)?.revision

/** A revision that failed is released by deploy, which checks it again, and never by a rollback. */
function refuseUnreleased({ history }: Ledger, target: number): void {
  const entry = history.find(({ revision }) => revision === target)
  const released = ({ outcome }: HistoryEntry): boolean => outcome !== 'failed'
  const kept =
    history
      .filter(released)
      .map(({ revision }) => revision)
      .join(', ') || 'none'
  if (!entry) throw new Error(`revision: ${target} is not kept; there are ${kept}`)
  if (!released(entry)) throw new Error(`revision: ${target} never served, it failed before; there are ${kept}`)
}

async function back(context: Context, active: Side, warm: Side): Promise<ReleaseResult> {
  const { ledger } = context
  const entry = ledger.state.history.find(({ revision }) => revision === active.revision)
  const candidate = await loadRevision(ledger, active)
  const stable = await loadRevision(ledger, warm)
  await beginOperation(context, {
    kind: 'rollback',
    phase: 'rollback',
    step: 'rollback.capacity',
    intent: `take traffic back to revision ${warm.revision} on ${warm.color}, then delete ${active.color}`,
    candidate: active,
    digest: entry?.digest ?? candidate.content.digest,
    images: entry?.images ?? candidate.content.images,
    stable: warm,
    replaces: null,
    reason: 'a rollback was asked for',
  })
  const progress = await drive(context, noProgress())
  const headline = `Rolled back to revision ${warm.revision} on ${warm.color}`
  return { ...conclude(ledger.state, progress, warm, headline), candidate: stable }
}

/** Kept manifests are checked as the user's are: whoever may write Secrets does not decide what is released. */
async function again(context: Context, target: number): Promise<ReleaseResult> {
  const { ledger, story, config } = context
  const content = await ledger.loadContent(target)
  if (!content) throw new Error(`revision: ${target} is no longer kept; release what is wanted with deploy`)
  story.tell(`the pods of revision ${target} are gone: its manifests are released again`)
  const objects = structuredClone(content.objects)
  await placeObjects(context, objects)
  const manifests = take(config.name, objects)
  await checkManifests(context, manifests)
  return releaseManifests(context, manifests)
}
