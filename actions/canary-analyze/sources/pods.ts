// Counters straight from the pods: each look reads every pod of a side once, through ports. What a pod says is its metrics and nothing else:
// which pods there are, whose they are, and how often their containers restarted is the API server's word.
import { createHash } from 'node:crypto'
import { Lanes } from '../../shared/limit.ts'
import { type Answer, AnswerError, type Labels, type Series } from '../../shared/prometheus/answer.ts'
import type { CounterStore, Prometheus } from '../../shared/prometheus/client.ts'
import { readExposition, type Sample } from '../../shared/prometheus/exposition.ts'
import { excerpt } from '../../shared/report/text.ts'
import { own } from '../../shared/text/records.ts'
import { type Clock, formatDuration } from '../../shared/time/clock.ts'
import { isPositive, type Matcher, matchersText, meets, parseSelector, type Selector, selectorText } from '../selectors.ts'
import { type Counter, IDENTITY, labelName, PodCounters } from './pod-counters.ts'

export interface PodSeen {
  name: string
  uid: string
  labels: Labels
  /** Whether its containers run, so that it may answer. */
  running: boolean
  ready: boolean
  containers: readonly { name: string; restarts: number }[]
}

/** Both throw an AnswerError when they could not tell. */
export interface PodPorts<Pod extends PodSeen = PodSeen> {
  /** All pods of the namespace. */
  pods(): Promise<readonly Pod[]>
  /** The text of a pod's metrics. */
  metrics(pod: Pod, signal: AbortSignal): Promise<string>
}

export interface PodOptions {
  namespace: string
  /** How long one pod may take to show its metrics, in milliseconds. */
  timeout: number
  /** Which pods are taken where there are too many; the same seed takes the same ones. */
  seed: number
  clock: Clock
  signal: AbortSignal
  tell: (text: string) => void
}

/** The counter of kube-state-metrics; here it is read of the pods' status. */
const RESTARTS = 'kube_pod_container_status_restarts_total'
/** So many pods of a side are read. */
const MOST_PODS = 50
/** Requests under way at once. */
const WIDTH = 8
/** A look is known for so long, as is a pod that is gone, in milliseconds. */
const HOUR = 3_600_000
/** Examples in a message. */
const SHOWN = 3

/** One answer of a pod: undefined, or why there was none. */
interface Asked {
  /** The metrics that were looked for in it, once it is there. */
  names: ReadonlySet<string> | undefined
  why: Promise<string | undefined>
}

interface Look<Pod> {
  at: number
  pods: Promise<readonly Pod[]>
  asked: Map<string, Asked>
}

interface Known {
  selector: Selector
  /** The uids of the pods that were ever meant by it. */
  pods: Set<string>
}

/**
 * The counters of pods, as of a Prometheus that scrapes at each look and at no other time. Series bear the labels `namespace`, `pod` and `uid`,
 * and those of their pod in Kubernetes where they have none of that name. Values begin at 0 with the first look.
 */
export class PodsStore<Pod extends PodSeen = PodSeen> implements CounterStore {
  readonly everywhere = false
  readonly #ports: PodPorts<Pod>
  readonly #options: PodOptions
  readonly #lanes = new Lanes(WIDTH)
  readonly #looks = new Map<number, Look<Pod>>()
  readonly #known = new Map<string, Known>()
  readonly #wanted = new Set<string>()
  readonly #counters = new Map<string, PodCounters>()
  /** Pods that did not answer the last time, and samples that were taken: each is told once. */
  readonly #told = new Set<string>()
  #newest = -Infinity
  #begun = false

  constructor(ports: PodPorts<Pod>, options: PodOptions) {
    this.#ports = ports
    this.#options = options
  }

