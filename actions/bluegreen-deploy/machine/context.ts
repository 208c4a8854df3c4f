import type { Cluster } from '../../shared/kubernetes/api/cluster.ts'
import type { Story } from '../../shared/report/story.ts'
import type { Clock } from '../../shared/time/clock.ts'
import type { Config } from '../config.ts'
import type { SmokeTest } from '../gates/smoke.ts'
import type { LedgerStore } from '../ledger/store.ts'
import type { Router } from '../routers/service.ts'
import type { Colors } from '../workloads/deployment.ts'
import type { Writer } from '../writes/writer.ts'

/** What the machine works with. */
export interface MachineWorld {
  config: Config
  cluster: Cluster
  clock: Clock
  signal: AbortSignal
  story: Story
  ledger: LedgerStore
  writer: Writer
  colors: Colors
  router(service: string): Router
  /** The suite that has to pass before traffic and under it. */
  smoke?: SmokeTest | undefined
  run: { identity: string; url: string }
}
