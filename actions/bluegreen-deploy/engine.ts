import type { Cluster } from '../shared/kubernetes/api/cluster.ts'
import { Lease } from '../shared/kubernetes/api/lease.ts'
import { Run } from './commands/commands.ts'
import type { Config } from './config.ts'
import { chooseCheck } from './gates/http-check.ts'
import { LedgerStore, ledgerName, packContent } from './ledger/store.ts'
import { contentOf, planRelease } from './machine/plan.ts'
import { diffObjects } from './manifests/diff.ts'
import { containersOf, overrideImages } from './manifests/images.ts'
import { type Parts, RELEASE, renderColor, sortParts } from './release/model.ts'
import { liveState, type Manifests, type Ports, type ReleaseResult, result } from './result.ts'
import { placeObjects, preflight } from './writes/preflight/preflight.ts'

export type { Ports, ReleaseResult }

/**
 * Runs one command of a release. Throws when it could not tell (the API, the input, another run); a candidate that is bad
 * is a result with outcome `failed`.
 */
export async function release(config: Config, ports: Ports): Promise<ReleaseResult> {
  if (config.command === 'status') return status(config, ports)
  const manifests = needsManifests(config) ? await readManifests(config, ports) : undefined
  if (config.dryRun) return dryRun(config, ports, manifests)
  const { cluster, story } = ports
  story.phase('preflight')
  if (manifests) await check(config, ports, manifests.parts)
  const before = await LedgerStore.read(cluster, config.namespace, config.name)
  const lease = await Lease.acquire({
    ...ports,
    namespace: config.namespace,
    name: ledgerName(config.name),
    labels: { [RELEASE]: config.name },
    identity: ports.run.identity,
    url: ports.run.url,
    duration: config.leaseDuration,
    timeout: config.lockTimeout,
    atLeast: before.state.generation,
    tell: (text) => story.tell(text),
  })
  try {
    const signal = AbortSignal.any([ports.signal, lease.lost])
    return await new Run(config, { ...ports, signal }, lease).command(manifests)
  } catch (error) {
    // What a superseded run stumbles over is another one's work.
    lease.lost.throwIfAborted()
    throw error
  } finally {
    // Left to run out when the API is away: the next run waits for it.
    await lease
      .release()
      .catch((error) => story.tell(`the lease could not be let go: ${error instanceof Error ? error.message : error}`, 'warning'))
  }
}

/** Whether a run with this identity left a release unfinished. */
export async function leftUnfinished(config: Config, cluster: Cluster, identity: string): Promise<boolean> {
  const { operation } = (await LedgerStore.read(cluster, config.namespace, config.name)).state
  return operation?.holder === identity && operation.phase !== 'prepared'
}

const needsManifests = ({ command }: Config): boolean => command === 'deploy' || command === 'prepare'

async function readManifests(config: Config, ports: Ports): Promise<Manifests> {
  const objects = await ports.manifests()
  overrideImages(objects, config.images)
  await placeObjects(ports.cluster, config.namespace, objects)
  const parts = sortParts(objects)
  const images = containersOf(parts.workload).map((container) => String(container.image))
  chooseCheck(parts.workload, parts.service, config.check) // a wrong check-port is found before anything is written
  const content = contentOf(objects, images)
  packContent(content) // so is what is too much to be kept
  return { parts, content }
}

async function check(config: Config, { cluster, smoke }: Ports, parts: Parts): Promise<void> {
  const checks = chooseCheck(parts.workload, parts.service, config.check) !== undefined
  const rendered = renderColor(parts, config.name, 'blue', 0)
  await preflight({ cluster, namespace: config.namespace, release: config.name, parts, rendered, checks, smoke: smoke !== undefined })
}

async function dryRun(config: Config, ports: Ports, manifests: Manifests | undefined): Promise<ReleaseResult> {
  if (!manifests) throw new Error(`dry-run: the command ${config.command} has none; use it with deploy or prepare`)
  ports.story.phase('dry run')
  await check(config, ports, manifests.parts)
  const ledger = await LedgerStore.read(ports.cluster, config.namespace, config.name)
  const live = await liveState(config, ports, ledger.state, manifests.parts.service.metadata.name)
  const plan = planRelease({ release: config.name, ...manifests, ledger: ledger.state, ...live, retire: config.retire })
  const previous = plan.stable ? await ledger.loadContent(plan.stable.revision) : undefined
  const changes = diffObjects(previous?.objects ?? [], manifests.content.objects)
  for (const { object, lines } of changes) for (const line of lines) ports.story.tell(`${object} ${line}`)
  const headline =
    plan.unchanged ?? `Would release revision ${plan.candidate.revision} on ${plan.candidate.color}: ${changes.length} objects change`
  return { ...result(ledger.state, live.serving), outcome: 'passed', headline, revision: plan.candidate.revision, plan, changes }
}

async function status(config: Config, ports: Ports): Promise<ReleaseResult> {
  ports.story.phase('status')
  const { state } = await LedgerStore.read(ports.cluster, config.namespace, config.name)
  const { operation, active, warm, history } = state
  const now = active ? `revision ${active.revision} serves on ${active.color}` : 'nothing was released yet'
  const kept = warm ? `; revision ${warm.revision} is kept on ${warm.color}` : ''
  const open = operation
    ? `; revision ${operation.candidate.revision} stands at ${operation.phase} (${operation.intent}), by ${operation.run}`
    : ''
  for (const entry of history) {
    ports.story.tell(
      `revision ${entry.revision} ${entry.outcome} ${entry.finished} ${entry.images.join(', ')}${entry.reason ? `: ${entry.reason}` : ''}`,
    )
  }
  return { ...result(state, active?.color), outcome: 'passed', headline: `${config.name}: ${now}${kept}${open}` }
}
