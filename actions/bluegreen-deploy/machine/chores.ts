// While the candidate is watched, the old color's pods are recreated: connections that were kept move over, and are watched too.

import { beside, type Gate } from '../gates/gate.ts'
import type { Rendered } from '../release/model.ts'
import type { Colors } from '../workloads/deployment.ts'

/** A gate that objects to nothing; it ends with the watching, so that no pod is ended once traffic goes back. */
export interface Recreation extends Gate {
  /** Whether all pods were recreated. */
  readonly done: boolean
}

/** Recreates the pods of a color from start to stop. */
export function recreation(colors: Pick<Colors, 'recreate'>, rendered: Rendered, signal: AbortSignal): Recreation {
  let done = false
  const running = beside(async (both) => {
    done = await colors.recreate(rendered, { signal: both, timeout: Number.MAX_SAFE_INTEGER })
  }, signal)
  return {
    name: 'recreation',
    get done() {
      return done
    },
    start: async () => running.start(),
    async sample() {
      running.check()
      return undefined
    },
    async stop() {
      await running.stop()
      const name = rendered.workload.metadata.name
      return {
        verdict: 'passed',
        text: done ? `the pods of ${name} were recreated` : `the rest of the pods of ${name} is recreated when it retires`,
      }
    },
  }
}
