// What the pods of a candidate may answer and do.
import type { Deployment, Pod } from '../../../../actions/shared/kubernetes/objects/read.ts'
import type { Lie, Lies } from '../liar.ts'
import { ALONE, stageManifests } from '../shape.ts'
import { type Case, SHOUT, type Table } from './case.ts'

/** The tag of the image that lies. */
export const LIAR = 'liar'
const BAKE = { 'bake-time': '20s', 'check-path': '/check', 'check-timeout': '2s' }

let made = 0

/** Each time others, so that a case which the version before has passed is no release of nothing. */
async function manifests(env: Record<string, string>): Promise<string> {
  const all = { ...env, CASE: String(++made) }
  const list = (await stageManifests(ALONE, LIAR, 2)) as unknown as { items: Deployment[] }
  for (const { kind, spec } of list.items) {
    if (kind !== 'Deployment') continue
    const [container] = spec.template.spec.containers as { env?: object[] }[]
    container?.env?.push(...Object.entries(all).map(([name, value]) => ({ name, value })))
  }
  return JSON.stringify(list)
}

/** Tells pods of the candidate, by default all, what to answer from now on. */
async function instruct({ stage, before }: Table, wish: object, most?: number): Promise<void> {
  const color = before.color === 'blue' ? 'green' : 'blue'
  const labelSelector = `app=backend,color=${color}`
  const { items } = await stage.world.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: stage.namespace, labelSelector })
  for (const pod of (items as (Pod & { status: { podIP: string } })[]).slice(0, most))
    await fetch(`http://${pod.status.podIP}:3000/control`, { method: 'POST', body: JSON.stringify(wish) })
}

type Ends = 'failed' | 'passed' | 'failed or error'

/** The pods lie from the moment on at which the candidate is about to be watched under traffic. */
const underTraffic = (
  name: string,
  wish: object,
  ends: Ends,
  more: { says?: RegExp; short?: boolean; inputs?: Record<string, string>; most?: number; hurts?: true } = {},
): Case => ({
  name: `pod under traffic: ${name}`,
  ...(more.short && { short: true }),
  ...(more.hurts && { hurts: true }),
  longest: 60_000,
  after: 'look',
  async run(table) {
    const { before, expect, expectOutcome, expectServes } = table
    const passes = ends === 'passed'
    const inputs = { ...BAKE, ...(passes && { 'bake-time': '3s' }), ...more.inputs, manifests: '-' }
    const result = await table.runWith('ledger bake', () => instruct(table, wish, more.most), { inputs, stdin: await manifests({}) })
    expectOutcome(result, passes ? ['passed', 'inconclusive'] : ends.split(' or '), more.says)
    const back = result.outputs['rolled-back']
    expect(back === String(!passes), `rolled-back is ${back}`)
    await expectServes(passes ? LIAR : before.version)
  },
})

/** They lie from the start. */
const beforeTraffic = (name: string, lies: Lies, short = false): Case => ({
  name: `pod before traffic: ${name}`,
  short,
  longest: 60_000,
  after: 'look',
  async run({ before, expect, expectOutcome, expectServes, run }) {
    const inputs = { ...BAKE, manifests: '-' }
    const result = await run({ inputs, stdin: await manifests({ LIES: JSON.stringify(lies) }) })
    expectOutcome(result, 'failed', /\/check/)
    expect(result.outputs['switched'] === 'false', 'it got traffic')
    await expectServes(before.version)
  },
})

const status = (code: number, more: object = {}): string =>
  JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'forged by the pod',
    reason: 'Forbidden',
    code,
    ...more,
  })
const json = { 'content-type': 'application/json' }
const check = (lie: Lie): Lies => ({ '/check': { headers: json, ...lie } })
const metrics = (lie: Lie): Lies => ({ '/metrics': { headers: { 'content-type': 'text/plain' }, ...lie } })
const COUNTS = { 'min-requests': '1' }
const series = (value: string): string => `# TYPE http_requests_total counter\nhttp_requests_total{status="200"} ${value}\n`

