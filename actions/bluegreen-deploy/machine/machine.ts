// The release as one machine over the ledger: each phase is written before it is acted on, and does what is not done yet. Whoever comes
// after a dead run goes on from there; there is no other path for recovery.
import { Superseded } from '../../shared/kubernetes/api/lease.ts'
import { messageOf } from '../../shared/text/errors.ts'
import { loadRevision } from '../ledger/revisions.ts'
import type { HistoryEntry, Operation } from '../ledger/schema.ts'
import { type Side, sharedOf } from '../release/model.ts'
import { ALL_CANDIDATE, ALL_STABLE } from '../routers/router.ts'
import { absent } from '../writes/shared-objects.ts'
import { clearColor, servicesOf } from './colors.ts'
import type { Context } from './context.ts'
import { firstServes } from './phases/rollback.ts'
import { stepsOf } from './plan.ts'
import { type Asked, noProgress, type Progress, Rejected, runStep } from './step.ts'

type Running = Exclude<Operation['phase'], 'prepared'>

/** Drives the operation until it is done or rests in `prepared`. What goes wrong before the bake is over is taken back before it is thrown. */
export async function drive(context: Context, progress: Progress = noProgress()): Promise<Progress> {
  const { ledger, story, signal } = context
  for (;;) {
    const { operation } = ledger.state
    if (!operation || operation.phase === 'prepared') return progress
    const { phase } = operation
    story.phase(phase)
    story.tell(operation.intent)
    try {
      await runPhase(context, progress, operation, phase)
    } catch (error) {
      if (phase === 'rollback' || phase === 'retire' || error instanceof Superseded || signal.aborted) throw error
      await turnBack(context, progress, error)
    }
  }
}

/** Ends what an earlier run left: undone before the bake is over, finished after it. */
export async function settle(context: Context, reason: string): Promise<Progress> {
  const { operation } = context.ledger.state
  if (operation && operation.phase !== 'retire' && operation.phase !== 'rollback') await decideRollback(context, reason)
  return drive(context)
}

/** Deletes the old color that was kept for a fast way back. */
export async function dropWarm(context: Context): Promise<void> {
  const { ledger, story } = context
  const { warm } = ledger.state
  if (!warm) return
  const revision = await loadRevision(ledger, warm)
  await ledger.write({ warm: null })
  await clearColor(context, revision, { config: revision.config })
  story.tell(`${warm.color} (revision ${warm.revision}) deleted`)
}

async function runPhase(context: Context, progress: Progress, operation: Operation, phase: Running): Promise<void> {
  const asked = await askedBy(context, operation)
  for (const step of stepsOf(phase, asked)) await runStep(context, progress, step)
  await next(context, progress, asked, phase)
}

/** What the operation of the ledger asks for, by the manifests that are kept. */
async function askedBy(context: Context, { kind, candidate, stable, replaces }: Operation): Promise<Asked> {
  const load = (side: Side | null) => (side ? loadRevision(context.ledger, side) : undefined)
  return {
    reach: context,
    kind,
    candidate: await loadRevision(context.ledger, candidate),
    stable: await load(stable),
    replaces: await load(replaces),
  }
}

/** Writes what comes after a phase, before anybody acts on it. */
async function next(context: Context, progress: Progress, asked: Asked, phase: Running): Promise<void> {
  const { candidate, kind, stable } = asked
  switch (phase) {
    case 'prepare':
      return advance(context, 'verify', `check revision ${candidate.revision} without traffic`, { digests: progress.digests })
    case 'verify':
      if (kind === 'prepare') return advance(context, 'prepared', `wait for promote with revision ${candidate.revision}`)
      return beginShift(context, asked)
    case 'shift':
      if (context.config.bake.time === 0) return beginRetire(context)
      return advance(context, 'bake', 'watch the candidate under traffic')
    case 'bake':
      return beginRetire(context)
    case 'retire':
      return finish(context, 'released', { active: sideIn(candidate), warm: keptWarm(context) })
    case 'rollback':
      if (stable)
        return finish(context, context.ledger.state.operation?.moved ? 'rolled-back' : 'failed', { active: sideIn(stable), warm: null })
      return finish(context, 'failed', { active: (await firstServes(context, candidate)) ? sideIn(candidate) : null, warm: null })
  }
}

