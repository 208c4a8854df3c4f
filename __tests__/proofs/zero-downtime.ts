// Ten releases and ten rollbacks under constant load, on a quick and on a slow node: no request fails, and a rejected version is silent soon.
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../../actions/shared/kubernetes/api/cluster.ts'
import { BACKEND } from '../../sandbox/images.ts'
import type { BundleResult } from '../../scripts/runner.ts'
import type { Proof } from './prove.ts'
import { ask, type Failure, type Kept, keepOpen, type Load, startLoad, type Target } from './support/load.ts'
import { PAIR, shapeManifests } from './support/shape.ts'
import { liveState, runRelease, until, type World, withNamespace } from './support/world.ts'

/** How long a rejected version may still answer on a connection that was kept, in seconds; a machine that runs other proofs meanwhile is slower. */
const GOAL = 10
const CROWDED_GOAL = 15
/** Set by who runs several proofs at once. */
const CROWDED = 'CROWDED'
/** No image of this proof misbehaves by itself; this one does not listen when it is told to end. */
const STUBBORN = 'stubborn'
/** Time between two changes of the neighbor, in milliseconds. */
const NOISE = 300
/** What the entries other than the first get. */
const LESS = { perSecond: 8, keepAlive: 2, webSockets: 2 }
const PROPAGATION = 5
const TIMES = { 'propagation-time': `${PROPAGATION}s`, 'bake-time': '6s', 'check-interval': '500ms', 'lease-duration': '30s' }

type Back =
  /** A finished release is taken back by the command rollback. */
  | 'one-click'
  /** One pod becomes unready while the release bakes. */
  | 'unready'
  /** The checks of a baking release fail. */
  | 'check'

interface Round {
  version: string
  back: Back
  /** Its pods end the moment they are told to, as most programs do: whoever is still sent there is refused. */
  hasty?: true
}

// The load's own long-lived connections rest while a version is rejected that ends without care for them, whoever deploys.
const ROUNDS: Round[] = [
  { version: 'v3', back: 'one-click' },
  { version: STUBBORN, back: 'unready' },
  { version: 'v4', back: 'unready' },
  { version: STUBBORN, back: 'one-click' },
  { version: 'v3', back: 'check' },
  { version: 'v5', back: 'one-click', hasty: true },
  { version: STUBBORN, back: 'check' },
  { version: 'v4', back: 'unready' },
  { version: 'v3', back: 'one-click', hasty: true },
  { version: STUBBORN, back: 'one-click' },
]

interface Stage {
  world: World
  namespace: string
  /** The entries of the release: two lead to the backend, one to the web. */
  targets: Target[]
}

async function prove(world: World) {
  return withNamespace(world, 'zero', async (namespace) => {
    let serving = 'v1'
    await release({ world, namespace, targets: [] }, serving)
    const targets = await Promise.all(Object.keys(PAIR.entries).map((name) => targetOf(world, namespace, name)))
    const stage: Stage = { world, namespace, targets }
    await expectVersion(stage, serving)
    const endNoise = await makeNoise(world, namespace)
    const began = Date.now()
    const onFailure = ({ at, kind, text }: Failure): void =>
      world.log(`  FAILED at ${((at - began) / 1000).toFixed(1)} s (${new Date(at).toISOString()}), ${kind}: ${text}`)
    const loads = stage.targets.map((target, at) => startLoad(target, { ...(at > 0 && LESS), onFailure }))
    const sum = (count: (load: Load) => number): number => loads.reduce((all, load) => all + count(load), 0)
    let releases = 0
    let keptSeconds = 0
    let failedBefore = 0
    const tell = (text: string): void => {
      const failed = sum(({ failures }) => failures.length)
      const [fresh, kept, messages] = (['new', 'keep-alive', 'websocket'] as const).map((kind) => sum(({ sent }) => sent[kind]))
      world.log(`${text}; ${fresh} new, ${kept} kept-alive, ${messages} WebSocket requests so far, ${failed - failedBefore} failed`)
      failedBefore = failed
    }
    for (const { version, back, hasty } of rounds(world)) {
      const good = back === 'one-click' ? version : serving === 'v1' ? 'v2' : 'v1'
      await release(stage, good)
      await expectVersion(stage, good)
      releases++
      tell(`release ${releases}: ${good} serves instead of ${serving}`)
      const stays = back === 'one-click' ? serving : good
      const rests = version === STUBBORN || hasty
      if (rests) await Promise.all(loads.map((load) => load.pauseKept()))
      if (hasty) await instruct(world, namespace, version, { drainMs: 0 })
      const seconds = back === 'one-click' ? await oneClick(stage, version) : await automatic(stage, version, back)
      await expectVersion(stage, stays)
      if (rests) for (const load of loads) load.resumeKept()
      keptSeconds = Math.max(keptSeconds, seconds)
      tell(`rollback ${releases}: ${version} was taken back (${back}), its last answer ${seconds.toFixed(1)} s after that was decided`)
      serving = stays
    }
    const ended = await Promise.all(loads.map((load) => load.stop()))
    await endNoise()
    const requests = ended.reduce((all, one) => all + one.requests, 0)
    const failed = ended.reduce((all, one) => all + one.failed, 0)
    return { releases, requests, failed, ...keptFigures(keptSeconds) }
  })
}

