// The types that a condition's parts have before any value is there, as Go has them.
import { isRecord } from '../../shared/text/records.ts'
import { ConditionError } from './tokens.ts'

export interface Type {
  is: 'any' | 'nil' | 'bool' | 'int' | 'float' | 'string' | 'map' | 'array'
  /** Of an array: what its items are. */
  of?: Type
  /** Of an array: what Go stores it as; a function that takes one of them takes no other. */
  stored?: 'any' | 'float' | 'string' | 'int'
}

export const ANY: Type = { is: 'any' }
export const NIL: Type = { is: 'nil' }
export const BOOL: Type = { is: 'bool' }
export const INT: Type = { is: 'int' }
export const FLOAT: Type = { is: 'float' }
export const STRING: Type = { is: 'string' }
export const MAP: Type = { is: 'map' }
export const FLOATS: Type = { is: 'array', of: FLOAT, stored: 'float' }
export const STRINGS: Type = { is: 'array', of: STRING, stored: 'string' }
export const INTS: Type = { is: 'array', of: INT, stored: 'int' }
export const listOf = (of: Type): Type => ({ is: 'array', of, stored: 'any' })
export const LIST = listOf(ANY)

const names: Record<Type['is'], string> = {
  any: 'unknown',
  nil: 'nil',
  bool: 'bool',
  int: 'int',
  float: 'float64',
  string: 'string',
  map: 'map[string]interface {}',
  array: '[]interface {}',
}

export const nameOf = ({ is, stored }: Type): string =>
  stored && stored !== 'any' ? `[]${stored === 'float' ? 'float64' : stored}` : names[is]

export const numeric = ({ is }: Type): boolean => is === 'int' || is === 'float'

/** The type of a result: what Prometheus answers is a float or a list of them. */
export function typeOf(value: unknown): Type {
  if (value === null || value === undefined) return NIL
  if (typeof value === 'bigint') return INT
  if (typeof value === 'number') return FLOAT
  if (typeof value === 'boolean') return BOOL
  if (typeof value === 'string') return STRING
  if (!Array.isArray(value)) return isRecord(value) ? MAP : ANY
  return value.every((item) => typeof item === 'number') ? FLOATS : LIST
}

/** Whether Go lets a value of one type stand where another is wanted. Of `any` it cannot tell: no. */
export function assignable(from: Type, to: Type): boolean {
  if (from.is === 'nil') return ['any', 'map', 'array'].includes(to.is)
  if (from.is === 'any' || to.is === 'any') return false
  return from.is === to.is && from.stored === to.stored
}

export const comparable = (a: Type, b: Type): boolean =>
  [a.is, b.is].some((is) => is === 'any' || is === 'nil') ||
  (numeric(a) && numeric(b)) ||
  (a.is === 'array' && b.is === 'array') ||
  assignable(a, b)

/** Whether both are of one of these types, as far as they are known. */
export function both(a: Type, b: Type, ...allowed: readonly Type['is'][]): boolean {
  const fits = ({ is }: Type): boolean => allowed.includes(is)
  if (a.is === 'any') return b.is === 'any' || fits(b)
  if (b.is === 'any') return fits(a)
  return fits(a) && fits(b)
}

export const itemsOf = (type: Type): Type => (type.is === 'array' ? (type.of ?? ANY) : ANY)

export const refuse = (message: string): never => {
  throw new ConditionError(message)
}
