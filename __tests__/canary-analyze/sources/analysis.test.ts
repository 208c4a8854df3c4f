// Whole analyses straight from the pods.
import { expect, test } from '@jest/globals'
import { readConfig } from '../../../actions/canary-analyze/config.ts'
import { analyze } from '../../../actions/canary-analyze/engine.ts'
import { parseSide } from '../../../actions/canary-analyze/selectors.ts'
import { withoutQueries } from '../../../actions/canary-analyze/sources/pods.ts'
import { AnswerError } from '../../../actions/shared/prometheus/answer.ts'
import { createStory } from '../../../actions/shared/report/story.ts'
import { type PodGiven, podsStore } from './pods-in-memory.ts'

interface Load {
  rps: number
  errors?: number
  /** The share of requests at or below 100 ms. */
  fast?: number
}
/** Metrics of a server after so many seconds, as client_golang writes them; it had been counting before. */
const metrics = ({ rps, errors = 0, fast = 0.9 }: Load, seconds: number, before: number): string => {
  const all = before + Math.floor(rps * seconds)
  const failed = Math.floor(rps * errors * seconds)
  return [
    '# TYPE http_requests_total counter',
    `http_requests_total{status="200",route="/api"} ${all - failed}`,
    ...(failed ? [`http_requests_total{status="500",route="/api"} ${failed}`] : []),
    'http_requests_total{status="500",route="/healthz"} 1e6',
    '# TYPE http_request_duration_seconds histogram',
    `http_request_duration_seconds_bucket{le="0.1"} ${Math.floor(all * fast)}`,
    `http_request_duration_seconds_bucket{le="0.5"} ${all}`,
    `http_request_duration_seconds_bucket{le="+Inf"} ${all}`,
    `http_request_duration_seconds_sum ${all * 0.07}`,
    `http_request_duration_seconds_count ${all}`,
    '',
  ].join('\n')
}
const server = (name: string, load: Load, before = 0, more: Partial<PodGiven> = {}): PodGiven => ({
  name,
  labels: { app: 'web', color: name.split('-')[0] ?? '' },
  text: (seconds) => metrics(load, seconds, before),
  ...more,
})

async function run(pods: PodGiven[], given: { candidate?: string; baseline?: string; config?: object } = {}) {
  const { store, clock, told } = podsStore(pods)
  const story = createStory(() => clock.now(), { phase: () => undefined, line: ({ text }) => told.push(text), untrusted: () => undefined })
  const { candidate = 'green', baseline = 'blue', config = { metrics: [{ preset: 'http' }] } } = given
  const analysis = await analyze(
    {
      judge: 'sequential',
      config: readConfig(config),
      sides: { candidate: parseSide(candidate), baseline: parseSide(baseline) },
      schedule: { replay: undefined, initialDelay: 0, interval: 10_000, shortest: 0, longest: 600_000, sampleDelay: 2000, failures: 3 },
      previous: {},
    },
    { prometheus: withoutQueries(store), counters: store, clock, signal: new AbortController().signal, story },
  )
  const verdicts = Object.fromEntries(analysis.metrics.map(({ name, verdict }) => [name, verdict]))
  return { outcome: analysis.outcome, seconds: (analysis.to - analysis.from) / 1000, samples: analysis.samples, verdicts, told }
}

const sides = [
  ['the beginning of the names of pods', 'green', 'blue'],
  ['a color', 'color="green"', 'color="blue"'],
  ['what a release hands over', 'namespace="shop",pod=~"green-.+"', 'namespace="shop",pod=~"blue-.+"'],
] as const

test.each(sides)('a good candidate passes, by %s', async (_, candidate, baseline) => {
  const load = { rps: 20, errors: 0.002 }
  const good = await run([server('green-1', load), server('blue-1', load, 77_000), server('red-1', { rps: 900, errors: 1 })], {
    candidate,
    baseline,
  })
  expect(good).toMatchObject({ outcome: 'passed', verdicts: { 'http errors': 'pass', 'http latency': 'pass' } })
})

