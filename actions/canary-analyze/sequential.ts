// The sequential analysis of a release: one e-process for each metric, carried through all intervals, until there is a verdict.

import type { Chart } from '../shared/report/report.ts'
import { own } from '../shared/text/records.ts'
import { formatDuration } from '../shared/time/clock.ts'
import type { GivenConfig, MetricConfig, SequentialConfig } from './config.ts'
import { errorsJudge, restartsJudge } from './judges/errors.ts'
import type { MetricJudge, MetricState } from './judges/judge.ts'
import { LatencyJudge } from './judges/latency.ts'
import { ValueJudge } from './judges/value.ts'
import { type Batch, batches, describeSchedule, Patience } from './looks.ts'
import { lookAround } from './presence.ts'
import type { Analysis, Ports, Schedule } from './result.ts'
import type { Sides } from './source.ts'

/** Traffic that was there and is gone for so long, in milliseconds, ends the watch: nothing more will be learnt. */
const VANISHED = 60_000

/** A deciding metric uses its share of alpha by weight. */
function judgesOf(
  config: SequentialConfig,
  sides: Sides,
  ports: Ports,
  previous: Readonly<Record<string, readonly number[]>>,
): MetricJudge[] {
  const weightOf = (metric: MetricConfig): number => (metric.kind === 'value' || metric['report-only'] ? 0 : metric.weight)
  const weights = config.metrics.reduce((sum, metric) => sum + weightOf(metric), 0)
  return config.metrics.map((metric) => {
    const alpha = weightOf(metric) ? (config.alpha * weightOf(metric)) / weights : config.alpha
    const parts = { prometheus: ports.prometheus, sides, alpha, passAlpha: config.passAlpha }
    if (metric.kind === 'errors') return errorsJudge(metric, parts)
    if (metric.kind === 'restarts') return restartsJudge(metric, parts)
    if (metric.kind === 'latency') return new LatencyJudge(metric, config.podsWithin, parts)
    return new ValueJudge(metric, ports.prometheus, sides, own(previous, metric.name) ?? [])
  })
}

/** A report is read by people: so many curves, and so many points of each. */
const MOST_CURVES = 12
const MOST_POINTS = 240

/** Evenly chosen points, with the last one. */
function thinned<T>(points: readonly T[]): T[] {
  const step = Math.ceil(points.length / MOST_POINTS)
  return points.filter((_, i) => (points.length - 1 - i) % step === 0)
}

/** Adds a point. A long curve loses every second one of what it has, again and again, so that it stays small. */
function push<T>(points: T[], point: T): void {
  points.push(point)
  if (points.length >= 4 * MOST_POINTS) points.splice(0, points.length, ...points.filter((_, i) => i % 2 === 1))
}

interface Curves {
  /** [seconds since the beginning, value] */
  evidence: [number, number][]
  candidate: [number, number][]
  baseline: [number, number][]
}

/** Watches a release until a verdict or the end. Throws when Prometheus cannot be believed. */
export async function analyzeSequentially(
  given: GivenConfig,
  sides: Sides,
  schedule: Schedule,
  previous: Readonly<Record<string, readonly number[]>>,
  ports: Ports,
): Promise<Analysis> {
  const { config } = await lookAround(given, sides, ports.prometheus, { ...ports, replay: schedule.replay })
  const watch = new Watch(judgesOf(config, sides, ports, previous), schedule, ports)
  return watch.run()
}

class Watch {
  readonly #judges: readonly MetricJudge[]
  readonly #schedule: Schedule
  readonly #ports: Ports
  readonly #curves = new Map<string, Curves>()
  #looks = 0
  #samples = 0
  #silent = 0
  #from = 0
  #to = 0
  #doubts: readonly string[] = []

  constructor(judges: readonly MetricJudge[], schedule: Schedule, ports: Ports) {
    this.#judges = judges
    this.#schedule = schedule
    this.#ports = ports
    for (const { name } of judges) this.#curves.set(name, { evidence: [], candidate: [], baseline: [] })
  }

