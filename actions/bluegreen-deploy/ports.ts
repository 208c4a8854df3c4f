import type { Cluster, KubeObject } from '../shared/kubernetes/api/cluster.ts'
import type { Story } from '../shared/report/story.ts'
import type { Clock } from '../shared/time/clock.ts'
import type { SmokeResult } from '../smoke-test/engine.ts'
import type { Config } from './config.ts'

/** Runs the suite against a port of a Service, by name or number. */
export type SmokeTest = (service: string, port: string, signal: AbortSignal) => Promise<SmokeResult>

/** The world, as the engine needs it. */
export interface Ports {
  cluster: Cluster
  clock: Clock
  signal: AbortSignal
  story: Story
  /** The user's manifests. Called once: standard input can be read only once. */
  manifests(): Promise<KubeObject[]>
  /** The smoke suite, where there is one. */
  smoke?: SmokeTest | undefined
  /** The text without secrets, for what is stored. */
  redact(text: string): string
  /** Who this run is: the lease's identity, and where to look at it. */
  run: { identity: string; url: string }
}

/** What every room of a run works with: the world, and what was asked for. */
export type Reach = Pick<Ports, 'cluster' | 'clock' | 'signal' | 'story'> & { config: Config }

/** How the ledger of a run is read. */
export const ledgerOf = ({ cluster, config, story, redact }: Ports & Reach) => ({
  cluster,
  namespace: config.namespace,
  release: config.name,
  redact: (text: string) => redact(text),
  warn: (text: string) => story.tell(text, 'warning'),
})
