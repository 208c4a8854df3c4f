// What lives in the cluster in memory: a Deployment controller, pods that start and answer, and a controller of endpoints.
import { selects } from '../../actions/shared/kubernetes/api/cluster.ts'
import type { Container, ContainerStatus, Deployment, EndpointSlice, Pod, Service } from '../../actions/shared/kubernetes/objects/read.ts'
import { isReady } from '../../actions/shared/kubernetes/watch/rollout.ts'
import type { TestClock } from './clock.ts'
import type { MemoryCluster } from './memory-cluster.ts'

/** What an image does; by default it is ready after a second and answers 200. */
export interface Behaviour {
  /** Milliseconds until it is ready; never with Infinity. */
  startup?: number
  /** It does not get as far as running. */
  waiting?: { reason: string; message: string }
  unschedulable?: string
  /** Milliseconds after its start at which it ends with exit code 1, again and again. */
  crashAfter?: number
  /** Status of the answers to checks, by the milliseconds since the pod's start. */
  answers?: (age: number) => number
  /** Requests a second, as its own metrics count them; undefined means it has no metrics. */
  requests?: number
}

/** A pod as this node makes them. */
export interface RunningPod extends Pod {
  spec: { containers: [Container & { image: string }] }
  status: { phase: string; containerStatuses: [ContainerStatus & { restartCount: number }] }
}

/** How long controllers take to notice, in milliseconds. */
const LAG = 20
/** How long a pod takes to end when it is asked to, in milliseconds; less with a shorter grace. */
const DRAIN = 1_500

export class MemoryNode {
  readonly #cluster: MemoryCluster
  readonly #clock: TestClock
  readonly #behaviours = new Map<string, Behaviour>()
  readonly #started = new Map<string, number>()
  readonly #ends = new Map<string, number>()
  #pods = 0
  /** Why no pod can be made; for a quota. */
  refusePods = ''

  constructor(cluster: MemoryCluster, clock: TestClock) {
    this.#cluster = cluster
    this.#clock = clock
    cluster.onChange(({ object, old }) => {
      const kind = (object ?? old)?.kind
      if (kind === 'Deployment' || kind === 'Pod') this.#soon('deployments', () => this.#reconcileAll())
      if (kind === 'Service' || kind === 'Pod') this.#soon('endpoints', () => this.#reconcileEndpoints())
      if (object?.kind === 'Pod' && object.metadata.deletionTimestamp) this.#end(object as RunningPod)
    })
    cluster.answer = ({ kind, name, path, namespace }) => this.#answer(kind, name, path, namespace)
  }

  behave(image: string, behaviour: Behaviour): void {
    this.#behaviours.set(image, behaviour)
  }

  /** Pods of an image that are not on their way out. */
  pods(image: string): RunningPod[] {
    return this.#cluster.all<RunningPod>('Pod').filter((pod) => imageOf(pod) === image && !pod.metadata.deletionTimestamp)
  }

  /** Makes pods unready, or ready again. */
  setReady(pod: RunningPod, ready: boolean): void {
    const [status] = pod.status.containerStatuses
    this.#status(pod, { phase: 'Running', conditions: conditions(ready), containerStatuses: [{ ...status, ready }] })
  }

