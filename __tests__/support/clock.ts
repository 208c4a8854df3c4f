// A clock for tests: when everybody sleeps it goes on to the next one who wakes up, so that minutes pass in milliseconds.
import { setImmediate } from 'node:timers'
import type { Clock } from '../../actions/shared/time/clock.ts'

interface Timer {
  at: number
  order: number
  run: () => void
}

/** Virtual time. It stands still while anything in this process still runs in microtasks; real input and output is not waited for. */
export class TestClock implements Clock {
  readonly #start: number
  #now = 0
  #order = 0
  #timers: Timer[] = []
  #scheduled = false

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start
  }

  now(): number {
    return this.#start + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const stop = this.after(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      const abort = () => {
        stop()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Calls `run` in `ms` milliseconds; what comes back takes that back. */
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run }
    this.#timers.push(timer)
    this.#schedule()
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const [next, ...rest] = this.#timers.sort((a, b) => a.at - b.at || a.order - b.order)
      if (!next) return
      this.#timers = rest
      this.#now = Math.max(this.#now, next.at)
      next.run()
      if (this.#timers.length) this.#schedule()
    })
  }
}
