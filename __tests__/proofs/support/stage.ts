// A namespace in which a release lives while faults are done to it: the action runs through a proxy, users send load, and what they
// and the ledger would see is looked at all along, past the action.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import { selects } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject, LeaseObject, Pod, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import { isReady } from '../../../actions/shared/kubernetes/watch/rollout.ts'
import { messageOf } from '../../../actions/shared/text/errors.ts'
import { BACKEND } from '../../../sandbox/images.ts'
import type { BundleResult, BundleRun } from '../../../scripts/runner.ts'
import { type Load, startLoad } from './load.ts'
import { type ApiProxy, startProxy } from './proxy.ts'
import { ALONE, type Shape, stageManifests } from './shape.ts'
import { runRelease, until, type World } from './world.ts'

/** The tag whose requests all fail, from the start: it is refused before traffic. */
export const BAD = 'bad'
/** The tag that never becomes ready. */
export const UNREADY = 'unready'
export const IMAGES = { [BAD]: { ERROR_RATE: '1' }, [UNREADY]: { NEVER_READY: 'true' } }
const GOOD = ['v1', 'v2', 'v3']
const REPLICAS = 2
/** New connections of users in a second, on all entries together. */
const LOAD = 20
/** Time between two looks, in milliseconds. */
const LOOK = 300

export interface Stage {
  readonly world: World
  readonly namespace: string
  readonly shape: Shape
  readonly proxy: ApiProxy
  /** What was seen that must never be, each once. */
  readonly wrong: string[]
  /** Requests of users that got no good answer. */
  failed(): string[]
  /** A good version other than the one that serves. */
  other(): Promise<string>
  /** Runs the action through the proxy; by default it deploys `version`. */
  run(options?: { version?: string; inputs?: Record<string, string>; kubeconfig?: string } & Partial<BundleRun>): Promise<BundleResult>
  /** Looks now at what users get and what the ledger says. */
  look(): Promise<View>
  /** The ledger was written past the action: what was seen of it before says nothing about it now. */
  forget(): void
  /** Deploys a first version, and starts the load. */
  furnish(): Promise<void>
  /** Makes one pod of a color unready, of its last Deployment, which its endpoints follow: no user is hurt. */
  spoil(color: string): Promise<void>
  close(): Promise<void>
}

/** What the kinds that the action reads have besides. */
type Addressed = { spec: { clusterIP: string } }
type Running = { spec: { containers: { image: string; ports: { containerPort: number }[] }[] }; status: { podIP: string } }

export interface EntryView {
  name: string
  service: Service | undefined
  /** Ready pods that the Service selects. */
  ready: Pod[]
  color: string | undefined
  /** The tag that they run. */
  version: string | undefined
}

/** The ledger, and what the first entry leads to; `entries` are all of them. */
export interface View extends EntryView {
  ledger: Ledger | undefined
  entries: EntryView[]
}

let numbered = 0

