import { expect, test } from '@jest/globals'
import type { Pod } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { RunningPod } from '../../support/memory-node.ts'
import { NAMESPACE, type Ran, type RunOptions, Stage } from '../stage.ts'

/** Version 1 serves; then a release of version 2 goes wrong. */
async function secondRelease(prepare: (stage: Stage) => void, options: RunOptions = {}): Promise<{ stage: Stage; ran: Ran }> {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  prepare(stage)
  return { stage, ran: await stage.run('deploy', { version: 'v2', ...options }) }
}

/** What holds after every rejected release. */
function expectAsBefore(stage: Stage): void {
  expect(stage.serving()).toEqual(['v1'])
  expect(stage.ready()).toHaveLength(3)
  expect(stage.deployments()).toEqual({ 'web-blue': 3 })
  expect(stage.names('Service')).toEqual(['web'])
  expect(stage.names('ConfigMap')).toEqual(['bluegreen-web', 'web-settings-blue'])
  expect(stage.ledger()).toMatchObject({ operation: null, active: { color: 'blue', revision: 1 }, warm: null })
  expect(stage.harm).toEqual([])
}

/** What the Service selected, change after change. */
const selected = (stage: Stage): string[] => {
  const colors = stage.cluster.changes.flatMap(({ object }) =>
    object?.kind === 'Service' && object.metadata.name === 'web'
      ? [(object as { spec?: { selector?: { color?: string } } }).spec?.selector?.color ?? '']
      : [],
  )
  return colors.filter((color, at) => color !== colors[at - 1])
}

const when = (stage: Stage, phase: string, act: () => void, after = 0): void => {
  let done = false
  stage.cluster.onChange(({ object }) => {
    if (done || object?.metadata.name !== 'bluegreen-web' || object.kind !== 'ConfigMap' || stage.ledger().operation?.phase !== phase)
      return
    done = true
    stage.clock.after(after, act)
  })
}

const first = (stage: Stage, version: string): RunningPod => stage.pods(version)[0] as RunningPod

test('a candidate that is never ready never gets traffic; its words are shown', async () => {
  const { stage, ran } = await secondRelease((stage) => {
    stage.behave('v2', { startup: Infinity })
    stage.cluster.log = (pod, container) => `${pod} ${container} waits for its database`
  })
  expect(ran.result).toMatchObject({ outcome: 'failed', switched: false, rolledBack: false, revision: 2, activeColor: 'blue' })
  expect(ran.result?.headline).toBe('Revision 2 rejected before it got traffic; revision 1 serves on blue')
  expect(ran.result?.reason).toBe('not ready within 10m: Deployment/web-green: 0 of 3 pods available')
  expect(ran.evidence).toContain('waits for its database')
  expect(selected(stage)).toEqual(['blue'])
  expectAsBefore(stage)
})

test.each([
  [
    'an image that is not there',
    { waiting: { reason: 'ErrImagePull', message: 'registry.example/web:v2: not found' } },
    0,
    'image cannot be pulled',
  ],
  ['a registry that limits its rate', { waiting: { reason: 'ErrImagePull', message: 'toomanyrequests' } }, 120, 'toomanyrequests'],
  ['bad configuration', { waiting: { reason: 'CreateContainerConfigError', message: 'no such user' } }, 0, 'no such user'],
  [
    'configuration that nobody makes',
    { waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } },
    120,
    'secret "x" not found',
  ],
  ['no node', { unschedulable: '0/3 nodes are available' }, 300, 'no node can take it'],
  ['a crash loop', { startup: Infinity, crashAfter: 500 }, 0, 'was restarted 3 times, ended with exit code 1 (Error): it crashed'],
])('%s ends a release as early as is known that it cannot heal', async (_, behaviour, after, words) => {
  const { stage, ran } = await secondRelease((stage) => stage.behave('v2', behaviour))
  expect(ran.result?.outcome).toBe('failed')
  expect(ran.result?.reason).toContain(words)
  expect(ran.seconds).toBeGreaterThanOrEqual(after)
  expect(ran.seconds).toBeLessThan(after + 15)
  expectAsBefore(stage)
})

test('a quota ends a release at once', async () => {
  const { stage, ran } = await secondRelease((stage) => {
    stage.node.refusePods = 'pods "web-green" is forbidden: exceeded quota: few'
  })
  expect(ran.result?.reason).toBe('pods cannot be created: pods "web-green" is forbidden: exceeded quota: few')
  expect(ran.seconds).toBeLessThan(10)
  stage.node.refusePods = ''
  expectAsBefore(stage)
})

