import { describe, expect, test } from '@jest/globals'
import { withoutQueries } from '../../../actions/canary-analyze/sources/pods.ts'
import { type Answer, AnswerError } from '../../../actions/shared/prometheus/answer.ts'
import { Counters } from '../../../actions/shared/prometheus/counters.ts'
import { lines, type PodGiven, podsStore, START } from './pods-in-memory.ts'

const at = (seconds: number): number => START + seconds * 1000
const GREEN = 'n{pod=~"green-.+"}'
const BLUE = 'n{pod=~"blue-.+"}'
const RESTARTS = 'kube_pod_container_status_restarts_total{pod=~"green-.+"}'
/** By pod and code: the points as [seconds since the beginning, value]. */
const points = ({ series }: Answer) =>
  Object.fromEntries(
    series.map(({ labels, points: all }) => [
      [labels.pod, labels.code].filter(Boolean).join(' '),
      all.map(([seconds, value]) => [seconds - START / 1000, value]),
    ]),
  )
/** How much a selector grew at each look, as an analysis reads it. */
async function growth(
  given: ReturnType<typeof podsStore>,
  selector: string,
  looks: number[],
  between: (seconds: number) => void = () => undefined,
) {
  const { store, clock } = given
  const counters = new Counters()
  counters.begin((await store.before(selector, clock.now())).series)
  const grown: number[] = []
  let from = 0
  for (const to of looks) {
    await clock.sleep(at(to) - clock.now())
    between(to)
    const answer = await store.samples(selector, at(from), at(to)).catch((error: unknown) => {
      if (error instanceof AnswerError) return undefined
      throw error
    })
    grown.push(answer ? counters.grow(answer.series, at(from), at(to)).reduce((sum, one) => sum + one.growth, 0) : NaN)
    if (answer) from = to
  }
  return grown
}
const counting =
  (rate: number, start = 1000) =>
  (seconds: number) =>
    lines({ n: start + rate * seconds })

test('one request a pod and look, however many selectors are read', async () => {
  const { store, asked, ports, clock } = podsStore([
    { name: 'green-1', text: () => lines({ 'n{code="200"}': 5, 'n{code="500"}': 1, m: 9 }) },
    { name: 'blue-1', text: () => lines({ n: 3 }) },
    { name: 'other-1', text: () => lines({ n: 3 }) },
  ])
  const selectors = [GREEN, 'n{pod=~"green-.+",code=~"5.."}', 'm{pod=~"green-.+"}', BLUE, RESTARTS]
  await Promise.all(selectors.map((selector) => store.before(selector, at(0))))
  expect([asked, ports.lists]).toEqual([['green-1', 'blue-1'], 1])
  await clock.sleep(10_000)
  const answers = await Promise.all(selectors.map((selector) => store.samples(selector, at(0), at(10))))
  expect([asked.slice(2), ports.lists]).toEqual([['green-1', 'blue-1'], 2])
  expect(answers.map(points)).toEqual([
    { 'green-1 200': [[10, 0]], 'green-1 500': [[10, 0]] },
    { 'green-1 500': [[10, 0]] },
    { 'green-1': [[10, 0]] },
    { 'blue-1': [[10, 0]] },
    { 'green-1': [[10, 0]] },
  ])
  // What is past is not read again.
  expect(points(await store.samples(BLUE, at(-1), at(5)))).toEqual({ 'blue-1': [[0, 0]] })
  expect(asked).toHaveLength(4)
})

test('a metric that is wanted later is read at its look, and not counted from its beginning', async () => {
  const { store, asked, clock } = podsStore([{ name: 'green-1', text: (seconds) => lines({ n: 7, m: 100 + seconds }) }])
  await store.before(GREEN, at(0))
  expect(points(await store.before('m{pod="green-1"}', at(0)))).toEqual({ 'green-1': [[0, 0]] })
  expect(asked).toHaveLength(2)
  await clock.sleep(10_000)
  expect(points(await store.samples('m{pod="green-1"}', at(0), at(10)))).toEqual({ 'green-1': [[10, 10]] })
  expect(asked).toHaveLength(3)
})

