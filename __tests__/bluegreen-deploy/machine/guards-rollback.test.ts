// Where a rollback goes, where it does not go, and what it leaves where it is.
import { expect, test } from '@jest/globals'
import type { EndpointSlice } from '../../../actions/shared/kubernetes/objects/read.ts'
import {
  BACK,
  diesAt,
  outcomeOf,
  PHASE,
  readyWithin,
  SHORT,
  selected,
  setOneReady,
  setReady,
  standsAt,
  switchByHand,
  to,
  twoReleases,
} from '../guards.ts'
import { NAMESPACE, Stage } from '../stage.ts'

/** Releases each version, the next over the one before. */
async function released(...versions: string[]): Promise<Stage> {
  const stage = new Stage()
  for (const version of versions) await stage.ok('deploy', { version, ...SHORT })
  return stage
}

/** A release that is rejected before it gets traffic, of a version that would be good later. */
async function rejected(stage: Stage, version: string): Promise<void> {
  stage.behave(version, { answers: () => 500 })
  expect(outcomeOf(await stage.run('deploy', { version, ...SHORT, check: { timeout: 1_000, passes: 1, deadline: 2_000 } }))).toBe('failed')
  stage.behave(version, {})
}

test('a rollback passes over a revision that failed', async () => {
  const stage = await released('v1')
  await rejected(stage, 'v2')
  await stage.ok('deploy', { version: 'v3', ...SHORT })
  await stage.ok('cleanup')
  await stage.ok('rollback', SHORT)
  expect([stage.serving(), stage.harm]).toEqual([['v1'], []])
})

test('a rollback passes over a revision that was taken back', async () => {
  const stage = await released('v1', 'v2')
  await stage.ok('rollback', SHORT) // revision 2 is taken back, revision 1 serves
  await stage.ok('deploy', { version: 'v3', ...SHORT })
  await stage.ok('cleanup')
  await stage.ok('rollback', SHORT)
  expect([stage.serving(), stage.harm]).toEqual([['v1'], []])
})

test('a rollback never goes to a later revision', async () => {
  const stage = await twoReleases()
  await switchByHand(stage, 'blue')
  await rejected(stage, 'v3') // the release follows the Service: revision 1 is active, and nothing is warm
  const { error } = await stage.run('rollback', SHORT)
  expect(error?.message).toMatch(/no released revision/)
  expect(error?.message).toMatch(/\b1\b/)
  expect([stage.serving(), stage.harm]).toEqual([['v1'], []])
})

test('a failed revision that is named goes through the gates like any other release', async () => {
  const stage = await released('v1')
  await rejected(stage, 'v2')
  stage.behave('v2', { answers: () => 500 })
  const ran = await stage.run('rollback', { ...to(2), ...SHORT })
  expect(outcomeOf(ran)).not.toBe('passed')
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue'], ['v1'], undefined, []])
})

test('a revision that is not kept is refused with those that are', async () => {
  const stage = new Stage()
  for (let i = 1; i <= 12; i++) await stage.ok('deploy', { version: `v${i}`, bakeTime: 0, retireDelay: 0, propagationTime: 0 })
  for (const revision of [2, 13, 99]) {
    const { error } = await stage.run('rollback', { ...to(revision), ...SHORT })
    expect(error?.message).toMatch(new RegExp(`revision:? ${revision} is not kept.*\\b12\\b.*\\b3\\b`))
  }
  expect([stage.serving(), stage.harm]).toEqual([['v12'], []])
  await stage.ok('rollback', { ...to(3), ...SHORT })
  expect([stage.serving(), stage.harm]).toEqual([['v3'], []])
})

test('the revision that serves is nothing to do: no object of the user changes', async () => {
  const stage = await twoReleases()
  await stage.settled()
  const before = stage.cluster.changes.length
  const { result } = await stage.ok('rollback', { ...to(2), ...SHORT })
  await stage.settled()
  expect(result).toMatchObject({ revision: 2, switched: false, rolledBack: false })
  const kinds = stage.cluster.changes.slice(before).map(({ old, object }) => `${(object ?? old)?.kind}/${(object ?? old)?.metadata.name}`)
  expect(kinds.filter((name) => name !== 'Lease/bluegreen-web' && name !== 'ConfigMap/bluegreen-web')).toEqual([])
  expect([stage.serving(), stage.harm]).toEqual([['v2'], []])
})

test('a color without a ready pod gets no traffic; recover goes on when it has some', async () => {
  const stage = await twoReleases()
  setReady(stage, 'v1', false)
  const { error, seconds } = await stage.run('rollback', { ...SHORT, ...readyWithin(20_000) })
  expect(error?.message).toMatch(/blue.*no ready pod/)
  expect(seconds).toBeLessThan(40)
  expect([selected(stage), stage.serving(), standsAt(stage), stage.harm]).toEqual([['blue', 'green'], ['v2'], BACK, []])
  setReady(stage, 'v1', true)
  await stage.ok('recover', SHORT)
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v1'], undefined, []])
})

