// Every fault that was found in the direct peer by running it (shared notes: actions, release), each as a case that goes right here.
import { readdir, readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../actions/shared/kubernetes/api/cluster.ts'
import type { BundleResult } from '../../scripts/runner.ts'
import type { Proof } from './prove.ts'
import { GITHUB, inputCases } from './support/peer-inputs.ts'
import { type Fault, startProxy } from './support/proxy.ts'
import { annotations, type Case, exampleManifests, play, type Scene } from './support/scene.ts'
import { liveState, until, type World } from './support/world.ts'

/** Cases that are played at once. */
const LANES = 3

const IMAGES = {
  unready: { NEVER_READY: 'true' },
  slow: { START_DELAY_MS: '4000' },
  sluggish: { NEVER_READY: 'false', LATENCY_MS: '2000' },
  crashing: { CRASH_AFTER_MS: '200' },
  erring: { ERROR_RATE: '1' },
}

async function removed({ world, namespace, expect }: Scene, color: string): Promise<void> {
  const deployment = await world.kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: `backend-${color}` })
  expect(deployment === undefined, `Deployment backend-${color} is still there`)
}

async function atRest({ world, namespace, expect }: Scene): Promise<void> {
  const { ledger } = await liveState(world, namespace)
  expect(ledger !== undefined && ledger.operation === null, `the ledger still stands at ${ledger?.operation?.phase}`)
}

/** An annotation that says why, so that nobody has to look for it in the log. */
function explained({ expect }: Scene, result: BundleResult, why: RegExp): void {
  expect(why.test(annotations(result)), `the annotation does not say why (${why}): ${annotations(result)}`)
}

const switchedWhenReady: Case = {
  name: 'the switch waits for the new color',
  async run(scene) {
    await scene.release('v1')
    await scene.admitUsers()
    const { outputs, summary } = await scene.release('slow')
    const { color } = await liveState(scene.world, scene.namespace)
    scene.expect(
      outputs['active-color'] === color && outputs['switched'] === 'true',
      `the outputs say ${JSON.stringify(outputs)}, the Service ${color}`,
    )
    scene.expect(summary.length > 100, 'there is no job summary')
  },
}

const neverReady: Case = {
  name: 'a version that is never ready gets no traffic',
  async run(scene) {
    await scene.release('v1')
    await scene.admitUsers()
    const before = await liveState(scene.world, scene.namespace)
    const result = await scene.run({ version: 'unready', inputs: { 'ready-deadline': '8s' } })
    scene.expect(
      result.code === 1 && result.outputs['outcome'] === 'failed',
      `it ended with ${result.code}, outcome ${result.outputs['outcome']}`,
    )
    explained(scene, result, /readiness|probe|503/i)
    const after = await liveState(scene.world, scene.namespace)
    scene.expect(after.service?.metadata.resourceVersion === before.service?.metadata.resourceVersion, 'the Service was written')
    await scene.expectVersion('v1')
    await removed(scene, 'green')
    await atRest(scene)
  },
}

const crashing: Case = {
  name: 'a crash is explained',
  async run(scene) {
    await scene.release('v1')
    await scene.admitUsers()
    const result = await scene.run({ version: 'crashing', inputs: { 'ready-deadline': '2m' } })
    scene.expect(result.code === 1, `it ended with ${result.code}`)
    explained(scene, result, /crashed: CRASH_AFTER_MS=200/)
    explained(scene, result, /pod backend-green-\S+: container backend/)
    await scene.expectVersion('v1')
  },
}

const noImage: Case = {
  name: 'an image that is not there is explained',
  async run(scene) {
    await scene.release('v1')
    const began = performance.now()
    const result = await scene.run({ version: 'v99', inputs: { 'ready-deadline': '10m' } })
    scene.expect(result.code === 1, `it ended with ${result.code}`)
    scene.expect(performance.now() - began < 60_000, 'it was waited for although it cannot heal')
    explained(scene, result, /backend:v99.*not found|not found.*backend:v99/s)
    await scene.expectVersion('v1')
  },
}