test('a candidate that answers badly before traffic gets none', async () => {
  const { stage, ran } = await secondRelease((stage) => stage.behave('v2', { answers: () => 503 }))
  expect(ran.result).toMatchObject({ outcome: 'failed', switched: false })
  expect(ran.result?.reason).toBe('before traffic: GET /health on port 80 of Service/web-preview answered 503')
  expect(selected(stage)).toEqual(['blue'])
  expectAsBefore(stage)
})

test('good answers have to come in a row', async () => {
  let asked = 0
  const { stage, ran } = await secondRelease((stage) => stage.behave('v2', { answers: () => (++asked % 3 === 0 ? 500 : 200) }))
  expect(ran.result?.reason).toContain('before traffic')
  expectAsBefore(stage)
})

test.each<[string, (stage: Stage) => void, string]>([
  ['a pod that becomes unready', (stage) => stage.node.setReady(first(stage, 'v2'), false), 'is no longer ready'],
  ['a restart', (stage) => stage.node.restart(first(stage, 'v2')), 'container web restarted (Error, exit code 1): out of luck'],
  ['failing checks', (stage) => stage.behave('v2', { answers: () => 500 }), 'answered 500, 3 times in a row'],
])('%s while it bakes takes traffic back, to the old color at full capacity', async (_, fault, words) => {
  const { stage, ran } = await secondRelease((stage) => when(stage, 'bake', () => fault(stage), 20_000))
  expect(ran.result).toMatchObject({ outcome: 'failed', switched: true, rolledBack: true, activeColor: 'blue' })
  expect(ran.result?.headline).toBe('Revision 2 taken back; revision 1 serves on blue')
  expect(ran.result?.reason).toContain(words)
  expect(selected(stage)).toEqual(['blue', 'green', 'blue'])
  expect(stage.ledger().history[0]).toMatchObject({ revision: 2, outcome: 'rolled-back', reason: ran.result?.reason })
  expectAsBefore(stage)
})

test('the old color is at full capacity when traffic comes back to it', async () => {
  const capacity: number[] = []
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  await stage.ok('deploy', { version: 'v2' }) // blue: 1
  stage.cluster.onChange(({ old, object }) => {
    const color = (service: unknown) => (service as { spec?: { selector?: { color?: string } } } | undefined)?.spec?.selector?.color
    if (object?.kind === 'Service' && object.metadata.name === 'web' && color(object) === 'blue' && color(old) === 'green')
      capacity.push(stage.ready().length)
  })
  await stage.ok('rollback')
  expect(capacity).toEqual([3])
})

test.each([1, 500, 1_100, 1_500, 2_300, 3_000, 4_500, 40_000])(
  'a way back that is decided %d ms into the bake goes to pods of which none ends',
  async (after) => {
    const { stage } = await secondRelease((stage) => when(stage, 'bake', () => stage.node.setReady(first(stage, 'v2'), false), after))
    await stage.settled()
    expect(stage.harm).toEqual([])
    expectAsBefore(stage)
  },
)

test('rejected pods get two seconds, so that kept connections end', async () => {
  const { stage } = await secondRelease((stage) => when(stage, 'bake', () => stage.node.setReady(first(stage, 'v2'), false), 5_000))
  const graces = stage.cluster.changes.flatMap(({ object }) => {
    const { deletionGracePeriodSeconds: grace, labels } = (object?.metadata ?? {}) as {
      deletionGracePeriodSeconds?: number
    } & Pod['metadata']
    return object?.kind === 'Pod' && labels?.color === 'green' && grace !== undefined ? [grace] : []
  })
  expect(new Set(graces)).toEqual(new Set([2]))
})

test('the way back does not wait for the old color when the serving one is down', async () => {
  const { stage, ran } = await secondRelease((stage) => {
    when(
      stage,
      'bake',
      () => {
        for (const pod of [...stage.pods('v1').slice(1), ...stage.pods('v2')]) stage.node.setReady(pod as RunningPod, false)
      },
      30_000,
    )
  })
  expect(ran.result).toMatchObject({ outcome: 'failed', rolledBack: true })
  const at = (color: string) =>
    stage.cluster.changes.findLastIndex(
      ({ object }) =>
        object?.kind === 'Service' &&
        object.metadata.name === 'web' &&
        (object as { spec?: { selector?: { color?: string } } }).spec?.selector?.color === color,
    )
  expect(at('blue')).toBeGreaterThan(at('green'))
  expect(stage.serving()).toEqual(['v1'])
})