const statuses = [401, 403, 404, 409, 410, 429, 500, 502, 503, 504].flatMap((code, at) => [
  underTraffic(`a Status ${code}`, check({ status: code, body: status(code) }), 'failed', { short: at % 4 === 1 }),
])

const retries: [string, unknown][] = [
  ['"x"', 'x'],
  ['NaN', null],
  ['-1', -1],
  ['1e308', 1e308],
  ['a day', 86_400],
  ['a list', [1]],
  ['an object', { valueOf: 1 }],
  ['0.0001', 0.0001],
]

/** Answers that count as bad, whoever they seem to come from. */
const bad: Case[] = [
  ...statuses,
  ...retries.map(([name, retryAfterSeconds], at) =>
    underTraffic(
      `retryAfterSeconds ${name}`,
      check({ status: at % 2 ? 429 : 500, body: status(500, { details: { retryAfterSeconds } }) }),
      'failed',
      {
        short: at === 0,
      },
    ),
  ),
  ...['x', '-1', '1e309', 'Fri, 31 Dec 9999 23:59:59 GMT', '86400'].map((after, at) =>
    underTraffic(`retry-after: ${after}`, check({ status: 503, headers: { ...json, 'retry-after': after }, body: status(503) }), 'failed', {
      short: at === 4,
    }),
  ),
  underTraffic(
    'the words of the API server about unreachable pods',
    check({ status: 503, body: status(503, { message: 'no endpoints available for service "backend"' }) }),
    'failed',
  ),
  underTraffic('a Status with a huge message', check({ status: 500, body: status(500, { message: 'x'.repeat(2 ** 20) }) }), 'failed', {
    short: false,
  }),
  underTraffic(
    'a Status whose fields have other types',
    check({ status: 403, body: '{"kind":"Status","message":{"a":1},"reason":[],"details":"x","code":"403"}' }),
    'failed',
  ),
  underTraffic('commands to the runner', check({ status: 500, body: `${SHOUT}\n\x1b[31m` }), 'failed', { short: true }),
  underTraffic('an audit-id of its own', check({ status: 403, headers: { ...json, 'audit-id': ['a', 'b'] }, body: status(403) }), 'failed'),
  underTraffic(
    '401 that asks for credentials',
    check({ status: 401, headers: { 'www-authenticate': 'Bearer realm="x"' }, body: 'Unauthorized' }),
    'failed',
  ),
  underTraffic('a status that there is not', check({ status: 799, body: 'what' }), 'failed'),
  underTraffic('no answer', check({ silent: true }), 'failed', { short: false }),
  underTraffic('an answer that drips without end', check({ status: 500, body: 'x', repeat: -1, every: 100 }), 'failed'),
  underTraffic('a bad answer without end', check({ status: 500, body: 'x'.repeat(65_536), repeat: -1 }), 'failed', { short: true }),
  underTraffic('answers that break off', check({ status: 200, body: 'x'.repeat(1000), cut: true }), 'failed or error'),
  underTraffic(
    'headers larger than a client takes',
    check({ status: 200, headers: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'y'.repeat(1000)])) }),
    'failed or error',
  ),
  underTraffic(
    'a body that says it is compressed',
    check({ status: 500, headers: { 'content-encoding': 'gzip' }, body: 'no gzip' }),
    'failed',
  ),
  underTraffic('a container that crashes', { crash: true }, 'failed', { short: false, most: 1, hurts: true }),
  underTraffic('a pod that flaps', { flap: 1500 }, 'failed', { short: true, most: 1 }),
]

