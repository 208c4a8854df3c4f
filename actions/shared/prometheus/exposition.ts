// What a process shows of its metrics, in Prometheus' text format 0.0.4 or in OpenMetrics 1.0, as one grammar that both keep. A pod may send
// anything, so each character is looked at once, what is not asked for is passed over without being kept, and all of it is bounded.
// https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
import { excerpt } from '../report/text.ts'
import { own } from '../text/records.ts'
import { AnswerError, type Labels, numberOf } from './answer.ts'

export interface Sample {
  /** With the metric's name as `__name__`. A label that is empty is as one that is not there, and left out. */
  labels: Labels
  value: number
}

export interface Exposition {
  samples: readonly Sample[]
  /** Those of the wanted names that a TYPE line declares: without a sample nothing was counted yet. */
  declared: ReadonlySet<string>
}

/** Asks for the formats that are read here, in the order in which Prometheus prefers them: names are then as in its queries. */
export const METRICS_HEADERS = { accept: 'application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1' }

/** More is refused: no library writes so much by itself. */
export const BOUNDS = {
  /** Characters of the text. */
  text: 32 * 2 ** 20,
  /** Samples that were asked for. */
  samples: 10_000,
  /** Labels of one sample. */
  labels: 64,
  /** Characters of a name. */
  name: 256,
  /** Characters of a label's value. */
  value: 4096,
  /** Characters of a number. */
  number: 64,
} as const

/** Which samples a family has, by its type in a TYPE line; OpenMetrics leaves `_total` out there. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  counter: ['', '_total'],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

/**
 * Reads the samples of the wanted metrics, by the names that they have in a query (`http_requests_total`, `latency_seconds_bucket`). Timestamps
 * and exemplars are passed over. Throws an AnswerError that names the line for what is neither format, for a sample that comes twice, and
 * for more than the bounds allow.
 */
