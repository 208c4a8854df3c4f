// A release by the action beside the same steps with kubectl: requests to the API server and seconds, by the number of objects; what the
// bundle weighs and how fast it starts.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type ApiProxy, type Call, startProxy } from '../../__tests__/proofs/support/proxy.ts'
import { EXAMPLE, liveState, root, runRelease, until, type World, withNamespace } from '../../__tests__/proofs/support/world.ts'
import { overrideImages } from '../../actions/bluegreen-deploy/manifests/images.ts'
import { loadManifests } from '../../actions/bluegreen-deploy/manifests/load.ts'
import { contentOf } from '../../actions/bluegreen-deploy/release/content.ts'
import { renderRevision } from '../../actions/bluegreen-deploy/release/render.ts'
import { sortRelease } from '../../actions/bluegreen-deploy/release/sort.ts'
import type { KubeObject } from '../../actions/shared/kubernetes/api/cluster.ts'
import { BACKEND } from '../../sandbox/images.ts'
import type { Bench } from './bench.ts'

/** No waiting on purpose, and the old color stays as it is: that is what the kubectl steps do. */
const TIMES = { 'bake-time': '0s', 'propagation-time': '0s', 'retire-delay': '0s', retire: 'keep', 'lease-duration': '30s' }
const ROUNDS = 3
const GROWTH = [10, 100, 1000]
const STARTS = 15

interface Cost {
  requests: number
  seconds: number
  calls: Call[]
}

async function measure(world: World): Promise<Record<string, number>> {
  const temp = mkdtempSync(join(tmpdir(), 'bench-'))
  const proxy = await startProxy(world.credentials)
  try {
    const bench = { world, proxy, temp }
    return { ...(await beside(bench)), ...(await growth(bench)), ...(await startup()) }
  } finally {
    await proxy.close()
    rmSync(temp, { recursive: true, force: true })
  }
}

interface Stage {
  world: World
  proxy: ApiProxy
  temp: string
}

/** Version 2 instead of version 1, by both, in turns. */
async function beside(stage: Stage): Promise<Record<string, number>> {
  const { world, temp } = stage
  const manifests = join(root, EXAMPLE)
  const warmCache = join(temp, 'cache')
  await byKubectl(stage, manifests, warmCache) // fills it
  world.log(`\nA release of the example (3 objects, 3 pods), median of ${ROUNDS}: no bake, no propagation time, the old color kept`)
  const rows = { action: [] as Cost[], cold: [] as Cost[], warm: [] as Cost[] }
  for (let round = 0; round < ROUNDS; round++) {
    rows.action.push(await byAction(stage, manifests))
    rows.cold.push(await byKubectl(stage, manifests, mkdtempSync(join(temp, 'cache-'))))
    rows.warm.push(await byKubectl(stage, manifests, warmCache))
  }
  const [action, cold, warm] = [middle(rows.action), middle(rows.cold), middle(rows.warm)]
  world.log(row('the action', action))
  world.log(row('kubectl, nothing cached', cold))
  world.log(row('kubectl, discovery cached', warm))
  const kinds = sorts(action.calls)
  const list = Object.entries(kinds)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
  world.log(`  the action's requests: ${list}`)
  world.log(
    '  beyond what kubectl does, it asks for permissions, tries every object without storing it, holds a lease and writes a ledger,',
  )
  world.log('  checks the candidate through a preview Service before traffic, and proves by the endpoints that the traffic moved')
  return {
    requests: action.requests,
    requests_to_kubectl_cold: ratio(action.requests, cold.requests),
    requests_to_kubectl_warm: ratio(action.requests, warm.requests),
    requests_without_preflight_to_kubectl_warm: ratio(
      action.requests - (kinds['permission reviews'] ?? 0) - (kinds['dry runs'] ?? 0),
      warm.requests,
    ),
    seconds: round(action.seconds),
    seconds_to_kubectl_cold: ratio(action.seconds, cold.seconds),
    seconds_to_kubectl_warm: ratio(action.seconds, warm.seconds),
  }
}

