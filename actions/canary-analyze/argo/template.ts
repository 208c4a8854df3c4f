// Reads an Argo Rollouts AnalysisTemplate (or ClusterAnalysisTemplate) as it is, with the arguments filled in. Whatever Argo Rollouts refuses is
// refused, and so is what cannot be honoured, before anything is asked.
import { RE2JS } from 're2js'
import { messageOf } from '../../shared/text/errors.ts'
import { wrongsText } from '../../shared/text/issues.ts'
import { isRecord, own } from '../../shared/text/records.ts'
import { refusalOf } from './condition.ts'
import { goDuration } from './duration.ts'
import { templateKind } from './kinds.ts'
import { type Conditions, type MetricLimits, refusal } from './phase.ts'
import { filled, refusePlaceholders } from './placeholders.ts'
import { readProvider, type Source } from './provider.ts'
import { type MetricDocument, type TemplateDocument, templateSchema } from './schema.ts'

export interface ArgoMetric extends Conditions, MetricLimits, Source {
  name: string
  /** It is measured and shown, and decides nothing. */
  dryRun: boolean
}

export interface ArgoTemplate {
  name: string
  metrics: ArgoMetric[]
  /** Values of arguments that come from Secrets: they must never be shown. */
  secrets: string[]
}

type Fill = (text: string) => string
type Argument = TemplateDocument['spec']['args'][number]

/** Whether a document is one that `readTemplate` is for. */
export const isTemplate = (document: unknown): boolean => templateKind(document) !== undefined

/** Reads a template; `args` fills or overrides its arguments. Throws an Error that names what cannot be used. */
export function readTemplate(document: unknown, args: Readonly<Record<string, string>>): ArgoTemplate {
  refuseReferences(document)
  const read = templateSchema.safeParse(document)
  if (!read.success) throw new Error(`the AnalysisTemplate cannot be used: ${wrongsText(read.error)}`)
  const { spec, metadata } = read.data
  if (spec.metrics.length === 0) throw new Error('the AnalysisTemplate cannot be used: spec.metrics holds no metrics')
  const { metrics: _, ...rest } = spec
  refusePlaceholders({ metadata, spec: rest }, '')
  const values = valuesOf(spec.args, args)
  const fill: Fill = (text) => filled(text, (name) => argumentOf(name, spec.args, values))
  const metrics = spec.metrics.map((one) => readMetric(one, fill))
  const twice = metrics.find(({ name }, i) => metrics.findIndex((other) => other.name === name) !== i)
  if (twice) throw new Error(`the AnalysisTemplate has the metric ${twice.name} twice`)
  const dry = chosen('dryRun', spec.dryRun, metrics)
  chosen('measurementRetention', spec.measurementRetention, metrics)
  refuseDifferentHeaders(metrics)
  const secrets = spec.args.flatMap(({ name, valueFrom }) => (valueFrom?.secretKeyRef && values.get(name)) || [])
  return { name: metadata.name, metrics: metrics.map((one) => ({ ...one, dryRun: dry.has(one.name) })), secrets }
}

/** Templates of templates: what they name is not in this file. */
function refuseReferences(document: unknown): void {
  const spec = isRecord(document) ? document['spec'] : undefined
  const references = isRecord(spec) ? spec['templates'] : undefined
  if (!Array.isArray(references) || references.length === 0) return
  const names = references.map((one) => (isRecord(one) ? String(one['templateName']) : '?'))
  throw new Error(
    `the AnalysisTemplate cannot be used: spec.templates refers to other templates (${names.join(', ')}), which are not read here: put their metrics into spec.metrics`,
  )
}

/** What the arguments are. Every argument wants a value, as there; one that comes from a Secret or a field wants it when it is used. */
function valuesOf(known: readonly Argument[], args: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const names = known.map(({ name }) => name)
  const stray = Object.keys(args).filter((name) => !names.includes(name))
  if (stray.length)
    throw new Error(
      `the AnalysisTemplate has no argument ${stray.join(', ')}; it has ${names.join(', ') || 'none'}: declare in spec.args what args gives`,
    )
  const values = new Map<string, string>()
  for (const { name, value, valueFrom } of known) {
    const given = own(args, name) ?? (valueFrom?.secretKeyRef ? undefined : value)
    const before = values.get(name)
    if (before !== undefined && given !== undefined && before !== given)
      throw new Error(`the AnalysisTemplate declares the argument ${name} twice, with different values`)
    if (given !== undefined) values.set(name, given)
    else if (!valueFrom && before === undefined && !known.some((other) => other.name === name && other.value !== undefined))
      throw missing(name)
  }
  return values
}

