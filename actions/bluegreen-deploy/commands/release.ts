// What deploy, prepare, and a rollback to a revision whose pods are gone have in common.
import { loadRevision, sideOf } from '../ledger/revisions.ts'
import type { Context } from '../machine/context.ts'
import { drive, settle } from '../machine/machine.ts'
import { kindOf, type Plan, planRelease, planSides } from '../machine/plan.ts'
import { type Asked, noProgress, runStep } from '../machine/step.ts'
import { diffObjects } from '../manifests/diff.ts'
import type { Reach } from '../ports.ts'
import type { Revision, Side } from '../release/model.ts'
import { type Color, workloadName } from '../release/names.ts'
import { renderRevision } from '../release/render.ts'
import { type Live, liveState } from './live.ts'
import type { Manifests } from './manifests.ts'
import { conclude, type ReleaseResult, resultOf } from './result.ts'

/** The plan of a release, and what it changes; writes nothing. */
export async function planOf(
  { ledger, ...reach }: Reach & Pick<Context, 'ledger' | 'smoke'>,
  { release, content }: Manifests,
  live: Live,
): Promise<{ plan: Plan; asked: Asked; changes: ReturnType<typeof diffObjects> }> {
  const sides = planSides({ ledger: ledger.state, content, ...live })
  const candidate = renderRevision(release, content, sides.candidate)
  const kept = (side: Side | null) => (side ? known(ledger, side) : undefined)
  // A color whose manifests are not kept takes traffic back as it is.
  const stable = (await kept(sides.stable)) ?? (sides.stable ? renderRevision(release, content, sides.stable, false) : undefined)
  const replaces = await kept(sides.replaces)
  const asked: Asked = { reach, kind: kindOf(reach.config), candidate, stable, replaces }
  const changes = diffObjects(stable?.known ? stable.content.objects : [], content.objects)
  return { plan: planRelease(sides, asked), asked, changes }
}

async function known(ledger: Context['ledger'], side: Side): Promise<Revision | undefined> {
  if (side.revision === 0 || !(await ledger.findContent(side.revision))) return undefined
  return loadRevision(ledger, side)
}

/** Releases manifests: the whole, or up to where they wait for promote. */
export async function releaseManifests(context: Context, manifests: Manifests): Promise<ReleaseResult> {
  const { ledger, story } = context
  const live = await liveState(context, ledger.state, manifests.release)
  await followLive(context, live.serving.color)
  const { plan, asked, changes } = await planOf(context, manifests, live)
  if (plan.unchanged)
    return {
      ...resultOf(ledger.state, live.serving.color),
      outcome: 'passed',
      headline: `Nothing to do: ${plan.unchanged}`,
      plan,
      candidate: asked.stable ?? asked.candidate,
    }
  const { replaces } = plan
  if (replaces)
    story.tell(`the candidate takes the place of ${replaces.color}: the fast way back to revision ${replaces.revision} ends here`)
  for (const text of smaller(asked, live)) story.tell(text, 'warning')
  const [begin] = plan.steps
  const progress = noProgress()
  if (begin) await runStep(context, progress, begin)
  await drive(context, progress)
  return {
    ...conclude(ledger.state, progress, plan.candidate),
    plan,
    changes,
    ...(!progress.rejection && { candidate: asked.candidate }),
  }
}

/** Deployments that will have fewer pods than now: somebody scaled them by hand. */
export function smaller({ candidate, stable }: Asked, { replicas }: Live): string[] {
  if (!stable) return []
  return candidate.workloads.flatMap(({ name, object, replicas: next }) => {
    const old = workloadName(name, stable.color)
    const now = replicas.get(old) ?? 0
    if (now <= next) return []
    return [`Deployment/${old} has ${now} pods now; Deployment/${object.metadata.name} gets ${next}, as its manifest says`]
  })
}

/** The entries decide what serves, not the ledger: somebody may have switched them by hand. */
async function followLive({ ledger, story }: Context, serving: Color | undefined): Promise<void> {
  const { active } = ledger.state
  if (serving === undefined || serving === active?.color) return
  story.tell(`the Service selects ${serving}, the ledger says ${active?.color ?? 'nothing'}: going by the Service`, 'warning')
  await ledger.write({ active: sideOf(serving, ledger.state), warm: active })
}

/** Ends what a dead run left, before anything else is begun. */
export async function settleLeftover(context: Context, reason: string): Promise<void> {
  const { operation } = context.ledger.state
  if (!operation) return
  const { candidate, phase, run } = operation
  context.story.tell(`revision ${candidate.revision} was left at ${phase} by ${run}: this is ended first`, 'warning')
  await settle(context, reason)
}
