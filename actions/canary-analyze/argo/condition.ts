// Evaluates Argo Rollouts' conditions over the result of a measurement.
import { isRecord, own } from '../../shared/text/records.ts'
import { checkCondition, pattern } from './check.ts'
import { functions, sortedBy } from './functions.ts'
import { parse } from './syntax.ts'
import { ConditionError } from './tokens.ts'
import { type Node, predicates } from './tree.ts'
import { FLOAT, FLOATS, typeOf } from './types.ts'
import { asBool, asList, asNumber, asText, isNothing, operators, printed, truncated, typeName, wrapped } from './values.ts'

/** Steps of one evaluation, and items of the lists that it makes: as many series as Prometheus may answer are well below. */
const MOST_WORK = 5_000_000
const LONGEST_TEXT = 1_000_000
const LONGEST_RANGE = 1_000_000n

interface Scope {
  result: unknown
  variables: ReadonlyMap<string, unknown>
  /** Inside of a predicate: what `#`, `#index` and `#acc` are. */
  items: Readonly<Record<string, unknown>>
  spend: (amount: number) => void
}

/** What a condition says about this result. Throws a ConditionError where Argo Rollouts ends in the phase Error. */
export function holds(condition: string, result: unknown): boolean {
  const tree = parse(condition)
  checkCondition(tree, typeOf(result))
  let left = MOST_WORK
  const spend = (amount: number): void => {
    left -= amount
    if (left < 0) throw new ConditionError('the condition takes too long')
  }
  const value = evaluate(tree, { result, variables: new Map(), items: {}, spend })
  if (typeof value !== 'boolean') throw new ConditionError(`expected bool, but got ${typeName(value)}`)
  return value
}

/** Why a condition can hold for no answer of Prometheus, neither for one number nor for a list; undefined: it can. */
export function refusalOf(condition: string): string | undefined {
  try {
    const tree = parse(condition)
    const wrong = [FLOATS, FLOAT].map((type) => {
      try {
        checkCondition(tree, type)
        return undefined
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error
        return error.message
      }
    })
    const [list, number] = wrong
    if (list === undefined || number === undefined) return undefined
    return list === number ? list : `${list}, of a list; ${number}, of a number`
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    return error.message
  }
}

/** What a chain is worth when `?.` found nothing. */
const NOTHING = Symbol('nothing')

function evaluate(node: Node, scope: Scope): unknown {
  scope.spend(1)
  const of = (inner: Node): unknown => evaluate(inner, scope)
  switch (node.type) {
    case 'literal':
      return node.value
    case 'name':
      return scope.variables.has(node.name) ? scope.variables.get(node.name) : scope.result
    case 'item':
      return own(scope.items, node.name)
    case 'list':
      return node.items.map(of)
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [asText(of(key)), of(value)]))
    case 'unary':
      return unary(node.operator, of(node.operand))
    case 'binary':
      return binary(node, of, scope)
    case 'choice':
      return asBool(of(node.test)) ? of(node.yes) : of(node.no)
    case 'member': {
      const base = of(node.of)
      return base === NOTHING || (node.optional && isNothing(base)) ? NOTHING : member(base, of(node.key))
    }
    case 'chain': {
      const value = of(node.of)
      return value === NOTHING ? null : value
    }
    case 'slice':
      return slice(of(node.of), node.from && of(node.from), node.to && of(node.to))
    case 'call':
      return call(node, scope)
    case 'let':
      return evaluate(node.body, { ...scope, variables: new Map([...scope.variables, [node.name, of(node.value)]]) })
    case 'sequence':
      return node.nodes.map(of).at(-1)
  }
}

function unary(operator: string, value: unknown): unknown {
  if (operator === '!') return !asBool(value)
  const number = asNumber(value)
  if (operator === '+') return number
  return typeof number === 'bigint' ? wrapped(-number) : -number
}

const literally = (node: Node, value: boolean): boolean => node.type === 'literal' && node.value === value

function binary(node: Extract<Node, { type: 'binary' }>, of: (node: Node) => unknown, { spend }: Scope): unknown {
  const { operator, left, right, exact } = node
  // The other side is not even looked at when one decides by itself.
  if (operator === '&&' || operator === 'and') return !literally(right, false) && asBool(of(left)) && asBool(of(right))
  if (operator === '||' || operator === 'or') return literally(right, true) || asBool(of(left)) || asBool(of(right))
  if (operator === '??') return of(left) ?? of(right)
  const [a, b] = [of(left), of(right)]
  if (operator === 'matches') return !isNothing(a) && !isNothing(b) && pattern(asText(b)).matcher(asText(a)).find()
  if (operator === '..') return range(truncated(a), truncated(b), spend)
  const other = exact && [a, b].map(typeName).find((name) => name !== exact)
  if (other) throw new ConditionError(`expected ${exact}, but got ${other}`)
  if (operator === 'in' && Array.isArray(b)) spend(b.length)
  const apply = own(operators, operator)
  if (!apply) throw new ConditionError(`unknown operator ${operator}`)
  const value = apply(a, b)
  if (typeof value === 'string' && value.length > LONGEST_TEXT) throw new ConditionError('the condition makes a text that is too long')
  return value
}

