import { ApiError, type Cluster, isForbidden, type KubeObject, nameOf, selects } from '../../../shared/kubernetes/api/cluster.ts'
import { unserved } from '../../../shared/kubernetes/api/discovery.ts'
import type { Service } from '../../../shared/kubernetes/objects/read.ts'
import { inParallel } from '../../../shared/limit.ts'
import { contentName, ledgerName } from '../../ledger/store.ts'
import { COLOR, type Parts, PREVIEW, RELEASE, type Rendered, renderColor } from '../../release/model.ts'
import { fieldConflict } from '../writer.ts'

/** Why a release cannot begin; nothing has been changed. */
export class PreflightError extends Error {}

export interface PreflightInput {
  cluster: Cluster
  namespace: string
  release: string
  parts: Parts
  rendered: Rendered
  /** Whether the preview is asked through the API server. */
  checks: boolean
  /** Whether a smoke suite is run through the API server's port-forward. */
  smoke?: boolean
}

/** Everything that can be known before the first write: permissions, API versions, validity of every object, other Services. */
export async function preflight(input: PreflightInput): Promise<void> {
  const { cluster, namespace, release, parts, rendered } = input
  refuseOwnNames(parts, release)
  const shared = [...parts.prerequisites, ...parts.shared]
  await checkPermissions(cluster, namespace, await permissionsFor(cluster, [...shared, ...rendered.config], input))
  if (!(await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace }).catch(forbiddenIsUnknown))) {
    throw new PreflightError(`namespace: ${namespace} does not exist; create it first`)
  }
  await checkServices(input)
  await dryRun(cluster, rendered, shared)
}

/** Objects of the manifests that would take the place of what the release keeps for itself: the ledger, its revisions, the colors, the preview. */
export function refuseOwnNames(parts: Parts, release: string): void {
  const colors = (['blue', 'green'] as const).map((color) => renderColor(parts, release, color, 0))
  const own = colors.flatMap(({ config, workload, preview }) => [...config, workload, preview].map(nameOf))
  own.push(`ConfigMap/${ledgerName(release)}`, `Lease/${ledgerName(release)}`)
  const isRevision = (name: string): boolean => /\d$/.test(name) && name.replace(/\d+$/, '') === `Secret/${contentName(release, '')}`
  const taken = [...parts.prerequisites, ...parts.shared].map(nameOf).find((name) => own.includes(name) || isRevision(name))
  if (taken) throw new PreflightError(`manifests: ${taken} is the name of what release ${release} keeps for itself; give it another one`)
}

/** Who may not look at namespaces finds out by the first object. */
function forbiddenIsUnknown(error: unknown): true {
  if (isForbidden(error)) return true
  throw error
}

/** Puts the namespace into every namespaced object, in place; another namespace, or a kind that is not served, is an error. */
export async function placeObjects(cluster: Cluster, namespace: string, objects: KubeObject[]): Promise<void> {
  const problems: string[] = []
  for (const object of objects) {
    const found = await cluster.serves(object.apiVersion, object.kind)
    if (!found.served) {
      const here = objects.some((other) => defines(other, object))
        ? '. Its CustomResourceDefinition is in these manifests: apply that first'
        : ''
      problems.push(`${nameOf(object)}: ${unserved(object.apiVersion, object.kind, found.known)}${here}`)
    } else if (!found.namespaced) delete object.metadata.namespace
    else if ((object.metadata.namespace || namespace) === namespace) object.metadata.namespace = namespace
    else problems.push(`${nameOf(object)}: its namespace is ${object.metadata.namespace}, the release's is ${namespace}`)
  }
  if (problems.length) throw new PreflightError(`manifests: ${problems.slice(0, 20).join('\n')}`)
}

const defines = (
  { kind, spec }: KubeObject & { spec?: { group?: string; names?: { kind?: string } } | null },
  object: KubeObject,
): boolean => kind === 'CustomResourceDefinition' && spec?.names?.kind === object.kind && object.apiVersion.startsWith(`${spec.group}/`)

interface AccessReview extends KubeObject {
  status?: { allowed?: boolean }
}

export interface Permission {
  group: string
  resource: string
  verbs: string[]
  clusterWide?: boolean
}

