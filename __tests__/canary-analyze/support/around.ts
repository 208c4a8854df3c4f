// Looks around in a store in memory, as before a watch.
import { readConfig } from '../../../actions/canary-analyze/config.ts'
import { lookAround } from '../../../actions/canary-analyze/presence/presence.ts'
import { parseSide } from '../../../actions/canary-analyze/selectors.ts'
import { createStory } from '../../../actions/shared/report/story.ts'
import { TestClock } from '../../support/clock.ts'
import { type Counter, Past } from './past.ts'

export const START = Date.UTC(2026, 0, 1)
export const errors = { kind: 'errors', name: 'errors', total: 'http_requests_total', events: 'http_requests_total{code=~"5.."}' }

/** A counter of a pod, from so many seconds after the beginning on. */
export const series = (name: string, labels: Record<string, string>, from = -1000, until = Infinity): Counter => ({
  labels: { __name__: name, ...labels },
  at: (seconds) => (seconds < from || seconds > until ? undefined : Math.max(0, Math.floor(seconds))),
})
export const GREEN = { pod: 'orders-green-1' }
export const BLUE = { pod: 'orders-blue-1' }
/** The same of a pod of each side. */
export const both = (name: string, labels: Record<string, string>): Counter[] =>
  [GREEN, BLUE].map((pod) => series(name, { ...pod, ...labels }))
export const requests = both('http_requests_total', { code: '200' })
export const buckets = (name: string): Counter[] => both(name, { le: '+Inf' })

export interface Given {
  counters: Counter[]
  metrics?: object[]
  candidate?: string
  /** Empty: none. */
  baseline?: string
  replay?: { from: number; to: number }
  store?: (past: Past) => void
  fault?: (seconds: number) => string[]
}

export async function run({
  counters,
  metrics = [errors],
  candidate = 'orders-green',
  baseline = 'orders-blue',
  replay,
  store,
  fault,
}: Given) {
  const told: string[] = []
  const clock = new TestClock(START)
  const past = new Past(START, counters, fault)
  store?.(past)
  const story = createStory(() => clock.now(), { phase: () => undefined, line: ({ text }) => told.push(text), untrusted: () => undefined })
  const sides = { candidate: parseSide(candidate), baseline: baseline ? parseSide(baseline) : undefined }
  const ports = { clock, signal: new AbortController().signal, story, replay }
  const seconds = (): number => (clock.now() - START) / 1000
  try {
    const around = await lookAround(readConfig({ metrics }), sides, past, ports)
    return { ...around, names: around.config.metrics.map(({ name }) => name), told, seconds: seconds(), error: '', asked: past.asked }
  } catch (error) {
    return { config: undefined, names: [], told, seconds: seconds(), error: (error as Error).message, asked: past.asked }
  }
}

/** What a metric that was found reads, in one line. */
export function selectors({ config }: Awaited<ReturnType<typeof run>>, i = 0): string {
  const metric = config?.metrics[i]
  const parts =
    metric?.kind === 'errors' ? [metric.total, metric.events] : metric?.kind === 'latency' ? [metric.unit, metric.histogram] : []
  return parts.map(String).join(' ').replaceAll('"', "'")
}
