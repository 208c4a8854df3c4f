import { isForbidden } from '../../../shared/kubernetes/api/cluster.ts'
import type { Reach } from '../../ports.ts'
import { type Revision, sharedOf } from '../../release/model.ts'
import { dryRunAll } from './dry-run.ts'
import { PreflightError } from './error.ts'
import { refuseForeign, refuseOwnNames } from './names.ts'
import { checkPermissions } from './permissions.ts'
import { checkServices, refuseLiveScalers } from './services.ts'

/** Everything that can be known before the first write: names, permissions, other Services, and the validity of every object. */
export async function preflight(reach: Reach, revision: Revision, does: { asks: boolean; smoke: boolean }): Promise<void> {
  const { cluster, config } = reach
  refuseOwnNames(revision)
  await checkPermissions(reach, [...sharedOf(revision.release), ...revision.config], does)
  const namespace = { apiVersion: 'v1', kind: 'Namespace', name: config.namespace }
  if (!(await cluster.get(namespace).catch(forbiddenIsUnknown)))
    throw new PreflightError(`namespace: ${config.namespace} does not exist; create it first`)
  await refuseForeign(reach, revision)
  await checkServices(reach, revision)
  await refuseLiveScalers(reach, revision)
  await dryRunAll(reach, revision)
}

/** Who may not look at namespaces finds out by the first object. */
function forbiddenIsUnknown(error: unknown): true {
  if (isForbidden(error)) return true
  throw error
}
