// The groups of vectors, and which part of canary-analyze answers each.
import { z } from 'zod'
import { holds } from '../../actions/canary-analyze/argo/condition.ts'
import { goDuration } from '../../actions/canary-analyze/argo/duration.ts'
import {
  type MetricState,
  measure,
  metricPhase,
  nextMeasurement,
  noMeasurements,
  refusal,
  runPhase,
} from '../../actions/canary-analyze/argo/phase.ts'
import { meets, parseCriterion } from '../../actions/canary-analyze/criteria.ts'
import { classify, defaultRule, type MetricRule, score } from '../../actions/canary-analyze/kayenta/judge.ts'
import { deviation, shiftInterval } from '../../actions/canary-analyze/kayenta/mann-whitney.ts'
import {
  beyondQuartiles,
  commonLanguageEffect,
  meanRatio,
  percentile,
  removeNaN,
  replaceNaN,
  summarize,
} from '../../actions/canary-analyze/kayenta/samples.ts'
import { AnswerError, readAnswer } from '../../actions/shared/prometheus/answer.ts'
import { decoded } from './compare.ts'
import { beyondSigmas, classifyByMean, cohenD, mannWhitneyU, singleValue } from './elsewhere.ts'

type Given = Record<string, unknown>
type Answer = (input: Given, expected: Given) => Given

/** Gives a group's answers on inputs of this shape; NaN and infinities are numbers by then. */
const over =
  <T>(shape: z.ZodType<T>, answer: (input: T, expected: Given) => Given): Answer =>
  (input, expected) =>
    answer(shape.parse(decoded(input)), expected)

const number = z.custom<number>((value) => typeof value === 'number')
const numbers = z.array(number)
const phase = z.enum(['Pending', 'Running', 'Successful', 'Failed', 'Inconclusive', 'Error'])

const kayentaInput = z.object({
  experiment: numbers,
  control: numbers,
  direction: z.enum(['increase', 'decrease', 'either']).default('either'),
  classifier: z.enum(['mann-whitney', 'mean-inequality']).default('mann-whitney'),
  tolerance: number.default(defaultRule.tolerance),
  confidence: number.default(defaultRule.confidence),
  allowed_decrease: number.default(1),
  allowed_increase: number.default(1),
  critical_decrease: number.default(1),
  critical_increase: number.default(1),
  effect_measure: z.enum(['meanRatio', 'cles']).default('meanRatio'),
  nan_strategy: z.enum(['remove', 'replace']).default('remove'),
  critical_metric: z.boolean().default(false),
  must_have_data: z.boolean().optional(),
  data_required: z.boolean().optional(),
})

function kayenta(input: z.infer<typeof kayentaInput>): Given {
  const rule: MetricRule = {
    ...defaultRule,
    direction: input.direction,
    tolerance: input.tolerance,
    confidence: input.confidence,
    allowedDecrease: input.allowed_decrease,
    allowedIncrease: input.allowed_increase,
    criticalDecrease: input.critical_decrease,
    criticalIncrease: input.critical_increase,
    effectMeasure: input.effect_measure,
    nanStrategy: input.nan_strategy,
    critical: input.critical_metric,
    mustHaveData: input.must_have_data ?? input.data_required ?? false,
  }
  const judge = input.classifier === 'mann-whitney' ? classify : classifyByMean
  const { classification, critical, effect } = judge(input.experiment, input.control, rule)
  return { classification, critical, deviation: effect, kayenta_classification: classification }
}

const samples = z.object({ experiment: numbers, control: numbers })
const effects: Record<string, (experiment: number[], control: number[]) => number> = {
  'mean-ratio': meanRatio,
  'cohen-d': cohenD,
  cles: commonLanguageEffect,
}

const limits = z.object({
  count: number.optional(),
  interval: z.string().optional(),
  initialDelay: z.string().optional(),
  failureLimit: number.optional(),
  inconclusiveLimit: number.optional(),
  consecutiveErrorLimit: number.optional(),
  consecutiveSuccessLimit: number.optional(),
})
const counters = z.object({
  successful: number.default(0),
  failed: number.default(0),
  inconclusive: number.default(0),
  count: number.default(0),
  consecutiveSuccess: number.default(0),
  consecutiveError: number.default(0),
})

