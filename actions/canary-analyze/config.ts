// What is compared, and by which rules: the action's own configuration. config.schema.json is generated from this schema.
import { z } from 'zod'
import { excerpt } from '../shared/report/text.ts'
import { messageOf } from '../shared/text/errors.ts'
import { inWords, type Wrong, wrongs, wrongText } from '../shared/text/issues.ts'
import { meantBy } from '../shared/text/nearest.ts'
import { isRecord, own } from '../shared/text/records.ts'
import { parseCriterion } from './criteria.ts'
import type { Library } from './libraries.ts'
import { expandPreset, PRESETS } from './presets.ts'
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

const selector = z
  .string()
  .max(4000)
  .superRefine(readable(parseSelector))
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
  ratio,
  margin: z.number().gt(1).max(100).default(2).describe("a pass rules out that its rate is this multiple of the baseline's"),
  floor: z.number().positive().lt(1).default(0.01).describe('below this rate nothing is harm'),
  clusters,
  origin,
  absent: z
    .enum(['error', 'zero'])
    .default('error')
    .describe('what it means that no series of events is there, on either side: a mistake, or that nothing has happened yet'),
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

const preset = z.strictObject({
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
    .describe('for http: the label with the status; looked for among the usual ones unless it is given'),
  weight,
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

export interface SequentialConfig {
  alpha: number
  passAlpha: number
  podsWithin: number
  metrics: MetricConfig[]
  /** The preset `http`, whose metrics have the names of the first library until it is known which are there. */
  http: HttpPreset | undefined
}

type HttpPreset = Extract<z.infer<typeof metric>, { preset: unknown }>

/** The metrics of the preset `http` by the names of a library. */
export const httpMetrics = (preset: HttpPreset, library: Library, statusLabel: string): MetricConfig[] =>
  expandPreset({ ...preset, statusLabel, library }).map((raw) => expanded(raw))

/** What is compared without a configuration. */
export const DEFAULT_CONFIG = { metrics: [{ preset: 'http' }] }

/** Where something of a document stands, by its path. */
type PlaceOf = (path: readonly PropertyKey[]) => { line: number }

/** Reads a configuration, with its presets expanded. Throws an Error that names every problem, each in its line where places are known. */
export function readConfig(document: unknown, placeOf?: PlaceOf): SequentialConfig {
  const read = configSchema.safeParse(document, { error: inWords })
  if (!read.success) {
    const found = problemsOf(document, wrongs(read.error.issues))
    if (placeOf) throw new Error(found.map((one) => `line ${placeOf(one.at ?? one.path).line}: ${wrongText(one)}`).join('\n'))
    throw new Error(`the configuration cannot be used: ${found.map(wrongText).join('; ')}`)
  }
  const metrics = read.data.metrics.flatMap((one): MetricConfig[] =>
    'preset' in one ? expandPreset({ ...one, statusLabel: one['status-label'] ?? 'status' }).map((raw) => expanded(raw)) : [one],
  )
  const twice = metrics.find((one, i) => metrics.findIndex((other) => other.name === one.name) !== i)
  if (twice) throw new Error(`the configuration cannot be used: the metric ${twice.name} is there twice`)
  const http = read.data.metrics.find((one) => 'preset' in one && one.preset === 'http')
  return {
    alpha: read.data.alpha,
    passAlpha: read.data['pass-alpha'],
    podsWithin: read.data['pods-within'],
    metrics,
    http: http && 'preset' in http ? http : undefined,
  }
}

const expanded = (raw: object): MetricConfig => z.discriminatedUnion('kind', [errors, latency, restarts, value]).parse(raw)

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
