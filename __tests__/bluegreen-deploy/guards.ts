// What the tests of the guards share: the names of options and phases, spelled once, and the faults that make a guard fire.
import { expect } from '@jest/globals'
import type { Command } from '../../actions/bluegreen-deploy/config.ts'
import type { KubeObject } from '../../actions/shared/kubernetes/api/cluster.ts'
import type { Service } from '../../actions/shared/kubernetes/objects/read.ts'
import type { Call } from '../support/memory-cluster.ts'
import type { RunningPod } from '../support/memory-node.ts'
import { NAMESPACE, type Ran, type RunOptions, Stage } from './stage.ts'

/** Times that are short, where how long they are does not matter. */
export const SHORT: RunOptions = { bakeTime: 5_000, retireDelay: 2_000, propagationTime: 1_000, leaseDuration: 9_000 }

/** The revision that rollback goes to. */
export const to = (revision: number): RunOptions => ({ revision })
/** How long pods may take to be ready, in milliseconds. */
export const readyWithin = (ms: number): RunOptions => ({ readyDeadline: ms })

export const PHASE = {
  prepare: 'prepare',
  verify: 'verify',
  prepared: 'prepared',
  shift: 'shift',
  bake: 'bake',
  retire: 'retire',
} as const
export const BACK = 'rollback'

/** Where an unfinished release stands; undefined when none is. */
export const standsAt = (stage: Stage): string | undefined =>
  stage.names('ConfigMap').includes('bluegreen-web') ? stage.ledger().operation?.phase : undefined

/** Calls `act` once, `after` milliseconds after the ledger came to a phase. */
export function when(stage: Stage, phase: string, act: () => void, after = 0): void {
  let done = false
  stage.cluster.onChange(({ object }) => {
    if (done || object?.kind !== 'ConfigMap' || object.metadata.name !== 'bluegreen-web' || standsAt(stage) !== phase) return
    done = true
    stage.clock.after(after, act)
  })
}

/** Runs a command that dies with the first call for which `at` holds: nothing more of it reaches the cluster, and its lease runs out. */
export async function dies(
  stage: Stage,
  command: Command,
  options: RunOptions,
  at: (call: Call) => boolean,
  how: 'before' | 'after' = 'after',
): Promise<Call | undefined> {
  const dead = new AbortController()
  let last: Call | undefined
  const die = (call: Call): never => {
    last ??= call
    dead.abort(new Error('killed'))
    throw new Error('killed')
  }
  await stage.run(command, {
    ...options,
    signal: dead.signal,
    before: (call) => {
      if (dead.signal.aborted || (how === 'before' && at(call))) die(call)
    },
    after: (call) => {
      if (!dead.signal.aborted && how === 'after' && at(call)) die(call)
    },
  })
  return last
}

/** Runs a command that dies as soon as the ledger says that it is at a phase. */
export async function diesAt(stage: Stage, command: Command, options: RunOptions, phase: string): Promise<void> {
  const call = await dies(stage, command, options, ({ write }) => write && standsAt(stage) === phase)
  expect({ died: call !== undefined, at: standsAt(stage) }).toEqual({ died: true, at: phase })
}

/** Somebody switches the Service by hand. */
export async function switchByHand(stage: Stage, color: 'blue' | 'green' | null): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'Service', namespace: NAMESPACE, name: 'web' }
  await stage.cluster.patch(ref, { spec: { selector: { app: 'web', color } } }, 'kubectl-patch')
}

/** The colors that the Service selected, one after the other. */
export function selected(stage: Stage): string[] {
  const colors = stage.cluster.changes.flatMap(({ object }) =>
    object?.kind === 'Service' && object.metadata.name === 'web' ? [(object as Service).spec.selector.color ?? ''] : [],
  )
  return colors.filter((color, at) => color !== colors[at - 1])
}

export const setReady = (stage: Stage, version: string, ready: boolean): void => {
  for (const pod of stage.pods(version)) stage.node.setReady(pod as RunningPod, ready)
}

export const setOneReady = (stage: Stage, version: string, ready: boolean): void => {
  const [pod] = stage.pods(version)
  if (pod) stage.node.setReady(pod as RunningPod, ready)
}

/** Two releases, the first of which is kept as it was. */
export async function twoReleases(): Promise<Stage> {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  await stage.ok('deploy', { version: 'v2', ...SHORT, retire: 'keep' })
  return stage
}

/** Runs a command that has to end without a single write; what it said. */
export async function refused(stage: Stage, command: Command, options: RunOptions): Promise<string> {
  await stage.settled()
  const before = stage.cluster.changes.length
  const { error, result } = await stage.run(command, options)
  await stage.settled()
  const written = stage.cluster.changes.slice(before).map(({ old, object }) => `${(object ?? old)?.kind}/${(object ?? old)?.metadata.name}`)
  expect({ written, outcome: result?.outcome }).toEqual({ written: [], outcome: undefined })
  return error?.message ?? ''
}

/** Everything that is there and was not left by controllers, as `Kind/name`. */
export const objects = (stage: Stage): string[] =>
  ['ConfigMap', 'Secret', 'Service', 'Deployment', 'Ingress']
    .flatMap((kind) => stage.cluster.all(kind))
    .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    .sort()

/** What a run came to, in one word. */
export const outcomeOf = ({ result, error }: Ran): string => (error ? 'error' : (result?.outcome ?? 'none'))

export const named = (stage: Stage, kind: string, name: string): KubeObject | undefined =>
  stage.cluster.all(kind).find(({ metadata }) => metadata.name === name)

export const ingress = (host: string, name = 'web'): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name },
  spec: { rules: [{ host }] },
})

export const hostOf = (stage: Stage, name = 'web'): string | undefined =>
  (named(stage, 'Ingress', name)?.spec as { rules: { host: string }[] } | undefined)?.rules[0]?.host
