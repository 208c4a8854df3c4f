// What the series that are there already show of a metric: that they are the wrong ones, or that some are missing.
import type { Labels } from '../../shared/prometheus/answer.ts'
import type { BothSides, ErrorsConfig, MetricConfig, ValueConfig } from '../config.ts'
import { type Matcher, matchersText, needsLabel, parseSelector, type Selector, selectorText } from '../selectors.ts'
import { POD, type Sides, sideSelector } from '../sources/source.ts'
import { inputsOf } from './discovery.ts'
import { idOf, labelsText, listed, looksLikeStatus, podNames, type Sight, shown, statusLabels } from './sight.ts'

type Side = 'candidate' | 'baseline'

export interface Findings {
  /** What no waiting mends. */
  wrong: string[]
  /** What may come. */
  missing: string[]
}

interface SideSeries {
  side: Side
  selector: Selector
  series: readonly Labels[]
}

/** What is counted of a metric: the selector of which every side needs a series; undefined for expressions. */
export const countedBy = (metric: MetricConfig): BothSides | undefined =>
  metric.kind === 'errors'
    ? metric.total
    : metric.kind === 'latency'
      ? metric.histogram
      : metric.kind === 'restarts'
        ? metric.counter
        : undefined

/** Mistakes that are told by the configuration alone. */
export function mistakesOf(metric: MetricConfig, sides: Sides): string[] {
  const name = `config: the metric ${shown(metric.name)}`
  if (metric.kind === 'value')
    return !sides.baseline && metric.query.includes('{{baseline}}')
      ? [`${name} asks for {{baseline}}, and the input baseline is empty: it would be everything`]
      : []
  if (!sides.baseline && metric.kind === 'latency' && !metric['report-only'])
    return [`${name}: latency is compared, and the input baseline is empty: leave the metric out, or set report-only: true`]
  if (metric.kind === 'errors' && metric.absent && !hasOwnMetric(metric))
    return [`${name}: absent: zero is for events with a metric of their own; a label that is there without a failure is 0 failures already`]
  const given = metric.kind === 'errors' ? [metric.total, metric.events] : [countedBy(metric) ?? '']
  return given.some((one) => typeof one === 'string') ? sameSides(sides) : []
}

const hasOwnMetric = ({ total, events }: ErrorsConfig): boolean =>
  (['candidate', 'baseline'] as const).some(
    (side) => parseSelector(sideSelector(total, side, [])).metric !== parseSelector(sideSelector(events, side, [])).metric,
  )

/** What is compared with itself is never worse. */
export function sameSides({ candidate, baseline }: Sides): string[] {
  const text = matchersText(candidate)
  if (!baseline || matchersText(baseline) !== text) return []
  return [`candidate and baseline are the same, ${shown(text)}: give each side matchers of its own`]
}

/** Asks for everything that a metric reads. */
export async function checkMetric(metric: MetricConfig, sides: Sides, sight: Sight): Promise<Findings> {
  const given = countedBy(metric)
  if (metric.kind === 'value' || given === undefined) return metric.kind === 'value' ? checkValue(metric, sides, sight) : nothing()
  const all = await Promise.all(
    inputsOf(sides).map(async (side): Promise<SideSeries> => {
      const text = sideSelector(given, side, sides[side] ?? [])
      return { side, selector: parseSelector(text), series: await sight.series(text) }
    }),
  )
  const absent = await Promise.all(all.map((one) => whyAbsent(metric, given, one, all, sides, sight)))
  const events = metric.kind === 'errors' ? await checkEvents(metric, all, sides, sight) : []
  return {
    // Where a metric is nowhere, both sides say so.
    wrong: [...new Set([...absent.flatMap(({ wrong }) => wrong), ...overlap(metric, all, sides), ...events, ...noHistogram(metric, all)])],
    missing: absent.flatMap(({ missing }) => missing),
  }
}

const nothing = (): Findings => ({ wrong: [], missing: [] })

async function checkValue(metric: ValueConfig, sides: Sides, sight: Sight): Promise<Findings> {
  const query = metric.query
    .replaceAll('{{candidate}}', () => matchersText(sides.candidate))
    .replaceAll('{{baseline}}', () => matchersText(sides.baseline ?? []))
  if ((await sight.hasValue(query)) !== false) return nothing()
  return { wrong: [], missing: [`config: the metric ${shown(metric.name)}: its query has no value: ${shown(query)}`] }
}

