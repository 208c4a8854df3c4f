// Reads a Kayenta canary config (JSON) as it is, as far as its metrics come from Prometheus.
import { z } from 'zod'
import { wrongsText } from '../../shared/text/issues.ts'
import { defaultRule, type MetricRule } from './judge.ts'

export interface KayentaMetric {
  name: string
  groups: string[]
  rule: MetricRule
  /** The PromQL for one scope: the value that tells the candidate's series from the baseline's. */
  query: (scope: string, location: string) => string
}

export interface KayentaConfig {
  name: string
  metrics: KayentaMetric[]
  groupWeights: Record<string, number>
  /** From the config itself, where it has them. */
  thresholds: { pass: number; marginal: number } | undefined
}

const effectSize = z.looseObject({
  measure: z.enum(['meanRatio', 'cles']).optional(),
  allowedIncrease: z.number().optional(),
  allowedDecrease: z.number().optional(),
  criticalIncrease: z.number().optional(),
  criticalDecrease: z.number().optional(),
})

const canary = z.looseObject({
  direction: z.enum(['increase', 'decrease', 'either']).optional(),
  nanStrategy: z.enum(['remove', 'replace']).optional(),
  critical: z.boolean().optional(),
  mustHaveData: z.boolean().optional(),
  effectSize: effectSize.optional(),
  outliers: z.looseObject({ strategy: z.enum(['keep', 'remove']).optional(), outlierFactor: z.number().positive().optional() }).optional(),
})

const query = z.looseObject({
  type: z.string().optional(),
  serviceType: z.string().optional(),
  metricName: z.string().optional(),
  labelBindings: z.array(z.string()).default([]),
  groupByFields: z.array(z.string()).default([]),
  customInlineTemplate: z.string().optional(),
  customFilter: z.string().optional(),
  customFilterTemplate: z.string().optional(),
})

const schema = z.looseObject({
  name: z.string().default(''),
  judge: z
    .looseObject({ judgeConfigurations: z.looseObject({ tolerance: z.number().optional(), confLevel: z.number().optional() }).optional() })
    .optional(),
  metrics: z
    .array(
      z.looseObject({
        name: z.string(),
        query,
        groups: z.array(z.string()).default([]),
        analysisConfigurations: z.looseObject({ canary: canary.optional() }).optional(),
      }),
    )
    .min(1),
  classifier: z.looseObject({
    groupWeights: z.record(z.string(), z.number()).default({}),
    scoreThresholds: z.object({ pass: z.number(), marginal: z.number() }).optional(),
  }),
})

/** Whether a document is one that `readKayenta` is for. */
export const isKayenta = (document: unknown): boolean =>
  typeof document === 'object' && document !== null && 'classifier' in document && 'metrics' in document

/** Reads a config. Throws an Error that names what cannot be used. */
export function readKayenta(document: unknown): KayentaConfig {
  const read = schema.safeParse(document)
  if (!read.success) throw new Error(`the Kayenta config cannot be used: ${wrongsText(read.error)}`)
  const { name, metrics, classifier, judge } = read.data
  const { tolerance = defaultRule.tolerance, confLevel: confidence = defaultRule.confidence } = judge?.judgeConfigurations ?? {}
  return {
    name,
    metrics: metrics.map((metric) => ({
      name: metric.name,
      groups: metric.groups,
      rule: { ...ruleOf(metric.analysisConfigurations?.canary ?? {}), tolerance, confidence },
      query: queryOf(metric.name, metric.query),
    })),
    groupWeights: classifier.groupWeights,
    thresholds: classifier.scoreThresholds,
  }
}

function ruleOf({ direction, nanStrategy, critical, mustHaveData, effectSize, outliers }: z.infer<typeof canary>): MetricRule {
  const { measure, ...effects } = effectSize ?? {}
  const pick = (key: 'allowedIncrease' | 'allowedDecrease' | 'criticalIncrease' | 'criticalDecrease'): number =>
    effects[key] ?? defaultRule[key]
  return {
    ...defaultRule,
    direction: direction ?? defaultRule.direction,
    nanStrategy: nanStrategy ?? defaultRule.nanStrategy,
    outliers: outliers?.strategy ?? defaultRule.outliers,
    outlierFactor: outliers?.outlierFactor ?? defaultRule.outlierFactor,
    critical: critical ?? false,
    mustHaveData: mustHaveData ?? false,
    effectMeasure: measure ?? defaultRule.effectMeasure,
    allowedIncrease: pick('allowedIncrease'),
    allowedDecrease: pick('allowedDecrease'),
    criticalIncrease: pick('criticalIncrease'),
    criticalDecrease: pick('criticalDecrease'),
  }
}

function queryOf(name: string, given: z.infer<typeof query>): KayentaMetric['query'] {
  const refuse = (why: string): never => {
    throw new Error(`the metric ${name} of the Kayenta config: ${why}`)
  }
  const type = given.serviceType ?? given.type ?? 'prometheus'
  if (type !== 'prometheus') refuse(`its query is for ${type}; only prometheus can be asked`)
  if (given.customFilterTemplate) refuse('named filter templates are not supported; write the query as customInlineTemplate')
  const inline = given.customInlineTemplate?.replace(/^PromQL:/, '')
  if (inline) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholder
    if (!inline.includes('${scope}')) refuse('its query has no ${scope}, so it cannot tell the candidate from the baseline')
    return (scope, location) => inline.replaceAll(/\$\{(scope|location)\}/g, (_, key) => quoted(key === 'scope' ? scope : location))
  }
  if (!given.metricName || !/^[a-zA-Z_:][\w:]*$/.test(given.metricName))
    refuse(`metricName is '${given.metricName ?? ''}': a metric is wanted`)
  const by = given.groupByFields.length ? ` by (${given.groupByFields.join(', ')})` : ''
  return (scope) => {
    // Scope by pod name, as Kayenta's default for Kubernetes.
    const labels = [...given.labelBindings, `pod=~"${quoted(`${scope}-.+`)}"`]
    return `avg(${given.metricName}{${labels.join(',')}})${by}`
  }
}

/** For the inside of a quoted string of PromQL. */
const quoted = (text: string): string => text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
