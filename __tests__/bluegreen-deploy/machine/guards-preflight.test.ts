// What a release refuses before its first write, dry run and deploy alike: nothing is changed, not even the lease.
import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { ApiError, type KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { hostOf, ingress, outcomeOf, refused, SHORT, standsAt, twoReleases } from '../guards.ts'
import { app, NAMESPACE, type RunOptions, Stage } from '../stage.ts'

/** Of the release's own Service and pods. */
const harmed = (stage: Stage): string[] => stage.harm.filter((line) => !line.includes('Service/other'))

/** What dry run and deploy say, which has to be the same. */
async function refusal(stage: Stage, options: RunOptions): Promise<string> {
  const words = await refused(stage, 'deploy', { ...options, dryRun: true })
  expect(await refused(stage, 'deploy', { ...SHORT, ...options })).toBe(words)
  expect(await refused(stage, 'prepare', { ...SHORT, ...options })).toBe(words)
  expect(harmed(stage)).toEqual([])
  return words
}

const put = (stage: Stage, object: KubeObject): void => {
  stage.cluster.put({ ...object, metadata: { namespace: NAMESPACE, ...object.metadata } })
}

const selecting = (selector: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'other' },
  spec: { selector, ports: [{ port: 80 }] },
})

test.each<[string, Record<string, string>]>([
  ['the application', { app: 'web' }],
  ['blue', { color: 'blue' }],
  ['green', { color: 'green' }],
  ['the application on blue', { app: 'web', color: 'blue' }],
  ['the application on green', { app: 'web', color: 'green' }],
])('another Service that selects %s would send traffic to a candidate', async (_, selector) => {
  for (const stage of [new Stage(), await twoReleases()]) {
    put(stage, selecting(selector))
    expect(await refusal(stage, { version: 'v9' })).toMatch(/Service\/other.*traffic to the candidate/)
  }
})

test.each<[string, Record<string, string>]>([
  ['another application', { app: 'other' }],
  ['another color', { app: 'web', color: 'red' }],
  ['a label that the pods do not have', { app: 'web', color: 'green', tier: 'admin' }],
])('another Service that selects %s is none of it', async (_, selector) => {
  const stage = new Stage()
  put(stage, selecting(selector))
  for (const version of ['v1', 'v2']) await stage.ok('deploy', { version, ...SHORT })
  expect([stage.serving(), harmed(stage)]).toEqual([['v2'], []])
})

test.each<[string, object, RegExp]>([
  ['selects pods without a color', { spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }, /Service\/web.*without a color/],
  [
    'belongs to another release',
    {
      metadata: { name: 'web', labels: { 'devops-actions/release': 'shop' } },
      spec: { selector: { app: 'web', color: 'blue' }, ports: [] },
    },
    /Service\/web.*release shop/,
  ],
])('a Service of the same name that %s is not taken', async (_, change, words) => {
  const stage = new Stage()
  put(stage, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, ...change })
  stage.harm = []
  const run = async (dryRun: boolean) => refused(stage, 'deploy', { version: 'v1', ...SHORT, dryRun })
  expect([await run(true), await run(false)]).toEqual([expect.stringMatching(words), expect.stringMatching(words)])
})

test.each([
  'ConfigMap/bluegreen-web',
  'Secret/bluegreen-web-r1',
  'Secret/bluegreen-web-r27',
  'Service/web-preview',
  'Deployment/web-green',
])('manifests that bring %s would take the place of what the release keeps for itself', async (name) => {
  const [kind = '', plain = ''] = name.split('/')
  const object: KubeObject = {
    apiVersion: 'v1',
    kind,
    metadata: { name: plain },
    ...(kind === 'Service' && { spec: { selector: { app: 'x' }, ports: [] } }),
  }
  // A second Deployment is refused for being one.
  const brings = kind === 'Deployment' ? { ...app('v1', plain)[1], apiVersion: 'apps/v1' } : object
  const words = await refusal(new Stage(), { manifests: [...app('v1'), brings as KubeObject] })
  expect(words).toContain(name)
})

test('what the release may not do is refused with the rule that lets it', async () => {
  const stage = new Stage()
  stage.cluster.allowed = ({ verb, resource }) => !(verb === 'delete' && resource === 'pods')
  const words = await refusal(stage, { version: 'v1' })
  expect(words).toContain(NAMESPACE)
  expect(words).toMatch(/resources: \["pods"\]\n.*"delete"/)
})

