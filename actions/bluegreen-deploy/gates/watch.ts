import { type Clock, formatDuration } from '../../shared/time/clock.ts'
import { type Finding, type Gate, pause, TimeIsUp } from './gate.ts'

export interface WatchOptions {
  clock: Clock
  signal: AbortSignal
  /** How long is watched, in milliseconds; without it until every gate has spoken. */
  duration?: number
  tell: (text: string) => void
}

/**
 * Lets gates watch side by side. The first that fails ends the watch at once, whatever the others wait for, and is the only finding then;
 * else there is one of each. Throws what a gate throws, and the reason of `signal` when that ends the watch.
 */
export async function watchGates(gates: readonly Gate[], { clock, signal, duration, tell }: WatchOptions): Promise<Finding[]> {
  const over = new AbortController()
  const both = AbortSignal.any([signal, over.signal])
  const first = Promise.withResolvers<Finding>()
  const watching = gates.map(async (gate) => {
    const finding = await gate.watch(both)
    if (finding.verdict === 'failed') first.resolve(finding)
    return finding
  })
  const all = Promise.all(watching)
  // A gate that throws ends the watch at once; gates that have all spoken do not shorten one that has a duration.
  const time: Promise<unknown> = duration === undefined ? all : passed(duration, { clock, signal: both, tell })
  const thrown = all.then(() => time)
  let objection: Finding | undefined
  try {
    objection = await Promise.race([first.promise, time.then(() => undefined), thrown.then(() => undefined)])
  } finally {
    over.abort(objection ? new Error('another gate objects') : new TimeIsUp())
    await Promise.allSettled(watching)
  }
  signal.throwIfAborted()
  if (objection) return [objection]
  const findings = await all
  const failed = findings.find(({ verdict }) => verdict === 'failed')
  return failed ? [failed] : findings
}

/** Resolves after `duration` milliseconds, or when the signal is aborted; says a few times how long it will be. */
async function passed(
  duration: number,
  { clock, signal, tell }: { clock: Clock; signal: AbortSignal; tell: (text: string) => void },
): Promise<void> {
  const until = clock.monotonic() + duration
  const quarter = Math.max(30_000, duration / 4)
  for (;;) {
    const left = until - clock.monotonic()
    if (left <= 0 || !(await pause(clock, Math.min(quarter, left), signal))) return
    const rest = until - clock.monotonic()
    if (rest >= 1_000) tell(`watching for another ${formatDuration(rest)}; nothing to object so far`)
  }
}
