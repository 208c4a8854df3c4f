// Faults that are known: what others have put in a release's way, and what others read of it.
import { expect, test } from '@jest/globals'
import { parseManifests } from '../../../actions/bluegreen-deploy/manifests/yaml.ts'
import { ApiError, type KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { Call } from '../../support/memory-cluster.ts'
import { named, outcomeOf, PHASE, refused, SHORT, setOneReady, standsAt, when } from '../guards.ts'
import { app, NAMESPACE, Stage } from '../stage.ts'

const RELEASE = 'devops-actions/release'

/** The objects that a second release makes for its candidate, as a rehearsal on another stage shows them: each by the name that it gives. */
async function made(): Promise<KubeObject[]> {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  const from = stage.cluster.changes.length
  await stage.ok('prepare', { version: 'v2', ...SHORT })
  const found = new Map<string, KubeObject>()
  for (const { old, object } of stage.cluster.changes.slice(from)) {
    const own = object && ['ConfigMap', 'Deployment', 'Service'].includes(object.kind) && object.metadata.name !== 'bluegreen-web'
    if (own && !old && object.metadata.labels?.[RELEASE] === 'web') found.set(object.kind, object)
  }
  return [...found.values()]
}

/** The same object, made by somebody else: it keeps its kind and its name, and leads to nothing of the release. */
function foreign({ apiVersion, kind, metadata }: KubeObject, release: string | undefined): KubeObject {
  const labels = { app: 'other', ...(release && { [RELEASE]: release }) }
  const spec: Record<string, object> = {
    Deployment: { ...(app('v0', 'other')[1]?.spec as object), replicas: 1 },
    Service: { selector: { app: 'other' }, ports: [{ port: 80 }] },
  }
  const content = kind === 'ConfigMap' ? { data: { THEIRS: 'yes' } } : { spec: spec[kind] }
  return { apiVersion, kind, metadata: { name: metadata.name, namespace: NAMESPACE, labels }, ...content }
}

const KINDS = ['ConfigMap', 'Deployment', 'Service']
const WHOSE = [undefined, 'shop']

test('a release makes one of each kind that may be in the way', async () => {
  expect((await made()).map(({ kind }) => kind).toSorted()).toEqual(KINDS)
})

for (const kind of KINDS) {
  for (const release of WHOSE) {
    const whose = release === undefined ? 'nobody' : 'another release'
    test(`a ${kind} of ${whose} in the way of the candidate is refused by its name before any write`, async () => {
      const theirs = foreign((await made()).find((object) => object.kind === kind) as KubeObject, release)
      const stage = new Stage()
      await stage.ok('deploy', { version: 'v1', ...SHORT })
      stage.cluster.put(theirs)
      const name = `${kind}/${theirs.metadata.name}`
      for (const dryRun of [true, false]) expect(await refused(stage, 'deploy', { version: 'v2', ...SHORT, dryRun })).toContain(name)
      await stage.ok('recover', SHORT)
      expect(named(stage, kind, theirs.metadata.name)).toMatchObject(
        theirs.kind === 'ConfigMap' ? { data: { THEIRS: 'yes' } } : { metadata: { labels: theirs.metadata.labels } },
      )
      expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v1'], undefined, []])
    })
  }
}

/** An object of somebody else comes in the way once the release has begun; what the release makes of that. */
async function comesInTheWay(kind: string, release: string | undefined): Promise<object> {
  const theirs = foreign((await made()).find((object) => object.kind === kind) as KubeObject, release)
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  const name = `${kind}/${theirs.metadata.name}`
  let put = false
  const ran = await stage.run('deploy', {
    version: 'v2',
    ...SHORT,
    after: ({ verb, kind }) => {
      if (put || verb !== 'create' || kind !== 'Secret') return
      put = true
      stage.cluster.put(theirs)
    },
  })
  await stage.settled()
  const seen = {
    outcome: outcomeOf(ran),
    told: (ran.error?.message.split(name).length ?? 1) - 1,
    serving: stage.serving(),
    open: standsAt(stage),
  }
  const stays = named(stage, kind, theirs.metadata.name)?.metadata.labels?.['app']
  const commands = [outcomeOf(await stage.run('recover', SHORT)), outcomeOf(await stage.run('cleanup', SHORT))]
  stage.cluster.drop(theirs)
  await stage.settled()
  const next = outcomeOf(await stage.run('deploy', { version: 'v3', ...SHORT }))
  return { ...seen, stays, commands, next, after: stage.serving(), harm: stage.harm }
}

const PASSED_OVER = {
  outcome: 'error',
  told: 1,
  serving: ['v1'],
  open: undefined,
  stays: 'other',
  commands: ['passed', 'passed'],
  next: 'passed',
  after: ['v3'],
  harm: [],
}

for (const release of WHOSE) {
  const whose = release === undefined ? 'nobody' : 'another release'
  test(`a Deployment of ${whose} that comes in the way after the first look is an error, and the way back passes over it`, async () => {
    expect(await comesInTheWay('Deployment', release)).toEqual(PASSED_OVER)
  })

  for (const kind of ['ConfigMap', 'Service']) {
    test(`a ${kind} of ${whose} that comes in the way after the first look is an error, and the way back passes over it`, async () => {
      expect(await comesInTheWay(kind, release)).toEqual(PASSED_OVER)
    })
  }
}

/** An application of its own whose pods read the ConfigMap `common` as well. */
function withCommon(version: string, name: string): KubeObject[] {
  const text = JSON.stringify(app(version, name)).replace('"envFrom":[', '"envFrom":[{"configMapRef":{"name":"common"}},')
  return [
    ...(JSON.parse(text) as KubeObject[]),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'common' }, data: { LOG: 'info' } },
  ]
}

