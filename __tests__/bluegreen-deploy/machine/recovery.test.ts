import { expect, jest, test } from '@jest/globals'
import { emptyLedger } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import { ApiError } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { Superseded } from '../../../actions/shared/kubernetes/api/lease.ts'
import type { LeaseObject, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { Call } from '../../support/memory-cluster.ts'
import { type RunOptions, Stage } from '../stage.ts'
import { killed } from './killed.ts'

jest.setTimeout(60_000)

const SHORT: RunOptions = { bakeTime: 5_000, retireDelay: 2_000, propagationTime: 1_000, leaseDuration: 9_000, lockTimeout: 60_000 }

/** Everything that must hold when nobody is at work any more. */
function expectClean(stage: Stage, where: string): void {
  const { operation, active, warm, history } = stage.ledger()
  const revisions = new Set([...history, ...(active ? [active] : []), ...(warm ? [warm] : [])].map(({ revision }) => revision))
  const kept = [active, warm].flatMap((side) => (side ? [`web-${side.color}`] : []))
  const state = {
    harm: stage.harm,
    operation,
    services: stage.names('Service'),
    deployments: Object.keys(stage.deployments()).sort(),
    configs: stage.names('ConfigMap'),
    revisions: stage.names('Secret').filter((name) => name.startsWith('bluegreen-web')),
  }
  expect({ where, ...state }).toEqual({
    where,
    harm: [],
    operation: null,
    services: active ? ['web'] : [],
    deployments: [...kept].sort(),
    configs: ['bluegreen-web', ...kept.map((name) => name.replace('web-', 'web-settings-'))].sort(),
    revisions: [...revisions].map((revision) => `bluegreen-web-r${revision}`).sort(),
  })
  const { color } = (stage.service() as Service | undefined)?.spec.selector ?? {}
  expect({ where, color }).toEqual({ where, color: active?.color })
}

type Scenario = {
  before: (stage: Stage) => Promise<unknown>
  run: (stage: Stage, hooks: RunOptions) => Promise<unknown>
  serving: string[]
}

const scenarios: Record<string, Scenario> = {
  'a first release': {
    before: async () => undefined,
    run: (stage, hooks) => stage.run('deploy', { version: 'v1', ...SHORT, ...hooks }),
    serving: ['v1'],
  },
  'a second release': {
    before: (stage) => stage.ok('deploy', { version: 'v1', ...SHORT }),
    run: (stage, hooks) => stage.run('deploy', { version: 'v2', ...SHORT, ...hooks }),
    serving: ['v1', 'v2'],
  },
  'a release over a warm color': {
    before: async (stage) => {
      await stage.ok('deploy', { version: 'v0', ...SHORT })
      await stage.ok('deploy', { version: 'v1', ...SHORT })
    },
    run: (stage, hooks) => stage.run('deploy', { version: 'v2', ...SHORT, ...hooks }),
    serving: ['v1', 'v2'],
  },
  'a rollback': {
    before: async (stage) => {
      await stage.ok('deploy', { version: 'v1', ...SHORT })
      await stage.ok('deploy', { version: 'v2', ...SHORT })
    },
    run: (stage, hooks) => stage.run('rollback', { ...SHORT, ...hooks }),
    serving: ['v1', 'v2'],
  },
  'a release that is taken back': {
    before: async (stage) => {
      await stage.ok('deploy', { version: 'v1', ...SHORT })
      stage.behave('v2', { answers: (age) => (age < 3_500 ? 200 : 500) })
    },
    run: (stage, hooks) => stage.run('deploy', { version: 'v2', ...SHORT, checkInterval: 500, ...hooks }),
    serving: ['v1', 'v2'],
  },
  'a cleanup': {
    before: async (stage) => {
      await stage.ok('deploy', { version: 'v1', ...SHORT })
      await stage.ok('deploy', { version: 'v2', ...SHORT })
    },
    run: (stage, hooks) => stage.run('cleanup', { ...SHORT, ...hooks }),
    serving: ['v2'],
  },
}

for (const [name, { before, run, serving }] of Object.entries(scenarios)) {
  // Before a write is nearly what is after the one before it: once is enough here; the proof `kill` does both everywhere.
  test.each(name === 'a second release' ? (['before', 'after'] as const) : (['after'] as const))(
    `${name}, killed %s each write: recover ends it clean`,
    async (how) => {
      let points = 0
      for (let at = 1; ; at++) {
        const stage = new Stage()
        await before(stage)
        const call = await killed(stage, at, how, (hooks) => run(stage, hooks))
        if (!call) break
        points++
        const where = `${how} write ${at}: ${call.verb} ${call.kind}/${call.name}`
        expect({ where, harm: stage.harm }).toEqual({ where, harm: [] })
        await stage.ok('recover', SHORT)
        await stage.settled()
        if (name === 'a cleanup') continue // the warm color is named by nobody once the ledger has let it go
        expectClean(stage, where)
        const now = stage.serving()
        if (name === 'a first release' && now.length === 0) expect(stage.ledger().active).toBeNull()
        else expect({ where, now: serving.filter((version) => now.includes(version)) }).toEqual({ where, now: [...now] })
        await stage.ok('deploy', { version: 'v9', ...SHORT })
        expect({ where, serving: stage.serving(), harm: stage.harm }).toEqual({ where, serving: ['v9'], harm: [] })
      }
      expect(points).toBeGreaterThan(4)
    },
  )
}

test('a write whose answer was lost is no other write', async () => {
  for (let at = 1; ; at++) {
    const stage = new Stage()
    await stage.ok('deploy', { version: 'v1', ...SHORT })
    let writes = 0
    let lost: Call | undefined
    // The client tries again by itself; here the same call is made twice, as its retry does.
    const { error, result } = await stage.run('deploy', {
      version: 'v2',
      ...SHORT,
      after: (call) => {
        if (!call.write || ++writes !== at) return
        lost = call
        throw new ApiError(call.verb, `${call.kind}/${call.name}`, 409, { message: 'the object has been modified', reason: 'Conflict' })
      },
    })
    if (!lost) break
    const where = `write ${at}: ${lost.verb} ${lost.kind}/${lost.name}`
    expect({ where, harm: stage.harm }).toEqual({ where, harm: [] })
    expect({ where, error: error?.message, outcome: result?.outcome }).toEqual({ where, error: undefined, outcome: 'passed' })
    expectClean(stage, where)
  }
})

test('the ledger says what is meant before the Service changes', async () => {
  const stage = new Stage()
  const seen: string[] = []
  stage.cluster.onChange(({ old, object }) => {
    const color = (value: unknown) => (value as Service | undefined)?.spec.selector.color
    if (object?.kind !== 'Service' || object.metadata.name !== 'web' || color(old) === color(object)) return
    const { phase, candidate, stable } = stage.ledger().operation ?? {}
    seen.push(`${color(object)} at ${phase}, candidate ${candidate?.color}, stable ${stable?.color}`)
  })
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2' })
  await stage.ok('rollback')
  expect(seen).toEqual([
    'blue at shift, candidate blue, stable undefined',
    'green at shift, candidate green, stable blue',
    'blue at rollback, candidate green, stable blue',
  ])
})

test('writes come in their order: intent, content, configuration, pods, preview, intent, Service', async () => {
  const stage = new Stage()
  const writes: string[] = []
  await stage.ok('deploy', {
    version: 'v1',
    after: ({ write, verb, kind, name }) => {
      if (write && kind !== 'Lease')
        writes.push(`${verb} ${kind}/${name}${name === 'bluegreen-web' ? ` ${stage.ledger().operation?.phase ?? '-'}` : ''}`)
    },
  })
  expect(writes).toEqual([
    'create ConfigMap/bluegreen-web -',
    'create Secret/bluegreen-web-r1',
    'replace ConfigMap/bluegreen-web prepare',
    'apply ConfigMap/web-settings-blue',
    'apply Deployment/web-blue',
    'apply Service/web-preview',
    'replace ConfigMap/bluegreen-web verify',
    'replace ConfigMap/bluegreen-web shift',
    'apply Service/web',
    'replace ConfigMap/bluegreen-web bake',
    'replace ConfigMap/bluegreen-web retire',
    'delete Service/web-preview',
    'replace ConfigMap/bluegreen-web -',
  ])
})

const lease = (stage: Stage): LeaseObject | undefined => stage.cluster.all<LeaseObject>('Lease')[0]

test('a second run waits for one that lives, and names it when it does not end', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const running = stage.ok('deploy', { version: 'v2', bakeTime: 300_000, identity: 'first' })
  await stage.clock.sleep(20_000)
  const { error } = await stage.run('deploy', { version: 'v3', lockTimeout: 60_000 })
  expect(error).toBeInstanceOf(Superseded)
  expect(error?.message).toBe(
    'bluegreen-web is being released by first (https://ci.example/first), which is alive; wait for it or cancel it, then try again',
  )
  await running
  expect(stage.serving()).toEqual(['v2'])
})

