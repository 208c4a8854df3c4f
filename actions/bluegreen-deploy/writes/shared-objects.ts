import { type Cluster, type KubeObject, nameOf, refOf } from '../../shared/kubernetes/api/cluster.ts'
import { inParallel } from '../../shared/limit.ts'
import type { Parts } from '../release/model.ts'
import type { Writer } from './writer.ts'

/** What both colors share, in the order in which it depends on each other: it changes with the switch, and back with the way back. */
const sharedOf = (parts: Parts): KubeObject[] => [...parts.prerequisites, ...parts.shared]

const keyOf = (object: KubeObject): string => `${object.apiVersion} ${nameOf(object)}`

/** The shared objects that are not there yet, as the ledger keeps them: a way back deletes them. */
export async function absentShared(cluster: Cluster, parts: Parts): Promise<string[]> {
  const keys = await inParallel(sharedOf(parts), async (object) => ((await cluster.get(refOf(object))) ? [] : [keyOf(object)]))
  return keys.flat()
}

export async function applyShared(writer: Writer, parts: Parts): Promise<void> {
  for (const object of parts.prerequisites) await writer.apply(object)
  await inParallel(parts.shared, (object) => writer.apply(object))
}

/** Makes the shared objects what they were: `from` is what the switch applied, `created` what it brought, `to` what was there before. */
export async function restoreShared(writer: Writer, created: string[], from: Parts, to: Parts): Promise<void> {
  const before = new Map(sharedOf(to).map((object) => [keyOf(object), object]))
  for (const object of sharedOf(from)) {
    const old = before.get(keyOf(object))
    if (old && JSON.stringify(old) !== JSON.stringify(object)) await writer.apply(old, { force: true })
    else if (!old && created.includes(keyOf(object))) await writer.delete(refOf(object))
  }
}
