// A namespace in which a release lives while faults are done to it: the action runs through a proxy, users send load, and what they
// and the ledger would see is looked at all along, past the action.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import type { Ledger } from '../../../actions/bluegreen-deploy/ledger/store.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject, Deployment, LeaseObject, Pod, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import { isReady } from '../../../actions/shared/kubernetes/watch/rollout.ts'
import { BACKEND } from '../../../sandbox/images.ts'
import type { BundleResult, BundleRun } from '../../../scripts/runner.ts'
import { type Load, startLoad } from './load.ts'
import { type ApiProxy, startProxy } from './proxy.ts'
import { EXAMPLE, root, runRelease, until, type World } from './world.ts'

/** The tag whose requests all fail, from the start: it is refused before traffic. */
export const BAD = 'bad'
/** The tag that never becomes ready. */
export const UNREADY = 'unready'
export const IMAGES = { [BAD]: { ERROR_RATE: '1' }, [UNREADY]: { NEVER_READY: 'true' } }
const GOOD = ['v1', 'v2', 'v3']
const REPLICAS = 2
const LOAD = 20
/** Time between two looks, in milliseconds. */
const LOOK = 300

export interface Stage {
  readonly world: World
  readonly namespace: string
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
  /** Deploys a first version, and starts the load. */
  furnish(): Promise<void>
  /** Makes one pod of a color unready, which its endpoints follow: no user is hurt. */
  spoil(color: string): Promise<void>
  close(): Promise<void>
}

/** What the kinds that the action reads have besides. */
type Addressed = { spec: { clusterIP: string } }
type Running = { spec: { containers: { image: string }[] }; status: { podIP: string } }

export interface View {
  ledger: Ledger | undefined
  service: Service | undefined
  /** Ready pods that the Service selects. */
  ready: Pod[]
  color: string | undefined
  /** The tag that they run. */
  version: string | undefined
}

let numbered = 0

export async function openStage(world: World, name: string): Promise<Stage> {
  const { kube } = world
  const namespace = `${name}-${process.pid}-${++numbered}`
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  await until(
    () => kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: 'default' }),
    30_000,
    'the default service account',
  )
  const folder = await mkdtemp(join(tmpdir(), 'stage-'))
  for (const version of [...GOOD, BAD, UNREADY]) await writeFile(join(folder, `${version}.yaml`), JSON.stringify(await manifests(version)))
  const proxy = await startProxy(world.credentials)
  const wrong: string[] = []
  const ended = new AbortController()
  let load: Load | undefined
  let last: Ledger | undefined

  const report = (problem: string): void => {
    if (!wrong.includes(problem)) wrong.push(problem)
  }
  const look = async (): Promise<View> => {
    const view = await consistentView(world, namespace)
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
    proxy,
    wrong,
    failed: () => load?.failures.map(({ text }) => text) ?? [],
    look,
    other: async () => {
      const { version } = await look()
      const at = GOOD.indexOf(version ?? '')
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
      const { service } = await look()
      load = startLoad(
        { host: (service as Addressed | undefined)?.spec.clusterIP ?? '', port: service?.spec.ports?.[0]?.port ?? 0 },
        { perSecond: LOAD, keepAlive: 0, webSockets: 0 },
      )
    },
    spoil: async (color) => {
      const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: `color=${color}` })
      const pod = (items as Pod[]).find(isReady)
      if (!pod) throw new Error(`no pod of ${color} is ready`)
      const body = JSON.stringify({ ready: false })
      await fetch(`http://${(pod as unknown as Running).status.podIP}:3000/control`, { method: 'POST', body })
    },
    close: async () => {
      // A machine that is too busy to send its load is no fault of the release.
      await load?.stop().catch((error) => world.log(`  ${namespace}: ${error instanceof Error ? error.message : error}`))
      ended.abort()
      await watching
      await proxy.close()
      await rm(folder, { recursive: true })
      await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace })
    },
  }
  return stage
}

/** The example with something of every sort that a release writes: config of each color, a prerequisite, and an object that changes with the switch. */
async function manifests(version: string): Promise<KubeObject> {
  const items: KubeObject[] = []
  for (const file of (await readdir(join(root, EXAMPLE))).sort()) {
    for (const document of parseAllDocuments(await readFile(join(root, EXAMPLE, file), 'utf8'))) items.push(document.toJS() as KubeObject)
  }
  for (const item of items) {
    if (item.kind === 'ConfigMap') (item as DataObject).data = { DRAIN_MS: '300' }
    if (item.kind !== 'Deployment') continue
    const { spec } = item as Deployment
    spec.replicas = REPLICAS
    for (const container of spec.template.spec.containers) {
      container.image = `${BACKEND}:${version}`
      Object.assign(container.readinessProbe ?? {}, { failureThreshold: 1 })
    }
  }
  const labels = { version }
  items.push({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'backend', labels } })
  const spec = { maxUnavailable: 1, selector: { matchLabels: { app: 'backend' } } }
  items.push({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'backend', labels }, spec })
  return { apiVersion: 'v1', kind: 'List', metadata: { name: '' }, items }
}