/** Why a side has no series, if it has none: the metric is nowhere, or a label, or these pods. */
async function whyAbsent(
  metric: MetricConfig,
  given: BothSides,
  { side, selector, series }: SideSeries,
  all: readonly SideSeries[],
  sides: Sides,
  sight: Sight,
): Promise<Findings> {
  if (series.length > 0) return nothing()
  const { metric: name, matchers } = selector
  const ofSide = (one: Matcher): boolean => typeof given === 'string' && (sides[side] ?? []).some((other) => sameMatcher(one, other))
  const own = matchers.filter((one) => !ofSide(one))
  const who = typeof given === 'string' ? side : `config: the metric ${shown(metric.name)}, ${side}`
  const wanted = matchers.filter(needsLabel)
  const bare = selectorText({ metric: name, matchers: [] })
  const here = all.flatMap((one) => (one.selector.metric === name ? one.series : []))
  const elsewhere = sight.everywhere ? await sight.groups(bare, [...new Set([...POD, ...wanted.map(({ label }) => label)])]) : []
  const known = [...here, ...elsewhere]
  if (sight.everywhere && known.length === 0)
    return { wrong: [`config: the metric ${shown(metric.name)}: no target has a series of ${name}${hint(name)}`], missing: [] }
  const unknown = sight.everywhere ? wanted.find(({ label }) => known.every((one) => !one[label])) : undefined
  if (unknown) {
    const whose = ofSide(unknown) ? who : `config: the metric ${shown(metric.name)}`
    const there = labelsText(await sight.series(bare))
    return { wrong: [`${whose}: no series of ${name} has the label ${unknown.label}; ${there}`], missing: [] }
  }
  // These pods have it, and only what the metric's own matchers leave out.
  const others =
    typeof given === 'string' && own.length ? await sight.series(selectorText({ metric: name, matchers: sides[side] ?? [] })) : []
  const sideText = shown(matchersText(typeof given === 'string' ? (sides[side] ?? []) : matchers))
  if (others.length)
    return {
      wrong: [],
      missing: [
        `${who}: the series of ${name} with ${sideText} do not match ${shown(matchersText(own))}: only probes have asked so far, or a matcher is wrong`,
      ],
    }
  const like = matchers.find(({ label }) => POD.includes(label))?.value
  const pods = podNames(known, like)
  const there = pods.length ? `; the pods that have ${name} are ${listed(pods)}` : ''
  return { wrong: [], missing: [`${who}: no series of ${name} matches ${sideText}${there}`] }
}

const hint = (name: string): string => {
  if (name.startsWith('kube_')) return ': is kube-state-metrics scraped?'
  if (/_(total|bucket|count)$/.test(name)) return ''
  return '; counters usually end in _total, and histograms in _bucket'
}

const sameMatcher = (a: Matcher, b: Matcher): boolean => a.label === b.label && a.operator === b.operator && a.value === b.value

/** Series that both sides select. */
function overlap(metric: MetricConfig, [candidate, baseline]: readonly SideSeries[], sides: Sides): string[] {
  if (!candidate || !baseline || candidate.selector.metric !== baseline.selector.metric) return []
  const known = new Set(baseline.series.map(idOf))
  const both = candidate.series.filter((one) => known.has(idOf(one)))
  if (both.length === 0) return []
  const pods = podNames(both)
  const what = pods.length ? `the pods ${listed(pods, 5)}` : `the series ${shown(idOf(both[0] ?? {}))}`
  const texts = [candidate, baseline].map(({ side, selector }) => {
    const given = countedBy(metric)
    return `${side} is ${shown(matchersText(typeof given === 'string' ? (sides[side] ?? []) : selector.matchers))}`
  })
  return [
    `candidate and baseline both select ${what} of ${candidate.selector.metric}: ${texts.join(', ')}; give each side matchers of its own`,
  ]
}

function noHistogram(metric: MetricConfig, all: readonly SideSeries[]): string[] {
  if (metric.kind !== 'latency') return []
  const without = all.find(({ series }) => series.length > 0 && series.every((one) => one.le === undefined))
  if (!without) return []
  return [
    `config: the metric ${shown(metric.name)}: ${without.selector.metric} has no label le, so it is no classic histogram; ${labelsText(without.series)}`,
  ]
}