export async function openStage(world: World, name: string, shape: Shape = ALONE): Promise<Stage> {
  const { kube } = world
  const namespace = `${name}-${process.pid}-${++numbered}`
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  await until(
    () => kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: 'default' }),
    30_000,
    'the default service account',
  )
  const folder = await mkdtemp(join(tmpdir(), 'stage-'))
  for (const version of [...GOOD, BAD, UNREADY])
    await writeFile(join(folder, `${version}.yaml`), JSON.stringify(await stageManifests(shape, version, REPLICAS)))
  const proxy = await startProxy(world.credentials)
  const wrong: string[] = []
  const ended = new AbortController()
  const loads: Load[] = []
  let last: Ledger | undefined

  const report = (problem: string): void => {
    if (!wrong.includes(problem)) wrong.push(problem)
  }
  const look = async (): Promise<View> => {
    const view = await consistentView(world, namespace, shape)
    for (const problem of objections(view, last)) report(problem)
    last = view.ledger ?? last
    return view
  }
  const watch = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await look()
      await sleep(LOOK, undefined, { signal: ended.signal }).catch(() => undefined)
    }
  }
  const watching = watch().catch((error) => report(`the looking stopped: ${error}`))

  const stage: Stage = {
    world,
    namespace,
    shape,
    proxy,
    wrong,
    failed: () => loads.flatMap(({ failures }) => failures.map(({ text }) => text)),
    look,
    forget: () => {
      last = undefined
    },
    other: async () => {
      const { version, ledger } = await look()
      // While pods come and go no version can be told by them; the ledger knows.
      const image = ledger?.history.find(({ revision }) => revision === ledger.active?.revision)?.images[0]
      const at = GOOD.indexOf(version ?? image?.split(':').at(-1) ?? '')
      return GOOD[(at + 1) % GOOD.length] ?? ''
    },
    run: ({ version, inputs = {}, kubeconfig = proxy.kubeconfig, ...rest } = {}) =>
      runRelease(world, namespace, {
        cwd: folder,
        ...rest,
        inputs: {
          kubeconfig,
          'check-path': '/version',
          'check-deadline': '0s',
          ...(version && { manifests: `${version}.yaml` }),
          ...inputs,
        },
      }),
    furnish: async () => {
      for (const version of [GOOD[0], GOOD[1]]) {
        const { code, log } = await stage.run({ version: version ?? '', inputs: { 'bake-time': '0s' } })
        if (code !== 0) throw new Error(`the stage could not be set up:\n${log}`)
      }
      const { entries } = await look()
      for (const { service } of entries) {
        const target = { host: (service as Addressed | undefined)?.spec.clusterIP ?? '', port: service?.spec.ports?.[0]?.port ?? 0 }
        loads.push(startLoad(target, { perSecond: LOAD / entries.length, keepAlive: 0, webSockets: 0 }))
      }
    },
    spoil: async (color) => {
      const { items } = await kube.list({
        apiVersion: 'v1',
        kind: 'Pod',
        namespace,
        labelSelector: `app=${Object.values(shape.entries).at(-1)},color=${color}`,
      })
      const pod = (items as Pod[]).find(isReady)
      if (!pod) throw new Error(`no pod of ${color} is ready`)
      const { spec, status } = pod as unknown as Running
      const body = JSON.stringify({ ready: false })
      await fetch(`http://${status.podIP}:${spec.containers[0]?.ports[0]?.containerPort}/control`, { method: 'POST', body })
    },
    close: async () => {
      // A machine that is too busy to send its load is no fault of the release.
      for (const load of loads) await load.stop().catch((error) => world.log(`  ${namespace}: ${messageOf(error)}`))
      ended.abort()
      await watching
      await proxy.close()
      await rm(folder, { recursive: true })
      await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace })
    },
  }
  return stage
}

/** Services, pods and ledger as of one moment: read again until no one has written a Service or the ledger in between. */
async function consistentView({ kube }: World, namespace: string, { entries }: Shape): Promise<View> {
  const at = { apiVersion: 'v1', namespace }
  const names = Object.keys(entries)
  const written = async (): Promise<{ ledger: DataObject | undefined; services: (Service | undefined)[]; versions: string }> => {
    const ledger = (await kube.get({ ...at, kind: 'ConfigMap', name: 'bluegreen-backend' })) as DataObject | undefined
    const { items } = await kube.list({ ...at, kind: 'Service' })
    const services = names.map((name) => items.find(({ metadata }) => metadata.name === name) as Service | undefined)
    return { ledger, services, versions: [ledger, ...services].map((object) => object?.metadata.resourceVersion).join(' ') }
  }
  for (;;) {
    const before = await written()
    const { items } = await kube.list({ ...at, kind: 'Pod' })
    if ((await written()).versions !== before.versions) continue
    const views = names.map((name, index) => viewOf(name, before.services[index], items as Pod[]))
    const [main] = views
    if (!main) throw new Error('a release has an entry')
    return { ...main, entries: views, ledger: readable(before.ledger) }
  }
}

/** The ledger as it stands there, which somebody may have spoilt: what is none of it cannot be looked at. */
function readable(object: DataObject | undefined): Ledger | undefined {
  try {
    const ledger = JSON.parse(object?.data?.['state.json'] ?? 'null') as Ledger | null
    return Array.isArray(ledger?.history) ? ledger : undefined
  } catch {
    return undefined
  }
}

function viewOf(name: string, service: Service | undefined, pods: Pod[]): EntryView {
  const selector: Record<string, string> = service?.spec.selector ?? {}
  const selected = service ? pods.filter((pod) => selects(selector, pod.metadata.labels)) : []
  const ready = selected.filter(isReady)
  const tagOf = (pod: Pod): string | undefined => (pod as unknown as Running).spec.containers[0]?.image.split(':').at(-1)
  const tags = [...new Set(ready.map(tagOf))]
  return { name, service, ready, color: selector['color'], version: tags.length === 1 ? tags[0] : undefined }
}

/** What must not be, at any moment. */
function objections({ ledger, entries }: View, last: Ledger | undefined): string[] {
  const found = entries.flatMap((entry) => (entry.service ? entryObjections(entry, ledger) : []))
  if (!ledger) return last ? [...found, 'the ledger is gone'] : found
  const { operation, generation, revision, history } = ledger
  if (last && (generation < last.generation || revision < last.revision)) found.push('the ledger went back in time')
  if (new Set(history.map((entry) => entry.revision)).size !== history.length) found.push('the history names a revision twice')
  if (history.some((entry) => entry.revision > revision)) found.push('the history names a revision that was not given out')
  const colors = new Set(entries.flatMap(({ color }) => color ?? []))
  const moving = operation?.phase === 'shift' || operation?.phase === 'rollback'
  if (colors.size > 1 && !moving) found.push(`users get both colors, while the ledger is at ${operation?.phase ?? 'rest'}`)
  if (!operation) return found
  const { candidate, stable, split } = operation
  if (candidate.color === stable?.color) found.push('candidate and stable have one color')
  if (split.stable + split.candidate !== 100) found.push(`the split of the ledger is ${JSON.stringify(split)}`)
  return found
}

