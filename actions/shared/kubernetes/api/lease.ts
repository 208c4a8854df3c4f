import { type Clock, formatDuration } from '../../time/clock.ts'
import { getOf, LEASE, type LeaseObject } from '../objects/read.ts'
import { type Cluster, isConflict } from './cluster.ts'

/** Somebody else holds, or has taken over, what this run was about to write. */
export class Superseded extends Error {
  readonly code = 'lease-lost'
}

export interface LeaseOptions {
  cluster: Cluster
  clock: Clock
  signal: AbortSignal
  namespace: string
  name: string
  labels: Record<string, string>
  /** Who we are; the same identity takes its own lease at once. */
  identity: string
  /** Where to look at the run that holds it. */
  url: string
  /** How long a lease is believed without a sign of life, in milliseconds; whole seconds. */
  duration: number
  /** How long to wait at most, whoever holds it, in milliseconds; a holder that is gone is superseded after its `duration`, so shorter than that takes none over. */
  timeout: number
  /** Generations handed out before this one, from another record: a lease that somebody deleted does not start over. */
  atLeast: number
  tell: (text: string) => void
}

/** No run holds a lease for longer without a sign of life, in seconds. */
const LONGEST = 86_400
/** What Kubernetes can count up to. */
const MOST_TRANSITIONS = 2 ** 31 - 2

const RUN_URL = 'devops-actions/run-url'
/** How often a write of the lease is tried again after a conflict. */
const ATTEMPTS = 20

/**
 * A Lease that is renewed while the process works. A holder that shows no sign of life for a full duration of our own
 * observation is superseded (its clock and ours may differ: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection).
 */
export class Lease {
  readonly #options: LeaseOptions
  #held: LeaseObject
  #renewedAt: number
  readonly #lost = new AbortController()
  #renewing: Promise<void> | undefined
  readonly #stop = new AbortController()
  readonly #loop: Promise<void>
  /** True when the last holder did not let go by itself: its writes may still be on their way. */
  readonly takenOver: boolean

  private constructor(options: LeaseOptions, held: LeaseObject, since: number, takenOver: boolean) {
    this.#options = options
    this.#held = held
    this.#renewedAt = since
    this.takenOver = takenOver
    this.#loop = this.#renewAll()
  }

  /** Aborted, with Superseded as its reason, when another run was seen to hold it: there is nothing left to wait for. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Grows with every holder; what is written carries it. */
  get generation(): number {
    return this.#held.spec?.leaseTransitions ?? 0
  }

  /** Throws Superseded, naming the holder and its run, when it still holds the lease after `timeout`; an error for a Lease that no run wrote. */
  static async acquire(options: LeaseOptions): Promise<Lease> {
    const { cluster, clock, signal, namespace, name, identity, duration, timeout } = options
    const begun = clock.monotonic()
    let seen: { version: string | undefined; at: number } | undefined
    let tried: { acquireTime: string; since: number; takenOver: boolean } | undefined
    let alive = false
    let told = false
    for (;;) {
      const live = await getOf(cluster, LEASE, { namespace, name })
      const holder = live?.spec?.holderIdentity ?? ''
      const at = clock.monotonic()
      if (live && seen?.version !== live.metadata.resourceVersion) {
        alive = seen !== undefined
        seen = { version: live.metadata.resourceVersion, at }
      }
      // An observer waits for what the holder promised, or for what we would, whichever is longer.
      const promised = Math.max(duration, holder && holder !== identity && live ? promiseOf(live) * 1000 : 0)
      const silent = seen ? at - seen.at : 0
      if (!holder || holder === identity || silent >= promised) {
        // Our own last try had arrived, its answer had not.
        if (live && tried && live.spec?.holderIdentity === identity && live.spec.acquireTime === tried.acquireTime) {
          return new Lease(options, live, tried.since, tried.takenOver)
        }
        tried = { acquireTime: microTime(clock.now()), since: clock.monotonic(), takenOver: holder !== '' }
        try {
          return new Lease(options, await take(options, live, tried.acquireTime), tried.since, tried.takenOver)
        } catch (error) {
          // Somebody was faster, or it is our own: look again.
          if (!isConflict(error) || at - begun >= timeout) throw error
        }
        await clock.sleep(100, signal)
        continue
      }
      const url = live?.metadata.annotations?.[RUN_URL]
      const who = `${holder}${url ? ` (${url})` : ''}`
      if (at - begun >= timeout) throw new Superseded(`${options.name} is being released by ${who}, ${stillHeld(alive, silent, promised)}`)
      if (!told) options.tell(`waiting for ${who}: it is taken over after ${formatDuration(promised)} without a sign of life`)
      told = true
      await clock.sleep(Math.min(1_000, promised / 4, begun + timeout - at), signal)
    }
  }

