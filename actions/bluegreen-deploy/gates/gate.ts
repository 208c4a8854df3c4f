import { ApiError, type Cluster, selectorText } from '../../shared/kubernetes/api/cluster.ts'
import type { ContainerStatus, Deployment, Pod, Service } from '../../shared/kubernetes/objects/read.ts'
import { diagnose, type Evidence } from '../../shared/kubernetes/watch/diagnosis.ts'
import { containerStatuses, isReady, restartsOf } from '../../shared/kubernetes/watch/rollout.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import { type Clock, formatDuration } from '../../shared/time/clock.ts'
import type { Config } from '../config.ts'
import type { View } from '../ledger/content.ts'
import { type Check, chooseCheck, runCheck } from './http-check.ts'

export type Verdict = 'passed' | 'failed' | 'inconclusive'

/** Something that decides whether a release may go on. Started once, sampled until it has a verdict or the time is over, then stopped. */
export interface Gate {
  readonly name: string
  start(): Promise<void>
  /** A verdict ends the watching: `failed` takes traffic back. Undefined: nothing to say yet. */
  sample(): Promise<Finding | undefined>
  /** The last word when the time is over without a verdict. */
  stop(): Promise<Finding>
}

export interface Finding {
  verdict: Verdict
  text: string
  evidence?: Evidence[]
}

interface World {
  cluster: Cluster
  clock: Clock
  signal: AbortSignal
  namespace: string
}

const CHECK_FAILURES = 3

/** Work that goes on while a gate watches: begun by start, and ended by stop. */
export interface Beside {
  start(): void
  /** Throws what ended the work before its time. */
  check(): void
  /** Resolves when it has ended. Throws what ended it before its time. */
  stop(): Promise<void>
}

/** Runs `work` until the watching is over or `signal` ends it. */
export function beside(work: (signal: AbortSignal) => Promise<unknown>, signal: AbortSignal): Beside {
  const ended = new AbortController()
  const both = AbortSignal.any([signal, ended.signal])
  let running: Promise<unknown> = Promise.resolve()
  let failure: Error | undefined
  const check = (): void => {
    if (failure !== undefined) throw failure
  }
  return {
    check,
    start() {
      running = work(both).catch((error: unknown) => {
        if (!both.aborted) failure = error instanceof Error ? error : new Error(String(error))
      })
    },
    async stop() {
      ended.abort(new Error('the watching is over'))
      await running
      check()
    },
  }
}

/** The gates of a bake: pod health, the check, and whether there was traffic at all. */
export function bakeGates(
  from: { cluster: Cluster; clock: Clock; signal: AbortSignal; config: Config },
  { parts, rendered }: View,
): Gate[] {
  const { config } = from
  if (config.bakeTime === 0) return []
  const world = { ...from, namespace: config.namespace }
  const expected = rendered.workload.spec.replicas ?? 1
  const gates = [podHealthGate({ ...world, selector: rendered.selector, expected, startup: config.readyTimeout })]
  const check = chooseCheck(parts.workload, rendered.service, config.check)
  if (check)
    gates.push(
      checkGate({ ...world, service: rendered.service.metadata.name, check, every: config.checkInterval, failures: CHECK_FAILURES }),
    )
  const port = metricsPort(parts.workload, parts.service)
  if (config.minRequests > 0 && port !== undefined) {
    gates.push(trafficGate({ ...world, selector: rendered.selector, port, path: config.metricsPath, least: config.minRequests }))
  }
  return gates
}

/** Where the pods show their metrics: the usual annotation, else the Service's first target port. */
function metricsPort(workload: Deployment, service: Service): number | string | undefined {
  const { metadata, spec } = workload.spec.template
  const [first] = service.spec.ports
  const port = metadata.annotations?.['prometheus.io/port'] ?? first?.targetPort ?? first?.port
  if (typeof port !== 'string' || /^\d+$/.test(port)) return port
  // The API server's proxy to a pod takes no names.
  const ports = spec.containers.flatMap((container) => container.ports ?? [])
  return ports.find((entry) => entry.name === port)?.containerPort
}

