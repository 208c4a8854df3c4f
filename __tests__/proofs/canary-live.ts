// A release is judged by what a real Prometheus scrapes of real processes.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BundleResult, runBundle } from '../../scripts/runner.ts'
import type { Alone, Figures, Proof } from './prove.ts'
import { type Behaviour, type Groups, type Load, Monitoring, startGroups, startLoad } from './support/monitored.ts'

interface Case {
  name: string
  /** What the action has to say. */
  wants: readonly string[]
  rps: number
  pods?: number
  behaviour?: (side: 'candidate' | 'baseline', number: number) => Behaviour
  inputs?: Record<string, string>
  /** What happens meanwhile. */
  meanwhile?: (groups: Groups, monitoring: Monitoring) => Promise<void>
  /** What else is wrong; empty when nothing is. */
  also?: (result: BundleResult, load: Load, groups: Groups, monitoring: Monitoring) => Promise<string> | string
  /** Needs a Prometheus of its own. */
  own?: true
  /** Not in the short form. */
  long?: true
}

const errors =
  (candidate: string, baseline = candidate) =>
  (side: 'candidate' | 'baseline'): Behaviour => ({ ERROR_RATE: side === 'candidate' ? candidate : baseline })
const latency =
  (candidate: string, baseline: string) =>
  (side: 'candidate' | 'baseline'): Behaviour => ({ LATENCY_MS: side === 'candidate' ? candidate : baseline })
/** Errors alone, where latencies of a busy machine would only be in the way. */
const ERRORS = JSON.stringify({
  metrics: [{ kind: 'errors', name: 'errors', total: 'http_requests_total', events: 'http_requests_total{status=~"5.."}' }],
})

const cases: Case[] = [
  { name: 'a good release passes', wants: ['passed'], rps: 60, inputs: { config: ERRORS }, also: countsEverything },
  {
    name: 'one point more errors fails, and the same window replayed says the same',
    wants: ['failed'],
    rps: 60,
    behaviour: errors('0.015', '0.005'),
    inputs: { config: ERRORS },
    also: replaysTheSame,
  },
  { name: 'a fifth more latency fails', wants: ['failed'], rps: 30, behaviour: latency('54', '45') },
  {
    name: 'no traffic is inconclusive',
    wants: ['inconclusive'],
    rps: 0,
    behaviour: () => ({ METRICS_FROM_ZERO: 'true' }),
    inputs: { 'max-duration': '20s' },
  },
  { name: 'no traffic that anything counts is an error', wants: ['error'], rps: 0, inputs: { 'max-duration': '20s' } },
  {
    name: 'Prometheus killed midway is an error',
    wants: ['error'],
    rps: 20,
    behaviour: errors('0.005'),
    inputs: { interval: '2s', config: ERRORS },
    own: true,
    meanwhile: (_, monitoring) => sleep(9000).then(() => monitoring.kill()),
  },
  {
    name: 'one bad pod among five fails',
    wants: ['failed'],
    rps: 60,
    pods: 5,
    behaviour: (side, i) => ({ ERROR_RATE: side === 'candidate' && i === 0 ? '0.15' : '0.005' }),
    inputs: { config: ERRORS },
    long: true,
  },
  {
    name: 'a restart of the candidate changes nothing',
    wants: ['passed'],
    rps: 60,
    inputs: { config: ERRORS },
    meanwhile: restartOnce,
    also: countsEverything,
    long: true,
  },
  {
    name: '0.01% to 0.03% errors does not fail',
    wants: ['passed', 'inconclusive'],
    rps: 100,
    behaviour: errors('0.0003', '0.0001'),
    inputs: { config: ERRORS },
    long: true,
  },
]

async function restartOnce({ candidate }: Groups): Promise<void> {
  await sleep(8000)
  await candidate[0]?.restart()
}

/** What was judged is what was sent, but for what a crash and the ends of the window cost. */
function countsEverything(result: BundleResult, load: Load): string {
  const samples = Number(result.outputs.samples)
  return samples > 0.6 * load.sent.candidate && samples <= load.sent.candidate
    ? ''
    : `judged ${samples} requests of ${load.sent.candidate} sent`
}

async function replaysTheSame(result: BundleResult, _: Load, groups: Groups, monitoring: Monitoring): Promise<string> {
  const report = JSON.parse(await readFile(result.outputs.report ?? '', 'utf8')) as { data: { from: string; to: string; metrics: unknown } }
  const replayed = await analyze(monitoring, groups, { config: ERRORS, command: 'replay', from: report.data.from, to: report.data.to })
  if (replayed.outputs.outcome !== result.outputs.outcome) return `the replay is ${replayed.outputs.outcome}`
  return replayed.outputs.metrics === result.outputs.metrics
    ? ''
    : `the replay counted ${replayed.outputs.metrics}, live was ${result.outputs.metrics}`
}