const takenBack: Case = {
  name: 'a version that turns bad under traffic is taken back',
  async run(scene) {
    const { world, namespace, expect } = scene
    await scene.release('v1')
    await scene.admitUsers()
    const run = scene.run({ version: 'v2', inputs: { 'bake-time': '60s' } })
    await until(async () => (await liveState(world, namespace)).ledger?.operation?.phase === 'bake', 60_000, 'the bake')
    const [pod] = await scene.pods('color=green')
    if (!pod) throw new Error('there is no pod of the candidate')
    const { podIP } = pod.status as unknown as { podIP: string }
    await fetch(`http://${podIP}:3000/control`, { method: 'POST', body: '{"ready":false}' })
    const result = await run
    expect(
      result.code === 1 && result.outputs['rolled-back'] === 'true',
      `it ended with ${result.code}, rolled back: ${result.outputs['rolled-back']}`,
    )
    explained(scene, result, new RegExp(`pod ${pod.metadata.name}`))
    await scene.expectVersion('v1')
    await removed(scene, 'green')
  },
}

const badBeforeTraffic: Case = {
  name: 'a version that answers with errors gets no traffic',
  async run(scene) {
    await scene.release('v1')
    await scene.admitUsers()
    const result = await scene.run({ version: 'erring', inputs: { 'check-path': '/version', 'check-deadline': '2s' } })
    scene.expect(result.code === 1, `it ended with ${result.code}`)
    explained(scene, result, /GET \/version .*500/)
    await scene.expectVersion('v1')
    await atRest(scene)
  },
}

/** What makes the deletion of a color fail; `heal` takes it away. */
type Obstacle = (scene: Scene) => Promise<{ kubeconfig?: string; heal(): Promise<void> }>

const forbidden =
  (status: number, reason: string): Obstacle =>
  async ({ world }) => {
    const refuse: Fault = async ({ method, path }) => {
      if (method !== 'DELETE' || !/\/(deployments|pods)\//.test(path)) return 'pass'
      return {
        status,
        body: JSON.stringify({
          kind: 'Status',
          apiVersion: 'v1',
          status: 'Failure',
          code: status,
          reason,
          message: `deletion is refused: ${reason}`,
        }),
      }
    }
    const proxy = await startProxy(world.credentials, refuse)
    return { kubeconfig: proxy.kubeconfig, heal: () => proxy.close() }
  }

const failingDeletion = (what: string, obstacle: Obstacle, why = /deletion is refused/): Case => ({
  name: `a rollback whose deletion fails (${what})`,
  async run(scene) {
    const { world, namespace, expect } = scene
    await scene.release('v1')
    await scene.release('v2')
    await scene.admitUsers()
    const { kubeconfig = world.kubeconfig, heal } = await obstacle(scene)
    const result = await scene.run({ inputs: { command: 'rollback', kubeconfig } })
    expect(result.code !== 0, 'it ended with 0')
    explained(scene, result, why)
    const { ready, color } = await liveState(world, namespace)
    expect(ready > 0, `the Service selects ${color}, which has no ready pod`)
    await heal()
    const again = await scene.run({ inputs: { command: 'recover' } })
    expect(again.code === 0, `recover ended with ${again.code}:\n${again.log}`)
    await scene.expectVersion('v1')
    await removed(scene, 'green')
    await atRest(scene)
  },
})

const oldColorGone: Case = {
  name: 'a rollback to a color whose pods are gone',
  async run(scene) {
    const { world, namespace } = scene
    await scene.release('v1')
    await scene.release('v2')
    await scene.admitUsers()
    await world.kube.delete({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'backend-blue' })
    await until(async () => (await scene.pods('color=blue')).length === 0, 60_000, 'the end of the old color')
    const { code, log } = await scene.run({ inputs: { command: 'rollback' } })
    scene.expect(code === 0, `it ended with ${code}:\n${log}`)
    await scene.expectVersion('v1')
  },
}

const uids = async (scene: Scene, color: string): Promise<string[]> =>
  (await scene.pods(`color=${color}`)).filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.uid ?? '')

