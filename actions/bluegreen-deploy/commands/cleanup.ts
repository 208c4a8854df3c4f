import type { Context } from '../machine/context.ts'
import { dropWarm } from '../machine/machine.ts'
import { settleLeftover } from './release.ts'
import { type ReleaseResult, resultOf } from './result.ts'

/** Deletes the warm old color. */
export async function cleanup(context: Context): Promise<ReleaseResult> {
  const { ledger } = context
  await settleLeftover(context, 'a cleanup was asked for')
  const { warm } = ledger.state
  await dropWarm(context)
  const headline = warm ? `Deleted ${warm.color} (revision ${warm.revision})` : 'Nothing to clean up'
  return { ...resultOf(ledger.state), outcome: 'passed', headline }
}
