import { gunzipSync, gzipSync } from 'node:zlib'
import { z } from 'zod'
import { type Cluster, isConflict, type KubeObject, nameOf, refOf } from '../../shared/kubernetes/api/cluster.ts'
import { Superseded } from '../../shared/kubernetes/api/lease.ts'
import type { DataObject } from '../../shared/kubernetes/objects/read.ts'
import { RELEASE, REVISION } from '../release/model.ts'
import { GENERATION } from '../writes/writer.ts'

const phase = z.enum(['prepare', 'verify', 'prepared', 'switch', 'bake', 'retire', 'back'])
/** Where an unfinished release stands. Each is written before it is acted on. */
export type Phase = z.infer<typeof phase>

const side = z.object({ color: z.enum(['blue', 'green']), revision: z.int().min(0) })
/** One color and what it runs. */
export type Side = z.infer<typeof side>

const operation = z.object({
  kind: z.enum(['deploy', 'prepare', 'rollback']),
  phase,
  /** What the phase is about to do, for people. */
  intent: z.string(),
  candidate: side,
  /** The color that serves until the switch, and again after the way back. None on a first release. */
  stable: side.nullable(),
  /** The warm color whose place the candidate takes. */
  replaces: side.nullable(),
  /** Whether the switch was begun: only then is there traffic to take back. */
  switching: z.boolean(),
  /** Objects that came with the switch and were not there before, as `apiVersion Kind/name`: the way back deletes them. */
  created: z.array(z.string()),
  /** Images that the candidate's pods run, by the digests that their nodes pulled. */
  digests: z.array(z.string()),
  started: z.string(),
  /** Where the run is, or was, that works on this. */
  run: z.string(),
  /** The lease identity of that run. */
  holder: z.string(),
  /** Why it goes back, and since when. */
  reason: z.string().optional(),
  decided: z.string().optional(),
})
export type Operation = z.infer<typeof operation>

const entry = z.object({
  revision: z.int().min(1),
  color: z.enum(['blue', 'green']),
  outcome: z.enum(['released', 'rolled-back', 'failed']),
  /** Hash of the manifests with their images; the same hash is the same release. */
  digest: z.string(),
  images: z.array(z.string()),
  /** What these were when they ran, as `repository@sha256:...`. */
  digests: z.array(z.string()),
  started: z.string(),
  finished: z.string(),
  run: z.string(),
  reason: z.string().optional(),
})
export type Entry = z.infer<typeof entry>

const ledgerSchema = z.object({
  version: z.literal(1),
  release: z.string(),
  /** Of the lease under which this was written; a lower one may not write. */
  generation: z.int(),
  /** The last revision number given out. */
  revision: z.int(),
  active: side.nullable(),
  /** The old color, kept for a fast way back. */
  warm: side.nullable(),
  operation: operation.nullable(),
  /** Newest first: the last ten, and what is still there. */
  history: z.array(entry),
  /** Revisions whose manifests are deleted next: whoever wrote this may have died before it did. */
  forgotten: z.array(z.int()).default([]),
})
export type Ledger = z.infer<typeof ledgerSchema>

/** What a release was made of; kept for each of the last revisions, so that any of them can be released again. */
export interface Content {
  objects: KubeObject[]
  digest: string
  images: string[]
}

const HISTORY = 10
const STATE = 'state.json'
/** How often a write is tried again after a conflict. */
const ATTEMPTS = 20
/** A Secret holds 1 MiB; its keys and metadata need a little of it. */
const MOST_CONTENT = 1_000_000

export const ledgerName = (release: string): string => `bluegreen-${release}`
export const contentName = (release: string, revision: number | ''): string => `bluegreen-${release}-r${revision}`

/** Names the fields that are wrong when a ledger was edited by hand or is from another version. */
function parseLedger(text: string | undefined, release: string): Ledger {
  const wrong = (why: string, cause?: unknown) =>
    new Error(
      `the ledger ConfigMap/${ledgerName(release)} cannot be read: ${why}; restore it, or delete it together with the colors to begin anew`,
      { cause },
    )
  if (text === undefined) throw wrong(`it has no ${STATE}`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw wrong('its state is not JSON', cause)
  }
  const read = ledgerSchema.safeParse(json)
  if (!read.success) throw wrong(z.prettifyError(read.error))
  if (read.data.release !== release) throw wrong(`it belongs to release ${JSON.stringify(read.data.release)}`)
  return read.data
}

/** What a revision keeps of its manifests. Throws when that is more than a Secret holds. */
export function packContent(content: Content): string {
  const data = gzipSync(JSON.stringify(content)).toString('base64')
  if (data.length <= MOST_CONTENT) return data
  throw new Error(
    `manifests: they take ${data.length} bytes compressed; at most ${MOST_CONTENT} can be kept for a way back; release them in parts`,
  )
}

function contentIn(secret: DataObject): Content | undefined {
  const data = secret.data?.content
  if (typeof data !== 'string') return undefined
  try {
    return JSON.parse(gunzipSync(Buffer.from(data, 'base64'), { maxOutputLength: 64 * 2 ** 20 }).toString('utf8')) as Content
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(
      `${nameOf(secret)} does not hold the manifests of a revision (${why}); delete it: that revision is no longer kept then`,
      { cause },
    )
  }
}

/** The memory of a release: one ConfigMap, written only under the lease and only over what was read. */
export class LedgerStore {
  readonly #cluster: Cluster
  readonly #namespace: string
  readonly #release: string
  #object: DataObject | undefined
  #state: Ledger