test('two releases whose pods read a ConfigMap of the same name: both work, or the second is refused before any write', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { manifests: withCommon('v1', 'web'), ...SHORT })
  const second = { name: 'api', manifests: withCommon('v5', 'api'), ...SHORT }
  const rehearsal = await stage.run('deploy', { ...second, dryRun: true })
  await stage.settled()
  const before = stage.cluster.changes.length
  const ran = await stage.run('deploy', second)
  expect(outcomeOf(ran)).toBe(outcomeOf(rehearsal))
  if (outcomeOf(ran) === 'passed') expect(stage.serving('api')).toEqual(['v5'])
  else expect([stage.cluster.changes.length, ran.error?.message]).toEqual([before, expect.stringContaining('common')])
  await stage.ok('deploy', { manifests: withCommon('v2', 'web'), ...SHORT })
  expect([stage.serving(), stage.harm]).toEqual([['v2'], []])
})

const template = (name: string) => ({
  spec: { restartPolicy: 'Never', containers: [{ name: 'm', image: 'registry.example/web:v1', envFrom: [{ configMapRef: { name } }] }] },
})

const CASES_1: [string, object][] = [
  ['CronJob', { schedule: '0 3 * * *', jobTemplate: { spec: { template: template('web-settings') } } }],
  ['Job', { template: template('web-settings') }],
]
for (const [kind, spec] of CASES_1) {
  test(`a ConfigMap that the pods and a ${kind} read is there under its own name too, and follows the switch and the way back`, async () => {
    const stage = new Stage()
    const other = (version: string): KubeObject => ({ apiVersion: 'batch/v1', kind, metadata: { name: `nightly-${version}` }, spec })
    const value = () => (named(stage, 'ConfigMap', 'web-settings') as DataObject | undefined)?.data?.VERSION
    await stage.ok('deploy', { manifests: [...app('v1'), other('v1')], ...SHORT })
    expect(value()).toBe('v1')
    await stage.ok('prepare', { manifests: [...app('v2'), other('v2')], ...SHORT })
    expect(value()).toBe('v1')
    await stage.ok('promote', { revision: 2, ...SHORT })
    expect(value()).toBe('v2')
    when(stage, PHASE.bake, () => setOneReady(stage, 'v3', false), 2_000)
    expect(outcomeOf(await stage.run('deploy', { manifests: [...app('v3'), other('v3')], ...SHORT }))).toBe('failed')
    expect([value(), stage.serving(), stage.harm]).toEqual(['v2', ['v2'], []])
  })
}

