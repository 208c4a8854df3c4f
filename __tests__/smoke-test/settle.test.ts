import { expect, test } from '@jest/globals'
import { Fault, type Word } from '../../actions/smoke-test/fault.ts'
import { loadSuite } from '../../actions/smoke-test/load.ts'
import type { Probe, Probed } from '../../actions/smoke-test/probe.ts'
import { type CheckResult, type SettleOptions, settle } from '../../actions/smoke-test/settle.ts'
import { TestClock } from '../support/clock.ts'

type Say = Word | 'pass' | { captured: Record<string, unknown> }

interface Call {
  name: string
  at: number
  values: Record<string, unknown>
  limit: number
}

/** Runs a suite whose attempts end as `say` says, each after `takes` milliseconds. */
async function run(
  checks: string,
  say: (name: string, attempt: number, now: number) => Say,
  more: Partial<SettleOptions> & { takes?: number } = {},
) {
  const clock = new TestClock()
  const suite = loadSuite(`target: https://shop.example\nchecks:\n${checks.replace(/^/gm, '  ')}`, {
    file: 's.yaml',
    read: () => '',
  })
  const calls: Call[] = []
  const waits: number[] = []
  const captures: string[] = []
  let [under, most] = [0, 0]
  const { takes = 0, ...options } = more
  const probe: Probe = async (check, values, limit) => {
    const { name } = check.spec
    calls.push({ name, at: clock.monotonic(), values: Object.fromEntries([...values].map(([key, { value }]) => [key, value])), limit })
    most = Math.max(most, ++under)
    await clock.sleep(Math.min(takes, limit))
    under--
    const said = takes > limit ? 'slow' : say(name, calls.filter((call) => call.name === name).length, clock.monotonic())
    const fault = typeof said === 'string' && said !== 'pass' ? new Fault(said, 'answer', `it is ${said}`) : undefined
    const captured = new Map(Object.entries(typeof said === 'object' ? said.captured : {}))
    return { fault, said: 'fine', captured, stages: '', milliseconds: Math.min(takes, limit) } satisfies Probed
  }
  const results = await settle(suite.checks, {
    clock,
    signal: new AbortController().signal,
    probe,
    deadline: 60_000,
    timeout: 10_000,
    interval: 1000,
    maxInterval: 10_000,
    consecutive: 1,
    parallel: 4,
    values: suite.variables,
    onCapture: (_, name, value) => captures.push(`${name}=${String(value)}`),
    onAttempt: (_, __, ___, wait) => waits.push(wait),
    onResult: () => undefined,
    ...options,
  })
  return { results, calls, waits, captures, most, ended: clock.monotonic() }
}

const short = ({ outcome, attempts, fault }: CheckResult): string =>
  `${outcome} ${attempts}${fault ? ` ${fault.verdict} ${fault.word}` : ''}`
const web = '- {name: web, http: /}'

test('a check that passes at once is asked once', async () => {
  const { results, calls } = await run(web, () => 'pass')
  expect(results.map(short)).toEqual(['passed 1'])
  expect(calls.map(({ limit }) => limit)).toEqual([10_000])
})

test('failures are repeated with doubling pauses, counted, and forgiven', async () => {
  const { results, calls, waits } = await run(web, (_, n) => (n <= 6 ? (n % 2 ? 'status' : 'refused') : 'pass'))
  expect(results.map(short)).toEqual(['passed 7'])
  expect(results[0]?.failures).toEqual({ status: 3, refused: 3 })
  expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000, 0])
  expect(calls.map(({ at }) => at)).toEqual([0, 1000, 3000, 7000, 15_000, 25_000, 35_000])
})

test('what never passes ends by the deadline, with a last look before it', async () => {
  const { results, calls, ended } = await run(web, () => 'status', { deadline: 20_000 })
  expect(results.map(short)).toEqual(['failed 8 unhealthy status'])
  expect(calls.map(({ at }) => at)).toEqual([0, 1000, 3000, 7000, 15_000, 17_500, 18_750, 19_375])
  expect(ended).toBeLessThanOrEqual(20_000)
})

test('no attempt goes beyond the deadline, and one that it cut short hides no better reason', async () => {
  const { results, calls, ended } = await run(web, () => 'status', { deadline: 20_000, takes: 9000 })
  expect(calls.map(({ limit }) => limit)).toEqual([10_000, 10_000, 500])
  expect(results.map(short)).toEqual(['failed 3 unhealthy status'])
  const cut = await run(web, () => 'status', { deadline: 14_000, takes: 9000 })
  expect(cut.calls.map(({ limit }) => limit)).toEqual([10_000, 4000])
  expect(cut.results.map(short)).toEqual(['failed 2 unhealthy status'])
  expect([ended, cut.ended]).toEqual([20_000, 14_000])
})