/** Service, pods and ledger as of one moment: read again until no one has written the Service or the ledger in between. */
async function consistentView({ kube }: World, namespace: string): Promise<View> {
  const at = { apiVersion: 'v1', namespace }
  for (;;) {
    const before = (await kube.get({ ...at, kind: 'ConfigMap', name: 'bluegreen-backend' })) as DataObject | undefined
    const service = (await kube.get({ ...at, kind: 'Service', name: 'backend' })) as Service | undefined
    const { items } = await kube.list({ ...at, kind: 'Pod', labelSelector: 'app=backend' })
    const [again, after] = [
      await kube.get({ ...at, kind: 'Service', name: 'backend' }),
      await kube.get({ ...at, kind: 'ConfigMap', name: 'bluegreen-backend' }),
    ]
    if (version(before) !== version(after) || version(service) !== version(again)) continue
    const selector: Record<string, string> = service?.spec.selector ?? {}
    const selected = service
      ? (items as Pod[]).filter((pod) => Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value))
      : []
    const ready = selected.filter(isReady)
    const tags = [
      ...new Set(
        ready.map((pod) =>
          String((pod as unknown as Running).spec.containers[0]?.image)
            .split(':')
            .at(-1),
        ),
      ),
    ]
    return {
      ledger: before && (JSON.parse(before.data?.['state.json'] ?? '') as Ledger),
      service,
      ready,
      color: selector['color'],
      version: tags.length === 1 ? tags[0] : undefined,
    }
  }
}

const version = (object: KubeObject | undefined): string | undefined => object?.metadata.resourceVersion

/** What must not be, at any moment. */
function objections({ ledger, service, ready, color }: View, last: Ledger | undefined): string[] {
  const found: string[] = []
  if (service && color === undefined) found.push('the Service selects no color')
  if (service && ready.length === 0)
    found.push(`the Service selects ${color}, which has no ready pod (ledger: ${ledger?.operation?.phase})`)
  if (!ledger) return last ? [...found, 'the ledger is gone'] : found
  const { operation, active, generation, revision, history } = ledger
  if (last && (generation < last.generation || revision < last.revision)) found.push('the ledger went back in time')
  if (new Set(history.map((entry) => entry.revision)).size !== history.length) found.push('the history names a revision twice')
  if (history.some((entry) => entry.revision > revision)) found.push('the history names a revision that was not given out')
  if (!operation && service && active?.color !== color)
    found.push(`the Service selects ${color}, the ledger says ${active?.color} and that nothing is under way`)
  if (!operation) return found
  const { candidate, stable, switching, phase } = operation
  if (candidate.color === stable?.color) found.push('candidate and stable have one color')
  if (service && color !== candidate.color && color !== stable?.color)
    found.push(`the Service selects ${color}, of which the ledger knows nothing`)
  if (service && color === candidate.color && !switching)
    found.push(`the Service selects the candidate, which the ledger at ${phase} has not foreseen`)
  if ((phase === 'bake' || phase === 'retire') && color !== candidate.color)
    found.push(`at ${phase} the Service selects ${color}, not the candidate`)
  return found
}

/** What speaks against a namespace in which nothing is under way any more: leftovers, a lease that is held, the wrong version. */
export async function untidy({ world: { kube }, namespace, look }: Stage, expected?: string): Promise<string[]> {
  const { ledger, service, ready, color, version: serving } = await look()
  const found: string[] = []
  const { active, warm, operation, history = [] } = ledger ?? {}
  if (operation) found.push(`the ledger still stands at ${operation.phase}`)
  if (expected !== undefined && serving !== expected) found.push(`${serving} serves, not ${expected}`)
  if (active && ready.length !== REPLICAS) found.push(`${ready.length} of ${REPLICAS} pods are ready on ${color}`)
  const lease = await kube.get({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: 'bluegreen-backend' })
  const holder = (lease as LeaseObject | undefined)?.spec?.holderIdentity
  if (holder) found.push(`the lease is held by ${holder}`)
  const entry = history.find(({ revision }) => revision === active?.revision)
  if (active && !entry?.images.includes(`${BACKEND}:${serving}`))
    found.push(`${serving} serves; by the ledger it is ${entry?.images.join()}`)
  const names = async (apiVersion: string, kind: string): Promise<string[]> =>
    (await kube.list({ apiVersion, kind, namespace })).items
      .map(({ metadata }) => metadata.name)
      .filter((name) => /^(backend|bluegreen-backend)/.test(name))
  const sides = [active, warm].flatMap((side) => (side ? [side.color] : []))
  const wanted = {
    Service: service ? ['backend'] : [],
    Deployment: sides.map((side) => `backend-${side}`),
    ConfigMap: [...sides.map((side) => `backend-${side}`), ...(ledger ? ['bluegreen-backend'] : [])],
    Secret: [
      ...new Set(
        [...history, ...(active ? [active] : []), ...(warm ? [warm] : [])].map(({ revision }) => `bluegreen-backend-r${revision}`),
      ),
    ],
  }
  for (const [kind, those] of Object.entries(wanted)) {
    const there = await names(kind === 'Deployment' ? 'apps/v1' : 'v1', kind)
    const extra = there.filter((name) => !those.includes(name))
    const missing = those.filter((name) => !there.includes(name))
    if (extra.length) found.push(`${kind} left over: ${extra.join(', ')}`)
    if (missing.length) found.push(`${kind} missing: ${missing.join(', ')}`)
  }
  if (!active) return found
  for (const [apiVersion, kind] of [
    ['policy/v1', 'PodDisruptionBudget'],
    ['v1', 'ServiceAccount'],
  ] as const) {
    const object = await kube.get({ apiVersion, kind, namespace, name: 'backend' })
    const is = object?.metadata.labels?.['version']
    if (is !== serving) found.push(`${kind}/backend is that of ${is}, while ${serving} serves`)
  }
  return found
}