  /** Throws Superseded unless the lease is ours with time to spare; called before every write. */
  async assertHeld(): Promise<void> {
    this.lost.throwIfAborted()
    const age = this.#options.clock.monotonic() - this.#renewedAt
    // Two thirds, so that a write that is on its way when the check is done still arrives in time.
    if (age > (this.#options.duration * 2) / 3) await this.#renew()
    this.lost.throwIfAborted()
  }

  /** Stops renewing and lets the next one in at once. */
  async release(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    if (this.lost.aborted) return
    const { cluster, clock, identity, namespace, name } = this.#options
    const { spec } = this.#held
    const released = { ...this.#held, spec: { ...spec, holderIdentity: '', renewTime: microTime(clock.now()) } }
    try {
      await cluster.replace(released)
    } catch (error) {
      if (!isConflict(error)) throw error
      const live = await getOf(cluster, LEASE, { namespace, name })
      if (live?.spec?.holderIdentity === identity) throw error // else it had arrived, and only its answer had not
    }
  }

  async #renewAll(): Promise<void> {
    const { clock, duration } = this.#options
    while (!this.#stop.signal.aborted) {
      await clock.sleep(duration / 3, this.#stop.signal).catch(() => undefined)
      if (this.#stop.signal.aborted || this.lost.aborted) return
      // A renewal that fails is tried again; what matters is that no write happens on an old lease.
      await this.#renew().catch(() => undefined)
    }
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renewOnce(): Promise<void> {
    const { cluster, clock, identity, namespace, name } = this.#options
    for (let attempt = 1; ; attempt++) {
      const since = clock.monotonic()
      try {
        const spec = { ...this.#held.spec, renewTime: microTime(clock.now()) }
        this.#held = await cluster.replace({ ...this.#held, spec })
        this.#renewedAt = since
        return
      } catch (error) {
        if (!isConflict(error) || attempt >= ATTEMPTS) throw error
      }
      const live = await getOf(cluster, LEASE, { namespace, name })
      const ours = live?.spec?.holderIdentity === identity && live.spec.leaseTransitions === this.generation
      if (!live || !ours) {
        const by = live?.spec?.holderIdentity || 'nobody'
        const superseded = new Superseded(`${name} is no longer held by this run (now by ${by}); this run writes nothing more`)
        this.#lost.abort(superseded)
        throw superseded
      }
      this.#held = live // our own renewal arrived, its answer did not
    }
  }
}

/** Why a lease was not got in time, and what to do. */
function stillHeld(alive: boolean, silent: number, promised: number): string {
  if (alive) return 'which is alive; wait for it or cancel it, then try again'
  const shown = `which showed no sign of life for ${formatDuration(silent)} and is taken over after ${formatDuration(promised)}`
  return `${shown}; wait for that, or give a lock-timeout that is longer`
}

/** For how many seconds the holder of a lease is believed. Throws for what no run can mean. */
const promiseOf = (live: LeaseObject): number => numberOf(live, 'leaseDurationSeconds', LONGEST)

/** A number of a Lease's spec from 0 to `most`; 0 when there is none. Throws for anything else, as nobody of ours wrote it. */
function numberOf(live: LeaseObject, field: 'leaseDurationSeconds' | 'leaseTransitions', most: number): number {
  const value: unknown = live.spec?.[field] ?? 0
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  const { name, namespace } = live.metadata
  throw new Error(
    `Lease/${name} in namespace ${namespace}: spec.${field} is ${JSON.stringify(value)}, where 0 to ${most} is possible; no release wrote that. Look who did (holderIdentity is ${JSON.stringify(live.spec?.holderIdentity ?? '')}), and when none is under way: kubectl delete lease ${name} --namespace ${namespace}`,
  )
}

function take(options: LeaseOptions, live: LeaseObject | undefined, now: string): Promise<LeaseObject> {
  const { cluster, identity, name, namespace, labels, url, duration, atLeast } = options
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(duration / 1000),
    acquireTime: now,
    renewTime: now,
    leaseTransitions: Math.max(live ? numberOf(live, 'leaseTransitions', MOST_TRANSITIONS) : 0, atLeast) + 1,
  }
  const annotations = { ...live?.metadata.annotations, [RUN_URL]: url }
  const object: LeaseObject = live
    ? { ...live, metadata: { ...live.metadata, annotations }, spec }
    : { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace, labels, annotations }, spec }
  return live ? cluster.replace(object) : cluster.create(object)
}

/** Kubernetes' MicroTime. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace(/Z$/, '000Z')
