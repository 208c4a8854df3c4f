// The shape of Kayenta's canary configs. Every field that Kayenta has is known here; others are refused by name, since nobody would read them.
import { z } from 'zod'
import { inWords, wrongsText } from '../../shared/text/issues.ts'
import { isRecord } from '../../shared/text/records.ts'

const effectSize = z.strictObject({
  measure: z.enum(['meanRatio', 'cles']).optional(),
  allowedIncrease: z.number().optional(),
  allowedDecrease: z.number().optional(),
  criticalIncrease: z.number().optional(),
  criticalDecrease: z.number().optional(),
})

const canary = z.strictObject({
  direction: z.enum(['increase', 'decrease', 'either']).optional(),
  nanStrategy: z.enum(['remove', 'replace']).optional(),
  critical: z.boolean().optional(),
  muted: z.boolean().optional(),
  mustHaveData: z.boolean().optional(),
  effectSize: effectSize.optional(),
  outliers: z.strictObject({ strategy: z.enum(['keep', 'remove']).optional(), outlierFactor: z.number().positive().optional() }).optional(),
})

/** Of Prometheus; those of other services are refused before their fields are. */
const query = z.strictObject({
  type: z.string().optional(),
  serviceType: z.string().optional(),
  resourceType: z.string().optional(),
  metricName: z.string().optional(),
  labelBindings: z.array(z.string()).default([]),
  groupByFields: z.array(z.string()).default([]),
  customFilter: z.string().optional(),
  customInlineTemplate: z.string().optional(),
  customFilterTemplate: z.string().optional(),
})

const metric = z.strictObject({
  name: z.string().min(1),
  id: z.string().optional(),
  query,
  groups: z.array(z.string()).default([]),
  analysisConfigurations: z.strictObject({ canary: canary.optional() }).optional(),
  scopeName: z.string().optional(),
})

const points = z.number().min(0).max(100)

const config = z.strictObject({
  // Who keeps it, and what for.
  id: z.string().optional(),
  name: z.string().default(''),
  description: z.string().optional(),
  configVersion: z.union([z.string(), z.number()]).optional(),
  applications: z.array(z.string()).optional(),
  createdTimestamp: z.union([z.string(), z.number()]).optional(),
  updatedTimestamp: z.union([z.string(), z.number()]).optional(),
  createdTimestampIso: z.string().optional(),
  updatedTimestampIso: z.string().optional(),
  // What decides.
  judge: z.strictObject({ name: z.string().optional(), judgeConfigurations: z.looseObject({}).optional() }).optional(),
  metrics: z.array(metric).min(1),
  templates: z.record(z.string(), z.string()).default({}),
  classifier: z.strictObject({
    groupWeights: z.record(z.string(), z.number().min(0)).default({}),
    scoreThresholds: z.strictObject({ pass: points, marginal: points }).optional(),
  }),
})

export type KayentaDocument = z.infer<typeof config>
export type QueryDocument = z.infer<typeof query>
export type CanaryDocument = z.infer<typeof canary>

const DEEPEST = 20

/** Without the fields that hold null: Kayenta takes them for absent. */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (depth > DEEPEST) return value
  if (Array.isArray(value)) return value.map((one) => withoutNulls(one, depth + 1))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner, depth + 1)]])),
  )
}

/** Whether a document is a request of Kayenta's API, which has a config in it. */
const isRequest = (document: Record<string, unknown>): boolean => 'canaryConfig' in document || 'executionRequest' in document

/** Whether a document is one that `parseKayenta` is for. */
export const isKayenta = (document: unknown): boolean =>
  isRecord(document) && (isRequest(document) || ('metrics' in document && ('classifier' in document || asksKayenta(document['metrics']))))

/** Its queries are maps; those of other configs are texts. */
const asksKayenta = (metrics: unknown): boolean => Array.isArray(metrics) && metrics.some((one) => isRecord(one) && isRecord(one['query']))

/** Reads the fields of a config. Throws an Error that names what cannot be used. */
export function parseKayenta(document: unknown): KayentaDocument {
  const given = withoutNulls(document)
  if (isRecord(given) && isRequest(given))
    throw new Error(
      "this is a request to Kayenta's API, not a canary config: give what stands in its canaryConfig as config, the scopes of its executionRequest as candidate, baseline and location, and their extendedScopeParams as args",
    )
  refuseOthers(given)
  const read = config.safeParse(given, { error: inWords })
  if (!read.success) throw new Error(`the Kayenta config cannot be used: ${wrongsText(read.error)}`)
  return read.data
}

/** What can be said better than that a field is unknown. */
function refuseOthers(document: unknown): void {
  const metrics: unknown[] = isRecord(document) && Array.isArray(document['metrics']) ? document['metrics'] : []
  for (const one of metrics) {
    if (!isRecord(one) || !isRecord(one['query'])) continue
    const { type, serviceType, sumByFields } = one['query']
    const service = [type, serviceType].find((word): word is string => typeof word === 'string' && word !== 'prometheus')
    const why =
      service !== undefined
        ? `its query is for ${service}; only prometheus can be asked`
        : sumByFields !== undefined
          ? "Kayenta's Prometheus service does not read sumByFields; use groupByFields, or write the sum as customInlineTemplate"
          : undefined
    if (why) throw new Error(`the metric ${String(one['name'])} of the Kayenta config: ${why}`)
  }
}
