// A release is judged by what a real Prometheus scrapes of real processes.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BundleResult, runBundle } from '../../scripts/runner.ts'
import type { Alone, Figures, Proof } from './prove.ts'
import { inLanes } from './support/lanes.ts'
import { type Behaviour, type Groups, type Load, Monitoring, type Rates, startGroups, startLoad } from './support/monitored.ts'

interface Case {
  name: string
  /** What the action has to say. */
  wants: readonly string[]
  rps: number | Rates
  pods?: number
  behaviour?: (side: 'candidate' | 'baseline', number: number) => Behaviour
  inputs?: Record<string, string>
  /** What happens meanwhile. */
  meanwhile?: (groups: Groups, monitoring: Monitoring) => Promise<void>
  /** What else is wrong; empty when nothing is. */
  also?: (result: BundleResult, load: Load, groups: Groups, monitoring: Monitoring) => Promise<string> | string
  /** Needs a Prometheus of its own, which scrapes each so many seconds. */
  own?: number
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

/** Ten measurements, five seconds apart. */
const CUT_OFF = JSON.stringify({
  kind: 'AnalysisTemplate',
  metadata: { name: 'cut-off' },
  spec: {
    metrics: [
      { name: 'ok', interval: '5s', count: 10, successCondition: 'result[0] == 1', provider: { prometheus: { query: 'vector(1)' } } },
    ],
  },
})

const within = ({ duration }: Record<string, string>, seconds: number): string =>
  Number(duration) <= seconds ? '' : `the verdict took ${duration} s, more than ${seconds} s`

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
  {
    name: 'pods that never had a request are waited for, and then an error',
    wants: ['error'],
    rps: 0,
    inputs: { config: ERRORS },
    long: true,
  },
  {
    name: 'Prometheus killed midway is an error',
    wants: ['error'],
    rps: 20,
    behaviour: errors('0.005'),
    inputs: { interval: '2s', config: ERRORS },
    own: 1,
    meanwhile: (_, monitoring) => sleep(9000).then(() => monitoring.kill()),
  },
  {
    name: 'a total outage fails within a few looks',
    wants: ['failed'],
    rps: 30,
    behaviour: errors('1', '0.005'),
    also: ({ outputs }) => within(outputs, 25),
  },
  {
    name: 'half of the requests fail, and the label is called code',
    wants: ['failed'],
    rps: 30,
    behaviour: (side) => ({ STATUS_LABEL: 'code', ERROR_RATE: side === 'candidate' ? '0.5' : '0' }),
    also: ({ outputs }) => within(outputs, 45),
  },
  {
    name: 'a burst on one pod is forgiven',
    wants: ['passed'],
    rps: 60,
    pods: 2,
    inputs: { config: ERRORS, interval: '10s', 'min-duration': '100s' },
    meanwhile: burstOnce,
    also: countsEverything,
    long: true,
  },
  {
    name: '5% of the traffic: a bad candidate fails',
    wants: ['failed'],
    rps: { candidate: 5, baseline: 95 },
    pods: 2,
    behaviour: errors('0.2', '0.005'),
    inputs: { config: ERRORS },
    long: true,
  },
  {
    name: '5% of the traffic: a good candidate passes',
    wants: ['passed'],
    rps: { candidate: 5, baseline: 95 },
    pods: 2,
    inputs: { config: ERRORS },
    long: true,
  },
  { name: 'without a baseline a good release passes on its errors', wants: ['passed'], rps: 30, inputs: { baseline: '' } },
  { name: 'without a baseline a bad one fails', wants: ['failed'], rps: 30, behaviour: errors('0.1', '0'), inputs: { baseline: '' } },
  {
    name: 'scrapes of 30 s: a total outage fails, in looks that are lengthened',
    wants: ['failed'],
    rps: 20,
    behaviour: errors('1', '0'),
    own: 30,
    also: ({ log }) => (log.includes('is lengthened to 1m') ? '' : 'that looks are lengthened was not said'),
    long: true,
  },
  {
    name: 'scrapes of 30 s: a good release passes',
    wants: ['passed'],
    rps: 20,
    own: 30,
    inputs: { config: ERRORS },
    long: true,
  },
  {
    name: 'a candidate that matches nothing is an error, which names what there is',
    wants: ['error'],
    rps: 20,
    inputs: { candidate: 'gren', config: ERRORS },
    also: ({ outputs, log }, _, { name }) =>
      `${outputs.reason}${log}`.includes(`${name}-green`) ? '' : `no word of the pods there are: ${outputs.reason}`,
    long: true,
  },
  {
    name: 'a template that would be cut off is refused',
    wants: ['error'],
    rps: 0,
    inputs: { config: CUT_OFF, candidate: '', baseline: '', 'max-duration': '12s' },
    also: ({ outputs }) => (`${outputs.reason}`.includes('max-duration') ? '' : `no word of max-duration: ${outputs.reason}`),
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

/** Errors for three seconds, of which a look of ten may see all. */
async function burstOnce({ candidate }: Groups): Promise<void> {
  await sleep(30_000)
  await candidate[0]?.tell({ errorRate: 0.6 })
  await sleep(3_000)
  await candidate[0]?.tell({ errorRate: 0 })
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
  const monitoring = one.own ? await Monitoring.start(one.own) : shared
  const groups = await startGroups(monitoring, one.pods ?? 1, one.behaviour ?? (() => ({})))
  const load = startLoad(groups, typeof one.rps === 'number' ? { candidate: one.rps, baseline: one.rps } : one.rps)
  try {
    if (one.rps !== 0) await sleep(FIRST_SCRAPES)
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
  const load = startLoad(groups, { candidate: 20, baseline: 20 })
  try {
    await sleep(FIRST_SCRAPES)
    const { outputs } = await analyze(monitoring, groups, { 'max-duration': duration, interval: '2s' })
    return outputs.outcome === 'failed' || outputs.outcome === 'error' ? `${outputs.outcome}: ${outputs.reason}` : ''
  } finally {
    await load.stop()
    await monitoring.forget([...groups.candidate, ...groups.baseline])
  }
}

async function proveAlone({ short, only, log }: Alone): Promise<Figures> {
  const chosen = cases.filter(({ name, long }) => (only ? name.includes(only) : !(short && long)))
  const releases = only && !'A/A'.includes(only) ? [] : Array.from({ length: short ? 2 : 20 }, (_, i) => i)
  const monitoring = await Monitoring.start()
  let [wrong, aaFalse] = [0, 0]
  try {
    await inLanes(chosen, 2, async (one) => {
      const began = performance.now()
      const problem = await runCase(one, monitoring)
      if (problem) wrong++
      const seconds = Math.round((performance.now() - began) / 1000)
      log(`${problem ? 'WRONG' : 'right'} ${one.name} (${seconds} s)${problem ? `: ${problem}` : ''}`)
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