  async run(): Promise<Analysis> {
    const { clock, signal, story } = this.#ports
    const { replay, initialDelay } = this.#schedule
    story.phase('watch')
    story.tell(`${this.#judges.length} metrics, ${describeSchedule(this.#schedule)}`)
    const patience = new Patience(this.#schedule, (text) => story.tell(text, 'warning'))
    if (!replay && initialDelay > 0) await clock.sleep(initialDelay, signal)
    this.#from = replay?.from ?? clock.now()
    this.#to = this.#from
    // What was counted by then is not the release's. Without it nothing can begin, so it has no patience.
    const doubts = await new Patience({ ...this.#schedule, failures: 0 }, story.tell).try(() =>
      this.#all((judge) => judge.begin(this.#from)),
    )
    if (doubts?.length) story.tell(`the server has doubts: ${doubts.join('; ')}`, 'warning')
    let unread: number[] = []
    let end: Analysis | undefined
    for await (const batch of batches(this.#schedule, this.#from, this.#ports)) {
      unread = [...unread, ...batch.ends]
      if (!(await patience.try(() => this.#read({ from: this.#to, ends: unread })))) continue
      for (const at of unread) {
        end = this.#look(at)
        if (end) return end
      }
      unread = []
    }
    patience.end()
    return this.#result('inconclusive', this.#whyInconclusive())
  }

  async #all(work: (judge: MetricJudge) => Promise<readonly string[]>): Promise<string[]> {
    return [...new Set((await Promise.all(this.#judges.map(work))).flat())]
  }

  /** Whether what was read may be judged: not on a partial answer, whose intervals are read again with the next one. */
  async #read({ from, ends }: Batch): Promise<boolean> {
    this.#doubts = await this.#all((judge) => judge.read(from, ends))
    if (this.#doubts.length === 0) return true
    this.#ports.story.tell(`not judged: the server has doubts: ${this.#doubts.join('; ')}`, 'warning')
    return false
  }

  /** One interval. Gives the result when it is the last. */
  #look(at: number): Analysis | undefined {
    const requests = this.#judges.map((judge) => judge.take(this.#to, at))
    this.#to = at
    this.#looks++
    const most = requests.reduce<number>((sum, one) => Math.max(sum, one ?? 0), 0)
    this.#samples += most
    this.#note()
    const deciding = this.#judges.filter(({ reportOnly }) => !reportOnly)
    const failed = deciding.filter(({ verdict }) => verdict === 'fail')
    if (failed.length) return this.#result('failed', failed.map((judge) => `${judge.name}: ${judge.state().reason}`).join('\n'))
    if (deciding.length && deciding.every(({ verdict }) => verdict === 'pass')) return this.#result('passed', '')
    this.#silent = most > 0 ? 0 : this.#silent + 1
    const counts = requests.some((one) => one !== undefined)
    if (counts && this.#samples > 0 && this.#silent * this.#schedule.interval >= Math.max(VANISHED, 3 * this.#schedule.interval))
      return this.#result('inconclusive', `the candidate's traffic vanished ${formatDuration(this.#silent * this.#schedule.interval)} ago`)
    this.#tellProgress()
    return undefined
  }

  #note(): void {
    const seconds = (this.#to - this.#from) / 1000
    for (const { name, height, rates } of this.#judges) {
      const curves = this.#curves.get(name)
      if (!curves) continue
      if (height !== undefined) push(curves.evidence, [seconds, height])
      if (rates) push(curves.candidate, [seconds, rates.candidate])
      if (rates?.baseline !== undefined) push(curves.baseline, [seconds, rates.baseline])
    }
  }

  #tellProgress(): void {
    // A replay is over before anybody reads on.
    if (this.#schedule.replay) return
    const shown = this.#judges.map(
      ({ name, verdict, height }) => `${name} ${verdict ?? (height === undefined ? '-' : `${Math.round(height * 100)}%`)}`,
    )
    this.#ports.story.tell(
      `after ${formatDuration(this.#to - this.#from)}, ${this.#samples} requests; evidence of harm: ${shown.join(', ')}`,
    )
  }

  #whyInconclusive(): string {
    if (this.#doubts.length) return `the server has doubts, so the last intervals were not judged: ${this.#doubts.join('; ')}`
    return this.#judges
      .filter(({ reportOnly, verdict }) => !reportOnly && verdict !== 'pass')
      .map((judge) => {
        const { name, reason, needed } = judge.state()
        return `${name}: ${reason}${needed === null ? '' : `; about ${needed} more requests are needed at these rates`}`
      })
      .join('\n')
  }

  #result(outcome: 'passed' | 'failed' | 'inconclusive', reason: string): Analysis {
    const states = this.#judges.map((judge) => judge.state())
    const after = formatDuration(this.#to - this.#from)
    const bad = states.filter(({ verdict, reportOnly }) => verdict === 'fail' && !reportOnly).map(({ name }) => name)
    const headline = {
      passed: `The candidate is fine: harm is ruled out after ${after} and ${this.#samples} requests`,
      failed: `The candidate is worse after ${after} and ${this.#samples} requests: ${bad.join(', ')}`,
      inconclusive: `No verdict after ${after} and ${this.#samples} requests`,
    }[outcome]
    const { story } = this.#ports
    for (const { name, verdict, reason } of states)
      story.tell(`${name}: ${verdict}: ${reason}`, verdict === 'fail' ? 'bad' : verdict === 'pass' ? 'good' : 'warning')
    return {
      outcome,
      headline,
      reason,
      judge: 'sequential',
      metrics: states.map(({ name, verdict, reason }) => ({ name, verdict, reason })),
      details: states satisfies MetricState[],
      looks: this.#looks,
      samples: this.#samples,
      from: this.#from,
      to: this.#to,
      ...this.#charts(),
      values: Object.fromEntries(
        this.#judges.flatMap((judge) => (judge instanceof ValueJudge && judge.last !== undefined ? [[judge.name, judge.last]] : [])),
      ),
    }
  }

  #charts(): Pick<Analysis, 'chart' | 'charts'> {
    const x = 'seconds'
    const all = [...this.#curves].map(([name, curves]) => ({ name, ...curves }))
    // With more metrics than can be told apart, those with the most evidence.
    const evidence = all
      .filter((one) => one.evidence.length > 0)
      .toSorted((a, b) => (b.evidence.at(-1)?.[1] ?? 0) - (a.evidence.at(-1)?.[1] ?? 0))
      .slice(0, MOST_CURVES)
    const chart: Chart = {
      title: 'Evidence of harm against its limit',
      x,
      y: 'ln(e-value) / ln(1/alpha)',
      series: evidence.map(({ name, evidence: points }) => ({ name, points: thinned(points) })),
      limit: 1,
    }
    const charts = all
      .filter(({ candidate }) => candidate.length > 0)
      .slice(0, MOST_CURVES)
      .map(({ name, candidate, baseline }) => ({
        title: name,
        x,
        y: 'share of requests so far, or value',
        series: [
          { name: 'candidate', points: thinned(candidate) },
          { name: 'baseline', points: thinned(baseline) },
        ],
      }))
    return { chart: evidence.length ? chart : undefined, charts }
  }
}
