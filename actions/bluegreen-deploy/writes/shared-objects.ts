import { type KubeObject, nameOf, refOf } from '../../shared/kubernetes/api/cluster.ts'
import { inParallel } from '../../shared/limit.ts'
import { type Release, sharedOf } from '../release/model.ts'
import type { Writer } from './writer.ts'

/** How the ledger names an object. */
export const keyOf = (object: KubeObject): string => `${object.apiVersion} ${nameOf(object)}`

/** Which of these objects are not there yet, as the ledger keeps them: a way back deletes them. */
export async function absent(writer: Writer, objects: readonly KubeObject[]): Promise<string[]> {
  const keys = await inParallel(objects, async (object) => ((await writer.look(object)) ? [] : [keyOf(object)]))
  return keys.flat()
}

/** Writes what both colors share: first what the rest depends on, in its order. */
export async function applyShared(writer: Writer, { prerequisites, shared }: Release): Promise<void> {
  for (const object of prerequisites) await writer.apply(object)
  await inParallel(shared, (object) => writer.apply(object))
}

/** Makes the shared objects what they were: `from` is what the shift applied, `created` what it brought, `to` what was there before. */
export async function restoreShared(writer: Writer, created: readonly string[], from: Release, to: Release): Promise<void> {
  const before = new Map(sharedOf(to).map((object) => [keyOf(object), object]))
  for (const object of sharedOf(from)) {
    const old = before.get(keyOf(object))
    if (old && JSON.stringify(old) !== JSON.stringify(object)) await writer.apply(old, { force: true })
    else if (!old && created.includes(keyOf(object))) await writer.delete(refOf(object))
  }
}