/** Runs gates side by side for `duration` milliseconds; ends with the first that fails. `every` is the time between two samples. */
export async function watchGates(
  gates: Gate[],
  options: { clock: Clock; signal: AbortSignal; duration: number; every: number; tell: (text: string) => void },
): Promise<Finding[]> {
  const { clock, signal, duration, every, tell } = options
  const until = clock.monotonic() + duration
  const quarter = Math.max(30_000, duration / 4)
  let told = clock.monotonic()
  const findings = new Map<Gate, Finding>()
  const started: Gate[] = []
  let stopped: PromiseSettledResult<Finding>[] = []
  try {
    for (const gate of gates) {
      started.push(gate)
      await gate.start()
    }
    for (;;) {
      for (const gate of gates.filter((candidate) => !findings.has(candidate))) {
        const finding = await gate.sample()
        if (!finding) continue
        findings.set(gate, finding)
        if (finding.verdict === 'failed') return [finding]
      }
      const left = until - clock.monotonic()
      if (left <= 0) break
      if (clock.monotonic() - told >= quarter) {
        tell(`watching for another ${formatDuration(left)}; nothing to object so far`)
        told = clock.monotonic()
      }
      await clock.sleep(Math.min(every, left), signal)
    }
  } finally {
    stopped = await Promise.allSettled(started.map((gate) => gate.stop()))
  }
  for (const [at, last] of stopped.entries()) {
    const gate = started[at]
    if (!gate || findings.has(gate)) continue
    if (last.status === 'rejected') throw last.reason
    findings.set(gate, last.value)
  }
  return [...findings.values()]
}

/**
 * Fails when a pod that was ready no longer is, when a container restarts, or when a new pod takes longer than `startup` milliseconds.
 * `expected` pods were ready a moment ago: one that went bad before the first look is missing from them.
 */
export function podHealthGate(world: World & { selector: Record<string, string>; expected: number; startup: number }): Gate {
  const { cluster, clock, signal, namespace, selector, expected, startup } = world
  const restarts = new Map<string, number>()
  const wasReady = new Set<string>()
  const firstSeen = new Map<string, number>()
  let pods: Pod[] = []
  let known = false
  let found: string | undefined
  let culprit: Pod | undefined

  const judge = (seen: Pod[]): true | undefined => {
    const ready = seen.filter(isReady).length
    pods = seen
    if (!known && ready < expected) {
      culprit = seen.find((pod) => !isReady(pod) && !pod.metadata.deletionTimestamp)
      found = `${culprit ? `pod ${culprit.metadata.name} is no longer ready: ` : ''}only ${ready} of ${expected} pods are`
      return true
    }
    known = true
    for (const pod of seen) {
      const uid = pod.metadata.uid ?? pod.metadata.name
      // A pod that is being deleted (a drained node, an eviction) is replaced: its successor has to become ready.
      if (pod.metadata.deletionTimestamp) continue
      if (!firstSeen.has(uid)) firstSeen.set(uid, clock.monotonic())
      found = objection(
        pod,
        restarts.get(uid) ?? restartsOf(pod),
        wasReady.has(uid),
        clock.monotonic() - (firstSeen.get(uid) ?? 0) > startup,
      )
      restarts.set(uid, restarts.get(uid) ?? restartsOf(pod))
      if (isReady(pod)) wasReady.add(uid)
      if (found) {
        culprit = pod
        return true
      }
    }
    return undefined
  }

  const failed = async (text: string): Promise<Finding> => ({
    verdict: 'failed',
    text,
    evidence: await diagnose(cluster, namespace, pods, culprit),
  })

  const query = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: selectorText(selector) }
  const watching = beside(
    (both) => waitFor(cluster, [query], (seen: Pod[]) => judge(seen), { clock, signal: both, timeout: Number.MAX_SAFE_INTEGER }),
    signal,
  )

  return {
    name: 'pods',
    start: async () => watching.start(),
    async sample() {
      watching.check()
      return found === undefined ? undefined : failed(found)
    },
    async stop() {
      await watching.stop()
      if (found !== undefined) return failed(found)
      if (!known) return { verdict: 'inconclusive', text: 'the pods could not be read while they were to be watched' }
      return { verdict: 'passed', text: `${pods.filter(isReady).length} pods stayed ready, without a restart` }
    },
  }
}