describe('what was counted', () => {
  test.each<[string, PodGiven[], (given: PodGiven[], seconds: number) => void, number[]]>([
    ['is what a counter grew by', [{ name: 'green-1', text: counting(2) }], () => undefined, [20, 20, 20]],
    [
      'goes on from 0 when the process restarts',
      [{ name: 'green-1', text: (seconds) => lines({ n: seconds < 15 ? 1000 + seconds : seconds - 15 }) }],
      () => undefined,
      [10, 5, 10],
    ],
    [
      'goes on from 0 when it restarts and is soon beyond what it had been',
      [{ name: 'green-1', text: (seconds) => lines({ n: [5, 8, 4, 90][seconds / 10] ?? 0 }) }],
      () => undefined,
      [3, 4, 86],
    ],
    [
      'of a pod that is new is all of it',
      [{ name: 'green-1', text: counting(0) }],
      (pods, seconds) => seconds === 20 && pods.push({ name: 'green-2', text: () => lines({ n: 7 }) }),
      [0, 7, 0],
    ],
    [
      'of a pod that is recreated under its name is all of it',
      [{ name: 'green-1', uid: 'a', text: () => lines({ n: 5 }) }],
      (pods, seconds) => seconds === 20 && pods.splice(0, 1, { name: 'green-1', uid: 'b', text: () => lines({ n: 6 }) }),
      [0, 6, 0],
    ],
    [
      'of a pod that vanishes ends',
      [{ name: 'green-1', text: counting(1) }, { name: 'green-2', text: counting(1) }], // biome-ignore format: short
      (pods, seconds) => seconds === 20 && pods.pop(),
      [20, 10, 10],
    ],
    [
      'with the first of its kind is seen',
      [{ name: 'green-1', text: (seconds) => lines(seconds < 20 ? { 'n{code="200"}': 5 } : { 'n{code="200"}': 5, 'n{code="500"}': 3 }) }],
      () => undefined,
      [0, 3, 0],
    ],
    [
      'before it was first read is not of the release',
      [
        { name: 'green-1', text: counting(1) },
        {
          name: 'green-2',
          text: (seconds) => {
            if (seconds < 15) throw new AnswerError('away')
            return lines({ n: 500 + seconds })
          },
        },
      ],
      () => undefined,
      [10, 10, 20],
    ],
    [
      'meanwhile is caught up with after a miss',
      [
        { name: 'green-1', text: counting(1) },
        {
          name: 'green-2',
          text: (seconds) => {
            if (seconds === 10 || seconds === 20) throw new AnswerError('away')
            return lines({ n: 500 + seconds })
          },
        },
      ],
      () => undefined,
      [10, 10, 40],
    ],
    [
      'is never more than there are numbers',
      [
        { name: 'green-1', text: counting(1) },
        { name: 'green-2', text: (seconds) => lines({ n: [0, 1.7e308, 1, 1.7e308][seconds / 10] ?? 0 }) },
      ],
      () => undefined,
      [1.7e308, 10, 10],
    ],
    [
      'by a pod that cannot be believed is left out',
      [
        { name: 'green-1', text: counting(1) },
        { name: 'green-2', text: (seconds) => lines({ 'n{code="200"}': seconds, 'n{code="500"}': seconds === 10 ? NaN : 0 }) },
      ],
      () => undefined,
      [10, 30, 20],
    ],
    [
      "is nobody else's word: labels that name a pod are its own",
      [
        { name: 'green-1', text: counting(1) },
        { name: 'blue-1', text: (seconds) => lines({ 'n{pod="green-1",namespace="shop",uid="uid-of-green-1"}': 99 * seconds }) },
      ],
      () => undefined,
      [10, 10, 10],
    ],
  ])('%s', async (_, pods, change, expected) => {
    expect(await growth(podsStore(pods), GREEN, [10, 20, 30], (seconds) => change(pods, seconds))).toEqual(expected)
  })

  test('of restarts is by the status of the pods, whatever their metrics say', async () => {
    const pods: PodGiven[] = [
      {
        name: 'green-1',
        running: false,
        containers: [{ name: 'web', restarts: 7 }, { name: 'proxy', restarts: 1 }], // biome-ignore format: short
        text: () => lines({ 'kube_pod_container_status_restarts_total{container="web"}': 1000 }),
      },
    ]
    const given = podsStore(pods)
    const change = (seconds: number) => {
      if (seconds === 20) pods.splice(0, 1, { name: 'green-1', containers: [{ name: 'web', restarts: 9 }, { name: 'proxy', restarts: 1 }] }) // biome-ignore format: short
    }
    expect(await growth(given, RESTARTS, [10, 20, 30], change)).toEqual([0, 2, 0])
    expect(given.asked).toEqual([])
    expect((await given.store.before(RESTARTS, at(30))).series.map(({ labels }) => labels.container)).toEqual(['web', 'proxy'])
  })
})