  private constructor(cluster: Cluster, namespace: string, release: string, object: DataObject | undefined) {
    this.#cluster = cluster
    this.#namespace = namespace
    this.#release = release
    this.#object = object
    this.#state = object
      ? parseLedger(object.data?.[STATE], release)
      : { version: 1, release, generation: 0, revision: 0, active: null, warm: null, operation: null, history: [], forgotten: [] }
  }

  static async read(cluster: Cluster, namespace: string, release: string): Promise<LedgerStore> {
    const object = await cluster.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: ledgerName(release) })
    return new LedgerStore(cluster, namespace, release, object)
  }

  get state(): Ledger {
    return this.#state
  }

  /** Writes the next state; throws Superseded when a run with a higher generation has written in between. */
  async write(change: Partial<Ledger>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const next: Ledger = { ...this.#state, ...change }
      const metadata = this.#object?.metadata ?? {
        name: ledgerName(this.#release),
        namespace: this.#namespace,
        labels: { [RELEASE]: this.#release },
      }
      const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [STATE]: `${JSON.stringify(next, null, 2)}\n` } }
      try {
        this.#object = await (this.#object ? this.#cluster.replace(object) : this.#cluster.create(object))
        this.#state = next
        return
      } catch (error) {
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error
      }
      const live = (await this.#cluster.get({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        namespace: this.#namespace,
        name: ledgerName(this.#release),
      })) as DataObject | undefined
      const state = live && parseLedger(live.data?.[STATE], this.#release)
      if (state && state.generation > next.generation) {
        throw new Superseded(
          `release ${this.#release} was taken over by ${state.operation?.run || 'another run'}; this run writes nothing more`,
        )
      }
      // Our own write without its answer, a label that somebody put on it, or the last word of the run that we took over from.
      this.#object = live
      if (state) this.#state = state
    }
  }

  /**
   * Keeps what a revision is made of. What a run that died before it began left under this number is replaced; what a run with
   * a higher generation has kept is not, and throws Superseded.
   */
  async saveContent(revision: number, content: Content): Promise<void> {
    const data = packContent(content)
    const { generation } = this.#state
    const labels = { [RELEASE]: this.#release, [REVISION]: String(revision), [GENERATION]: String(generation) }
    const metadata = { name: contentName(this.#release, revision), namespace: this.#namespace, labels }
    // A Secret, because the manifests may hold some.
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'devops-actions/revision',
      immutable: true,
      metadata,
      data: { content: data },
    }
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#cluster.create(secret)
        return
      } catch (error) {
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error
      }
      const live = await this.#cluster.get(refOf(secret))
      if (!live) continue
      if (contentIn(live)?.digest === content.digest) return // our own write without its answer, or as good as it
      if (Number(live.metadata.labels?.[GENERATION] ?? 0) >= generation) {
        throw new Superseded(`${nameOf(live)} was written by a later run; this run writes nothing more`)
      }
      const { uid, resourceVersion } = live.metadata
      await this.#cluster.delete(refOf(live), { uid, resourceVersion }).catch((error) => {
        if (!isConflict(error)) throw error
      })
    }
  }

  /** Undefined when it is no longer kept. */
  async loadContent(revision: number): Promise<Content | undefined> {
    const secret = (await this.#cluster.get({
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: this.#namespace,
      name: contentName(this.#release, revision),
    })) as DataObject | undefined
    return secret && contentIn(secret)
  }

  /** Ends the operation: its candidate goes into the history, and revisions that are too old or replaced are forgotten. */
  async finish(
    outcome: Entry['outcome'],
    content: Content,
    sides: { active: Side | null; warm: Side | null },
    end: { at: string; run: string },
  ): Promise<void> {
    const { operation, history } = this.#state
    if (!operation) throw new Error('there is no operation to finish')
    const { revision, color } = operation.candidate
    const earlier = history.find((other) => other.revision === revision)
    const entry: Entry = {
      revision,
      color,
      outcome,
      digest: content.digest,
      images: content.images,
      digests: operation.digests.length ? operation.digests : (earlier?.digests ?? []),
      started: operation.started,
      finished: end.at,
      run: end.run,
      ...(operation.reason && { reason: operation.reason }),
    }
    const all = [entry, ...history.filter((other) => other !== earlier)]
    const stays = Object.values(sides).map((kept) => kept?.revision)
    const next = all.filter((old, at) => at < HISTORY || stays.includes(old.revision))
    const used = new Set([...next.map((kept) => kept.revision), ...stays])
    const { active, warm } = this.#state
    const had = [...all, active, warm, operation.stable, operation.replaces].flatMap((old) => old?.revision ?? [])
    const forgotten = [...new Set(had)].filter((old) => !used.has(old))
    const before = this.#state.forgotten.filter((old) => !used.has(old))
    await this.write({ ...sides, operation: null, history: next, forgotten })
    for (const old of [...before, ...forgotten]) await this.#dropContent(old)
  }

  /** Deletes what an earlier run kept that died before it began, or was to delete when it died. */
  async tidy(): Promise<void> {
    for (const revision of [...this.#state.forgotten, this.#state.revision + 1]) await this.#dropContent(revision)
  }

  async #dropContent(revision: number): Promise<void> {
    await this.#cluster.delete({ apiVersion: 'v1', kind: 'Secret', namespace: this.#namespace, name: contentName(this.#release, revision) })
  }
}