/** What is wrong with an argument is no fault of the metric that uses it. */
class ArgumentError extends Error {
  override readonly name = 'ArgumentError'
}

const missing = (name: string, secret = false): ArgumentError =>
  new ArgumentError(
    `the argument ${name} of the AnalysisTemplate has no value: give it as ${name}=... in ${secret ? 'secret-args' : 'args'}`,
  )

function argumentOf(name: string, known: readonly Argument[], values: ReadonlyMap<string, string>): string {
  const declared = known.find((one) => one.name === name)
  if (!declared)
    throw new ArgumentError(
      `the AnalysisTemplate uses {{args.${name}}} and does not declare it: add '- name: ${name}' to its spec.args, then give ${name}=... in args`,
    )
  const value = values.get(name)
  if (value === undefined) throw missing(name, declared.valueFrom?.secretKeyRef !== undefined)
  if (value.includes('{{')) throw new ArgumentError(`the argument ${name} of the AnalysisTemplate holds a placeholder, which nobody fills`)
  return value
}

type Whole = 'count' | 'failureLimit' | 'inconclusiveLimit' | 'consecutiveErrorLimit' | 'consecutiveSuccessLimit'

function readMetric(one: MetricDocument, fill: Fill): Omit<ArgoMetric, 'dryRun'> {
  let name = one.name
  try {
    name = fill(one.name)
    const text = (value: string | undefined): string | undefined => (value === undefined ? undefined : fill(value))
    const whole = (key: Whole): number | undefined => {
      const value = one[key]
      if (value === undefined || typeof value === 'number') return value
      if (!/^-?\d{1,9}$/.test(fill(value))) throw new Error(`${key} is '${fill(value)}': a whole number is wanted`)
      return Number(fill(value))
    }
    const found = {
      name,
      ...readProvider(one.provider, fill),
      successCondition: text(one.successCondition),
      failureCondition: text(one.failureCondition),
      interval: text(one.interval),
      initialDelay: text(one.initialDelay),
      count: whole('count'),
      failureLimit: whole('failureLimit'),
      inconclusiveLimit: whole('inconclusiveLimit'),
      consecutiveErrorLimit: whole('consecutiveErrorLimit'),
      consecutiveSuccessLimit: whole('consecutiveSuccessLimit'),
    }
    const wrong = refusal(found, goDuration)
    if (wrong) throw new Error(wrong)
    for (const condition of [found.successCondition, found.failureCondition]) {
      const why = condition ? refusalOf(condition) : undefined
      if (why !== undefined) throw new Error(`the condition ${condition} cannot be read: ${why}`)
    }
    return found
  } catch (error) {
    if (error instanceof ArgumentError) throw error
    throw new Error(`the metric ${name} of the AnalysisTemplate: ${messageOf(error)}`, { cause: error })
  }
}

/** The names of the metrics that rules choose by regular expressions of Go, anywhere in the name. A rule that chooses none is refused, as there. */
function chosen(field: string, rules: readonly { metricName: string }[], metrics: readonly { name: string }[]): ReadonlySet<string> {
  const found = new Set<string>()
  const names = metrics.map(({ name }) => name)
  rules.forEach(({ metricName }, i) => {
    const place = `${field} of the AnalysisTemplate`
    if (rules.findIndex((other) => other.metricName === metricName) !== i) throw new Error(`${place} has the rule '${metricName}' twice`)
    const matching = names.filter((name) => matches(metricName, name, place))
    if (matching.length === 0) throw new Error(`${place}: '${metricName}' matches no metric; there are ${names.join(', ')}`)
    for (const name of matching) found.add(name)
  })
  return found
}

function matches(pattern: string, name: string, place: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(name).find()
  } catch (error) {
    const all = pattern === '*' ? '; .* chooses all metrics' : ''
    throw new Error(`${place}: '${pattern}' is not a regular expression${all}`, { cause: error })
  }
}

/** One analysis asks one server, with one set of headers. */
function refuseDifferentHeaders(metrics: readonly Pick<ArgoMetric, 'name' | 'headers'>[]): void {
  const [first] = metrics
  const other = metrics.find(({ headers }) => JSON.stringify(headers) !== JSON.stringify(first?.headers))
  if (first && other)
    throw new Error(
      `the metrics ${first.name} and ${other.name} of the AnalysisTemplate send different headers: give each an analysis of its own`,
    )
}
