// What the release is allowed to do, asked before it does anything.
import { z } from 'zod'
import { ApiError, type Cluster, type KubeObject } from '../../../shared/kubernetes/api/cluster.ts'
import { inParallel } from '../../../shared/limit.ts'
import type { Reach } from '../../ports.ts'
import { PreflightError } from './error.ts'

export interface Permission {
  group: string
  /** With its subresource: `pods/log`. */
  resource: string
  verbs: string[]
  clusterWide?: boolean
}

/** What a release needs in any case; `asks` when entries are asked through the API server, `smoke` when a suite is run. */
const always = ({ asks, smoke }: { asks: boolean; smoke: boolean }): Permission[] => [
  { group: 'coordination.k8s.io', resource: 'leases', verbs: ['get', 'create', 'update'] },
  { group: '', resource: 'configmaps', verbs: ['get', 'create', 'update'] },
  { group: '', resource: 'secrets', verbs: ['get', 'create', 'delete'] },
  { group: '', resource: 'services', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: '', resource: 'pods', verbs: ['list', 'watch', 'delete'] },
  { group: '', resource: 'pods/log', verbs: ['get'] },
  { group: '', resource: 'events', verbs: ['list'] },
  { group: 'apps', resource: 'deployments', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list', 'watch'] },
  ...(asks ? [{ group: '', resource: 'services/proxy', verbs: ['get'] }] : []),
  ...(smoke ? [{ group: '', resource: 'pods/portforward', verbs: ['get', 'create'] }] : []),
]

/** Everything that a release of these objects needs. */
export async function permissionsFor(
  cluster: Cluster,
  objects: readonly KubeObject[],
  does: { asks: boolean; smoke: boolean },
): Promise<Permission[]> {
  const wanted = always(does)
  for (const { apiVersion, kind } of objects) {
    const found = await cluster.serves(apiVersion, kind)
    if (!found.served) continue
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
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

/**
 * Holds what is needed against what SelfSubjectRulesReview grants in the namespace. What it does not grant is missing, unless it says that
 * it is incomplete (a webhook authorizes): then, and for cluster-wide kinds, each verb is asked by a SelfSubjectAccessReview. Throws a
 * PreflightError with a Role to paste.
 */
export async function checkPermissions(
  { cluster, config }: Reach,
  objects: readonly KubeObject[],
  does: { asks: boolean; smoke: boolean },
): Promise<void> {
  const { namespace } = config
  const { granted, complete } = await rulesOf(cluster, namespace)
  const single = (await permissionsFor(cluster, objects, does)).flatMap((permission) =>
    permission.verbs.map((verb) => ({ ...permission, verbs: [verb] })),
  )
  const open = single.filter((permission) => permission.clusterWide || !granted(permission))
  const missing = await inParallel(open, async (permission) => {
    if (complete && !permission.clusterWide) return [permission]
    return (await isAllowed(cluster, namespace, permission)) ? [] : [permission]
  })
  if (missing.flat().length === 0) return
  throw new PreflightError(
    `the release lacks permissions in namespace ${namespace}; add these rules to its Role (ClusterRole where marked):\n${rulesText(merge(missing.flat()))}`,
  )
}

const list = z.array(z.string()).nullish()
const rulesShape = z.looseObject({
  status: z.looseObject({
    incomplete: z.boolean(),
    resourceRules: z.array(z.looseObject({ verbs: list, apiGroups: list, resources: list, resourceNames: list })),
  }),
})

async function rulesOf(cluster: Cluster, namespace: string): Promise<{ granted: (permission: Permission) => boolean; complete: boolean }> {
  const review = await cluster
    .create({ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', metadata: { name: '' }, spec: { namespace } })
    .catch((error: unknown) => {
      // Who may not ask this way asks verb by verb.
      if (error instanceof ApiError && [403, 404, 405].includes(error.status)) return undefined
      throw error
    })
  const status = rulesShape.safeParse(review).data?.status
  if (!status) return { granted: () => false, complete: false }
  const rules = status.resourceRules.filter(({ resourceNames }) => !resourceNames?.length)
  const granted = ({ group, resource, verbs: [verb = ''] }: Permission): boolean =>
    rules.some(
      (rule) =>
        holds(rule.apiGroups, group) &&
        holds(rule.verbs, verb) &&
        (holds(rule.resources, resource) || holds(rule.resources, anySub(resource))),
    )
  return { granted, complete: !status.incomplete }
}

const holds = (list: string[] | null | undefined, value: string): boolean =>
  list?.some((entry) => entry === '*' || entry === value) ?? false
/** `pods/log` is granted by `*\/log` too. */
const anySub = (resource: string): string => (resource.includes('/') ? `*/${resource.split('/')[1]}` : resource)

const accessShape = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) })

async function isAllowed(cluster: Cluster, namespace: string, { group, resource, verbs, clusterWide }: Permission): Promise<boolean> {
  const [name, subresource] = resource.split('/')
  const resourceAttributes = {
    ...(clusterWide ? {} : { namespace }),
    verb: verbs[0],
    group,
    resource: name,
    ...(subresource && { subresource }),
  }
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: { name: '' },
    spec: { resourceAttributes },
  }
  return accessShape.parse(await cluster.create(review)).status.allowed
}

/** RBAC rules as YAML to paste. */
export function rulesText(permissions: Permission[]): string {
  const lines = permissions.map(({ group, resource, verbs, clusterWide }) => {
    const note = clusterWide ? ' # ClusterRole' : ''
    return `- apiGroups: ["${group}"]\n  resources: ["${resource}"]\n  verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}]${note}`
  })
  return `rules:\n${lines.join('\n')}`
}