test('the only attempt that the deadline allows tells that it was slow', async () => {
  const { results, ended } = await run(web, () => 'pass', { deadline: 5000, takes: 9000 })
  expect(results.map(short)).toEqual(['failed 1 unhealthy slow'])
  expect(ended).toBe(5000)
})

test('passes have to be in a row', async () => {
  const { results } = await run('- {name: web, http: /, consecutive: 3}', (_, n) => (n === 3 ? 'status' : 'pass'))
  expect(results.map(short)).toEqual(['passed 6'])
})

test('what comes and goes is flapping, and unreachable where only the way comes and goes', async () => {
  const flap = async (word: Word) => (await run('- {name: web, http: /, consecutive: 3}', (_, n) => (n % 3 ? 'pass' : word))).results[0]
  const unhealthy = await flap('status')
  expect(unhealthy && short(unhealthy)).toMatch(/^failed \d+ unhealthy flapping$/)
  expect(unhealthy?.said).toMatch(/^it passed \d+ of \d+ attempts, never 3 in a row; otherwise: it is status$/)
  expect((await flap('refused'))?.fault?.verdict).toBe('unreachable')
})

test('too few passes before the deadline are no pass', async () => {
  const { results } = await run('- {name: web, http: /, consecutive: 100}', () => 'pass', { deadline: 10_000 })
  expect(results.map(short)[0]).toMatch(/^failed \d+ unhealthy slow$/)
  expect(results[0]?.said).toMatch(/^it passed \d+ times, and 10s were over before 100 times in a row$/)
})

test('retry: false tries once', async () => {
  const { results } = await run('- {name: order, http: {url: /, method: POST}, retry: false}', () => 'status')
  expect(results.map(short)).toEqual(['failed 1 unhealthy status'])
})

test('checks wait for what they need and for what they capture; what failed is not built on', async () => {
  const suite = `- {name: cart, http: {url: /cart, bearer: "\${token}"}}
- {name: login, http: /login, capture: {token: {json: $.token}}}
- {name: broken, http: /broken}
- {name: after, needs: [broken, login], http: /after}
- {name: last, needs: [after], http: /last}`
  const { results, calls, captures } = await run(suite, (name) =>
    name === 'login' ? { captured: { token: 't1' } } : name === 'broken' ? 'status' : 'pass',
  )
  expect(results.map((result) => `${result.check.spec.name} ${result.outcome}`)).toEqual([
    'cart passed',
    'login passed',
    'broken failed',
    'after skipped',
    'last skipped',
  ])
  expect(results.map(({ said }) => said).slice(3)).toEqual(['broken did not pass', 'after did not pass'])
  expect(calls.find(({ name }) => name === 'cart')?.values).toEqual({ token: 't1' })
  expect(captures).toEqual(['token=t1'])
  expect(calls.filter(({ name }) => name === 'after' || name === 'last')).toEqual([])
})

test('at most so many attempts are under way, and a pause holds no place', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `- {name: c${i}, http: /}`).join('\n')
  const { most, ended } = await run(names, () => 'pass', { parallel: 3, takes: 1000 })
  expect([most, ended]).toEqual([3, 4000])
  const pausing = await run('- {name: bad, http: /}\n- {name: good, http: /}', (name) => (name === 'good' ? 'pass' : 'status'), {
    parallel: 1,
    deadline: 30_000,
  })
  expect(pausing.calls.find(({ name }) => name === 'good')?.at).toBe(0)
})

test('a defect ends the run at once, and nothing goes on behind it', async () => {
  const clock = new TestClock()
  let asked = 0
  const suite = loadSuite('target: https://x\nchecks: [{name: a, http: /}, {name: b, http: /}]', { file: 's', read: () => '' })
  const probe: Probe = async (check) => {
    asked++
    await clock.sleep(100)
    if (check.spec.name === 'a') throw new TypeError('ours')
    return { fault: new Fault('status', 'judge', ''), said: '', captured: new Map(), stages: '', milliseconds: 100 }
  }
  const nothing = (): void => undefined
  const options = { clock, signal: new AbortController().signal, probe, deadline: 60_000, timeout: 1000, interval: 1000, maxInterval: 1000 }
  await expect(
    settle(suite.checks, {
      ...options,
      consecutive: 1,
      parallel: 2,
      values: new Map(),
      onCapture: nothing,
      onAttempt: nothing,
      onResult: nothing,
    }),
  ).rejects.toThrow('ours')
  expect([asked, clock.monotonic() < 2000]).toEqual([2, true])
})
