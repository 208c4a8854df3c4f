// What a preset reads: the first of the usual names that the pods have, and the label in which the status stands.
import type { Labels } from '../../shared/prometheus/answer.ts'
import { type MetricConfig, metricsOf, type PresetConfig } from '../config.ts'
import { type HttpNames, libraryNames, usualNames } from '../presets.ts'
import { type Matcher, matchersText, needsLabel, parseMatchers, selectorText } from '../selectors.ts'
import { POD, type Sides } from '../sources/source.ts'
import { LIBRARIES, type Library } from './libraries.ts'
import { labelsText, listed, podNames, type Sight, shown, statusLabels } from './sight.ts'

export interface Discovery {
  metrics: MetricConfig[]
  told: { text: string; level: 'info' | 'warning' }[]
  /** What no waiting mends. */
  wrong: string[]
  /** What may come. */
  missing: string[]
}

export const inputsOf = (sides: Sides): ('candidate' | 'baseline')[] => (sides.baseline ? ['candidate', 'baseline'] : ['candidate'])

/** Finds what a preset reads on both sides. */
export async function discover(given: PresetConfig, sides: Sides, sight: Sight): Promise<Discovery> {
  const found: Discovery = { metrics: [], told: [], wrong: [], missing: [] }
  const usual = usualNames(given)
  if (!usual) return { ...found, metrics: metricsOf(given) }
  const seen =
    given.preset === 'http' ? await findLibrary(given, sides, sight) : { names: usual, buckets: usual.buckets && [usual.buckets] }
  if (!('names' in seen)) return { ...found, ...seen }
  const { buckets, why } = await findBuckets(seen, given, sides, sight)
  const what =
    given.preset === 'http' ? [`${given.preset} reads ${seen.names.requests} by ${shown(seen.names.failed[0]?.label ?? '')}`] : []
  if (what.length) found.told.push({ text: `${what.join()}${buckets ? `, and ${buckets.metric}` : ''}`, level: 'info' })
  if (why) found.told.push({ text: `${given.preset} latency is left out: ${why}`, level: sides.baseline ? 'warning' : 'info' })
  return { ...found, metrics: metricsOf(given, { ...seen.names, buckets }) }
}

interface Names {
  names: HttpNames
  /** By preference. */
  buckets: Library['buckets'] | undefined
}

type Nothing = Pick<Discovery, 'wrong'> | Pick<Discovery, 'missing'>

interface Seen {
  library: Library
  /** The series of the sides that have any. */
  there: Labels[][]
  whole: boolean
  status: string | undefined
}

async function findLibrary(given: PresetConfig, sides: Sides, sight: Sight): Promise<Names | Nothing> {
  const where = parseMatchers(given.where)
  const all: Seen[] = []
  for (const library of LIBRARIES) {
    const asked = inputsOf(sides).map((side) =>
      sight.series(selectorText({ metric: library.requests, matchers: where }, sides[side] ?? [])),
    )
    const series = await Promise.all(asked)
    const there = series.filter((one) => one.length > 0).map((one) => [...one])
    if (there.length === 0) continue
    const one = { library, there, whole: there.length === series.length, status: statusOf(library, there, given['status-label']) }
    all.push(one)
    if (one.whole && one.status !== undefined) break
  }
  const best = all.find(({ whole, status }) => whole && status !== undefined) ?? all.find(({ status }) => status !== undefined) ?? all[0]
  if (!best) return nothing(given, sides, sight, where)
  const { library, status } = best
  // A histogram may be there from the start, and the counter with the status come with the first request.
  if (status === undefined)
    return library.requests.endsWith('_count') ? { missing: [noStatus(best, given)] } : { wrong: [noStatus(best, given)] }
  return { names: libraryNames(library, status), buckets: library.buckets }
}

/** The label with the status, which every side has that is there. */
function statusOf(library: Library, there: readonly Labels[][], given: string | undefined): string | undefined {
  const everybodyHas = (label: string): boolean => there.every((side) => side.some((one) => one[label] !== undefined))
  if (given !== undefined) return everybodyHas(given) ? given : undefined
  const found = statusLabels(there.flat()).find((label) => there.every((side) => statusLabels(side).includes(label)))
  return found ?? (library.words && everybodyHas(library.words.label) ? library.words.label : undefined)
}

function noStatus({ library, there }: Seen, { preset, 'status-label': given }: PresetConfig): string {
  const own = there.map((side) => statusLabels(side)[0])
  const [a, b] = own
  if (given === undefined && a !== undefined && b !== undefined)
    return `${preset}: the status of ${library.requests} stands in the label ${shown(a)} of the candidate and in ${shown(b)} of the baseline: write a metric of the kind errors, with events: { candidate: ..., baseline: ... }`
  const likely = own.find((label) => label !== undefined)
  const lacks = given === undefined ? 'no label with the status of a response' : `no label ${given}`
  return `${preset}: ${library.requests} has ${lacks}${there.length > 1 ? ' on both sides' : ''}; ${labelsText(there.flat())}: ${likely === undefined ? 'set status-label, or write a metric of the kind errors' : `set status-label: ${shown(likely)}`}`
}

