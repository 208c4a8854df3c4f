// What is compared, and by which rules: the action's own configuration. config.schema.json is generated from this schema.
import { z } from 'zod'
import { excerpt } from '../shared/report/text.ts'
import { messageOf } from '../shared/text/errors.ts'
import { inWords, type Wrong, wrongs, wrongText } from '../shared/text/issues.ts'
import { meantBy } from '../shared/text/nearest.ts'
import { isRecord, own } from '../shared/text/records.ts'
import { parseCriterion } from './criteria.ts'
import { expandPreset, type HttpNames, PRESETS, usualNames } from './presets.ts'
import { parseMatchers, parseSelector } from './selectors.ts'

const readable =
  (read: (text: string) => unknown) =>
  (text: string, context: z.RefinementCtx): void => {
    try {
      read(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) })
    }
  }

/** A counter as it is scraped: what a rule has recorded of several falls when a pod goes, which would be taken for a restart. */
function parseCounter(text: string): void {
  const { metric } = parseSelector(text)
  if (metric.includes(':')) throw new Error(`${metric} is a recorded rule by its colon; give the counter that it is made of`)
}

const selector = z
  .string()
  .max(4000)
  .superRefine(readable(parseCounter))
  .describe('a plain selector of PromQL; the matchers of each side are added to it')
const bothSides = z
  .union([selector, z.strictObject({ candidate: selector, baseline: selector })])
  .describe('one selector for both sides, or one for each, which is then taken as it is')
export type BothSides = z.infer<typeof bothSides>

const name = z.string().min(1).max(100)
const weight = z.number().positive().max(1000).default(1).describe('its share of alpha, beside the other metrics')
const reportOnly = z.boolean().default(false).describe('it is shown, and decides nothing')
const ratio = z.number().min(1).max(100).default(1).describe("the candidate's rate may be this multiple of the baseline's")

const clusters = z
  .enum(['auto', 'never'])
  .default('auto')
  .describe('whether a test has to agree that takes a burst for one event; never: each request stands for itself')

const origin = z
  .enum(['pod', 'proxy'])
  .default('pod')
  .describe('who counts: the pods that are compared, from 0 on, or a proxy in front of them that counted before')

const errors = z.strictObject({
  kind: z.literal('errors'),
  name,
  weight,
  'report-only': reportOnly,
  total: bothSides,
  events: bothSides,
  absent: z
    .literal('zero')
    .optional()
    .describe('for events with a metric of their own, whose series appear with the first event: without any there were none'),
  ratio,
  margin: z.number().gt(1).max(100).default(2).describe("a pass rules out that its rate is this multiple of the baseline's"),
  floor: z.number().positive().lt(1).default(0.01).describe('below this rate nothing is harm'),
  clusters,
  origin,
})

const latency = z.strictObject({
  kind: z.literal('latency'),
  name,
  weight,
  'report-only': reportOnly,
  histogram: bothSides.describe('the buckets of a classic histogram: a counter with the label le'),
  unit: z.enum(['s', 'ms']).default('s'),
  ratio,
  margin: z
    .number()
    .gt(1)
    .max(100)
    .default(1.5)
    .describe("a pass rules out that this multiple of the baseline's requests is slower, at any edge"),
  floor: z.number().positive().lt(1).default(0.02).describe('the share of requests by which more have to be slower'),
  clusters,
  origin,
  required: z
    .boolean()
    .default(true)
    .describe('whether a pass has to rule out a slowdown; false: 100 requests a side that prove none are enough at the end'),
})

const restarts = z.strictObject({
  kind: z.literal('restarts'),
  name,
  weight,
  'report-only': reportOnly,
  counter: bothSides,
  margin: z.number().gt(1).max(100).default(2),
  floor: z.number().positive().max(3600).default(6).describe('below this many in a pod-hour nothing is harm'),
})

const value = z.strictObject({
  kind: z.literal('value'),
  name,
  'report-only': reportOnly,
  query: z
    .string()
    .min(1)
    .max(4000)
    .describe('an expression with one value; {{candidate}} and {{baseline}} stand for the matchers of the sides'),
  criterion: z
    .string()
    .refine((text) => parseCriterion(text) !== undefined, 'a criterion like <=500, or relative to the last good releases: <=+10%')
    .describe('<=500, or relative to the last good releases: <=+10%'),
  aggregate: z.enum(['avg', 'p50', 'p90', 'p95']).default('avg').describe('what is made of the last good releases'),
  strikes: z.number().int().min(1).max(1000).default(3).describe('so many measurements have to miss it'),
})

const preset = z
  .strictObject({
    preset: z.enum(PRESETS),
    where: z
      .string()
      .max(4000)
      .superRefine(readable(parseMatchers))
      .default('')
      .describe('matchers for all its selectors, such as namespace="shop"'),
    'status-label': z
      .string()
      .regex(/^[a-zA-Z_]\w*$/)
      .optional()
      .describe('for http: the label with the status code; it is found by its values unless it is given'),
    weight,
  })
  .refine((one) => one.preset === 'http' || one['status-label'] === undefined, {
    path: ['status-label'],
    message: 'is for the preset http; the others know theirs',
  })

const metric = z.union([z.discriminatedUnion('kind', [errors, latency, restarts, value]), preset])

