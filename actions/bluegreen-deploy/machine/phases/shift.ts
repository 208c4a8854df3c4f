import { nameOf } from '../../../shared/kubernetes/api/cluster.ts'
import { inParallel } from '../../../shared/limit.ts'
import { formatDuration } from '../../../shared/time/clock.ts'
import { sharedOf } from '../../release/model.ts'
import { chooseRouters } from '../../routers/choose.ts'
import { ALL_CANDIDATE, type Router } from '../../routers/router.ts'
import { applyShared } from '../../writes/shared-objects.ts'
import { bringUp, workloadsText } from '../colors.ts'
import type { Context } from '../context.ts'
import { type Asked, Rejected, type Step } from '../step.ts'

/** Traffic moves to the candidate: every entry from one written intent, in the declared order. */
export function shiftSteps({ candidate, stable, reach }: Asked): Step[] {
  const { color } = candidate
  const step = (id: string, describe: string, undo: string, run: Step['run']): Step => ({
    id: `shift.${id}`,
    phase: 'shift',
    describe,
    undo,
    run,
  })
  const before = stable ? `the way back applies it as of revision ${stable.revision}` : 'nothing: nothing served before'
  const shared = sharedOf(candidate.release)
  const services = candidate.gateways.map(({ service }) => service)
  return [
    step(
      'ready',
      `wait until all pods of ${workloadsText(candidate)} are still ready`,
      'nothing to take back',
      async (context, progress) => {
        // The candidate may have been prepared hours ago.
        await bringUp(context, progress, candidate)
      },
    ),
    ...services.map((service, at) =>
      step(
        `select ${nameOf(service)}`,
        `${nameOf(service)} selects ${color}${stable ? ` instead of ${stable.color}` : ''}`,
        stable ? `the way back lets ${nameOf(service)} select ${stable.color} again` : before,
        async (context, progress) => {
          const router = chooseRouters(context, candidate, stable)[at] as Router
          await router.set(ALL_CANDIDATE, 'promote')
          progress.switched = true
          context.story.tell(`${router.name} selects ${color}${stable ? ` instead of ${stable.color}` : ''}`)
        },
      ),
    ),
    ...(shared.length
      ? [step('shared', `apply ${shared.map(nameOf).join(', ')}`, before, ({ writer }) => applyShared(writer, candidate.release))]
      : []),
    step(
      'prove',
      `prove that ${services.map(nameOf).join(', ')} lead to ready pods of ${color} only, for ${formatDuration(reach.config.propagationTime)}`,
      'nothing to take back',
      (context) => prove(context, chooseRouters(context, candidate, stable), color),
    ),
  ]
}

async function prove({ story }: Context, routers: Router[], color: string): Promise<void> {
  const proofs = await inParallel(routers, async (router) => ({ router, proof: await router.prove(ALL_CANDIDATE) }))
  for (const { router, proof } of proofs) {
    if (proof.state === 'refuted') throw new Rejected('shift-not-proved', `after the switch: ${router.name}: ${proof.reason}`)
    if (proof.state === 'unknown') throw new Error(`after the switch: ${proof.reason}`)
    story.tell(`proved: the endpoints of ${router.name} hold exactly the ${proof.pods} ready pods of ${color}`, 'good')
  }
}
