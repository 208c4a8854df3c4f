import {
  ApiError,
  type Cluster,
  type DeleteOptions,
  isConflict,
  isMissing,
  type KubeObject,
  nameOf,
  type Ref,
  refOf,
} from '../../shared/kubernetes/api/cluster.ts'
import { type Lease, Superseded } from '../../shared/kubernetes/api/lease.ts'
import { FIELD_MANAGER } from '../../shared/kubernetes/api/rest.ts'
import { RELEASE } from '../release/model.ts'

/** The lease's generation under which an object was written. */
export const GENERATION = 'devops-actions/generation'

/** No object has this version: an apply over it creates what is not there, and is a conflict where something came in between. */
const ABSENT = '1'

/** How often a write starts over because the object changed between reading and writing; controllers write status all the time. */
const ATTEMPTS = 20

/** Another manager owns a field that the manifests set. */
export class FieldConflict extends Error {}

/**
 * Every write of a release to the user's objects: only under the lease, only over the version that was read, and never over
 * what a run with a higher generation has written. So a run that was frozen and superseded cannot write again.
 */
export class Writer {
  readonly #cluster: Cluster
  readonly #lease: Pick<Lease, 'generation' | 'assertHeld'>
  readonly #release: string

  constructor(cluster: Cluster, lease: Pick<Lease, 'generation' | 'assertHeld'>, release: string) {
    this.#cluster = cluster
    this.#lease = lease
    this.#release = release
  }

  /**
   * Server-side apply. `own` objects are the release's and are taken by force, after it was seen that they are not somebody
   * else's; of others a field that another manager owns is a FieldConflict, unless `force` says that safety comes first.
   */
  async apply(
    object: KubeObject,
    options: { own?: boolean; force?: boolean; unless?: (live: KubeObject) => boolean } = {},
  ): Promise<KubeObject> {
    return this.#again(refOf(object), async (live) => {
      if (live && options.unless?.(live)) return live
      if (live && options.own) this.#assertOwn(live)
      const annotations = { ...object.metadata.annotations, [GENERATION]: String(this.#lease.generation) }
      const metadata = { ...object.metadata, annotations, resourceVersion: live?.metadata.resourceVersion ?? ABSENT }
      const next = { ...object, metadata }
      const force = Boolean(options.own || options.force)
      try {
        return await this.#cluster.apply(next, { force })
      } catch (error) {
        const conflict = fieldConflict(error, object)
        if (conflict === 'ours') return this.#cluster.apply(next, { force: true })
        throw conflict ?? error
      }
    })
  }

  /** Creates what is not there; what is there stays as it is. */
  async create(object: KubeObject): Promise<void> {
    if (await this.#cluster.get(refOf(object))) return
    await this.apply(object)
  }

  /** Deletes the object that was seen, and no other; nothing when there is none, or when it is already on its way out. */
  async delete(ref: Ref, options: DeleteOptions & { own?: boolean } = {}): Promise<void> {
    await this.#again(ref, async (live) => {
      if (!live || live.metadata.deletionTimestamp) return
      const { own, ...rest } = options
      if (own) this.#assertOwn(live)
      await this.#cluster.delete(ref, { ...rest, uid: live.metadata.uid, resourceVersion: live.metadata.resourceVersion })
    })
  }

  /** Deletes a pod, or shortens the grace of one that is already being deleted. */
  async deletePod(pod: KubeObject, gracePeriodSeconds: number | undefined): Promise<void> {
    await this.#lease.assertHeld()
    const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
    try {
      await this.#cluster.delete(refOf({ ...pod, apiVersion: 'v1', kind: 'Pod' }), { uid: pod.metadata.uid, ...grace })
    } catch (error) {
      if (!isConflict(error)) throw error // another pod of the same name: the one that was meant is gone
    }
  }

  /** Puts our generation on an object, so that what a superseded run read of it is no longer current. */
  async fence(ref: Ref): Promise<void> {
    const live = await this.#cluster.get(ref)
    if (!live) return
    this.#assertNotSuperseded(live)
    await this.#lease.assertHeld()
    try {
      await this.#cluster.patch(ref, { metadata: { annotations: { [GENERATION]: String(this.#lease.generation) } } })
    } catch (error) {
      if (!isMissing(error)) throw error // it was on its way out: nobody can write to what is gone
    }
  }

  async #again<T>(ref: Ref, write: (live: KubeObject | undefined) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const live = await this.#cluster.get(ref)
      if (live) this.#assertNotSuperseded(live)
      await this.#lease.assertHeld()
      try {
        return await write(live)
      } catch (error) {
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error
      }
    }
  }

  #assertOwn(live: KubeObject): void {
    const release = live.metadata.labels?.[RELEASE]
    if (release === this.#release) return
    const whose = release === undefined ? 'was not made by a release' : `belongs to release ${release}`
    throw new Error(`${nameOf(live)} is in the way: it ${whose}; rename it or delete it, then try again`)
  }

  #assertNotSuperseded(live: KubeObject): void {
    const written = Number(live.metadata.annotations?.[GENERATION] ?? 0)
    if (written > this.#lease.generation) {
      throw new Superseded(
        `${nameOf(live)} was written by a later run (generation ${written}, ours is ${this.#lease.generation}); this run writes nothing more`,
      )
    }
  }
}

/** Somebody who switched traffic by hand, in an emergency: followed, and taken over by the next release. */
const BY_HAND = /^kubectl-(patch|edit|replace|set)$/

/** The other managers and their fields, when that is what the API server refuses; 'ours' when only our own other kind of write is. */
export function fieldConflict(error: unknown, object: KubeObject): FieldConflict | 'ours' | undefined {
  if (!(error instanceof ApiError) || error.status !== 409) return undefined
  const causes = (error.details?.causes ?? []).filter((cause) => cause.reason === 'FieldManagerConflict')
  if (causes.length === 0) return undefined
  const managers = causes.map((cause) => ({ manager: /"([^"]*)"/.exec(cause.message ?? '')?.[1] ?? '?', field: cause.field ?? '?' }))
  const others = managers.filter(
    ({ manager, field }) => manager !== FIELD_MANAGER && !(BY_HAND.test(manager) && field === '.spec.selector'),
  )
  if (others.length === 0) return 'ours'
  const list = others.map(({ manager, field }) => `${field} belongs to "${manager}"`).join('; ')
  return new FieldConflict(
    `${nameOf(object)} has fields of another manager: ${list}. Take these fields out of the manifests, or give them to the release: kubectl apply --server-side --force-conflicts --field-manager=${FIELD_MANAGER} -f FILE`,
    { cause: error },
  )
}
