// One command under the lease.

import { refOf } from '../../shared/kubernetes/api/cluster.ts'
import type { Lease } from '../../shared/kubernetes/api/lease.ts'
import type { Command } from '../config.ts'
import { loadRevision } from '../ledger/revisions.ts'
import { servicesOf } from '../machine/colors.ts'
import type { Context } from '../machine/context.ts'
import { cleanup } from './cleanup.ts'
import { deploy } from './deploy.ts'
import type { Manifests } from './manifests.ts'
import { promote } from './promote.ts'
import { recover } from './recover.ts'
import type { ReleaseResult } from './result.ts'
import { rollback } from './rollback.ts'

/** The commands that change something. */
export type Changing = Exclude<Command, 'status'>

/** Runs a command with everything that it needs. */
export async function runCommand(
  command: Changing,
  context: Context,
  lease: Lease,
  manifests: Manifests | undefined,
): Promise<ReleaseResult> {
  await context.ledger.write({ generation: lease.generation })
  if (lease.takenOver) await fence(context)
  switch (command) {
    case 'deploy':
    case 'prepare':
      if (!manifests) throw new Error('manifests: none were read')
      return deploy(context, manifests)
    case 'promote':
      return promote(context)
    case 'rollback':
      return rollback(context)
    case 'recover':
      return recover(context)
    case 'cleanup':
      return cleanup(context)
  }
}

/** The last holder may still have writes on their way: what it has read of these objects is made old. */
async function fence({ ledger, writer }: Context): Promise<void> {
  const { active, warm, operation } = ledger.state
  for (const side of [operation?.candidate, operation?.stable, active, warm]) {
    if (!side || side.revision === 0 || !(await ledger.findContent(side.revision))) continue
    const revision = await loadRevision(ledger, side)
    for (const object of [...servicesOf(revision), ...revision.workloads.map((workload) => workload.object)])
      await writer.fence(refOf(object))
  }
}
