// While the candidate is watched, the old color's pods are recreated: connections that were kept move over, and are watched too.
import type { Colors } from './candidate.ts'
import type { Rendered } from './colors.ts'
import type { Gate } from './gates.ts'

/** A gate that objects to nothing; it ends with the watching, so that no pod is ended once traffic goes back. */
export interface Recreation extends Gate {
  /** Whether all pods were recreated. */
  readonly done: boolean
}

/** Recreates the pods of a color from start to stop. */
export function recreation(colors: Pick<Colors, 'recreate'>, rendered: Rendered, signal: AbortSignal): Recreation {
  const ended = new AbortController()
  let running = Promise.resolve()
  let done = false
  let failure: Error | undefined
  return {
    name: 'recreation',
    get done() {
      return done
    },
    async start() {
      const both = AbortSignal.any([signal, ended.signal])
      running = colors.recreate(rendered, { signal: both, timeout: Number.MAX_SAFE_INTEGER }).then(
        () => {
          done = true
        },
        (error: unknown) => {
          if (!both.aborted) failure = error instanceof Error ? error : new Error(String(error))
        },
      )
    },
    async sample() {
      if (failure !== undefined) throw failure
      return undefined
    },
    async stop() {
      ended.abort(new Error('the watching is over'))
      await running
      if (failure !== undefined) throw failure
      const name = rendered.workload.metadata.name
      return {
        verdict: 'passed',
        text: done ? `the pods of ${name} were recreated` : `not all pods of ${name} were recreated in the bake time`,
      }
    },
  }
}
