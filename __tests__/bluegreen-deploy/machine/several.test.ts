// Several Deployments and Services in one release: they are switched from one intent, in one order, and undone together.
import { expect, jest, test } from '@jest/globals'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { RunningPod } from '../../support/memory-node.ts'
import { app, NAMESPACE, type RunOptions, Stage } from '../stage.ts'
import { killed } from './killed.ts'

jest.setTimeout(120_000)

const SHORT: RunOptions = { bakeTime: 5_000, retireDelay: 2_000, propagationTime: 1_000, leaseDuration: 9_000, lockTimeout: 60_000 }

const ordered = (object: KubeObject, order: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { 'devops-actions/order': order } },
})
const admin: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'admin' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 81, targetPort: 'http' }] },
}

/** The Deployments web and api, the Services web, api and admin: switched as admin, api, web. */
const shop = (version: string): KubeObject[] => [
  ...app(version).map((object) => (object.kind === 'Service' ? ordered(object, '7') : object)),
  ...app(`api-${version}`, 'api'),
  ordered(admin, '-3'),
]
const ENTRIES = ['admin', 'api', 'web']

/** `admin blue`, change after change of what the entries select. */
const selected = (stage: Stage, from = 0): string[] =>
  stage.cluster.changes.slice(from).flatMap(({ object, old }) => {
    const color = (one: unknown) => (one as Service | undefined)?.spec?.selector?.color
    if (object?.kind !== 'Service' || object.metadata.labels?.['devops-actions/preview'] || color(object) === color(old)) return []
    return [`${object.metadata.name} ${color(object)}`]
  })

const serving = (stage: Stage) => ENTRIES.map((name) => `${name} ${stage.serving(name).join(' ')}`)
const versions = (version: string) => [`admin ${version}`, `api api-${version}`, `web ${version}`]

async function released(...given: string[]): Promise<Stage> {
  const stage = new Stage()
  for (const version of given) await stage.ok('deploy', { manifests: shop(version), ...SHORT })
  return stage
}

test('all entries are switched in the order of their annotation, with everything of their color', async () => {
  const stage = await released('v1')
  expect(selected(stage)).toEqual(['admin blue', 'api blue', 'web blue'])
  const from = stage.cluster.changes.length
  const { result, told } = await stage.ok('deploy', { manifests: shop('v2'), ...SHORT })
  expect(selected(stage, from)).toEqual(['admin green', 'api green', 'web green'])
  expect(result).toMatchObject({ activeColor: 'green', previousColor: 'blue', revision: 2 })
  expect(serving(stage)).toEqual(versions('v2'))
  expect(stage.deployments()).toEqual({ 'web-blue': 1, 'web-green': 3, 'api-blue': 1, 'api-green': 3 })
  for (const name of ENTRIES) expect(told).toContain(`proved: the endpoints of Service/${name} hold exactly the 3 ready pods of green`)
  expect(stage.names('Service')).toEqual(ENTRIES)
  expect(stage.names('ConfigMap')).toEqual(
    [
      'bluegreen-web',
      ...['api', 'web'].flatMap((name) => ['blue', 'green'].map((color) => `web-${name}-settings-${color}`.replace('web-web', 'web'))),
    ].toSorted(),
  )
  expect(stage.harm).toEqual([])
})

test('a Deployment that is not ready holds all of them back', async () => {
  const stage = await released('v1')
  stage.behave('api-v2', { startup: Infinity })
  const from = stage.cluster.changes.length
  const { result } = await stage.run('deploy', { manifests: shop('v2'), ...SHORT })
  expect(result).toMatchObject({ outcome: 'failed', switched: false })
  expect(result?.reason).toContain('Deployment/api-green: 0 of 3 pods available')
  expect([selected(stage, from), serving(stage), stage.harm]).toEqual([[], versions('v1'), []])
  expect(stage.deployments()).toEqual({ 'web-blue': 3, 'api-blue': 3 })
})

test.each(['api-v2', 'v2'])('when %s turns bad under traffic, all are taken back together', async (bad) => {
  const stage = await released('v1')
  stage.behave(bad, { answers: (age) => (age < 3_500 ? 200 : 500) })
  const { result } = await stage.run('deploy', { manifests: shop('v2'), ...SHORT, checkInterval: 500 })
  expect(result).toMatchObject({ outcome: 'failed', switched: true, rolledBack: true, activeColor: 'blue' })
  expect(serving(stage)).toEqual(versions('v1'))
  expect(stage.deployments()).toEqual({ 'web-blue': 3, 'api-blue': 3 })
  expect(stage.names('Service')).toEqual(ENTRIES)
  expect(stage.harm).toEqual([])
})

test('a warm rollback and a cleanup mean all of a color', async () => {
  const stage = await released('v1', 'v2')
  await stage.ok('rollback', SHORT)
  expect(serving(stage)).toEqual(versions('v1'))
  expect(stage.deployments()).toEqual({ 'web-blue': 3, 'api-blue': 3 })
  await stage.ok('deploy', { manifests: shop('v3'), ...SHORT })
  await stage.ok('cleanup', SHORT)
  expect(stage.deployments()).toEqual({ 'web-green': 3, 'api-green': 3 })
  expect([serving(stage), stage.harm]).toEqual([versions('v3'), []])
})

