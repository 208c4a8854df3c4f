// A cluster in memory in which releases are run, and a guard that looks at what users get after every single change.
import type { Command, Config } from '../../actions/bluegreen-deploy/config.ts'
import { type ReleaseResult, release } from '../../actions/bluegreen-deploy/engine.ts'
import type { SmokeTest } from '../../actions/bluegreen-deploy/gates/smoke.ts'
import type { Ledger } from '../../actions/bluegreen-deploy/ledger/store.ts'
import { type KubeObject, selects } from '../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject, Deployment, Pod, Service } from '../../actions/shared/kubernetes/objects/read.ts'
import { isReady } from '../../actions/shared/kubernetes/watch/rollout.ts'
import { createStory } from '../../actions/shared/report/story.ts'
import { TestClock } from '../support/clock.ts'
import { type Call, intercept, MemoryCluster } from '../support/memory-cluster.ts'
import { type Behaviour, MemoryNode } from '../support/memory-node.ts'

export const NAMESPACE = 'shop'
export const IMAGE = 'registry.example/web'

export interface RunOptions extends Partial<Config> {
  /** The smoke suite. */
  smoke?: SmokeTest
  version?: string
  manifests?: KubeObject[]
  identity?: string
  signal?: AbortSignal
  before?: (call: Call) => void
  after?: (call: Call) => void
  /** Takes secrets out of what leaves the engine. */
  redact?: (text: string) => string
}

export interface Ran {
  result: ReleaseResult | undefined
  error: Error | undefined
  /** Everything that was told, one a line. */
  told: string
  evidence: string
  seconds: number
}

const deployment = (version: string, name: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name } },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            name,
            image: `${IMAGE}:${version}`,
            ports: [{ name: 'http', containerPort: 8080 }],
            envFrom: [{ configMapRef: { name: `${name}-settings` } }],
            readinessProbe: { httpGet: { path: '/health', port: 'http' } },
          },
        ],
      },
    },
  },
})

const service = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels: { app: name } },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
})

const settings = (version: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `${name}-settings` },
  data: { VERSION: version },
})

/** A Deployment of three pods, its Service and a ConfigMap that the pods read. */
export const app = (version: string, name = 'web'): KubeObject[] => [settings(version, name), deployment(version, name), service(name)]

export const DEFAULTS: Config = {
  command: 'deploy',
  name: 'web',
  namespace: NAMESPACE,
  images: [],
  revision: undefined,
  to: undefined,
  dryRun: false,
  readyTimeout: 600_000,
  check: { timeout: 5_000, passes: 3, deadline: 60_000 },
  propagationTime: 5_000,
  bakeTime: 60_000,
  checkInterval: 5_000,
  minRequests: 0,
  metricsPath: '/metrics',
  onInconclusive: 'keep',
  retire: 'scale',
  retireDelay: 30_000,
  lockTimeout: 60_000,
  leaseDuration: 30_000,
}

export class Stage {
  readonly clock = new TestClock()
  readonly cluster = new MemoryCluster(this.clock)
  readonly node = new MemoryNode(this.cluster, this.clock)
  /** What users would have noticed; a test that breaks everything empties it. */
  harm: string[] = []
  #runs = 0

  constructor() {
    this.cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
    const had = new Set<string>()
    this.cluster.onChange(({ version, object, old }) => {
      this.#guardPods(version, object, old)
      for (const { metadata, spec } of this.cluster.all<Service>('Service')) {
        if (!('color' in spec.selector) || metadata.labels?.['devops-actions/preview']) continue
        const ready = this.ready(metadata.name).length
        if (ready === 0)
          this.harm.push(`change ${version}: Service/${metadata.name} selects ${spec.selector.color}, of which no pod is ready`)
        had.add(metadata.name)
      }
      for (const name of had) if (!this.service(name)) this.harm.push(`change ${version}: Service/${name} is gone`)
    })
  }

