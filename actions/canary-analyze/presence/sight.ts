// What a store has of a selector: which series, which pods. And the words for it: names and values come from outside, so they are bounded.

import type { Answer, Labels } from '../../shared/prometheus/answer.ts'
import { AnswerError } from '../../shared/prometheus/answer.ts'
import type { CounterStore, Prometheus } from '../../shared/prometheus/client.ts'
import { cut, oneLine } from '../../shared/report/text.ts'
import { POD } from '../sources/source.ts'

/** A store of counters; one that evaluates expressions is asked for those too. */
export type Store = CounterStore & Partial<Pick<Prometheus, 'instant'>>

/** Asks each thing once, at all the moments that are given: now, or through a window that is past. */
export class Sight {
  readonly everywhere: boolean
  readonly #store: Store
  readonly #moments: readonly number[]
  readonly #kept: Map<string, Promise<readonly Labels[]>>
  readonly #series = new Map<string, Promise<readonly Labels[]>>()

  /** `kept` holds what is asked of others' series from one sight to the next: it is slow to ask, and changes little. */
  constructor(store: Store, moments: readonly number[], kept: Map<string, Promise<readonly Labels[]>>) {
    this.everywhere = store.everywhere
    this.#store = store
    this.#moments = moments
    this.#kept = kept
  }

  /** The labels of all series of a selector. */
  series(selector: string): Promise<readonly Labels[]> {
    return this.#once(this.#series, selector, (at) => this.#store.before(selector, at))
  }

  /** Which values of these labels there are among the series of a selector. */
  groups(selector: string, labels: readonly string[]): Promise<readonly Labels[]> {
    return this.#once(this.#kept, `${selector} by ${labels.join()}`, (at) => this.#store.groups(selector, labels, at))
  }

  /** Whether an expression has a value; undefined where the store evaluates none. */
  async hasValue(query: string): Promise<boolean | undefined> {
    const { instant } = this.#store
    if (!instant) return undefined
    const found = await this.#once(this.#series, `= ${query}`, (at) => instant.call(this.#store, query, at))
    return found.length > 0
  }

  #once(known: Map<string, Promise<readonly Labels[]>>, key: string, ask: (at: number) => Promise<Answer>): Promise<readonly Labels[]> {
    const asked = known.get(key) ?? this.#all(ask)
    known.set(key, asked)
    return asked
  }

  async #all(ask: (at: number) => Promise<Answer>): Promise<readonly Labels[]> {
    const answers = await Promise.all(this.#moments.map(ask))
    const [doubt] = answers.flatMap(({ warnings }) => warnings)
    // What a partial answer lacks may be there all the same.
    if (doubt !== undefined)
      throw new AnswerError(`nothing can be said about the release: the server has doubts about what there is: ${cut(oneLine(doubt), 500)}`)
    return [...new Map(answers.flatMap(({ series }) => series.map(({ labels }) => [textOf(labels), labels]))).values()]
  }
}

const textOf = (labels: Labels, without = ''): string =>
  JSON.stringify(
    Object.entries(labels)
      .filter(([name]) => name !== without)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

/** Without the metric's name, which some answers have and others do not. */
export const idOf = (labels: Labels): string => textOf(labels, '__name__')

const MOST_NAMES = 10
export const shown = (text: string): string => cut(oneLine(text), 200)

/** `a, b and 3 more`. */
export function listed(names: readonly string[], most = MOST_NAMES): string {
  const rest = names.length - most
  const first = names.slice(0, most).map((name) => cut(oneLine(name), 100))
  return rest > 0 ? `${first.join(', ')} and ${rest} more` : first.join(', ')
}

/** The pods behind these series; those first whose names begin as `like` does. */
export function podNames(series: readonly Labels[], like = ''): string[] {
  const label = POD.find((name) => series.some((one) => one[name]))
  if (label === undefined) return []
  const alike = (name: string): number => {
    let same = 0
    while (same < like.length && name[same] === like[same]) same++
    return same
  }
  const names = new Set(series.flatMap((one) => one[label] || []))
  return [...names].toSorted((a, b) => alike(b) - alike(a) || (a < b ? -1 : 1))
}

/** The labels of these series; with some of their values where these may tell a failure. */
export function labelsText(series: readonly Labels[]): string {
  const names = [...new Set(series.flatMap((one) => Object.keys(one)))].filter((name) => name !== '__name__' && name !== 'le')
  const texts = names.toSorted().map((name) => {
    if (!TELLING.test(name)) return name
    const values = [...new Set(series.flatMap((one) => one[name] ?? []))].toSorted()
    return `${name} (${listed(values, 4)})`
  })
  return texts.length ? `its labels are ${listed(texts, 20)}` : 'it has no labels'
}

/** Names of labels that may hold how a request ended. */
const TELLING = /status|code|result|outcome/i
const STATUS = /^[1-5](?:\d\d|xx)$/i
/** By preference, where several have a status. */
const LIKELY = ['status', 'code', 'status_code', 'http_status_code', 'http_response_status_code', 'response_code', 'http_status']

export const looksLikeStatus = (value: string): boolean => STATUS.test(value)

/** The labels whose values look like the status of a response: 503, 5xx. */
export function statusLabels(series: readonly Labels[]): string[] {
  const names = new Set(
    series.flatMap((one) => Object.entries(one).flatMap(([name, value]) => (TELLING.test(name) && looksLikeStatus(value) ? [name] : []))),
  )
  const rank = (name: string): number => (LIKELY.includes(name) ? LIKELY.indexOf(name) : LIKELY.length)
  return [...names].toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}
