import type { Clock } from '../../time/clock.ts'
import { ApiError, type Cluster, type KubeObject } from '../api/cluster.ts'
import type { Select } from '../objects/read.ts'

export interface WaitOptions {
  clock: Clock
  signal: AbortSignal
  /** How long to wait, in milliseconds. */
  timeout: number
  /** How often to decide again when nothing has changed, in milliseconds: verdicts that ripen with time. Default 1000. */
  every?: number
}

/**
 * Watches what `queries` select and calls `decide` with one list of objects for each query, first when all are known, then after
 * every change and at least each `every` milliseconds. Resolves with the first answer that is not undefined, or undefined at the timeout.
 * A watch that ends, breaks or is too old is begun again from a new list; an API server that stays away is the error of that list.
 */
export async function waitFor<T, Objects extends KubeObject[]>(
  cluster: Cluster,
  queries: readonly [...{ [At in keyof Objects]: Select<Objects[At]> }],
  decide: (...lists: { [At in keyof Objects]: Objects[At][] }) => T | undefined | Promise<T | undefined>,
  options: WaitOptions,
): Promise<T | undefined> {
  const { clock, signal, timeout, every = 1000 } = options
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const followed = queries.map((query) => new Followed(cluster, query))
  // Each list was read by the query in its place.
  const answerNow = async (): Promise<T | undefined> =>
    decide(...(followed.map((one) => one.objects) as { [At in keyof Objects]: Objects[At][] }))
  let failure: Error | undefined
  let wake = () => {}
  const deadline = clock.monotonic() + timeout
  const versions = await Promise.all(followed.map((one) => one.load()))
  if (clock.monotonic() > deadline) return undefined
  let running: Promise<void>[] | undefined
  const follow = (): Promise<void>[] =>
    followed.map((one, at) =>
      one
        .follow(versions[at] ?? '', both, clock, () => wake())
        .catch((error) => {
          failure ??= error instanceof Error ? error : new Error(String(error))
          wake()
        }),
    )
  try {
    for (;;) {
      // Before it is decided: a change that comes meanwhile is not slept over.
      const changed = new Promise<void>((resolve) => (wake = resolve))
      signal.throwIfAborted()
      if (failure !== undefined) throw failure
      const answer = await answerNow()
      if (answer !== undefined) return answer
      running ??= follow() // what is there already needs no watch
      const left = deadline - clock.monotonic()
      if (left <= 0) return undefined
      const nap = new AbortController()
      const slept = clock.sleep(Math.min(every, left), AbortSignal.any([both, nap.signal])).catch(() => undefined)
      await Promise.race([changed, slept])
      nap.abort()
    }
  } finally {
    stop.abort()
    await Promise.all(running ?? [])
  }
}

/** What one query selects, kept up to date by list and watch. */
class Followed<T extends KubeObject> {
  readonly #cluster: Cluster
  readonly #query: Select<T>
  #known = new Map<string, T>()

  constructor(cluster: Cluster, query: Select<T>) {
    this.#cluster = cluster
    this.#query = query
  }

  get objects(): T[] {
    return [...this.#known.values()]
  }

  /** Reads all of them anew; gives the version from which on changes are followed. */
  async load(): Promise<string> {
    const { items, resourceVersion } = await this.#cluster.list(this.#query)
    this.#known = new Map(items.map((item) => [item.metadata.name, this.#query.read(item)]))
    return resourceVersion
  }

  async follow(version: string, signal: AbortSignal, clock: Clock, changed: () => void): Promise<void> {
    let from = version
    while (!signal.aborted) {
      const began = clock.monotonic()
      try {
        await this.#watch(from, signal, changed)
      } catch (error) {
        if (signal.aborted) return
        // Forbidden stays forbidden; anything else the next list finds out, with its patience.
        if (error instanceof ApiError && [401, 403].includes(error.status)) throw error
      }
      // A server that ends watches at once is not asked in a tight loop.
      if (!signal.aborted && clock.monotonic() - began < 1000) await clock.sleep(500, signal).catch(() => undefined)
      if (signal.aborted) return
      from = await this.load()
      changed()
    }
  }

  async #watch(from: string, signal: AbortSignal, changed: () => void): Promise<void> {
    for await (const { type, object } of this.#cluster.watch(this.#query, from, signal)) {
      if (type === 'BOOKMARK') continue
      if (type === 'DELETED') this.#known.delete(object.metadata.name)
      else this.#known.set(object.metadata.name, this.#query.read(object))
      changed()
    }
  }
}
