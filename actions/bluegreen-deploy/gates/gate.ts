import type { Evidence } from '../../shared/kubernetes/watch/diagnosis.ts'
import type { Clock } from '../../shared/time/clock.ts'

export type Verdict = 'passed' | 'failed' | 'inconclusive'

export interface Finding {
  verdict: Verdict
  text: string
  evidence?: Evidence[]
}

/** Something that decides whether a release may go on. */
export interface Gate {
  readonly name: string
  /**
   * Resolves with the finding as soon as there is one: `failed` ends the watch for all. When the signal is aborted the time is over, and
   * the gate concludes at once with what it has seen until then. Throws when it could not tell.
   */
  watch(signal: AbortSignal): Promise<Finding>
}

/** What `work` gives, or undefined as soon as the signal is aborted, whatever the work waits for then. */
export async function unlessOver<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  const { promise: over, resolve } = Promise.withResolvers<undefined>()
  const end = (): void => resolve(undefined)
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([work, over])
  } catch (error) {
    if (signal.aborted) return undefined // the work says that it was ended
    throw error
  } finally {
    signal.removeEventListener('abort', end)
    if (signal.aborted) work.catch(() => undefined) // nobody listens to it any more
  }
}

/** Sleeps for `ms` milliseconds; false when the signal is aborted before. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  const slept = clock.sleep(ms, signal).then(() => true)
  return (await unlessOver(signal, slept)) ?? false
}

/** Why a gate's signal is aborted when the watch lasted as long as it was to: what a gate still wants to look at may be looked at. */
export class TimeIsUp extends Error {
  constructor() {
    super('the time of the watch is up')
  }
}

/** Resolves when the signal is aborted. */
export async function ended(signal: AbortSignal): Promise<void> {
  await unlessOver(signal, new Promise<never>(() => undefined))
}
