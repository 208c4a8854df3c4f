// What was read of pods' counters so far: each only grows from the first look on, through restarts of its process.
import { AnswerError, type Labels } from '../../shared/prometheus/answer.ts'
import type { Sample } from '../../shared/prometheus/exposition.ts'
import { matches, type Selector } from '../selectors.ts'

/** So many looks are kept of a counter: a reading that failed is made up for by the next ones. */
const LOOKS = 8
/** So many counters of one pod, over all looks: a pod whose labels change all the time is not followed. */
const MOST = 10_000
/** So many characters of their names and labels, likewise. */
const MOST_CHARACTERS = 4 * 2 ** 20

export interface Counter {
  labels: Labels
  /** The labels that the pod's metrics gave it; those of the pod itself are not among them. */
  own: Labels
  /** The value that was read last. */
  raw: number
  /** [seconds since 1970, what was counted since the first look]. */
  points: (readonly [number, number])[]
}

/** A label of Kubernetes as a label of Prometheus: `app.kubernetes.io/name` is `app_kubernetes_io_name`. */
export const labelName = (key: string): string => key.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_')

/** What names a pod; its metrics cannot say otherwise. */
export const IDENTITY = ['namespace', 'pod', 'uid']

const withoutName = (label: string): string => (IDENTITY.includes(label) ? `exported_${label}` : label)

export class PodCounters {
  /** Of the pod, by the API server's word when it was first seen. */
  readonly labels: Labels
  /** Whether it was there at the first look: what it had counted by then is not the release's. */
  readonly #old: boolean
  /** The metrics that were looked for in it. */
  readonly #looked = new Set<string>()
  readonly #counters = new Map<string, Counter>()
  #characters = 0
  /** In milliseconds. */
  seen: number

  constructor(labels: Labels, old: boolean, at: number) {
    this.labels = labels
    this.#old = old
    this.seen = at
  }

  /** Whether a label of its metrics has this name. */
  hasOwn(label: string): boolean {
    return [...this.#counters.values()].some((counter) => Object.hasOwn(counter.own, label))
  }

  /** Adds what was read for a look, of the metrics of these names; all or, with an AnswerError, nothing of it. */
  add(samples: readonly Sample[], names: ReadonlySet<string>, at: number): void {
    const seconds = at / 1000
    const grown = samples.map(({ labels, value }) => {
      const id = JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      const counter = this.#counters.get(id)
      const total = this.#total(counter, labels['__name__'] ?? '', value)
      if (!Number.isFinite(value) || value < 0 || total === Infinity)
        throw new AnswerError(`its counter ${JSON.stringify(labels)} is ${value}, which no counter can be`)
      return { id, labels, counter, value, total }
    })
    const born = grown.filter(({ counter }) => !counter)
    const characters = born.reduce((sum, { id }) => sum + id.length, this.#characters)
    if (this.#counters.size + born.length > MOST) throw new AnswerError(`it had more than ${MOST} series so far`)
    if (characters > MOST_CHARACTERS) throw new AnswerError(`its series so far have labels of more than ${MOST_CHARACTERS} characters`)
    this.#characters = characters
    for (const name of names) this.#looked.add(name)
    for (const { id, labels, counter = this.#born(id, labels), value, total } of grown) {
      // What answers after a later look has begun to, or a second time for one look, is not its answer.
      if ((counter.points.at(-1)?.[0] ?? -Infinity) >= seconds) continue
      counter.raw = value
      counter.points.push([seconds, total])
      if (counter.points.length > LOOKS) counter.points.shift()
    }
  }

  #total(counter: Counter | undefined, name: string, value: number): number {
    if (!counter) return this.#old && !this.#looked.has(name) ? 0 : value
    return (counter.points.at(-1)?.[1] ?? 0) + (value < counter.raw ? value : value - counter.raw)
  }

  #born(id: string, given: Labels): Counter {
    const named = Object.fromEntries(Object.entries(given).map(([label, value]) => [withoutName(label), value]))
    const identity = Object.fromEntries(IDENTITY.map((label) => [label, this.labels[label] ?? '']))
    const counter = { labels: { ...this.labels, ...named, ...identity }, own: named, raw: 0, points: [] }
    this.#counters.set(id, counter)
    return counter
  }

  /** The counters of a selector, which may mean a label of the pod where the series has one of that name too. */
  select(selector: Selector): Counter[] {
    return [...this.#counters.values()].filter(({ labels }) => matches(selector, labels, this.labels))
  }
}
