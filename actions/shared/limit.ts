/** How many requests are under way at once. */
const WIDTH = 8

/** A bound on how much is under way: work beyond it waits, and begins in the order in which it came. */
export class Lanes {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(width: number) {
    this.#free = width
  }

  /** Does the work when there is room for it, and gives its answer or its error. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}

/** Does `work` for every item, several at once; answers in the order of the items. Nothing new is begun after a failure, which is thrown. */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const lanes = new Lanes(WIDTH)
  let failed = false
  let failure: unknown
  return Promise.all(
    items.map((item) =>
      lanes.run(async () => {
        if (failed) throw failure
        try {
          return await work(item)
        } catch (error) {
          failed = true
          failure ??= error
          throw error
        }
      }),
    ),
  )
}
