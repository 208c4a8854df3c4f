import { expect } from '@jest/globals'
import { contentOf } from '../../../../actions/bluegreen-deploy/release/content.ts'
import { renderRevision } from '../../../../actions/bluegreen-deploy/release/render.ts'
import { sortRelease } from '../../../../actions/bluegreen-deploy/release/sort.ts'
import { placeObjects } from '../../../../actions/bluegreen-deploy/writes/preflight/names.ts'
import { preflight } from '../../../../actions/bluegreen-deploy/writes/preflight/preflight.ts'
import type { KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { type Attributes, type Call, intercept } from '../../../support/memory-cluster.ts'
import { object, room } from '../../room.ts'
import { app } from '../../stage.ts'

/** A live Service of namespace shop. */
export const service = (name: string, selector: Record<string, string> | undefined, labels = {}): KubeObject => ({
  ...object('Service', name, { ...(selector && { selector }) }),
  metadata: { name, namespace: 'shop', labels },
})

export interface RunOptions {
  asks?: boolean
  smoke?: boolean
  before?: (call: Call) => void
}

/** A preflight of release `web` in namespace shop; `run` gives its error, and sees that nothing was changed. */
export function scene(more: KubeObject[] = [], objects = app('v1')) {
  const { cluster, reach, told } = room()
  cluster.put(object('Namespace', 'shop'))
  const asked: Required<Attributes>[] = []
  const run = async ({ asks = true, smoke = false, ...hooks }: RunOptions = {}): Promise<Error | undefined> => {
    const all = structuredClone([...objects, ...more])
    await placeObjects(reach, all)
    const release = sortRelease('web', all)
    const revision = renderRevision(release, contentOf(all, release.workloads), { color: 'blue', revision: 0 })
    const changes = cluster.changes.length
    const outcome: unknown = await preflight({ ...reach, cluster: intercept(cluster, hooks) }, revision, { asks, smoke }).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(cluster.changes).toHaveLength(changes)
    return outcome as Error | undefined
  }
  /** Access reviews are answered by `decide`, of `verb group/resource/subresource`. */
  const allow = (decide: (asked: string) => boolean) => {
    cluster.allowed = (attributes) => {
      asked.push(attributes as Required<Attributes>)
      const { verb, group, resource, subresource } = attributes
      return decide(`${verb} ${group ? `${group}/` : ''}${resource}${subresource ? `/${subresource}` : ''}`)
    }
  }
  return { cluster, reach, told, asked, run, allow }
}