function rounds({ short, only }: World): Round[] {
  if (only !== undefined) return ROUNDS.filter(({ version, back }) => `${version} ${back}`.includes(only))
  return short ? ROUNDS.slice(0, 2) : ROUNDS
}

/** What a connection is kept for, and how much of it is not the time that the release was told to give to endpoints. */
const keptFigures = (seconds: number) => ({
  kept_seconds: Number(seconds.toFixed(1)),
  kept_without_propagation: Number(Math.max(0, seconds - PROPAGATION).toFixed(1)),
})

async function targetOf(world: World, namespace: string, name: string): Promise<Target> {
  const { service } = await liveState(world, namespace, name)
  const { clusterIP = '' } = (service?.spec ?? {}) as { clusterIP?: string }
  return { host: clusterIP, port: service?.spec.ports?.[0]?.port ?? 0 }
}

async function deploy({ world, namespace }: Stage, version: string, inputs: Record<string, string>): Promise<BundleResult> {
  const items = await shapeManifests(PAIR, version)
  const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: { name: '' }, items })
  return runRelease(world, namespace, { inputs: { ...inputs, manifests: '-' }, stdin })
}

async function release(stage: Stage, version: string): Promise<void> {
  const { code, log } = await deploy(stage, version, TIMES)
  if (code !== 0) throw new Error(`the release of ${version} ended with ${code}:\n${log}`)
}

/** What users get, whatever the action says: only this version, from the pods of one color. */
async function expectVersion({ world, namespace, targets }: Stage, version: string): Promise<void> {
  const answers = await Promise.all(targets.flatMap((target) => Array.from({ length: 8 }, () => ask(target))))
  const wrong = answers.find((answer) => answer.version !== version)
  if (wrong) throw new Error(`a new connection is answered by ${wrong.version} (${wrong.pod}), not by ${version}`)
  const colors = new Set<string | undefined>()
  for (const name of Object.keys(PAIR.entries)) {
    const { ready, color } = await liveState(world, namespace, name)
    if (ready === 0) throw new Error(`Service ${name} selects ${color}, which has no ready pod`)
    colors.add(color)
  }
  if (colors.size > 1) throw new Error(`the Services of the release select ${[...colors].join(' and ')}`)
}

/** Connections through every entry that stay as long as the pods let them. */
async function keepAll({ targets }: Stage, version: string): Promise<Kept> {
  const all = await Promise.all(targets.map((target) => keepOpen(target, version, 3)))
  return {
    lastAnswers: () => all.flatMap((kept) => kept.lastAnswers()),
    open: () => all.reduce((sum, kept) => sum + kept.open(), 0),
    end: () => {
      for (const kept of all) kept.end()
    },
  }
}

async function oneClick(stage: Stage, version: string): Promise<number> {
  const { world, namespace } = stage
  const kept = await keepAll(stage, version)
  const decided = decision(world, namespace)
  const { code, log } = await runRelease(world, namespace, { inputs: { ...TIMES, command: 'rollback' } })
  if (code !== 0) throw new Error(`the rollback of ${version} ended with ${code}:\n${log}`)
  return silenceOf(world, kept, await decided, log)
}

async function automatic(stage: Stage, version: string, back: 'unready' | 'check'): Promise<number> {
  const { world, namespace } = stage
  const inputs = { ...TIMES, 'bake-time': '60s', ...(back === 'check' && { 'check-path': '/live' }) }
  const run = deploy(stage, version, inputs)
  const baking = async () => (await liveState(world, namespace)).ledger?.operation?.phase === 'bake'
  await Promise.race([
    until(baking, 90_000, `the bake of ${version}`),
    run.then(({ log }) => Promise.reject(new Error(`${version} never baked:\n${log}`))),
  ])
  const kept = await keepAll(stage, version)
  const decided = decision(world, namespace)
  await turnBad(world, namespace, version, back)
  const { code, outputs, log } = await run
  if (code !== 1 || outputs['rolled-back'] !== 'true') throw new Error(`${version} turned bad, but the release ended with ${code}:\n${log}`)
  return silenceOf(world, kept, await decided, log)
}

interface RunningPod extends KubeObject {
  spec: { containers: { image: string; ports: { containerPort: number }[] }[] }
  status: { podIP: string }
}

