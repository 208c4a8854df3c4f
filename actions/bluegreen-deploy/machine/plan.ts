// What a release will do, worked out before it is begun: the steps that are printed are those that the machine runs.
import type { Config } from '../config.ts'
import { sideOf } from '../ledger/revisions.ts'
import type { Ledger, Operation, Phase } from '../ledger/schema.ts'
import { type Content, isMoving } from '../release/content.ts'
import type { Side } from '../release/model.ts'
import { ledgerName, otherColor, revisionName } from '../release/names.ts'
import type { Serving } from '../routers/choose.ts'
import { ALL_STABLE } from '../routers/router.ts'
import type { Context } from './context.ts'
import { bakeSteps } from './phases/bake.ts'
import { prepareSteps } from './phases/prepare.ts'
import { retireSteps } from './phases/retire.ts'
import { rollbackSteps } from './phases/rollback.ts'
import { shiftSteps } from './phases/shift.ts'
import { verifySteps } from './phases/verify.ts'
import type { Asked, Step } from './step.ts'

/** Which color becomes what. */
export interface Sides {
  candidate: Side
  /** What serves now, and serves again after a way back; none on a first release. */
  stable: Side | null
  /** The warm color that the candidate takes the place of. */
  replaces: Side | null
  /** Set when there is nothing to do, with why. */
  unchanged?: string
}

export interface Plan extends Sides {
  steps: Step[]
  /** What takes the steps back, from wherever it begins. */
  wayBack: Step[]
}

export interface SidesInput {
  ledger: Ledger
  content: Content
  /** What serves, as read from the cluster. */
  serving: Serving
  /** Whether the serving color has all its pods. */
  healthy: boolean
}

/** Decides which color becomes what. Throws when the entries serve different colors: none of the two could be cleared. */
export function planSides({ ledger, serving, content, healthy }: SidesInput): Sides {
  if (serving.color === undefined && serving.entries.length > 0) {
    const each = serving.entries.map(({ name, color }) => `Service/${name} selects ${color}`).join(', ')
    throw new Error(`the entries of the release serve different colors: ${each}; let them select one color by hand, then try again`)
  }
  const stable = serving.color === undefined ? ledger.active : sideOf(serving.color, ledger)
  const candidate: Side = { color: stable ? otherColor(stable.color) : 'blue', revision: ledger.revision + 1 }
  const replaces = ledger.warm?.color === candidate.color ? ledger.warm : null
  const last = ledger.history.find((entry) => entry.revision === stable?.revision)
  const same = last?.outcome === 'released' && last.digest === content.digest && healthy && !content.images.some(isMoving)
  if (!same) return { candidate, stable, replaces }
  const unchanged = `revision ${last.revision} already serves exactly these manifests and images on ${stable?.color}`
  return { candidate, stable, replaces, unchanged }
}

/** All steps of a release, in order; none when there is nothing to do. */
export function planRelease(sides: Sides, asked: Asked): Plan {
  if (sides.unchanged) return { ...sides, steps: [], wayBack: [] }
  const { kind } = asked
  const steps = [beginStep(sides, asked), ...prepareSteps(asked), ...verifySteps(asked)]
  // What is prepared rests there, until it is promoted.
  if (kind !== 'prepare') steps.push(...shiftSteps(asked), ...bakeSteps(asked), ...retireSteps(asked))
  return { ...sides, steps, wayBack: rollbackSteps(asked) }
}

/** The steps of one phase. */
export function stepsOf(phase: Exclude<Phase, 'prepared'>, asked: Asked): Step[] {
  const builders = {
    prepare: prepareSteps,
    verify: verifySteps,
    shift: shiftSteps,
    bake: bakeSteps,
    retire: retireSteps,
    rollback: rollbackSteps,
  }
  return builders[phase](asked)
}

/** From here on another runner can finish or undo it. */
function beginStep(sides: Sides, { kind, candidate, reach }: Asked): Step {
  const { name } = reach.config
  const { color, revision, content } = candidate
  return {
    id: 'prepare.begin',
    phase: 'prepare',
    describe: `keep the manifests as Secret/${revisionName(name, revision)}, and write every phase into ConfigMap/${ledgerName(name)} before it is begun`,
    undo: 'nothing: the last ten revisions are kept, whatever became of them',
    async run(context) {
      await context.ledger.saveContent(revision, content)
      const intent = `bring up revision ${revision} on ${color} without traffic`
      await beginOperation(context, {
        kind,
        phase: 'prepare',
        step: 'prepare.clear',
        intent,
        digest: content.digest,
        images: content.images,
        ...sides,
      })
    },
  }
}

type Begun = Pick<Operation, 'kind' | 'phase' | 'step' | 'intent' | 'digest' | 'images' | 'candidate' | 'stable' | 'replaces' | 'reason'>

/** Writes a new operation into the ledger. */
export async function beginOperation(context: Context, begun: Begun): Promise<void> {
  const { ledger, clock, run } = context
  const { kind, phase, step, intent, digest, images, candidate, stable, replaces, reason } = begun
  await ledger.write({
    revision: Math.max(ledger.state.revision, candidate.revision),
    warm: replaces ? null : ledger.state.warm,
    operation: {
      kind,
      phase,
      step,
      intent,
      split: ALL_STABLE,
      moved: phase === 'rollback', // what serves is to be taken back
      candidate,
      digest,
      images,
      stable,
      replaces,
      created: [],
      digests: [],
      started: new Date(clock.now()).toISOString(),
      run: run.url,
      holder: run.identity,
      ...(reason !== undefined && { reason }),
    },
  })
}

/** A plan as it is printed and reported: the steps, without what runs them. */
export const printed = ({ steps, wayBack, ...sides }: Plan) => ({ ...sides, steps: steps.map(bare), wayBack: wayBack.map(bare) })
const bare = ({ id, phase, describe, undo }: Step) => ({ id, phase, describe, undo })

/** What a release is asked for, in the config's words. */
export const kindOf = ({ command }: Pick<Config, 'command'>): Operation['kind'] =>
  command === 'prepare' ? 'prepare' : command === 'rollback' ? 'rollback' : 'deploy'
