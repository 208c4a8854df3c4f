// What tests of single rooms work with: a release in one color, and the world around a room.
import type { Command } from '../../actions/bluegreen-deploy/config.ts'
import type { Reach } from '../../actions/bluegreen-deploy/ports.ts'
import { contentOf } from '../../actions/bluegreen-deploy/release/content.ts'
import type { Revision } from '../../actions/bluegreen-deploy/release/model.ts'
import type { Color } from '../../actions/bluegreen-deploy/release/names.ts'
import { renderRevision } from '../../actions/bluegreen-deploy/release/render.ts'
import { sortRelease } from '../../actions/bluegreen-deploy/release/sort.ts'
import type { Cluster, KubeObject } from '../../actions/shared/kubernetes/api/cluster.ts'
import { createStory } from '../../actions/shared/report/story.ts'
import { TestClock } from '../support/clock.ts'
import { MemoryCluster } from '../support/memory-cluster.ts'
import { app, configOf, type Flat } from './stage.ts'

/** Manifests as a revision of release `name`. */
export function revisionOf(
  objects: KubeObject[] = app('v1'),
  { name = 'web', color = 'green', revision = 2, known = true }: { name?: string; color?: Color; revision?: number; known?: boolean } = {},
): Revision {
  const release = sortRelease(name, structuredClone(objects))
  return renderRevision(release, contentOf(structuredClone(objects), release.workloads), { color, revision }, known)
}

/** A cluster in memory with its clock, and the world of a room as `client` sees it. */
export function room(
  given: Partial<Flat> & { command?: Command; client?: (cluster: MemoryCluster) => Cluster; signal?: AbortSignal } = {},
): { clock: TestClock; cluster: MemoryCluster; told: string[]; reach: Reach } {
  const { command = 'deploy', client = (cluster) => cluster, signal = new AbortController().signal, ...config } = given
  const clock = new TestClock()
  const cluster = new MemoryCluster(clock)
  const told: string[] = []
  const story = createStory(() => clock.now(), {
    phase: () => undefined,
    line: ({ text }) => told.push(text),
    untrusted: () => undefined,
  })
  return { clock, cluster, told, reach: { cluster: client(cluster), clock, signal, story, config: configOf(command, config) } }
}

/** Some object, without a namespace. */
export const object = (kind: string, name: string, spec?: unknown, apiVersion = 'v1'): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
  ...(spec !== undefined && { spec }),
})
