// The fields of the manifests that the release itself works with; the API server's dry run checks the rest.
import { z } from 'zod'
import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'
import { DEPLOYMENT, type Deployment, type Service } from '../../shared/kubernetes/objects/read.ts'
import { parseReference } from '../manifests/images.ts'
import { describe, ManifestError } from '../manifests/yaml.ts'
import { COLOR } from './names.ts'

const labelsShape = z
  .record(z.string(), z.string(), { error: 'labels are needed, at least one' })
  .refine((labels) => Object.keys(labels).length > 0, 'at least one label is needed')
const namedShape = z.looseObject({ name: z.string() }).partial()
const sourceShape = z
  .looseObject({ configMap: namedShape, secret: z.looseObject({ name: z.string(), secretName: z.string() }).partial() })
  .partial()
const headersShape = z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish()
const containerShape = z.looseObject({
  name: z.string(),
  image: z.string().refine((image) => parseReference(image) !== undefined, 'a reference such as ghcr.io/org/backend:v2 is needed'),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.int().min(1).max(65535) })).nullish(),
  envFrom: z.array(z.looseObject({ configMapRef: namedShape, secretRef: namedShape }).partial()).nullish(),
  env: z
    .array(z.looseObject({ valueFrom: z.looseObject({ configMapKeyRef: namedShape, secretKeyRef: namedShape }).partial().nullish() }))
    .nullish(),
  readinessProbe: z
    .looseObject({
      httpGet: z
        .looseObject({
          path: z.string().optional(),
          port: z.union([z.int(), z.string()]),
          scheme: z.string().optional(),
          httpHeaders: headersShape,
        })
        .nullish(),
    })
    .nullish(),
})
const termsShape = z.array(z.looseObject({})).nullish()
const affinityShape = z
  .looseObject({
    requiredDuringSchedulingIgnoredDuringExecution: termsShape,
    preferredDuringSchedulingIgnoredDuringExecution: termsShape,
  })
  .nullish()
const podShape = z.looseObject({
  containers: z.array(containerShape).min(1),
  initContainers: z.array(containerShape).nullish(),
  volumes: z.array(sourceShape.extend({ projected: z.looseObject({ sources: z.array(sourceShape).nullish() }).nullish() })).nullish(),
  imagePullSecrets: z.array(namedShape).nullish(),
  affinity: z.looseObject({ podAffinity: affinityShape, podAntiAffinity: affinityShape }).partial().nullish(),
  topologySpreadConstraints: termsShape,
})
const workloadShape = z.looseObject({
  replicas: z
    .int()
    .min(1, 'a release needs at least one pod that can be checked; to stop an application, scale its Deployment by hand')
    .optional(),
  paused: z.literal(false, { error: 'its pods would never come; remove the field' }).optional(),
  selector: z.looseObject({ matchLabels: labelsShape }, { error: 'labels of the pods are needed' }),
  template: z.looseObject({
    metadata: z.looseObject({ labels: labelsShape, annotations: z.record(z.string(), z.string()).nullish() }),
    spec: podShape,
  }),
})
const serviceShape = z.looseObject({
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']).optional(), // what has endpoints
  selector: labelsShape,
  ports: z
    .array(
      z.looseObject({
        port: z.int().min(1).max(65535),
        name: z.string().optional(),
        targetPort: z.union([z.int().min(0).max(65535), z.string()]).optional(), // 0 is that of the port: tools write it
      }),
    )
    .min(1),
})

/** What a field has to be, in words: what the schema's own messages name is JavaScript's. */
const NEEDED: Record<string, string> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
}

function needed(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type')
    return /^Invalid input: /.test(issue.message) ? `${NEEDED[issue.expected] ?? issue.expected} is needed` : issue.message
  if (issue.code === 'invalid_value' && /^Invalid option/.test(issue.message)) return `one of ${issue.values.join(', ')} is needed`
  if (issue.code === 'too_big') return `at most ${issue.maximum} is possible`
  if (issue.code === 'too_small' && /^Too small/.test(issue.message))
    return issue.origin === 'array' ? 'at least one is needed' : `at least ${issue.minimum} is needed`
  if (issue.code === 'invalid_union') return 'a number or a name is needed'
  return issue.message
}

function checkShape(object: KubeObject, shape: z.ZodType): void {
  const issue = z.object({ spec: shape }).safeParse(object).error?.issues[0]
  if (!issue) return
  const value = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], object)
  const is = typeof value === 'object' && value !== null ? '' : ` is ${describe(value)}`
  const path = issue.path.join('.')
  const patch =
    /^spec(\.template(\.spec)?)?$|\.image$/.test(path) && value === undefined ? ' (is it a patch? give what is rendered from it)' : ''
  const hint = path === 'spec.selector.matchLabels' ? ' (matchExpressions alone are not supported)' : patch
  throw new ManifestError(`manifests: ${nameOf(object)}: ${path}${is}: ${needed(issue)}${hint}`)
}

/** A Deployment that can have colors. Throws a ManifestError that names the field which stands in the way. */
export function checkWorkload(object: KubeObject): Deployment {
  checkShape(object, workloadShape)
  const workload = DEPLOYMENT.read(object)
  const name = nameOf(workload)
  const { selector, template } = workload.spec
  if (COLOR in template.metadata.labels || COLOR in selector.matchLabels) {
    throw new ManifestError(`manifests: ${name} has a label ${COLOR} of its own; keep the manifests free of colors, the release adds them`)
  }
  if (workload.metadata.name.length > 57) {
    throw new ManifestError(`manifests: the name of ${name} is longer than 57 characters, which leaves no room for the color`)
  }
  return workload
}

/** A Service that can be switched. Throws a ManifestError that names the field which stands in the way. */
export function checkService(object: KubeObject): Service {
  checkShape(object, serviceShape)
  const service = object as Service // the shape was just seen
  const name = nameOf(service)
  if (COLOR in service.spec.selector) {
    throw new ManifestError(`manifests: ${name} selects a ${COLOR}; keep the manifests free of colors, the release adds them`)
  }
  return service
}