export function readExposition(text: string, wanted: ReadonlySet<string>): Exposition {
  if (text.length > BOUNDS.text) throw new AnswerError(`its metrics are longer than ${BOUNDS.text} characters`)
  const samples: Sample[] = []
  const declared = new Set<string>()
  const found = new Set<string>()
  let ended = false
  let number = 0
  for (let at = 0; at < text.length; ) {
    const feed = text.indexOf('\n', at)
    const end = feed < 0 ? text.length : feed
    number++
    const line = new Line(text, at, end > at && text[end - 1] === '\r' ? end - 1 : end, number)
    at = end + 1
    line.blank()
    if (line.over) continue
    if (ended) throw line.error('something comes after # EOF')
    if (line.take('#')) {
      const word = comment(line, wanted, declared)
      ended = word === 'EOF'
      continue
    }
    const sample = sampleOf(line, wanted)
    if (!sample) continue
    const id = JSON.stringify(Object.entries(sample.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    if (found.has(id)) throw line.error('the sample is there twice')
    if (samples.length >= BOUNDS.samples) throw line.error(`there are more than ${BOUNDS.samples} samples of ${[...wanted].join(', ')}`)
    found.add(id)
    samples.push(sample)
  }
  return { samples, declared }
}

/** HELP, UNIT, TYPE, EOF, and whatever else a comment says. Gives its first word. */
function comment(line: Line, wanted: ReadonlySet<string>, declared: Set<string>): string {
  line.blank()
  const word = line.word()
  if (word !== 'TYPE') return word === 'EOF' && !line.rest() ? word : ''
  line.blank()
  const family = line.at('"') ? line.quoted(true) : line.word()
  line.blank()
  for (const part of own(PARTS, line.word()) ?? ['']) if (wanted.has(family + part)) declared.add(family + part)
  return word
}

/** One sample; undefined when it was not asked for. */
function sampleOf(line: Line, wanted: ReadonlySet<string>): Sample | undefined {
  let name = line.at('{') ? undefined : line.name(true)
  // Labels are kept once the name is known to be wanted; a quoted name comes first between the braces.
  const labels = new Map<string, string>()
  const spaced = line.blank()
  if (line.take('{')) name = readLabels(line, name, wanted, labels)
  else if (!spaced) throw line.error('the name of a metric has to be followed by labels or a space')
  if (name === undefined) throw line.error('it has no name')
  line.blank()
  const value = line.number('value')
  if (line.blank() && !line.over && !line.at('#')) line.number('timestamp')
  line.blank()
  if (line.take('#')) exemplar(line)
  if (line.rest()) throw line.error('nothing may come after the value and its timestamp')
  if (!wanted.has(name)) return undefined
  return { labels: Object.fromEntries([['__name__', copied(name)], ...labels]), value }
}

/** The labels after an opening brace, and the closing one. Gives the metric's name. */
function readLabels(line: Line, before: string | undefined, wanted: ReadonlySet<string>, labels: Map<string, string>): string | undefined {
  let name = before
  const names = new Set<string>()
  for (let first = true; ; first = false) {
    line.blank()
    if (line.take('}')) return name
    const quoted = line.at('"')
    const label = quoted ? line.quoted(true) : line.name(false)
    line.blank()
    if (quoted && first && name === undefined && !line.at('=')) {
      name = label
    } else {
      if (!line.take('=')) throw line.error('a label has to be followed by =')
      line.blank()
      const keep = name !== undefined && wanted.has(name)
      const value = line.quoted(keep)
      if (label === '__name__' || names.has(label)) throw line.error(`the label ${excerpt(label, 100)} is there twice`)
      names.add(label)
      if (names.size > BOUNDS.labels) throw line.error(`it has more than ${BOUNDS.labels} labels`)
      if (keep && value !== '') labels.set(copied(label), copied(value))
    }
    line.blank()
    if (!line.take(',') && !line.at('}')) throw line.error('a label has to be followed by a comma or the closing brace')
  }
}

/** What OpenMetrics may have behind a value: `# {trace_id="…"} 0.5 1700000000`. */
function exemplar(line: Line): void {
  line.blank()
  if (!line.take('{')) throw line.error('an exemplar has its labels between braces')
  readLabels(line, '', new Set(), new Map())
  line.blank()
  line.number('value of the exemplar')
  if (line.blank() && !line.over) line.number('timestamp of the exemplar')
  line.blank()
}

/** A text of its own: a slice would hold on to the whole text that it was cut from. */
const copied = (slice: string): string => Buffer.from(slice).toString()

const [TAB, SPACE, QUOTE, BACKSLASH] = [9, 32, 34, 92]
const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95
const isDigit = (code: number): boolean => code >= 48 && code <= 57

/** One line that is read from left to right, without its end. */
class Line {
  readonly #text: string
  readonly #start: number
  readonly #end: number
  readonly #number: number
  #at: number

  constructor(text: string, start: number, end: number, number: number) {
    this.#text = text
    this.#start = start
    this.#at = start
    this.#end = end
    this.#number = number
  }

  error(why: string): AnswerError {
    return new AnswerError(`line ${this.#number} of its metrics: ${why}: '${excerpt(this.#text.slice(this.#start, this.#end), 160)}'`)
  }

  get over(): boolean {
    return this.#at >= this.#end
  }

  get #code(): number {
    return this.#at < this.#end ? this.#text.charCodeAt(this.#at) : -1
  }

  at(character: string): boolean {
    return this.#code === character.charCodeAt(0)
  }

  take(character: string): boolean {
    const there = this.at(character)
    if (there) this.#at++
    return there
  }

  /** Passes over spaces and tabs; whether there were any. */
  blank(): boolean {
    const start = this.#at
    while (this.#code === SPACE || this.#code === TAB) this.#at++
    return this.#at > start
  }

  /** Everything up to the next space; empty at the end of the line. */
  word(): string {
    const start = this.#at
    while (!this.over && this.#code !== SPACE && this.#code !== TAB) this.#at++
    return this.#text.slice(start, this.#at)
  }

  /** Whether anything but spaces is left. */
  rest(): boolean {
    this.blank()
    return !this.over
  }

  /** The name of a metric, which may have colons, or of a label. */
  name(colons: boolean): string {
    const start = this.#at
    const fits = (code: number): boolean => isLetter(code) || (colons && code === 58)
    if (!fits(this.#code)) throw this.error(`a ${colons ? 'metric' : 'label'} was expected`)
    while (fits(this.#code) || isDigit(this.#code)) this.#at++
    if (this.#at - start > BOUNDS.name) throw this.error(`a name is longer than ${BOUNDS.name} characters`)
    return this.#text.slice(start, this.#at)
  }

  /** A text in quotes, without its escapes; empty when it is not to be kept. */
  quoted(keep: boolean): string {
    if (!this.take('"')) throw this.error('a text in quotes was expected')
    const start = this.#at
    let escaped = false
    for (; this.#code !== QUOTE; this.#at++) {
      if (this.over) throw this.error('a quote is not closed')
      if (this.#code !== BACKSLASH) continue
      escaped = true
      this.#at++
    }
    const slice = this.#text.slice(start, this.#at++)
    if (!keep) return ''
    if (slice.length > BOUNDS.value) throw this.error(`a text in quotes is longer than ${BOUNDS.value} characters`)
    if (!escaped) return slice
    return slice.replace(/\\([\\"n])/g, (_, character: string) => (character === 'n' ? '\n' : character))
  }

  number(what: string): number {
    const word = this.word()
    const value = word.length > BOUNDS.number ? undefined : (numberOf(word) ?? special(word.toLowerCase()))
    if (value === undefined) throw this.error(`the ${what} is no number`)
    return value
  }
}

/** As Go reads them, in any case. */
function special(text: string): number | undefined {
  if (text === 'nan') return NaN
  const [, sign, word] = /^([+-]?)(inf|infinity)$/.exec(text) ?? []
  return word === undefined ? undefined : sign === '-' ? -Infinity : Infinity
}