const scenarios: Record<string, (stage: Stage) => RunOptions> = {
  'a second release': () => ({}),
  'a release that is taken back': (stage) => {
    stage.behave('api-v2', { answers: (age) => (age < 3_500 ? 200 : 500) })
    return { checkInterval: 500 }
  },
}
test.each(Object.keys(scenarios))('%s, killed after each write: recover leaves all entries on one color', async (name) => {
  let points = 0
  for (let at = 1; ; at++) {
    const stage = await released('v1')
    const options = scenarios[name]?.(stage)
    const call = await killed(stage, at, 'after', (hooks) => stage.run('deploy', { manifests: shop('v2'), ...SHORT, ...options, ...hooks }))
    if (!call) break
    points++
    const where = `write ${at}: ${call.verb} ${call.kind}/${call.name}`
    await stage.ok('recover', SHORT)
    await stage.settled()
    const { active, warm, operation } = stage.ledger()
    const colors = ENTRIES.map((entry) => stage.service(entry)?.spec.selector.color)
    expect({ where, colors, operation, harm: stage.harm }).toEqual({
      where,
      colors: ENTRIES.map(() => active?.color),
      operation: null,
      harm: [],
    })
    const kept = [active, warm].flatMap((side) => (side ? [`api-${side.color}`, `web-${side.color}`] : []))
    expect({ where, deployments: Object.keys(stage.deployments()).toSorted() }).toEqual({ where, deployments: kept.toSorted() })
    expect({ where, services: stage.names('Service') }).toEqual({ where, services: ENTRIES })
    expect([versions('v1'), versions('v2')]).toContainEqual(serving(stage))
  }
  expect(points).toBeGreaterThan(15)
})

test('a fault between two entries takes back the one that was switched', async () => {
  const stage = await released('v1')
  const from = stage.cluster.changes.length
  const { error } = await stage.run('deploy', {
    manifests: shop('v2'),
    ...SHORT,
    before: ({ verb, kind, name, write }) => {
      if (verb === 'apply' && write && kind === 'Service' && name === 'api' && stage.ledger().operation?.phase === 'shift')
        throw new Error('the network is away')
    },
  })
  expect(error?.message).toBe('the network is away')
  expect(selected(stage, from)).toEqual(['admin green', 'admin blue'])
  expect([serving(stage), stage.harm]).toEqual([versions('v1'), []])
})

test('entries that select different colors are refused before anything is written to them', async () => {
  const stage = await released('v1')
  await stage.ok('deploy', { manifests: shop('v2'), ...SHORT, retire: 'keep' })
  const name = 'api'
  await stage.cluster.patch(
    { apiVersion: 'v1', kind: 'Service', namespace: NAMESPACE, name },
    { spec: { selector: { color: 'blue' } } },
    'kubectl-patch',
  )
  const says =
    'the entries of the release serve different colors: Service/admin selects green, Service/api selects blue, Service/web selects green'
  for (const dryRun of [true, false]) {
    const { error } = await stage.run('deploy', { manifests: shop('v3'), ...SHORT, dryRun })
    expect(error?.message).toContain(says)
  }
  expect(stage.deployments()).toEqual({ 'web-blue': 3, 'web-green': 3, 'api-blue': 3, 'api-green': 3 })
  expect(stage.harm).toEqual([])
})

test('an entry that left the manifests is refused, until it is gone from the cluster', async () => {
  const stage = await released('v1')
  const less = shop('v2').filter(({ metadata }) => metadata.name !== 'admin')
  const { error } = await stage.run('deploy', { manifests: less, ...SHORT })
  expect(error?.message).toContain('Service/admin was switched by an earlier revision of release web, and is not in the manifests any more')
  expect([serving(stage), stage.harm]).toEqual([versions('v1'), []])
  await stage.cluster.delete({ apiVersion: 'v1', kind: 'Service', namespace: NAMESPACE, name: 'admin' })
  await stage.ok('deploy', { manifests: less, ...SHORT })
  expect(stage.serving('api')).toEqual(['api-v2'])
})

test('an entry that comes with a release is taken away again when that is taken back', async () => {
  const stage = new Stage()
  const before = shop('v1').filter(({ metadata }) => metadata.name !== 'admin')
  await stage.ok('deploy', { manifests: before, ...SHORT })
  // The guard takes an entry that goes for harm, which this one is meant to do.
  stage.behave('api-v2', { answers: (age) => (age < 3_500 ? 200 : 500) })
  const { result } = await stage.run('deploy', { manifests: shop('v2'), ...SHORT, checkInterval: 500 })
  expect(result).toMatchObject({ outcome: 'failed', rolledBack: true })
  expect(stage.names('Service')).toEqual(['api', 'web'])
  expect([stage.serving('web'), stage.serving('api')]).toEqual([['v1'], ['api-v1']])
  expect(stage.harm.filter((text) => !text.includes('Service/admin is gone'))).toEqual([])
})

test('a pod of one Deployment that goes bad right after the switch takes all back', async () => {
  const stage = await released('v1')
  let done = false
  stage.cluster.onChange(({ object }) => {
    if (done || object?.metadata.name !== 'bluegreen-web' || stage.ledger().operation?.phase !== 'bake') return
    done = true
    stage.clock.after(500, () => stage.node.restart(stage.pods('api-v2')[0] as RunningPod))
  })
  const { result } = await stage.run('deploy', { manifests: shop('v2'), ...SHORT })
  expect(result).toMatchObject({ outcome: 'failed', rolledBack: true })
  expect(result?.reason).toContain('container api restarted')
  expect([serving(stage), stage.harm]).toEqual([versions('v1'), []])
})
