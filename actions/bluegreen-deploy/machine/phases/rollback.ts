import { nameOf, refOf } from '../../../shared/kubernetes/api/cluster.ts'
import { inParallel } from '../../../shared/limit.ts'
import { formatDuration } from '../../../shared/time/clock.ts'
import { type Revision, sharedOf } from '../../release/model.ts'
import { chooseRouters, readServing } from '../../routers/choose.ts'
import { ALL_CANDIDATE, ALL_STABLE, type Router } from '../../routers/router.ts'
import { awaitWarm } from '../../workloads/readiness.ts'
import { scaleColor } from '../../workloads/workload.ts'
import { applyShared, keyOf, restoreShared } from '../../writes/shared-objects.ts'
import { clearColor, colorText, previewsOf, REJECTED_GRACE, workloadsText } from '../colors.ts'
import type { Context } from '../context.ts'
import type { Asked, Step } from '../step.ts'

/** The way back, from anywhere: what was not done is not taken back. */
export function rollbackSteps({ candidate, stable }: Asked): Step[] {
  const step = (id: string, describe: string, run: Step['run']): Step => ({
    id: `rollback.${id}`,
    phase: 'rollback',
    describe,
    undo: 'nothing: it is the way back',
    run,
  })
  const services = candidate.gateways.map(({ service }) => nameOf(service)).join(', ')
  const shared = sharedOf(candidate.release).map(nameOf).join(', ')
  const traffic = stable
    ? [
        step('capacity', `bring ${workloadsText(stable)} to full capacity, where traffic was moved`, (context) =>
          capacity(context, candidate, stable),
        ),
        step('select', `${services} select ${stable.color} again`, (context) => takeBack(context, candidate, stable)),
        step(
          'shared',
          `${shared ? `apply what changed of ${shared} as of revision ${stable.revision}; ` : ''}delete what came with revision ${candidate.revision}`,
          (context) => restore(context, candidate, stable),
        ),
        step('prove', `prove that ${services} lead to ready pods of ${stable.color} only`, (context) => prove(context, candidate, stable)),
      ]
    : [
        step('first', `where traffic was moved, ${candidate.color} keeps it: nothing served before`, (context) =>
          keepFirst(context, candidate),
        ),
      ]
  return [
    ...traffic,
    step('delete', `delete ${colorText(candidate)}, unless it serves; its pods get ${REJECTED_GRACE} s`, (context) =>
      remove(context, candidate, stable),
    ),
    ...previewsOf(candidate).map((preview) =>
      step(`delete ${nameOf(preview)}`, `delete ${nameOf(preview)}`, ({ writer }) => writer.deleteOwn(refOf(preview))),
    ),
  ]
}

/** The entries whose traffic is not where it was before, of those that were there before. */
async function strayed(context: Context, candidate: Revision, stable: Revision): Promise<Router[]> {
  const routers = chooseRouters(context, candidate, stable).filter(({ colors }) => colors.stable !== undefined)
  const found = await inParallel(routers, async (router) => ((await router.read())?.stable === 100 ? [] : [router]))
  return found.flat()
}

/** Whether there is, or may be, traffic to take back. */
async function wasMoved(context: Context, candidate: Revision): Promise<boolean> {
  if (context.ledger.state.operation?.moved) return true
  const { entries } = await readServing(context, candidate.release)
  return entries.some(({ color }) => color === candidate.color)
}

async function capacity(context: Context, candidate: Revision, stable: Revision): Promise<void> {
  const { story, config } = context
  if (!(await wasMoved(context, candidate))) {
    story.tell(`no traffic was moved: ${stable.color} serves as before`)
    return
  }
  if ((await strayed(context, candidate, stable)).length === 0) return
  if (stable.known) await scaleColor(context, stable)
  else story.tell(`the manifests of revision ${stable.revision} are no longer kept: ${stable.color} takes the traffic as it is`, 'warning')
  const pods = await awaitWarm(context, stable, candidate)
  if (pods === undefined)
    throw new Error(
      `cannot go back: ${stable.color} has no ready pod within ${formatDuration(config.readyDeadline)}, and ${candidate.color} still has some; traffic stays there`,
    )
  story.tell(`${workloadsText(stable)}: ${pods} pods ready`)
}

async function takeBack(context: Context, candidate: Revision, stable: Revision): Promise<void> {
  if (!(await wasMoved(context, candidate))) return
  for (const router of await strayed(context, candidate, stable)) {
    await router.set(ALL_STABLE, 'rollback')
    context.story.tell(`${router.name} selects ${stable.color} again`)
  }
}

async function restore(context: Context, candidate: Revision, stable: Revision): Promise<void> {
  if (!(await wasMoved(context, candidate))) return
  const created = context.ledger.state.operation?.created ?? []
  if (stable.known) await restoreShared(context.writer, created, candidate.release, stable.release)
  for (const [at, router] of chooseRouters(context, candidate, stable).entries()) {
    const service = candidate.gateways[at]?.service
    if (service && created.includes(keyOf(service))) await router.restore()
  }
}

async function prove(context: Context, candidate: Revision, stable: Revision): Promise<void> {
  if (!(await wasMoved(context, candidate))) return
  const routers = chooseRouters(context, candidate, stable).filter(({ colors }) => colors.stable !== undefined)
  const proofs = await inParallel(routers, async (router) => ({ router, proof: await router.prove(ALL_STABLE) }))
  for (const { router, proof } of proofs) {
    if (proof.state !== 'proved') throw new Error(`traffic was sent back to ${stable.color}, but ${router.name}: ${proof.reason}`)
    context.story.tell(`proved: the endpoints of ${router.name} hold exactly the ${proof.pods} ready pods of ${stable.color}`, 'good')
  }
}

/** A first release that has traffic keeps it, whole: there is nothing to go back to. */
async function keepFirst(context: Context, candidate: Revision): Promise<void> {
  if (!(await firstServes(context, candidate))) return
  const { story, writer } = context
  story.tell(`nothing served before revision ${candidate.revision}: there is no way back, ${candidate.color} keeps the traffic`, 'bad')
  for (const router of chooseRouters(context, candidate, undefined)) await router.set(ALL_CANDIDATE, 'rollback')
  await applyShared(writer, candidate.release)
}

/** Whether a first release has traffic on any entry. */
export async function firstServes(context: Context, candidate: Revision): Promise<boolean> {
  const { entries } = await readServing(context, candidate.release)
  return entries.some(({ color }) => color === candidate.color)
}

async function remove(context: Context, candidate: Revision, stable: Revision | undefined): Promise<void> {
  if (!stable && (await firstServes(context, candidate))) return
  await clearColor(context, candidate, { config: candidate.config, grace: REJECTED_GRACE, passHeld: true })
  context.story.tell(`the pods of ${candidate.color} (revision ${candidate.revision}) are gone`)
}
