import type { Outcome } from '../../shared/report/report.ts'
import type { Ledger } from '../ledger/schema.ts'
import type { Plan } from '../machine/plan.ts'
import type { Progress } from '../machine/step.ts'
import type { Change } from '../manifests/diff.ts'
import type { Revision, Side } from '../release/model.ts'
import type { Color } from '../release/names.ts'

/** What became of a command. */
export interface ReleaseResult {
  outcome: Outcome
  /** One line for people: what happened. */
  headline: string
  /** Why, when it did not go as asked; else empty. */
  reason: string
  /** The stable name of why a candidate was rejected. */
  code?: string
  activeColor: Color | ''
  previousColor: Color | ''
  /** The revision that was released, prepared, or is active. */
  revision: number
  switched: boolean
  rolledBack: boolean
  /** The revision that the run was about, rendered; its pods, images and previews become outputs. */
  candidate?: Revision
  plan?: Plan
  /** The steps that were run. */
  done?: Progress['done']
  changes?: Change[]
  ledger: Ledger
}

/** A result that has nothing to say but what the ledger says. */
export function resultOf(ledger: Ledger, serving?: Color): Omit<ReleaseResult, 'outcome' | 'headline'> {
  const { active, warm } = ledger
  return {
    reason: '',
    activeColor: active?.color ?? serving ?? '',
    previousColor: warm?.color ?? '',
    revision: active?.revision ?? 0,
    switched: false,
    rolledBack: false,
    ledger,
  }
}

/** What a driven release became. `headline` replaces the usual one of a release that went well, and says that traffic went back. */
export function conclude(ledger: Ledger, progress: Progress, side: Side, headline?: string): ReleaseResult {
  const { rejection, switched, done } = progress
  const base = { ...resultOf(ledger), switched, done, revision: side.revision }
  const { operation } = ledger
  if (rejection) return { ...base, ...rejected(ledger, progress, side), reason: rejection.message, code: rejection.code }
  if (operation?.phase === 'prepared') {
    const text = `Revision ${side.revision} is ready on ${side.color}, without traffic; promote it with revision ${side.revision}`
    return { ...base, outcome: 'passed', headline: text }
  }
  const open = progress.findings.filter(({ verdict }) => verdict === 'inconclusive').map(({ text }) => text)
  return {
    ...base,
    outcome: open.length ? 'inconclusive' : 'passed',
    ...(open.length && { code: 'too-little-evidence' }),
    headline: headline ?? `Revision ${side.revision} serves on ${side.color}`,
    reason: open.join('; '),
    rolledBack: headline !== undefined,
  }
}

function rejected(
  { active }: Ledger,
  { rejection, switched }: Progress,
  side: Side,
): Pick<ReleaseResult, 'outcome' | 'headline' | 'rolledBack'> {
  const stays = active ? `revision ${active.revision} serves on ${active.color}` : 'nothing serves'
  const rolledBack = switched && active?.color !== side.color
  const kept = switched ? 'kept although it failed: there is nothing to go back to' : 'rejected before it got traffic'
  return {
    outcome: rejection?.inconclusive ? 'inconclusive' : 'failed',
    headline: `Revision ${side.revision} ${rolledBack ? 'taken back' : kept}; ${stays}`,
    rolledBack,
  }
}