function range(from: bigint, to: bigint, spend: (amount: number) => void): bigint[] {
  if (to < from) return []
  if (to - from >= LONGEST_RANGE) throw new ConditionError('the condition makes a list that is too long')
  spend(Number(to - from))
  return Array.from({ length: Number(to - from) + 1 }, (_, i) => from + BigInt(i))
}

function member(of: unknown, key: unknown): unknown {
  if (isNothing(of)) throw new ConditionError(`cannot fetch ${printed(key)} from nil`)
  if (Array.isArray(of)) {
    const index = truncated(key)
    const at = Number(index < 0n ? BigInt(of.length) + index : index)
    if (at < 0 || at >= of.length) throw new ConditionError(`index out of range: ${index} (array length is ${of.length})`)
    return of[at]
  }
  if (isRecord(of)) return Object.hasOwn(of, asText(key)) ? of[asText(key)] : null
  throw new ConditionError(`type ${typeName(of)} has no field ${printed(key)}`)
}

/** Both ends may lie outside, and count from the end when they are negative. */
function slice(of: unknown, from: unknown, to: unknown): unknown {
  if (of === NOTHING) return NOTHING
  const bytes = typeof of === 'string' ? Buffer.from(of) : undefined
  const length = bytes?.length ?? asList(of).length
  const end = (value: unknown, missing: number): number => {
    if (value === undefined) return missing
    const at = Number(truncated(value))
    return Math.max(0, at < 0 ? length + at : at)
  }
  const last = Math.min(length, end(to, length))
  const first = Math.min(last, end(from, 0))
  return bytes ? bytes.subarray(first, last).toString() : asList(of).slice(first, last)
}

function call({ name, args }: Extract<Node, { type: 'call' }>, scope: Scope): unknown {
  if (Object.hasOwn(predicates, name)) return asked(name, args, scope)
  const { spend, result } = scope
  const plain = functions.get(name)
  if (!plain) throw new ConditionError(`unknown name ${name}`)
  const values = args.map((arg) => evaluate(arg, scope))
  for (const value of values) if (Array.isArray(value)) spend(value.length)
  // Go takes a whole number for a float only where it is written out.
  const floats = name === 'isNaN' || name === 'isInf' ? values.map((value, i) => floated(value, args[i])) : values
  return plain.run({ args: floats, result, spend })
}

function floated(value: unknown, node: Node | undefined): number {
  const number = asNumber(value)
  if (typeof number === 'bigint' && !(node && written(node))) throw new ConditionError('reflect: Call using int as type float64')
  return Number(number)
}

const written = (node: Node): boolean =>
  node.type === 'literal' ||
  (node.type === 'unary' && written(node.operand)) ||
  (node.type === 'binary' && ['+', '-', '*'].includes(node.operator) && written(node.left) && written(node.right))

type Ask = (index: number) => unknown
type Over = (items: readonly unknown[], ask: Ask) => unknown

const isTrue =
  (ask: Ask) =>
  (_: unknown, index: number): boolean =>
    asBool(ask(index))

const sumOf = (items: readonly unknown[], ask: Ask): unknown =>
  items.reduce<unknown>((sum, _, i) => operators['+']?.(sum, ask(i)) ?? null, 0n)

const place = (index: number): bigint | null => (index < 0 ? null : BigInt(index))

const overs: Readonly<Record<string, Over>> = {
  all: (items, ask) => items.every(isTrue(ask)),
  any: (items, ask) => items.some(isTrue(ask)),
  none: (items, ask) => !items.some(isTrue(ask)),
  one: (items, ask) => items.filter(isTrue(ask)).length === 1,
  filter: (items, ask) => items.filter(isTrue(ask)),
  map: (items, ask) => items.map((_, i) => ask(i)),
  count: (items, ask) => BigInt(items.filter(isTrue(ask)).length),
  sum: sumOf,
  find: (items, ask) => items.find(isTrue(ask)) ?? null,
  findIndex: (items, ask) => place(items.findIndex(isTrue(ask))),
  findLast: (items, ask) => items.findLast(isTrue(ask)) ?? null,
  findLastIndex: (items, ask) => place(items.findLastIndex(isTrue(ask))),
}

/** The functions that ask something of each item. */
function asked(name: string, [over, test, more]: readonly Node[], scope: Scope): unknown {
  const items = asList(over && evaluate(over, scope))
  const of = (index: number, also: Record<string, unknown> = {}): unknown =>
    test ? evaluate(test, { ...scope, items: { '': items[index], index: BigInt(index), ...also } }) : items[index]
  if (name === 'sortBy') {
    const order = more ? evaluate(more, scope) : 'asc'
    return sortedBy(
      items,
      items.map((_, i) => of(i)),
      order,
    )
  }
  if (name === 'reduce') {
    if (!more && items.length === 0) throw new ConditionError('reduce of empty array with no initial value')
    let sum = more ? evaluate(more, scope) : items[0]
    for (let i = more ? 0 : 1; i < items.length; i++) sum = of(i, { acc: sum })
    return sum
  }
  const apply = own(overs, name)
  if (!apply) throw new ConditionError(`unknown name ${name}`)
  return apply(items, of)
}