test('a second run goes on when the first one is done', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const [, second] = await Promise.all([stage.ok('deploy', { version: 'v2' }), stage.ok('deploy', { version: 'v3', lockTimeout: 600_000 })])
  expect(second.told).toContain('waiting for run-2 (https://ci.example/run-2)')
  expect(stage.ledger().history.map(({ revision, outcome }) => `${revision} ${outcome}`)).toEqual([
    '3 released',
    '2 released',
    '1 released',
  ])
})

test('a silent holder is taken over after a whole lease of own observation, whatever its clock says', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await killed(stage, 6, 'after', (hooks) => stage.run('deploy', { version: 'v2', leaseDuration: 30_000, ...hooks }))
  // A clock that is an hour late must not matter.
  const held = lease(stage)
  if (held) stage.cluster.put({ ...held, spec: { ...held.spec, renewTime: '2020-01-01T00:00:00.000000Z' } })
  let taken = 0
  const begun = stage.clock.monotonic()
  const { told } = await stage.ok('recover', {
    leaseDuration: 5_000,
    after: ({ verb, kind }) => {
      if (verb === 'replace' && kind === 'Lease') taken ||= stage.clock.monotonic() - begun
    },
  })
  expect(taken).toBeGreaterThanOrEqual(30_000)
  expect(taken).toBeLessThan(33_000)
  expect(told).toContain('it is taken over after 30s without a sign of life')
})

