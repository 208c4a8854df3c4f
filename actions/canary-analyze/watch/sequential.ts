// The sequential analysis of a release: one e-process for each metric, carried through all intervals, until there is a verdict.

import { counted } from '../../shared/report/text.ts'
import { own } from '../../shared/text/records.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { GivenConfig, MetricConfig, SequentialConfig } from '../config.ts'
import { errorsJudge, restartsJudge } from '../judges/errors.ts'
import type { MetricJudge, MetricState } from '../judges/judge.ts'
import { LatencyJudge } from '../judges/latency.ts'
import { ValueJudge } from '../judges/value.ts'
import { lookAround } from '../presence/presence.ts'
import type { Analysis, Ports, Schedule } from '../result.ts'
import type { Sides } from '../sources/source.ts'
import { outlookText } from '../statistics/plan.ts'
import { Curves } from './curves.ts'
import { type Batch, batches, describeSchedule, Patience, suited } from './looks.ts'

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
    const parts = { counters: ports.counters, sides, alpha, passAlpha: config.passAlpha }
    if (metric.kind === 'errors') return errorsJudge(metric, parts)
    if (metric.kind === 'restarts') return restartsJudge(metric, parts)
    if (metric.kind === 'latency') return new LatencyJudge(metric, config.podsWithin, parts)
    return new ValueJudge(metric, ports.prometheus, sides, own(previous, metric.name) ?? [])
  })
}

/** After so many looks it is told what the traffic cannot decide in time. */
const OUTLOOK = 3

/** Watches a release until a verdict or the end. Throws when Prometheus cannot be believed. */
export async function analyzeSequentially(
  given: GivenConfig,
  sides: Sides,
  schedule: Schedule,
  previous: Readonly<Record<string, readonly number[]>>,
  ports: Ports,
): Promise<Analysis> {
  const { config, spacing } = await lookAround(given, sides, ports.prometheus, { ...ports, replay: schedule.replay })
  const tell = (text: string): void => ports.story.tell(text, 'warning')
  return new Watch(judgesOf(config, sides, ports, previous), suited(schedule, spacing, tell), ports).run()
}