  /** Requests reach a pod for a while after it was told to end: none may be that users are sent to. */
  #guardPods(version: number, object: KubeObject | undefined, old: KubeObject | undefined): void {
    if (object?.kind !== 'Pod' || !object.metadata.deletionTimestamp || old?.metadata.deletionTimestamp) return
    if (selects(this.service()?.spec.selector, object.metadata.labels))
      this.harm.push(`change ${version}: Pod/${object.metadata.name} ends while Service/web selects it`)
  }

  behave(version: string, behaviour: Behaviour): void {
    this.node.behave(`${IMAGE}:${version}`, behaviour)
  }

  pods(version: string): Pod[] {
    return this.node.pods(`${IMAGE}:${version}`)
  }

  service(name = 'web'): Service | undefined {
    return this.cluster.all<Service>('Service').find((candidate) => candidate.metadata.name === name)
  }

  /** Ready pods that the Service sends traffic to. */
  ready(name = 'web'): Pod[] {
    const selector = this.service(name)?.spec.selector
    return this.cluster.all<Pod>('Pod').filter((pod) => isReady(pod) && selects(selector, pod.metadata.labels))
  }

  /** Images that answer to users now. */
  serving(name = 'web'): string[] {
    return [
      ...new Set(
        this.ready(name).map((pod) => String((pod.spec as { containers: { image: string }[] }).containers[0]?.image.split(':').at(-1))),
      ),
    ]
  }

  deployments(): Record<string, number> {
    return Object.fromEntries(this.cluster.all<Deployment>('Deployment').map(({ metadata, spec }) => [metadata.name, spec.replicas ?? 1]))
  }

  names(kind: string): string[] {
    return this.cluster
      .all(kind)
      .map((object) => object.metadata.name)
      .sort()
  }

  ledger(name = 'web'): Ledger {
    const object = this.cluster.all<DataObject>('ConfigMap').find((candidate) => candidate.metadata.name === `bluegreen-${name}`)
    return JSON.parse(object?.data?.['state.json'] ?? 'null') as Ledger
  }

  /** Runs one command to its end. */
  run(command: Command, options: RunOptions = {}): Promise<Ran> {
    return this.runHeld(command, async () => undefined, options)
  }

  /** The same, where each call of the run waits for `hold` after `before` was told of it. */
  async runHeld(command: Command, hold: () => Promise<void>, options: RunOptions): Promise<Ran> {
    const { version, identity = `run-${++this.#runs}`, signal, before, after, manifests, smoke, redact, ...config } = options
    const told: string[] = []
    const story = createStory(() => this.clock.now(), {
      phase: (name) => told.push(`# ${name}`),
      line: ({ text }) => told.push(text),
      untrusted: () => undefined,
    })
    const begun = this.clock.monotonic()
    const cluster = intercept(this.cluster, { hold, ...(before && { before }), ...(after && { after }) })
    const objects = manifests ?? (version ? app(version, config.name) : [])
    let result: ReleaseResult | undefined
    let error: Error | undefined
    try {
      result = await release(
        { ...DEFAULTS, ...config, command },
        {
          cluster,
          clock: this.clock,
          signal: signal ?? new AbortController().signal,
          story,
          manifests: async () => structuredClone(objects),
          smoke,
          run: { identity, url: `https://ci.example/${identity}` },
          ...(redact && { redact }),
        },
      )
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error(String(thrown))
    }
    const evidence = story.kept.map(({ title, text }) => `${title}\n${text}`).join('\n')
    return { result, error, told: told.join('\n'), evidence, seconds: (this.clock.monotonic() - begun) / 1000 }
  }

  /** A run that must succeed; its outcome, when it does not, is the error. */
  async ok(command: Command, options: RunOptions = {}): Promise<Ran & { result: ReleaseResult }> {
    const ran = await this.run(command, options)
    if (ran.error) throw ran.error
    if (ran.result?.outcome !== 'passed')
      throw new Error(`${command}: ${ran.result?.outcome}: ${ran.result?.headline} ${ran.result?.reason}`)
    return { ...ran, result: ran.result }
  }

  /** Waits until nothing is deleted any more and controllers have caught up. */
  async settled(): Promise<void> {
    await this.clock.sleep(60_000)
  }
}
