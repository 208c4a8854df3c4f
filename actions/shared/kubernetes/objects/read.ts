/** The fields that this suite reads or writes of Kubernetes' own kinds; whatever else an object has passes through untouched. */
import type { KubeObject, Metadata } from '../api/cluster.ts'

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
  readinessProbe?: { httpGet?: { path?: string; port: number | string; scheme?: string } }
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

export interface Service extends KubeObject {
  spec: { type?: string; selector: Labels; ports: ServicePort[] }
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

export type { Metadata }
