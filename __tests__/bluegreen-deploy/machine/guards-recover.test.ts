// What recover makes of a run that ended too early, and what a run that was frozen can still do.
import { expect, test } from '@jest/globals'
import type { Call } from '../../support/memory-cluster.ts'
import {
  BACK,
  dies,
  diesAt,
  hostOf,
  ingress,
  objects,
  outcomeOf,
  PHASE,
  SHORT,
  setOneReady,
  standsAt,
  switchByHand,
  twoReleases,
  when,
} from '../guards.ts'
import { app, NAMESPACE, type RunOptions, Stage } from '../stage.ts'

async function oneRelease(): Promise<Stage> {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  return stage
}

/** What serves after recover, and after another recover that has nothing to do. */
async function recovered(stage: Stage) {
  const { result } = await stage.ok('recover', SHORT)
  await stage.settled()
  const before = objects(stage)
  await stage.ok('recover', SHORT)
  await stage.settled()
  expect({ open: standsAt(stage), harm: stage.harm, objects: objects(stage) }).toEqual({ open: undefined, harm: [], objects: before })
  return { serving: stage.serving(), rolledBack: result.rolledBack, deployments: stage.deployments() }
}

const OLD = { 'web-blue': 3 }
const BOTH = { 'web-blue': 1, 'web-green': 3 }

test.each<[string, string[], boolean, Record<string, number>]>([
  [PHASE.prepare, ['v1'], false, OLD],
  [PHASE.verify, ['v1'], false, OLD],
  [PHASE.shift, ['v1'], true, OLD],
  [PHASE.bake, ['v1'], true, OLD],
  [PHASE.retire, ['v2'], false, BOTH],
])('a second release that died at %s', async (phase, serving, rolledBack, deployments) => {
  const stage = await oneRelease()
  await diesAt(stage, 'deploy', { version: 'v2', ...SHORT }, phase)
  expect(await recovered(stage)).toEqual({ serving, rolledBack, deployments })
})

test.each<[string, string[]]>([
  [PHASE.prepare, []],
  [PHASE.verify, []],
  [PHASE.shift, []],
  [PHASE.bake, ['v1']],
  [PHASE.retire, ['v1']],
])('a first release that died at %s', async (phase, serving) => {
  const stage = new Stage()
  await diesAt(stage, 'deploy', { version: 'v1', ...SHORT }, phase)
  expect(await recovered(stage)).toMatchObject({ serving, deployments: serving.length ? OLD : {} })
})

test('a rollback that died on its way back is finished', async () => {
  const stage = await twoReleases()
  await diesAt(stage, 'rollback', SHORT, BACK)
  expect(await recovered(stage)).toEqual({ serving: ['v1'], rolledBack: true, deployments: OLD })
})

/** A run that ends with a way back, one that ends well, and a rollback: once the ledger says so there is one end only. */
const ends: [string, string, string, (stage: Stage) => Promise<RunOptions>, 'deploy' | 'rollback'][] = [
  ['a release that ends well', PHASE.retire, 'v2', async () => ({ version: 'v2', ...SHORT }), 'deploy'],
  ['a release that deletes the old color', PHASE.retire, 'v2', async () => ({ version: 'v2', ...SHORT, retire: 'delete' }), 'deploy'],
  [
    'a release that turns bad',
    BACK,
    'v1',
    async (stage) => {
      when(stage, PHASE.bake, () => setOneReady(stage, 'v2', false), 3_000)
      return { version: 'v2', ...SHORT }
    },
    'deploy',
  ],
  [
    'a rollback',
    BACK,
    'v1',
    async (stage) => {
      await stage.ok('deploy', { version: 'v2', ...SHORT })
      return SHORT
    },
    'rollback',
  ],
]

test.each(ends)('%s, killed at each write from %s on, ends with %s', async (_, phase, version, before, command) => {
  for (let at = 1; ; at++) {
    const stage = await oneRelease()
    const options = await before(stage)
    let writes = 0
    const call = await dies(
      stage,
      command,
      options,
      ({ write, kind }) => write && kind !== 'Lease' && standsAt(stage) === phase && ++writes === at,
    )
    if (!call) {
      expect(at).toBeGreaterThan(3)
      return
    }
    const where = `${call.verb} ${call.kind}/${call.name}`
    expect({ where, ...(await recovered(stage)) }).toMatchObject({ where, serving: [version] })
  }
})

