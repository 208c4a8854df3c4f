// Pods of the candidate as tests of gates see them, and a watch over gates.
import type { Finding, Gate } from '../../../actions/bluegreen-deploy/gates/gate.ts'
import { watchGates } from '../../../actions/bluegreen-deploy/gates/watch.ts'
import type { Workload } from '../../../actions/bluegreen-deploy/release/model.ts'
import type { ContainerStatus, Pod } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { Clock } from '../../../actions/shared/time/clock.ts'
import { revisionOf } from '../room.ts'

export const SELECTOR = { app: 'web', color: 'green' }
type Status = Partial<ContainerStatus> & { isReady?: boolean }
export const pod = (name: string, { isReady = true, ...status }: Status = {}, metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: SELECTOR, ...metadata },
  status: {
    conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    containerStatuses: [{ name: 'web', restartCount: 0, state: {}, ...status }],
  },
})

/** The candidate's workload of so many pods. */
export function workloadOf(replicas: number): Workload {
  const [workload] = revisionOf().workloads
  if (!workload) throw new Error('the application has a workload')
  return { ...workload, replicas }
}

/** Watches for ten seconds. */
export const watch = (
  clock: Clock,
  gates: readonly Gate[],
  more: { duration?: number; signal?: AbortSignal } = {},
  told: string[] = [],
): Promise<Finding[]> =>
  watchGates(gates, { clock, signal: new AbortController().signal, duration: 10_000, tell: (text) => told.push(text), ...more })
