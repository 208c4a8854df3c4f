import { expect } from '@jest/globals'
import type { Call } from '../../support/memory-cluster.ts'
import type { RunOptions, Stage } from '../stage.ts'

/** A run that dies at its nth write: before it, after it, or after it without having heard. Undefined when it has no so many. */
export async function killed(
  stage: Stage,
  at: number,
  how: 'before' | 'after',
  start: (hooks: RunOptions) => Promise<unknown>,
): Promise<Call | undefined> {
  const dead = new AbortController()
  let writes = 0
  let last: Call | undefined
  const die = (call: Call): never => {
    last ??= call
    dead.abort(new Error('killed'))
    throw new Error('killed')
  }
  await start({
    signal: dead.signal,
    before: (call) => {
      if (dead.signal.aborted) die(call)
      if (!call.write) return
      writes++
      if (how === 'before' && writes === at) die(call)
    },
    after: (call) => {
      if (how === 'after' && call.write && writes === at) die(call)
    },
  })
  if (last === undefined) return undefined
  // It renews its lease no more, and nothing of it is on its way.
  expect(dead.signal.aborted).toBe(true)
  return stage && last
}