export const configSchema = z
  .strictObject({
    version: z.literal(1).default(1),
    alpha: z.number().positive().max(0.5).default(0.05).describe('how often a good release may fail, over all metrics and all looks'),
    'pass-alpha': z.number().positive().max(0.5).default(0.05).describe('how often a harmful release may pass'),
    'pods-within': z
      .number()
      .min(1)
      .max(100)
      .default(2)
      .describe('latency is compared only where the load of a pod differs by this factor at most'),
    metrics: z.array(metric).min(1).max(500),
  })
  .describe('What canary-analyze compares')

export type MetricConfig = z.infer<typeof errors> | z.infer<typeof latency> | z.infer<typeof restarts> | z.infer<typeof value>
export type ErrorsConfig = z.infer<typeof errors>
export type LatencyConfig = z.infer<typeof latency>
export type RestartsConfig = z.infer<typeof restarts>
export type ValueConfig = z.infer<typeof value>

export type PresetConfig = z.infer<typeof preset>

export interface SequentialConfig {
  alpha: number
  passAlpha: number
  podsWithin: number
  metrics: MetricConfig[]
}

/** As it was written: what a preset reads is known when it was asked what there is. */
export interface GivenConfig extends Omit<SequentialConfig, 'metrics'> {
  metrics: (MetricConfig | PresetConfig)[]
}

/** What is compared without a configuration. */
export const DEFAULT_CONFIG = { metrics: [{ preset: 'http' }] }

/** Where something of a document stands, by its path. */
type PlaceOf = (path: readonly PropertyKey[]) => { line: number }

/** Reads a configuration, with its presets expanded. Throws an Error that names every problem, each in its line where places are known. */
export function readConfig(document: unknown, placeOf?: PlaceOf): GivenConfig {
  const read = configSchema.safeParse(document, { error: inWords })
  if (!read.success) {
    const found = problemsOf(document, wrongs(read.error.issues))
    if (placeOf) throw new Error(found.map((one) => `line ${placeOf(one.at ?? one.path).line}: ${wrongText(one)}`).join('\n'))
    throw new Error(`the configuration cannot be used: ${found.map(wrongText).join('; ')}`)
  }
  const { alpha, 'pass-alpha': passAlpha, 'pods-within': podsWithin, metrics } = read.data
  const names = expanded({ alpha, passAlpha, podsWithin, metrics }).metrics.map((one) => one.name)
  const twice = names.find((one, i) => names.indexOf(one) !== i)
  if (twice) throw new Error(`the configuration cannot be used: the metric ${twice} is there twice`)
  return { alpha, passAlpha, podsWithin, metrics }
}

/** The metrics of a preset, with their defaults; by the usual names unless others are given. */
export const metricsOf = (given: PresetConfig, names?: HttpNames): MetricConfig[] =>
  expandPreset({ ...given, names: names ?? usualNames(given) }).map((raw) =>
    z.discriminatedUnion('kind', [errors, latency, restarts, value]).parse(raw),
  )

/** A configuration as it would be if nothing was asked: for what is foretold. */
export const expanded = (config: GivenConfig): SequentialConfig => ({
  ...config,
  metrics: config.metrics.flatMap((one) => ('preset' in one ? metricsOf(one) : [one])),
})

const byKind = { errors, latency, restarts, value }

/** What is wrong: of a metric by the rules for what it is meant to be. */
function problemsOf(document: unknown, all: readonly Wrong[]): Wrong[] {
  const given = isRecord(document) && Array.isArray(document.metrics) ? document.metrics : []
  const ofMetrics = given.flatMap((metric: unknown, at): Wrong[] =>
    problemsOfMetric(metric).map((one) => ({
      path: ['metrics', at, ...one.path],
      message: one.message,
      at: ['metrics', at, ...(one.at ?? one.path)],
    })),
  )
  return [...all.filter(({ path }) => path[0] !== 'metrics' || path.length < 2), ...ofMetrics]
}

function problemsOfMetric(metric: unknown): Wrong[] {
  const of = (schema: z.ZodType): Wrong[] => wrongs(schema.safeParse(metric, { error: inWords }).error?.issues ?? [])
  if (!isRecord(metric)) return [{ path: [], message: 'a map with kind or preset is wanted' }]
  if ('kind' in metric && 'preset' in metric) return [{ path: [], message: 'has both kind and preset, of which one is wanted' }]
  if ('preset' in metric) return of(preset)
  const { kind } = metric
  if (kind === undefined) {
    const near = Object.keys(metric).map((key) => ({ key, hint: meantBy(key, ['kind', 'preset']) }))
    const slip = near.find(({ hint }) => hint !== '')
    return [{ path: [], message: `has neither kind nor preset${slip?.hint ?? ''}`, at: slip ? [slip.key] : [] }]
  }
  const schema = typeof kind === 'string' ? own<z.ZodType>(byKind, kind) : undefined
  if (schema) return of(schema)
  const known = Object.keys(byKind)
  const shown = excerpt(typeof kind === 'string' ? kind : JSON.stringify(kind), 80)
  return [{ path: ['kind'], message: `${shown} is not accepted: one of ${known.join(', ')} is wanted${meantBy(shown, known)}` }]
}