test('a way back whose endpoints do not follow is not done, and deletes no pod that they still hold', async () => {
  const stage = await twoReleases()
  const [kept] = stage.pods('v2')
  let stuck = true
  // A node's endpoints that stay behind: one of the other color is still among them.
  stage.cluster.onChange(({ object }) => {
    if (!stuck || object?.kind !== 'EndpointSlice' || object.metadata.name !== 'web-slice') return
    const endpoints = (object as EndpointSlice).endpoints ?? []
    const uid = kept?.metadata.uid ?? ''
    if (endpoints.some((endpoint) => endpoint.targetRef?.uid === uid)) return
    const behind = {
      addresses: ['10.0.0.9'],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: kept?.metadata.name ?? '', uid },
    }
    stage.cluster.put({ ...object, endpoints: [...endpoints, behind] })
  })
  const { error } = await stage.run('rollback', SHORT)
  expect(error?.message).toMatch(/blue.*endpoints/)
  expect([standsAt(stage), stage.pods('v2').length, stage.harm]).toEqual([BACK, 3, []])
  stuck = false
  await stage.clock.sleep(1_000)
  setOneReady(stage, 'v1', false) // the endpoints are written anew
  setOneReady(stage, 'v1', true)
  await stage.ok('recover', SHORT)
  await stage.settled()
  expect([stage.serving(), standsAt(stage), stage.pods('v2'), stage.harm]).toEqual([['v1'], undefined, [], []])
})

test.each([PHASE.prepare, PHASE.verify, PHASE.shift, PHASE.bake])(
  'what a dead run left at %s is undone, and that is the rollback that was asked for',
  async (phase) => {
    const stage = await released('v0', 'v1')
    await diesAt(stage, 'deploy', { version: 'v2', ...SHORT }, phase)
    const { result } = await stage.ok('rollback', SHORT)
    expect(result).toMatchObject({ revision: 2, activeColor: 'green' })
    expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v1'], undefined, []])
  },
)

test('what a dead run left at the end of its bake is finished, and then taken back', async () => {
  const stage = await released('v0', 'v1')
  await diesAt(stage, 'deploy', { version: 'v2', ...SHORT }, PHASE.retire)
  await stage.ok('rollback', SHORT)
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v1'], undefined, []])
})

test('a revision that is named is gone to after what a dead run left is undone', async () => {
  const stage = await released('v0', 'v1')
  await diesAt(stage, 'deploy', { version: 'v2', ...SHORT }, PHASE.bake)
  await stage.ok('rollback', { ...to(1), ...SHORT })
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v0'], undefined, []])
})

test.each([0, 60_000])('warm pods that somebody deleted %d ms ago are released again', async (ago) => {
  const stage = await twoReleases()
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: NAMESPACE, name: 'web-blue' }
  await stage.cluster.delete(ref, { propagation: 'Foreground' })
  await stage.clock.sleep(ago)
  await stage.ok('rollback', SHORT)
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v1'], undefined, []])
})

test('after a switch by hand, what served before is kept for a fast way back', async () => {
  const stage = await twoReleases()
  const pods = stage.pods('v2').map(({ metadata }) => metadata.uid)
  await switchByHand(stage, 'blue')
  const { result } = await stage.ok('deploy', { version: 'v1', ...SHORT })
  expect(result).toMatchObject({ revision: 1, activeColor: 'blue', switched: false })
  await stage.ok('rollback', SHORT)
  expect(stage.ready().map(({ metadata }) => metadata.uid)).toEqual(pods)
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v2'], undefined, []])
})

test('a revision whose manifests are gone is refused by its name, and what serves stays', async () => {
  const stage = new Stage()
  for (const version of ['v1', 'v2', 'v3']) await stage.ok('deploy', { version, ...SHORT })
  await stage.cluster.delete({ apiVersion: 'v1', kind: 'Secret', namespace: NAMESPACE, name: 'bluegreen-web-r1' })
  const { error } = await stage.run('rollback', { ...to(1), ...SHORT })
  expect(error?.message).toBe('revision: 1 is no longer kept; release what is wanted with deploy')
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v3'], undefined, []])
})

test('traffic that somebody gave to a candidate by hand is taken back with it', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  await diesAt(stage, 'deploy', { version: 'v2', ...SHORT }, PHASE.verify)
  await switchByHand(stage, 'green')
  await stage.ok('recover', SHORT)
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v1'], undefined, []])
})
