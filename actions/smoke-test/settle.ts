// Checks until they settle: each is tried again until it passed as often in a row as it has to, or the suite's deadline is over.
import { Lanes } from '../shared/limit.ts'
import { type Clock, formatDuration } from '../shared/time/clock.ts'
import { Fault } from './fault.ts'
import type { Check } from './load.ts'
import type { Probe, Probed } from './probe.ts'
import type { Values } from './template.ts'

export interface CheckResult {
  check: Check
  /** `skipped`: a check that it waits for did not pass. */
  outcome: 'passed' | 'failed' | 'skipped'
  attempts: number
  /** Attempts that did not pass, by their word; also of a check that passed in the end. */
  failures: Record<string, number>
  /** Why it failed; undefined for a check that passed. */
  fault: Fault | undefined
  /** What was seen, or why it was skipped. */
  said: string
  /** Of the last attempt. */
  stages: string
  /** From its first attempt to its end, in milliseconds. */
  milliseconds: number
}

export interface SettleOptions {
  clock: Clock
  signal: AbortSignal
  probe: Probe
  /** Milliseconds; all of them defaults of the suite. */
  deadline: number
  timeout: number
  interval: number
  maxInterval: number
  consecutive: number
  parallel: number
  /** What the checks begin with; captures are added. */
  values: Values
  /** Told of a captured value before anything else happens with it. */
  onCapture: (check: Check, name: string, value: unknown) => void
  onAttempt: (check: Check, attempt: number, probed: Probed, wait: number) => void
  onResult: (result: CheckResult) => void
}

/** Runs all checks; the results are in their order. Ends by the deadline. */
export async function settle(checks: readonly Check[], options: SettleOptions): Promise<CheckResult[]> {
  const until = options.clock.monotonic() + options.deadline
  const values = new Map(options.values)
  const lanes = new Lanes(options.parallel)
  const results = new Map<string, Promise<CheckResult>>()
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const begin = (check: Check): Promise<CheckResult> => {
    const { name } = check.spec
    const known = results.get(name)
    if (known) return known
    const needed = checks.filter((other) => check.after.includes(other.spec.name)).map(begin)
    const result = (async () => {
      const missing = (await Promise.all(needed)).find(({ outcome }) => outcome !== 'passed')
      const found = missing ? skipped(check, missing) : await settleOne(check, { ...options, signal }, { until, values, lanes })
      options.onResult(found)
      return found
    })()
    results.set(name, result)
    return result
  }
  try {
    return await Promise.all(checks.map(begin))
  } catch (error) {
    // Nothing goes on behind a run that ends.
    failed.abort(error)
    await Promise.allSettled(results.values())
    throw error
  }
}

const skipped = (check: Check, missing: CheckResult): CheckResult => ({
  check,
  outcome: 'skipped',
  attempts: 0,
  failures: {},
  fault: undefined,
  said: `${missing.check.spec.name} did not pass`,
  stages: '',
  milliseconds: 0,
})

interface Shared {
  until: number
  values: Map<string, { value: unknown; captured: boolean }>
  lanes: Lanes
}

/** The shortest time that an attempt is worth. */
const LEAST = 50

async function settleOne(check: Check, options: SettleOptions, { until, values, lanes }: Shared): Promise<CheckResult> {
  const { clock, signal, probe } = options
  const { spec } = check
  const began = clock.monotonic()
  const timeout = spec.timeout ?? options.timeout
  const wanted = spec.consecutive ?? options.consecutive
  const interval = spec.interval ?? options.interval
  const left = (): number => until - clock.monotonic()
  const failures: Record<string, number> = {}
  let [attempts, row, passed, inRow] = [0, 0, 0, 0]
  let last: Probed | undefined
  let fault: Fault | undefined
  while (left() >= LEAST || attempts === 0) {
    const probed = await lanes.run(async () =>
      left() >= LEAST || attempts === 0 ? probe(check, values, Math.max(LEAST, Math.min(timeout, left()))) : undefined,
    )
    if (!probed) break
    attempts++
    if (probed.fault) failures[probed.fault.word] = (failures[probed.fault.word] ?? 0) + 1
    // What the deadline cut short says less than what a whole attempt said.
    const cutShort =
      probed.fault !== undefined && probed.milliseconds < timeout && left() < LEAST && ['slow', 'timeout'].includes(probed.fault.word)
    if (!cutShort || !fault) fault = probed.fault ?? fault
    last = probed
    row = probed.fault ? 0 : row + 1
    passed += probed.fault ? 0 : 1
    inRow = probed.fault ? inRow + 1 : 0
    const done = row >= wanted || (probed.fault !== undefined && !spec.retry)
    const pause = Math.min(options.maxInterval, interval * 2 ** Math.max(0, Math.min(inRow, 30) - 1))
    const over = done || left() < Math.min(interval, pause)
    // The end of a long pause is not the end of hope: a last look comes before the deadline.
    const wait = pause < left() ? pause : left() / 2
    options.onAttempt(check, attempts, probed, over ? 0 : wait)
    if (over) break
    await clock.sleep(wait, signal)
  }
  const common = { check, attempts, failures, stages: last?.stages ?? '', milliseconds: clock.monotonic() - began }
  if (row >= wanted) {
    for (const [name, value] of last?.captured ?? []) {
      options.onCapture(check, name, value)
      values.set(name, { value, captured: true })
    }
    return { ...common, outcome: 'passed', fault: undefined, said: last?.said ?? '' }
  }
  const why = judge({ fault, passed, attempts, wanted, over: formatDuration(options.deadline) })
  return { ...common, outcome: 'failed', fault: why, said: why.message }
}

/** A check that passed now and then is not the same as one that never did. */
function judge(seen: { fault: Fault | undefined; passed: number; attempts: number; wanted: number; over: string }): Fault {
  const { fault, passed, attempts, wanted, over } = seen
  if (!fault) return new Fault('slow', 'judge', `it passed ${passed} times, and ${over} were over before ${wanted} times in a row`)
  if (passed === 0) return fault
  const text = `it passed ${passed} of ${attempts} attempts, never ${wanted} in a row; otherwise: ${fault.message}`
  // The way there that comes and goes says nothing about the service.
  const word = fault.verdict === 'unreachable' ? fault.word : 'flapping'
  return new Fault(word, fault.stage, text, { shown: fault.shown, cause: fault })
}
