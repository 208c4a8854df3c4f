import type { Findings } from '../shared/report/report.ts'
import type { Config } from './config.ts'
import type { ReleaseResult } from './engine.ts'

/** What a release becomes for people and for other steps. */
export function reportOf(result: ReleaseResult, config: Config): Findings {
  const { ledger, plan, changes } = result
  const entry = ledger.history.find((candidate) => candidate.revision === result.revision)
  const images = entry?.digests.length ? entry.digests : (entry?.images ?? [])
  const facts = [
    { name: 'Release', value: `${config.name} in namespace ${config.namespace}` },
    { name: 'Command', value: config.dryRun ? `${config.command} (dry run)` : config.command },
    { name: 'Revision', value: String(result.revision) },
    { name: 'Serves', value: result.activeColor || 'nothing' },
    { name: 'Kept warm', value: result.previousColor || 'nothing' },
    { name: 'Traffic', value: traffic(result) },
    ...(images.length ? [{ name: 'Images', value: images.join(', ') }] : []),
  ]
  return {
    outcome: result.outcome,
    headline: result.headline,
    reason: result.reason,
    facts,
    evidence: changes?.length
      ? [{ title: 'What changes', text: changes.flatMap(({ object, lines }) => lines.map((line) => `${object} ${line}`)).join('\n') }]
      : [],
    data: { plan, changes, ledger: { active: ledger.active, warm: ledger.warm, operation: ledger.operation, history: ledger.history } },
  }
}

function traffic({ switched, rolledBack }: ReleaseResult): string {
  if (switched && rolledBack) return 'moved to the candidate, and back'
  if (rolledBack) return 'taken back'
  return switched ? 'moved to the candidate' : 'not moved'
}

export function outputsOf(result: ReleaseResult, seconds: number): Record<string, string> {
  return {
    'active-color': result.activeColor,
    'previous-color': result.previousColor,
    revision: String(result.revision),
    switched: String(result.switched),
    'rolled-back': String(result.rolledBack),
    reason: result.reason,
    duration: String(Math.round(seconds)),
  }
}
