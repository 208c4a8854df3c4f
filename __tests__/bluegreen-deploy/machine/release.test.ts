import { expect, test } from '@jest/globals'
import { isReady } from '../../../actions/shared/kubernetes/watch/rollout.ts'
import { app, IMAGE, NAMESPACE, type RunOptions, Stage } from '../stage.ts'

test('the first release goes to blue; nothing is left of its making', async () => {
  const stage = new Stage()
  const { result } = await stage.ok('deploy', { version: 'v1' })
  expect(result).toMatchObject({ activeColor: 'blue', previousColor: '', revision: 1, switched: true, rolledBack: false, reason: '' })
  expect(stage.serving()).toEqual(['v1'])
  expect(stage.deployments()).toEqual({ 'web-blue': 3 })
  expect(stage.names('Service')).toEqual(['web'])
  expect(stage.names('ConfigMap')).toEqual(['bluegreen-web', 'web-settings-blue'])
  expect(stage.ledger()).toMatchObject({
    active: { color: 'blue', revision: 1 },
    warm: null,
    operation: null,
    history: [{ outcome: 'released', images: [`${IMAGE}:v1`] }],
  })
  expect(stage.ledger().history[0]?.digests[0]).toMatch(/@sha256:/)
  expect(stage.harm).toEqual([])
})

test('the second release keeps the first one warm', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const { result, told } = await stage.ok('deploy', { version: 'v2' })
  expect(result).toMatchObject({ activeColor: 'green', previousColor: 'blue', revision: 2, switched: true })
  expect(stage.serving()).toEqual(['v2'])
  expect(stage.deployments()).toEqual({ 'web-blue': 1, 'web-green': 3 })
  expect(told).toContain('recreated in batches')
  expect(stage.harm).toEqual([])
})

/** A second release, and how many pods of the first were ready while it baked: never fewer than this. */
async function recreated(options: RunOptions) {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const before = new Set(stage.pods('v1').map(({ metadata }) => metadata.uid))
  let least = Infinity
  stage.cluster.onChange(() => {
    if (stage.ledger().operation?.phase === 'bake') least = Math.min(least, stage.pods('v1').filter(isReady).length)
  })
  const { told } = await stage.ok('deploy', { version: 'v2', ...options })
  await stage.settled()
  const after = stage.pods('v1')
  return { told, least, pods: after.length, old: after.filter(({ metadata }) => before.has(metadata.uid)).length, harm: stage.harm }
}

test.each<[string, RunOptions, number, string]>([
  ['in the bake', { retire: 'keep' }, 3, 'the pods of Deployment/web-blue were recreated'],
  ['in the bake, and then scaled', {}, 1, 'the pods of Deployment/web-blue were recreated'],
  [
    'after a bake that is too short',
    { retire: 'keep', bakeTime: 1_500 },
    3,
    'the rest of the pods of Deployment/web-blue is recreated when it retires',
  ],
  ['after it, and scaled', { bakeTime: 1_500 }, 1, 'the rest of the pods of Deployment/web-blue is recreated when it retires'],
])('the old pods are recreated %s, and as many as before are ready all the time', async (_, options, pods, text) => {
  const made = await recreated(options)
  expect(made).toMatchObject({ least: 3, pods, old: 0, harm: [] })
  expect(made.told).toContain(text)
})

test('a release without a bake leaves the old pods alone', async () => {
  expect(await recreated({ retire: 'keep', bakeTime: 0 })).toMatchObject({ pods: 3, old: 3 })
})

test('the third release takes the place of the first and says so', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2' })
  const { result, told } = await stage.ok('deploy', { version: 'v3' })
  expect(result).toMatchObject({ activeColor: 'blue', previousColor: 'green' })
  expect(told).toContain('the fast way back to revision 1 ends here')
  expect(stage.serving()).toEqual(['v3'])
  expect(stage.harm).toEqual([])
})

test('what the old color is retired to is what was asked for', async () => {
  const after = async (retire: 'keep' | 'delete') => {
    const stage = new Stage()
    await stage.ok('deploy', { version: 'v1' })
    const { result } = await stage.ok('deploy', { version: 'v2', retire })
    return { deployments: stage.deployments(), warm: stage.ledger().warm, previous: result.previousColor, config: stage.names('ConfigMap') }
  }
  expect(await after('keep')).toMatchObject({ deployments: { 'web-blue': 3, 'web-green': 3 }, warm: { color: 'blue' }, previous: 'blue' })
  expect(await after('delete')).toEqual({
    deployments: { 'web-green': 3 },
    warm: null,
    previous: '',
    config: ['bluegreen-web', 'web-settings-green'],
  })
})

test('the same manifests and images again are nothing to do', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const { result } = await stage.ok('deploy', { version: 'v1' })
  expect(result.headline).toBe('Nothing to do: revision 1 already serves exactly these manifests and images on blue')
  expect(result).toMatchObject({ switched: false, revision: 1, activeColor: 'blue' })
  expect(stage.ledger().revision).toBe(1)
})

