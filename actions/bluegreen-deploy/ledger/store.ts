import { type Cluster, isConflict, type KubeObject, nameOf, refOf } from '../../shared/kubernetes/api/cluster.ts'
import { Superseded } from '../../shared/kubernetes/api/lease.ts'
import { CONFIG_MAP, type DataObject, getOf, SECRET } from '../../shared/kubernetes/objects/read.ts'
import type { Content } from '../release/content.ts'
import type { Side } from '../release/model.ts'
import { GENERATION, ledgerName, RELEASE, REVISION, revisionName } from '../release/names.ts'
import { ForeignObject, inTheWay } from '../release/owner.ts'
import { ContentError, keeps, packContent, unpackContent } from './content.ts'
import { checkLedger, emptyLedger, type HistoryEntry, type Ledger, openLedger, parseLedger } from './schema.ts'

const HISTORY = 10
const STATE = 'state.json'
/** How often a write is tried again after a conflict. */
const ATTEMPTS = 20

export interface LedgerOptions {
  cluster: Cluster
  namespace: string
  release: string
  /** The text without secrets: what is stored is read by more people than a log. */
  redact(text: string): string
  /** Told of a revision that cannot be read. */
  warn(text: string): void
}

/** The memory of a release: one ConfigMap, written only under the lease and only over what was read. */
export class LedgerStore {
  readonly #options: LedgerOptions
  #object: DataObject | undefined
  #state: Ledger
  /** What was read of this run's revisions: they are immutable. */
  readonly #contents = new Map<number, Content>()
  readonly #broken = new Set<number>()

  private constructor(options: LedgerOptions, object: DataObject | undefined) {
    this.#options = options
    this.#object = object
    this.#state = object ? openLedger(object.data?.[STATE], options.release) : emptyLedger(options.release)
  }

  /** Reads the ledger of a release; an empty one when there is none. Throws when it cannot be read. */
  static async read(options: LedgerOptions): Promise<LedgerStore> {
    return new LedgerStore(options, await readLedger(options))
  }

  get state(): Ledger {
    return this.#state
  }

  /** Writes the next state; throws Superseded when a run with a higher generation has written in between. */
  async write(change: Partial<Ledger>): Promise<void> {
    const { cluster, namespace, release } = this.#options
    for (let attempt = 1; ; attempt++) {
      const next = checkLedger(this.#redacted({ ...this.#state, ...change }))
      const metadata = this.#object?.metadata ?? { name: ledgerName(release), namespace, labels: { [RELEASE]: release } }
      const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [STATE]: `${JSON.stringify(next, null, 2)}\n` } }
      try {
        this.#object = CONFIG_MAP.read(await (this.#object ? cluster.replace(object) : cluster.create(object)))
        this.#state = next
        return
      } catch (error) {
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error
      }
      const live = await readLedger(this.#options)
      const state = live && parseLedger(live.data?.[STATE], release)
      if (state && state.generation > next.generation) {
        throw new Superseded(`release ${release} was taken over by ${state.operation?.run || 'another run'}; this run writes nothing more`)
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
    const { cluster, namespace, release } = this.#options
    const data = packContent(content)
    const { generation } = this.#state
    const labels = { [RELEASE]: release, [REVISION]: String(revision), [GENERATION]: String(generation) }
    const metadata = { name: revisionName(release, revision), namespace, labels }
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
        await cluster.create(secret)
        this.#contents.set(revision, content)
        return
      } catch (error) {
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error
      }
      const live = await getOf(cluster, SECRET, { namespace, name: metadata.name })
      if (!live) continue
      const foreign = inTheWay(live, release)
      if (foreign) throw new ForeignObject(foreign)
      if (keeps(live, content)) return // our own write without its answer, or as good as it
      if (Number(live.metadata.labels?.[GENERATION] ?? 0) >= generation) {
        throw new Superseded(`${nameOf(live)} was written by a later run; this run writes nothing more`)
      }
      const { uid, resourceVersion } = live.metadata
      await cluster.delete(refOf(live), { uid, resourceVersion }).catch((error) => {
        if (!isConflict(error)) throw error
      })
    }
  }

  /** The manifests of a revision, held against the hash that the ledger has; undefined when they are no longer kept. */
  async loadContent(revision: number): Promise<Content | undefined> {
    const { cluster, namespace, release } = this.#options
    const known = this.#contents.get(revision)
    if (known) return known
    const secret = await getOf(cluster, SECRET, { namespace, name: revisionName(release, revision) })
    const content = secret && unpackContent(secret, { revision, namespace, digest: this.#digestOf(revision) })
    if (content) this.#contents.set(revision, content)
    return content
  }

  /** The same, where one that cannot be read is taken for one that is no longer kept, with a warning. */
  async findContent(revision: number): Promise<Content | undefined> {
    if (this.#broken.has(revision)) return undefined
    try {
      return await this.loadContent(revision)
    } catch (error) {
      if (!(error instanceof ContentError)) throw error
      this.#broken.add(revision)
      this.#options.warn(error.message)
      return undefined
    }
  }

  #digestOf(revision: number): string | undefined {
    const { operation, history } = this.#state
    if (operation?.candidate.revision === revision) return operation.digest
    return history.find((entry) => entry.revision === revision)?.digest
  }

  /** Texts that others have said (reasons, intents) hold no secret where the ledger keeps them. */
  #redacted(state: Ledger): Ledger {
    const { redact } = this.#options
    const { operation, history } = state
    const clean = <T extends { reason?: string | undefined }>(of: T): T =>
      of.reason === undefined ? of : { ...of, reason: redact(of.reason) }
    return { ...state, operation: operation && clean({ ...operation, intent: redact(operation.intent) }), history: history.map(clean) }
  }

  /** Ends the operation: its candidate goes into the history, and revisions that are too old or replaced are forgotten. */
  async finish(
    outcome: HistoryEntry['outcome'],
    sides: { active: Side | null; warm: Side | null },
    end: { at: string; run: string },
  ): Promise<void> {
    const { operation, history } = this.#state
    if (!operation) throw new Error('there is no operation to finish')
    const { revision, color } = operation.candidate
    const earlier = history.find((other) => other.revision === revision)
    const entry: HistoryEntry = {
      revision,
      color,
      outcome,
      digest: operation.digest,
      images: operation.images,
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
    const { cluster, namespace, release } = this.#options
    this.#contents.delete(revision)
    const secret = await getOf(cluster, SECRET, { namespace, name: revisionName(release, revision) })
    if (!secret || inTheWay(secret, release)) return
    const { uid } = secret.metadata
    await cluster.delete(refOf(secret), { uid }).catch((error) => {
      if (!isConflict(error)) throw error // another of that name came in its place
    })
  }
}

const readLedger = ({ cluster, namespace, release }: LedgerOptions): Promise<DataObject | undefined> =>
  getOf(cluster, CONFIG_MAP, { namespace, name: ledgerName(release) })
