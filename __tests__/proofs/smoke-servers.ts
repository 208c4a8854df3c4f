// Real servers, good and bad, and Services behind a real kubelet: of each the right word, within the deadline, with bounded memory.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeObject } from '../../actions/shared/kubernetes/api/cluster.ts'
import { WORDS } from '../../actions/smoke-test/fault.ts'
import { BACKEND } from '../../sandbox/images.ts'
import { type BundleResult, runBundle } from '../../scripts/runner.ts'
import type { Proof } from './prove.ts'
import { ensurePackages } from './support/packages.ts'
import { type Case, hostile, nginx, redis } from './support/smoke/cases.ts'
import { type Hostile, startHostile } from './support/smoke/hostile.ts'
import { answers, startNginx, writeCertificates } from './support/smoke/nginx.ts'
import { freePorts } from './support/smoke/ports.ts'
import { liveState, runRelease, until, type World, withNamespace } from './support/world.ts'

/** What a run with two dozen bombs and floods may take of memory; Node itself takes about 70. */
const MOST_MIB = 300
/** How long after its deadline a run may still be there, in seconds: start, report and exit of the process. */
const SLACK = 3
/** The tag whose requests all fail; its health is well. */
const ERRING = 'erring'
const [REDIS_PORT = 0] = await freePorts(1)

interface Bench {
  world: World
  folder: string
  wrong: string[]
  cases: number
}

interface Checked {
  name: string
  outcome: 'passed' | 'failed' | 'skipped'
  word?: string
  verdict?: string
  message?: string
  attempts: number
  failures: Record<string, number>
}

async function prove(world: World) {
  const folder = await mkdtemp(join(tmpdir(), 'smoke-'))
  const bench: Bench = { world, folder, wrong: [], cases: 0 }
  const servers = await startHostile()
  writeCertificates(folder)
  await writeFile(
    join(folder, 'health.schema.json'),
    JSON.stringify({ type: 'object', required: ['status'], properties: { status: { enum: ['ok'] } } }),
  )
  const stopNginx = await startNginx(folder, servers.ports.grpc ?? 0)
  const stopRedis = await startRedis(folder)
  try {
    await overTheNetwork(bench, servers)
    await nowhere(bench)
    await blocked(bench)
    await behindTheKubelet(bench)
    await asGate(bench)
  } finally {
    await Promise.all([stopNginx(), stopRedis(), servers.close()])
    await rm(folder, { recursive: true, force: true })
  }
  for (const text of bench.wrong) world.log(`  WRONG ${text}`)
  return { cases: bench.cases, wrong: bench.wrong.length }
}

