// What this suite reads and writes of Kubernetes' own kinds, and the border at which raw JSON becomes such an object.
import { z } from 'zod'
import type { Cluster, KubeObject, Query } from '../api/cluster.ts'

export type Labels = Record<string, string>

export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
}

export interface ContainerPort {
  name?: string
  containerPort: number
}

export interface Container {
  name: string
  image?: unknown
  ports?: ContainerPort[]
  envFrom?: { configMapRef?: { name?: string }; secretRef?: { name?: string } }[]
  env?: { valueFrom?: { configMapKeyRef?: { name?: string }; secretKeyRef?: { name?: string } } }[]
  readinessProbe?: {
    httpGet?: { path?: string; port: number | string; scheme?: string; httpHeaders?: { name: string; value: string }[] | null } | null
  } | null
}

export interface LabelSelector {
  matchLabels?: Labels
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

interface VolumeSource {
  configMap?: { name?: string }
  secret?: { name?: string; secretName?: string }
}

export interface PodAffinity {
  requiredDuringSchedulingIgnoredDuringExecution?: { labelSelector?: LabelSelector }[]
  preferredDuringSchedulingIgnoredDuringExecution?: { podAffinityTerm?: { labelSelector?: LabelSelector } }[]
}

export interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  volumes?: (VolumeSource & { projected?: { sources?: VolumeSource[] } })[]
  imagePullSecrets?: { name?: string }[]
  affinity?: { podAffinity?: PodAffinity; podAntiAffinity?: PodAffinity }
  topologySpreadConstraints?: { labelSelector?: LabelSelector }[]
}

export interface PodTemplate {
  metadata: { labels: Labels; annotations?: Labels }
  spec: PodSpec
}

export interface Deployment extends KubeObject {
  spec: { replicas?: number; selector: { matchLabels: Labels }; template: PodTemplate }
  status?: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
    conditions?: Condition[]
  }
}

interface Terminated {
  reason?: string
  exitCode?: number
  message?: string
  finishedAt?: string
}

export interface ContainerStatus {
  name: string
  imageID?: string
  ready?: boolean
  restartCount?: number
  state?: { waiting?: { reason?: string; message?: string }; terminated?: Terminated }
  lastState?: { terminated?: Terminated }
}

export interface Pod extends KubeObject {
  spec?: PodSpec
  status?: {
    phase?: string
    reason?: string
    message?: string
    conditions?: Condition[]
    containerStatuses?: ContainerStatus[]
    initContainerStatuses?: ContainerStatus[]
  }
}

export interface ServicePort {
  name?: string
  port: number
  targetPort?: number | string
  nodePort?: number | undefined
  appProtocol?: string
}

/** A Service of the manifests, which was seen to have endpoints of its own. */
export interface Service extends KubeObject {
  spec: { type?: string; selector: Labels; ports: ServicePort[] }
}

/** Any Service of a cluster: an ExternalName has no ports, and one for endpoints by hand has no selector. */
export interface LiveService extends KubeObject {
  spec?: { type?: string; selector?: Labels | null; ports?: ServicePort[] | null } | null
}

export interface EndpointSlice extends KubeObject {
  ports?: { name?: string; port?: number }[] | null
  endpoints?: { addresses?: string[]; conditions?: { ready?: boolean }; targetRef?: { uid?: string; name?: string } }[] | null
}

export interface LeaseObject extends KubeObject {
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    leaseTransitions?: number
    acquireTime?: string
    renewTime?: string
  }
}

/** A ConfigMap or a Secret. */
export interface DataObject extends KubeObject {
  data?: Record<string, string>
}

export interface EventObject extends KubeObject {
  type?: string
  reason?: string
  message?: string
  lastTimestamp?: string | null
  eventTime?: string | null
}

/** One of Kubernetes' own kinds, and how an object of it is read. */
export interface Kind<T extends KubeObject> {
  readonly apiVersion: string
  readonly kind: string
  /** The object as this suite uses it. Throws an ObjectError that names the object and the field which is not what the kind has. */
  read(object: KubeObject): T
}

/** A query that knows what it gives. */
export interface Select<T extends KubeObject> extends Query {
  read(object: KubeObject): T
}

/** What came as an object of Kubernetes is none: the API server's own kinds are always of their shape. */
export class ObjectError extends Error {
  readonly code = 'object-unreadable'
}

// The only place where raw JSON becomes a typed object. Whatever a schema does not name passes through untouched.
function kindOf<T extends KubeObject>(apiVersion: string, kind: string, fields: z.ZodRawShape): Kind<T> {
  const schema = z.looseObject({ metadata: metadataShape, ...fields })
  return {
    apiVersion,
    kind,
    read(object) {
      const issue = schema.safeParse(object).error?.issues[0]
      if (issue) throw new ObjectError(`${kind}/${nameIn(object)} cannot be read: ${issue.path.join('.')}: ${issue.message}`)
      return object as T
    },
  }
}

