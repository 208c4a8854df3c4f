import { type Cluster, type KubeObject, nameOf, selectorText } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, Pod } from '../../shared/kubernetes/objects/read.ts'
import { diagnose, type Evidence, lastWarning } from '../../shared/kubernetes/watch/diagnosis.ts'
import { containerStatuses, isReady, judgeRollout, TroubleLog } from '../../shared/kubernetes/watch/rollout.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import { type Clock, formatDuration } from '../../shared/time/clock.ts'
import { COLOR, type Color, RELEASE, type Rendered } from '../release/model.ts'
import type { Writer } from '../writes/writer.ts'

export interface ColorsOptions {
  cluster: Cluster
  writer: Writer
  clock: Clock
  signal: AbortSignal
  namespace: string
  release: string
  tell: (text: string) => void
}

export type Readiness = { ready: true; pods: number; digests: string[] } | { ready: false; reason: string; evidence: Evidence[] }

/** How often a wait tells how far it is, in milliseconds. */
const PROGRESS = 10_000
/** How long deleted pods may take to be gone, in milliseconds, beyond their grace. */
const GONE = 120_000

/** The colors of a release in the cluster: brought up, scaled, waited for, and taken away. Knows nothing of traffic. */
export class Colors {
  readonly #options: ColorsOptions

  constructor(options: ColorsOptions) {
    this.#options = options
  }

  /** Applies a color with `replicas` pods, or as many as the manifests say. */
  async apply(rendered: Rendered, replicas?: number): Promise<void> {
    const { writer } = this.#options
    for (const object of rendered.config) await writer.apply(object, { own: true })
    await this.scale(rendered, replicas)
  }

  /** Scales a color to `replicas` pods, or as many as the manifests say. */
  async scale({ workload }: Rendered, replicas = workload.spec.replicas): Promise<void> {
    const scaled = replicas === undefined ? workload : { ...workload, spec: { ...workload.spec, replicas } }
    await this.#options.writer.apply(scaled, { own: true })
  }

  /**
   * Recreates the pods of a color without traffic until `signal` ends it, a quarter at a time and with a quarter more than the manifests
   * say, so that as many as they say are ready all the time. A Deployment's own rolling update could not be ended at a way back: it would
   * go on under traffic, and end pods that some node still sends requests to. False when it was not done within `timeout` milliseconds.
   */
  async recreate(rendered: Rendered, { signal, timeout }: { signal: AbortSignal; timeout: number }): Promise<boolean> {
    const { cluster, writer, clock } = this.#options
    const wanted = rendered.workload.spec.replicas ?? 1
    const query = this.#pods(rendered)
    const old = new Set((await cluster.list(query)).items.map(({ metadata }) => metadata.uid))
    await this.scale(rendered, wanted + Math.ceil(wanted / 4))
    const ended = new Set<string | undefined>()
    const done = await waitFor(
      cluster,
      [query],
      async (pods: Pod[]) => {
        const here = pods.filter(({ metadata }) => !metadata.deletionTimestamp && !ended.has(metadata.uid))
        const left = here.filter(({ metadata }) => old.has(metadata.uid))
        if (left.length === 0) return true
        const spare = Math.max(0, here.filter(isReady).length - wanted)
        for (const pod of left.slice(0, spare)) {
          ended.add(pod.metadata.uid)
          await writer.deletePod(pod, undefined)
        }
        return undefined
      },
      { clock, signal, timeout },
    )
    await this.scale(rendered)
    return done ?? false
  }

