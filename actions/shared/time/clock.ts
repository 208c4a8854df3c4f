import { setTimeout as sleep } from 'node:timers/promises'

/** Time as a port, so that tests of an engine take none. */
export interface Clock {
  /** Milliseconds since 1970, for what is written down. */
  now(): number
  /** Milliseconds that only ever grow, for what is measured; it goes on while the process is frozen. */
  monotonic(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Linux's CLOCK_MONOTONIC runs on through SIGSTOP, which is what a lease needs to know.
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted()
    try {
      await sleep(ms, undefined, { signal })
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    }
  },
}

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 }

/** `0` -> `0s`, `350` -> `350ms`, `1500` -> `1.5s`, `90_000` -> `1m30s`: as inputs write them, to the tenth of a second, from a minute on to the second. */
export function formatDuration(ms: number): string {
  const step = ms < 1000 ? 1 : ms < 60_000 ? 100 : 1000
  let rest = Math.round(ms / step) * step
  if (rest > 0 && rest < 1000) return `${rest}ms`
  if (rest < 60_000) return `${rest / 1000}s`
  let text = ''
  for (const [unit, length] of Object.entries(UNITS)) {
    const count = Math.floor(rest / length)
    if (count > 0) text += `${count}${unit}`
    rest -= count * length
  }
  return text
}
