import { type KubeObject, nameOf, refOf } from '../../shared/kubernetes/api/cluster.ts'
import { Superseded } from '../../shared/kubernetes/api/lease.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Finding } from '../gates/gate.ts'
import { loadView, type View } from '../ledger/content.ts'
import type { Content, Entry, Operation, Phase, Side } from '../ledger/store.ts'
import type { Router } from '../routers/service.ts'
import { absentShared, applyShared, restoreShared } from '../writes/shared-objects.ts'
import { recreation } from './chores.ts'
import type { MachineWorld } from './context.ts'
import { Rejected, verifyPreview, watchUnderTraffic } from './phases/verify.ts'

/** How long the old color may take to be at full capacity before traffic goes back to what it has. */
const BACK_PATIENCE = 30_000
/** What the pods of a rejected color get to finish, in seconds: kept connections must not hear from it for longer. */
const REJECTED_GRACE = 2

/**
 * The release as one machine over the ledger. Each phase reads the cluster, does what is not done yet, and writes the next
 * phase before it is acted on: whoever comes after a dead run goes on from there. There is no other path for recovery.
 */
export class Machine {
  readonly #world: MachineWorld
  /** What the gates had to say about a release that stays. */
  findings: Finding[] = []
  /** Why the candidate was rejected in this run. */
  rejection: Rejected | undefined
  switched = false
  /** All pods of the old color, while this run watched. */
  #recreated = false

  constructor(world: MachineWorld) {
    this.#world = world
  }