describe('who is meant', () => {
  const labels = (color: string) => ({ 'app.kubernetes.io/name': 'web', color })
  const pods: PodGiven[] = [
    { name: 'green-1', labels: labels('green'), text: () => lines({ 'n{code="200",version="1.1"}': 1, 'n{code="500",color="blue"}': 1 }) },
    { name: 'blue-1', labels: labels('blue'), text: () => lines({ 'n{code="200"}': 1 }) },
    { name: 'job-1', text: () => lines({ 'n{code="200",tenant="a"}': 1, 'n{code="200",tenant="b"}': 1 }) },
  ]
  test.each([
    ['n{pod=~"green-.+"}', ['green-1'], ['green-1 200', 'green-1 500']],
    ['n{namespace="shop",pod="blue-1"}', ['blue-1'], ['blue-1 200']],
    ['n{color="green"}', ['green-1'], ['green-1 200', 'green-1 500']],
    // A candidate that says it is the baseline is not.
    ['n{color="blue"}', ['blue-1'], ['blue-1 200']],
    ['n{color=~"green|blue",code!~"5.."}', ['green-1', 'blue-1'], ['green-1 200', 'blue-1 200']],
    ['n{color!="green"}', ['blue-1', 'job-1'], ['blue-1 200', 'job-1 200', 'job-1 200']],
    ['n{color=""}', ['job-1'], ['job-1 200', 'job-1 200']],
    ['n{app_kubernetes_io_name="web",code="500"}', ['green-1', 'blue-1'], ['green-1 500']],
    ['n{version="1.1"}', ['green-1', 'blue-1', 'job-1'], ['green-1 200']],
    ['n{tenant="a"}', ['green-1', 'blue-1', 'job-1'], ['job-1 200']],
    ['n{uid="uid-of-job-1",constructor=""}', ['job-1'], ['job-1 200', 'job-1 200']],
    ['n{pod=~"green"} ', [], []],
    ['m{pod="blue-1"}', ['blue-1'], []],
  ])('%s', async (selector, read, found) => {
    const { store, asked } = podsStore(pods)
    const answer = await store.samples(selector, at(-1), at(0))
    expect([asked, answer.series.map(({ labels: { pod, code } }) => `${pod} ${code}`)]).toEqual([read, found])
  })

  test('a series bears the labels of its pod where it has none of that name, and the ones that name the pod', async () => {
    const { store } = podsStore([
      {
        name: 'green-1',
        labels: { app: 'web', tier: 'front', '9-x': 'y' },
        text: () => lines({ 'n{app="shop",pod="blue-1",namespace="other"}': 1 }),
      },
    ])
    expect((await store.before('n{pod="green-1"}', at(0))).series).toEqual([
      {
        labels: {
          __name__: 'n',
          app: 'shop',
          tier: 'front',
          _9_x: 'y',
          namespace: 'shop',
          pod: 'green-1',
          uid: 'uid-of-green-1',
          exported_pod: 'blue-1',
          exported_namespace: 'other',
        },
        points: [[START / 1000, 0]],
      },
    ])
  })

  test('groups by labels', async () => {
    const { store } = podsStore(pods)
    expect((await store.groups('n{pod=~".+"}', ['code', 'color', 'constructor'], at(0))).series).toEqual([
      { labels: { code: '200', color: 'green' }, points: [[START / 1000, 1]] },
      { labels: { code: '500', color: 'blue' }, points: [[START / 1000, 1]] },
      { labels: { code: '200', color: 'blue' }, points: [[START / 1000, 1]] },
      { labels: { code: '200' }, points: [[START / 1000, 2]] },
    ])
  })

  test('at most 50 pods of a side are read, the same ones at each look, and it is said once', async () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ name: `green-${i}`, text: counting(1) }))
    const width = { now: 0, most: 0 }
    const read = async (seed: number) => {
      const given = podsStore(many, { seed, width })
      const grown = await growth(given, GREEN, [10, 20])
      await given.store.samples('n{pod=~"green-.+",code!~"5.."}', at(10), at(20))
      return { grown, ...given }
    }
    const { grown, asked, told } = await read(1)
    expect(grown).toEqual([500, 500])
    expect([asked.length, asked.slice(0, 50), asked.slice(50, 100)]).toEqual([150, asked.slice(100), asked.slice(100)])
    expect(told).toEqual(['of the 60 pods of pod=~"green-.+", 50 are read: a sample, with the seed 1'])
    expect(new Set((await read(2)).asked)).not.toEqual(new Set(asked))
    expect(width.most).toBe(8)
  })
})

