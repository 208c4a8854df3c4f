import type { Cluster, KubeObject } from '../shared/kubernetes/api/cluster.ts'
import type { Deployment, Service } from '../shared/kubernetes/objects/read.ts'
import type { Outcome } from '../shared/report/report.ts'
import type { Story } from '../shared/report/story.ts'
import type { Clock } from '../shared/time/clock.ts'
import type { Config } from './config.ts'
import type { SmokeTest } from './gates/smoke.ts'
import type { Content, Ledger } from './ledger/store.ts'
import { type Plan, sideOf } from './machine/plan.ts'
import type { Change } from './manifests/diff.ts'
import { COLOR, type Color, isColor, type Parts, RELEASE } from './release/model.ts'

/** The world, as the engine needs it. */
export interface Ports {
  cluster: Cluster
  clock: Clock
  signal: AbortSignal
  story: Story
  /** The user's manifests, freshly read on each call. */
  manifests(): Promise<KubeObject[]>
  /** The smoke suite, where there is one. */
  smoke?: SmokeTest | undefined
  /** Who this run is: the lease's identity, and where to look at it. */
  run: { identity: string; url: string }
}

export interface ReleaseResult {
  outcome: Outcome
  /** One line for people: what happened. */
  headline: string
  /** Why, when it did not go as asked; else empty. */
  reason: string
  activeColor: Color | ''
  previousColor: Color | ''
  /** The revision that was released, prepared, or is active. */
  revision: number
  switched: boolean
  rolledBack: boolean
  plan?: Plan
  changes?: Change[]
  ledger: Ledger
}

/** What is to be released. */
export interface Manifests {
  parts: Parts
  content: Content
}

/** What serves, by the Service itself, and whether it has all its pods. */
export async function liveState(
  config: Config,
  ports: Ports,
  ledger: Ledger,
  service: string,
): Promise<{ serving: Color | undefined; healthy: boolean }> {
  const { cluster } = ports
  const live = (await cluster.get({ apiVersion: 'v1', kind: 'Service', namespace: config.namespace, name: service })) as Service | undefined
  const color = live?.spec?.selector?.[COLOR]
  const serving = isColor(color) ? color : undefined
  const side = serving && sideOf(serving, ledger)
  if (!side) return { serving, healthy: false }
  const labelSelector = `${RELEASE}=${config.name},color=${side.color}`
  const { items } = await cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: config.namespace, labelSelector })
  const [deployment] = items as Deployment[]
  return { serving, healthy: (deployment?.status?.availableReplicas ?? 0) >= (deployment?.spec.replicas ?? 1) }
}

/** A result that has nothing to say but what the ledger says. */
export function result(ledger: Ledger, serving: Color | undefined): Omit<ReleaseResult, 'outcome' | 'headline'> {
  const { active, warm } = ledger
  return {
    reason: '',
    activeColor: active?.color ?? serving ?? '',
    previousColor: warm?.color ?? '',
    revision: active?.revision ?? 0,
    switched: false,
    rolledBack: false,
    ledger,
  }
}
