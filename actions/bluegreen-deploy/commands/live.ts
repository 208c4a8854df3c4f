import { listOf } from '../../shared/kubernetes/objects/read.ts'
import { sideOf } from '../ledger/revisions.ts'
import type { Ledger } from '../ledger/schema.ts'
import type { Reach } from '../ports.ts'
import type { Release } from '../release/model.ts'
import { readServing, type Serving } from '../routers/choose.ts'
import { colorQueries } from '../workloads/workload.ts'

export interface Live {
  serving: Serving
  /** Whether the serving color has all its pods. */
  healthy: boolean
  /** How many pods each Deployment of the serving color is to have now, by its name. */
  replicas: Map<string, number>
}

/** What serves, by the entries themselves, and whether it has all its pods. */
export async function liveState(reach: Reach, ledger: Ledger, release: Release): Promise<Live> {
  const serving = await readServing(reach, release)
  const side = serving.color && sideOf(serving.color, ledger)
  if (!side) return { serving, healthy: false, replicas: new Map() }
  const deployments = await listOf(reach.cluster, colorQueries(reach, side.color).deployments)
  const wanted = ({ spec }: (typeof deployments)[number]): number => spec.replicas ?? 1
  return {
    serving,
    healthy: deployments.length > 0 && deployments.every((one) => (one.status?.availableReplicas ?? 0) >= wanted(one)),
    replicas: new Map(deployments.map((one) => [one.metadata.name, wanted(one)])),
  }
}
