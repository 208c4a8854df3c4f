// The manifests of a command: read, given their images and namespace, taken apart, and checked before anything is written.
import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import { checksOf } from '../gates/choose.ts'
import { packContent } from '../ledger/content.ts'
import { ownObjects } from '../manifests/foreign.ts'
import { overrideImages } from '../manifests/images.ts'
import type { Ports, Reach } from '../ports.ts'
import { type Content, contentOf } from '../release/content.ts'
import type { Release } from '../release/model.ts'
import { renderRevision } from '../release/render.ts'
import { sortRelease } from '../release/sort.ts'
import { placeObjects } from '../writes/preflight/names.ts'
import { preflight } from '../writes/preflight/preflight.ts'

/** What is to be released. */
export interface Manifests {
  release: Release
  content: Content
}

/** Reads the manifests that the user gave. Throws a ManifestError for what cannot be released. */
export async function readManifests(reach: Reach, ports: Pick<Ports, 'manifests' | 'story'>): Promise<Manifests> {
  const { config } = reach
  const { objects, left } = ownObjects(await ports.manifests())
  overrideImages(objects, config.images)
  await placeObjects(reach, objects)
  const manifests = take(config.name, objects)
  for (const text of [...left, ...manifests.release.notices]) ports.story.tell(text, 'warning')
  packContent(manifests.content) // what is too much to be kept is found before anything is written
  return manifests
}

/** Manifests that were read, or kept, taken apart. */
export function take(name: string, objects: KubeObject[]): Manifests {
  const release = sortRelease(name, objects)
  return { release, content: contentOf(objects, release.workloads) }
}

/** Everything that can be known before the first write. Throws a PreflightError that says what stands in the way; nothing was changed. */
export async function checkManifests(reach: Reach & Pick<Ports, 'smoke'>, { release, content }: Manifests): Promise<void> {
  const rendered = renderRevision(release, content, { color: 'blue', revision: 0 })
  const asks = checksOf(reach, rendered).some(({ choice }) => 'check' in choice) // a wrong check-port is found here
  await preflight(reach, rendered, { asks, smoke: reach.smoke !== undefined })
}
