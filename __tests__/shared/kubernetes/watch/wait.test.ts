import { expect, test } from '@jest/globals'
import { ApiError, type Cluster, type KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { CONFIG_MAP, ObjectError, POD, type Select, select } from '../../../../actions/shared/kubernetes/objects/read.ts'
import { waitFor } from '../../../../actions/shared/kubernetes/watch/wait.ts'
import { TestClock } from '../../../support/clock.ts'
import { type Call, intercept, MemoryCluster } from '../../../support/memory-cluster.ts'

const PODS = select(POD, { namespace: 'shop', labelSelector: 'app=web' })
const MAPS = select(CONFIG_MAP, { namespace: 'shop' })

function scene() {
  const clock = new TestClock()
  const cluster = new MemoryCluster(clock)
  const calls: string[] = []
  let fault: (call: Call) => void = () => undefined
  const before = (call: Call) => {
    calls.push(`${call.verb} ${call.kind}`)
    fault(call)
  }
  const put = (name: string, kind = 'Pod', more: object = {}): KubeObject =>
    cluster.put({ apiVersion: 'v1', kind, metadata: { name, namespace: 'shop', labels: { app: 'web' } }, ...more })
  return {
    clock,
    cluster,
    calls,
    client: intercept(cluster, { before }),
    put,
    break: (how: typeof fault) => {
      fault = how
    },
  }
}

const names = (objects: KubeObject[]): string => objects.map(({ metadata }) => metadata.name).join(' ')

/** Waits for 10 s, until `decide` says so; keeps what was seen, each with its time. */
function watch(
  { clock, client }: { clock: TestClock; client: Cluster },
  until = 'never',
  {
    queries = [PODS],
    signal = new AbortController().signal,
    timeout = 10_000,
  }: { queries?: Select<KubeObject>[]; signal?: AbortSignal; timeout?: number } = {},
): { seen: string[]; done: Promise<string | undefined> } {
  const seen: string[] = []
  let last: string | undefined
  const decide = (...lists: KubeObject[][]) => {
    const now = lists.map(names).join(' | ')
    if (now !== last) seen.push(`${clock.monotonic()} ${now}`)
    last = now
    return now === until ? now : undefined
  }
  return { seen, done: waitFor(client, queries, decide, { clock, signal, timeout }) }
}

test('what is there decides at once, else each change, until one is an answer', async () => {
  const stage = scene()
  const { clock, cluster, put } = stage
  const first = put('a')
  clock.after(1_500, () => put('b'))
  clock.after(2_300, () => cluster.drop(first))
  clock.after(2_400, () => cluster.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'other', namespace: 'shop' } }))
  clock.after(3_000, () => put('c'))
  const { seen, done } = watch(stage, 'b c')
  expect(await done).toBe('b c')
  expect(seen).toEqual(['0 a', '1500 a b', '2300 b', '3000 b c'])
})

test('the time over is no answer; it is decided once more then, and at least every second before', async () => {
  const stage = scene()
  const times: number[] = []
  const options = { clock: stage.clock, signal: new AbortController().signal, timeout: 3_500 }
  const answer = await waitFor(stage.client, [PODS], (_pods) => void times.push(stage.clock.monotonic()), options)
  expect(answer).toBeUndefined()
  expect([...new Set(times)]).toEqual([0, 1000, 2000, 3000, 3500])
})