/** Nobody of the two sides has any: it is a matter of time when others have. */
async function nothing(given: PresetConfig, sides: Sides, sight: Sight, where: Matcher[]): Promise<Nothing> {
  const names = LIBRARIES.map(({ requests }) => requests)
  const who = inputsOf(sides).join(' and ')
  const looked = `${given.preset} looks for ${listed(names, names.length)}`
  const what = 'write a metric of the kind errors with the names that there are, in config'
  const own = inputsOf(sides).map((side) => [...where, ...(sides[side] ?? [])])
  const matchers = own.map((one) => shown(matchersText(one))).join(' or ')
  if (!sight.everywhere) return { missing: [`${who}: no series of requests matches ${matchers}; ${looked}: ${what}`] }
  const wanted = own.flat().filter(needsLabel)
  const labels = [...new Set([...POD, ...wanted.map(({ label }) => label)])]
  const elsewhere = await Promise.all(names.map((name) => sight.groups(`${name}{}`, labels)))
  const there = await metricsThere(own, sight)
  const at = elsewhere.findIndex((one) => one.length > 0)
  if (at < 0) return { wrong: [`${given.preset}: no target has any of the usual counters of requests; ${looked}; ${there}${what}`] }
  const unknown = wanted.find(({ label }) => elsewhere.flat().every((one) => !one[label]))
  if (unknown) {
    const whose = where.includes(unknown)
      ? `config: where of ${given.preset}`
      : inputsOf(sides).find((side) => sides[side]?.includes(unknown))
    const series = await sight.series(`${names[at]}{}`)
    return { wrong: [`${whose}: no series of ${names[at]} has the label ${unknown.label}; ${labelsText(series)}`] }
  }
  const like = sides.candidate.find(({ label }) => POD.includes(label))?.value
  const pods = podNames(elsewhere[at] ?? [], like)
  const others = pods.length ? `the pods that have ${names[at]} are ${listed(pods)}; ` : ''
  return { missing: [`${who}: no series of requests matches ${matchers}; ${others}${looked}; ${there}${what}`] }
}

/** The names of the metrics that these pods have, those first that seem to count requests. */
async function metricsThere(own: readonly Matcher[][], sight: Sight): Promise<string> {
  // Without a matcher that wants a label a server answers with everything, or refuses.
  const asked = own.filter((matchers) => matchers.some(needsLabel)).map((matchers) => selectorText({ metric: '', matchers }))
  const found = (await Promise.all(asked.map((one) => sight.groups(one, ['__name__'])))).flat()
  const names = [...new Set(found.flatMap((one) => one['__name__'] ?? []))].filter((name) => !/_(bucket|sum|created)$/.test(name))
  const close = (name: string): number => Number(/request|response|http/i.test(name))
  const sorted = names.toSorted((a, b) => close(b) - close(a) || (a < b ? -1 : 1))
  return sorted.length ? `the metrics of these pods are ${listed(sorted)}; ` : 'these pods have no metrics at all; '
}

async function findBuckets(
  { names, buckets = [] }: Names,
  { where }: PresetConfig,
  sides: Sides,
  sight: Sight,
): Promise<{ buckets: HttpNames['buckets']; why?: string }> {
  if (!sides.baseline) return { buckets: undefined, why: 'there is no baseline to compare it with' }
  const more = [...names.always, ...parseMatchers(where)]
  const has = async (metric: string, matchers: readonly Matcher[], side: 'candidate' | 'baseline'): Promise<boolean> =>
    (await sight.series(selectorText({ metric, matchers: [...matchers, ...more] }, sides[side] ?? []))).length > 0
  // A side that has no requests yet has no buckets yet.
  const here = await Promise.all(inputsOf(sides).map(async (side) => ((await has(names.requests, [], side)) ? [side] : [])))
  const asking = here.flat()
  let why = `no series of ${listed(buckets.map(({ metric }) => metric))} is there: a histogram has to be switched on in most libraries (Micrometer: percentiles-histogram)`
  for (const one of buckets) {
    const found = await Promise.all(asking.map((side) => has(one.metric, [{ label: 'le', operator: '=', value: '+Inf' }], side)))
    if (found.every(Boolean)) return { buckets: one }
    const lacking = asking.filter((_, i) => !found[i])
    if (lacking.length < asking.length) why = `the ${lacking.join()} has no series of ${one.metric}`
  }
  return { buckets: undefined, why }
}