const equalColors: Case = {
  name: 'both colors are equal',
  async run(scene) {
    const { expect } = scene
    await scene.release('v1', { inputs: { retire: 'keep' } })
    await scene.admitUsers()
    // Without a bake no pod is recreated on purpose: what is new then was rolled for nothing.
    const inputs = { 'bake-time': '0s', retire: 'keep' }
    for (const [stable, candidate, version] of [
      ['blue', 'green', 'v2'],
      ['green', 'blue', 'v3'],
    ] as const) {
      const before = await uids(scene, stable)
      const { code, outputs } = await scene.run({ version, inputs: { ...inputs, command: 'prepare' } })
      const prepared = await uids(scene, candidate)
      const promoted = await scene.run({ inputs: { ...inputs, command: 'promote', revision: outputs['revision'] ?? '' } })
      expect(code === 0 && promoted.code === 0, `${version} ended with ${code} and ${promoted.code}:\n${promoted.log}`)
      await scene.expectVersion(version)
      expect(
        (await uids(scene, stable)).every((uid) => before.includes(uid)),
        `promote of ${version} rolled the pods of ${stable}`,
      )
      expect(
        (await uids(scene, candidate)).every((uid) => prepared.includes(uid)),
        `promote of ${version} rolled the pods of ${candidate}`,
      )
    }
    const warm = await uids(scene, 'green')
    const back = await scene.run({ inputs: { command: 'rollback' } })
    expect(back.code === 0, `the rollback ended with ${back.code}:\n${back.log}`)
    await scene.expectVersion('v2')
    const now = await uids(scene, 'green')
    expect(
      warm.length === 3 && now.length === 3 && now.every((uid) => warm.includes(uid)),
      'the rollback made new pods, although the old color was warm',
    )
  },
}

const firstRollback: Case = {
  name: 'a rollback right after the first release',
  async run(scene) {
    await scene.release('v1')
    await scene.admitUsers()
    const before = await scene.pods('color=blue')
    const { code, commands } = await scene.run({ inputs: { command: 'rollback' } })
    scene.expect(
      code === 1 && commands.some(({ name, data }) => name === 'error' && /before 1/.test(data)),
      `it ended with ${code}, without saying that there is nothing before`,
    )
    scene.expect((await uids(scene, 'blue')).length === before.length, 'pods are gone')
    await scene.expectVersion('v1')
    await atRest(scene)
  },
}

const adoption: Case = {
  name: 'an application run by kubectl is left alone',
  async run(scene) {
    const { world, namespace, expect } = scene
    for (const document of parseAllDocuments(await exampleManifests())) {
      const object = document.toJS() as KubeObject
      await world.kube.create({ ...object, metadata: { ...object.metadata, namespace } })
    }
    const readyPods = async () => (await liveState(world, namespace)).ready === 3
    await until(readyPods, 60_000, 'the application')
    await until(
      async () =>
        scene.expectVersion('v1').then(
          () => true,
          () => false,
        ),
      30_000,
      'its endpoints',
    )
    await scene.admitUsers()
    const before = await scene.snapshot()
    const deploy = await scene.run({ version: 'v2' })
    expect(deploy.code === 1, `deploy ended with ${deploy.code}`)
    explained(scene, deploy, /Service\/backend/)
    expect((await scene.snapshot()) === before, 'deploy changed something')
    for (const command of ['rollback', 'recover', 'cleanup']) await scene.run({ inputs: { command } })
    const app = (text: string): string =>
      text
        .split('\n')
        .filter((line) => !line.includes('bluegreen-backend'))
        .join('\n')
    expect(app(await scene.snapshot()) === app(before), 'rollback, recover or cleanup changed the application')
    await scene.expectVersion('v1')
  },
}

const interrupted: Case = {
  name: 'SIGINT while waiting',
  async run(scene) {
    const { expect } = scene
    await scene.release('v1')
    await scene.admitUsers()
    const cancel = new AbortController()
    const onLine = (line: string): void => {
      if (line.includes('waiting for the pods')) setTimeout(() => cancel.abort(), 1_000)
    }
    const result = await scene.run({ version: 'unready', signal: cancel.signal, onLine, env: { PROOF_MARK: scene.namespace } })
    expect(cancel.signal.aborted, 'it ended before it was cancelled')
    expect(result.code !== 0, 'it ended with 0')
    await scene.expectVersion('v1')
    await removed(scene, 'green')
    await atRest(scene)
    const orphans = await processesWith(`PROOF_MARK=${scene.namespace}`)
    expect(orphans.length === 0, `processes are left: ${orphans.join('; ')}`)
    await scene.release('v2', { inputs: { 'lock-timeout': '0s' } })
  },
}

/** The command lines of all processes that have this in their environment. */
async function processesWith(variable: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '') // it has ended, or is another's
    if ((await read('environ')).split('\0').includes(variable)) found.push((await read('cmdline')).replaceAll('\0', ' '))
  }
  return found
}

