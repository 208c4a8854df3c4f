// A release is judged by the counters of its pods, read through a real API server. There is no Prometheus.
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../../actions/shared/kubernetes/api/cluster.ts'
import type { Pod as ReadPod } from '../../actions/shared/kubernetes/objects/read.ts'
import { isReady } from '../../actions/shared/kubernetes/watch/rollout.ts'
import { BACKEND } from '../../sandbox/images.ts'
import { type BundleResult, runBundle } from '../../scripts/runner.ts'
import type { Figures, Proof } from './prove.ts'
import { inLanes } from './support/lanes.ts'
import { postJson, type Requests, startRequests } from './support/requests.ts'
import { runRelease, until, type World, wentThrough, withNamespace } from './support/world.ts'

/** Tags of the example's image, by how they behave. */
const IMAGES: Record<string, Record<string, string>> = {
  good: {},
  usual: { ERROR_RATE: '0.005' },
  out: { ERROR_RATE: '1' },
  half: { ERROR_RATE: '0.5', STATUS_LABEL: 'code' },
  code: { STATUS_LABEL: 'code' },
  fifth: { ERROR_RATE: '0.2' },
  quick: { LATENCY_MS: '40' },
  slow: { LATENCY_MS: '60' },
}

interface Case {
  name: string
  wants: string
  /** Tag and number of pods. */
  candidate: [tag: string, pods: number]
  baseline?: [tag: string, pods: number]
  /** Requests a second of the candidate and of the baseline. */
  rps: [number, number]
  inputs?: Record<string, string>
  /** What happened to the candidate before the watch. */
  before?: (there: There) => Promise<unknown>
  meanwhile?: (there: There) => Promise<unknown>
  /** A verdict that takes longer, in seconds, comes too late. */
  within?: number
  says?: RegExp
  /** Not in the short form. */
  long?: true
}

/** A pod with its address, which the action has no use for. */
type Pod = ReadPod & { status?: { podIP?: string } }

interface There {
  world: World
  namespace: string
  candidate: Pod[]
}

const CASES: readonly Case[] = [
  { name: 'a good release passes', wants: 'passed', candidate: ['good', 1], baseline: ['good', 1], rps: [40, 40] },
  { name: 'a total outage fails', wants: 'failed', candidate: ['out', 1], baseline: ['usual', 1], rps: [30, 30], within: 25 },
  { name: 'errors by code fail', wants: 'failed', candidate: ['half', 1], baseline: ['code', 1], rps: [30, 30], within: 45 },
  { name: 'a good release without a baseline passes', wants: 'passed', candidate: ['good', 1], rps: [40, 0] },
  {
    name: 'a candidate that matches nothing is an error',
    wants: 'error',
    candidate: ['good', 1],
    baseline: ['good', 1],
    rps: [5, 5],
    inputs: { candidate: 'gren' },
    says: /candidate/,
  },
  {
    name: 'errors from before the watch are not judged',
    wants: 'passed',
    candidate: ['good', 1],
    baseline: ['good', 1],
    rps: [40, 40],
    before: failALot,
  },
  {
    name: '5% of the traffic: a bad candidate fails',
    wants: 'failed',
    candidate: ['fifth', 1],
    baseline: ['usual', 3],
    rps: [5, 95],
    long: true,
  },
  {
    name: 'a burst on one pod is forgiven',
    wants: 'passed',
    candidate: ['good', 2],
    baseline: ['good', 2],
    rps: [60, 60],
    inputs: { interval: '10s', 'min-duration': '100s' },
    meanwhile: burst,
    long: true,
  },
  {
    name: 'a pod that vanishes changes nothing',
    wants: 'passed',
    candidate: ['good', 2],
    baseline: ['good', 2],
    rps: [60, 60],
    inputs: { 'min-duration': '40s' },
    meanwhile: ({ world, namespace, candidate }) =>
      sleep(12_000).then(() => world.kube.delete({ apiVersion: 'v1', kind: 'Pod', namespace, name: candidate[1]?.metadata.name ?? '' })),
    long: true,
  },
  { name: 'half as long again fails', wants: 'failed', candidate: ['slow', 1], baseline: ['quick', 1], rps: [30, 30], long: true },
]

const podOf = (namespace: string, color: string, number: number, tag: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `app-${color}-${number}`, namespace, labels: { app: 'app', color } },
    spec: {
      containers: [
        {
          name: 'app',
          image: `${BACKEND}:${tag}`,
          ports: [{ name: 'http', containerPort: 3000 }],
          env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
          readinessProbe: { httpGet: { path: '/health', port: 3000 }, periodSeconds: 1 },
        },
      ],
    },
  }) as KubeObject

/** Errors for three seconds, of which a look of ten may see all. */
async function burst({ candidate }: There): Promise<void> {
  const control = `http://${candidate[0]?.status?.podIP}:3000/control`
  await sleep(30_000)
  await postJson(control, { errorRate: 0.6 })
  await sleep(3_000)
  await postJson(control, { errorRate: 0 })
}

async function failALot({ candidate }: There): Promise<void> {
  const [pod] = candidate
  const address = `http://${pod?.status?.podIP}:3000`
  await postJson(`${address}/control`, { errorRate: 1 })
  const load = startRequests([`${address}/`], 200)
  await until(async () => load.answered >= 300, 30_000, 'three hundred errors')
  await load.stop()
  await postJson(`${address}/control`, { errorRate: 0 })
}