function entryObjections({ name, ready, color }: EntryView, ledger: Ledger | undefined): string[] {
  const found: string[] = []
  const { operation, active } = ledger ?? {}
  if (color === undefined) found.push(`${name} selects no color`)
  if (ready.length === 0) found.push(`${name} selects ${color}, which has no ready pod (ledger: ${operation?.phase})`)
  if (!ledger) return found
  if (!operation) {
    if (active?.color !== color) found.push(`${name} selects ${color}, the ledger says ${active?.color} and that nothing is under way`)
    return found
  }
  const { candidate, stable, moved, phase } = operation
  if (color !== candidate.color && color !== stable?.color) found.push(`${name} selects ${color}, of which the ledger knows nothing`)
  if (color === candidate.color && !moved) found.push(`${name} selects the candidate, which the ledger at ${phase} has not foreseen`)
  if ((phase === 'bake' || phase === 'retire') && color !== candidate.color)
    found.push(`at ${phase} ${name} selects ${color}, not the candidate`)
  return found
}

/** What speaks against a namespace in which nothing is under way any more: leftovers, a lease that is held, the wrong version. */
export async function untidy({ world: { kube }, namespace, look, shape }: Stage, expected?: string): Promise<string[]> {
  const { ledger, entries, version: serving } = await look()
  const found: string[] = []
  const { active, operation, history = [] } = ledger ?? {}
  if (operation) found.push(`the ledger still stands at ${operation.phase}`)
  for (const { name, ready, color, version } of active ? entries : []) {
    if (expected !== undefined && version !== expected) found.push(`${version} serves through ${name}, not ${expected}`)
    if (version !== serving) found.push(`${version} serves through ${name}, ${serving} through ${entries[0]?.name}`)
    if (ready.length !== REPLICAS) found.push(`${ready.length} of ${REPLICAS} pods are ready on ${color} behind ${name}`)
  }
  if (!active && expected !== undefined) found.push(`nothing serves, not ${expected}`)
  const lease = await kube.get({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: 'bluegreen-backend' })
  const holder = (lease as LeaseObject | undefined)?.spec?.holderIdentity
  if (holder) found.push(`the lease is held by ${holder}`)
  const entry = history.find(({ revision }) => revision === active?.revision)
  if (active && !entry?.images.includes(`${BACKEND}:${serving}`))
    found.push(`${serving} serves; by the ledger it is ${entry?.images.join()}`)
  for (const [kind, wanted] of Object.entries(belongings(shape, ledger, entries))) {
    const { items } = await kube.list({ apiVersion: kind === 'Deployment' ? 'apps/v1' : 'v1', kind, namespace })
    const there = items.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt')
    const extra = there.filter((name) => !wanted.includes(name))
    const missing = wanted.filter((name) => !there.includes(name))
    if (extra.length) found.push(`${kind} left over: ${extra.join(', ')}`)
    if (missing.length) found.push(`${kind} missing: ${missing.join(', ')}`)
  }
  if (!active) return found
  for (const { apiVersion, kind, name } of shape.follows) {
    const is = (await kube.get({ apiVersion, kind, namespace, name }))?.metadata.labels?.['version']
    if (is !== serving) found.push(`${kind}/${name} is that of ${is}, while ${serving} serves`)
  }
  return found
}

/** The objects that a release at rest has, by kind, and no others. */
function belongings(shape: Shape, ledger: Ledger | undefined, entries: EntryView[]): Record<string, string[]> {
  const { active, warm, history = [] } = ledger ?? {}
  const sides = [active, warm].flatMap((side) => (side ? [side.color] : []))
  const workloads = [...new Set(Object.values(shape.entries))]
  const kept = [...history, ...[active, warm].flatMap((side) => side ?? [])]
  return {
    Service: entries.flatMap(({ name, service }) => (service ? [name] : [])),
    Deployment: sides.flatMap((side) => workloads.map((name) => `${name}-${side}`)),
    ConfigMap: [
      ...sides.flatMap((side) => shape.config.map((name) => `${name}-${side}`)),
      ...(active ? shape.plain : []),
      ...(ledger ? ['bluegreen-backend'] : []),
    ],
    Secret: [...new Set(kept.map(({ revision }) => `bluegreen-backend-r${revision}`))],
  }
}
