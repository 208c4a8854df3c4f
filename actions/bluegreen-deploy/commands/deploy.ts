import type { Context } from '../machine/context.ts'
import type { Manifests } from './manifests.ts'
import { releaseManifests, settleLeftover } from './release.ts'
import type { ReleaseResult } from './result.ts'

/** `deploy` and `prepare`: releases the manifests, the whole way or up to where they wait for promote. */
export async function deploy(context: Context, manifests: Manifests): Promise<ReleaseResult> {
  await settleLeftover(context, 'a new release takes its place')
  return releaseManifests(context, manifests)
}
