// What is there before the watch begins. A selector that matches nothing is a mistake or comes with time, and never a count of 0.
import type { Labels } from '../shared/prometheus/answer.ts'
import type { CounterStore } from '../shared/prometheus/client.ts'
import { cut } from '../shared/report/text.ts'
import { type ErrorsConfig, httpMetrics, type LatencyConfig, type MetricConfig, type SequentialConfig } from './config.ts'
import { LIBRARIES, statusLabelOf } from './libraries.ts'
import { type Matcher, matchersText, parseSelector, type Selector, selectorText } from './selectors.ts'
import { POD_LABELS, podOf, type Sides, sideSelector } from './source.ts'

/** A fault of the configuration or of the sides, which no waiting cures. */
export class AbsenceError extends Error {
  override readonly name = 'AbsenceError'
}

export interface Found {
  /** With the names that are there, and without what cannot be judged. */
  config: SequentialConfig
  /** What only time can bring, in words; nothing: the watch may begin. */
  missing: string[]
  /** What was chosen and what is left out, in words. */
  notes: string[]
  /** Selectors of all requests that have series, for their spacing. */
  selectors: string[]
}

type SideName = 'candidate' | 'baseline'

/** Names in a message. */
const SHOWN = 10

/**
 * Asks for every selector of a configuration at a time (milliseconds). Throws an AbsenceError for what the series that are there show to be wrong,
 * and an AnswerError where the store could not tell.
 */
export async function lookAround(config: SequentialConfig, sides: Sides, store: CounterStore, at: number): Promise<Found> {
  const look = new Look(sides, store, at)
  const { metrics, notes } = await look.resolve(config)
  const kept: MetricConfig[] = []
  for (const metric of metrics) if (await look.has(metric, notes)) kept.push(metric)
  if (!kept.some((metric) => !metric['report-only'])) throw new AbsenceError('config: nothing is left that decides')
  return { config: { ...config, metrics: kept }, missing: [...look.missing], notes, selectors: [...look.selectors] }
}

class Look {
  readonly missing = new Set<string>()
  readonly selectors = new Set<string>()
  readonly #sides: Sides
  readonly #store: CounterStore
  readonly #at: number
  readonly #known = new Map<string, Promise<readonly Labels[] | undefined>>()

  constructor(sides: Sides, store: CounterStore, at: number) {
    this.#sides = sides
    this.#store = store
    this.#at = at
  }

  /** The labels of the series of a selector; undefined where the answer is a partial one, which proves no absence. */
  #series(selector: string): Promise<readonly Labels[] | undefined> {
    const known =
      this.#known.get(selector) ??
      this.#store
        .before(selector, this.#at)
        .then(({ series, warnings }) => (warnings.length ? undefined : series.map(({ labels }) => labels)))
    this.#known.set(selector, known)
    return known
  }

