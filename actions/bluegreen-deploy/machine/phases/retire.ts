import { nameOf, refOf } from '../../../shared/kubernetes/api/cluster.ts'
import { messageOf } from '../../../shared/text/errors.ts'
import { formatDuration } from '../../../shared/time/clock.ts'
import type { Revision } from '../../release/model.ts'
import { entryOf, recreateColor, renewColor } from '../../workloads/recreate.ts'
import { scaleColor } from '../../workloads/workload.ts'
import { clearColor, colorText, previewsOf, workloadsText } from '../colors.ts'
import type { Context } from '../context.ts'
import type { Asked, Progress, Step } from '../step.ts'

/** The candidate is the release from here on: it is finished, not undone. */
export function retireSteps({ reach, candidate, stable }: Asked): Step[] {
  const { retire, bake } = reach.config
  const step = (id: string, describe: string, undo: string, run: Step['run']): Step => ({
    id: `retire.${id}`,
    phase: 'retire',
    describe,
    undo,
    run,
  })
  const steps = previewsOf(candidate).map((preview) =>
    step(`delete ${nameOf(preview)}`, `delete ${nameOf(preview)}`, 'nothing to take back', ({ writer }) =>
      writer.deleteOwn(refOf(preview)),
    ),
  )
  if (!stable) return steps
  const old = stable
  const left = old.known && bake.time > 0
  if (retire.how === 'keep') {
    if (left)
      steps.push(
        step('recreate', `recreate the pods of ${workloadsText(old)} that the bake did not come to`, 'not needed', (context, progress) =>
          recreateRest(context, progress, old),
        ),
      )
    return steps
  }
  if (retire.delay > 0)
    steps.push(
      step(
        'delay',
        `keep ${old.color} at full capacity for another ${formatDuration(retire.delay)}`,
        'not needed',
        async ({ story, clock, signal }) => {
          story.tell(`${old.color} stays at full capacity for another ${formatDuration(retire.delay)}`)
          await clock.sleep(retire.delay, signal)
        },
      ),
    )
  if (retire.how === 'delete')
    steps.push(
      step('delete', `delete ${colorText(old)} of revision ${old.revision}`, 'rollback releases its manifests again', (context) =>
        deleteOld(context, old),
      ),
    )
  else if (old.known)
    steps.push(
      step('scale', `scale ${workloadsText(old)} to 1 pod`, 'rollback scales it up', (context, progress) =>
        scaleOld(context, old, left && !progress.recreated),
      ),
    )
  return steps
}

/** What the bake was too short for, or an earlier run did not come to. */
async function recreateRest(context: Context, progress: Progress, old: Revision): Promise<void> {
  if (progress.recreated) return
  const { signal, story, config } = context
  story.tell(`the pods of ${workloadsText(old)} are recreated, so that kept connections move on`)
  const recreated = await recreateColor(context, old, { signal, timeout: config.readyDeadline }).catch((error: unknown) => {
    signal.throwIfAborted()
    return { done: false as const, why: messageOf(error) }
  })
  if (!recreated.done)
    story.tell(
      `the pods of ${workloadsText(old)} could not be recreated (${recreated.why}): connections that were kept open stay with them until they end`,
      'warning',
    )
}

async function deleteOld(context: Context, old: Revision): Promise<void> {
  await clearColor(context, old, { config: old.config, passHeld: true })
  context.story.tell(`${old.color} (revision ${old.revision}) deleted: a rollback to it has to start its pods first`)
}

async function scaleOld(context: Context, old: Revision, renew: boolean): Promise<void> {
  const { story } = context
  const entry = await entryOf(context, old)
  if (entry) {
    story.tell(`${entry} selects ${old.color} again, by hand: ${old.color} stays as it is`, 'warning')
    return
  }
  await scaleColor(context, old, 1)
  if (renew)
    await renewColor(context, old).catch((error: unknown) => {
      context.signal.throwIfAborted()
      story.tell(
        `the last pod of ${old.color} was not recreated (${messageOf(error)}): its kept connections stay until they end`,
        'warning',
      )
    })
  story.tell(`${old.color} (revision ${old.revision}) scaled to 1 for a fast rollback, until the next release takes its place`)
}
