// What a dry run prints is what a run does: the same steps, and every object that is written stands in the description of one.
import { expect, test } from '@jest/globals'
import type { ReleaseResult } from '../../../actions/bluegreen-deploy/engine.ts'
import type { Change } from '../../support/memory-cluster.ts'
import { object } from '../room.ts'
import { app, type RunOptions, Stage } from '../stage.ts'

const SHORT: RunOptions = { retireDelay: 2_000, propagationTime: 1_000 }
/** What is not the release's doing, or is its own book-keeping. */
const BESIDE = ['Pod', 'EndpointSlice', 'Lease', 'Event']

const shop = (version: string) => [
  ...app(version),
  object('ServiceAccount', 'web'),
  object('Secret', 'token'),
  { ...object('Ingress', 'web', { rules: [{ host: `${version}.example` }] }, 'networking.k8s.io/v1') },
]

/** What the user would see of an object: no status, and no annotation by which runs fence each other. */
const content = (one: Change['object']): string => {
  if (!one) return ''
  const { status: _, metadata, ...fields } = one
  return JSON.stringify([metadata.deletionTimestamp, metadata.labels, fields])
}

const written = (changes: readonly Change[]): Set<string> =>
  new Set(
    changes.flatMap(({ object, old }) => {
      const one = object ?? old
      if (!one || BESIDE.includes(one.kind) || content(object) === content(old)) return []
      return [`${one.kind}/${one.metadata.name}`]
    }),
  )

const matrix = [0, 60_000].flatMap((bakeTime) =>
  (['scale', 'keep', 'delete'] as const).flatMap((retire) => [1, 2, 3].map((nth) => ({ bakeTime, retire, nth }))),
)

const ids = (result: ReleaseResult) => result.plan?.steps.map(({ id }) => id)

test.each(matrix)(
  'release $nth with a bake of $bakeTime ms and retire $retire: what is planned is what is run',
  async ({ nth, ...how }) => {
    const stage = new Stage()
    for (let at = 1; at < nth; at++) await stage.ok('deploy', { manifests: shop(`v${at}`), ...SHORT, ...how, bakeTime: 0 })
    await stage.settled()
    const options = { manifests: shop(`v${nth}`), ...SHORT, ...how }
    const dry = await stage.ok('deploy', { ...options, dryRun: true })
    const from = stage.cluster.changes.length
    const { result } = await stage.ok('deploy', options)
    await stage.settled()
    expect(result.done?.map(({ id }) => id)).toEqual(ids(dry.result))
    expect(result.done?.map(({ describe }) => describe)).toEqual(dry.result.plan?.steps.map(({ describe }) => describe))
    const told = dry.result.plan?.steps.map(({ describe }) => describe).join('\n') ?? ''
    for (const { describe } of dry.result.plan?.steps ?? []) expect(dry.told).toContain(describe)
    const silent = [...written(stage.cluster.changes.slice(from))].filter((name) => !told.includes(name))
    expect(silent).toEqual([])
    expect(stage.harm).toEqual([])
  },
)

test('the way back that is printed is the one that runs, and names what it writes', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { manifests: shop('v1'), ...SHORT })
  await stage.settled()
  const dry = await stage.ok('deploy', { manifests: shop('v2'), ...SHORT, dryRun: true })
  stage.behave('v2', { answers: (age) => (age < 15_000 ? 200 : 500) })
  let from = 0
  stage.cluster.onChange(() => {
    if (from === 0 && stage.ledger().operation?.phase === 'rollback') from = stage.cluster.changes.length
  })
  const { result } = await stage.run('deploy', { manifests: shop('v2'), ...SHORT })
  expect(result).toMatchObject({ outcome: 'failed', rolledBack: true })
  const done = result?.done ?? []
  const back = done.filter(({ id }) => id.startsWith('rollback.'))
  expect(back.map(({ id }) => id)).toEqual(dry.result.plan?.wayBack.map(({ id }) => id))
  expect(back.map(({ describe }) => describe)).toEqual(dry.result.plan?.wayBack.map(({ describe }) => describe))
  // What led there is the beginning of the plan.
  const forth = done.filter(({ id }) => !id.startsWith('rollback.')).map(({ id }) => id)
  expect(forth).toEqual(ids(dry.result)?.slice(0, forth.length))
  const told = back.map(({ describe }) => describe).join('\n')
  const mine = ['ConfigMap/bluegreen-web', 'Secret/bluegreen-web-r2']
  const silent = [...written(stage.cluster.changes.slice(from))].filter((name) => !told.includes(name) && !mine.includes(name))
  expect(silent).toEqual([])
})

test('a release that is prepared runs its plan in two parts', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { manifests: shop('v1'), ...SHORT })
  const whole = await stage.ok('deploy', { manifests: shop('v2'), ...SHORT, dryRun: true })
  const dry = await stage.ok('prepare', { manifests: shop('v2'), ...SHORT, dryRun: true })
  const { result } = await stage.ok('prepare', { manifests: shop('v2'), ...SHORT })
  expect(result.done?.map(({ id }) => id)).toEqual(ids(dry.result))
  const promoted = await stage.ok('promote', { revision: 2, ...SHORT })
  expect([...(result.done ?? []), ...(promoted.result.done ?? [])].map(({ id }) => id)).toEqual(ids(whole.result))
})

test('a step under way is the ledger’s, so that people see where a run stands', async () => {
  const stage = new Stage()
  const seen = new Map<string, string>()
  stage.cluster.onChange(({ object: one }) => {
    if (one?.metadata.name !== 'bluegreen-web' || one.kind !== 'ConfigMap') return
    const { phase, step } = stage.ledger().operation ?? {}
    if (phase && step) seen.set(phase, step)
  })
  const { result } = await stage.ok('deploy', { manifests: shop('v1'), ...SHORT })
  const done = result.done?.map(({ id }) => id) ?? []
  for (const [phase, step] of seen) expect([phase, step, done.includes(step)]).toEqual([phase, step, true])
  expect([...seen.keys()]).toEqual(['prepare', 'verify', 'shift', 'bake', 'retire'])
})