function analyze(monitoring: Monitoring, { name }: Groups, inputs: Record<string, string>): Promise<BundleResult> {
  const live: Record<string, string> = inputs.command === 'replay' ? {} : { 'max-duration': '3m', failures: '2', 'query-timeout': '5s' }
  return runBundle({
    action: 'canary-analyze',
    inputs: {
      interval: '5s',
      'sample-delay': '1s',
      candidate: `${name}-green`,
      baseline: `${name}-blue`,
      'prometheus-url': monitoring.url,
      ...live,
      ...inputs,
    },
    ...(process.env.DIST && { dist: process.env.DIST }),
  })
}

/** A metric that no target has is an error at once: the first requests are scraped before anything is asked. */
const FIRST_SCRAPES = 3000

/** Runs one case. Gives what is wrong; empty when nothing is. */
async function runCase(one: Case, shared: Monitoring): Promise<string> {
  const monitoring = one.own ? await Monitoring.start() : shared
  const groups = await startGroups(monitoring, one.pods ?? 1, one.behaviour ?? (() => ({})))
  const load = startLoad(groups, one.rps)
  try {
    if (one.rps > 0) await sleep(FIRST_SCRAPES)
    const [result] = await Promise.all([analyze(monitoring, groups, one.inputs ?? {}), one.meanwhile?.(groups, monitoring)])
    const outcome = result.outputs.outcome ?? 'nothing'
    if (!one.wants.includes(outcome)) return `${outcome}: ${result.outputs.headline} ${result.outputs.reason}`
    return (await one.also?.(result, load, groups, monitoring)) ?? ''
  } finally {
    await load.stop()
    await (one.own ? monitoring.stop() : monitoring.forget([...groups.candidate, ...groups.baseline]))
  }
}

/** Releases without any difference: 0.5% errors on both sides, 20 requests a second, 60 looks at most. */
async function releaseAA(number: number, monitoring: Monitoring, duration: string): Promise<string> {
  const counters: Behaviour = number % 2 ? { METRICS_FROM_ZERO: 'true' } : {}
  const groups = await startGroups(monitoring, 1, () => ({ ERROR_RATE: '0.005', ...counters }))
  const load = startLoad(groups, 20)
  try {
    await sleep(FIRST_SCRAPES)
    const { outputs } = await analyze(monitoring, groups, { 'max-duration': duration, interval: '2s' })
    return outputs.outcome === 'failed' || outputs.outcome === 'error' ? `${outputs.outcome}: ${outputs.reason}` : ''
  } finally {
    await load.stop()
    await monitoring.forget([...groups.candidate, ...groups.baseline])
  }
}

/** Works through items, `width` at once. */
async function inLanes<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items]
  const lane = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: width }, lane))
}

async function proveAlone({ short, only, log }: Alone): Promise<Figures> {
  const chosen = cases.filter(({ name, long }) => (only ? name.includes(only) : !(short && long)))
  const releases = only && !'A/A'.includes(only) ? [] : Array.from({ length: short ? 2 : 20 }, (_, i) => i)
  const monitoring = await Monitoring.start()
  let [wrong, aaFalse] = [0, 0]
  try {
    await inLanes(chosen, 2, async (one) => {
      const problem = await runCase(one, monitoring)
      if (problem) wrong++
      log(`${problem ? 'WRONG' : 'right'} ${one.name}${problem ? `: ${problem}` : ''}`)
    })
    await inLanes(releases, 4, async (number) => {
      const problem = await releaseAA(number, monitoring, short ? '40s' : '2m')
      if (problem) aaFalse++
      log(`${problem ? 'FALSE' : 'quiet'} A/A release ${number + 1}${problem ? `: ${problem}` : ''}`)
    })
  } finally {
    await monitoring.stop()
  }
  return { cases: chosen.length, wrong, aa_releases: releases.length, aa_false: aaFalse }
}

export const proof: Proof = {
  claim: 'judged by a real Prometheus and real processes, bad releases fail, good ones do not, and no data is no verdict',
  alone: proveAlone,
  judge: ({ wrong = 1, aa_false = 1 }) => [
    ...(wrong ? [`${wrong} cases came out wrong`] : []),
    ...(aa_false ? [`${aa_false} good releases failed`] : []),
  ],
}