  /** The series of a metric on both sides. */
  async #both(given: ErrorsConfig['total']): Promise<{ candidate: readonly Labels[]; baseline: readonly Labels[] } | undefined> {
    const of = async (side: SideName): Promise<readonly Labels[] | undefined> => {
      const matchers = this.#sides[side]
      return matchers ? this.#series(sideSelector(given, side, matchers)) : []
    }
    const [candidate, baseline] = [await of('candidate'), await of('baseline')]
    return candidate && baseline && { candidate, baseline }
  }

  /** Puts the names of the library that is there into the preset `http`. */
  async resolve(config: SequentialConfig): Promise<{ metrics: MetricConfig[]; notes: string[] }> {
    const { http, metrics } = config
    if (!http) return { metrics, notes: [] }
    const rest = metrics.filter(({ name }) => name !== 'http errors' && name !== 'http latency')
    const tried: string[] = []
    for (const library of LIBRARIES) {
      const own = httpMetrics(http, library, http['status-label'] ?? 'status')
      const [errors] = own
      if (errors?.kind !== 'errors') continue
      const both = await this.#both(errors.total)
      if (!both) return { metrics: [...own, ...rest], notes: [] }
      const all = [...both.candidate, ...both.baseline]
      if (all.length === 0) continue
      const label = http['status-label'] ?? statusLabelOf(all)
      if (label === undefined) {
        tried.push(`${library.requests} has no label with a status; its labels are ${labelsText(all)}`)
        continue
      }
      const standard = library === LIBRARIES[0] && label === 'status'
      return {
        metrics: [...httpMetrics(http, library, label), ...rest],
        notes: standard ? [] : [`the preset http reads ${library.requests} by ${label}`],
      }
    }
    if (tried.length)
      throw new AbsenceError(`config: the preset http: ${tried.join('; ')}: set status-label, or give metrics of the kind errors`)
    return { metrics, notes: [] }
  }

  /** Whether a metric can be judged. Notes what has to be waited for, and what is left out. */
  async has(metric: MetricConfig, notes: string[]): Promise<boolean> {
    if (metric.kind === 'value') return true
    if (metric.kind === 'restarts') return this.#counted(metric.name, metric.counter, 'counter')
    if (metric.kind === 'latency') return this.#latency(metric, notes)
    const there = await this.#counted(metric.name, metric.total, 'total')
    await this.#events(metric)
    return there
  }

  async #latency(metric: LatencyConfig, notes: string[]): Promise<boolean> {
    if (!this.#sides.baseline) {
      if (metric.required && !metric['report-only'])
        throw new AbsenceError(`config: ${metric.name} compares latencies, which needs a baseline; make it report-only, or leave it out`)
      notes.push(`${metric.name} is left out: there is no baseline to compare it with`)
      return false
    }
    const both = await this.#both(metric.histogram)
    if (both && !metric.required && both.candidate.length + both.baseline.length === 0 && (await this.#bothHaveOthers(metric))) {
      notes.push(`${metric.name} is left out: there is no series of ${this.#metricOf(metric.histogram, 'candidate')}`)
      return false
    }
    return this.#counted(metric.name, metric.histogram, 'histogram')
  }

  /** Whether pods are there that do not have this histogram: other selectors matched. */
  async #bothHaveOthers({ histogram }: LatencyConfig): Promise<boolean> {
    const own = new Set((['candidate', 'baseline'] as const).map((side) => this.#metricOf(histogram, side)))
    return [...this.selectors].some((selector) => !own.has(parseSelector(selector).metric))
  }

  #metricOf(given: ErrorsConfig['total'], side: SideName): string {
    return parseSelector(typeof given === 'string' ? given : given[side]).metric
  }

  /** Whether both sides have series of a counter, of different pods each. */
  async #counted(name: string, given: ErrorsConfig['total'], field: string): Promise<true> {
    const both = await this.#both(given)
    if (!both) return true
    this.#refuseShared(name, both)
    if (field === 'histogram' && [...both.candidate, ...both.baseline].some(({ le }) => le === undefined))
      throw new AbsenceError(`config: ${name}: ${this.#metricOf(given, 'candidate')} is no classic histogram: its series have no label le`)
    for (const side of ['candidate', 'baseline'] as const) {
      const matchers = this.#sides[side]
      if (!matchers) continue
      const selector = sideSelector(given, side, matchers)
      if (both[side].length > 0) this.selectors.add(selector)
      else await this.#absent(name, field, side, parseSelector(selector), matchers)
    }
    return true
  }

  /** What is said of a side without series: there are none anywhere, or those of others. */
  async #absent(name: string, field: string, side: SideName, { metric }: Selector, matchers: readonly Matcher[]): Promise<void> {
    const pods = this.#store.everywhere ? await this.#podsWith(metric) : []
    if (this.#store.everywhere && pods?.length === 0)
      throw new AbsenceError(`config: ${name}: no target has a series of ${metric}; give the counter that is there as ${field}`)
    const others = pods?.length ? `; the pods that have ${metric} are ${pods.join(', ')}` : ''
    this.missing.add(`${side}: no series of ${metric} matches ${matchersText(matchers)}${others}`)
  }

  /** The pods that have a metric; undefined where the answer is a partial one. */
  async #podsWith(metric: string): Promise<string[] | undefined> {
    const { series, warnings } = await this.#store.groups(selectorText({ metric, matchers: [] }), POD_LABELS, this.#at)
    return warnings.length ? undefined : podsText(series.map(({ labels }) => labels))
  }

  #refuseShared(name: string, { candidate, baseline }: { candidate: readonly Labels[]; baseline: readonly Labels[] }): void {
    const ids = new Set(candidate.map(idOf))
    const shared = baseline.filter((labels) => ids.has(idOf(labels)))
    if (shared.length === 0) return
    const [a, b] = [matchersText(this.#sides.candidate), matchersText(this.#sides.baseline ?? [])]
    throw new AbsenceError(`candidate, baseline: both select the same series of ${name}, of ${podsText(shared).join(', ')}: ${a} and ${b}`)
  }

  /** Failed requests are counted where there are some to count: by a label that is there, or by a metric that is. */
  async #events({ name, total, events, absent }: ErrorsConfig): Promise<void> {
    for (const side of ['candidate', 'baseline'] as const) {
      const matchers = this.#sides[side]
      if (!matchers) continue
      const [all, failed] = [total, events].map((given) => parseSelector(typeof given === 'string' ? given : given[side]))
      if (!all || !failed) continue
      const same = all.metric === failed.metric
      const there = same
        ? await this.#both(total)
        : await this.#both({ candidate: this.#bare(failed, 'candidate'), baseline: this.#bare(failed, 'baseline') })
      if (!there) continue
      const series = [...there.candidate, ...there.baseline]
      if (series.length === 0 && (same || absent === 'zero')) continue
      if (series.length === 0) {
        // Before the first request there is nothing to fail.
        const requests = await this.#both(total)
        if (requests && requests.candidate.length + requests.baseline.length === 0) continue
        throw new AbsenceError(
          `config: ${name}: events: no series of ${failed.metric} is there on either side; if they come with the first failure, set absent: zero`,
        )
      }
      this.#refuseUnknownLabels(name, failed, all, series)
    }
  }

  /** A metric on a side, whatever its other matchers. */
  #bare({ metric }: Selector, side: SideName): string {
    return selectorText({ metric, matchers: [] }, this.#sides[side] ?? [])
  }

  #refuseUnknownLabels(name: string, events: Selector, total: Selector, series: readonly Labels[]): void {
    const added = events.matchers.filter(({ label }) => !total.matchers.some((one) => one.label === label))
    const unknown = added.find(({ label, operator }) => !operator.startsWith('!') && series.every((labels) => labels[label] === undefined))
    if (!unknown) return
    const status = statusLabelOf(series)
    const hint = status === undefined ? '' : `; the status is in ${status}`
    throw new AbsenceError(
      `config: ${name}: events: ${events.metric} has no label ${unknown.label}; its labels are ${labelsText(series)}${hint}`,
    )
  }
}