test('the same manifests are released again when the image may have moved, or pods are missing', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'latest' })
  expect((await stage.ok('deploy', { version: 'latest' })).result.revision).toBe(2)
  await stage.ok('deploy', { version: 'v1' })
  for (const pod of stage.pods('v1')) stage.node.setReady(pod as never, false)
  stage.harm = []
  await stage.clock.sleep(100)
  expect((await stage.ok('deploy', { version: 'v1' })).result.revision).toBe(4)
})

test('prepare brings no traffic; promote takes the revision that it gave, and no other', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const { result } = await stage.ok('prepare', { version: 'v2' })
  expect(result).toMatchObject({ revision: 2, switched: false, activeColor: 'blue' })
  expect(stage.serving()).toEqual(['v1'])
  expect((await stage.run('promote', { revision: 7 })).error?.message).toContain(
    'revision: 7 is not what is prepared; revision 2 is (by https://ci.example/run-2)',
  )
  expect(stage.serving()).toEqual(['v1'])
  const promoted = await stage.ok('promote', { revision: 2 })
  expect(promoted.result).toMatchObject({ revision: 2, switched: true, activeColor: 'green', previousColor: 'blue' })
  expect(stage.serving()).toEqual(['v2'])
  expect((await stage.run('promote', { revision: 2 })).error?.message).toContain('nothing is prepared')
  expect(stage.harm).toEqual([])
})

test('what is prepared survives recover, and is undone by the next release', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('prepare', { version: 'v2' })
  expect((await stage.ok('recover')).result.headline).toContain('revision 2 waits for promote')
  const { result } = await stage.ok('deploy', { version: 'v3' })
  expect(result).toMatchObject({ revision: 3, activeColor: 'green' })
  expect(stage.ledger().history.map(({ revision, outcome }) => `${revision} ${outcome}`)).toEqual(['3 released', '2 failed', '1 released'])
  expect(stage.pods('v2')).toEqual([])
  expect(stage.harm).toEqual([])
})

test('a prepared release can be undone by rollback: what serves stays', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2', retire: 'keep' })
  await stage.ok('prepare', { version: 'v3' })
  await stage.ok('rollback')
  expect(stage.ledger().operation).toBeNull()
  expect(stage.harm).toEqual([])
})

test('a warm rollback takes traffic back and deletes the rejected color', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2' })
  const { result, seconds } = await stage.ok('rollback')
  expect(result).toMatchObject({ activeColor: 'blue', previousColor: '', revision: 1, rolledBack: true })
  expect(result.headline).toBe('Rolled back to revision 1 on blue')
  expect(stage.serving()).toEqual(['v1'])
  expect(stage.deployments()).toEqual({ 'web-blue': 3 })
  expect(stage.names('ConfigMap')).toEqual(['bluegreen-web', 'web-settings-blue'])
  expect(seconds).toBeLessThan(15)
  expect(stage.harm).toEqual([])
})

test('a rollback without warm pods releases the stored manifests again', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2', retire: 'delete' })
  const { result, told } = await stage.ok('rollback')
  expect(told).toContain('the pods of revision 1 are gone: its manifests are released again')
  expect(result).toMatchObject({ revision: 3, activeColor: 'blue', previousColor: 'green', switched: true })
  expect(stage.serving()).toEqual(['v1'])
  expect(stage.harm).toEqual([])
})

test('rollback goes to a revision that is named', async () => {
  const stage = new Stage()
  for (const version of ['v1', 'v2', 'v3']) await stage.ok('deploy', { version })
  expect((await stage.run('rollback', { revision: 9 })).error?.message).toBe('revision: 9 is not kept; there are 3, 2, 1')
  expect((await stage.ok('rollback', { revision: 3 })).result.headline).toBe('Nothing to do: revision 3 already serves on blue')
  await stage.ok('rollback', { revision: 1 })
  expect(stage.serving()).toEqual(['v1'])
  expect(stage.harm).toEqual([])
})

test('a rollback before anything was released says so', async () => {
  const stage = new Stage()
  expect((await stage.run('rollback')).error?.message).toBe('rollback: nothing was released yet')
  await stage.ok('deploy', { version: 'v1' })
  expect((await stage.run('rollback')).error?.message).toBe('rollback: there is no released revision before 1')
  expect(stage.harm).toEqual([])
})

test('cleanup deletes the warm color and nothing else', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2' })
  expect((await stage.ok('cleanup')).result.headline).toBe('Deleted blue (revision 1)')
  expect(stage.deployments()).toEqual({ 'web-green': 3 })
  expect((await stage.ok('cleanup')).result.headline).toBe('Nothing to clean up')
  expect(stage.harm).toEqual([])
})

