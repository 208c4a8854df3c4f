import { nameOf } from '../../../shared/kubernetes/api/cluster.ts'
import { formatDuration } from '../../../shared/time/clock.ts'
import { bringUp, clearColor, colorText, previewsOf, workloadsText } from '../colors.ts'
import type { Asked, Step } from '../step.ts'

/** The candidate comes up without traffic. */
export function prepareSteps({ candidate, replaces, reach }: Asked): Step[] {
  const { color } = candidate
  const { readyDeadline } = reach.config
  const step = (id: string, describe: string, run: Step['run'], undo = `the way back deletes color ${color}`): Step => ({
    id: `prepare.${id}`,
    phase: 'prepare',
    describe,
    undo,
    run,
  })
  const leftover = [...(replaces?.config ?? []), ...candidate.config]
  return [
    step(
      'clear',
      replaces
        ? `delete ${colorText(replaces)}, which is kept of revision ${replaces.revision}: the fast way back to it ends`
        : `delete what an earlier run may have left of color ${color}`,
      (context) => clearColor(context, candidate, { config: leftover }),
      replaces ? `nothing: the manifests of revision ${replaces.revision} are kept, and can be released again` : 'nothing to take back',
    ),
    ...candidate.release.prerequisites.map((object) =>
      step(
        `create ${nameOf(object)}`,
        `create ${nameOf(object)} unless it is there`,
        ({ writer }) => writer.create(object),
        'it stays: pods of other releases may need it',
      ),
    ),
    ...candidate.config.map((object) =>
      step(`apply ${nameOf(object)}`, `apply ${nameOf(object)}`, ({ writer }) => writer.apply(object, { own: true })),
    ),
    ...candidate.workloads.map(({ object, replicas }) =>
      step(`apply ${nameOf(object)}`, `apply ${nameOf(object)} with ${replicas} pods`, ({ writer }) =>
        writer.apply(object, { own: true, fresh: true }),
      ),
    ),
    ...previewsOf(candidate).map((preview) =>
      step(
        `apply ${nameOf(preview)}`,
        `apply ${nameOf(preview)}, through which ${color} is asked without traffic`,
        ({ writer }) => writer.apply(preview, { own: true, fresh: true }),
        `the way back deletes ${nameOf(preview)}`,
      ),
    ),
    step(
      'ready',
      `wait until all pods of ${workloadsText(candidate)} are ready, at most ${formatDuration(readyDeadline)}`,
      async (context, progress) => {
        context.story.tell(`${workloadsText(candidate)} applied as revision ${candidate.revision}; waiting for the pods`)
        await bringUp(context, progress, candidate)
      },
      'nothing to take back',
    ),
  ]
}