interface Events {
  side: Side
  /** What tells events from the rest. */
  own: readonly Matcher[]
  /** The series among which they are, whether they are events or not. */
  among: readonly Labels[]
}

/** No event is only proved by series that could tell of one. */
async function checkEvents(metric: ErrorsConfig, all: readonly SideSeries[], sides: Sides, sight: Sight): Promise<string[]> {
  const name = `config: the metric ${shown(metric.name)}`
  const selectors = all.map(({ side }) => parseSelector(sideSelector(metric.events, side, sides[side] ?? [])))
  const events = await Promise.all(
    all.map(async ({ side, selector, series }, i): Promise<Events> => {
      const { metric: counter = '', matchers = [] } = selectors[i] ?? {}
      const own = matchers.filter((one) => !selector.matchers.some((other) => sameMatcher(one, other)))
      const shared = matchers.filter((one) => !own.includes(one))
      const among = counter === selector.metric ? series : await sight.series(selectorText({ metric: counter, matchers: shared }))
      return { side, own, among }
    }),
  )
  const there = events.filter(({ among }) => among.length > 0)
  const counter = selectors[0]?.metric ?? ''
  const ownMetric = hasOwnMetric(metric)
  if (there.length === 0) {
    const begun = ownMetric && all.every(({ series }) => series.length > 0)
    if (!begun || metric.absent === 'zero') return []
    return [await noEvents(name, counter, sight)]
  }
  if (!ownMetric && there.every(({ own }) => own.length === 0))
    return [`${name}: events has to select a part of what total selects, and selects all of ${counter}`]
  const problem = there.flatMap((one) => unknownLabel(one, there)).at(0) ?? notOfStatus(there) ?? (ownMetric ? undefined : allOfThem(there))
  if (problem === undefined) return []
  const series = there.flatMap(({ among }) => among)
  const [likely] = statusLabels(series)
  const next = likely === undefined ? '' : `: is ${shown(likely)} meant?`
  return [`${name}: ${counter} ${problem}; ${labelsText(series)}${next}`]
}

async function noEvents(name: string, counter: string, sight: Sight): Promise<string> {
  const elsewhere = sight.everywhere ? podNames(await sight.groups(`${counter}{}`, POD)) : []
  const who = sight.everywhere && elsewhere.length === 0 ? 'no target has' : 'no side has'
  const others = elsewhere.length ? `; the pods that have it are ${listed(elsewhere)}` : ''
  return `${name}: ${who} a series of ${counter}, the counter of its events${others}; where it appears with the first event only, set absent: zero`
}

/** A label that events match on, and that no series of a side has: none ever will be an event. */
function unknownLabel({ side, own, among }: Events, there: readonly Events[]): string[] {
  return own.filter(needsLabel).flatMap(({ label }) => {
    const has = (one: Labels): boolean => Boolean(one[label])
    if (among.some(has)) return []
    if (!there.some((one) => one.among.some(has))) return [`has no label ${label}`]
    // Some libraries give it to failed requests alone; where all of the other side have it, this side calls it otherwise.
    const other = there.find((one) => one.among.every(has))
    return other ? [`of the ${side} has no label ${label}, which that of the ${other.side} has`] : []
  })
}

/** A matcher such as 5.. on a label that holds something else than a status. */
function notOfStatus(there: readonly Events[]): string | undefined {
  const asked = there.flatMap(({ own }) => own).find(({ operator, value }) => !operator.startsWith('!') && FOR_STATUS.test(value))
  if (!asked) return undefined
  const values = there.flatMap(({ among }) => among.flatMap((one) => one[asked.label] || []))
  if (values.length === 0 || values.some(looksLikeStatus)) return undefined
  return `has no status in the label ${asked.label}`
}

const FOR_STATUS = /^[1-5](?:\d\d|\.\.|xx|\.[*+]|\[0-9\]\[0-9\]|\[0-9\]\{2\}|\\d\\d|\\d\{2\})$/i

/** Events that are told from the rest by nothing that is there. */
function allOfThem(there: readonly Events[]): string | undefined {
  const tells = there.some(({ own, among }) => own.some(({ label }) => among.some((one) => one[label])))
  if (tells || there.some(({ own }) => own.some(needsLabel))) return undefined
  const labels = [...new Set(there.flatMap(({ own }) => own.map(({ label }) => label)))]
  return `has no label ${labels.join(', ')}, so that every request would be an event`
}