/** Answers that are odd, and good. */
const good: Case[] = [
  underTraffic('200 with a Status of a failure', check({ status: 200, body: status(403) }), 'passed', { short: true }),
  underTraffic('a good answer without end', check({ body: 'x'.repeat(65_536), repeat: -1 }), 'passed', {
    inputs: { 'check-timeout': '5s' },
  }),
  underTraffic(
    'a redirect to elsewhere',
    check({ status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data' } }),
    'passed',
  ),
  underTraffic('every second answer is bad', check({ status: 500, body: status(500), nth: 2 }), 'passed'),
  ...(
    [
      ['NaN', series('NaN')],
      ['-1', series('-1')],
      ['1e308 twice', `${series('1e308')}http_requests_total{status="500"} 1e308\n`],
      ['+Inf', series('+Inf')],
      ['no end of line', series('5').trimEnd()],
      ['a label that never ends', `http_requests_total{status="${'x'.repeat(2 ** 20)}`],
      ['spaces', `http_requests_total${' '.repeat(2 ** 20)}x`],
      ['a page', '<html>'],
      ['bytes', '\0\x01\x02'],
      ['a Status', status(403)],
      ['0x7f', series('0x7f')],
    ] as const
  ).map(([name, body], at) => underTraffic(`metrics: ${name}`, metrics({ body }), 'passed', { inputs: COUNTS, short: at % 6 === 0 })),
  underTraffic('metrics: 8 MiB', metrics({ body: `http_requests_total{a="${'x'.repeat(1000)}"} 1\n`, repeat: 8400 }), 'passed', {
    inputs: COUNTS,
    short: true,
  }),
  underTraffic('metrics: without end', metrics({ body: `http_requests_total{a="${'x'.repeat(1000)}"} 1\n`, repeat: -1 }), 'passed', {
    inputs: COUNTS,
  }),
  underTraffic('metrics: no answer', metrics({ silent: true }), 'passed', { inputs: COUNTS }),
  underTraffic('metrics: a refusal as the API server writes it', metrics({ status: 403, body: status(403) }), 'passed', {
    inputs: COUNTS,
    short: true,
  }),
  underTraffic(
    'metrics: please try again',
    metrics({ status: 429, body: status(429, { details: { retryAfterSeconds: 3600 } }) }),
    'passed',
    { inputs: COUNTS },
  ),
]

const early: Case[] = [
  beforeTraffic('a Status 403', check({ status: 403, body: status(403) }), true),
  beforeTraffic('a Status 429 for ever', check({ status: 429, body: status(429, { details: { retryAfterSeconds: 1 } }) })),
  beforeTraffic('a Status 500 without a pause', check({ status: 500, body: status(500, { details: { retryAfterSeconds: 'x' } }) })),
  beforeTraffic('no answer', check({ silent: true })),
  beforeTraffic('a secret of the pod in a bad answer without end', check({ status: 500, body: `${'x'.repeat(1000)}\n`, repeat: -1 })),
]

/** They become ready and unready all the time, and are never ready together for long. */
const flapping: Case = {
  name: 'pod before traffic: it flaps',
  longest: 120_000,
  after: 'look',
  async run({ stage, before, run, expectOutcome, expect }) {
    const result = await run({
      inputs: { manifests: '-', 'ready-deadline': '15s', 'bake-time': '10s', 'check-path': '/version' },
      stdin: await manifests({ FLAP: '1700' }),
    })
    expectOutcome(result, ['failed', 'error'])
    const { version } = await stage.look()
    expect(version === before.version, `${version} serves, not ${before.version}`)
  },
}

/** A check that hangs must not keep the pods from being heard. */
const heard: Case = {
  name: 'pod under traffic: it is no longer ready while an answer hangs',
  short: true,
  longest: 60_000,
  after: 'look',
  async run(table) {
    const { stage, before, expect, expectOutcome, expectServes } = table
    let began = 0
    const act = async (): Promise<void> => {
      await instruct(table, check({ silent: true }))
      await instruct(table, { ready: false }, 1)
      began = performance.now()
    }
    const inputs = { ...BAKE, 'bake-time': '50s', 'check-timeout': '40s', manifests: '-' }
    const result = await table.runWith('ledger bake', act, { inputs, stdin: await manifests({}) })
    expectOutcome(result, 'failed', /no longer ready/)
    const decided = stage.proxy.calls.find(({ write, body, at }) => write && at > began && /phase\\": \\"rollback/.test(body))
    const seconds = ((decided?.at ?? Number.POSITIVE_INFINITY) - began) / 1000
    expect(seconds < 15, `it was decided ${seconds.toFixed(1)} s after the pod was unready`)
    await expectServes(before.version)
  },
}

export const podCases: Case[] = [...bad, ...good, ...early, flapping, heard]
