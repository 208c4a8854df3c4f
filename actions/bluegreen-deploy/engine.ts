import type { Cluster } from '../shared/kubernetes/api/cluster.ts'
import { Lease } from '../shared/kubernetes/api/lease.ts'
import { messageOf } from '../shared/text/errors.ts'
import { dryRun } from './commands/dry-run.ts'
import { checkManifests, readManifests } from './commands/manifests.ts'
import type { ReleaseResult } from './commands/result.ts'
import { runCommand } from './commands/run.ts'
import { status } from './commands/status.ts'
import type { Config } from './config.ts'
import { LedgerStore } from './ledger/store.ts'
import type { Context } from './machine/context.ts'
import { ledgerOf, type Ports } from './ports.ts'
import { ledgerName, RELEASE } from './release/names.ts'
import { Writer } from './writes/writer.ts'

export type { Ports, ReleaseResult }

/**
 * Runs one command of a release. Throws when it could not tell (the API, the input, another run); a candidate that is bad
 * is a result with outcome `failed`.
 */
export async function release(config: Config, ports: Ports): Promise<ReleaseResult> {
  const { command } = config
  const { cluster, story } = ports
  const reach = { ...ports, config }
  if (command === 'status') return status(reach)
  const manifests = command === 'deploy' || command === 'prepare' ? await readManifests(reach, ports) : undefined
  if (config.dryRun) {
    if (!manifests) throw new Error(`dry-run: the command ${command} has none; use it with deploy or prepare`)
    return dryRun(reach, manifests)
  }
  story.phase('preflight')
  if (manifests) await checkManifests(reach, manifests)
  const { namespace, name, lock } = config
  // What another run writes before the lease is ours is read anew at the first write.
  const ledger = await LedgerStore.read(ledgerOf(reach))
  const lease = await Lease.acquire({
    ...ports,
    namespace,
    name: ledgerName(name),
    labels: { [RELEASE]: name },
    identity: ports.run.identity,
    url: ports.run.url,
    duration: lock.leaseDuration,
    timeout: lock.timeout,
    atLeast: ledger.state.generation,
    tell: (text) => story.tell(text),
  })
  try {
    const signal = AbortSignal.any([ports.signal, lease.lost])
    const context: Context = { ...ports, signal, config, ledger, writer: new Writer(cluster, lease, name) }
    return await runCommand(command, context, lease, manifests)
  } catch (error) {
    // What a superseded run stumbles over is another one's work.
    lease.lost.throwIfAborted()
    throw error
  } finally {
    // Left to run out when the API is away: the next run waits for it.
    await lease.release().catch((error: unknown) => story.tell(`the lease could not be let go: ${messageOf(error)}`, 'warning'))
  }
}

/** Whether a run with this identity left a release unfinished. */
export async function leftUnfinished({ namespace, name }: Config, cluster: Cluster, identity: string): Promise<boolean> {
  const { operation } = (await LedgerStore.read({ cluster, namespace, release: name, redact: (text) => text, warn: () => undefined })).state
  return operation?.holder === identity && operation.phase !== 'prepared'
}