function objection(pod: Pod, restartsBefore: number, wasReady: boolean, late: boolean): string | undefined {
  const { name } = pod.metadata
  if (restartsOf(pod) > restartsBefore) {
    const ended = (status: ContainerStatus): string => status.lastState?.terminated?.finishedAt ?? ''
    const [{ name: container, lastState } = {}] = containerStatuses(pod).sort((a, b) => ended(b).localeCompare(ended(a)))
    const { reason = 'no reason given', exitCode, message = '' } = lastState?.terminated ?? {}
    return `pod ${name}: container ${container ?? '?'} restarted (${reason}, exit code ${exitCode ?? '?'})${message && `: ${message}`}`
  }
  if (wasReady && !isReady(pod)) return `pod ${name} is no longer ready`
  if (!wasReady && late && !isReady(pod)) return `pod ${name}, which replaces another, does not become ready`
  return undefined
}

/** Fails after `failures` answers in a row that are not good. */
export function checkGate(world: World & { service: string; check: Check; every: number; failures: number }): Gate {
  const { cluster, clock, namespace, service, check, every, failures } = world
  let next = 0
  let row = 0
  let passed = 0
  let body = ''
  let last = ''
  return {
    name: 'check',
    async start() {
      next = clock.monotonic()
    },
    async sample() {
      if (clock.monotonic() < next) return undefined
      const asked = clock.monotonic()
      const result = await runCheck(cluster, namespace, service, check)
      row = result.passed ? 0 : row + 1
      next = asked + (row > 0 ? Math.min(every, 1000) : every)
      passed += result.passed ? 1 : 0
      last = result.text
      if (!result.passed) body = result.body
      if (row < failures) return undefined
      return {
        verdict: 'failed',
        text: `${last}, ${row} times in a row`,
        evidence: [{ title: `Last answer to GET ${check.path}`, text: body.slice(0, 4096) }],
      }
    },
    async stop() {
      if (passed === 0) return { verdict: 'inconclusive', text: last ? `no good answer while watching: ${last}` : 'no check was made' }
      return { verdict: 'passed', text: `${passed} good ${passed === 1 ? 'answer' : 'answers'} to GET ${check.path}` }
    },
  }
}

const METRIC = 'http_requests_total'

/** Counts the requests that the pods got, by their own metrics; fewer than `least` is inconclusive. Where there are no metrics it says so. */
export function trafficGate(world: World & { selector: Record<string, string>; port: number | string; path: string; least: number }): Gate {
  const { cluster, clock, namespace, selector, port, path, least } = world
  let before = new Map<string, number>()
  let begun = 0
  let unread = `no ${METRIC} at ${path} on port ${port} of the pods`

  /** Metrics are a courtesy of the pods: that nobody may read them, or that the API is away, ends no release; it is said. */
  const counts = async (): Promise<Map<string, number>> => {
    const found = new Map<string, number>()
    try {
      const { items } = await cluster.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: selectorText(selector) })
      for (const pod of (items as Pod[]).filter(isReady)) {
        const answer = await cluster.proxy({ namespace, kind: 'pods', name: pod.metadata.name, port, path, timeout: 5_000 })
        const count = answer.reached && answer.status === 200 ? sumMetric(answer.body, METRIC) : undefined
        if (count !== undefined) found.set(pod.metadata.uid ?? pod.metadata.name, count)
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      unread = error.message
    }
    return found
  }

  return {
    name: 'traffic',
    async start() {
      begun = clock.monotonic()
      before = await counts()
    },
    sample: async () => undefined,
    async stop() {
      const after = await counts()
      if (after.size === 0 || before.size === 0) return { verdict: 'passed', text: `traffic was not measured: ${unread}` }
      // A counter that went back began anew.
      let requests = 0
      for (const [uid, count] of after) requests += count >= (before.get(uid) ?? 0) ? count - (before.get(uid) ?? 0) : count
      const text = `${requests} requests reached the candidate in ${formatDuration(clock.monotonic() - begun)}`
      if (requests >= least) return { verdict: 'passed', text }
      return { verdict: 'inconclusive', text: `too little traffic: ${text}, and fewer than ${least} say nothing about it` }
    },
  }
}

/** The sum over all series of a counter in Prometheus' text format; 0 when it is declared without a series, undefined when there is none. */
export function sumMetric(text: string, name: string): number | undefined {
  let sum: number | undefined = text.includes(`# TYPE ${name} `) ? 0 : undefined
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)/.exec(line)
    if (match?.[1] !== name) continue
    const value = Number(match[2])
    if (Number.isFinite(value)) sum = (sum ?? 0) + value
  }
  return sum
}
