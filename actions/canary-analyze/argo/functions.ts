// The functions of Argo Rollouts' conditions: its own, and those of expr-lang/expr that make sense of numbers and texts. Each says which
// arguments it takes before it is called.
import { isRecord } from '../../shared/text/records.ts'
import { type Known, one, taking } from './signature.ts'
import { texts } from './texts.ts'
import { ConditionError } from './tokens.ts'
import { ANY, BOOL, FLOAT, FLOATS, INT, INTS, itemsOf, LIST, nameOf, refuse, STRING, STRINGS, type Type } from './types.ts'
import {
  asFloat,
  asList,
  asNumber,
  asText,
  equal,
  isNothing,
  isNumber,
  less,
  parsedFloat,
  parsedInt,
  printed,
  truncated,
  typeName,
  wrapped,
} from './values.ts'

function aggregate(args: readonly Type[], name: string): Type {
  const [first] = args
  if (!first) return refuse(`not enough arguments to call ${name}`)
  for (const type of args) {
    if (type.is === 'any' || type.is === 'array') return ANY
    if (type.is !== 'int' && type.is !== 'float') return refuse(`invalid argument for ${name} (type ${nameOf(type)})`)
  }
  return first
}

const float = (apply: (value: number) => number): Known => ({
  check: one(() => FLOAT, 'int', 'float'),
  run: ({ args: [value] }) => apply(asFloat(value)),
})

/** Half away from zero. */
function rounded(value: number): number {
  const whole = Math.trunc(value)
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole
}

/** Go's floats as text, with the word that Go has for what cannot be read. */
function parseOr<T>(value: T | undefined, what: string, given: string): T {
  if (value === undefined) throw new ConditionError(`strconv.${what}: parsing "${given}": invalid syntax`)
  return value
}

/** The best number of arguments and of the lists among them; undefined where there is none. An empty list inside of a list is an error, as there. */
function extreme(name: string, args: readonly unknown[], better: (found: unknown, next: unknown) => boolean, inside = false): unknown {
  let found: unknown
  for (const arg of args) {
    const value = Array.isArray(arg) ? extreme(name, arg, better, true) : arg
    if (value === undefined && !inside) continue
    if (!isNumber(value)) throw new ConditionError(`invalid argument for ${name} (type ${typeName(value)})`)
    if (found === undefined || better(found, value)) found = value
  }
  return found
}

/** The numbers of arguments and of the lists among them. */
const numbersOf = (args: readonly unknown[]): number[] => args.flatMap((arg) => (Array.isArray(arg) ? numbersOf(arg) : [asFloat(arg)]))