const nameIn = ({ metadata }: KubeObject): string => (typeof metadata?.name === 'string' ? metadata.name : '?')

const text = z.string().optional()
const count = z.int().min(0).optional()
const map = z.record(z.string(), z.string()).nullish()
const metadataShape = z.looseObject({
  name: z.string(),
  namespace: text,
  uid: text,
  resourceVersion: text,
  generation: count,
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().nullish(),
  labels: map,
  annotations: map,
  finalizers: z.array(z.string()).nullish(),
  ownerReferences: z.array(z.looseObject({ uid: z.string(), kind: z.string(), name: z.string() })).nullish(),
})
const conditions = z.array(z.looseObject({ type: z.string(), status: z.string(), reason: text, message: text })).nullish()
const terminated = z.looseObject({ reason: text, exitCode: z.int().optional(), message: text, finishedAt: z.string().nullish() }).nullish()
const statuses = z
  .array(
    z.looseObject({
      name: z.string(),
      imageID: text,
      ready: z.boolean().optional(),
      restartCount: count,
      state: z.looseObject({ waiting: z.looseObject({ reason: text, message: text }).nullish(), terminated }).nullish(),
      lastState: z.looseObject({ terminated }).nullish(),
    }),
  )
  .nullish()
const portNumber = z.int().min(0).max(65535)
const portName = z.union([portNumber, z.string()])

const containers = z.array(
  z.looseObject({
    name: z.string(),
    image: z.unknown().optional(),
    ports: z.array(z.looseObject({ name: text, containerPort: portNumber })).nullish(),
  }),
)
export const POD: Kind<Pod> = kindOf('v1', 'Pod', {
  spec: z.looseObject({ containers }).nullish(),
  status: z
    .looseObject({ phase: text, reason: text, message: text, conditions, containerStatuses: statuses, initContainerStatuses: statuses })
    .nullish(),
})

export const DEPLOYMENT: Kind<Deployment> = kindOf('apps/v1', 'Deployment', {
  spec: z.looseObject({
    replicas: count,
    selector: z.looseObject({ matchLabels: map }),
    template: z.looseObject({ metadata: z.looseObject({ labels: map, annotations: map }), spec: z.looseObject({ containers }) }),
  }),
  status: z
    .looseObject({
      observedGeneration: count,
      replicas: count,
      updatedReplicas: count,
      availableReplicas: count,
      conditions,
    })
    .nullish(),
})

export const SERVICE: Kind<LiveService> = kindOf('v1', 'Service', {
  spec: z
    .looseObject({
      type: text,
      selector: map,
      ports: z
        .array(z.looseObject({ name: text, port: portNumber, targetPort: portName.optional(), appProtocol: z.string().nullish() }))
        .nullish(),
    })
    .nullish(),
})

export const ENDPOINT_SLICE: Kind<EndpointSlice> = kindOf('discovery.k8s.io/v1', 'EndpointSlice', {
  ports: z.array(z.looseObject({ name: z.string().nullish(), port: portNumber.nullish() })).nullish(),
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(z.string()).nullish(),
        conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish(),
        targetRef: z.looseObject({ uid: text, name: text }).nullish(),
      }),
    )
    .nullish(),
})

const data = { data: map }
export const CONFIG_MAP: Kind<DataObject> = kindOf('v1', 'ConfigMap', data)
export const SECRET: Kind<DataObject> = kindOf('v1', 'Secret', data)

export const EVENT: Kind<EventObject> = kindOf('v1', 'Event', {
  type: text,
  reason: text,
  message: text,
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
})

export const LEASE: Kind<LeaseObject> = kindOf('coordination.k8s.io/v1', 'Lease', {
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      // Which numbers can be meant is said by who works with them, with what to do about others.
      leaseDurationSeconds: z.number().nullish(),
      leaseTransitions: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
    })
    .nullish(),
})

interface Where {
  namespace: string
  labelSelector?: string
  fieldSelector?: string
}

/** A query for objects of a kind, which `listOf` and `waitFor` answer with objects of that kind. */
export const select = <T extends KubeObject>({ apiVersion, kind, read }: Kind<T>, where: Where): Select<T> => ({
  apiVersion,
  kind,
  read,
  ...where,
})

/** The objects that a query selects, read. Throws an ObjectError for one that is not of its kind. */
export async function listOf<T extends KubeObject>(cluster: Cluster, query: Select<T>): Promise<T[]> {
  const { items } = await cluster.list(query)
  return items.map((item) => query.read(item))
}

/** One object, read; undefined when there is none. Throws an ObjectError when it is not of its kind. */
export async function getOf<T extends KubeObject>(
  cluster: Cluster,
  { apiVersion, kind, read }: Kind<T>,
  { namespace, name }: { namespace: string; name: string },
): Promise<T | undefined> {
  const object = await cluster.get({ apiVersion, kind, namespace, name })
  return object && read(object)
}