test.each(sides)('a candidate that fails requests is found, by %s', async (_, candidate, baseline) => {
  const bad = await run([server('green-1', { rps: 20, errors: 0.2 }), server('blue-1', { rps: 20, errors: 0.002 }, 77_000)], {
    candidate,
    baseline,
  })
  expect(bad).toMatchObject({ outcome: 'failed', verdicts: { 'http errors': 'fail' } })
  expect(bad.seconds).toBeLessThan(120)
  // What was counted before, and what probes asked, is not among it.
  expect(bad.samples).toBeLessThanOrEqual(20 * (bad.seconds + 2))
})

test('a slow candidate is found', async () => {
  const slow = await run([server('green-1', { rps: 50, fast: 0.5 }), server('blue-1', { rps: 50 }, 1000)])
  expect(slow).toMatchObject({ outcome: 'failed', verdicts: { 'http latency': 'fail' } })
})

test('a candidate that speaks for the baseline is not heard', async () => {
  const forged = 'http_requests_total{status="500",color="blue",pod="blue-1",namespace="shop",route="/b"}'
  const lying = server('green-1', { rps: 20, errors: 0.2 }, 0, {
    text: (seconds) => `${metrics({ rps: 20, errors: 0.2 }, seconds, 0)}${forged} ${1000 * seconds}\n`,
  })
  for (const [, candidate, baseline] of sides)
    expect(await run([lying, server('blue-1', { rps: 20, errors: 0.002 })], { candidate, baseline })).toMatchObject({ outcome: 'failed' })
})

test('a candidate that crashes again and again is found by its restarts, though it shows nothing', async () => {
  const away = (): never => {
    throw new AnswerError('port 8080 was not reached')
  }
  const green: PodGiven = server('green-1', { rps: 20 })
  // As its status says at each look.
  const crashing = {
    name: 'green-1',
    labels: green.labels ?? {},
    text: (seconds: number) => (seconds > 5 ? away() : metrics({ rps: 1 }, seconds, 0)),
  }
  let looks = 0
  const pods: PodGiven[] = [
    Object.defineProperties({ ...crashing } as PodGiven, {
      ready: { enumerable: true, get: () => looks < 1 },
      containers: { enumerable: true, get: () => [{ name: 'web', restarts: looks++ }] },
    }),
    server('blue-1', { rps: 20 }),
  ]
  const config = { metrics: [{ preset: 'http' }, { preset: 'restarts' }] }
  expect(await run(pods, { config })).toMatchObject({ outcome: 'failed', verdicts: { restarts: 'fail' } })
})

test('pods that are away for a look or two do not end it, for longer they do', async () => {
  const until = (end: number): PodGiven[] => [
    server('green-1', { rps: 20 }, 0, {
      text: (seconds) => {
        if (seconds > 15 && seconds < end) throw new AnswerError('port 8080 was not reached')
        return metrics({ rps: 20 }, seconds, 0)
      },
    }),
    server('blue-1', { rps: 20 }),
  ]
  const short = await run(until(40))
  expect(short.outcome).toBe('passed')
  expect(short.told.filter((text) => text.startsWith('reading'))).toEqual([
    expect.stringMatching(
      /^reading 1 of at most 3 in a row failed: none of the 1 pods of .* shows its metrics: green-1: port 8080 was not reached$/,
    ),
    expect.stringMatching(/^reading 2 of at most 3/),
  ])
  await expect(run(until(Infinity))).rejects.toThrow('nothing can be said about the release: 4 readings in a row failed')
})

test('pods without metrics end it at the beginning', async () => {
  const pods = [server('green-1', { rps: 1 }, 0, { text: () => Promise.reject(new AnswerError('HTTP 404 from /metrics on port 80')) }), server('blue-1', { rps: 1 })] // biome-ignore format: short
  const failed = await run(pods).catch((error: unknown) => error)
  expect(failed).toMatchObject({ message: expect.stringContaining('green-1: HTTP 404 from /metrics on port 80') })
})