const idOf = (labels: Labels): string => JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))

function shown(all: Iterable<string>, most: number): string[] {
  const sorted = [...new Set(all)].toSorted()
  const first = sorted.slice(0, most).map((text) => cut(text, 100))
  return sorted.length > most ? [...first, `and ${sorted.length - most} more`] : first
}

const podsText = (series: readonly Labels[]): string[] =>
  shown(
    series.map((labels) => podOf(labels) ?? '(no pod)'),
    SHOWN,
  )
const labelsText = (series: readonly Labels[]): string =>
  shown(
    series.flatMap((labels) => Object.keys(labels)),
    30,
  ).join(', ')

/** The median distance of the samples of a series, the largest of several selectors, in milliseconds; undefined where none has two samples. */
export async function spacingOf(store: CounterStore, selectors: readonly string[], at: number): Promise<number | undefined> {
  const of = async (selector: string): Promise<number | undefined> => {
    for (const back of WINDOWS) {
      const { series } = await store.samples(selector, at - back, at)
      const gaps = series
        .flatMap(({ points }) => points.slice(1).map(([seconds], i) => seconds - (points[i]?.[0] ?? 0)))
        .toSorted((a, b) => a - b)
      const middle = gaps[Math.floor(gaps.length / 2)]
      if (middle !== undefined) return Math.round(middle * 1000)
    }
    return undefined
  }
  const all = await Promise.all(selectors.map(of))
  const known = all.filter((one) => one !== undefined)
  return known.length ? Math.max(...known) : undefined
}

/** How far back samples are looked at, in milliseconds: first as far as usual scrapes need. */
const WINDOWS = [300_000, 1_200_000]
