import { expect, test } from '@jest/globals'
import { type Finding, type Gate, TimeIsUp, unlessOver } from '../../../actions/bluegreen-deploy/gates/gate.ts'
import { watchGates } from '../../../actions/bluegreen-deploy/gates/watch.ts'
import { TestClock } from '../../support/clock.ts'
import { watch } from './pods.ts'

const passed: Finding = { verdict: 'passed', text: 'good' }
const failed: Finding = { verdict: 'failed', text: 'bad' }
const open: Finding = { verdict: 'inconclusive', text: 'who knows' }
const never = new Promise<never>(() => undefined)

/** A gate that says `finding` after `at` milliseconds, or `last` when it is ended before; writes down when and why it ended. */
function gate(log: string[], name: string, clock: TestClock, at = Infinity, finding: Finding = passed, last: Finding = passed): Gate {
  return {
    name,
    async watch(signal) {
      log.push(`start ${name}`)
      const spoken = await unlessOver(signal, at === Infinity ? never : clock.sleep(at).then(() => finding))
      log.push(`${name} at ${clock.monotonic()}${signal.aborted ? `: ${(signal.reason as Error).message}` : ''}`)
      return spoken ?? last
    },
  }
}

test('gates that do not object are heard to the end, each for its last word', async () => {
  const clock = new TestClock()
  const log: string[] = []
  expect(await watch(clock, [gate(log, 'a', clock), gate(log, 'b', clock, Infinity, passed, open)])).toEqual([passed, open])
  const up = new TimeIsUp().message
  expect([clock.monotonic(), log]).toEqual([10_000, ['start a', 'start b', `a at 10000: ${up}`, `b at 10000: ${up}`]])
})

test('the first that fails ends it for all at once, with nothing else to say', async () => {
  const clock = new TestClock()
  const log: string[] = []
  const gates = [gate(log, 'a', clock), gate(log, 'b', clock, 3_000, failed), gate(log, 'c', clock, 3_001, { ...failed, text: 'worse' })]
  expect(await watch(clock, gates)).toEqual([failed])
  expect([clock.monotonic(), log.slice(3)]).toEqual([
    3_000,
    ['b at 3000', 'a at 3000: another gate objects', 'c at 3000: another gate objects'],
  ])
})

test('an objection wins while another gate waits for an answer that never comes', async () => {
  const clock = new TestClock()
  // As a request without an answer: it ends when it is told to, and only then.
  const hangs: Gate = { name: 'hangs', watch: async (signal) => (await unlessOver(signal, never)) ?? open }
  expect(await watch(clock, [hangs, gate([], 'b', clock, 2_000, failed), hangs])).toEqual([failed])
  expect(clock.monotonic()).toBe(2_000)
})

test('a verdict that is no failure stands, and does not shorten the watch', async () => {
  const clock = new TestClock()
  const log: string[] = []
  expect(await watch(clock, [gate(log, 'a', clock, 2_000, open), gate(log, 'b', clock, 1_000)])).toEqual([open, passed])
  expect(clock.monotonic()).toBe(10_000)
})

test('without a duration it lasts until every gate has spoken', async () => {
  const clock = new TestClock()
  const gates = [gate([], 'a', clock, 2_000, open), gate([], 'b', clock, 90_000)]
  expect(await watchGates(gates, { clock, signal: new AbortController().signal, tell: () => undefined })).toEqual([open, passed])
  expect(clock.monotonic()).toBe(90_000)
})

test('no gate has nothing to say: with a duration that is waited for, without one not', async () => {
  const clock = new TestClock()
  expect(await watchGates([], { clock, signal: new AbortController().signal, tell: () => undefined })).toEqual([])
  expect(clock.monotonic()).toBe(0)
  expect(await watch(clock, [])).toEqual([])
  expect(clock.monotonic()).toBe(10_000)
})

test('what fails at the very end, or as the last word, still fails', async () => {
  const clock = new TestClock()
  expect(await watch(clock, [gate([], 'a', clock, 10_000, failed), gate([], 'b', clock)])).toEqual([failed])
  expect(await watch(clock, [gate([], 'a', clock), gate([], 'b', clock, Infinity, passed, failed)])).toEqual([failed])
})

test('a gate that cannot say is an error at once, and the others are ended before it is thrown', async () => {
  const no = () => Promise.reject(new Error('the API is away'))
  const later = (clock: TestClock) => async (signal: AbortSignal) => {
    await clock.sleep(3_000, signal)
    throw new Error('the API is away')
  }
  for (const [at, broken] of [
    [0, () => no],
    [3_000, later],
  ] as const) {
    const clock = new TestClock()
    const log: string[] = []
    const gates = [gate(log, 'a', clock), { name: 'b', watch: broken(clock) }, gate(log, 'c', clock)]
    await expect(watch(clock, gates)).rejects.toThrow('the API is away')
    expect([clock.monotonic(), log.slice(2).map((line) => line.slice(0, 1))]).toEqual([at, ['a', 'c']])
  }
})

test('a cancel ends it with its reason, and the gates', async () => {
  const clock = new TestClock()
  const log: string[] = []
  const stop = new AbortController()
  clock.after(2_500, () => stop.abort(new Error('cancelled')))
  await expect(watch(clock, [gate(log, 'a', clock)], { signal: stop.signal })).rejects.toThrow('cancelled')
  expect([clock.monotonic(), log]).toEqual([2_500, ['start a', 'a at 2500: cancelled']])
})

test('a watch that begins cancelled looks at nothing for long', async () => {
  const clock = new TestClock()
  await expect(watch(clock, [gate([], 'a', clock)], { signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow('cancelled')
  expect(clock.monotonic()).toBe(0)
})

test('a long watch says how far it is, each quarter', async () => {
  const clock = new TestClock()
  const told: string[] = []
  await watch(clock, [gate([], 'a', clock)], { duration: 300_000 }, told)
  expect(told).toEqual(['3m45s', '2m30s', '1m15s'].map((left) => `watching for another ${left}; nothing to object so far`))
})