/** The same with more and more ConfigMaps that the pods do not read. */
async function growth(stage: Stage): Promise<Record<string, number>> {
  const { world, temp } = stage
  world.log('\nWith more objects in the manifests (ConfigMaps that no pod reads)')
  const figures: Record<string, number> = {}
  const costs: { objects: number; action: Cost; kubectl: Cost }[] = []
  for (const objects of GROWTH) {
    const manifests = join(temp, `growth-${objects}`)
    cpSync(join(root, EXAMPLE), manifests, { recursive: true })
    writeFileSync(join(manifests, 'more.yaml'), more(objects - 3))
    const action = await byAction(stage, manifests)
    const kubectl = await byKubectl(stage, manifests, join(temp, 'cache'))
    costs.push({ objects, action, kubectl })
    world.log(row(`${objects} objects, the action`, action))
    world.log(row(`${objects} objects, kubectl`, kubectl))
    figures[`requests_${objects}`] = action.requests
    figures[`seconds_${objects}`] = round(action.seconds)
    figures[`requests_${objects}_to_kubectl`] = ratio(action.requests, kubectl.requests)
    figures[`seconds_${objects}_to_kubectl`] = ratio(action.seconds, kubectl.seconds)
  }
  const [few, many] = [costs[0], costs.at(-1)]
  if (few && many) {
    const each = (by: 'action' | 'kubectl') => round((many[by].requests - few[by].requests) / (many.objects - few.objects))
    figures.requests_per_object = each('action')
    world.log(`  each further object costs the action ${each('action')} requests, kubectl ${each('kubectl')}`)
  }
  return figures
}

const more = (count: number): string =>
  Array.from({ length: count }, (_, i) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more-${i}\ndata:\n  number: "${i}"\n`).join(
    '---\n',
  )

/** One release of version 2 over version 1, in a namespace of its own. */
async function byAction({ world, proxy }: Stage, manifests: string): Promise<Cost> {
  return withNamespace(world, 'bench', async (namespace) => {
    const how = { cwd: manifests, inputs: { ...TIMES, manifests: '.' } }
    await expectEnd(runRelease(world, namespace, { ...how, version: 'v1' }), world, namespace, 'blue')
    const inputs = { ...how.inputs, kubeconfig: proxy.kubeconfig }
    return counted(proxy, () => expectEnd(runRelease(world, namespace, { ...how, inputs, version: 'v2' }), world, namespace, 'green'))
  })
}

/** apply, rollout status, and a patch of the Service's selector, over version 1 as an earlier `kubectl apply` left it. */
async function byKubectl({ world, proxy, temp }: Stage, manifests: string, cache: string): Promise<Cost> {
  const folder = mkdtempSync(join(temp, 'kubectl-'))
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, proxy.kubeconfig)
  return withNamespace(world, 'bench', async (namespace) => {
    await setUp(world, namespace, await objectsOf(manifests, 'blue', 'v1'))
    const files = join(folder, 'all.json')
    writeFileSync(files, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: await objectsOf(manifests, 'green', 'v2') }))
    return counted(proxy, async () => {
      for (const args of [
        ['apply', '-f', files],
        ['rollout', 'status', 'deployment/backend-green', '--timeout=2m'],
        ['patch', 'service', 'backend', '-p', '{"spec":{"selector":{"color":"green"}}}'],
      ])
        await kubectl(world, [`--kubeconfig=${kubeconfig}`, `--cache-dir=${cache}`, `--namespace=${namespace}`, ...args])
      await expectLive(world, namespace, 'green')
    })
  })
}

/** The same objects that the action applies; the Service only with the first color, as the patch switches it later. */
async function objectsOf(manifests: string, color: 'blue' | 'green', version: string): Promise<KubeObject[]> {
  const unused = (): Promise<never> => Promise.reject(new Error('not used here'))
  const objects = await loadManifests(['.'], { workspace: manifests, stdin: unused, kustomize: unused })
  overrideImages(objects, [{ name: BACKEND, reference: `${BACKEND}:${version}` }])
  const parts = sortRelease('bench', objects)
  const { config, workloads, gateways } = renderRevision(parts, contentOf(objects, parts.workloads), { color, revision: 1 })
  const services = color === 'blue' ? gateways.map(({ service }) => service) : []
  return [...config, ...workloads.map(({ object }) => object), ...parts.prerequisites, ...parts.shared, ...services]
}

/** What `kubectl apply` would have made, without its time: it remembers what was applied. */
async function setUp(world: World, namespace: string, objects: KubeObject[]): Promise<void> {
  const queue = objects.map((object) => {
    const { labels, name } = object.metadata
    const metadata = { name, namespace, ...(labels && { labels }) }
    const applied = JSON.stringify({ ...object, metadata: { annotations: {}, ...metadata } })
    return { ...object, metadata: { ...metadata, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `${applied}\n` } } }
  })
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) await world.kube.create(next)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  await until(async () => (await liveState(world, namespace)).ready > 0, 60_000, 'version 1')
}

async function kubectl(world: World, args: string[]): Promise<void> {
  if (!world.sandbox) throw new Error('kubectl comes with the local cluster; run this without KUBECONFIG')
  const [command = '', ...rest] = world.sandbox.kubectl(args)
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  const code = await new Promise<number | null>((done, failed) => child.once('error', failed).once('close', done))
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}`)
}