test('a first release that is never ready leaves nothing behind', async () => {
  const stage = new Stage()
  stage.behave('v1', { startup: Infinity })
  const { result } = await stage.run('deploy', { version: 'v1' })
  expect(result).toMatchObject({ outcome: 'failed', activeColor: '', switched: false })
  expect(result?.headline).toBe('Revision 1 rejected before it got traffic; nothing serves')
  expect(stage.deployments()).toEqual({})
  expect(stage.names('Service')).toEqual([])
})

test('a first release that turns bad keeps the traffic: there is nothing to go back to', async () => {
  const stage = new Stage()
  when(stage, 'bake', () => stage.node.restart(first(stage, 'v1')), 10_000)
  const { result } = await stage.run('deploy', { version: 'v1' })
  expect(result).toMatchObject({ outcome: 'failed', activeColor: 'blue', switched: true, rolledBack: false })
  expect(result?.headline).toContain('kept although it failed: there is nothing to go back to')
  expect(stage.serving()).toEqual(['v1'])
  expect(stage.harm).toEqual([])
})

test('too little traffic is said; it is kept or taken back, as was asked for', async () => {
  const run = (onInconclusive: 'pass' | 'rollback', requests: number) =>
    secondRelease((stage) => stage.behave('v2', { requests }), { minRequests: 100, onInconclusive })
  const kept = await run('pass', 0.1)
  expect(kept.ran.result).toMatchObject({ outcome: 'inconclusive', switched: true, rolledBack: false, activeColor: 'green' })
  expect(kept.ran.result?.reason).toMatch(
    /^too little traffic: \d+ requests reached web-green in 1m, and fewer than 100 say nothing about it$/,
  )
  const back = await run('rollback', 0.1)
  expect(back.ran.result).toMatchObject({ outcome: 'inconclusive', rolledBack: true, activeColor: 'blue' })
  expectAsBefore(back.stage)
  const busy = await run('rollback', 10)
  expect(busy.ran.result).toMatchObject({ outcome: 'passed', reason: '' })
})

test('pods without metrics do not count as pods without traffic', async () => {
  const { ran } = await secondRelease(() => undefined, { minRequests: 100, onInconclusive: 'rollback' })
  expect(ran.result).toMatchObject({ outcome: 'passed', reason: '' })
  expect(ran.told).toContain('traffic was not measured: no http_requests_total at /metrics on port 8080 of the pods')
})

test('pods that vanish right after the switch take it back', async () => {
  const { stage, ran } = await secondRelease((stage) => when(stage, 'shift', () => stage.node.setReady(first(stage, 'v2'), false), 10))
  expect(ran.result?.outcome).toBe('failed')
  expectAsBefore(stage)
})

test('a drained node is no verdict: its pods are replaced', async () => {
  const { ran } = await secondRelease((stage) =>
    when(
      stage,
      'bake',
      () => void stage.cluster.delete({ apiVersion: 'v1', kind: 'Pod', namespace: NAMESPACE, name: first(stage, 'v2').metadata.name }),
      10_000,
    ),
  )
  expect(ran.result).toMatchObject({ outcome: 'passed', activeColor: 'green' })
})

test('a fault of the API before the switch is an error, undone, and no verdict on the candidate', async () => {
  const { stage, ran } = await secondRelease(() => undefined, {
    before: ({ verb, name }) => {
      if (verb === 'apply' && name === 'web-preview') throw new Error('the network is away')
    },
  })
  expect(ran.result).toBeUndefined()
  expect(ran.error?.message).toBe('the network is away')
  expectAsBefore(stage)
})

test('a fault of the API while it bakes is an error, and traffic goes back', async () => {
  let broken = false
  const { stage, ran } = await secondRelease(
    (stage) =>
      when(
        stage,
        'bake',
        () => {
          broken = true
        },
        10_000,
      ),
    {
      before: ({ verb }) => {
        if (broken && verb === 'proxy') throw new Error('the network is away')
      },
    },
  )
  expect(ran.error?.message).toBe('the network is away')
  expectAsBefore(stage)
})