  async before(selector: string, at: number): Promise<Answer> {
    return { type: 'vector', series: lastOf(await this.#read(selector, at, true), at), warnings: [] }
  }

  async samples(selector: string, from: number, to: number): Promise<Answer> {
    const found = await this.#read(selector, to, false)
    const series = found.map(({ labels, points }) => ({
      labels,
      points: points.filter(([seconds]) => seconds * 1000 > from && seconds * 1000 <= to),
    }))
    return { type: 'matrix', series: series.filter(({ points }) => points.length > 0), warnings: [] }
  }

  async groups(selector: string, labels: readonly string[], at: number): Promise<Answer> {
    const series = lastOf(await this.#read(selector, at, !this.#begun), at)
    const kept = (all: Labels): Labels =>
      Object.fromEntries(labels.flatMap((label) => (own(all, label) === undefined ? [] : [[label, all[label] ?? '']])))
    const found = Map.groupBy(series, (one) => JSON.stringify(kept(one.labels)))
    return {
      type: 'vector',
      series: [...found.values()].map((group) => ({ labels: kept(group[0]?.labels ?? {}), points: [[at / 1000, group.length] as const] })),
      warnings: [],
    }
  }

  /** The counters of a selector, after the pods were read for a look; what is past was read then. */
  async #read(text: string, at: number, first: boolean): Promise<Counter[]> {
    const known = this.#known.get(text) ?? { selector: parseSelector(text), pods: new Set<string>() }
    this.#known.set(text, known)
    this.#wanted.add(known.selector.metric)
    const look = this.#lookAt(at)
    if (look) await this.#ask(known, look, first)
    return [...known.pods].flatMap((uid) => this.#counters.get(uid)?.select(known.selector) ?? [])
  }

  #lookAt(at: number): Look<Pod> | undefined {
    const there = this.#looks.get(at)
    if (there || at <= this.#newest) return there
    this.#newest = at
    const look: Look<Pod> = { at, pods: this.#list(at), asked: new Map() }
    this.#looks.set(at, look)
    for (const old of this.#looks.keys()) if (old < at - HOUR) this.#looks.delete(old)
    return look
  }

  async #list(at: number): Promise<readonly Pod[]> {
    const pods = await this.#ports.pods()
    for (const pod of pods) {
      const counters = this.#counters.get(pod.uid) ?? new PodCounters(this.#labelsOf(pod), !this.#begun, at)
      this.#counters.set(pod.uid, counters)
      counters.seen = Math.max(counters.seen, at)
      counters.add(restartsOf(pod), new Set([RESTARTS]), at)
    }
    this.#begun = true
    for (const [uid, { seen }] of this.#counters) if (seen < at - HOUR) this.#counters.delete(uid)
    return pods
  }

  #labelsOf({ name, uid, labels }: Pod): Labels {
    const given = Object.fromEntries(Object.entries(labels).map(([key, value]) => [labelName(key), value]))
    return { ...given, namespace: this.#options.namespace, pod: name, uid }
  }

  /** Reads the pods that a selector means. At the first look it throws an AnswerError when there are none; at each, when none of them answers. */
  async #ask({ selector, pods: meant }: Known, look: Look<Pod>, first: boolean): Promise<void> {
    const all = await look.pods
    const chosen = this.#chosen(selector, all)
    const text = excerpt(selectorText(selector), 300)
    if (first && chosen.length === 0)
      throw new AnswerError(
        `candidate, baseline: no pod of the namespace ${this.#options.namespace} is one of ${text}; there are ${listed(all.map(({ name }) => name))}`,
      )
    if (selector.metric === RESTARTS) {
      for (const { uid } of chosen) meant.add(uid)
      return first ? this.#refuseUnknown(selector, chosen) : undefined
    }
    const up = chosen.filter((pod) => pod.running)
    const running = this.#sample(selector, up)
    for (const { uid } of running) meant.add(uid)
    if (first && running.length === 0) throw new AnswerError(`none of the pods of ${text} runs: ${listed(chosen.map(({ name }) => name))}`)
    const whys = await Promise.all(running.map((pod) => this.#answer(look, pod, selector.metric)))
    const silent = running.flatMap((pod, i) => (whys[i] === undefined ? [] : [{ pod, why: `${pod.name}: ${whys[i]}` }]))
    // That a pod which is not ready does not answer is no fault of the reading: it is down.
    if (silent.length > 0 && silent.length === running.length && (first || silent.some(({ pod }) => pod.ready)))
      throw new AnswerError(`none of the ${running.length} pods of ${text} shows its metrics: ${listed(silent.map(({ why }) => why))}`)
    if (first) this.#refuseUnknown(selector, chosen)
  }

  /** A label of pods whose wanted value no pod has, nor any series, names nobody. */
  #refuseUnknown({ matchers }: Selector, chosen: readonly Pod[]): void {
    for (const matcher of matchers.filter(isPositive)) {
      const counters = chosen.flatMap(({ uid }) => this.#counters.get(uid) ?? [])
      const values = counters.flatMap(({ labels }) => own(labels, matcher.label) ?? [])
      if (values.length === 0 || values.some((value) => meets(matcher, value)) || meets(matcher, '')) continue
      if (counters.some((one) => one.hasOwn(matcher.label))) continue
      const there = listed([...new Set(values)].map((value) => `${matcher.label}="${excerpt(value, 100)}"`))
      throw new AnswerError(`no pod of the namespace ${this.#options.namespace} has ${matchersText([matcher])}; there are ${there}`)
    }
  }

  #labelOf({ uid }: Pod, { label }: Matcher): string | undefined {
    return own(this.#counters.get(uid)?.labels ?? {}, label)
  }

  /**
   * The pods that a selector means, as far as their names and labels tell. A label that no pod has with a wanted value may be one of the series:
   * it is looked for there.
   */
  #chosen({ matchers }: Selector, all: readonly Pod[]): Pod[] {
    const named = matchers.filter(({ label }) => IDENTITY.includes(label))
    const base = all.filter((pod) => named.every((matcher) => meets(matcher, this.#labelOf(pod, matcher) ?? '')))
    return matchers
      .filter((matcher) => !named.includes(matcher))
      .reduce((left, matcher) => {
        const met = (pod: Pod): boolean | undefined => {
          const value = this.#labelOf(pod, matcher)
          return value === undefined ? undefined : meets(matcher, value)
        }
        if (!isPositive(matcher) || meets(matcher, '')) return left.filter((pod) => met(pod) !== false)
        return base.some(met) ? left.filter(met) : left
      }, base)
  }

  /** At most so many pods, by the order of hashes: the same ones at every look, as long as they are there. */
  #sample(selector: Selector, pods: readonly Pod[]): readonly Pod[] {
    if (pods.length <= MOST_PODS) return pods
    const { seed, tell } = this.#options
    const rank = ({ uid }: Pod): string => createHash('sha256').update(`${seed} ${uid}`).digest('hex')
    const ranked = pods.map((pod) => ({ pod, rank: rank(pod) })).toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
    const sides = selector.matchers.filter((matcher) => pods.some((pod) => this.#labelOf(pod, matcher) !== undefined))
    const side = matchersText(sides)
    if (!this.#told.has(side))
      tell(`of the ${pods.length} pods of ${side || 'a selector'}, ${MOST_PODS} are read: a sample, with the seed ${seed}`)
    this.#told.add(side)
    return ranked.slice(0, MOST_PODS).map(({ pod }) => pod)
  }

  /** Why a pod has no samples at a look; undefined when it has. It is asked once, and again only for a metric that nobody wanted before. */
  #answer(look: Look<Pod>, pod: Pod, metric: string): Promise<string | undefined> {
    const there = look.asked.get(pod.uid)
    if (there && there.names?.has(metric) !== false) return there.why
    const asked: Asked = { names: undefined, why: Promise.resolve(undefined) }
    asked.why = this.#lanes.run(() => this.#follow(look, pod, asked))
    look.asked.set(pod.uid, asked)
    return asked.why
  }

  async #follow({ at }: Look<Pod>, pod: Pod, asked: Asked): Promise<string | undefined> {
    try {
      const text = await this.#metricsOf(pod)
      asked.names = new Set(this.#wanted)
      this.#counters.get(pod.uid)?.add(readExposition(text, asked.names).samples, asked.names, at)
      this.#told.delete(pod.uid)
      return undefined
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error
      const why = excerpt(error.message, 300)
      if (!this.#told.has(pod.uid)) this.#options.tell(`${pod.name} has no samples: ${why}`)
      this.#told.add(pod.uid)
      return why
    }
  }

  async #metricsOf(pod: Pod): Promise<string> {
    const { clock, timeout, signal } = this.#options
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const late = clock.sleep(timeout, either).then(() => {
      throw new AnswerError(`no answer within ${formatDuration(timeout)}`)
    })
    try {
      return await Promise.race([this.#ports.metrics(pod, either), late])
    } finally {
      over.abort(new Error('nobody waits for it any more'))
    }
  }
}

/** The last point of each counter in the hour before a time. */
const lastOf = (counters: readonly Counter[], at: number): Series[] =>
  counters.flatMap(({ labels, points }) => {
    const last = points.findLast(([seconds]) => seconds * 1000 <= at && seconds * 1000 > at - HOUR)
    return last ? [{ labels, points: [last] }] : []
  })

const restartsOf = ({ containers }: PodSeen): Sample[] =>
  containers.map(({ name, restarts }) => ({ labels: { __name__: RESTARTS, container: name }, value: restarts }))

const listed = (texts: readonly string[]): string =>
  texts.length === 0 ? 'none' : `${texts.slice(0, SHOWN).join('; ')}${texts.length > SHOWN ? `; and ${texts.length - SHOWN} more` : ''}`

/** Counters where a Prometheus is wanted: queries are refused by name. */
export function withoutQueries(counters: CounterStore): Prometheus {
  const refuse = async (query: string): Promise<never> => {
    throw new AnswerError(`source: pods has counters alone, and Prometheus is needed for ${excerpt(query, 200)}`)
  }
  return {
    everywhere: counters.everywhere,
    before: (selector, at) => counters.before(selector, at),
    samples: (selector, from, to) => counters.samples(selector, from, to),
    groups: (selector, labels, at) => counters.groups(selector, labels, at),
    instant: refuse,
    range: refuse,
  }
}