async function counted(proxy: ApiProxy, work: () => Promise<unknown>): Promise<Cost> {
  const [before, begun] = [proxy.calls.length, performance.now()]
  await work()
  const calls = proxy.calls.slice(before)
  return { requests: calls.length, seconds: (performance.now() - begun) / 1000, calls }
}

async function expectEnd(run: ReturnType<typeof runRelease>, world: World, namespace: string, color: string): Promise<void> {
  const { code, log } = await run
  if (code !== 0) throw new Error(`a release ended with ${code}:\n${log}`)
  await expectLive(world, namespace, color)
}

/** Figures of something that did not work say nothing. */
async function expectLive(world: World, namespace: string, color: string): Promise<void> {
  const live = await liveState(world, namespace)
  if (live.color !== color || live.ready === 0)
    throw new Error(`the Service selects ${live.color} with ${live.ready} ready pods, not ${color}`)
}

function sorts(calls: Call[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const call of calls) {
    const kind = call.path.includes('selfsubject')
      ? 'permission reviews'
      : call.query.has('dryRun')
        ? 'dry runs'
        : call.write
          ? 'writes'
          : call.watch
            ? 'watches'
            : call.path.includes('/proxy/')
              ? 'checks'
              : 'reads'
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** What the bundles weigh, and the time until a bundle has refused to work without inputs, beside a node that does nothing. */
async function startup(): Promise<Record<string, number>> {
  const dist = resolve(process.env.DIST ?? join(root, 'dist'), 'bluegreen-deploy')
  console.log('\nThe bundle')
  const weights = ['index.js', 'post/index.js'].map((file) => {
    const bytes = readFileSync(join(dist, file))
    const [raw, zipped] = [bytes.length / 1024, gzipSync(bytes, { level: 9 }).length / 1024]
    console.log(`  ${file.padEnd(28)}${raw.toFixed(0).padStart(7)} KiB${zipped.toFixed(0).padStart(9)} KiB gzipped`)
    return { raw, zipped }
  })
  const env = { PATH: process.env.PATH, GITHUB_OUTPUT: '', GITHUB_STEP_SUMMARY: '' }
  const time = (args: string[]): number => {
    const begun = performance.now()
    spawnSync(process.execPath, args, { env, cwd: tmpdir() })
    return performance.now() - begun
  }
  const bare: number[] = []
  const bundle: number[] = []
  for (let i = 0; i < STARTS; i++) {
    bare.push(time(['--eval', '0']))
    bundle.push(time([join(dist, 'index.js')]))
  }
  const [nothing, whole] = [median(bare), median(bundle)]
  console.log(`  started and ended: ${whole.toFixed(0)} ms, bare node ${nothing.toFixed(0)} ms (medians of ${STARTS})`)
  return {
    bundle_kib: Math.round(weights[0]?.raw ?? 0),
    bundle_gzip_kib: Math.round(weights[0]?.zipped ?? 0),
    both_bundles_gzip_kib: Math.round(weights.reduce((sum, { zipped }) => sum + zipped, 0)),
    start_ms: Math.round(whole),
    start_to_bare_node: ratio(whole, nothing),
  }
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const middle = (costs: Cost[]): Cost => {
  const found = [...costs].sort((a, b) => a.seconds - b.seconds)[Math.floor(costs.length / 2)]
  if (!found) throw new Error('nothing was measured')
  return found
}
const round = (value: number): number => Math.round(value * 100) / 100
const ratio = (one: number, other: number): number => round(one / other)
const row = (name: string, { requests, seconds }: Cost): string =>
  `  ${name.padEnd(28)}${String(requests).padStart(7)} requests${seconds.toFixed(2).padStart(9)} s`

export const bench: Bench = {
  what: 'a release beside the same steps with kubectl: requests, seconds, growth with the objects; start and size of the bundle',
  cluster: {},
  measure,
}
