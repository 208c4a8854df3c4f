import { type Parts, type Rendered, renderColor, sortParts } from '../release/model.ts'
import type { Content, LedgerStore, Side } from './store.ts'

/** One color of the release, as its kept manifests describe it. */
export interface View {
  parts: Parts
  rendered: Rendered
  content: Content
  /** False when the manifests of this side are no longer kept: it was rendered from the candidate's. */
  known: boolean
}

/** Throws when neither the side's manifests nor those of the candidate are kept. */
export async function loadView(ledger: LedgerStore, release: string, side: Side): Promise<View> {
  const kept = await ledger.loadContent(side.revision)
  const candidate = ledger.state.operation?.candidate
  const content = kept ?? (candidate && (await ledger.loadContent(candidate.revision)))
  if (!content)
    throw new Error(`the manifests of revision ${side.revision} are no longer kept (Secret/bluegreen-${release}-r${side.revision} is gone)`)
  const parts = sortParts(content.objects)
  return { parts, content, known: kept !== undefined, rendered: renderColor(parts, release, side.color, side.revision) }
}