async function permissionsFor(
  cluster: Cluster,
  objects: KubeObject[],
  { checks, smoke }: Pick<PreflightInput, 'checks' | 'smoke'>,
): Promise<Permission[]> {
  const wanted: Permission[] = [
    { group: 'coordination.k8s.io', resource: 'leases', verbs: ['get', 'create', 'update'] },
    { group: '', resource: 'configmaps', verbs: ['get', 'create', 'update'] },
    { group: '', resource: 'secrets', verbs: ['get', 'create', 'delete'] },
    { group: '', resource: 'services', verbs: ['get', 'list', 'create', 'patch', 'delete'] },
    { group: '', resource: 'pods', verbs: ['list', 'watch', 'delete'] },
    { group: '', resource: 'pods/log', verbs: ['get'] },
    { group: '', resource: 'events', verbs: ['list'] },
    { group: 'apps', resource: 'deployments', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
    { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list', 'watch'] },
  ]
  if (checks) wanted.push({ group: '', resource: 'services/proxy', verbs: ['get'] })
  if (smoke) wanted.push({ group: '', resource: 'pods/portforward', verbs: ['get', 'create'] })
  for (const object of objects) {
    const found = await cluster.serves(object.apiVersion, object.kind)
    if (!found.served) continue
    const group = object.apiVersion.includes('/') ? (object.apiVersion.split('/')[0] ?? '') : ''
    wanted.push({ group, resource: found.plural, verbs: ['get', 'create', 'patch', 'delete'], clusterWide: !found.namespaced })
  }
  return merge(wanted)
}

function merge(permissions: Permission[]): Permission[] {
  const merged = new Map<string, Permission>()
  for (const permission of permissions) {
    const key = `${permission.group}/${permission.resource}`
    const known = merged.get(key)
    merged.set(key, { ...permission, verbs: [...new Set([...(known?.verbs ?? []), ...permission.verbs])] })
  }
  return [...merged.values()]
}

/** Asks for each verb (SelfSubjectAccessReview); what is missing becomes a Role to paste. */
async function checkPermissions(cluster: Cluster, namespace: string, permissions: Permission[]): Promise<void> {
  const asked = permissions.flatMap((permission) => permission.verbs.map((verb) => ({ ...permission, verbs: [verb] })))
  const missing: Permission[] = []
  await inParallel(asked, async (permission) => {
    const [resource = '', subresource] = permission.resource.split('/')
    const place = permission.clusterWide ? {} : { namespace }
    const resourceAttributes = { ...place, verb: permission.verbs[0], group: permission.group, resource, subresource }
    const review = await cluster.create({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      metadata: {} as KubeObject['metadata'],
      spec: { resourceAttributes },
    })
    if ((review as AccessReview).status?.allowed !== true) missing.push(permission)
  })
  if (missing.length === 0) return
  throw new PreflightError(
    `the release lacks permissions in namespace ${namespace}; add these rules to its Role (ClusterRole where marked):\n${rulesText(merge(missing))}`,
  )
}

/** RBAC rules as YAML to paste. */
export function rulesText(permissions: Permission[]): string {
  const lines = permissions.map(({ group, resource, verbs, clusterWide }) => {
    const note = clusterWide ? ' # ClusterRole' : ''
    return `- apiGroups: ["${group}"]\n  resources: ["${resource}"]\n  verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}]${note}`
  })
  return `rules:\n${lines.join('\n')}`
}

/** No other Service may send traffic to the candidate before it was verified, and the Service itself must already be ours to switch. */
async function checkServices({ cluster, namespace, release, rendered }: PreflightInput): Promise<void> {
  const labels: Record<string, string> = rendered.workload.spec.template.metadata.labels
  const { items } = await cluster.list({ apiVersion: 'v1', kind: 'Service', namespace })
  for (const service of items as Service[]) {
    const { name, labels: own = {} } = service.metadata
    const selector = service.spec?.selector
    if (name === rendered.service.metadata.name) {
      if (selector && !(COLOR in selector) && Object.keys(selector).length > 0) {
        throw new PreflightError(
          `Service/${name} exists and selects pods without a color (${JSON.stringify(selector)}): a candidate would get traffic before it is verified. Taking over a running application is not supported yet; release under a new Service name, or delete this Service and its Deployment first`,
        )
      }
      if (own[RELEASE] !== undefined && own[RELEASE] !== release)
        throw new PreflightError(`Service/${name} belongs to release ${own[RELEASE]}`)
      continue
    }
    if (own[PREVIEW] === 'true' && own[RELEASE] === release) continue
    if (selects(selector, { ...labels, [COLOR]: 'blue' }) || selects(selector, { ...labels, [COLOR]: 'green' })) {
      throw new PreflightError(
        `Service/${name} would send traffic to the candidate before it is verified: it selects ${JSON.stringify(selector)}. Add a label to its selector that the release's pods do not have`,
      )
    }
  }
}

/** The API server's own validation and admission of every object, without storing any. */
async function dryRun(cluster: Cluster, rendered: Rendered, shared: KubeObject[]): Promise<void> {
  const problems: string[] = []
  const color = `-${rendered.selector[COLOR]}`
  // The candidate's objects are made anew, whatever lies in their place now: tried under names that nothing has, told under the user's.
  const own = [...rendered.config, rendered.workload, rendered.preview].map((object) => {
    const { name } = object.metadata
    return { object, name: `${name}-x`, plain: name.endsWith(color) ? name.slice(0, -color.length) : name }
  })
  const others = [rendered.service, ...shared].map((object) => ({ object, name: object.metadata.name, plain: object.metadata.name }))
  await inParallel([...own, ...others], async ({ object, name, plain }) => {
    try {
      const { metadata } = await cluster.apply({ ...object, metadata: { ...object.metadata, name } }, { dryRun: true })
      const owner = metadata.labels?.[RELEASE]
      if (shared.includes(object) && owner) problems.push(`${nameOf(object)}: is there and belongs to release ${owner}; rename it`)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500 || error.status === 401) throw error
      const conflict = fieldConflict(error, object)
      if (conflict !== 'ours')
        problems.push(`${nameOf({ ...object, name: plain })}: ${(conflict?.message ?? error.said).replaceAll(name, plain)}`)
    }
  })
  if (problems.length)
    throw new PreflightError(
      `manifests: the API server refuses ${problems.length === 1 ? 'an object' : `${problems.length} objects`}:\n${problems.sort().slice(0, 20).join('\n')}`,
    )
}
