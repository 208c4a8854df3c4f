// Faults that are known: what a release stored is read like what a stranger wrote, and what it stores holds no secret.
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from '@jest/globals'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject } from '../../../actions/shared/kubernetes/objects/read.ts'
import { named, objects, outcomeOf, SHORT, standsAt, to } from '../guards.ts'
import { NAMESPACE, Stage } from '../stage.ts'

const REVISION = 'bluegreen-web-r1'

/** Two releases, of which the first is kept by its manifests alone. */
async function released(): Promise<Stage> {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  await stage.ok('deploy', { version: 'v2', ...SHORT, retire: 'delete' })
  return stage
}

const stored = (stage: Stage): { [field: string]: unknown; objects: KubeObject[] } =>
  JSON.parse(gunzipSync(Buffer.from((named(stage, 'Secret', REVISION) as DataObject).data?.content ?? '', 'base64')).toString())

/** Somebody deletes the Secret of revision 1 and creates it with another content. */
function forge(stage: Stage, content: unknown): void {
  const secret = named(stage, 'Secret', REVISION)
  if (!secret) throw new Error('revision 1 is not kept')
  stage.cluster.put({ ...secret, data: { content: gzipSync(JSON.stringify(content)).toString('base64') } })
}

/** What a rollback to revision 1 came to, which has to be a refusal by the name of its Secret. */
async function refusal(stage: Stage): Promise<object> {
  const before = objects(stage)
  const ran = await stage.run('rollback', { ...to(1), ...SHORT })
  await stage.settled()
  const message = ran.error?.message ?? ''
  return {
    outcome: outcomeOf(ran),
    named: message.includes(`Secret/${REVISION}`),
    unclear: /is not iterable|Cannot read prop|are no longer kept|is not kept|is not a function/.exec(message)?.[0],
    serving: stage.serving(),
    open: standsAt(stage),
    harm: stage.harm,
    written: objects(stage).filter((name) => !before.includes(name)),
  }
}

const REFUSED = { outcome: 'error', named: true, unclear: undefined, serving: ['v2'], open: undefined, harm: [], written: [] }

const CASES_1 = [
  {},
  null,
  [],
  'text',
  { objects: 'text' },
  { objects: [{ kind: 'Deployment' }] },
  { objects: [null] },
  { objects: [], digest: 1, images: [] },
  { objects: [], digest: 'sha256:0', images: 'web' },
]
for (const content of CASES_1) {
  test(`a kept revision whose content is ${JSON.stringify(content)} is refused in clear words`, async () => {
    const stage = await released()
    forge(stage, content)
    expect(await refusal(stage)).toEqual(REFUSED)
  })
}

test('a kept revision that is no gzip is refused by its name', async () => {
  const stage = await released()
  const secret = named(stage, 'Secret', REVISION)
  if (secret) stage.cluster.put({ ...secret, data: { content: 'bm90aGluZw==' } })
  expect(await refusal(stage)).toEqual(REFUSED)
})

const FOREIGN: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'foreign', namespace: 'kube-system' },
  data: { by: 'x' },
}
const HERE: KubeObject = { ...FOREIGN, metadata: { name: 'foreign', namespace: NAMESPACE } }

const CASES_2: [string, (content: { objects: KubeObject[] }) => unknown][] = [
  ['an object in another namespace', (content) => ({ ...content, objects: [...content.objects, FOREIGN] })],
  ['an object in its own namespace', (content) => ({ ...content, objects: [...content.objects, HERE] })],
  ['another digest', (content) => ({ ...content, objects: [...content.objects, HERE], digest: `sha256:${'0'.repeat(64)}` })],
  [
    'another image',
    (content) => ({
      ...content,
      objects: JSON.parse(JSON.stringify(content.objects).replace('registry.example/web:v1', 'evil.example/web:v1')) as KubeObject[],
    }),
  ],
]
for (const [what, change] of CASES_2) {
  test(`a kept revision that was forged with ${what} is refused by its hash, and nothing of it is written`, async () => {
    const stage = await released()
    forge(stage, change(stored(stage)))
    expect(await refusal(stage)).toEqual(REFUSED)
  })
}

test('no secret gets into the ledger, nor into what a later run without that secret says', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  const reason = 'login is bad: the answer was {"authorization":"Bearer tok-0123456789"}'
  const smoke = async () => ({ outcome: 'failed' as const, headline: 'Unhealthy: 1 of 1', reason, results: [] })
  const redact = (text: string) => text.replaceAll('tok-0123456789', '***')
  const ran = await stage.run('deploy', { version: 'v2', ...SHORT, smoke, redact })
  expect(outcomeOf(ran)).toBe('failed')
  expect(JSON.stringify(named(stage, 'ConfigMap', 'bluegreen-web'))).toContain('login is bad')
  expect(JSON.stringify(stage.cluster.changes)).not.toContain('tok-0123456789')
  expect((await stage.ok('status')).told).not.toContain('tok-0123456789')
})

test('nor by an error that ends a release', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  const redact = (text: string) => text.replaceAll('tok-0123456789', '***')
  const failing = (message: string) => async (service: string) => {
    if (service === 'web') throw new Error(message)
    return { outcome: 'passed' as const, headline: 'Healthy', reason: '', results: [] }
  }
  await stage.run('deploy', { version: 'v2', ...SHORT, smoke: failing('the suite broke at Bearer tok-0123456789'), redact })
  expect(JSON.stringify(named(stage, 'ConfigMap', 'bluegreen-web'))).toContain('***')
  expect(JSON.stringify(named(stage, 'ConfigMap', 'bluegreen-web'))).not.toContain('tok-0123456789')
})
