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

/**
 * Does `work` for every item, several at once; answers in the order of the items. Nothing new is begun after a failure, which is thrown when
 * nothing is under way any more: what comes after it meets no write that is still on its way.
 */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const lanes = new Lanes(WIDTH)
  let failure: { reason: unknown } | undefined
  const answers: R[] = []
  const one = async (item: T, at: number): Promise<void> => {
    if (failure) return
    try {
      answers[at] = await work(item)
    } catch (reason) {
      failure ??= { reason }
    }
  }
  await Promise.all(items.map((item, at) => lanes.run(() => one(item, at))))
  if (failure) throw failure.reason
  return answers
}
