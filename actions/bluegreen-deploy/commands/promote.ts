import { loadRevision } from '../ledger/revisions.ts'
import type { Context } from '../machine/context.ts'
import { beginShift, drive } from '../machine/machine.ts'
import { noProgress } from '../machine/step.ts'
import { conclude, type ReleaseResult } from './result.ts'

/** Gives traffic to what was prepared. Throws when nothing is, or another revision than the one that is meant. */
export async function promote(context: Context): Promise<ReleaseResult> {
  const { ledger, config } = context
  const { operation } = ledger.state
  const { revision } = config
  if (operation?.phase !== 'prepared') throw new Error('promote: nothing is prepared; run the command prepare first')
  const { candidate, run } = operation
  if (candidate.revision !== revision)
    throw new Error(`revision: ${revision} is not what is prepared; revision ${candidate.revision} is (by ${run})`)
  const rendered = await loadRevision(ledger, candidate)
  await beginShift(context)
  const progress = await drive(context, noProgress())
  return { ...conclude(ledger.state, progress, candidate), candidate: rendered }
}