/** Its users are still served: what is bad shows only where the release has to look. */
const turnBad = (world: World, namespace: string, version: string, back: 'unready' | 'check'): Promise<void> =>
  back === 'unready' ? instruct(world, namespace, version, { ready: false }, 1) : instruct(world, namespace, version, { live: false })

/** Tells pods of a version, by default all, how to behave. */
async function instruct({ kube }: World, namespace: string, version: string, wish: object, most?: number): Promise<void> {
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace })
  const pods = (items as RunningPod[]).filter((pod) => pod.spec.containers[0]?.image === `${BACKEND}:${version}`).slice(0, most)
  if (pods.length === 0) throw new Error(`there is no pod of ${version}`)
  for (const pod of pods) {
    const answer = await fetch(`http://${pod.status.podIP}:${pod.spec.containers[0]?.ports[0]?.containerPort}/control`, {
      method: 'POST',
      body: JSON.stringify(wish),
    })
    if (!answer.ok) throw new Error(`${pod.metadata.name} does not listen: ${answer.status}`)
  }
}

/**
 * A neighbor whose Service changes all the time, as in a full cluster: kube-proxy is never rested, so that a switch waits for its next
 * period. Gives what ends it.
 */
async function makeNoise({ kube }: World, namespace: string): Promise<() => Promise<void>> {
  const ref = { apiVersion: 'v1', kind: 'Service', namespace, name: 'neighbor' }
  const spec = (port: number) => ({ selector: { app: 'neighbor' }, ports: [{ port }] })
  await kube.create({ ...ref, metadata: { name: ref.name, namespace }, spec: spec(1024) } as KubeObject)
  const ended = new AbortController()
  const loop = async (): Promise<void> => {
    for (let port = 1025; !ended.signal.aborted; port++) {
      await kube.patch(ref, { spec: spec(port) })
      await sleep(NOISE, undefined, { signal: ended.signal }).catch(() => undefined)
    }
  }
  const looping = loop()
  return async () => {
    ended.abort()
    await looping
  }
}

/** When the way back was decided, in milliseconds: as the ledger says, or as it was seen from here, whichever was first. */
async function decision(world: World, namespace: string): Promise<number> {
  const before = await liveState(world, namespace)
  return until(
    async () => {
      const { color, ledger } = await liveState(world, namespace)
      const operation = ledger?.operation
      const noted = operation?.phase === 'rollback' ? Date.parse(operation.decided ?? '') || Date.now() : Number.POSITIVE_INFINITY
      const moved = color !== before.color ? Date.now() : Number.POSITIVE_INFINITY
      const first = Math.min(noted, moved)
      return Number.isFinite(first) && first
    },
    120_000,
    'the way back',
  )
}

/** How many seconds after `decided` the last answer came; waits until the connections are closed, for at most a minute. */
async function silenceOf(world: World, kept: Kept, decided: number, log: string): Promise<number> {
  await until(async () => kept.open() === 0 || Date.now() - decided > 60_000, 120_000, 'the end of kept connections')
  kept.end()
  const seconds = Math.max(0, Math.max(...kept.lastAnswers()) - decided) / 1000
  if (seconds > goal()) world.log(`  too long: ${seconds} s after ${new Date(decided).toISOString()}:\n${log}`)
  return seconds
}

const goal = (): number => (process.env[CROWDED] ? CROWDED_GOAL : GOAL)

export const proof: Proof = {
  claim: 'no request fails through releases and rollbacks of two Deployments behind three Services, and a rejected version is silent soon',
  clusters: [{ proxyPeriod: '100ms' }, { proxyPeriod: '3s' }],
  images: { [STUBBORN]: { IGNORE_SIGTERM: 'true' } },
  prove,
  merge: (runs) => ({
    releases: runs.reduce((sum, run) => sum + (run['releases'] ?? 0), 0),
    requests: runs.reduce((sum, run) => sum + (run['requests'] ?? 0), 0),
    failed: runs.reduce((sum, run) => sum + (run['failed'] ?? 0), 0),
    ...keptFigures(Math.max(...runs.map((run) => run['kept_seconds'] ?? Number.POSITIVE_INFINITY))),
  }),
  judge: ({ releases = 0, requests = 0, failed = 1, kept_seconds = 0 }) => [
    ...(releases === 0 || requests === 0 ? ['nothing was released under load'] : []),
    ...(failed > 0 ? [`${failed} of ${requests} requests failed`] : []),
    ...(kept_seconds > goal()
      ? [`a rejected version still answered ${kept_seconds} s after the way back was decided; ${goal()} is the goal`]
      : []),
    ...(kept_seconds === 0 ? ['kept connections were not measured'] : []),
  ],
}