const githubDown: Case = {
  name: "GitHub's API is down",
  async run(scene) {
    const { expect } = scene
    /** How long each connection to an API without an answer was kept, in milliseconds. */
    const waited: number[] = []
    const silent = createServer((socket) => {
      const began = performance.now()
      socket.on('error', () => undefined).resume()
      socket.once('close', () => waited.push(performance.now() - began))
    })
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
    const release = async (version: string, api: string): Promise<number> => {
      const began = performance.now()
      const inputs = { environment: 'production', 'github-token': 'a-token-of-ours' }
      const { log } = await scene.release(version, { inputs, env: { ...GITHUB, GITHUB_API_URL: api } })
      expect(/deployment of production/.test(log), `nobody is told that GitHub was not told:\n${log}`)
      return (performance.now() - began) / 1000
    }
    await scene.release('v1')
    const refused = await release('v2', 'http://127.0.0.1:1')
    expect(refused < 45, `with an API that refuses connections it took ${refused.toFixed(1)} s`)
    await release('v1', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
    const sum = waited.reduce((a, b) => a + b, 0) / 1000
    expect(waited.length > 0, 'GitHub was not asked')
    expect(sum < 15, `an API without an answer was waited for ${sum.toFixed(1)} s`)
    silent.close()
  },
}

const oneAtATime: Case = {
  name: 'two releases at once',
  async run(scene) {
    const { world, namespace, expect } = scene
    await scene.release('v1')
    await scene.admitUsers()
    const url = { GITHUB_SERVER_URL: 'https://github.example', GITHUB_REPOSITORY: 'org/shop', GITHUB_RUN_ID: '4711' }
    // It shows that it is alive every 2 s.
    const first = scene.run({ version: 'slow', env: url, inputs: { 'lease-duration': '6s', 'bake-time': '20s' } })
    await until(async () => (await liveState(world, namespace)).ledger?.operation, 30_000, 'the first of them')
    const second = await scene.run({ version: 'v3', inputs: { 'lock-timeout': '1s' } })
    expect(second.code === 1, `the second ended with ${second.code}:\n${second.log}`)
    explained(scene, second, /github\.example\/org\/shop\/actions\/runs\/4711/)
    const { code, log } = await first
    expect(code === 0, `the first ended with ${code}:\n${log}`)
    await scene.expectVersion('slow')
  },
}

const stuck: Obstacle = async ({ world, namespace }) => {
  const refs = ['green'].map((color) => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: `backend-${color}` }))
  const put = async (finalizers: string[]): Promise<void> => {
    for (const ref of refs) await world.kube.patch(ref, { metadata: { finalizers } })
  }
  await put(['proof.example/stays'])
  return { heal: () => put([]) }
}

const CASES: Case[] = [
  ...inputCases,
  failingDeletion('forbidden', forbidden(403, 'Forbidden')),
  failingDeletion('refused by a webhook', forbidden(422, 'Invalid')),
  githubDown,
  crashing,
  switchedWhenReady,
  neverReady,
  takenBack,
  badBeforeTraffic,
  noImage,
  oldColorGone,
  equalColors,
  firstRollback,
  adoption,
  interrupted,
  oneAtATime,
]

/** Takes as long as the action waits for pods that do not go. */
const LONG: Case[] = [{ ...failingDeletion('a finalizer stays', stuck, /still there/), name: 'a rollback whose deletion never ends' }]

async function prove(world: World) {
  const all = world.short ? CASES : [...LONG, ...CASES]
  const queue = all.filter(({ name }) => world.only === undefined || name.includes(world.only))
  const cases = queue.length
  let wrong = 0
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const began = performance.now()
      const problems = await play(world, next)
      if (problems.length) wrong++
      world.log(`${problems.length ? 'WRONG' : 'right'}  ${next.name} (${((performance.now() - began) / 1000).toFixed(0)} s)`)
      for (const problem of problems) world.log(`       ${problem}`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return { cases, wrong }
}

export const proof: Proof = {
  claim: 'what the direct peer does wrong goes right here',
  images: IMAGES,
  prove,
  judge: ({ cases = 0, wrong = 1 }) => [
    ...(cases === 0 ? ['there was no case'] : []),
    ...(wrong > 0 ? [`${wrong} of ${cases} cases went wrong`] : []),
  ],
}