const conditions = z.object({ successCondition: z.string().default(''), failureCondition: z.string().default('') })

const runInput = z.union([
  z.object({ metric_phases: z.array(phase) }),
  z.object({ last_phase: phase, interval: z.string().optional(), finished_at_offset_s: number }),
  z.object({ metrics: z.array(counters.partial().extend({ name: z.string(), dryRun: z.boolean().default(false) })) }),
])

function run(input: z.infer<typeof runInput>): Given {
  if ('last_phase' in input) {
    const next = nextMeasurement(input.last_phase, goDuration(input.interval ?? ''))
    return { next_measurement_offset_s: next === undefined ? null : input.finished_at_offset_s + next / 1000 }
  }
  const states: MetricState[] =
    'metric_phases' in input
      ? input.metric_phases.map((phase, i) => ({ name: `${i}`, phase, dryRun: false, limits: {}, counters: noMeasurements }))
      : input.metrics.map(({ name, dryRun, ...given }) => {
          const counted = { ...noMeasurements, ...definedOf(given) }
          const last = counted.failed ? 'Failed' : counted.inconclusive ? 'Inconclusive' : counted.consecutiveError ? 'Error' : 'Successful'
          return { name, dryRun, limits: {}, counters: counted, phase: metricPhase({}, counted, last, true) }
        })
  return { ...runPhase(states) }
}

const definedOf = <T extends Record<string, number | undefined>>(given: T): Record<string, number> =>
  Object.fromEntries(Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])))

