// Inputs: strings from the runner to one typed, frozen object. A schema is a zod object keyed by the input names of action.yml,
// each made by one of `input`'s types. What cannot be read is an error that names the input, the value and what would be accepted.
import { z } from 'zod'
import { excerpt } from '../report/text.ts'
import { messageOf } from '../text/errors.ts'
import { wrongText } from '../text/issues.ts'
import { formatDuration } from '../time/clock.ts'
import { parseDuration, parsePercentage } from '../units.ts'

export interface InputProblem {
  input: string
  message: string
}

/** Every input that cannot be used, one a line. */
export class InputError extends Error {
  readonly problems: readonly InputProblem[]
  constructor(problems: readonly InputProblem[]) {
    super(problems.map((problem) => (problem.input ? `${problem.input}: ${problem.message}` : problem.message)).join('\n'))
    this.name = 'InputError'
    this.problems = problems
  }
}

/** Whatever `read` throws becomes a problem of this input, each line one. */
export function asInput<T>(input: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof InputError) throw error
    const named = `${input}: `
    const lines = messageOf(error).split('\n')
    throw new InputError(lines.map((message) => ({ input, message: message.startsWith(named) ? message.slice(named.length) : message })))
  }
}

/** Of a secret that holds nothing: what has most likely happened. */
export const UNSET = 'is the secret set for this environment? Pull requests from forks get none'

const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/

/** Reads `name=value` lines; empty ones are passed over. Throws an InputError that tells a line by its number only: it may be a secret. */
function readPairs(input: string, lines: readonly string[]): Record<string, string> {
  const found = new Map<string, string>()
  const problems = lines.flatMap((line, at) => {
    if (line.trim() === '') return []
    const sign = line.indexOf('=')
    const [key, value] = [line.slice(0, Math.max(0, sign)).trim(), line.slice(sign + 1)]
    if (!NAME.test(key))
      return [
        { input, message: `item ${at + 1} is not accepted: name=value, with a name of letters, digits, _ and -, a letter or _ first` },
      ]
    if (found.has(key)) return [{ input, message: `${key} is there twice` }]
    found.set(key, value.trim())
    return []
  })
  if (problems.length) throw new InputError(problems)
  return Object.fromEntries(found)
}

/** An input by its name, and what was given. */
type Given<T> = readonly [input: string, given: T]

/** The values of two inputs of `name=value` lines, of which those of the second are masked. Throws an InputError. */
export function readVariables(
  [variables, lines]: Given<readonly string[]>,
  [secrets, text]: Given<string>,
  mask: (secret: string) => void,
): Record<string, string> {
  const masked = readPairs(secrets, text.split(/\r?\n/))
  for (const value of Object.values(masked)) mask(value)
  const empty = Object.keys(masked).filter((name) => masked[name] === '')
  if (empty.length) throw new InputError(empty.map((name) => ({ input: secrets, message: `${name} is empty; ${UNSET}` })))
  const plain = readPairs(variables, lines)
  const twice = Object.keys(masked).find((name) => Object.hasOwn(plain, name))
  if (twice) throw new InputError([{ input: secrets, message: `${twice} is in ${variables} as well` }])
  return { ...plain, ...masked }
}

interface Refusal {
  refused: string
}
const refuse = (refused: string): Refusal => ({ refused })
const isRefusal = (value: unknown): value is Refusal => typeof value === 'object' && value !== null && 'refused' in value

/** A given value as messages show it. */
export const shown = (value: string): string => `'${excerpt(value, 80)}'`

/** A type over the input's trimmed string, and as it was given. `read` gives the value or, by `refuse`, why not. */
const over = <T>(read: (text: string, raw: string) => T | Refusal) =>
  z
    .string()
    .prefault('')
    .transform((raw, context): T => {
      const value = read(raw.trim(), raw)
      if (!isRefusal(value)) return value
      context.addIssue({ code: 'custom', message: value.refused })
      return z.NEVER
    })

/** A type over one line. An empty input means `fallback`, which action.yml declares as the default; without one it is refused. */
const line = <T>(read: (text: string) => T | undefined, accepted: string, fallback?: string) =>
  over<T>((given) => {
    const text = given === '' && fallback !== undefined ? fallback : given
    const value = control.test(text) ? undefined : read(text)
    if (value !== undefined) return value
    return refuse(text === '' ? `is required: ${accepted}` : `${shown(text)} is not accepted: ${accepted}`)
  })

const control = /\p{Cc}/u

interface Bounds {
  min?: number
  max?: number
  /** What an empty input means: the default that action.yml declares. */
  default?: string
}

const within = (value: number | undefined, { min = -Infinity, max = Infinity }: Bounds): number | undefined =>
  value !== undefined && value >= min && value <= max ? value : undefined

const between = ({ min, max }: Bounds, show: (value: number) => string = String): string => {
  if (min !== undefined && max !== undefined) return `, from ${show(min)} to ${show(max)}`
  if (min !== undefined) return `, ${show(min)} or more`
  return max === undefined ? '' : `, ${show(max)} or less`
}