test('a first release that died between the switch and what changes with it has all of it', async () => {
  const stage = new Stage()
  const manifests = [...app('v1'), ingress('shop.example')]
  const call = await dies(stage, 'deploy', { manifests, ...SHORT }, ({ write, name }) => write && name === 'web')
  expect([call?.kind, hostOf(stage)]).toEqual(['Service', undefined])
  expect(await recovered(stage)).toMatchObject({ serving: ['v1'] })
  expect(hostOf(stage)).toBe('shop.example')
})

test('what waits for promote is left alone', async () => {
  const stage = await oneRelease()
  await stage.ok('prepare', { version: 'v2', ...SHORT })
  const { result } = await stage.ok('recover', SHORT)
  expect(result.headline).toMatch(/\b2\b.*promote/)
  expect([standsAt(stage), stage.pods('v2').length]).toEqual([PHASE.prepared, 3])
  await stage.ok('promote', { revision: 2, ...SHORT })
  expect([stage.serving(), stage.harm]).toEqual([['v2'], []])
})

test('a promote that died after the switch is undone: it was not proved', async () => {
  const stage = await oneRelease()
  await stage.ok('prepare', { version: 'v2', ...SHORT })
  await diesAt(stage, 'promote', { revision: 2, ...SHORT }, PHASE.bake)
  expect(await recovered(stage)).toEqual({ serving: ['v1'], rolledBack: true, deployments: OLD })
})

test.each(['recover', 'cleanup'] as const)('%s where nothing was ever released has nothing to do', async (command) => {
  const stage = new Stage()
  expect((await stage.ok(command, SHORT)).result.headline).toMatch(/^Nothing to/)
  expect(stage.names('Deployment')).toEqual([])
  await stage.ok('deploy', { version: 'v1', ...SHORT })
  expect([stage.serving(), stage.harm]).toEqual([['v1'], []])
})

test('cleanup takes what is prepared with it, and what serves stays', async () => {
  const stage = await oneRelease()
  await stage.ok('prepare', { version: 'v2', ...SHORT })
  await stage.ok('cleanup', SHORT)
  await stage.settled()
  expect([stage.serving(), stage.deployments(), standsAt(stage), stage.harm]).toEqual([['v1'], OLD, undefined, []])
  expect((await stage.run('promote', { revision: 2, ...SHORT })).error?.message).toMatch(/^promote: nothing is prepared/)
})

test('a fault on the way and another on the way back are both told, with what to do', async () => {
  const stage = await oneRelease()
  let away = false
  when(stage, PHASE.bake, () => (away = true), 2_000)
  const ran = await stage.run('deploy', {
    version: 'v2',
    ...SHORT,
    checkInterval: 500,
    before: ({ verb, kind, name }) => {
      if (away && verb === 'proxy') throw new Error('the first fault')
      if (away && verb === 'apply' && kind === 'Deployment' && name === 'web-blue') throw new Error('the second fault')
    },
  })
  expect(outcomeOf(ran)).toBe('error')
  expect(ran.error?.message).toMatch(/the first fault.*the second fault.*recover.*back/)
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v2'], BACK, []])
  expect(await recovered(stage)).toEqual({ serving: ['v1'], rolledBack: true, deployments: OLD })
})

test('a fault after the bake is an error that takes nothing back; recover finishes the release', async () => {
  const stage = await oneRelease()
  const before = ({ verb, name }: Call) => {
    if (verb === 'delete' && name === 'web-preview') throw new Error('the network is away')
  }
  const { error } = await stage.run('deploy', { version: 'v2', ...SHORT, before })
  expect(error?.message).toBe('the network is away')
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v2'], PHASE.retire, []])
  expect(await recovered(stage)).toEqual({ serving: ['v2'], rolledBack: false, deployments: BOTH })
})

test('a run that is cancelled stops where it stands and decides nothing more', async () => {
  const stage = await oneRelease()
  const cancelled = new AbortController()
  when(stage, PHASE.bake, () => cancelled.abort(new Error('cancelled')), 2_000)
  const { error } = await stage.run('deploy', { version: 'v2', ...SHORT, signal: cancelled.signal })
  expect(error?.message).toBe('cancelled')
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v2'], PHASE.bake, []])
  expect(await recovered(stage)).toEqual({ serving: ['v1'], rolledBack: true, deployments: OLD })
})

