// Selectors of PromQL, taken apart so that matchers can be added to them: plain ones only, since counters are read as they were scraped.
import { RE2JS } from 're2js'
import type { Labels } from '../shared/prometheus/answer.ts'
import { messageOf } from '../shared/text/errors.ts'
import { own } from '../shared/text/records.ts'

export interface Matcher {
  label: string
  operator: '=' | '!=' | '=~' | '!~'
  /** As it stands for itself, without quotes and escapes. */
  value: string
}

export interface Selector {
  metric: string
  matchers: readonly Matcher[]
}

const one = /\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')\s*(,|$)/y

/** Reads matchers as they stand between braces: `color="green", job!~"test.*"`. Throws an Error that says what is wrong. */
export function parseMatchers(text: string): Matcher[] {
  const found: Matcher[] = []
  one.lastIndex = 0
  while (one.lastIndex < text.length && text.slice(one.lastIndex).trim() !== '') {
    const at = one.lastIndex
    const [, label, operator, value] = one.exec(text) ?? []
    if (label === undefined || value === undefined) throw new Error(`'${text.slice(at)}' is no matcher, such as color="green"`)
    found.push({ label, operator: operator as Matcher['operator'], value: unquote(value) })
  }
  return found
}

const unquote = (text: string): string =>
  text.slice(1, -1).replace(/\\(.)/gs, (_, character: string) => (character === 'n' ? '\n' : character))

/** Reads `metric{label="value"}`. Throws an Error that says what is wrong. */
export function parseSelector(text: string): Selector {
  const [, metric, inside] = /^([a-zA-Z_:][\w:]*)\s*(?:\{(.*)\})?$/s.exec(text.trim()) ?? []
  if (metric === undefined)
    throw new Error(`'${text}' is no plain selector, such as http_requests_total{job="api"}: functions and ranges are not wanted here`)
  return { metric, matchers: parseMatchers(inside ?? '') }
}

/** Who is meant by a side: matchers, in braces or not, or the beginning of its pods' names. */
export function parseSide(text: string): Matcher[] {
  const trimmed = text.trim()
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?-?$/.test(trimmed))
    return [{ label: 'pod', operator: '=~', value: `${trimmed.replace(/-$/, '').replaceAll('.', '\\.')}-.+` }]
  const matchers = parseMatchers(trimmed.replace(/^\{(.*)\}$/s, '$1'))
  if (matchers.length === 0) throw new Error('it is empty')
  return matchers
}

const quote = (text: string): string => `"${text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`

export const matchersText = (matchers: readonly Matcher[]): string =>
  matchers.map(({ label, operator, value }) => `${label}${operator}${quote(value)}`).join(',')

/** A selector as PromQL, with more matchers. */
export const selectorText = ({ metric, matchers }: Selector, more: readonly Matcher[] = []): string =>
  `${metric}{${matchersText([...matchers, ...more])}}`

export const isPositive = ({ operator }: Matcher): boolean => !operator.startsWith('!')

/** Values come again and again, in many series and at every look; more of them are not remembered. */
const REMEMBERED = 10_000
const tests = new WeakMap<Matcher, (value: string) => boolean>()

/** Whether a value meets a matcher, as in Prometheus: expressions are RE2's, and match the whole value. Throws an Error for an expression that is none. */
export function meets(matcher: Matcher, value: string): boolean {
  const test = tests.get(matcher) ?? testOf(matcher)
  tests.set(matcher, test)
  return test(value) === isPositive(matcher)
}

function testOf({ operator, value: wanted }: Matcher): (value: string) => boolean {
  if (operator === '=' || operator === '!=') return (value) => value === wanted
  const expression = expressionOf(wanted)
  const known = new Map<string, boolean>()
  return (value) => {
    const met = known.get(value) ?? expression.matches(value)
    if (known.size < REMEMBERED) known.set(value, met)
    return met
  }
}

function expressionOf(text: string): RE2JS {
  try {
    return RE2JS.compile(text, RE2JS.DOTALL)
  } catch (error) {
    throw new Error(`'${text}' is no regular expression of RE2: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * Whether a series with these labels, `__name__` among them, is one of a selector's. A label that is not there is empty. Where its target has
 * another value of a label, either may be what is wanted, and neither may be what is not.
 */
export function matches({ metric, matchers }: Selector, labels: Labels, target: Labels = {}): boolean {
  if (own(labels, '__name__') !== metric) return false
  return matchers.every((matcher) => {
    const values = [own(labels, matcher.label) ?? '', own(target, matcher.label) ?? []].flat()
    return isPositive(matcher) ? values.some((value) => meets(matcher, value)) : values.every((value) => meets(matcher, value))
  })
}

/** Whether only series match that have the label: one that is absent is empty. */
export function needsLabel({ operator, value }: Matcher): boolean {
  const negative = operator.startsWith('!')
  return (operator.endsWith('~') ? matchesNothing(value) : value === '') === negative
}

/** Whether an expression of Prometheus matches an empty text. What only its own dialect knows is taken to want some text. */
function matchesNothing(expression: string): boolean {
  try {
    return new RegExp(`^(?:${expression})$`).test('')
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