  /** Recreates the pods of a color without traffic at once, for a while with none ready. */
  async renew(rendered: Rendered): Promise<void> {
    const { cluster, writer } = this.#options
    for (const pod of (await cluster.list(this.#pods(rendered))).items) await writer.deletePod(pod, undefined)
  }

  async get(color: Color): Promise<Deployment | undefined> {
    const { items } = await this.#options.cluster.list({ ...this.#deployments(), labelSelector: this.#labels(color) })
    return items[0] as Deployment | undefined
  }

  /** Waits until every pod is available; ends early on what cannot heal, with the words of the pod that shows why. */
  async ready(rendered: Rendered, timeout: number): Promise<Readiness> {
    const { cluster, clock, signal, namespace, tell } = this.#options
    const troubles = new TroubleLog()
    let told = clock.monotonic()
    let last = ''
    let pods: Pod[] = []
    const verdict = await waitFor(
      cluster,
      this.#queries(rendered),
      (deployments: Deployment[], seen: Pod[]) => {
        pods = seen
        const deployment = deployments.find((object) => object.metadata.name === rendered.workload.metadata.name)
        const judgement = judgeRollout(deployment, seen, troubles, clock.monotonic())
        if (judgement.state !== 'waiting') return judgement
        if (clock.monotonic() - told >= PROGRESS) {
          tell(`${nameOf(rendered.workload)}: ${judgement.text}`)
          told = clock.monotonic()
        }
        last = judgement.text
        return undefined
      },
      { clock, signal, timeout },
    )
    if (verdict?.state === 'ready') {
      const ids = pods.flatMap((pod) => containerStatuses(pod).map((status) => status.imageID ?? ''))
      return { ready: true, pods: verdict.ready, digests: [...new Set(ids.filter((id) => id.includes('@')))].sort() }
    }
    if (verdict?.state === 'failed') {
      return { ready: false, reason: verdict.reason, evidence: await diagnose(cluster, namespace, pods, verdict.pod) }
    }
    const why = await lastWarning(cluster, namespace, pods)
    const reason = `not ready within ${formatDuration(timeout)}: ${last}${why ? `; ${why}` : ''}`
    return { ready: false, reason, evidence: await diagnose(cluster, namespace, pods) }
  }

  /**
   * Waits until a color can take the traffic back: all pods ready and none too many, which would end under traffic; or after `patience`
   * at least one, or at once when the serving color has no ready pod itself (there is nothing to lose). Undefined when there is nothing
   * to go to within `timeout`.
   */
  async warm(
    rendered: Rendered,
    serving: Record<string, string>,
    patience: number,
    timeout: number,
  ): Promise<{ pods: number } | undefined> {
    const { cluster, clock, signal, namespace } = this.#options
    const begun = clock.monotonic()
    const queries = [...this.#queries(rendered), { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: selectorText(serving) }]
    return waitFor(
      cluster,
      queries,
      (deployments: Deployment[], pods: Pod[], others: Pod[]) => {
        const deployment = deployments.find((object) => object.metadata.name === rendered.workload.metadata.name)
        const ready = pods.filter(isReady).length
        const alive = pods.filter(({ metadata }) => !metadata.deletionTimestamp).length
        const replicas = deployment?.spec?.replicas ?? 1
        const full = ready >= replicas && alive <= replicas
        const serves = others.some(isReady)
        const late = clock.monotonic() - begun >= patience
        return full || !serves || (late && ready > 0) ? { pods: ready } : undefined
      },
      { clock, signal, timeout },
    )
  }

  /**
   * Deletes a color with its pods and its configuration, and waits until the pods are gone. With `grace` they get at most
   * this many seconds, so that connections that were kept open end soon. Idempotent.
   */
  async remove(color: Color, config: KubeObject[], grace?: number): Promise<void> {
    const { cluster, writer, clock, signal, namespace } = this.#options
    const deployment = await this.get(color)
    const pods = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: this.#labels(color) }
    // Before their Deployment, whose deletion gives them their own grace: a kubelet that has begun to end a pod may not shorten it.
    if (grace !== undefined) for (const pod of (await cluster.list(pods)).items) await writer.deletePod(pod, grace)
    // In the foreground, so that the Deployment is there until its pods are gone and nothing makes new ones.
    if (deployment)
      await writer.delete({ ...this.#deployments(), name: deployment.metadata.name }, { own: true, propagation: 'Foreground' })
    const shortened = new Set<string>()
    const gone = await waitFor(
      cluster,
      [{ ...this.#deployments(), labelSelector: this.#labels(color) }, pods],
      async (deployments: Deployment[], left: Pod[]) => {
        for (const pod of grace === undefined ? [] : left) {
          const uid = pod.metadata.uid ?? pod.metadata.name
          if (shortened.has(uid)) continue
          shortened.add(uid)
          await writer.deletePod(pod, grace)
        }
        return deployments.length + left.length === 0 ? true : undefined
      },
      { clock, signal, timeout: GONE, every: 500 },
    )
    if (!gone)
      throw new Error(
        `the pods of color ${color} are still there ${formatDuration(GONE)} after their deletion; is their node away? Kept connections may still reach them`,
      )
    for (const object of config) {
      await writer.delete({ apiVersion: object.apiVersion, kind: object.kind, namespace, name: object.metadata.name }, { own: true })
    }
  }

  #deployments() {
    return { apiVersion: 'apps/v1', kind: 'Deployment', namespace: this.#options.namespace }
  }

  #labels(color: Color): string {
    return selectorText({ [RELEASE]: this.#options.release, [COLOR]: color })
  }

  #queries(rendered: Rendered) {
    const labels = { [RELEASE]: this.#options.release, ...pick(rendered.selector) }
    return [{ ...this.#deployments(), labelSelector: selectorText(labels) }, this.#pods(rendered)]
  }

  #pods({ selector }: Rendered) {
    return { apiVersion: 'v1', kind: 'Pod', namespace: this.#options.namespace, labelSelector: selectorText(selector) }
  }
}

const pick = (selector: Record<string, string>): Record<string, string> =>
  selector[COLOR] === undefined ? {} : { [COLOR]: selector[COLOR] }