  /** The container ends and is begun anew. */
  restart(pod: RunningPod): void {
    const [status] = pod.status.containerStatuses
    const lastState = { terminated: { reason: 'Error', exitCode: 1, message: 'out of luck' } }
    this.#status(pod, {
      phase: 'Running',
      conditions: conditions(true),
      containerStatuses: [{ ...status, restartCount: status.restartCount + 1, lastState }],
    })
  }

  /** Pods can be made again. */
  allowPods(): void {
    this.refusePods = ''
    this.#reconcileAll()
  }

  /** A pod is gone at once, as when its node died. */
  lose(pod: RunningPod): void {
    this.#cluster.drop(pod)
  }

  #soonest = new Set<string>()
  #soon(what: string, run: () => void): void {
    if (this.#soonest.has(what)) return
    this.#soonest.add(what)
    this.#clock.after(LAG, () => {
      this.#soonest.delete(what)
      run()
    })
  }

  #reconcileAll(): void {
    for (const deployment of this.#cluster.all<Deployment>('Deployment')) this.#reconcile(deployment)
  }

  #reconcile(deployment: Deployment): void {
    const { metadata, spec } = deployment
    const pods = this.#cluster.all<RunningPod>('Pod').filter((pod) => pod.metadata.ownerReferences?.[0]?.uid === metadata.uid)
    const alive = pods.filter((pod) => !pod.metadata.deletionTimestamp)
    if (metadata.deletionTimestamp) {
      for (const pod of alive) this.#delete(pod)
      if (pods.length === 0) this.#cluster.drop(deployment)
      return
    }
    const template = JSON.stringify(spec.template)
    const wanted: number = spec.replicas ?? 1
    const updated = alive.filter((pod) => pod.metadata.annotations?.template === template)
    const old = alive.filter((pod) => !updated.includes(pod))
    // One more than wanted at a time, and never one less.
    const room = Math.max(0, (old.length ? wanted + 1 : wanted) - alive.length)
    if (!this.refusePods) for (let i = 0; i < Math.min(room, wanted - updated.length); i++) this.#create(deployment, template)
    if (updated.length > wanted) for (const pod of updated.slice(wanted)) this.#delete(pod)
    else if (old.length && alive.filter(isReady).length > wanted) this.#delete(old[0])
    const ready = alive.filter(isReady).length
    const failing = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: this.refusePods }
    const status = {
      observedGeneration: metadata.generation,
      replicas: alive.length,
      updatedReplicas: updated.length,
      readyReplicas: ready,
      availableReplicas: ready,
      conditions: this.refusePods && alive.length < wanted ? [failing] : [],
    }
    this.#cluster.put({ ...deployment, status })
  }

  #create({ metadata, spec }: Deployment, template: string): void {
    const name = `${metadata.name}-${++this.#pods}`
    const pod = this.#cluster.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        ...(metadata.namespace && { namespace: metadata.namespace }),
        labels: spec.template.metadata.labels,
        annotations: { template },
        ownerReferences: [{ uid: metadata.uid ?? '', kind: 'Deployment', name: metadata.name }],
      },
      spec: spec.template.spec,
      status: { phase: 'Pending', conditions: [] },
    })
    this.#start(pod as RunningPod)
  }

  #start(pod: RunningPod): void {
    const image = imageOf(pod)
    const { startup = 1_000, waiting, unschedulable, crashAfter } = this.#behaviours.get(image) ?? {}
    const container = {
      name: pod.spec.containers[0].name,
      imageID: `${image.replace(/:[^/:]*$/, '')}@sha256:${'0'.repeat(63)}1`,
      restartCount: 0,
    }
    if (unschedulable) {
      this.#status(pod, { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: unschedulable }] })
    } else if (waiting) {
      this.#status(pod, {
        phase: 'Pending',
        conditions: conditions(false),
        containerStatuses: [{ ...container, ready: false, state: { waiting } }],
      })
    } else {
      this.#started.set(pod.metadata.uid ?? '', this.#clock.monotonic())
      this.#status(pod, {
        phase: 'Running',
        conditions: conditions(false),
        containerStatuses: [{ ...container, ready: false, state: { running: {} } }],
      })
      if (Number.isFinite(startup)) this.#clock.after(startup, () => this.#live(pod, (live) => this.setReady(live, true)))
      if (crashAfter !== undefined) this.#crash(pod, crashAfter)
    }
  }

  #crash(pod: RunningPod, after: number): void {
    this.#clock.after(after, () =>
      this.#live(pod, (live) => {
        const [status] = live.status.containerStatuses
        const terminated = { reason: 'Error', exitCode: 1, message: 'it crashed' }
        const waiting = { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' }
        const next = { ...status, ready: false, restartCount: status.restartCount + 1, state: { waiting }, lastState: { terminated } }
        this.#status(live, { phase: 'Running', conditions: conditions(false), containerStatuses: [next] })
        this.#crash(pod, after * 2)
      }),
    )
  }

  #delete(pod: RunningPod | undefined): void {
    if (!pod) return
    const deletionTimestamp = pod.metadata.deletionTimestamp ?? new Date(this.#clock.now()).toISOString()
    this.#cluster.put({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } })
  }

  #end(pod: RunningPod): void {
    const uid = pod.metadata.uid ?? ''
    const grace = (pod.metadata as { deletionGracePeriodSeconds?: number }).deletionGracePeriodSeconds ?? 30
    const at = this.#clock.monotonic() + Math.min(DRAIN, grace * 1000)
    if ((this.#ends.get(uid) ?? Infinity) <= at) return
    this.#ends.set(uid, at)
    this.#clock.after(at - this.#clock.monotonic(), () => this.#live(pod, (live) => this.#ended(live)))
  }

  /** What a finalizer holds has ended, and stays. */
  #ended(pod: RunningPod): void {
    const { finalizers = [] } = pod.metadata as { finalizers?: string[] }
    if (finalizers.length === 0) this.#cluster.drop(pod)
    else this.#status(pod, { ...pod.status, phase: 'Succeeded', conditions: conditions(false) })
  }

  #live(pod: RunningPod, work: (live: RunningPod) => void): void {
    const live = this.#cluster.all<RunningPod>('Pod').find((other) => other.metadata.uid === pod.metadata.uid)
    if (live) work(live)
  }

  #status(pod: RunningPod, status: object): void {
    this.#live(pod, (live) => this.#cluster.put({ ...live, status }))
  }

  #reconcileEndpoints(): void {
    const services = this.#cluster.all<Service>('Service')
    for (const service of services) {
      const { name, namespace } = service.metadata
      const pods = this.#cluster.all<RunningPod>('Pod', namespace).filter((pod) => selects(service.spec.selector, pod.metadata.labels))
      const endpoints = pods
        .filter((pod) => pod.status?.phase === 'Running')
        .map((pod) => ({
          addresses: ['10.0.0.1'],
          conditions: { ready: isReady(pod) },
          targetRef: { kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
        }))
      const metadata = { name: `${name}-slice`, ...(namespace && { namespace }), labels: { 'kubernetes.io/service-name': name } }
      this.#cluster.put({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, endpoints })
    }
    for (const slice of this.#cluster.all<EndpointSlice>('EndpointSlice')) {
      if (
        !services.some(
          (service) => `${service.metadata.name}-slice` === slice.metadata.name && service.metadata.namespace === slice.metadata.namespace,
        )
      )
        this.#cluster.drop(slice)
    }
  }

  #answer(kind: 'services' | 'pods', name: string, path: string, namespace: string) {
    const pods = this.#cluster.all<RunningPod>('Pod', namespace).filter(isReady)
    const service = this.#cluster.all<Service>('Service', namespace).find((candidate) => candidate.metadata.name === name)
    const pod = pods.find((candidate) =>
      kind === 'pods' ? candidate.metadata.name === name : selects(service?.spec.selector, candidate.metadata.labels),
    )
    if (!pod) return { reached: false, status: 503, body: `no endpoints available for service "${name}"` }
    const { answers = () => 200, requests } = this.#behaviours.get(imageOf(pod)) ?? {}
    const age = this.#clock.monotonic() - (this.#started.get(pod.metadata.uid ?? '') ?? 0)
    if (path !== '/metrics') return { reached: true, status: answers(age), body: `answer of ${pod.metadata.name}` }
    if (requests === undefined) return { reached: true, status: 404, body: 'not found' }
    return {
      reached: true,
      status: 200,
      body: `# TYPE http_requests_total counter\nhttp_requests_total{code="200"} ${Math.floor((requests * age) / 1000)}\n`,
    }
  }
}

const imageOf = (pod: RunningPod): string => pod.spec.containers[0].image

const conditions = (ready: boolean) => [
  { type: 'PodScheduled', status: 'True' },
  { type: 'Ready', status: ready ? 'True' : 'False' },
]