test('a warm color whose manifests are no longer kept is deleted all the same, and the next release takes its place', async () => {
  const stage = await twoReleases()
  await stage.cluster.delete({ apiVersion: 'v1', kind: 'Secret', namespace: NAMESPACE, name: 'bluegreen-web-r1' })
  await stage.ok('cleanup', SHORT)
  expect(stage.deployments()).toEqual({ 'web-green': 3 })
  await stage.ok('deploy', { version: 'v3', ...SHORT })
  expect([stage.serving(), standsAt(stage), stage.harm]).toEqual([['v3'], undefined, []])
})

test('a color that was switched to by hand while its run was dead is not deleted by recover', async () => {
  const stage = await oneRelease()
  await stage.ok('prepare', { version: 'v2', ...SHORT })
  await switchByHand(stage, 'green')
  await stage.run('cleanup', SHORT)
  await stage.settled()
  expect(stage.ready().length).toBe(3)
  expect(stage.harm).toEqual([])
})

/** A deploy that freezes between what it read and its nth write of the kind that is `meant`, until it is thawed. */
function frozen(
  stage: Stage,
  at: number,
  meant: (call: Call, stage: Stage) => boolean,
): { call: () => Call | undefined; thaw: () => Promise<unknown> } {
  let thaw = () => {}
  let writes = 0
  let call: Call | undefined
  const ice = new Promise<void>((resolve) => (thaw = resolve))
  const hold = async () => {
    if (call) await ice
  }
  const before = (next: Call) => {
    if (!call && next.write && next.kind !== 'Lease' && meant(next, stage) && ++writes === at) call = next
  }
  const running = stage.runHeld('deploy', hold, { version: 'v2', ...SHORT, before })
  return {
    call: () => call,
    thaw: async () => {
      thaw()
      await running
      await stage.settled()
    },
  }
}

/** Freezes a deploy at each of its writes that are `meant`, has another run recover, lets the write land, and tells what that did. */
async function landed(meant: (call: Call, stage: Stage) => boolean, meanwhile: (stage: Stage) => Promise<void> = async () => undefined) {
  const changed: unknown[] = []
  for (let at = 1; ; at++) {
    const stage = await oneRelease()
    const run = frozen(stage, at, meant)
    try {
      await stage.clock.sleep(100_000)
      const call = run.call()
      if (!call) return { frozen: at - 1, changed }
      await meanwhile(stage)
      await stage.ok('recover', SHORT)
      await stage.settled()
      const state = () => ({ serving: stage.serving(), old: stage.deployments()['web-blue'], harm: [...stage.harm] })
      const before = state()
      await run.thaw()
      const after = state()
      if (JSON.stringify(before) !== JSON.stringify(after) || after.harm.length)
        changed.push({ at: `${call.verb} ${call.kind}/${call.name}`, before, after })
    } finally {
      await run.thaw()
    }
  }
}

test('a write of a frozen run that is on its way when another takes over changes nothing that is there', async () => {
  const { frozen, changed } = await landed(({ kind }) => kind !== 'Pod')
  expect(frozen).toBeGreaterThan(10)
  expect(changed).toEqual([])
})

test('nor when the other one found traffic where it belongs, and had nothing to write to the old color', async () => {
  const { frozen, changed } = await landed(
    ({ name }, stage) => name === 'web-blue' && standsAt(stage) === PHASE.bake,
    (stage) => switchByHand(stage, 'blue'),
  )
  expect(frozen).toBeGreaterThan(1)
  expect(changed).toEqual([])
})

// Only the uid is a condition of a pod's deletion, and that has not changed.
test.failing('nor does it end a pod that serves again', async () => {
  expect((await landed(({ kind }) => kind === 'Pod')).changed).toEqual([])
})

test('the reason of a way back is that of the run that decided it, not of the one that finished it', async () => {
  const stage = await oneRelease()
  when(stage, PHASE.bake, () => setOneReady(stage, 'v2', false), 2_000)
  await diesAt(stage, 'deploy', { version: 'v2', ...SHORT }, BACK)
  await stage.ok('recover', SHORT)
  expect(stage.ledger().history[0]?.reason).toMatch(/no longer ready/)
})