test('status tells and writes nothing', async () => {
  const stage = new Stage()
  expect((await stage.ok('status')).result.headline).toBe('web: nothing was released yet')
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2' })
  await stage.ok('prepare', { version: 'v3' })
  await stage.settled()
  const before = stage.cluster.changes.length
  const { result, told } = await stage.ok('status')
  expect(result.headline).toBe(
    'web: revision 2 serves on green; revision 3 stands at prepared (wait for promote with revision 3), by https://ci.example/run-4',
  )
  expect(told).toContain('revision 1 released')
  expect(stage.cluster.changes.length).toBe(before)
})

test('several releases live in one namespace', async () => {
  const stage = new Stage()
  await Promise.all([stage.ok('deploy', { version: 'v1' }), stage.ok('deploy', { name: 'api', manifests: app('v5', 'api') })])
  await stage.ok('deploy', { version: 'v2' })
  expect(stage.serving()).toEqual(['v2'])
  expect(stage.serving('api')).toEqual(['v5'])
  expect(stage.ledger('api')).toMatchObject({ revision: 1, active: { color: 'blue' } })
  expect(stage.harm).toEqual([])
})

test('a release does not take what belongs to another', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const { error } = await stage.run('deploy', { name: 'other', manifests: app('v2', 'web') })
  expect(error?.message).toContain('it belongs to release web')
  expect(stage.serving()).toEqual(['v1'])
})

test('each color has its own ConfigMap: the way back finds the old values', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('prepare', { version: 'v2' })
  const value = (name: string) => stage.cluster.all('ConfigMap').find((object) => object.metadata.name === name)?.data
  expect(value('web-settings-blue')).toEqual({ VERSION: 'v1' })
  expect(value('web-settings-green')).toEqual({ VERSION: 'v2' })
})

test('shared objects change with the switch, and change back on the way back', async () => {
  const stage = new Stage()
  const ingress = (name: string, host: string) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name },
    spec: { rules: [{ host }] },
  })
  await stage.ok('deploy', { manifests: [...app('v1'), ingress('web', 'old.example')] })
  const second = [...app('v2'), ingress('web', 'new.example'), ingress('extra', 'extra.example')]
  await stage.ok('prepare', { manifests: second })
  const hosts = () => stage.cluster.all('Ingress').map((object) => (object.spec as { rules: { host: string }[] }).rules[0]?.host)
  expect(hosts()).toEqual(['old.example'])
  await stage.ok('promote', { revision: 2, retire: 'keep' })
  expect(hosts().toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(['extra.example', 'new.example'])
  stage.behave('v3', { answers: (age) => (age < 20_000 ? 200 : 500) })
  const bad = [...app('v3'), ingress('web', 'worse.example'), ingress('extra', 'extra.example'), ingress('third', 'third.example')]
  const { result } = await stage.run('deploy', { manifests: bad })
  expect(result).toMatchObject({ outcome: 'failed', rolledBack: true })
  expect(hosts().toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(['extra.example', 'new.example'])
  expect(stage.harm).toEqual([])
})

test('a Service that somebody switched by hand is believed, not the ledger', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2', retire: 'keep' })
  await stage.cluster.patch(
    { apiVersion: 'v1', kind: 'Service', namespace: NAMESPACE, name: 'web' },
    { spec: { selector: { color: 'blue' } } },
    'kubectl-patch',
  )
  const { result, told } = await stage.ok('deploy', { version: 'v3' })
  expect(told).toContain('the Service selects blue, the ledger says green: going by the Service')
  expect(result).toMatchObject({ activeColor: 'green', previousColor: 'blue' })
  expect(stage.serving()).toEqual(['v3'])
  expect(stage.harm).toEqual([])
})

test('a dry run changes nothing and shows what would', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.settled()
  const before = stage.cluster.changes.length
  const { result, told } = await stage.ok('deploy', { version: 'v2', dryRun: true })
  expect(stage.cluster.changes.length).toBe(before)
  expect(result.headline).toBe('Would release revision 2 on green: 2 objects change')
  expect(told).toContain('ConfigMap/web-settings data.VERSION: v1 -> v2')
  expect(result.plan?.steps.map(({ id }) => id)).toEqual([
    'prepare.begin',
    'prepare.clear',
    'prepare.apply ConfigMap/web-settings-green',
    'prepare.apply Deployment/web-green',
    'prepare.apply Service/web-preview',
    'prepare.ready',
    'verify.ask',
    'shift.ready',
    'shift.select Service/web',
    'shift.prove',
    'bake.watch',
    'retire.delete Service/web-preview',
    'retire.delay',
    'retire.scale',
  ])
})

test('ten releases are kept, the eleventh forgets the first', async () => {
  const stage = new Stage()
  for (let i = 1; i <= 12; i++) await stage.ok('deploy', { version: `v${i}`, bakeTime: 0, retireDelay: 0 })
  expect(stage.ledger().history.map(({ revision }) => revision)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3])
  expect(stage.names('Secret')).toHaveLength(10)
  expect(stage.harm).toEqual([])
})
