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
import { GENERATION, RELEASE } from '../release/names.ts'
import { ForeignObject, inTheWay } from '../release/owner.ts'

/** No object has this version: an apply over it creates what is not there, and is a conflict where something came in between. */
const ABSENT = '1'

/** How often a write starts over because the object changed between reading and writing; controllers write status all the time. */
const ATTEMPTS = 20

/** Another manager owns a field that the manifests set. */
export class FieldConflict extends Error {
  readonly code = 'field-conflict'
}

/**
 * Every write of a release to the user's objects: only under the lease, only over the version that was read, and never over
 * what a run with a higher generation has written. So a run that was frozen and superseded cannot write again.
 */
export class Writer {
  readonly #cluster: Cluster
  readonly #lease: Pick<Lease, 'generation' | 'assertHeld'>
  readonly #release: string
  /** Objects as this run last saw or wrote them, undefined for what was not there: a write over an older version is a conflict, and reads anew. */
  readonly #seen = new Map<string, KubeObject | undefined>()

  constructor(cluster: Cluster, lease: Pick<Lease, 'generation' | 'assertHeld'>, release: string) {
    this.#cluster = cluster
    this.#lease = lease
    this.#release = release
  }

  /** Reads an object that will be written; undefined when it is not there. */
  async look(object: KubeObject): Promise<KubeObject | undefined> {
    return this.#read(refOf(object))
  }

  /**
   * Server-side apply. `own` objects are the release's and are taken by force, after it was seen that they are not somebody
   * else's; of others a field that another manager owns is a FieldConflict, unless `force` says that safety comes first. `fresh` objects
   * are not there as far as is known: what is there all the same is a conflict, and then looked at.
   */
  async apply(object: KubeObject, options: { own?: boolean; force?: boolean; fresh?: boolean } = {}): Promise<void> {
    const ref = refOf(object)
    if (options.fresh && !this.#seen.has(keyOf(ref))) this.#seen.set(keyOf(ref), undefined)
    await this.#again(ref, async (live) => {
      if (live && options.own) this.#assertOwn(live)
      const annotations = { ...object.metadata.annotations, [GENERATION]: String(this.#lease.generation) }
      const metadata = { ...object.metadata, annotations, resourceVersion: live?.metadata.resourceVersion ?? ABSENT }
      const next = { ...object, metadata }
      const force = Boolean(options.own || options.force)
      this.#seen.set(keyOf(ref), await this.#applied(next, object, force))
    })
  }

  async #applied(next: KubeObject, object: KubeObject, force: boolean): Promise<KubeObject> {
    try {
      return await this.#cluster.apply(next, { force })
    } catch (error) {
      const conflict = fieldConflict(error, object)
      if (conflict === 'ours') return this.#cluster.apply(next, { force: true })
      throw conflict ?? error
    }
  }

  /** Creates what is not there; what is there stays as it is. */
  async create(object: KubeObject): Promise<void> {
    if (await this.look(object)) return
    await this.apply(object)
  }

  /** Deletes the object that was seen, and no other; nothing when there is none, or when it is already on its way out. */
  async delete(ref: Ref, options: DeleteOptions = {}): Promise<void> {
    await this.#remove(ref, options, () => true)
  }

  /** The same for what the release made; what bears the same name and is not the release's stays. */
  async deleteOwn(ref: Ref, options: DeleteOptions = {}): Promise<void> {
    await this.#remove(ref, options, (live) => live.metadata.labels?.[RELEASE] === this.#release)
  }

  async #remove(ref: Ref, options: DeleteOptions, meant: (live: KubeObject) => boolean): Promise<void> {
    this.#seen.delete(keyOf(ref)) // what is to be gone is always looked at
    await this.#again(ref, async (live) => {
      if (!live || live.metadata.deletionTimestamp || !meant(live)) return
      await this.#cluster.delete(ref, { ...options, uid: live.metadata.uid, resourceVersion: live.metadata.resourceVersion })
      this.#seen.delete(keyOf(ref))
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

  async #read(ref: Ref): Promise<KubeObject | undefined> {
    const key = keyOf(ref)
    if (!this.#seen.has(key)) this.#seen.set(key, await this.#cluster.get(ref))
    return this.#seen.get(key)
  }

  async #again(ref: Ref, write: (live: KubeObject | undefined) => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const live = await this.#read(ref)
      if (live) this.#assertNotSuperseded(live)
      await this.#lease.assertHeld()
      try {
        return await write(live)
      } catch (error) {
        this.#seen.delete(keyOf(ref))
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error
      }
    }
  }

  #assertOwn(live: KubeObject): void {
    const why = inTheWay(live, this.#release)
    if (why) throw new ForeignObject(why)
  }

  #assertNotSuperseded(live: KubeObject): void {
    const written = Number(live.metadata.annotations?.[GENERATION] ?? 0)
    if (Number.isSafeInteger(written) && written > this.#lease.generation) {
      throw new Superseded(
        `${nameOf(live)} was written by a later run (generation ${written}, ours is ${this.#lease.generation}); this run writes nothing more. When no other run is at work, take its annotation ${GENERATION} off`,
      )
    }
  }
}

const keyOf = ({ apiVersion, kind, namespace = '', name }: Ref): string => `${apiVersion} ${kind} ${namespace} ${name}`

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