/** Go's text of a value of Prometheus. */
const valueText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`
  return typeof value === 'number' ? (value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)) : ''
}

function argoPrometheus({ resultType, value, ...given }: z.infer<typeof argoPrometheusInput>): Given {
  if (resultType !== 'scalar' && resultType !== 'vector')
    return { phase: 'Error', value_text: '', error: 'Prometheus metric type not supported' }
  const { phase, message } = measure(value, given)
  return { phase, value_text: valueText(value), error: message }
}
const argoPrometheusInput = conditions.extend({ resultType: z.string(), value: z.unknown() })

/** An error is the answer where one is expected; the expectation may be its text, or part of it, or only that there is one. */
const orError =
  (answer: Answer): Answer =>
  (input, expected) => {
    try {
      return answer(input, expected)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      if (!('error' in expected)) throw error
      return { error: typeof expected.error === 'string' ? (text.includes(expected.error) ? expected.error : text) : true }
    }
  }

const flagger: Answer = (input) => {
  const { response, http_status: status = 200 } = input as { response?: unknown; http_status?: number }
  const answer = readAnswer(status, JSON.stringify(response ?? null))
  // Flagger takes the last of several series without a word; here that is an error, so only the last is shown.
  return { value: singleValue(answer.type === 'vector' ? { ...answer, series: answer.series.slice(-1) } : answer) }
}

export const groups: Record<string, Answer> = {
  'mw-zstat': over(z.object({ x: numbers, y: numbers, mu: number.default(0), quantile: number.default(0) }), ({ x, y, mu, quantile }) => ({
    z: deviation(x, y, mu) - quantile,
  })),
  'mw-interval': over(samples.extend({ confidence: number }), ({ experiment, control, confidence }) => {
    const { low, high, estimate } = shiftInterval(experiment, control, confidence)
    return { ci_low: low, ci_high: high, estimate }
  }),
  'mann-whitney-u': over(z.object({ x: numbers, y: numbers }), ({ x, y }) => {
    const { u, p, shift } = mannWhitneyU(x, y)
    return { u, p, hodges_lehmann: shift }
  }),
  'kayenta-classify': over(kayentaInput, kayenta),
  'kayenta-known-wrong': over(kayentaInput, (input, expected) => ({ ...kayenta(input), user_wants: expected.user_wants })),
  outliers: over(
    z.object({ data: numbers, detector: z.enum(['ksigma', 'iqr']), factor: number, reduce_sensitivity: z.boolean().optional() }),
    (input) => ({
      outlier:
        input.detector === 'iqr'
          ? beyondQuartiles(input.data, input.factor, input.reduce_sensitivity)
          : beyondSigmas(input.data, input.factor),
    }),
  ),
  transforms: over(
    z.object({
      op: z.string(),
      data: numbers,
      value: number.optional(),
      detector: z.string().optional(),
      factor: number.optional(),
      reduce_sensitivity: z.boolean().optional(),
    }),
    transform,
  ),
  statistics: over(z.object({ op: z.enum(['summary', 'percentile']), data: numbers, p: number.default(50) }), ({ op, data, p }) =>
    op === 'summary' ? { ...summarize(data) } : { value: percentile(data, p) },
  ),
  'effect-size': over(samples.extend({ op: z.string() }), ({ op, experiment, control }) => {
    const effect = effects[op]
    if (!effect) throw new Error(`unknown effect size ${op}`)
    return { value: effect(experiment, control) }
  }),
  scoring: over(
    z.object({
      group_weights: z.record(z.string(), number),
      metrics: z.array(
        z.object({
          groups: z.array(z.string()),
          classification: z.enum(['Pass', 'High', 'Low', 'Nodata', 'NodataFailMetric', 'Error']),
          critical: z.boolean().default(false),
        }),
      ),
    }),
    ({ metrics, group_weights }) => {
      const { summary, groups } = score(metrics, group_weights)
      return { summary, group_scores: groups }
    },
  ),
  'argo-condition': over(conditions.extend({ result: z.unknown() }), ({ result, ...given }) => ({ phase: measure(result, given).phase })),
  'argo-expression': orError(
    over(z.object({ result: z.unknown(), expression: z.string() }), ({ result, expression }) => ({ value: holds(expression, result) })),
  ),
  'argo-prometheus': over(argoPrometheusInput, argoPrometheus),
  'argo-metric-phase': over(
    z.object({ metric: limits, counters, last_measurement_phase: phase.nullish(), terminating: z.boolean().default(false) }),
    ({ metric, counters, last_measurement_phase: last, terminating }) => ({
      phase: metricPhase(metric, counters, last ?? undefined, terminating),
    }),
  ),
  'argo-run': over(runInput, run),
  'argo-validate': over(z.object({ metric: limits }), ({ metric }) => ({ error: refusal(metric, goDuration) ?? null })),
  'flagger-prometheus': orError(flagger),
  'keptn-criteria': orError(
    over(z.object({ criteria: z.string() }), ({ criteria }) => {
      const criterion = parseCriterion(criteria)
      if (!criterion) throw new AnswerError('invalid criteria string')
      return { ...criterion }
    }),
  ),
  'keptn-relative': over(
    z.object({
      value: number,
      operator: z.enum(['<', '<=', '=', '>=', '>']),
      criterion: number,
      percentage: z.boolean(),
      increase: z.boolean(),
      relative: z.boolean().default(true),
      previous: numbers,
      aggregate: z.enum(['avg', 'p50', 'p90', 'p95']),
    }),
    ({ value, criterion, previous, aggregate, ...rest }) => ({
      satisfied: meets(value, { ...rest, value: criterion }, previous, aggregate),
    }),
  ),
}

function transform({
  op,
  data,
  value,
  detector,
  factor,
  reduce_sensitivity: gentle,
}: {
  op: string
  data: number[]
  value?: number | undefined
  detector?: string | undefined
  factor?: number | undefined
  reduce_sensitivity?: boolean | undefined
}): Given {
  if (op === 'remove-nan') return { data: removeNaN(data) }
  if (op === 'replace-nan') return { data: replaceNaN(data, value) }
  if (op === 'remove-outliers') {
    const outside = detector === 'ksigma' ? beyondSigmas(data, factor ?? 3) : beyondQuartiles(data, factor ?? 1.5, gentle)
    return { data: data.filter((_, i) => !outside[i]) }
  }
  throw new Error(`unknown transform ${op}`)
}
