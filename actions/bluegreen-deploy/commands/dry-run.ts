import { LedgerStore } from '../ledger/store.ts'
import { ledgerOf, type Ports, type Reach } from '../ports.ts'
import { liveState } from './live.ts'
import { checkManifests, type Manifests } from './manifests.ts'
import { planOf, smaller } from './release.ts'
import { type ReleaseResult, resultOf } from './result.ts'

/** Checks everything that can be checked, and prints the steps that a release would run. Writes nothing. */
export async function dryRun(ports: Ports & Reach, manifests: Manifests): Promise<ReleaseResult> {
  const { story } = ports
  story.phase('dry run')
  await checkManifests(ports, manifests)
  const ledger = await LedgerStore.read(ledgerOf(ports))
  const live = await liveState(ports, ledger.state, manifests.release)
  const { plan, asked, changes } = await planOf({ ...ports, ledger }, manifests, live)
  for (const { object, lines } of changes) for (const line of lines) story.tell(`${object} ${line}`)
  for (const text of smaller(asked, live)) story.tell(text, 'warning')
  if (plan.steps.length) story.phase('plan')
  for (const { phase, describe, undo } of plan.steps) story.tell(`${phase}: ${describe} (undone: ${undo})`)
  if (plan.wayBack.length) story.phase('way back')
  for (const { describe } of plan.wayBack) story.tell(describe)
  const { candidate } = plan
  const headline = plan.unchanged ?? `Would release revision ${candidate.revision} on ${candidate.color}: ${changes.length} objects change`
  return { ...resultOf(ledger.state, live.serving.color), outcome: 'passed', headline, revision: candidate.revision, plan, changes }
}