test('a run that was frozen and superseded writes nothing more', async () => {
  // From its first write under the lease on.
  for (let at = 2; ; at++) {
    const stage = new Stage()
    await stage.ok('deploy', { version: 'v1', ...SHORT })
    let writes = 0
    let thaw = () => {}
    let frozenAt: Call | undefined
    const frozen = new Promise<void>((resolve) => (thaw = resolve))
    // Frozen between what it has read and what it writes: the whole client stands still.
    const hold = async () => {
      if (frozenAt) await frozen
    }
    const sleeping = stage.runHeld('deploy', hold, {
      version: 'v2',
      ...SHORT,
      before: (call) => {
        if (call.write && ++writes === at) frozenAt = call
      },
    })
    await stage.clock.sleep(100_000)
    if (!frozenAt) {
      await sleeping
      break
    }
    const where = `write ${at}: ${frozenAt.verb} ${frozenAt.kind}/${frozenAt.name}`
    await stage.ok('deploy', { version: 'v3', ...SHORT })
    await stage.settled()
    const after = stage.cluster.changes.length
    thaw()
    const { error } = await sleeping
    await stage.settled()
    // The one write that was on its way may still create what is not there: a preview, which gets no traffic and which the next release writes over.
    const late = stage.cluster.changes
      .slice(after)
      .filter(({ object }) => !object?.metadata.name.startsWith('web-preview'))
      .map(({ object, old }) => `${object ? 'wrote' : 'deleted'} ${(object ?? old)?.kind}/${(object ?? old)?.metadata.name}`)
    expect({ where, late, harm: stage.harm, serving: stage.serving() }).toEqual({ where, late: [], harm: [], serving: ['v3'] })
    if (frozenAt.kind !== 'Lease') expect({ where, error: error?.constructor.name }).toEqual({ where, error: 'Superseded' })
  }
})

test('a ledger of another version, another release or no JSON is refused, not overwritten', async () => {
  const refused = async (state: string | undefined) => {
    const stage = new Stage()
    await stage.ok('deploy', { version: 'v1' })
    const ledger = stage.cluster.all('ConfigMap').find(({ metadata }) => metadata.name === 'bluegreen-web')
    if (ledger) stage.cluster.put({ ...ledger, data: state === undefined ? {} : { 'state.json': state } })
    await stage.settled()
    const before = stage.cluster.changes.length
    const { error } = await stage.run('deploy', { version: 'v2' })
    expect(stage.cluster.changes.length).toBe(before)
    return error?.message
  }
  expect(await refused('{')).toContain('its state is not JSON')
  expect(await refused('{"version":1}')).toContain('has version 1, from before the first published version')
  expect(await refused('{"version":3}')).toContain(
    'has version 3, which a newer version of this action wrote; this one reads version 2: use the newer one',
  )
  expect(await refused('{"version":"2"}')).toContain('at version')
  expect(await refused(JSON.stringify({ ...emptyLedger('other'), generation: 1 }))).toContain('it belongs to release "other"')
  expect(await refused('{"version":2,"release":"web"}')).toContain('→ at generation')
  expect(await refused(undefined)).toContain('it has no state.json')
})

test('a run that another one has superseded waits for nothing more', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  stage.clock.after(20_000, () => {
    const held = lease(stage)
    if (held) stage.cluster.put({ ...held, spec: { ...held.spec, holderIdentity: 'another' } })
  })
  const { error, seconds } = await stage.run('deploy', { version: 'v2', bakeTime: 600_000 })
  expect(error).toBeInstanceOf(Superseded)
  expect(error?.message).toContain('is no longer held by this run (now by another)')
  expect(seconds).toBeLessThan(60)
  expect(stage.ledger().operation?.phase).toBe('bake')
})
