// Work that goes on beside a watch, and never decides it: what goes wrong with a chore is a warning with its consequence.
import { messageOf } from '../../shared/text/errors.ts'
import type { Revision } from '../release/model.ts'
import { recreateColor } from '../workloads/recreate.ts'
import { workloadsText } from './colors.ts'
import type { Context } from './context.ts'

/** A chore that was begun. */
export interface Chore {
  /** Ends it, and resolves when nothing of it is under way any more. */
  stop(): Promise<void>
}

/** Begins `work`, which ends when it is stopped or the run's signal is aborted. What it throws is told `onFault`. */
export function begin(signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>, onFault: (error: unknown) => void): Chore {
  const over = new AbortController()
  const both = AbortSignal.any([signal, over.signal])
  const running = work(both).catch((error: unknown) => {
    if (!both.aborted) onFault(error)
  })
  return {
    async stop() {
      over.abort(new Error('the watching is over'))
      await running
    },
  }
}

/** Recreates the pods of the old color while the candidate is watched; `done` is called when all were. */
export function recreateBeside(context: Context, old: Revision, done: () => void): Chore {
  const { story, signal } = context
  const consequence = `connections that were kept open stay with the old pods of ${old.color} until they end`
  const work = async (both: AbortSignal): Promise<void> => {
    const recreated = await recreateColor(context, old, { signal: both, timeout: Number.MAX_SAFE_INTEGER })
    if (!recreated.done) story.tell(`the pods of ${workloadsText(old)} are not recreated (${recreated.why}): ${consequence}`, 'warning')
    else {
      story.tell(`the pods of ${workloadsText(old)} were recreated`, 'good')
      done()
    }
  }
  return begin(signal, work, (error) =>
    story.tell(`the pods of ${workloadsText(old)} are not recreated (${messageOf(error)}): ${consequence}`, 'warning'),
  )
}
