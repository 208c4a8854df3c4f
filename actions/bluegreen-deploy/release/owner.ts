import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'
import { RELEASE } from './names.ts'

/** An object bears a name that the release would give, and the release did not make it. */
export class ForeignObject extends Error {
  readonly code = 'foreign-object'
}

/** Why an object that bears a name of the release cannot be the release's; undefined when the release made it. */
export function inTheWay(live: KubeObject, release: string): string | undefined {
  const owner = live.metadata.labels?.[RELEASE]
  if (owner === release) return undefined
  const whose = owner === undefined ? 'was not made by a release' : `belongs to release ${owner}`
  return `${nameOf(live)} is in the way: it ${whose}; rename it or delete it, then try again`
}
