import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, Labels, Service } from '../../shared/kubernetes/objects/read.ts'
import type { Content } from './content.ts'
import type { Color } from './names.ts'

/** One color and what it runs; revision 0 when no release that the ledger knows made it. */
export interface Side {
  color: Color
  revision: number
}

/** The user's manifests, free of colors, taken apart by what a release does with them. */
export interface Release {
  name: string
  /** The Deployments that get colors, in the order of the manifests. */
  workloads: Deployment[]
  /** The Services that users reach, in the order in which they are switched. */
  entries: Entry[]
  /** ConfigMaps and Secrets that the pods read: each color gets its own, so that the way back finds the old ones. */
  config: KubeObject[]
  /** Must exist before the pods; created when absent, and changed with the switch. */
  prerequisites: KubeObject[]
  /** Everything else: changes with the switch. */
  shared: KubeObject[]
  /** What a person should know before this is released: what was left out, and what will not be as it seems. */
  notices: string[]
}

/** A Service, and the names of the Deployments whose pods it selects. */
export interface Entry {
  service: Service
  workloads: string[]
}

/** One Deployment of a color. */
export interface Workload {
  /** Its name in the manifests. */
  name: string
  object: Deployment
  /** What its pods are selected by. */
  selector: Labels
  /** How many pods it has at full capacity. */
  replicas: number
}

/** One Service, as it is while a color serves. */
export interface Gateway {
  /** The Service, which selects the color. */
  service: Service
  /** The Service through which the color is asked while it has no traffic. */
  preview: Service
  workloads: string[]
  /** How many pods of the color it leads to at full capacity. */
  expected: number
}

/** A release in one color, ready to be applied. */
export interface Revision extends Side {
  release: Release
  content: Content
  /** False when the manifests of this side are no longer kept: it was rendered from the candidate's. */
  known: boolean
  config: KubeObject[]
  workloads: Workload[]
  gateways: Gateway[]
}

/** The name of the entry that bears the release's name, else of the only or first one: what check-path, check-port and the suite mean. */
export const mainEntry = ({ name, entries }: Release): string =>
  (entries.find(({ service }) => service.metadata.name === name) ?? entries[0])?.service.metadata.name ?? ''

/** What both colors share, in the order in which it depends on each other: it changes with the switch, and back with the way back. */
export const sharedOf = ({ prerequisites, shared }: Release): KubeObject[] => [...prerequisites, ...shared]