async function startPods({ kube }: World, namespace: string, color: string, [tag, count]: [string, number]): Promise<Pod[]> {
  for (let number = 0; number < count; number++) await kube.create(podOf(namespace, color, number, tag))
  return until(
    async () => {
      const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: `color=${color}` })
      const ready = (items as Pod[]).filter(isReady)
      return ready.length === count && ready
    },
    60_000,
    `${count} pods of ${tag}`,
  )
}

/** Gives what is wrong; empty when nothing is. */
async function play(world: World, one: Case): Promise<string> {
  return withNamespace(world, 'canary', async (namespace) => {
    const candidate = await startPods(world, namespace, 'green', one.candidate)
    const baseline = one.baseline ? await startPods(world, namespace, 'blue', one.baseline) : []
    await one.before?.({ world, namespace, candidate })
    const loads: Requests[] = [candidate, baseline].map((pods, i) =>
      startRequests(
        pods.map(({ status }) => `http://${status?.podIP}:3000/`),
        one.rps[i] ?? 0,
      ),
    )
    try {
      const began = performance.now()
      const [result] = await Promise.all([
        judge(world, namespace, { ...(one.baseline && { baseline: 'color="blue"' }), ...one.inputs }),
        one.meanwhile?.({ world, namespace, candidate }),
      ])
      return wrongWith(one, result, (performance.now() - began) / 1000)
    } finally {
      await Promise.all(loads.map((load) => load.stop()))
    }
  })
}

const judge = (world: World, namespace: string, inputs: Record<string, string>): Promise<BundleResult> =>
  runBundle({
    action: 'canary-analyze',
    inputs: {
      source: 'pods',
      kubeconfig: world.kubeconfig,
      namespace,
      candidate: 'color="green"',
      interval: '5s',
      'min-duration': '20s',
      'max-duration': '3m',
      ...inputs,
    },
    ...(process.env['DIST'] && { dist: process.env['DIST'] }),
  })

function wrongWith({ wants, within, says }: Case, { outputs, log }: BundleResult, seconds: number): string {
  const { outcome, headline, reason } = outputs
  if (outcome !== wants) return `${outcome}: ${headline} ${reason}`
  if (within !== undefined && seconds > within) return `the verdict took ${Math.round(seconds)} s, more than ${within} s`
  return says && !says.test(`${reason}${log}`) ? `it did not say ${String(says)}: ${reason}` : ''
}

/** The recipe of the README: a release, a canary of its new color alone, and the way back where that fails. Gives what is wrong. */
async function playRecipe(world: World): Promise<string> {
  return withNamespace(world, 'recipe', async (namespace) => {
    const release = async (version: string): Promise<BundleResult> => runRelease(world, namespace, { version })
    await release('good')
    const { spec } = (await world.kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name: 'backend' })) as KubeObject & {
      spec: { clusterIP: string; ports: { port: number }[] }
    }
    const load = startRequests([`http://${spec.clusterIP}:${spec.ports[0]?.port}/`], 40)
    try {
      const verdictOn = async (version: string): Promise<string> => {
        const released = await release(version)
        if (!wentThrough(released)) return `the release of ${version} ended ${released.outputs['outcome']}: ${released.outputs['reason']}`
        const { outputs } = await judge(world, namespace, { candidate: released.outputs['candidate'] ?? '' })
        return `${outputs['outcome']}${outputs['outcome'] === 'error' ? `: ${outputs['reason']}` : ''}`
      }
      const verdicts = [await verdictOn('usual'), await verdictOn('fifth')]
      if (verdicts.join() !== 'passed,failed') return `a good and a bad release were judged ${verdicts.join(' and ')}`
      const back = await runRelease(world, namespace, { inputs: { command: 'rollback' } })
      return wentThrough(back) ? '' : `the way back ended ${back.outputs['outcome']}: ${back.outputs['reason']}`
    } finally {
      await load.stop()
    }
  })
}

async function prove(world: World): Promise<Figures> {
  const { only, short, log } = world
  const chosen = CASES.filter(({ name, long }) => (only ? name.includes(only) : !(short && long)))
  let wrong = 0
  const all = chosen.map((one) => ({ name: one.name, run: () => play(world, one) }))
  const recipe = 'the recipe: a release, its canary, and the way back'
  if (only === undefined || recipe.includes(only)) all.push({ name: recipe, run: () => playRecipe(world) })
  await inLanes(all, 3, async ({ name, run }) => {
    const began = performance.now()
    const problem = await run()
    if (problem) wrong++
    log(`${problem ? 'WRONG' : 'right'} ${name} (${Math.round((performance.now() - began) / 1000)} s)${problem ? `: ${problem}` : ''}`)
  })
  return { cases: all.length, wrong }
}

export const proof: Proof = {
  claim: 'judged by what its pods count, read through the API server, a bad release fails and a good one passes, without any Prometheus',
  images: IMAGES,
  prove,
  judge: ({ wrong = 1 }) => (wrong ? [`${wrong} cases came out wrong`] : []),
}
