import { formatDuration } from '../../../shared/time/clock.ts'
import { bakeGates } from '../../gates/choose.ts'
import type { Finding } from '../../gates/gate.ts'
import { watchGates } from '../../gates/watch.ts'
import type { Revision } from '../../release/model.ts'
import { recreateBeside } from '../chores.ts'
import { workloadsText } from '../colors.ts'
import type { Context } from '../context.ts'
import { type Asked, type Progress, Rejected, type Step } from '../step.ts'

/** The candidate is watched under traffic. */
export function bakeSteps({ reach, candidate, stable }: Asked): Step[] {
  const { time } = reach.config.bake
  if (time === 0) return []
  const old = stable?.known ? stable : undefined
  const beside = old ? `; meanwhile the pods of ${workloadsText(old)} are recreated, a quarter at a time` : ''
  const gates = bakeGates(reach, candidate).map(({ name }) => name)
  return [
    {
      id: 'bake.watch',
      phase: 'bake',
      describe: `watch ${candidate.color} under traffic for ${formatDuration(time)}: ${gates.join(', ')}${beside}`,
      undo: 'nothing to take back',
      run: (context, progress) => bake(context, progress, candidate, old),
    },
  ]
}

async function bake(context: Context, progress: Progress, candidate: Revision, old: Revision | undefined): Promise<void> {
  const { story, config } = context
  if (old)
    story.tell(
      `the pods of ${old.color} are recreated in batches, so that kept connections move to ${candidate.color} while ${old.color} stays warm`,
    )
  const chore = old && recreateBeside(context, old, () => (progress.recreated = true))
  let findings: Finding[]
  try {
    findings = await watchGates(bakeGates(context, candidate), { ...context, duration: config.bake.time, tell: (text) => story.tell(text) })
  } finally {
    // Awaited: no pod of the old color may end once traffic goes back to it.
    await chore?.stop()
  }
  const bad = findings.find(({ verdict }) => verdict === 'failed')
  if (bad) throw new Rejected('bad-under-traffic', `under traffic: ${bad.text}`, bad.evidence)
  if (old && !progress.recreated) story.tell(`the rest of the pods of ${workloadsText(old)} is recreated when it retires`)
  for (const { text, verdict } of findings) story.tell(text, verdict === 'passed' ? 'good' : 'warning')
  const open = findings.find(({ verdict }) => verdict === 'inconclusive')
  if (open && config.bake.onInconclusive === 'rollback')
    throw new Rejected('too-little-evidence', `not enough evidence: ${open.text}`, open.evidence, true)
  progress.findings = findings
}