describe('what could not be read', () => {
  const away = () => {
    throw new AnswerError('HTTP 404 from /metrics on port 80')
  }
  const begin = (pods: PodGiven[], selector = GREEN) => podsStore(pods).store.before(selector, at(0))
  test.each<[string, PodGiven[], string, string]>([
    [
      'no pod',
      [{ name: 'red-1' }, { name: 'red-2' }],
      GREEN,
      'no pod of the namespace shop is one of n{pod=~"green-.+"}; there are red-1; red-2',
    ],
    ['no pod at all', [], GREEN, 'there are none'],
    ['no pod to restart', [{ name: 'red-1' }], RESTARTS, 'no pod of the namespace shop is one of kube_pod'],
    [
      'a label that no pod has with this value',
      [{ name: 'a-1', labels: { color: 'blue' }, text: counting(1) }],
      'n{color="green"}',
      'no pod of the namespace shop has color="green"; there are color="blue"',
    ],
    [
      'a label of nobody who restarts',
      [{ name: 'a-1', labels: { color: 'blue' } }],
      'kube_pod_container_status_restarts_total{color="green"}',
      'has color="green"; there are color="blue"',
    ],
    ['pods that do not run', [{ name: 'green-1', running: false }], GREEN, 'none of the pods of n{pod=~"green-.+"} runs: green-1'],
    [
      'pods without metrics',
      Array.from({ length: 5 }, (_, i) => ({ name: `green-${i}`, text: away })),
      GREEN,
      'none of the 5 pods of n{pod=~"green-.+"} shows its metrics: green-0: HTTP 404 from /metrics on port 80; green-1: HTTP 404 from /metrics on port 80; green-2: HTTP 404 from /metrics on port 80; and 2 more',
    ],
    ['pods that are not ready, and silent', [{ name: 'green-1', ready: false, text: away }], GREEN, 'shows its metrics'],
    ['a page', [{ name: 'green-1', text: () => '<html>' }], GREEN, "green-1: line 1 of its metrics: a metric was expected: '<html>'"],
    [
      'what no counter can be',
      [{ name: 'green-1', text: () => lines({ n: -1 }) }],
      GREEN,
      'its counter {"__name__":"n"} is -1, which no counter can be',
    ],
    ['more than can be', [{ name: 'green-1', text: () => lines({ n: Infinity }) }], GREEN, 'is Infinity, which no counter can be'],
  ])('at the beginning: %s', async (_, pods, selector, why) => {
    const failed = begin(pods, selector)
    await expect(failed).rejects.toThrow(AnswerError)
    await expect(failed).rejects.toThrow(why)
  })
  test('a label that only series have names nobody yet, which is no error', async () => {
    const pods = [{ name: 'a-1', labels: { status: 'stable' }, text: () => lines({ 'n{status="200"}': 1 }) }]
    expect((await begin(pods, 'n{status="500"}')).series).toEqual([])
  })
  test('a regular expression that is none', async () => {
    await expect(begin([{ name: 'a-1' }], 'n{pod=~"a("}')).rejects.toThrow("'a(' is no regular expression of RE2")
  })
  test('one pod of several is told, once until it answers again, and the others are read', async () => {
    let broken = true
    const given = podsStore([
      { name: 'green-1', text: counting(1) },
      { name: 'green-2', text: (seconds) => (broken ? away() : counting(1)(seconds)) },
    ])
    expect(
      await growth(given, GREEN, [10, 20, 30, 40], (seconds) => {
        broken = seconds !== 30
      }),
    ).toEqual([10, 10, 10, 10])
    expect(given.told).toEqual(Array(2).fill('green-2 has no samples: HTTP 404 from /metrics on port 80'))
  })
  test('all pods of a side, later: a reading that failed, and what it missed is read later', async () => {
    const text = (seconds: number) => (seconds === 10 ? away() : counting(1)(seconds))
    const given = podsStore([{ name: 'green-1', text }, { name: 'blue-1', text: counting(1) }]) // biome-ignore format: short
    await given.store.before(BLUE, at(0))
    expect(await growth(given, GREEN, [10, 20])).toEqual([NaN, 20])
    await given.store.samples(BLUE, at(0), at(20))
    expect(points(await given.store.samples(BLUE, at(0), at(20)))).toEqual({ 'blue-1': [[20, 20]] })
  })
  test('a side that is down is no fault of the reading: its restarts are still counted', async () => {
    const pods: PodGiven[] = [{ name: 'green-1', text: counting(1) }]
    const given = podsStore(pods)
    const fall = (seconds: number) => {
      if (seconds === 20) pods[0] = { name: 'green-1', ready: false, text: away }
      if (seconds === 30) pods[0] = { name: 'green-1', ready: false, running: false, text: away }
      if (seconds === 40) pods.pop()
    }
    expect(await growth(given, GREEN, [10, 20, 30, 40], fall)).toEqual([10, 0, 0, 0])
    expect(given.asked).toHaveLength(3)
  })
  test('a pod that is slow has no sample at this look, and holds up nobody for longer than its time', async () => {
    let slow = false
    const given = podsStore([
      { name: 'green-1', text: counting(1) },
      { name: 'green-2', text: (seconds) => (slow ? new Promise<string>(() => undefined) : counting(1)(seconds)) },
    ])
    const { store, clock, told } = given
    await store.before(GREEN, at(0))
    await clock.sleep(10_000)
    slow = true
    expect(points(await store.samples(GREEN, at(0), at(10)))).toEqual({ 'green-1': [[10, 10]] })
    expect([clock.monotonic(), told]).toEqual([15_000, ['green-2 has no samples: no answer within 5s']])
  })
  test('an answer that comes after a later look was read is of no look', async () => {
    let answer: (text: string) => void = () => undefined
    const { store, clock } = podsStore(
      [
        { name: 'green-1', text: (seconds) => (seconds === 10 ? new Promise<string>((resolve) => { answer = resolve }) : lines({ n: seconds })) }, // biome-ignore format: short
      ],
      { timeout: 60_000 },
    )
    await store.before(GREEN, at(0))
    await clock.sleep(10_000)
    const late = store.samples(GREEN, at(0), at(10))
    await clock.sleep(10_000)
    expect(points(await store.samples(GREEN, at(0), at(20)))).toEqual({ 'green-1': [[20, 20]] })
    answer(lines({ n: 35 }))
    expect(points(await late)).toEqual({})
    await clock.sleep(20_000)
    expect(points(await store.samples(GREEN, at(20), at(40)))).toEqual({ 'green-1': [[40, 40]] })
  })
  test('the list of pods is a reading too; what is no fault of it is thrown as it is', async () => {
    const { store, ports } = podsStore([{ name: 'green-1' }])
    ports.failing = new AnswerError('cannot list Pod objects: 403')
    await expect(store.before(GREEN, at(0))).rejects.toThrow('cannot list Pod objects: 403')
    ports.failing = undefined
    const mistake = podsStore([{ name: 'green-1', text: () => { throw new TypeError('a mistake') } }]) // biome-ignore format: short
    await expect(mistake.store.before(GREEN, at(0))).rejects.toThrow(TypeError)
  })
  test('a run that ends waits for no pod', async () => {
    const { store, stop } = podsStore([{ name: 'green-1', text: () => new Promise<string>(() => undefined) }])
    const reading = store.before(GREEN, at(0))
    stop.abort(new Error('cancelled'))
    await expect(reading).rejects.toThrow('cancelled')
  })
  test.each([
    ['many', (look: number) => Array.from({ length: 6_000 }, (_, i) => `n{i="${look}-${i}"} 1`), 'it had more than 10000 series so far'],
    [
      'long',
      (look: number) => Array.from({ length: 600 }, (_, i) => `n{i="${look}-${i}-${'x'.repeat(4_000)}"} 1`),
      'its series so far have labels of more than 4194304 characters',
    ],
  ])('a pod whose labels are others at each look, and %s, is not followed', async (_, text, why) => {
    let look = 0
    const given = podsStore([
      { name: 'green-1', text: counting(1) },
      { name: 'green-2', text: () => text(look).join('\n') },
    ])
    await growth(given, GREEN, [10, 20], () => look++)
    expect(given.told).toEqual([`green-2 has no samples: ${why}`])
  })
})

