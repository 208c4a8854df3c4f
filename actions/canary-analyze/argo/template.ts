// Reads an Argo Rollouts AnalysisTemplate (or ClusterAnalysisTemplate) as it is, with the arguments filled in.

import { RE2JS } from 're2js'
import { z } from 'zod'
import { messageOf } from '../../shared/text/errors.ts'
import { wrongsText } from '../../shared/text/issues.ts'
import { own } from '../../shared/text/records.ts'
import { goDuration } from './duration.ts'
import { type Conditions, type MetricLimits, refusal } from './phase.ts'
import { parse } from './syntax.ts'

export interface ArgoMetric extends Conditions, MetricLimits {
  name: string
  query: string
  /** Where its Prometheus is, when the template says so. */
  address: string | undefined
  /** Milliseconds. */
  timeout: number
  headers: readonly { key: string; value: string }[]
  /** It is measured and shown, and decides nothing. */
  dryRun: boolean
}

export interface ArgoTemplate {
  name: string
  metrics: ArgoMetric[]
  /** Values of arguments that come from Secrets: they must never be shown. */
  secrets: string[]
}

/** Argo takes whole numbers as numbers and as text, which may hold an argument. */
const whole = z.union([z.number().int(), z.string()]).optional()

const prometheus = z.looseObject({
  address: z.string().optional(),
  query: z.string(),
  timeout: z.number().min(0).optional(),
  headers: z.array(z.object({ key: z.string(), value: z.string() })).default([]),
  rangeQuery: z.unknown().optional(),
})

const metric = z.looseObject({
  name: z.string(),
  interval: z.string().optional(),
  initialDelay: z.string().optional(),
  count: whole,
  successCondition: z.string().optional(),
  failureCondition: z.string().optional(),
  failureLimit: whole,
  inconclusiveLimit: whole,
  consecutiveErrorLimit: whole,
  consecutiveSuccessLimit: whole,
  provider: z.looseObject({ prometheus: prometheus.optional() }),
})

const schema = z.object({
  kind: z.enum(['AnalysisTemplate', 'ClusterAnalysisTemplate']),
  metadata: z.looseObject({ name: z.string().default('') }).prefault({}),
  spec: z.looseObject({
    args: z
      .array(
        z.looseObject({
          name: z.string(),
          value: z.string().optional(),
          valueFrom: z.looseObject({ secretKeyRef: z.object({ name: z.string(), key: z.string() }).optional() }).optional(),
        }),
      )
      .default([]),
    metrics: z.array(metric).min(1),
    dryRun: z.array(z.object({ metricName: z.string() })).default([]),
  }),
})

/** Whether a document is one that `readTemplate` is for. */
export const isTemplate = (document: unknown): boolean =>
  typeof document === 'object' && document !== null && 'kind' in document && /^(Cluster)?AnalysisTemplate$/.test(String(document.kind))

/** Reads a template; `args` fills or overrides its arguments. Throws an Error that names what cannot be used. */
export function readTemplate(document: unknown, args: Readonly<Record<string, string>>): ArgoTemplate {
  const read = schema.safeParse(document)
  if (!read.success) throw new Error(`the AnalysisTemplate cannot be used: ${wrongsText(read.error)}`)
  const { spec, metadata } = read.data
  const known = spec.args.map(({ name }) => name)
  const stray = Object.keys(args).filter((name) => !known.includes(name))
  if (stray.length) throw new Error(`the AnalysisTemplate has no argument ${stray.join(', ')}; it has ${known.join(', ') || 'none'}`)
  const values = new Map<string, string>()
  for (const { name, value } of spec.args) {
    const given = own(args, name) ?? value
    if (given !== undefined) values.set(name, given)
  }
  const fill = (text: string): string =>
    text.replace(/\{\{\s*args\.([\w-]+)\s*\}\}/g, (_, name: string) => {
      const value = values.get(name)
      if (value === undefined) throw new Error(`the argument ${name} of the AnalysisTemplate has no value: give it as ${name}=... in args`)
      return value
    })
  const dry = spec.dryRun.map(({ metricName }) => fill(metricName))
  const metrics = spec.metrics.map((one) => metricOf(one, fill, dry))
  const twice = metrics.find(({ name }, i) => metrics.findIndex((other) => other.name === name) !== i)
  if (twice) throw new Error(`the AnalysisTemplate has the metric ${twice.name} twice`)
  const secrets = spec.args.flatMap(({ name, valueFrom }) => (valueFrom?.secretKeyRef && values.get(name)) || [])
  return { name: metadata.name, metrics, secrets }
}

function metricOf(one: z.infer<typeof metric>, fill: (text: string) => string, dry: readonly string[]): ArgoMetric {
  const name = fill(one.name)
  const refuse = (why: string): never => {
    throw new Error(`the metric ${name} of the AnalysisTemplate: ${why}`)
  }
  const from =
    one.provider.prometheus ?? refuse(`its provider is ${Object.keys(one.provider).join(', ') || 'missing'}; only prometheus can be asked`)
  if (from.rangeQuery !== undefined) refuse('rangeQuery is not supported; write the range into the query')
  const text = (value: string | undefined): string | undefined => (value === undefined ? undefined : fill(value))
  const integer = (key: 'count' | 'failureLimit' | 'inconclusiveLimit' | 'consecutiveErrorLimit' | 'consecutiveSuccessLimit') => {
    const value = one[key]
    if (value === undefined || typeof value === 'number') return value
    return /^-?\d{1,9}$/.test(fill(value)) ? Number(fill(value)) : refuse(`${key} is '${fill(value)}': a whole number is wanted`)
  }
  const found: ArgoMetric = {
    name,
    query: fill(from.query),
    address: text(from.address),
    timeout: (from.timeout ?? 30) * 1000,
    headers: from.headers.map(({ key, value }) => ({ key, value: fill(value) })),
    dryRun: dry.some((pattern) => wholeMatch(pattern, name)),
    successCondition: text(one.successCondition),
    failureCondition: text(one.failureCondition),
    interval: text(one.interval),
    initialDelay: text(one.initialDelay),
    count: integer('count'),
    failureLimit: integer('failureLimit'),
    inconclusiveLimit: integer('inconclusiveLimit'),
    consecutiveErrorLimit: integer('consecutiveErrorLimit'),
    consecutiveSuccessLimit: integer('consecutiveSuccessLimit'),
  }
  const wrong = refusal(found, goDuration)
  if (wrong) refuse(wrong)
  for (const condition of [found.successCondition, found.failureCondition]) {
    try {
      if (condition) parse(condition)
    } catch (error) {
      refuse(`the condition ${condition} cannot be read: ${messageOf(error)}`)
    }
  }
  return found
}

/** dryRun names metrics by regular expressions of Go that match the whole name, in time that is linear in it. */
const wholeMatch = (pattern: string, name: string): boolean => {
  try {
    return RE2JS.compile(pattern).matches(name)
  } catch {
    throw new Error(`dryRun of the AnalysisTemplate: '${pattern}' is not a regular expression`)
  }
}