test('a namespace that is not there is named', async () => {
  const stage = new Stage()
  stage.cluster.drop({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
  expect(await refusal(stage, { version: 'v1' })).toMatch(/^namespace: shop does not exist/)
})

test.each<[string, KubeObject, RegExp]>([
  ['another namespace', { ...ingress('x'), metadata: { name: 'web', namespace: 'elsewhere' } }, /Ingress\/web.*elsewhere.*shop/],
  ['a kind that is not served', { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } }, /Widget\/w/],
  ['the same object twice', app('v1')[2] as KubeObject, /Service\/web.*twice/],
])('manifests with %s are refused by its name', async (_, object, words) => {
  expect(await refusal(new Stage(), { manifests: [...app('v1'), object] })).toMatch(words)
})

test('what the API server refuses is told under the names of the manifests, all of it', async () => {
  const stage = new Stage()
  stage.cluster.admission = ({ kind, metadata }) => {
    if (kind === 'Deployment' || kind === 'Ingress')
      throw new ApiError('apply', `${kind}/${metadata.name}`, 403, { message: `policy says no to ${metadata.name}`, reason: 'Forbidden' })
  }
  const words = await refusal(stage, { manifests: [...app('v1'), ingress('x')] })
  expect(words).toMatch(/Deployment\/web.*says no/)
  expect(words).toMatch(/Ingress\/web.*says no/)
  expect(words).not.toMatch(/web-(blue|green|x)/)
})

test.each([500, 503, 429])('an API server that answers %d to the dry run is an error of its own, not of the manifests', async (status) => {
  const stage = new Stage()
  stage.cluster.admission = ({ kind, metadata }) => {
    if (kind === 'Deployment')
      throw new ApiError('apply', `Deployment/${metadata.name}`, status, { message: 'a webhook is away', reason: 'InternalError' })
  }
  const { error } = await stage.run('deploy', { version: 'v1', ...SHORT })
  expect(error?.message).toMatch(/a webhook is away/)
  if (status >= 500) expect(error?.message).not.toMatch(/^manifests/)
  expect(stage.names('Deployment')).toEqual([])
})

test('a shared object of another release is refused', async () => {
  const stage = new Stage()
  put(stage, { ...ingress('theirs.example'), metadata: { name: 'web', labels: { 'devops-actions/release': 'shop' } } })
  expect(await refusal(stage, { manifests: [...app('v1'), ingress('ours.example')] })).toMatch(/Ingress\/web.*release shop/)
  expect(hostOf(stage)).toBe('theirs.example')
})

test('a field of another manager is refused with both names', async () => {
  const stage = new Stage()
  const theirs = { ...ingress('theirs.example'), metadata: { name: 'web', namespace: NAMESPACE } }
  await stage.cluster.create(theirs, 'their-operator')
  expect(await refusal(stage, { manifests: [...app('v1'), ingress('ours.example')] })).toMatch(/Ingress\/web.*their-operator/)
  expect(hostOf(stage)).toBe('theirs.example')
})

test('a port for the check that the Service does not have is refused with those that it has', async () => {
  const words = await refusal(new Stage(), { version: 'v1', check: { port: 'admin', timeout: 1_000, passes: 1, deadline: 5_000 } })
  expect(words).toMatch(/^check-port:.*Service\/web.*admin.*http/)
})

test('more than can be kept for a way back is refused with both sizes', async () => {
  const big = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'big' }, data: { noise: randomBytes(900_000).toString('base64') } }
  expect(await refusal(new Stage(), { manifests: [...app('v1'), big] })).toMatch(/^manifests:.*\d{7} bytes.*1000000/)
})

test.each<[KubeObject[], RegExp]>([
  [[], /no Deployment/],
  [app('v1').slice(0, 2), /no Service selects.*Deployment\/web/],
  [app('v1').slice(2), /no Deployment.*Service\/web/],
])('manifests without a Deployment or without its Service are refused', async (manifests, words) => {
  expect(await refusal(new Stage(), { manifests })).toMatch(words)
})

test.each(['promote', 'rollback', 'recover', 'cleanup'] as const)('a dry run of %s is refused, and nothing is written', async (command) => {
  expect(await refused(await twoReleases(), command, { ...SHORT, dryRun: true })).toMatch(new RegExp(`^dry-run:.*${command}`))
})

test('status of what never was, and of what is open, writes nothing', async () => {
  for (const prepare of [false, true]) {
    const stage = prepare ? await twoReleases() : new Stage()
    if (prepare) await stage.ok('prepare', { version: 'v3', ...SHORT })
    await stage.settled()
    const before = stage.cluster.changes.length
    const ran = await stage.run('status')
    expect([outcomeOf(ran), ran.result?.headline.includes('prepared'), stage.cluster.changes.length]).toEqual(['passed', prepare, before])
    expect(standsAt(stage) !== undefined).toBe(prepare)
  }
})