function median(args: readonly unknown[]): number {
  // Go sorts NaN first.
  const sorted = numbersOf(args).toSorted((a, b) => (Number.isNaN(a) ? -1 : Number.isNaN(b) ? 1 : a - b))
  const middle = sorted.length >> 1
  if (sorted.length === 0) return 0
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** Go's sort keeps no order among what it cannot compare, so that only short lists with NaN come out as there. */
const INSERTED = 12

/** Sorts items by what stands for them. */
export function sortedBy(items: readonly unknown[], keys: readonly unknown[], order: unknown): unknown[] {
  if (order !== 'asc' && order !== 'desc') throw new ConditionError(`invalid order ${printed(order)}, expected asc or desc`)
  const before = (a: unknown, b: unknown): boolean => (order === 'desc' ? less(b, a) : less(a, b))
  if (items.length > INSERTED && keys.some((key) => Number.isNaN(key))) throw new ConditionError('a list with NaN cannot be sorted')
  const paired = items.map((item, i) => ({ item, key: keys[i] }))
  if (items.length > INSERTED)
    return paired.toSorted((a, b) => (before(a.key, b.key) ? -1 : before(b.key, a.key) ? 1 : 0)).map(({ item }) => item)
  for (let i = 1; i < paired.length; i++)
    for (let j = i; j > 0 && before(paired[j]?.key, paired[j - 1]?.key); j--) {
      const [a, b] = [paired[j - 1], paired[j]]
      if (a && b) [paired[j - 1], paired[j]] = [b, a]
    }
  return paired.map(({ item }) => item)
}

function flattened(items: readonly unknown[]): unknown[] {
  return items.flatMap((item) => (Array.isArray(item) ? flattened(item) : [item]))
}

/** What is there under an index or a key, else nothing. */
function got(of: unknown, key: unknown): unknown {
  if (isNothing(of)) return null
  if (isRecord(of)) return Object.hasOwn(of, asText(key)) ? of[asText(key)] : null
  const items = typeof of === 'string' ? [...Buffer.from(of)].map(BigInt) : asList(of)
  return items.at(Number(truncated(key))) ?? null
}

const checkGet = (args: readonly Type[]): Type => {
  const [of, key] = args
  if (!of || !key || args.length !== 2) return refuse(`get(...) takes 2 arguments, not ${args.length}`)
  if (of.is === 'any') return ANY
  const wanted = of.is === 'array' ? 'int' : of.is === 'map' ? 'string' : refuse(`type ${nameOf(of)} does not support indexing`)
  if (key.is !== 'any' && key.is !== wanted) return refuse(`cannot use ${nameOf(key)} to get an element from ${nameOf(of)}`)
  return of.is === 'array' ? itemsOf(of) : ANY
}

const checkTake = (args: readonly Type[]): Type => {
  const [of, count] = args
  if (!of || !count || args.length !== 2) return refuse(`take(...) takes 2 arguments, not ${args.length}`)
  if (of.is !== 'any' && of.is !== 'array') return refuse(`cannot take from ${nameOf(of)}`)
  return count.is === 'any' || count.is === 'int' ? of : refuse(`cannot take ${nameOf(count)} elements`)
}

const checkConcat = (args: readonly Type[]): Type => {
  const wrong = args.find(({ is }) => is !== 'any' && is !== 'array')
  if (wrong || args.length === 0) return refuse(wrong ? `cannot concat ${nameOf(wrong)}` : 'concat(...) wants an argument')
  return LIST
}

const sizeOf = (value: unknown): number => {
  if (typeof value === 'string') return Array.from(value).length
  return isRecord(value) ? Object.keys(value).length : asList(value).length
}

const kinds: Record<string, string> = { float64: 'float' }

/** By name. A Map, as names come from the condition. */
export const functions: ReadonlyMap<string, Known> = new Map<string, Known>(
  Object.entries({
    asInt: {
      check: taking(INT, [ANY]),
      run: ({ args: [value] }) => (typeof value === 'string' ? parseOr(parsedInt(value), 'ParseInt', value) : truncated(value)),
    },
    asFloat: {
      check: taking(FLOAT, [ANY]),
      run: ({ args: [value] }) => (typeof value === 'string' ? parseOr(parsedFloat(value), 'ParseFloat', value) : asFloat(value)),
    },
    isNaN: { check: taking(BOOL, [FLOAT]), run: ({ args: [value] }) => Number.isNaN(value) },
    isInf: { check: taking(BOOL, [FLOAT]), run: ({ args: [value] }) => value === Infinity || value === -Infinity },
    isNil: { check: taking(BOOL, [ANY]), run: ({ result }) => isNothing(result) },
    default: { check: taking(ANY, [ANY, ANY]), run: ({ args: [, fallback], result }) => result ?? fallback },
    len: { check: one(() => INT, 'array', 'map', 'string'), run: ({ args: [value] }) => BigInt(sizeOf(value)) },
    type: { check: taking(STRING, [ANY]), run: ({ args: [value] }) => kinds[typeName(value)] ?? typeName(value) },
    abs: {
      check: one((type) => type, 'int', 'float'),
      run: ({ args: [value] }) => {
        const number = asNumber(value)
        return number < 0 ? (typeof number === 'bigint' ? wrapped(-number) : -number) : number
      },
    },
    ceil: float(Math.ceil),
    floor: float(Math.floor),
    round: float(rounded),
    int: {
      check: one(() => INT, 'int', 'float', 'string'),
      run: ({ args: [value] }) => (typeof value === 'string' ? parseOr(parsedInt(value), 'Atoi', value) : truncated(value)),
    },
    float: {
      check: one(() => FLOAT, 'int', 'float', 'string'),
      run: ({ args: [value] }) => (typeof value === 'string' ? parseOr(parsedFloat(value), 'ParseFloat', value) : asFloat(value)),
    },
    string: { check: taking(STRING, [ANY]), run: ({ args: [value] }) => printed(value) },
    max: { check: aggregate, run: ({ args }) => extreme('max', args, (found, next) => less(found, next)) ?? null },
    min: { check: aggregate, run: ({ args }) => extreme('min', args, (found, next) => less(next, found)) ?? null },
    mean: {
      check: aggregate,
      run: ({ args }) => {
        const numbers = numbersOf(args)
        return numbers.length ? numbers.reduce((a, b) => a + b, 0) / numbers.length : 0
      },
    },
    median: { check: aggregate, run: ({ args }) => median(args) },
    first: { check: one(itemsOf, 'array'), run: ({ args: [list] }) => (Array.isArray(list) ? (list[0] ?? null) : null) },
    last: { check: one(itemsOf, 'array'), run: ({ args: [list] }) => (Array.isArray(list) ? (list.at(-1) ?? null) : null) },
    get: { check: checkGet, run: ({ args: [of, key] }) => got(of, key) },
    take: {
      check: checkTake,
      run: ({ args: [list, count] }) => {
        if (typeof count !== 'bigint' || count < 0n) throw new ConditionError(`cannot take ${printed(count)} elements`)
        return asList(list).slice(0, Number(count))
      },
    },
    keys: { check: one(() => LIST, 'map'), run: ({ args: [map] }) => (isRecord(map) ? Object.keys(map) : refuse('keys(...) wants a map')) },
    values: {
      check: one(() => LIST, 'map'),
      run: ({ args: [map] }) => (isRecord(map) ? Object.values(map) : refuse('values(...) wants a map')),
    },
    reverse: { check: one(() => LIST, 'array'), run: ({ args: [list] }) => asList(list).toReversed() },
    uniq: {
      check: one(() => LIST, 'array'),
      run: ({ args: [list], spend }) => {
        const found: unknown[] = []
        for (const item of asList(list)) {
          spend(found.length)
          if (!found.some((other) => equal(item, other))) found.push(item)
        }
        return found
      },
    },
    concat: {
      check: checkConcat,
      run: ({ args, spend }) => {
        const lists = args.map(asList)
        spend(lists.reduce((sum, { length }) => sum + length, 0))
        return lists.flat(1)
      },
    },
    flatten: { check: one(() => LIST, 'array'), run: ({ args: [list] }) => flattened(asList(list)) },
    sort: {
      check: taking(LIST, ...[LIST, FLOATS, STRINGS, INTS].flatMap((list) => [[list], [list, STRING]])),
      run: ({ args: [list, order = 'asc'] }) => sortedBy(asList(list), asList(list), order),
    },
    ...texts,
  } satisfies Record<string, Known>),
)

/** What expr-lang/expr knows beside them. */
export const unsupported: ReadonlySet<string> = new Set(
  (
    'groupBy toPairs fromPairs toJSON fromJSON toBase64 fromBase64 now duration date timezone ' +
    'bitand bitor bitxor bitnand bitshl bitshr bitushr bitnot'
  ).split(' '),
)
