// What a release does and what it asks permission for are the same, and the Role of the README is enough for it.
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { type Permission, permissionsFor } from '../../../../actions/bluegreen-deploy/writes/preflight/permissions.ts'
import type { KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import type { Call } from '../../../support/memory-cluster.ts'
import { app, Stage } from '../../stage.ts'

const VERBS: Record<Call['verb'], string[]> = {
  get: ['get'],
  list: ['list'],
  watch: ['watch'],
  create: ['create'],
  replace: ['update'],
  apply: ['create', 'patch'],
  patch: ['patch'],
  delete: ['delete'],
  logs: ['get'],
  proxy: ['get'],
}
/** Courtesies: without them the release says what it does not know, and goes on. */
const TOLERATED = ['get namespaces', 'list horizontalpodautoscalers', 'get pods/proxy']

const plural = (kind: string): string => `${kind.toLowerCase().replace(/s$/, 'se')}s`

const ingress: KubeObject = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' }, spec: { rules: [] } }

function asked({ verb, kind }: Call): string[] {
  if (kind.startsWith('SelfSubject')) return []
  const resource = verb === 'proxy' ? `${kind}/proxy` : verb === 'logs' ? 'pods/log' : plural(kind)
  return VERBS[verb].map((one) => `${one} ${resource}`)
}

/** Every verb on every resource that releases of all sorts ask for, a takeover and a bad candidate among them. */
async function everythingAsked(): Promise<Set<string>> {
  const stage = new Stage()
  const seen = new Set<string>()
  const before = (call: Call): void => {
    for (const one of asked(call)) seen.add(one)
  }
  const manifests = (version: string) => [...app(version), ingress]
  const options = { before, minRequests: 1, onInconclusive: 'pass' } as const
  await stage.run('deploy', { ...options, manifests: manifests('v1') })
  await stage.run('deploy', { ...options, manifests: manifests('v2'), retire: 'keep', bakeTime: 1_500 })
  stage.behave('v3', { answers: () => 500 })
  await stage.run('deploy', { ...options, manifests: manifests('v3') })
  stage.behave('v4', { startup: Infinity, crashAfter: 500 })
  await stage.run('deploy', { ...options, manifests: manifests('v4') })
  await stage.run('prepare', { ...options, manifests: manifests('v5') })
  await stage.run('promote', { ...options, revision: 5, retire: 'delete' })
  await stage.run('rollback', options)
  await stage.run('deploy', { ...options, manifests: manifests('v6') })
  const dead = new AbortController()
  stage.clock.after(3_000, () => dead.abort(new Error('killed')))
  await stage.run('deploy', { ...options, manifests: manifests('v7'), signal: dead.signal })
  for (const command of ['recover', 'rollback', 'cleanup', 'status'] as const) await stage.run(command, options)
  return seen
}

const flat = (permissions: readonly Pick<Permission, 'resource' | 'verbs'>[]): Set<string> =>
  new Set(permissions.flatMap(({ resource, verbs }) => verbs.map((verb) => `${verb} ${resource}`)))

const without = (all: Iterable<string>, ...sets: ReadonlySet<string>[]): string[] =>
  [...all].filter((one) => !sets.some((set) => set.has(one))).sort()

/** The rules that the README gives for the example: what its release needs. */
function roleOfReadme(): Set<string> {
  const text = readFileSync('actions/bluegreen-deploy/README.md', 'utf8')
  const yaml = /```yaml\n(rules:[\s\S]*?)```/.exec(text)?.[1] ?? ''
  const { rules } = parse(yaml) as { rules: { resources: string[]; verbs: string[] }[] }
  return new Set(rules.flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`))))
}

test('nothing is done that permission was not asked for, and every courtesy is named here', async () => {
  const objects = [...app('v1'), ingress].filter(({ kind }) => kind !== 'Deployment' && kind !== 'Service')
  const granted = flat(await permissionsFor(new Stage().cluster, objects, { asks: true, smoke: false }))
  const seen = await everythingAsked()
  expect(seen.size).toBeGreaterThan(25)
  expect(without(seen, granted, new Set(TOLERATED))).toEqual([])
})

test('the Role of the README is what a release of Deployments, Services and ConfigMaps asks for', async () => {
  const objects = app('v1').filter(({ kind }) => kind === 'ConfigMap')
  const needed = flat(await permissionsFor(new Stage().cluster, objects, { asks: true, smoke: false }))
  expect(without(needed, roleOfReadme())).toEqual([])
  expect(without(roleOfReadme(), needed, new Set(TOLERATED))).toEqual([])
})
