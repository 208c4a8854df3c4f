// What an analysis works with, and what it hands back.
import type { CounterStore, Prometheus } from '../shared/prometheus/client.ts'
import type { Chart, Outcome } from '../shared/report/report.ts'
import type { Story } from '../shared/report/story.ts'
import type { Clock } from '../shared/time/clock.ts'

export interface Ports {
  /** Answers queries. */
  prometheus: Prometheus
  /** Where counters are read. */
  counters: CounterStore
  clock: Clock
  signal: AbortSignal
  story: Story
}

/** When an analysis looks; milliseconds. */
export interface Schedule {
  /** A past window to judge as if it were now; undefined: live. */
  replay: { from: number; to: number } | undefined
  /** How long after the beginning the first interval begins, for caches to be warm. */
  initialDelay: number
  interval: number
  /** The shortest watch that passes. */
  shortest: number
  /** The longest watch. */
  longest: number
  /** Nobody asked for `longest`: a template with an end of its own does not mind it. */
  longestByDefault?: boolean
  /** Live: how long after the end of an interval its samples are there. */
  sampleDelay: number
  /** So many readings in a row may fail. */
  failures: number
}

export interface MetricLine {
  name: string
  verdict: string
  reason: string
}

export interface Analysis {
  outcome: Outcome
  headline: string
  reason: string
  judge: 'sequential' | 'threshold' | 'mann-whitney' | 'plan'
  /** One line a metric. */
  metrics: readonly MetricLine[]
  /** What each judge has to say in its own terms; JSON. */
  details: unknown
  looks: number
  /** The candidate's requests that were judged; undefined where they are not counted. */
  samples: number | undefined
  /** When the judging began and ended, in milliseconds since 1970: those of the data. */
  from: number
  to: number
  /** The evidence against its limit. */
  chart: Chart | undefined
  /** The curves of both sides. */
  charts: readonly Chart[]
  /** Values by metric, for later releases to be compared with. */
  values: Readonly<Record<string, number>>
}