async function startRedis(folder: string): Promise<() => Promise<void>> {
  const args = [
    '--port',
    String(REDIS_PORT),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    folder,
    '--requirepass',
    's3cr3t-redis',
    '--loglevel',
    'warning',
  ]
  const child = spawn('redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  await until(() => answers(REDIS_PORT), 20_000, 'redis')
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}

interface Run extends BundleResult {
  seconds: number
  mib: number
  checks: Checked[]
}

/** Runs the bundle on a suite, and measures it. */
async function run(bench: Bench, suite: object, inputs: Record<string, string> = {}): Promise<Run> {
  const { folder } = bench
  await writeFile(join(folder, 'smoke.yaml'), JSON.stringify({ connection: { ca: 'ca.pem' }, interval: '200ms', parallel: 8, ...suite }))
  await writeFile(
    join(folder, 'measure.mjs'),
    "import { writeFileSync } from 'node:fs'\nprocess.on('exit', () => writeFileSync(process.env.MEASURED, String(process.resourceUsage().maxRSS)))\n",
  )
  const measured = join(folder, 'rss')
  const began = performance.now()
  const result = await runBundle({
    action: 'smoke-test',
    cwd: folder,
    stdin: '',
    env: { NODE_OPTIONS: `--import=${join(folder, 'measure.mjs')}`, MEASURED: measured },
    ...(process.env.DIST && { dist: process.env.DIST }),
    inputs: { suite: 'smoke.yaml', ...inputs },
  })
  const { checks } = (result.report?.data ?? {}) as { checks?: Checked[] }
  if (!checks) throw new Error(`the run gave no results:\n${result.log}`)
  return { ...result, seconds: (performance.now() - began) / 1000, mib: Number(await readFile(measured, 'utf8')) / 1024, checks }
}

const tell = (bench: Bench, holds: boolean, what: string): void => {
  bench.cases++
  if (!holds) bench.wrong.push(what)
}

/** Holds the results of a run against what each case expects. */
function compare(bench: Bench, cases: Case[], { checks }: Run): void {
  for (const { name, expected, says } of cases) {
    const found = checks.find((check) => check.name === name)
    const word = found?.outcome === 'failed' ? found.word : found?.outcome
    // By the table of this checkout, whatever the one under test says.
    const verdict = expected === 'passed' ? undefined : WORDS[expected]
    tell(bench, found?.verdict === verdict, `${name}: ${found?.verdict}, expected ${verdict}`)
    const spoken = !says || says.test(found?.message ?? '')
    tell(
      bench,
      word === expected && spoken,
      `${name}: ${word}, expected ${expected}${spoken ? '' : ` that says ${says}`}; ${found?.message ?? ''}`,
    )
  }
}

const DEADLINE = 12

async function overTheNetwork(bench: Bench, servers: Hostile): Promise<void> {
  const { world } = bench
  const all = [...nginx, ...redis(REDIS_PORT), ...hostile(servers.ports)].filter(({ name }) => !world.only || name.includes(world.only))
  if (all.length === 0) return
  const suite = { deadline: `${DEADLINE}s`, checks: all.map(({ name, check }) => ({ name, ...check })) }
  const result = await run(bench, suite)
  compare(bench, all, result)
  if (world.only) return
  world.log(`${all.length} servers in ${result.seconds.toFixed(1)} s with ${result.mib.toFixed(0)} MiB`)
  tell(bench, result.seconds < DEADLINE + SLACK, `it took ${result.seconds.toFixed(1)} s, ${DEADLINE} was the deadline`)
  tell(bench, result.mib < MOST_MIB, `it took ${result.mib.toFixed(0)} MiB, ${MOST_MIB} is the bound`)
  tell(bench, result.outputs.outcome === 'failed' && result.code === 1, `the outcome is ${result.outputs.outcome}`)
  const planted = result.commands.filter(({ data }) => data === 'planted')
  tell(bench, planted.length === 0, `an answer ran as a command: ${JSON.stringify(planted)}`)
  const starting = result.checks.find(({ name }) => name === 'a service that is starting')
  tell(bench, starting?.failures.status === 3, `the retries of a check that passed are not told: ${JSON.stringify(starting?.failures)}`)
  await verdicts(bench)
}

/** Only what speaks against the service is a verdict on it. */
async function verdicts(bench: Bench): Promise<void> {
  const good = nginx.find(({ expected }) => expected === 'passed')
  const gone = { name: 'gone', retry: false, tcp: '127.0.0.1:9' }
  const suite = (...checks: object[]): object => ({ deadline: '5s', checks })
  const passed = await run(bench, suite({ name: 'good', ...good?.check }))
  tell(bench, passed.code === 0 && passed.outputs.outcome === 'passed', `a good service is ${passed.outputs.outcome}`)
  const unreachable = await run(bench, suite({ name: 'good', ...good?.check }, gone))
  tell(bench, unreachable.code === 1 && unreachable.outputs.outcome === 'error', `an unreachable service is ${unreachable.outputs.outcome}`)
}

/** No DNS answers inside of the local cluster; elsewhere the name is not known. What else is asked does not suffer. */
async function nowhere(bench: Bench): Promise<void> {
  if (bench.world.only && !'names'.includes(bench.world.only)) return
  const names = Array.from(
    { length: 6 },
    (_, i): Case => ({ name: `name ${i}`, expected: 'dns', check: { retry: false, timeout: '2s', http: `http://nobody-${i}.invalid/` } }),
  )
  const cases: Case[] = [...names, ...nginx.filter(({ name }) => name === 'a compressed answer')]
  compare(bench, cases, await run(bench, { deadline: '5s', checks: cases.map(({ name, check }) => ({ name, ...check })) }))
}

/** A firewall before the service, where this may change one: in the cluster's own network. */
async function blocked(bench: Bench): Promise<void> {
  const { world } = bench
  if (!world.sandbox || (world.only && !'a firewall'.includes(world.only))) return
  const rules = [
    { port: 17001, target: ['DROP'], case: { name: 'a firewall that drops', expected: 'timeout' as const } },
    {
      port: 17002,
      target: ['REJECT', '--reject-with', 'icmp-host-unreachable'],
      case: { name: 'a firewall that rejects', expected: 'no-route' as const },
    },
  ]
  for (const { port, target } of rules) {
    const { status, stderr } = spawnSync('iptables', ['-w', '-I', 'INPUT', '-p', 'tcp', '--dport', String(port), '-j', ...target], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`iptables: ${stderr}`)
  }
  const cases = rules.map(
    ({ port, case: { name, expected } }): Case => ({ name, expected, check: { retry: false, timeout: '1s', tcp: `127.0.0.1:${port}` } }),
  )
  compare(bench, cases, await run(bench, { deadline: '5s', checks: cases.map(({ name, check }) => ({ name, ...check })) }))
}

/** Three pods of a version behind a Service; `version` may be two of them. */
async function deploy({ kube }: World, namespace: string, name: string, version: string, replicas: number, app = name): Promise<void> {
  const labels = { app, version }
  const container = {
    name: 'web',
    image: `${BACKEND}:${version}`,
    ports: [{ name: 'http', containerPort: 3000 }],
    readinessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1 },
  }
  const template = { metadata: { labels }, spec: { containers: [container] } }
  await kube.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${name}-${version}`, namespace },
    spec: { replicas, selector: { matchLabels: labels }, template },
  })
}

async function service({ kube }: World, namespace: string, name: string): Promise<void> {
  const ports = [
    { name: 'http', port: 80, targetPort: 'http' },
    { name: 'nobody', port: 81, targetPort: 3999 },
  ]
  await kube.create({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: { app: name }, ports } })
}

interface Slice extends KubeObject {
  endpoints?: { conditions?: { ready?: boolean } }[]
}

const ready = ({ kube }: World, namespace: string, name: string, count: number): Promise<unknown> =>
  until(
    async () => {
      const { items } = await kube.list({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        namespace,
        labelSelector: `kubernetes.io/service-name=${name}`,
      })
      return (items as Slice[]).flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready).length >= count
    },
    60_000,
    `${count} endpoints of ${name}`,
  )

async function behindTheKubelet(bench: Bench): Promise<void> {
  const { world } = bench
  if (world.only && !'a Service'.includes(world.only)) return
  await withNamespace(world, 'smoke', async (namespace) => {
    for (const name of ['web', 'mixed', 'empty']) await service(world, namespace, name)
    await deploy(world, namespace, 'web', 'v1', 3)
    await deploy(world, namespace, 'mixed', 'v1', 1)
    await deploy(world, namespace, 'mixed', 'v2', 1)
    await ready(world, namespace, 'web', 3)
    await ready(world, namespace, 'mixed', 2)
    const web = `k8s://${namespace}/web:http`
    const version = { json: '$.version', consecutive: 6 }
    const one = { retry: false, timeout: '3s' }
    const cases: Case[] = [
      { name: 'a Service', check: { ...one, http: '/health', expect: { json: { '$.status': 'ok' } } }, expected: 'passed' },
      { name: 'a Service by a number', check: { ...one, http: `k8s://${namespace}/web:80/version` }, expected: 'passed' },
      {
        name: 'a Service with a WebSocket',
        check: { ...one, websocket: { url: '/ws', dialogue: [{ send: 'hi', 'expect-json': { '$.echo': 'hi', '$.version': 'v1' } }] } },
        expected: 'passed',
      },
      {
        name: 'a Service by bytes',
        check: { ...one, tcp: { dialogue: [{ send: 'GET /live HTTP/1.0\r\n\r\n', expect: { contains: '200 OK' } }] } },
        expected: 'passed',
      },
      {
        name: 'a Service, many requests on one connection',
        check: { ...one, http: { url: '/', requests: 50 }, expect: { latency: { p95: '2s' } } },
        expected: 'passed',
      },
      { name: 'a Service without TLS', check: { ...one, http: `k8s+https://${namespace}/web:80/` }, expected: 'tls-failed' },
      {
        name: 'a Service without pods',
        check: { ...one, http: `k8s://${namespace}/empty:80/` },
        expected: 'no-endpoints',
        says: /no ready pods/,
      },
      {
        name: 'a Service that is not there',
        check: { ...one, http: `k8s://${namespace}/none:80/` },
        expected: 'no-endpoints',
        says: /no Service none/,
      },
      {
        name: 'a Service without that port',
        check: { ...one, http: `k8s://${namespace}/web:99/` },
        expected: 'no-endpoints',
        says: /no port 99/,
      },
      { name: 'a port that no pod listens on', check: { ...one, http: `k8s://${namespace}/web:nobody/` }, expected: 'refused' },
    ]
    const inputs = { kubeconfig: world.kubeconfig, target: web }
    const checks = cases.map(({ name, check }) => ({ name, ...check }))
    const result = await run(bench, { deadline: '15s', version, checks }, { ...inputs, 'expect-version': 'v1' })
    compare(bench, [{ name: 'version', check: {}, expected: 'passed' }, ...cases], result)
    const other = await run(bench, { deadline: '12s', version, checks }, { ...inputs, 'expect-version': 'v2' })
    compare(bench, [{ name: 'version', check: {}, expected: 'wrong', says: /"v1", expected "v2"/ }], other)
    tell(bench, other.outputs['skipped-checks'] === String(cases.length), 'an old version was tested')
    const mixed = await run(
      bench,
      { deadline: '5s', version, checks },
      { ...inputs, target: `k8s://${namespace}/mixed:http`, 'expect-version': 'v2' },
    )
    compare(bench, [{ name: 'version', check: {}, expected: 'flapping' }], mixed)
    await notAllowed(bench, namespace)
  })
}