test('of a counter the last looks are kept', async () => {
  const given = podsStore([{ name: 'green-1', text: counting(1) }])
  await growth(
    given,
    GREEN,
    Array.from({ length: 20 }, (_, i) => 10 * (i + 1)),
  )
  const kept = points(await given.store.samples(GREEN, at(0), at(200)))['green-1']
  expect(kept?.map(([seconds]) => seconds)).toEqual([130, 140, 150, 160, 170, 180, 190, 200])
})

test('queries are refused by name', async () => {
  const { store } = podsStore([{ name: 'green-1', text: counting(1) }])
  const prometheus = withoutQueries(store)
  await expect(prometheus.instant('max(queue)', at(0))).rejects.toThrow(
    'source: pods has counters alone, and Prometheus is needed for max(queue)',
  )
  await expect(prometheus.range('max(queue)', at(0), at(1), 1)).rejects.toThrow(AnswerError)
  expect([
    await prometheus.before(GREEN, at(0)),
    await prometheus.samples(GREEN, at(-1), at(0)),
    await prometheus.groups(GREEN, [], at(0)),
  ]).toMatchObject([
    { series: [{ labels: { pod: 'green-1' } }] },
    { series: [{ labels: { pod: 'green-1' } }] },
    { series: [{ labels: {} }] },
  ])
})
