// The fields of an AnalysisTemplate, as Argo Rollouts 1.10 defines them: whatever it does not know is refused.
import { z } from 'zod'

/** Argo takes whole numbers as numbers and as text, which may hold an argument. */
const whole = z
  .custom<number | string>(
    (value) => typeof value === 'string' || (Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31),
    'a whole number is wanted',
  )
  .optional()

/** What is empty is not there: Argo Rollouts writes such fields itself. */
const credentials = z.strictObject({
  sigv4: z.strictObject({ region: z.string(), profile: z.string(), roleArn: z.string() }).partial().optional(),
  oauth2: z
    .strictObject({ tokenUrl: z.string(), clientId: z.string(), clientSecret: z.string(), scopes: z.array(z.string()) })
    .partial()
    .optional(),
  basicAuth: z.strictObject({ username: z.string(), password: z.string() }).partial().optional(),
})

export const prometheusSchema = z.strictObject({
  address: z.string().optional(),
  query: z.string().optional(),
  authentication: credentials.optional(),
  timeout: z.int().optional(),
  insecure: z.boolean().optional(),
  headers: z.array(z.strictObject({ key: z.string(), value: z.string() })).default([]),
  rangeQuery: z.unknown().optional(),
})

const metric = z.strictObject({
  name: z.string().min(1),
  interval: z.string().optional(),
  initialDelay: z.string().optional(),
  count: whole,
  successCondition: z.string().optional(),
  failureCondition: z.string().optional(),
  failureLimit: whole,
  inconclusiveLimit: whole,
  consecutiveErrorLimit: whole,
  consecutiveSuccessLimit: whole,
  /** By its only key; `provider.ts` reads it. */
  provider: z.record(z.string(), z.unknown()),
})

const argument = z.strictObject({
  name: z.string().min(1),
  value: z.string({ error: 'a text is wanted: put the value into quotes' }).optional(),
  valueFrom: z
    .strictObject({
      secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }).optional(),
      fieldRef: z.strictObject({ fieldPath: z.string() }).optional(),
    })
    .optional(),
})

/** What Kubernetes keeps of every object. It decides nothing here. */
const metadata = z.strictObject({
  name: z.string().default(''),
  generateName: z.string().optional(),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  creationTimestamp: z.unknown().optional(),
  deletionGracePeriodSeconds: z.unknown().optional(),
  deletionTimestamp: z.unknown().optional(),
  finalizers: z.unknown().optional(),
  generation: z.unknown().optional(),
  managedFields: z.unknown().optional(),
  ownerReferences: z.unknown().optional(),
  resourceVersion: z.unknown().optional(),
  selfLink: z.unknown().optional(),
  uid: z.unknown().optional(),
})

export const templateSchema = z.strictObject({
  apiVersion: z.literal('argoproj.io/v1alpha1').optional(),
  kind: z.enum(['AnalysisTemplate', 'ClusterAnalysisTemplate']),
  metadata: metadata.prefault({}),
  spec: z.strictObject({
    args: z.array(argument).default([]),
    metrics: z.array(metric).default([]),
    dryRun: z.array(z.strictObject({ metricName: z.string().min(1) })).default([]),
    measurementRetention: z.array(z.strictObject({ metricName: z.string().min(1), limit: z.int32().min(0) })).default([]),
    /** References to other templates; they are refused with a sentence of their own. */
    templates: z.array(z.unknown()).max(0).optional(),
  }),
})

export type TemplateDocument = z.infer<typeof templateSchema>
export type MetricDocument = z.infer<typeof metric>