const decimal = (text: string): number | undefined => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined)
const percent = (value: number): string => `${value}%`
const linesOf = (text: string): string[] | Refusal => {
  const items = text.split(/\r?\n/).flatMap((item) => item.trim() || [])
  return items.find((item) => control.test(item.replaceAll('\t', ' '))) === undefined ? items : refuse('holds a control character')
}

/** Where `secret()` hands its values over while readInputs parses, which is synchronous. */
let onSecret: (secret: string) => void = () => undefined

export const input = {
  /** One line, possibly empty. `matches` and `accepts` (its words) narrow what is not empty. */
  text: (o: { default?: string; matches?: RegExp; accepts?: string } = {}) =>
    line(
      (text) => (text === '' || !o.matches || o.matches.test(text) ? text : undefined),
      o.accepts ?? 'one line without control characters',
      o.default ?? '',
    ),
  /** One line, not empty. */
  required: (o: { matches?: RegExp; accepts?: string } = {}) =>
    line((text) => (text !== '' && (!o.matches || o.matches.test(text)) ? text : undefined), o.accepts ?? 'one line of text'),
  /** true or false, in YAML's spellings; empty means false unless a default says otherwise. */
  flag: (o: { default?: 'true' | 'false' } = {}) =>
    line(
      (text) => ({ true: true, false: false })[/^(true|True|TRUE|false|False|FALSE)$/.test(text) ? text.toLowerCase() : ''],
      'true or false',
      o.default ?? 'false',
    ),
  integer: (o: Bounds = {}) =>
    line((text) => within(/^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined, o), `a whole number${between(o)}`, o.default),
  number: (o: Bounds = {}) => line((text) => within(decimal(text), o), `a number${between(o)}`, o.default),
  /** `500ms`, `90s`, `5m`, `1h30m`: milliseconds, which `min` and `max` are too. */
  duration: (o: Bounds = {}) =>
    line(
      (text) => within(parseDuration(text), o),
      `a duration with units like 500ms, 90s, 5m or 1h30m${between(o, formatDuration)}`,
      o.default,
    ),
  /** `12.5%`: 12.5. From 0% to 100% unless told otherwise. */
  percentage: (o: Bounds = {}) => {
    const bounds = { min: 0, max: 100, ...o }
    return line(
      (text) => within(parsePercentage(text), bounds),
      `a percentage with its sign like 12.5%${between(bounds, percent)}`,
      o.default,
    )
  },
  /** One item a line, trimmed, without the empty ones. */
  lines: (o: { default?: string } = {}) => over((text) => linesOf(text || (o.default ?? ''))),
  choice: <const C extends readonly [string, ...string[]]>(choices: C, o: { default?: C[number] } = {}) =>
    line((text): C[number] | undefined => choices.find((choice) => choice === text), `one of ${choices.join(', ')}`, o.default),
  /**
   * Any text; masked before it is used, and never shown. Empty means none unless it is required; white space alone is a secret gone wrong. `when` tells a secret from what may
   * be given instead of it, such as a path.
   */
  secret: (o: { required?: boolean; when?: (text: string) => boolean } = {}) =>
    over((text, raw) => {
      if (text === '' && raw !== '') return refuse(`holds nothing but white space; ${UNSET}`)
      if (text === '') return o.required ? refuse(`is required: a secret; ${UNSET}`) : ''
      if (o.when?.(text) ?? true) onSecret(text)
      return text.includes('\0') ? refuse('holds a NUL character') : text
    }),
  /** Any text of several lines, as it is but for the space around it. */
  block: () => over((text) => (text.includes('\0') ? refuse('holds a NUL character') : text)),
  /** The same type, where empty means undefined. Types with a `default` need none of it. */
  optional: <T>(type: z.ZodType<T>) =>
    over((text): T | undefined | Refusal => {
      if (text === '') return undefined
      const result = type.safeParse(text)
      return result.success ? result.data : refuse(result.error.issues.map((issue) => issue.message).join('; '))
    }),
}

const freeze = <T>(value: T): T => {
  if (Array.isArray(value) || (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)) {
    for (const inner of Object.values(value)) freeze(inner)
    Object.freeze(value)
  }
  return value
}

/**
 * Reads the inputs that `schema` names from INPUT_*, as the runner sets them (`ready-timeout` is INPUT_READY-TIMEOUT); others are
 * ignored. `mask` gets every secret before anything else can happen to it. Throws an InputError that lists every problem.
 */
export function readInputs<T>(
  schema: z.ZodType<T>,
  environment: Record<string, string | undefined>,
  mask: (secret: string) => void = () => undefined,
): T {
  const raw = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith('INPUT_') && value !== undefined ? [[name.slice('INPUT_'.length).toLowerCase(), value]] : [],
    ),
  )
  onSecret = mask
  try {
    const result = schema.safeParse(raw)
    if (result.success) return freeze(result.data)
    throw new InputError(
      result.error.issues.map(({ path: [name = '', ...rest], message }) => ({
        input: String(name),
        message: wrongText({ path: rest, message }),
      })),
    )
  } finally {
    onSecret = () => undefined
  }
}
