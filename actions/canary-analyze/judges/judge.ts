// What the release loop knows of a metric's judge.
import type { Outlook } from '../statistics/plan.ts'
import type { Count, Evidence } from '../statistics/sequential.ts'

export type MetricVerdict = 'pass' | 'fail' | 'inconclusive'

/** Where a metric stands, for people and for other steps. */
export interface MetricState {
  name: string
  kind: 'errors' | 'latency' | 'restarts' | 'value'
  reportOnly: boolean
  verdict: MetricVerdict
  /** One sentence. */
  reason: string
  /** e-values and their limits, as natural logarithms; null for metrics that are judged without. */
  evidence: Evidence | null
  /** What was counted: failed requests, slower ones (at the edge with the most evidence), restarts in pod-seconds. */
  candidate: Count
  baseline: Count | null
  /** The candidate's rate as a multiple of the baseline's, with the interval that holds at all times at once. Null: unbounded or unknown. */
  ratio: { estimate: number | null; low: number; high: number | null } | null
  /** About how many more requests of the candidate a verdict needs at these rates; null when there is one, or when none would be enough. */
  needed: number | null
}

export interface MetricJudge {
  readonly name: string
  readonly reportOnly: boolean
  /** Whether a pass waits until harm is ruled out for this metric as well; else it waits for that until the end only, and then for its having spoken. */
  readonly required: boolean
  /** Whether enough was measured for its silence to mean anything. */
  readonly spoken: boolean
  /** Learns what was before `at`, in milliseconds. All three give the server's warnings. */
  begin(at: number): Promise<readonly string[]>
  /** Reads several intervals, which end at `ends`. */
  read(from: number, ends: readonly number[]): Promise<readonly string[]>
  /** Adds one interval of those that were read. Gives how many requests the candidate had in it; undefined where requests are not counted. */
  take(from: number, to: number): number | undefined
  /** What happened to it that is to be told, once. */
  notes(): string[]
  readonly verdict: 'pass' | 'fail' | undefined
  /** The evidence in units of its limit: 1 is a verdict. Undefined for metrics judged without. */
  readonly height: number | undefined
  /** What both sides are at now, as a share of their requests; for the curves. */
  readonly rates: { candidate: number; baseline: number | undefined } | undefined
  /** The rates of both sides in words: `50% against 0.2%`. */
  readonly shown: string
  /** What `requests` more of the candidate leave undecided; undefined when they suffice, or when requests are not counted. */
  outlook(requests: number): Outlook | undefined
  state(): MetricState
}

/** The evidence for "worse" in units of its limit. */
export const heightOf = ({ fail, failLimit }: Evidence): number => Math.max(-0.5, Math.min(3, fail / failLimit))

export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

export const percent = (share: number): string => `${Number((100 * share).toPrecision(3))}%`
export const times = (ratio: number): string => (Number.isFinite(ratio) ? `${Number(ratio.toPrecision(3))}x` : 'unbounded')