test('nothing is decided before all lists are known', async () => {
  const stage = scene()
  stage.put('a')
  stage.put('settings', 'ConfigMap')
  const seen: string[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  stage.clock.after(2_000, () => release())
  const slow: Cluster = {
    ...stage.client,
    list: async (query) => {
      if (query.kind === 'ConfigMap') await held
      return stage.client.list(query)
    },
  }
  const decide = (pods: KubeObject[], maps: KubeObject[]) => {
    seen.push(`${stage.clock.monotonic()} ${names(pods)} | ${names(maps)}`)
    return true
  }
  await waitFor(slow, [PODS, MAPS], decide, { clock: stage.clock, signal: new AbortController().signal, timeout: 10_000 })
  expect(seen).toEqual(['2000 a | settings'])
})

const faults: [string, (stage: ReturnType<typeof scene>) => void][] = [
  ['ends', ({ cluster }) => cluster.endWatches()],
  [
    'is too old',
    ({ cluster, put }) => {
      for (let i = 0; i < 5; i++) put('noise', 'ConfigMap', { data: { i: String(i) } })
      cluster.compact()
      cluster.endWatches()
    },
  ],
  [
    'cannot be begun',
    (stage) => {
      stage.cluster.endWatches()
      let times = 0
      stage.break(({ verb }) => {
        if (verb === 'watch' && times++ < 2) throw new TypeError('terminated')
      })
    },
  ],
]
test.each(faults)('a watch that %s is begun again from a new list: nothing in between is missed', async (_, fault) => {
  const stage = scene()
  const first = stage.put('a')
  stage.clock.after(2_000, () => {
    fault(stage)
    stage.cluster.drop(first) // while nobody watches
    stage.put('b')
  })
  stage.clock.after(5_000, () => stage.put('c'))
  const { seen, done } = watch(stage, 'b c')
  expect(await done).toBe('b c')
  expect(seen).toEqual(['0 a', expect.stringMatching(/^2\d\d\d b$/), '5000 b c'])
  expect(stage.calls.filter((call) => call === 'list Pod').length).toBeGreaterThan(1)
})

test('a server that ends every watch at once is not asked in a tight loop', async () => {
  const stage = scene()
  stage.break(({ verb }) => {
    if (verb === 'watch') throw new ApiError('watch', 'Pod', 410, { message: 'too old' })
  })
  expect(await watch(stage).done).toBeUndefined()
  expect(stage.calls.filter((call) => call === 'list Pod').length).toBeLessThanOrEqual(21)
})

const refuse = (verb: string, status: number) => (call: Call) => {
  if (call.verb === verb) throw new ApiError(verb, 'Pod objects', status, { message: 'no' })
}
test.each([
  ['list', 403],
  ['list', 500],
  ['watch', 401],
  ['watch', 403],
])('an API server that refuses to %s with %d is the error of the wait', async (verb, status) => {
  const stage = scene()
  stage.break(refuse(verb, status))
  await expect(watch(stage, undefined, { queries: [MAPS, PODS] }).done).rejects.toMatchObject({ verb, status })
  expect(stage.clock.monotonic()).toBeLessThan(1000)
})

test('a list that fails later is an error too, never the last that was known', async () => {
  const stage = scene()
  stage.put('a')
  stage.clock.after(3_000, () => {
    stage.break(refuse('list', 503))
    stage.cluster.endWatches()
  })
  await expect(watch(stage).done).rejects.toMatchObject({ status: 503 })
})

test('a cancel ends it with its reason, and its watches', async () => {
  const stage = scene()
  const stop = new AbortController()
  stage.clock.after(2_000, () => stop.abort(new Error('cancelled')))
  await expect(watch(stage, undefined, { signal: stop.signal }).done).rejects.toThrow('cancelled')
  expect(stage.clock.monotonic()).toBe(2_000)
})

test('what a decision throws is the error, and nothing is asked any more', async () => {
  const stage = scene()
  stage.put('a')
  const options = { clock: stage.clock, signal: new AbortController().signal, timeout: 10_000 }
  await expect(waitFor(stage.client, [PODS], (_pods) => Promise.reject(new Error('undecided')), options)).rejects.toThrow('undecided')
  const { length } = stage.calls
  stage.cluster.endWatches()
  await stage.clock.sleep(60_000)
  expect(stage.calls).toHaveLength(length)
})

test('a change while a decision is being made is decided on', async () => {
  const stage = scene()
  stage.put('a')
  const seen: string[] = []
  const decide = async (pods: KubeObject[]) => {
    seen.push(`${stage.clock.monotonic()} ${names(pods)}`)
    if (seen.length === 1) stage.clock.after(100, () => stage.put('b'))
    await stage.clock.sleep(300)
    return seen.length === 2 || undefined
  }
  await waitFor(stage.client, [PODS], decide, { clock: stage.clock, signal: new AbortController().signal, timeout: 10_000 })
  expect(seen).toEqual(['0 a', '300 a b'])
})

test.each(['list', 'watch'])('what a %s gives that is not of its kind is the error of the wait, by its name', async (verb) => {
  const stage = scene()
  const bad = () => stage.put('b', 'Pod', { status: { conditions: 'Ready' } })
  if (verb === 'list') bad()
  else stage.clock.after(2_000, bad)
  const { done, seen } = watch(stage)
  await expect(done).rejects.toThrow(ObjectError)
  await expect(done).rejects.toThrow('Pod/b cannot be read: status.conditions:')
  expect(seen).toEqual(verb === 'list' ? [] : ['0 '])
})
