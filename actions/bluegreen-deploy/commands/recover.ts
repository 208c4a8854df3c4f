import type { Context } from '../machine/context.ts'
import { settle } from '../machine/machine.ts'
import { type ReleaseResult, resultOf } from './result.ts'

/** Finishes or undoes what a dead run left. */
export async function recover(context: Context): Promise<ReleaseResult> {
  const { ledger } = context
  const { operation } = ledger.state
  if (!operation || operation.phase === 'prepared') {
    if (!operation) await ledger.tidy()
    const headline = operation
      ? `Nothing to recover: revision ${operation.candidate.revision} waits for promote`
      : 'Nothing to recover: no release is unfinished'
    return { ...resultOf(ledger.state), outcome: 'passed', headline }
  }
  const { candidate, phase } = operation
  const { done } = await settle(context, 'the run that began it ended before it was done')
  const ended = ledger.state.history.find((entry) => entry.revision === candidate.revision)?.outcome ?? 'failed'
  const kept = ledger.state.active?.revision === candidate.revision
  const fate = ended === 'released' ? 'finished' : kept ? 'kept: there is nothing to go back to' : 'undone'
  const headline = `Recovered: revision ${candidate.revision}, left at ${phase}, is ${fate}`
  return { ...resultOf(ledger.state), outcome: 'passed', headline, rolledBack: ended === 'rolled-back', done }
}
