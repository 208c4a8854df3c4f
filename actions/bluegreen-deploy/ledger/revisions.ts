import type { Revision, Side } from '../release/model.ts'
import { revisionName } from '../release/names.ts'
import { renderRevision } from '../release/render.ts'
import { sortRelease } from '../release/sort.ts'
import type { LedgerStore } from './store.ts'

/**
 * One color of the release, by the manifests that are kept of it; where they are no longer kept, by those of the candidate under way, or
 * of what served before. Throws when none of them are.
 */
export async function loadRevision(ledger: LedgerStore, side: Side): Promise<Revision> {
  const { release, operation, active } = ledger.state
  const kept = side.revision === 0 ? undefined : await ledger.findContent(side.revision)
  let content = kept
  for (const other of [operation?.candidate, operation?.stable, active])
    if (!content && other && other.revision > 0) content = await ledger.findContent(other.revision)
  if (!content) {
    const secret = `Secret/${revisionName(release, side.revision)}`
    throw new Error(`the manifests of revision ${side.revision} are no longer kept (${secret} is gone)`)
  }
  return renderRevision(sortRelease(release, content.objects), content, side, kept !== undefined)
}

/** What a color runs, by the ledger; revision 0 when no release that the ledger knows made it. */
export function sideOf(color: Side['color'], { active, warm }: { active: Side | null; warm: Side | null }): Side {
  return [active, warm].find((side) => side?.color === color) ?? { color, revision: 0 }
}
