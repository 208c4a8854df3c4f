import { expect, test } from '@jest/globals'
import { PreflightError } from '../../../../actions/bluegreen-deploy/writes/preflight/error.ts'
import { rulesText } from '../../../../actions/bluegreen-deploy/writes/preflight/permissions.ts'
import { ApiError, type KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import type { Call } from '../../../support/memory-cluster.ts'
import { object } from '../../room.ts'
import { scene } from './scene.ts'

const role = object('ClusterRole', 'web', undefined, 'rbac.authorization.k8s.io/v1')
const ingress = object('Ingress', 'web', {}, 'networking.k8s.io/v1')
const rule = (apiGroups: string[], resources: string[], verbs: string[], more: object = {}) => ({ apiGroups, resources, verbs, ...more })
const ALL = rule(['*'], ['*'], ['*'])

test('every verb is asked for, of what the release always needs and of what the manifests bring', async () => {
  const { asked, allow, run } = scene([ingress, role])
  allow(() => true)
  expect(await run({ asks: false })).toBeUndefined()
  const verbs: Record<string, string> = {}
  for (const { verb, group, resource, subresource } of asked) {
    const key = `${group}/${resource}${subresource ? `/${subresource}` : ''}`
    verbs[key] = `${verbs[key] ?? ''}${verbs[key] ? ' ' : ''}${verb}`
  }
  expect(verbs).toMatchObject({
    'coordination.k8s.io/leases': 'get create update',
    '/configmaps': 'get create update patch delete',
    '/services': 'get list watch create patch delete',
    '/pods/log': 'get',
    'apps/deployments': 'get list watch create patch delete',
    'networking.k8s.io/ingresses': 'get create patch delete',
    'rbac.authorization.k8s.io/clusterroles': 'get create patch delete',
  })
  expect(verbs).not.toHaveProperty('/services/proxy')
  expect(verbs).not.toHaveProperty('/pods/portforward')
  const [cluster] = asked.filter(({ resource }) => resource === 'clusterroles')
  expect([cluster, asked[0]]).toEqual([expect.not.objectContaining({ namespace: 'shop' }), expect.objectContaining({ namespace: 'shop' })])
})

test.each([
  [{ asks: true }, ['proxy']],
  [{ smoke: true, asks: false }, ['portforward']],
  [{ smoke: true, asks: true }, ['proxy', 'portforward']],
])('a release that does %j asks for %j too', async (does, subresources) => {
  const { asked, allow, run } = scene()
  allow(() => true)
  await run(does)
  const found = new Set(asked.map(({ subresource }) => subresource))
  expect(['proxy', 'portforward'].filter((name) => found.has(name))).toEqual(subresources)
})

test('what is not allowed becomes the rules to add, one for each resource', async () => {
  const { allow, run } = scene([role])
  const refused = ['delete pods', 'watch pods', 'get pods/log', 'get rbac.authorization.k8s.io/clusterroles']
  allow((asked) => !refused.includes(asked))
  const error = await run()
  expect(error).toBeInstanceOf(PreflightError)
  expect(error?.message).toBe(
    [
      'the release lacks permissions in namespace shop; add these rules to its Role (ClusterRole where marked):',
      'rules:',
      '- apiGroups: [""]\n  resources: ["pods"]\n  verbs: ["watch", "delete"]',
      '- apiGroups: [""]\n  resources: ["pods/log"]\n  verbs: ["get"]',
      '- apiGroups: ["rbac.authorization.k8s.io"]\n  resources: ["clusterroles"]\n  verbs: ["get"] # ClusterRole',
    ].join('\n'),
  )
  expect(rulesText([])).toBe('rules:\n')
})

/** Rules that grant all but what is about pods, deployments and leases; those are given. */
const SOME = rule([''], ['configmaps', 'secrets', 'services', 'services/proxy', 'pods/log', 'events'], ['*'])
const REST = [
  SOME,
  rule(['apps'], ['deployments'], ['*']),
  rule(['coordination.k8s.io'], ['leases'], ['get', 'create', 'update']),
  rule(['discovery.k8s.io'], ['endpointslices'], ['list', 'watch']),
]
const PODS = rule([''], ['pods'], ['list', 'watch', 'delete'])

/** A preflight under these rules. `open`: what the access reviews allow. Gives the error and what was asked one by one. */
async function under(
  resourceRules: object[],
  {
    incomplete = false,
    open = () => false,
    more = [],
  }: { incomplete?: boolean; open?: (wanted: string) => boolean; more?: KubeObject[] } = {},
) {
  const { cluster, asked, allow, run } = scene(more)
  cluster.rules = { incomplete, resourceRules }
  allow(open)
  const error = await run()
  return {
    error: error?.message,
    asked: asked.map(({ verb, resource, subresource }) => `${verb} ${resource}${subresource ? `/${subresource}` : ''}`),
  }
}

test.each<[string, object[]]>([
  ['all', [ALL]],
  ['each by its name', [...REST, PODS]],
  ['verbs in several rules', [...REST, rule([''], ['pods'], ['list']), rule([''], ['pods'], ['watch', 'delete'])]],
  ['every group', [...REST, rule(['*'], ['pods'], ['list', 'watch', 'delete'])]],
  ['every verb', [...REST, rule([''], ['pods'], ['*'])]],
  [
    'lists that are not there, beside',
    [...REST, PODS, { verbs: ['get'] }, { verbs: null, apiGroups: null, resources: null, resourceNames: null }],
  ],
  ['an empty list of names, which is none', [...REST, { ...PODS, resourceNames: [] }]],
])('rules that are complete and grant %s need no further call', async (_, rules) => {
  expect(await under(rules)).toEqual({ error: undefined, asked: [] })
})

test.each<[string, object[]]>([
  ['nothing of it', REST],
  ['another group', [...REST, rule(['metrics.k8s.io'], ['pods'], ['*'])]],
  ['single objects by their names', [...REST, { ...PODS, resourceNames: ['web-1'] }]],
  ['all, but of single objects', [...REST, { ...ALL, resourceNames: ['web-1'] }]],
  ['a subresource', [...REST, rule([''], ['pods/status', 'pods/*', '*/log'], ['*'])]],
])('rules that are complete and grant %s are missing something, without a further call', async (_, rules) => {
  const { error, asked } = await under(rules, { open: () => true })
  expect(error).toContain('- apiGroups: [""]\n  resources: ["pods"]\n  verbs: ["list", "watch", "delete"]')
  expect(error?.match(/apiGroups/g)).toHaveLength(1)
  expect(asked).toEqual([])
})

test.each<[string, string, boolean]>([
  ['*/log', 'pods/log', true],
  ['pods/log', 'pods/log', true],
  ['*', 'pods/log', true],
  ['pods', 'pods/log', false],
  ['pods/*', 'pods/log', false],
  ['*/proxy', 'pods/log', false],
])('the resource %s grants %s: %j', async (resource, _, granted) => {
  const rules = [
    ...REST.slice(1),
    rule(
      [''],
      SOME.resources.filter((name) => name !== 'pods/log'),
      ['*'],
    ),
    PODS,
    rule([''], [resource], ['get']),
  ]
  const { error } = await under(rules)
  expect(error === undefined).toBe(granted)
})

test('rules that are incomplete are asked about one by one, only where they grant nothing', async () => {
  const { error, asked } = await under(REST, { incomplete: true, open: (wanted) => wanted !== 'delete pods' })
  expect(asked).toEqual(['list pods', 'watch pods', 'delete pods'])
  expect(error).toContain('resources: ["pods"]\n  verbs: ["delete"]')
})

test('cluster-wide kinds are always asked about: rules of a namespace do not speak of them', async () => {
  const { error, asked } = await under([ALL], { more: [role], open: (wanted) => !wanted.startsWith('delete') })
  expect(asked).toEqual(['get', 'create', 'patch', 'delete'].map((verb) => `${verb} clusterroles`))
  expect(error).toContain('resources: ["clusterroles"]\n  verbs: ["delete"] # ClusterRole')
})

test.each([403, 404, 405])('who gets %d for the review of rules asks verb by verb; any other fault is the error', async (status) => {
  const { asked, allow, run } = scene()
  allow(() => true)
  const fault = (code: number) => (call: Call) => {
    if (call.kind === 'SelfSubjectRulesReview') throw new ApiError('create', call.kind, code, { message: 'no' })
  }
  expect(await run({ before: fault(status) })).toBeUndefined()
  expect(asked.length).toBeGreaterThan(20)
  expect(await run({ before: fault(500) })).toMatchObject({ status: 500 })
})

test('an answer to the review of rules that is none grants nothing', async () => {
  for (const status of [undefined, {}, { incomplete: false }, { incomplete: false, resourceRules: 'all' }, { resourceRules: [ALL] }]) {
    const { cluster, asked, allow, run } = scene()
    cluster.rules = status as never
    allow(() => true)
    expect(await run()).toBeUndefined()
    expect(asked.length).toBeGreaterThan(20)
  }
})
