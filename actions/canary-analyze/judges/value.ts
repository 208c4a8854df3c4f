import { AnswerError } from '../../shared/prometheus/answer.ts'
import type { Prometheus } from '../../shared/prometheus/client.ts'
import { counted } from '../../shared/report/text.ts'
import type { ValueConfig } from '../config.ts'
import { type Criterion, meets, parseCriterion, targetOf } from '../criteria.ts'
import { matchersText } from '../selectors.ts'
import type { Sides } from '../sources/source.ts'
import type { MetricJudge, MetricState } from './judge.ts'

/** Holds the value of an expression against a criterion at every look: a fixed threshold, with strikes. It needs no baseline, and proves nothing. */
export class ValueJudge implements MetricJudge {
  readonly name: string
  readonly reportOnly: boolean
  readonly height = undefined
  readonly required = true
  readonly #config: ValueConfig
  readonly #criterion: Criterion
  readonly #previous: readonly number[]
  readonly #prometheus: Prometheus
  readonly #query: string
  #read = new Map<number, number>()
  #measured = 0
  #missed = 0
  #last: number | undefined

  /** `previous` are the values of the last good releases. */
  constructor(config: ValueConfig, prometheus: Prometheus, sides: Sides, previous: readonly number[]) {
    this.name = config.name
    this.reportOnly = config['report-only']
    this.#config = config
    const criterion = parseCriterion(config.criterion)
    if (!criterion) throw new Error(`${config.name}: '${config.criterion}' is no criterion`)
    this.#criterion = criterion
    this.#previous = previous
    this.#prometheus = prometheus
    this.#query = config.query
      .replaceAll('{{candidate}}', () => matchersText(sides.candidate))
      .replaceAll('{{baseline}}', () => matchersText(sides.baseline ?? []))
  }

  begin(): Promise<readonly string[]> {
    return Promise.resolve([])
  }

  async read(_from: number, ends: readonly number[]): Promise<readonly string[]> {
    const [first, second, last] = [ends[0], ends[1], ends.at(-1)]
    if (first === undefined || last === undefined) return []
    const { series, warnings } = await this.#prometheus.range(this.#query, first, last, second === undefined ? 1000 : second - first)
    if (series.length > 1) throw new AnswerError(`${this.name}: ${series.length} series, where one is wanted; aggregate them`)
    this.#read = new Map((series[0]?.points ?? []).map(([at, value]) => [Math.round(at * 1000), value]))
    return warnings
  }

  take(_from: number, to: number): undefined {
    const value = this.#read.get(Math.round(to))
    // Without data there is nothing to judge; NaN is what a rate of nothing is.
    if (value === undefined || Number.isNaN(value)) return
    this.#last = value
    this.#measured++
    if (!meets(value, this.#criterion, this.#previous, this.#config.aggregate)) this.#missed++
  }

  notes(): string[] {
    return []
  }

  outlook(): undefined {
    return undefined
  }

  get spoken(): boolean {
    return this.#measured > 0
  }

  get shown(): string {
    return this.#last === undefined ? 'no value yet' : `${Number(this.#last.toPrecision(4))}, wanted ${this.#config.criterion}`
  }

  get verdict(): 'pass' | 'fail' | undefined {
    if (this.#missed >= this.#config.strikes) return 'fail'
    return this.#measured >= this.#config.strikes && this.#missed === 0 ? 'pass' : undefined
  }

  get rates() {
    return this.#last === undefined
      ? undefined
      : { candidate: this.#last, baseline: targetOf(this.#criterion, this.#previous, this.#config.aggregate) }
  }

  /** The last value, for later releases to be compared with. */
  get last(): number | undefined {
    return this.#last
  }

  state(): MetricState {
    const target = targetOf(this.#criterion, this.#previous, this.#config.aggregate)
    const wanted = `${this.#config.criterion}${this.#criterion.relative ? `, which is ${target ?? 'anything: there is no release before'}` : ''}`
    return {
      name: this.name,
      kind: 'value',
      reportOnly: this.reportOnly,
      verdict: this.verdict ?? 'inconclusive',
      reason:
        this.#measured === 0
          ? 'no value was measured'
          : `${this.#missed} of ${counted(this.#measured, 'measurement')} missed ${wanted}; the last was ${this.#last}`,
      evidence: null,
      candidate: { events: this.#missed, total: this.#measured },
      baseline: null,
      ratio: null,
      needed: null,
    }
  }
}
