// How canary-analyze grows: a replay of up to 200 metrics and 11,000 points each, from an HTTP server that speaks Prometheus' API.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { readConfig } from '../../actions/canary-analyze/config.ts'
import { analyze } from '../../actions/canary-analyze/engine.ts'
import { parseSide } from '../../actions/canary-analyze/selectors.ts'
import { PrometheusClient } from '../../actions/shared/prometheus/client.ts'
import { createStory } from '../../actions/shared/report/story.ts'
import { systemClock } from '../../actions/shared/time/clock.ts'
import type { Bench } from './bench.ts'

const STEP = 10_000
const START = Date.UTC(2026, 0, 1)

/** Counters that grow evenly: 200 requests and one or two errors in ten seconds. The metric `idle` has a series, and no sample in the window. */
async function openServer() {
  let [now, most, queries] = [0, 0, 0]
  const samples = (query: string, to: number): [number, string][] => {
    const width = Number(/\[(\d+)ms\]/.exec(query)?.[1] ?? 0)
    const [errors, candidate] = [query.includes('status'), query.includes('green')]
    const points: [number, string][] = []
    for (let at = Math.floor((to - width) / STEP) * STEP + STEP; at <= to; at += STEP) {
      const number = (at - START) / STEP
      points.push([at / 1000, String(errors ? Math.floor(number * (candidate ? 1.3 : 1.2)) : number * 200)])
    }
    return points
  }
  const server = createServer((req, res) => {
    most = Math.max(most, ++now)
    queries++
    let body = ''
    req.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    req.on('end', () => {
      const form = new URLSearchParams(body)
      const query = form.get('query') ?? ''
      const [time, before] = [Number(form.get('time')), query.startsWith('last_over_time')]
      const pod = query.includes('green') ? 'green' : 'blue'
      const series = query.includes('idle') ? [] : [{ metric: { pod }, values: samples(query, time * 1000) }]
      const there = { metric: { pod, status: '500' }, value: [time, '0'] }
      const answer = (text: string): void => {
        now--
        res.end(text)
      }
      // A server takes a moment, in which others come in.
      setTimeout(
        answer,
        1,
        JSON.stringify({
          status: 'success',
          data: before ? { resultType: 'vector', result: [there] } : { resultType: 'matrix', result: series },
        }),
      )
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ most, queries }),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

interface Cell {
  metrics: number
  points: number
  /** Of the processor, with the server's: the machine may have other work. */
  seconds: number
  /** Of one point of one metric. */
  microseconds: number
  queries: number
  most_in_flight: number
  megabytes: number
}

async function runCell(metrics: number, points: number): Promise<Cell> {
  const server = await openServer()
  const signal = new AbortController().signal
  const prometheus = new PrometheusClient({ url: server.url, headers: {}, tls: {}, timeout: 600_000, signal })
  const one = (i: number) => ({ kind: 'errors', name: `m${i}`, total: `m${i}`, events: `m${i}{status="500"}`, 'report-only': true })
  const config = readConfig({
    metrics: [
      ...Array.from({ length: metrics }, (_, i) => one(i)),
      { ...one(0), name: 'idle', total: 'idle', events: 'idle{status="500"}', 'report-only': false },
    ],
  })
  const story = createStory(Date.now, { phase: () => undefined, line: () => undefined, untrusted: () => undefined })
  const schedule = {
    replay: { from: START, to: START + points * STEP },
    initialDelay: 0,
    interval: STEP,
    shortest: 0,
    longest: points * STEP,
    sampleDelay: 0,
    failures: 0,
  }
  const started = process.cpuUsage()
  try {
    const { looks } = await analyze(
      { judge: 'sequential', config, sides: { candidate: parseSide('green'), baseline: parseSide('blue') }, previous: {}, schedule },
      { prometheus, counters: prometheus, clock: systemClock, signal, story },
    )
    if (looks !== points) throw new Error(`looked ${looks} times at ${points} points`)
  } finally {
    await prometheus.close()
    server.close()
  }
  const { user, system } = process.cpuUsage(started)
  const seconds = (user + system) / 1e6
  const { most, queries } = server.counts()
  return {
    metrics,
    points,
    seconds: Math.round(seconds * 100) / 100,
    microseconds: Math.round((seconds * 1e6) / (metrics * points)),
    queries,
    most_in_flight: most,
    megabytes: Math.round(process.memoryUsage().rss / 2 ** 20),
  }
}

async function measure(args: string[]): Promise<{ cells: Cell[]; growth_metrics: number; growth_points: number }> {
  const { values } = parseArgs({ args, options: { points: { type: 'string', default: '11000' } } })
  const points = Number(values.points)
  if (!Number.isInteger(points) || points < 100) throw new Error(`--points ${values.points}: a whole number from 100 on is wanted`)
  const cells: Cell[] = []
  // Once to warm up.
  await runCell(10, 100)
  for (const [metrics, count] of [
    [50, points / 10],
    [200, points / 10],
    [50, points],
    [200, points],
  ] as const) {
    const cell = await runCell(metrics, Math.round(count))
    cells.push(cell)
    console.log(JSON.stringify(cell))
  }
  const at = (i: number): number => cells[i]?.microseconds ?? 0
  // 1 is linear: four times the metrics, ten times the points, the same time for each point of each metric.
  return { cells, growth_metrics: Math.round((100 * at(3)) / at(2)) / 100, growth_points: Math.round((100 * at(3)) / at(1)) / 100 }
}

export const bench: Bench = {
  what: 'growth of canary-analyze with metrics and points, and its queries in flight',
  cluster: 'none',
  measure: (args) => measure(args),
}