const sideIn = ({ color, revision }: Side): Side => ({ color, revision })

/** The intent of the shift, with what it will bring: written before any entry is switched. */
export async function beginShift(context: Context, asked?: Asked): Promise<void> {
  const { operation } = context.ledger.state
  if (!operation) throw new Error('there is no operation whose traffic could be shifted')
  const { candidate } = asked ?? (await askedBy(context, operation))
  const services = servicesOf(candidate)
  const created = await absent(context.writer, [...services, ...sharedOf(candidate.release)])
  const names = services.map(({ metadata }) => `Service/${metadata.name}`).join(', ')
  await advance(context, 'shift', `select color ${candidate.color} with ${names}`, {
    kind: 'deploy',
    split: ALL_CANDIDATE,
    moved: true,
    created,
  })
}

/** The decision to go back; `drive` carries it out. */
async function decideRollback(context: Context, reason: string): Promise<void> {
  const decided = new Date(context.clock.now()).toISOString()
  await advance(context, 'rollback', 'take traffic back, then delete the candidate', { split: ALL_STABLE, reason, decided })
}

/** From here on the candidate is the release: it is finished, not undone. */
async function beginRetire(context: Context): Promise<void> {
  const { operation } = context.ledger.state
  if (!operation) throw new Error('there is no operation to retire the old color of')
  const change = { active: operation.candidate, warm: operation.stable }
  const next: Operation = { ...operation, phase: 'retire', intent: 'retire the old color' }
  await write(context, { ...next, step: await firstStep(context, next) }, change)
}

function keptWarm({ config, ledger }: Context): Side | null {
  return config.retire.how === 'delete' ? null : ledger.state.warm
}

async function advance(context: Context, phase: Operation['phase'], intent: string, change: Partial<Operation> = {}): Promise<void> {
  const { operation } = context.ledger.state
  if (!operation) throw new Error(`there is no operation to take to ${phase}`)
  const next = { ...operation, ...change, phase, intent }
  await write(context, { ...next, step: await firstStep(context, next) })
}

/** The id of the step with which a phase begins. */
async function firstStep(context: Context, operation: Operation): Promise<string> {
  const { phase, stable } = operation
  if (phase === 'prepared') return phase
  // The way back has to be decided also where manifests can no longer be read.
  if (phase === 'rollback') return stable ? 'rollback.capacity' : 'rollback.first'
  return stepsOf(phase, await askedBy(context, operation))[0]?.id ?? phase
}

const write = ({ ledger, run }: Context, operation: Operation, change: { active?: Side; warm?: Side | null } = {}): Promise<void> =>
  ledger.write({ ...change, operation: { ...operation, run: run.url, holder: run.identity } })

async function turnBack(context: Context, progress: Progress, error: unknown): Promise<void> {
  const { story, ledger } = context
  const reason = messageOf(error)
  story.tell(reason, 'bad')
  if (error instanceof Rejected) {
    progress.rejection = error
    for (const { title, text } of error.evidence) story.evidence(title, text)
    await decideRollback(context, reason)
    return
  }
  try {
    await decideRollback(context, `error: ${reason}`)
    await drive(context, progress)
  } catch (second) {
    if (second instanceof Superseded) throw second
    const advice = `run the command recover, it stands at ${ledger.state.operation?.phase ?? 'its end'}`
    const text = `${reason}; taking it back did not succeed either (${messageOf(second)}): ${advice}`
    throw new AggregateError([error, second], text, { cause: second })
  }
  throw error
}

function finish(
  { ledger, clock, run }: Context,
  outcome: HistoryEntry['outcome'],
  sides: { active: Side | null; warm: Side | null },
): Promise<void> {
  return ledger.finish(outcome, sides, { at: new Date(clock.now()).toISOString(), run: run.url })
}
