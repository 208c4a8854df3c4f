import { LedgerStore } from '../ledger/store.ts'
import { ledgerOf, type Ports, type Reach } from '../ports.ts'
import { type ReleaseResult, resultOf } from './result.ts'

/** Tells what the ledger says: what serves, what is kept, what is unfinished. Takes no lease and writes nothing. */
export async function status(ports: Ports & Reach): Promise<ReleaseResult> {
  const { story, config } = ports
  story.phase('status')
  const { state } = await LedgerStore.read(ledgerOf(ports))
  const { operation, active, warm, history } = state
  const now = active ? `revision ${active.revision} serves on ${active.color}` : 'nothing was released yet'
  const kept = warm ? `; revision ${warm.revision} is kept on ${warm.color}` : ''
  const open = operation
    ? `; revision ${operation.candidate.revision} stands at ${operation.phase} (${operation.intent}), by ${operation.run}`
    : ''
  for (const { revision, outcome, finished, images, reason } of history)
    story.tell(`revision ${revision} ${outcome} ${finished} ${images.join(', ')}${reason ? `: ${reason}` : ''}`)
  return { ...resultOf(state), outcome: 'passed', headline: `${config.name}: ${now}${kept}${open}` }
}