/** A token that may nothing, and a cluster that is not there, are the way and not the service. */
async function notAllowed(bench: Bench, namespace: string): Promise<void> {
  const { world } = bench
  const user = await world.credentials.current()
  const config = (server: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 'nobody-s-token' } }],
    })
  for (const [name, server] of [
    ['a token that may nothing', user.server],
    ['a cluster that is gone', 'https://127.0.0.1:9'],
  ] as const) {
    const suite = { deadline: '4s', checks: [{ name, timeout: '2s', http: '/' }] }
    const result = await run(bench, suite, { kubeconfig: config(server), target: `k8s://${namespace}/web:http` })
    const { outcome, verdict } = result.outputs
    tell(bench, outcome === 'error' && verdict === 'unreachable', `${name}: ${outcome}, ${verdict}`)
  }
}

/** A release that the suite decides on: what it refuses gets no traffic. */
async function asGate(bench: Bench): Promise<void> {
  const { world } = bench
  if (world.only && !'a release'.includes(world.only)) return
  await withNamespace(world, 'gate', async (namespace) => {
    const inputs = { 'smoke-suite': 'examples/secure-messenger/smoke.yaml', 'bake-time': '40s' }
    const deploy = (version: string, expected: string) =>
      runRelease(world, namespace, { version, inputs: { ...inputs, 'expect-version': expected } })
    const good = await deploy('v1', 'v1')
    tell(
      bench,
      good.code === 0 && good.outputs.outcome === 'passed' && !good.outputs.reason,
      `a good release ended as ${good.outputs.outcome}: ${good.outputs.reason}\n${good.report?.reason}`,
    )
    const runs = good.log.split('\n').filter((line) => line.includes('smoke suite: 5 checks passed')).length
    tell(bench, runs === 2, `the suite passed ${runs} times, expected twice: before traffic, and under it`)
    for (const [version, expected, says] of [
      [ERRING, ERRING, /version .*unhealthy, status/],
      ['v2', 'v3', /"v2", expected "v3"/],
    ] as const) {
      const bad = await deploy(version, expected)
      const { outcome, switched, reason = '' } = bad.outputs
      tell(
        bench,
        bad.code === 1 && outcome === 'failed' && switched === 'false' && says.test(reason),
        `${version} ended as ${outcome}, switched ${switched}: ${reason}`,
      )
    }
    const { service } = await liveState(world, namespace)
    const { clusterIP, ports } = (service?.spec ?? {}) as { clusterIP?: string; ports?: { port: number }[] }
    // Without a first release there is nobody to ask, and that was said already.
    const answer = service && (await fetch(`http://${clusterIP}:${ports?.[0]?.port}/version`))
    const { version } = ((await answer?.json()) ?? { version: 'nothing' }) as { version: string }
    tell(bench, version === 'v1', `${version} serves, not v1`)
  })
}

export const proof: Proof = {
  images: { [ERRING]: { ERROR_RATE: '1' } },
  claim: 'of every server the right word: unhealthy, or unreachable and where; within the deadline, with bounded memory',
  prepare: (log) => ensurePackages({ nginx: 'nginx', 'redis-server': 'redis-server', openssl: 'openssl' }, log),
  prove,
  judge: ({ cases = 0, wrong = 1 }) => [
    ...(cases < 80 ? [`only ${cases} cases were tried`] : []),
    ...(wrong > 0 ? [`${wrong} of ${cases} cases went wrong`] : []),
  ],
}