  get #operation(): Operation | null {
    return this.#world.ledger.state.operation
  }

  /** Begins an operation: from here on another runner can finish or undo it. */
  async begin(
    operation: Omit<Operation, 'started' | 'run' | 'holder' | 'created' | 'switching' | 'digests'>,
    content?: Content,
  ): Promise<void> {
    const { ledger, clock, run } = this.#world
    const started = new Date(clock.now()).toISOString()
    if (content) await ledger.saveContent(operation.candidate.revision, content)
    const revision = Math.max(ledger.state.revision, operation.candidate.revision)
    const warm = operation.replaces ? null : ledger.state.warm
    await ledger.write({
      revision,
      warm,
      operation: {
        ...operation,
        created: [],
        digests: [],
        switching: operation.phase === 'back',
        started,
        run: run.url,
        holder: run.identity,
      },
    })
  }

  /** Ends what an earlier run left: undone before the bake is over, finished after it. */
  async settle(reason: string): Promise<void> {
    const operation = this.#operation
    if (!operation) return
    if (operation.phase !== 'retire' && operation.phase !== 'back') await this.goBack(reason)
    await this.drive()
  }

  /** Deletes the old color that was kept for a fast way back. */
  async dropWarm(): Promise<void> {
    const { ledger, story } = this.#world
    const { warm } = ledger.state
    if (!warm) return
    const view = await this.#view(warm)
    await ledger.write({ warm: null })
    await this.#clear(warm, view, view.rendered.config)
    story.tell(`${warm.color} (revision ${warm.revision}) deleted`)
  }

  /** Drives the operation until it is done or rests in `prepared`. What goes wrong on the way forth is taken back before it is thrown. */
  async drive(): Promise<void> {
    while (this.#operation && this.#operation.phase !== 'prepared') {
      const operation = this.#operation
      this.#world.story.phase(operation.phase)
      this.#world.story.tell(operation.intent)
      try {
        await this.#phase(operation)
      } catch (error) {
        if (operation.phase === 'back' || operation.phase === 'retire' || error instanceof Superseded || this.#world.signal.aborted)
          throw error
        await this.#turnBack(error)
      }
    }
  }

  #phase(operation: Operation): Promise<void> {
    switch (operation.phase) {
      case 'prepare':
        return this.#prepare(operation)
      case 'verify':
        return this.#verify(operation)
      case 'switch':
        return this.#switch(operation)
      case 'bake':
        return this.#bake(operation)
      case 'retire':
        return this.#retire(operation)
      case 'back':
        return this.#back(operation)
      case 'prepared':
        return Promise.resolve()
    }
  }

  async #turnBack(error: unknown): Promise<void> {
    const { story } = this.#world
    const reason = error instanceof Error ? error.message : String(error)
    story.tell(reason, 'bad')
    if (error instanceof Rejected) {
      this.rejection = error
      for (const { title, text } of error.evidence) story.evidence(title, text)
      await this.goBack(reason)
      return
    }
    try {
      await this.goBack(`error: ${reason}`)
      await this.drive()
    } catch (second) {
      if (second instanceof Superseded) throw second
      const why = second instanceof Error ? second.message : String(second)
      const advice = `run the command recover, it stands at ${this.#operation?.phase ?? 'its end'}`
      throw new AggregateError([error, second], `${reason}; taking it back did not succeed either (${why}): ${advice}`, { cause: second })
    }
    throw error
  }

  /** Writes the decision to go back; `drive` carries it out. */
  async goBack(reason: string): Promise<void> {
    const decided = new Date(this.#world.clock.now()).toISOString()
    await this.#advance('back', 'take traffic back, then delete the candidate', { reason, decided })
  }

  async advanceToSwitch(): Promise<void> {
    const operation = this.#operation
    if (!operation) throw new Error('there is no operation to switch')
    const { parts } = await this.#view(operation.candidate)
    const created = await absentShared(this.#world.cluster, parts)
    await this.#advance('switch', `select color ${operation.candidate.color} with Service/${parts.service.metadata.name}`, {
      kind: 'deploy',
      switching: true,
      created,
    })
  }

  async #advance(phase: Phase, intent: string, change: Partial<Operation> = {}): Promise<void> {
    const operation = this.#operation
    if (!operation) throw new Error(`there is no operation to take to ${phase}`)
    const { ledger, run } = this.#world
    await ledger.write({ operation: { ...operation, ...change, phase, intent, run: run.url, holder: run.identity } })
  }

  #view(side: Side): Promise<View> {
    return loadView(this.#world.ledger, this.#world.config.name, side)
  }

  #router(view: View): Router {
    return this.#world.router(view.parts.service.metadata.name)
  }

  async #prepare(operation: Operation): Promise<void> {
    const { colors, writer, story } = this.#world
    const { candidate } = operation
    const view = await this.#view(candidate)
    const leftover = operation.replaces ? (await this.#view(operation.replaces)).rendered.config : []
    await this.#clear(candidate, view, [...leftover, ...view.rendered.config])
    for (const object of view.parts.prerequisites) await writer.create(object)
    await colors.apply(view.rendered)
    await writer.apply(view.rendered.preview, { own: true })
    story.tell(`${nameOf(view.rendered.workload)} applied as revision ${candidate.revision}; waiting for its pods`)
    const digests = await this.#awaitReady(view)
    await this.#advance('verify', `check revision ${candidate.revision} through ${nameOf(view.rendered.preview)}`, { digests })
  }

  /** Takes a color away; never the one that serves. */
  async #clear({ color }: Side, view: View, config: KubeObject[], grace?: number): Promise<void> {
    const { colors } = this.#world
    const serving = await this.#router(view).serving()
    if (serving === color)
      throw new Error(`Service/${view.parts.service.metadata.name} selects color ${color}, which was to be deleted; nothing is`)
    await colors.remove(color, config, grace)
  }

  async #awaitReady(view: View): Promise<string[]> {
    const { colors, config, story } = this.#world
    const readiness = await colors.ready(view.rendered, config.readyTimeout)
    if (!readiness.ready) throw new Rejected(readiness.reason, readiness.evidence)
    story.tell(`${nameOf(view.rendered.workload)}: ${readiness.pods} pods ready`, 'good')
    return readiness.digests
  }

  async #verify(operation: Operation): Promise<void> {
    const view = await this.#view(operation.candidate)
    await verifyPreview(this.#world, view)
    if (operation.kind === 'prepare') await this.#advance('prepared', `wait for promote with revision ${operation.candidate.revision}`)
    else await this.advanceToSwitch()
  }

  async #switch(operation: Operation): Promise<void> {
    const { writer, story } = this.#world
    const { candidate, stable } = operation
    const view = await this.#view(candidate)
    // It may have been prepared hours ago.
    await this.#awaitReady(view)
    const router = this.#router(view)
    await router.set(view.rendered.service, 'forth')
    this.switched = true
    story.tell(`${nameOf(view.rendered.service)} selects ${candidate.color}${stable ? ` instead of ${stable.color}` : ''}`)
    await applyShared(writer, view.parts)
    const expected = view.rendered.workload.spec.replicas ?? 1
    const proof = await router.prove(view.rendered.service, { expected })
    if (!proof.proved) throw new Rejected(`after the switch: ${proof.reason}`)
    story.tell(`proved: the endpoints hold exactly the ${proof.pods} ready pods of ${candidate.color}`, 'good')
    await this.#advance('bake', 'watch the candidate under traffic')
  }

  async #bake(operation: Operation): Promise<void> {
    const { colors, config, signal, story } = this.#world
    const { candidate, stable } = operation
    const view = await this.#view(candidate)
    const old = stable && config.bakeTime > 0 ? await this.#view(stable) : undefined
    const recreating = old?.known ? recreation(colors, old.rendered, signal) : undefined
    if (recreating)
      story.tell(
        `the pods of ${stable?.color} are recreated in batches, so that kept connections move to ${candidate.color} while ${stable?.color} stays warm`,
      )
    this.findings = await watchUnderTraffic(this.#world, view, recreating ? [recreating] : [])
    this.#recreated = recreating?.done ?? false
    await this.#advanceToRetire(operation)
  }

  /** From here on the candidate is the release: it is finished, not undone. */
  async #advanceToRetire(operation: Operation): Promise<void> {
    const { ledger, run } = this.#world
    const next: Operation = { ...operation, phase: 'retire', intent: 'retire the old color', run: run.url, holder: run.identity }
    await ledger.write({ active: operation.candidate, warm: operation.stable, operation: next })
  }

  async #retire(operation: Operation): Promise<void> {
    const { clock, signal, colors, config, story, writer } = this.#world
    const { stable, candidate } = operation
    const view = await this.#view(candidate)
    let { warm } = this.#world.ledger.state
    await writer.delete(refOf(view.rendered.preview), { own: true })
    const old = stable && (await this.#view(stable))
    // What the bake was too short for, or an earlier run did not come to.
    const left = old?.known && config.bakeTime > 0 && !this.#recreated
    if (left && config.retire === 'keep' && !(await colors.recreate(old.rendered, { signal, timeout: config.readyTimeout })))
      story.tell(`the pods of ${stable?.color} could not be recreated within ${formatDuration(config.readyTimeout)}`, 'warning')
    if (stable && old && config.retire !== 'keep') {
      if (config.retireDelay > 0) story.tell(`${stable.color} stays at full capacity for another ${formatDuration(config.retireDelay)}`)
      await clock.sleep(config.retireDelay, signal)
      if (config.retire === 'delete') {
        await this.#clear(stable, old, old.rendered.config)
        warm = null
        story.tell(`${stable.color} (revision ${stable.revision}) deleted: a rollback to it has to start its pods first`)
      } else if (old.known) {
        await colors.scale(old.rendered, 1)
        if (left) await colors.renew(old.rendered)
        story.tell(`${stable.color} (revision ${stable.revision}) scaled to 1 for a fast rollback, until the next release takes its place`)
      }
    }
    await this.#finish('released', view.content, { active: candidate, warm })
  }

  async #back(operation: Operation): Promise<void> {
    const { story, writer, colors } = this.#world
    const { candidate, stable, switching } = operation
    const view = await this.#view(candidate)
    const router = this.#router(view)
    const serving = await router.serving()
    if (!stable) {
      if (serving !== candidate.color) await colors.remove(candidate.color, view.rendered.config, REJECTED_GRACE)
      else {
        story.tell(
          `nothing served before revision ${candidate.revision}: there is no way back, ${candidate.color} keeps the traffic`,
          'bad',
        )
        await applyShared(writer, view.parts)
      }
      await writer.delete(refOf(view.rendered.preview), { own: true })
      await this.#finish('failed', view.content, { active: serving === candidate.color ? candidate : null, warm: null })
      return
    }
    if (switching || serving === candidate.color) await this.#takeBack(operation, view, await this.#view(stable), router)
    else story.tell(`no traffic was moved: Service/${view.parts.service.metadata.name} selects ${serving ?? stable.color} as before`)
    await this.#clear(candidate, view, view.rendered.config, REJECTED_GRACE)
    await writer.delete(refOf(view.rendered.preview), { own: true })
    story.tell(`the pods of ${candidate.color} (revision ${candidate.revision}) are gone`)
    await this.#finish(switching ? 'rolled-back' : 'failed', view.content, { active: stable, warm: null })
  }

  async #takeBack(operation: Operation, from: View, to: View, router: Router): Promise<void> {
    const { colors, config, story } = this.#world
    const { stable, candidate } = operation
    if (!stable) return
    if ((await router.serving()) !== stable.color) {
      if (to.known) await colors.scale(to.rendered)
      else
        story.tell(`the manifests of revision ${stable.revision} are no longer kept: ${stable.color} takes the traffic as it is`, 'warning')
      const warm = await colors.warm(to.rendered, from.rendered.selector, BACK_PATIENCE, config.readyTimeout)
      if (!warm)
        throw new Error(
          `cannot go back: ${stable.color} has no ready pod within ${formatDuration(config.readyTimeout)}, and ${candidate.color} still has some; traffic stays there`,
        )
      await router.set(to.rendered.service, 'back')
      story.tell(`${nameOf(to.rendered.service)} selects ${stable.color} again (${warm.pods} ready pods)`)
    }
    if (to.known) await restoreShared(this.#world.writer, operation.created, from.parts, to.parts)
    const proof = await router.prove(to.rendered.service, {})
    if (!proof.proved) throw new Error(`traffic was sent back to ${stable.color}, but ${proof.reason}`)
    story.tell(`proved: the endpoints hold exactly the ${proof.pods} ready pods of ${stable.color}`, 'good')
  }

  #finish(outcome: Entry['outcome'], content: Content, sides: { active: Side | null; warm: Side | null }): Promise<void> {
    const { ledger, clock, run } = this.#world
    return ledger.finish(outcome, content, sides, { at: new Date(clock.now()).toISOString(), run: run.url })
  }
}
