import type { Lease } from '../../shared/kubernetes/api/lease.ts'
import type { Config } from '../config.ts'
import { type Content, LedgerStore, type Side } from '../ledger/store.ts'
import { Machine } from '../machine/machine.ts'
import { type Plan, planRelease, sideOf } from '../machine/plan.ts'
import { type Change, diffObjects } from '../manifests/diff.ts'
import { type Color, RELEASE, sortParts } from '../release/model.ts'
import { liveState, type Manifests, type Ports, type ReleaseResult, result } from '../result.ts'
import { serviceRouter } from '../routers/service.ts'
import { Colors } from '../workloads/deployment.ts'
import { Writer } from '../writes/writer.ts'

/** How long endpoints may take to follow a switch, in milliseconds, beyond their propagation. */
const ENDPOINTS_TIMEOUT = 60_000

/** One command under the lease. */
export class Run {
  readonly #config: Config
  readonly #ports: Ports
  readonly #lease: Lease
  #plan: Plan | undefined
  #changes: Change[] | undefined

  constructor(config: Config, ports: Ports, lease: Lease) {
    this.#config = config
    this.#ports = ports
    this.#lease = lease
  }

  async command(manifests: Manifests | undefined): Promise<ReleaseResult> {
    const { cluster, story } = this.#ports
    const { namespace, name, command } = this.#config
    const ledger = await LedgerStore.read(cluster, namespace, name)
    const writer = new Writer(cluster, this.#lease, name)
    await ledger.write({ generation: this.#lease.generation })
    if (this.#lease.takenOver) await this.#fence(ledger, writer)
    const colors = new Colors({ ...this.#ports, writer, namespace, release: name, tell: (text) => story.tell(text) })
    const router = (service: string) =>
      serviceRouter({
        ...this.#ports,
        writer,
        namespace,
        name: service,
        propagation: this.#config.propagationTime,
        timeout: ENDPOINTS_TIMEOUT,
      })
    const machine = new Machine({ ...this.#ports, config: this.#config, ledger, writer, colors, router })
    switch (command) {
      case 'deploy':
      case 'prepare':
        return this.#deploy(machine, ledger, manifests)
      case 'promote':
        return this.#promote(machine, ledger)
      case 'rollback':
        return this.#rollback(machine, ledger)
      case 'recover':
        return this.#recover(machine, ledger)
      case 'cleanup':
        return this.#cleanup(machine, ledger)
      case 'status':
        throw new Error('status takes no lease')
    }
  }

  /** The last holder may still have writes on their way: what it has read of these objects is made old. */
  async #fence(ledger: LedgerStore, writer: Writer): Promise<void> {
    const { active, warm, operation } = ledger.state
    const { namespace } = this.#config
    for (const side of [operation?.candidate, operation?.stable, active, warm]) {
      const content = side && (await ledger.loadContent(side.revision))
      if (!content) continue
      const { workload, service } = sortParts(content.objects)
      await writer.fence({ apiVersion: 'v1', kind: 'Service', namespace, name: service.metadata.name })
      await writer.fence({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: `${workload.metadata.name}-${side.color}` })
    }
  }

  async #deploy(machine: Machine, ledger: LedgerStore, manifests: Manifests | undefined): Promise<ReleaseResult> {
    if (!manifests) throw new Error('manifests: none were read')
    await this.#settleLeftover(machine, ledger, 'a new release takes its place')
    const live = await liveState(this.#config, this.#ports, ledger.state, manifests.parts.service.metadata.name)
    await this.#followLive(ledger, live.serving)
    const plan = planRelease({ release: this.#config.name, ...manifests, ledger: ledger.state, ...live, retire: this.#config.retire })
    this.#plan = plan
    if (plan.unchanged)
      return { ...result(ledger.state, live.serving), outcome: 'passed', headline: `Nothing to do: ${plan.unchanged}`, plan }
    const previous = plan.stable ? await ledger.loadContent(plan.stable.revision) : undefined
    this.#changes = diffObjects(previous?.objects ?? [], manifests.content.objects)
    return this.#forth(machine, ledger, plan, manifests.content)
  }

  async #forth(machine: Machine, ledger: LedgerStore, plan: Plan, content: Content): Promise<ReleaseResult> {
    const { candidate, stable, replaces } = plan
    const { story } = this.#ports
    if (replaces)
      story.tell(`the candidate takes the place of ${replaces.color}: the fast way back to revision ${replaces.revision} ends here`)
    const kind = this.#config.command === 'prepare' ? 'prepare' : this.#config.command === 'rollback' ? 'rollback' : 'deploy'
    const intent = `bring up revision ${candidate.revision} on ${candidate.color} without traffic`
    await machine.begin({ kind, phase: 'prepare', intent, candidate, stable, replaces }, content)
    await machine.drive()
    return this.#conclude(machine, ledger, candidate)
  }

  async #promote(machine: Machine, ledger: LedgerStore): Promise<ReleaseResult> {
    const { operation } = ledger.state
    const { revision } = this.#config
    if (operation?.phase !== 'prepared') throw new Error('promote: nothing is prepared; run the command prepare first')
    if (operation.candidate.revision !== revision) {
      throw new Error(`revision: ${revision} is not what is prepared; revision ${operation.candidate.revision} is (by ${operation.run})`)
    }
    await machine.advanceToSwitch()
    await machine.drive()
    return this.#conclude(machine, ledger, operation.candidate)
  }

  async #rollback(machine: Machine, ledger: LedgerStore): Promise<ReleaseResult> {
    const { to } = this.#config
    const { operation } = ledger.state
    // To undo what a dead run left, or to finish its way back, is the rollback that was asked for.
    const undone = operation && operation.phase !== 'prepared' && operation.phase !== 'retire'
    await this.#settleLeftover(machine, ledger, 'a rollback was asked for')
    const { active, warm, history } = ledger.state
    if (!active) throw new Error('rollback: nothing was released yet')
    if (undone && to === undefined)
      return this.#conclude(machine, ledger, active, `Rolled back to revision ${active.revision} on ${active.color}`)
    const target =
      to ?? warm?.revision ?? history.find((entry) => entry.outcome === 'released' && entry.revision < active.revision)?.revision
    if (target === undefined) throw new Error(`rollback: there is no released revision before ${active.revision}`)
    if (target === active.revision) {
      return {
        ...result(ledger.state, active.color),
        outcome: 'passed',
        headline: `Nothing to do: revision ${target} already serves on ${active.color}`,
      }
    }
    if (warm?.revision === target && (await this.#isThere(warm))) {
      const intent = `take traffic back to revision ${target} on ${warm.color}, then delete ${active.color}`
      await machine.begin({
        kind: 'rollback',
        phase: 'back',
        intent,
        candidate: active,
        stable: warm,
        replaces: null,
        reason: 'a rollback was asked for',
      })
      await machine.drive()
      return this.#conclude(machine, ledger, warm, `Rolled back to revision ${target} on ${warm.color}`)
    }
    const content = await ledger.loadContent(target)
    if (!content) {
      const kept = history.map((entry) => entry.revision).join(', ')
      throw new Error(`to: revision ${target} is not kept; there are ${kept || 'none'}`)
    }
    this.#ports.story.tell(`the pods of revision ${target} are gone: its manifests are released again`)
    const parts = sortParts(content.objects)
    const live = await liveState(this.#config, this.#ports, ledger.state, parts.service.metadata.name)
    const plan = planRelease({ release: this.#config.name, parts, content, ledger: ledger.state, ...live, retire: this.#config.retire })
    this.#plan = plan
    return this.#forth(machine, ledger, plan, content)
  }

  async #recover(machine: Machine, ledger: LedgerStore): Promise<ReleaseResult> {
    const { operation } = ledger.state
    if (!operation || operation.phase === 'prepared') {
      if (!operation) await ledger.tidy()
      const headline = operation
        ? `Nothing to recover: revision ${operation.candidate.revision} waits for promote`
        : 'Nothing to recover: no release is unfinished'
      return { ...result(ledger.state, undefined), outcome: 'passed', headline }
    }
    const { candidate, phase } = operation
    await machine.settle('the run that began it ended before it was done')
    const ended = ledger.state.history.find((entry) => entry.revision === candidate.revision)?.outcome ?? 'failed'
    const kept = ledger.state.active?.revision === candidate.revision
    const fate = ended === 'released' ? 'finished' : kept ? 'kept: there is nothing to go back to' : 'undone'
    const headline = `Recovered: revision ${candidate.revision}, left at ${phase}, is ${fate}`
    return { ...result(ledger.state, undefined), outcome: 'passed', headline, rolledBack: ended === 'rolled-back' }
  }

  async #cleanup(machine: Machine, ledger: LedgerStore): Promise<ReleaseResult> {
    await this.#settleLeftover(machine, ledger, 'a cleanup was asked for')
    const { warm } = ledger.state
    await machine.dropWarm()
    const headline = warm ? `Deleted ${warm.color} (revision ${warm.revision})` : 'Nothing to clean up'
    return { ...result(ledger.state, undefined), outcome: 'passed', headline }
  }

  async #settleLeftover(machine: Machine, ledger: LedgerStore, reason: string): Promise<void> {
    const { operation } = ledger.state
    if (!operation) return
    this.#ports.story.tell(
      `revision ${operation.candidate.revision} was left at ${operation.phase} by ${operation.run}: this is ended first`,
      'warning',
    )
    await machine.settle(reason)
  }

  /** The Service decides what serves, not the ledger: somebody may have switched it by hand. */
  async #followLive(ledger: LedgerStore, serving: Color | undefined): Promise<void> {
    const { active } = ledger.state
    if (serving === undefined || serving === active?.color) return
    this.#ports.story.tell(`the Service selects ${serving}, the ledger says ${active?.color ?? 'nothing'}: going by the Service`, 'warning')
    await ledger.write({ active: sideOf(serving, ledger.state), warm: active })
  }

  async #isThere(side: Side): Promise<boolean> {
    const { cluster } = this.#ports
    const { namespace, name } = this.#config
    const { items } = await cluster.list({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace,
      labelSelector: `${RELEASE}=${name},color=${side.color}`,
    })
    return items.some((object) => !object.metadata.deletionTimestamp)
  }

  #conclude(machine: Machine, ledger: LedgerStore, side: Side, headline?: string): ReleaseResult {
    const { rejection, switched } = machine
    const base = {
      ...result(ledger.state, undefined),
      switched,
      ...(this.#plan && { plan: this.#plan }),
      ...(this.#changes && { changes: this.#changes }),
    }
    const { active, operation } = ledger.state
    if (rejection) {
      const stays = active ? `revision ${active.revision} serves on ${active.color}` : 'nothing serves'
      const rolledBack = switched && active?.color !== side.color
      const outcome = rejection.inconclusive ? 'inconclusive' : 'failed'
      const verb = rolledBack
        ? 'taken back'
        : switched
          ? 'kept although it failed: there is nothing to go back to'
          : 'rejected before it got traffic'
      return {
        ...base,
        outcome,
        headline: `Revision ${side.revision} ${verb}; ${stays}`,
        reason: rejection.message,
        rolledBack,
        revision: side.revision,
      }
    }
    if (operation?.phase === 'prepared') {
      return {
        ...base,
        outcome: 'passed',
        headline: `Revision ${side.revision} is ready on ${side.color}, without traffic; promote it with revision ${side.revision}`,
        revision: side.revision,
      }
    }
    const open = machine.findings.filter((finding) => finding.verdict === 'inconclusive').map((finding) => finding.text)
    const done = headline ?? `Revision ${side.revision} serves on ${side.color}`
    return { ...base, outcome: 'passed', headline: done, reason: open.join('; '), rolledBack: headline !== undefined }
  }
}