class Watch {
  readonly #judges: readonly MetricJudge[]
  readonly #schedule: Schedule
  readonly #ports: Ports
  readonly #curves = new Curves()
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
  }

  async run(): Promise<Analysis> {
    const { clock, signal, story } = this.#ports
    const { replay, initialDelay } = this.#schedule
    story.phase('watch')
    story.tell(`${counted(this.#judges.length, 'metric')}, ${describeSchedule(this.#schedule)}`)
    const patience = new Patience(this.#schedule, (text) => story.tell(text, 'warning'))
    if (!replay && initialDelay > 0) await clock.sleep(initialDelay, signal)
    this.#from = replay ? replay.from + initialDelay : clock.now()
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
    const undecided = this.#undecided()
    if (undecided) return this.#result('passed', '', undecided)
    return this.#result('inconclusive', this.#whyInconclusive())
  }

  get #longEnough(): boolean {
    return this.#to - this.#from >= this.#schedule.shortest
  }

  /**
   * At the end, what does not stand in the way of a pass that the others have proved: metrics that have spoken, and are neither proved to be
   * worse nor proved to be harmless. Undefined when there is no such pass.
   */
  #undecided(): string[] | undefined {
    const deciding = this.#judges.filter(({ reportOnly }) => !reportOnly)
    const open = deciding.filter(({ verdict }) => verdict !== 'pass')
    const proved = deciding.length > open.length && this.#longEnough && this.#doubts.length === 0
    if (!proved || !open.every(({ required, spoken, verdict }) => !required && spoken && verdict === undefined)) return undefined
    return open.map((judge) => `${judge.name} is not decided: ${judge.state().reason}`)
  }

  /** What the traffic cannot decide in time. */
  #tellOutlook(): void {
    const { replay, longest } = this.#schedule
    const watched = this.#to - this.#from
    const left = (replay ? replay.to - this.#from : longest) - watched
    const expected = (this.#samples * left) / watched
    for (const judge of this.#judges) {
      const outlook = judge.reportOnly ? undefined : judge.outlook(expected)
      if (!outlook) continue
      this.#ports.story.tell(`${judge.name}: ${outlookText(outlook, expected)}`, 'warning')
    }
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
    for (const judge of this.#judges) this.#curves.note(judge, (this.#to - this.#from) / 1000)
    const deciding = this.#judges.filter(({ reportOnly }) => !reportOnly)
    const failed = deciding.filter(({ verdict }) => verdict === 'fail')
    if (failed.length) return this.#result('failed', failed.map((judge) => `${judge.name}: ${judge.state().reason}`).join('\n'))
    if (this.#longEnough && deciding.length && deciding.every(({ verdict }) => verdict === 'pass')) return this.#result('passed', '')
    for (const judge of this.#judges) for (const note of judge.notes()) this.#ports.story.tell(`${judge.name}: ${note}`, 'warning')
    if (this.#looks === OUTLOOK) this.#tellOutlook()
    this.#silent = most > 0 ? 0 : this.#silent + 1
    const counts = requests.some((one) => one !== undefined)
    if (counts && this.#samples > 0 && this.#silent * this.#schedule.interval >= Math.max(VANISHED, 3 * this.#schedule.interval))
      return this.#result('inconclusive', `the candidate's traffic vanished ${formatDuration(this.#silent * this.#schedule.interval)} ago`)
    this.#tellProgress()
    return undefined
  }

  #tellProgress(): void {
    // A replay is over before anybody reads on.
    if (this.#schedule.replay) return
    const all = this.#judges.map(({ name, shown, verdict, height }) => {
      const evidence = verdict ?? (height === undefined ? undefined : `evidence of harm ${Math.max(0, Math.round(height * 100))}%`)
      return `${name} ${shown}${evidence ? ` (${evidence})` : ''}`
    })
    this.#ports.story.tell(`after ${formatDuration(this.#to - this.#from)}, ${counted(this.#samples, 'request')}: ${all.join('; ')}`)
  }

  #whyInconclusive(): string {
    if (this.#doubts.length) return `the server has doubts, so the last intervals were not judged: ${this.#doubts.join('; ')}`
    return this.#judges
      .filter(({ reportOnly, verdict }) => !reportOnly && verdict !== 'pass')
      .map((judge) => {
        const { name, reason, needed } = judge.state()
        return `${name}: ${reason}${needed === null ? '' : `; about ${counted(needed, 'more request is', 'more requests are')} needed at these rates`}`
      })
      .join('\n')
  }

  #result(outcome: 'passed' | 'failed' | 'inconclusive', reason: string, undecided: readonly string[] = []): Analysis {
    const states = this.#judges.map((judge) => judge.state())
    const after = formatDuration(this.#to - this.#from)
    const bad = states.filter(({ verdict, reportOnly }) => verdict === 'fail' && !reportOnly).map(({ name }) => name)
    // Values are held against limits, which proves nothing.
    const limitsAlone = states.every(({ kind, reportOnly }) => kind === 'value' || reportOnly)
    const headline = {
      passed: limitsAlone
        ? `The candidate kept its limits for ${after}`
        : `The candidate is fine: harm is ruled out after ${after} and ${counted(this.#samples, 'request')}${undecided.length ? `; ${undecided.join('; ')}` : ''}`,
      failed: `The candidate is worse after ${after} and ${counted(this.#samples, 'request')}: ${bad.join(', ')}`,
      inconclusive: `No verdict after ${after} and ${counted(this.#samples, 'request')}`,
    }[outcome]
    const { story } = this.#ports
    for (const one of undecided) story.tell(one, 'warning')
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
      ...this.#curves.charts(),
      values: Object.fromEntries(
        this.#judges.flatMap((judge) => (judge instanceof ValueJudge && judge.last !== undefined ? [[judge.name, judge.last]] : [])),
      ),
    }
  }
}
