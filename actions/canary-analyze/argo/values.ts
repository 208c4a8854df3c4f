// The values of a condition, as Go has them: whole numbers are bigint, others number.
import { isRecord } from '../../shared/text/records.ts'
import { ConditionError } from './tokens.ts'

const INT_BITS = 64
/** What Go makes of NaN and of numbers beyond its int. */
const SMALLEST = -(2n ** 63n)

export const isNothing = (value: unknown): value is null | undefined => value === null || value === undefined
export const isNumber = (value: unknown): value is bigint | number => typeof value === 'bigint' || typeof value === 'number'
export const wrapped = (value: bigint): bigint => BigInt.asIntN(INT_BITS, value)

/** Go's word for a value's type. */
export function typeName(value: unknown): string {
  if (isNothing(value)) return 'nil'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : Array.isArray(value) ? 'array' : 'map'
}

const wanted = (what: string, value: unknown): ConditionError => new ConditionError(`expected ${what}, but got ${typeName(value)}`)

export function asBool(value: unknown): boolean {
  if (typeof value !== 'boolean') throw wanted('bool', value)
  return value
}

export function asNumber(value: unknown): bigint | number {
  if (!isNumber(value)) throw wanted('a number', value)
  return value
}

export const asFloat = (value: unknown): number => Number(asNumber(value))

export function asText(value: unknown): string {
  if (typeof value !== 'string') throw wanted('string', value)
  return value
}

export function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wanted('an array', value)
  return value
}

/** As Go converts a float: towards zero. */
export function truncated(value: unknown): bigint {
  const number = asNumber(value)
  if (typeof number === 'bigint') return number
  const whole = Math.trunc(number)
  return Math.abs(whole) < 2 ** 63 ? BigInt(whole) : SMALLEST
}

const mismatch = (operator: string, a: unknown, b: unknown): ConditionError =>
  new ConditionError(`invalid operation: ${operator} (mismatched types ${typeName(a)} and ${typeName(b)})`)

/** Numbers of both types are compared as floats, lists item by item, and what is of other types is not equal. */
export function equal(a: unknown, b: unknown): boolean {
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b)
  if (isNumber(a) && isNumber(b)) return typeof a === typeof b ? a === b : Number(a) === Number(b)
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]))
  if (isRecord(a) && isRecord(b)) {
    const keys = Object.keys(a)
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
  }
  return a === b
}

/** Inside of maps 1 and 1.0 differ. */
const same = (a: unknown, b: unknown): boolean => typeof a === typeof b && equal(a, b)

export function less(a: unknown, b: unknown, operator = '<'): boolean {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
  if (!isNumber(a) || !isNumber(b)) throw mismatch(operator, a, b)
  return typeof a === typeof b ? a < b : Number(a) < Number(b)
}

function atMost(a: unknown, b: unknown, operator: string): boolean {
  return less(a, b, operator) || equal(a, b)
}

type Operator = (a: unknown, b: unknown) => unknown

const arithmetic =
  (operator: string, whole: (a: bigint, b: bigint) => bigint, float: (a: number, b: number) => number): Operator =>
  (a, b) => {
    if (!isNumber(a) || !isNumber(b)) throw mismatch(operator, a, b)
    return typeof a === 'bigint' && typeof b === 'bigint' ? wrapped(whole(a, b)) : float(Number(a), Number(b))
  }

const add = arithmetic(
  '+',
  (a, b) => a + b,
  (a, b) => a + b,
)

const rest: Operator = (a, b) => {
  if (typeof a !== 'bigint' || typeof b !== 'bigint') throw mismatch('%', a, b)
  if (b === 0n) throw new ConditionError('integer divide by zero')
  return a % b
}

/** Of nothing no text is true. */
const ofTexts =
  (test: (a: string, b: string) => boolean): Operator =>
  (a, b) =>
    !isNothing(a) && !isNothing(b) && test(asText(a), asText(b))

function contained(value: unknown, list: unknown): boolean {
  if (isNothing(list)) return false
  if (Array.isArray(list)) return list.some((item) => equal(item, value))
  if (isRecord(list)) return Object.hasOwn(list, asText(value))
  throw new ConditionError(`operator "in" not defined on ${typeName(list)}`)
}

/** The operators that want both sides; `&&`, `||`, `??`, `..` and `matches` are elsewhere. */
export const operators: Readonly<Record<string, Operator>> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  '<': (a, b) => less(a, b),
  '>': (a, b) => less(b, a, '>'),
  '<=': (a, b) => atMost(a, b, '<='),
  '>=': (a, b) => atMost(b, a, '>='),
  in: contained,
  contains: ofTexts((a, b) => a.includes(b)),
  startsWith: ofTexts((a, b) => a.startsWith(b)),
  endsWith: ofTexts((a, b) => a.endsWith(b)),
  '+': (a, b) => (typeof a === 'string' && typeof b === 'string' ? a + b : add(a, b)),
  '-': arithmetic(
    '-',
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  '*': arithmetic(
    '*',
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  '/': (a, b) => asFloat(a) / asFloat(b),
  '%': rest,
  '**': (a, b) => power(asFloat(a), asFloat(b)),
  '^': (a, b) => power(asFloat(a), asFloat(b)),
}

/** In Go 1 to whatever power is 1, and so is -1 to an infinite one. */
const power = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b)

/** A value as Go prints it with %v. */
export function printed(value: unknown): string {
  if (isNothing(value)) return '<nil>'
  if (typeof value === 'number') return printedFloat(value)
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (!isRecord(value)) throw new ConditionError(`a ${typeof value} cannot be printed`)
  const keys = Object.keys(value).toSorted()
  return `map[${keys.map((key) => `${key}:${printed(value[key])}`).join(' ')}]`
}

function printedFloat(value: number): string {
  if (Math.abs(value) === Infinity) return value > 0 ? '+Inf' : '-Inf'
  if (Number.isNaN(value)) return 'NaN'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 1e6) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

/** A number as Go parses it; undefined when it is none, or too large. */
export function parsedFloat(text: string): number | undefined {
  if (/^[+-]?(\d+(?:_\d+)*(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    const value = Number(text.replaceAll('_', ''))
    return Number.isFinite(value) ? value : undefined
  }
  if (/^[+-]?nan$/i.test(text)) return /^[+-]/.test(text) ? undefined : NaN
  const [, sign] = /^([+-]?)inf(?:inity)?$/i.exec(text) ?? []
  return sign === undefined ? undefined : sign === '-' ? -Infinity : Infinity
}

export function parsedInt(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined
  const value = BigInt(text.replace(/^\+/, ''))
  return value === wrapped(value) ? value : undefined
}