/** The manifests of version 1 as text, after the text was changed; as `kubectl get -o yaml` gives them. */
const copied = (change: (object: KubeObject) => KubeObject): KubeObject[] =>
  app('v1').flatMap((object) => parseManifests(JSON.stringify(change(object)), 'copied.yaml'))

/** Cluster addresses as the API server gives them out: an address of another Service is refused at the write, and not seen by a dry run. */
function allocateAddresses(stage: Stage, taken: string): (call: Call) => void {
  let writing = ''
  stage.cluster.admission = ({ kind, metadata, spec }) => {
    if (kind !== 'Service' || metadata.name !== writing || !JSON.stringify(spec).includes(taken)) return
    const message = `spec.clusterIPs: Invalid value: ["${taken}"]: failed to allocate IP ${taken}: provided IP is already allocated`
    throw new ApiError('apply', `Service/${metadata.name}`, 422, { message, reason: 'Invalid' })
  }
  return ({ write, kind, name }) => {
    writing = write && kind === 'Service' ? name : ''
  }
}

test('a Service that was copied with the address of another one is released without it', async () => {
  const stage = new Stage()
  const before = allocateAddresses(stage, '10.96.135.22')
  const manifests = copied((object) =>
    object.kind === 'Service'
      ? { ...object, spec: { ...(object.spec as object), clusterIP: '10.96.135.22', clusterIPs: ['10.96.135.22'] } }
      : object,
  )
  await stage.ok('deploy', { manifests, ...SHORT, before })
  expect(Object.keys((stage.service() as Service).spec)).not.toContain('clusterIP')
  expect(Object.keys((stage.service() as Service).spec)).not.toContain('clusterIPs')
  expect([stage.serving(), stage.harm]).toEqual([['v1'], []])
})

test('a headless Service stays one', async () => {
  const stage = new Stage()
  const headless = (object: KubeObject): KubeObject =>
    object.kind === 'Service' ? { ...object, spec: { ...(object.spec as object), clusterIP: 'None' } } : object
  await stage.ok('deploy', { manifests: copied(headless), ...SHORT })
  expect(stage.service()?.spec).toMatchObject({ clusterIP: 'None' })
})

const CASES_2 = ['Pod', 'Deployment', 'ConfigMap']
for (const kind of CASES_2) {
  test(`a ${kind} that was copied with its owner is refused by its name before any write`, async () => {
    const ownerReferences = [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d9', uid: 'uid-of-another-cluster', controller: true },
    ]
    const owned = (object: KubeObject): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, ownerReferences } as KubeObject['metadata'],
    })
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web-5d9-x' },
      spec: { containers: [{ name: 'm', image: 'registry.example/web:v1' }] },
    }
    const objects = [...app('v1'), pod].filter((object) => object.kind !== 'Pod' || kind === 'Pod')
    const texts = objects.map((object) => JSON.stringify(object.kind === kind ? owned(object) : object))
    const name = `${kind}/${objects.find((object) => object.kind === kind)?.metadata.name}`
    const stage = new Stage()
    let said: string
    try {
      said = await refused(stage, 'deploy', { manifests: texts.flatMap((text) => parseManifests(text, 'copied.yaml')), ...SHORT })
    } catch (error) {
      if (!(error instanceof Error) || error.constructor.name !== 'ManifestError') throw error
      said = error.message
    }
    expect(said).toContain(name)
    expect(said).toMatch(/ownerReferences|owner/)
  })
}
