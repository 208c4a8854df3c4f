// Selectors of PromQL, taken apart so that matchers can be added to them: plain ones only, since counters are read as they were scraped.

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
