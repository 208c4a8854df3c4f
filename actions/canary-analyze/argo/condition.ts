// Evaluates Argo Rollouts' conditions over the result of a measurement.
import { isRecord, own } from '../../shared/text/records.ts'
import { ConditionError, type Node, parse } from './syntax.ts'

type Scope = { result: unknown; item?: unknown; inside: boolean }

/** What a condition says about this result. Throws a ConditionError where Argo Rollouts ends in the phase Error. */
export function holds(condition: string, result: unknown): boolean {
  const value = evaluate(parse(condition), { result, inside: false })
  if (typeof value !== 'boolean') throw new ConditionError(`expected bool, but got ${typeName(value)}`)
  return value
}

const lengthOf = (value: unknown): number | undefined => (Array.isArray(value) || typeof value === 'string' ? value.length : undefined)

/** Go's word for a value's type. */
function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nil'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : Array.isArray(value) ? 'array' : 'map'
}

function evaluate(node: Node, scope: Scope): unknown {
  const of = (inner: Node): unknown => evaluate(inner, scope)
  switch (node.type) {
    case 'literal':
      return node.value
    case 'name':
      if (node.name === 'result') return scope.result
      throw new ConditionError(`unknown name ${node.name}`)
    case 'item':
      if (!scope.inside) throw new ConditionError('# stands for an item, and is outside of all(...), any(...) and the like')
      return scope.item
    case 'list':
      return node.items.map(of)
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, of(value)]))
    case 'closure':
      throw new ConditionError('{...} is only for all(...), any(...) and the like')
    case 'choice':
      return bool(of(node.test)) ? of(node.yes) : of(node.no)
    case 'unary':
      return node.operator === '!' ? !bool(of(node.operand)) : node.operator === '-' ? -number(of(node.operand)) : number(of(node.operand))
    case 'binary':
      return binary(node, of)
    case 'member':
      return member(of(node.of), of(node.key), node.optional)
    case 'slice':
      return slice(of(node.of), node.from && of(node.from), node.to && of(node.to))
    case 'call':
      return call(node, scope)
  }
}

function bool(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new ConditionError(`expected bool, but got ${typeName(value)}`)
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new ConditionError(`expected a number, but got ${typeName(value)}`)
  return value
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new ConditionError(`expected string, but got ${typeName(value)}`)
  return value
}

function items(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new ConditionError(`expected an array, but got ${typeName(value)}`)
  return value
}

function binary({ operator, left, right }: Extract<Node, { type: 'binary' }>, of: (node: Node) => unknown): unknown {
  if (operator === '&&' || operator === 'and') return bool(of(left)) && bool(of(right))
  if (operator === '||' || operator === 'or') return bool(of(left)) || bool(of(right))
  if (operator === '??') return of(left) ?? of(right)
  const [a, b] = [of(left), of(right)]
  const apply = own(operators, operator)
  if (!apply) throw new ConditionError(`unknown operator ${operator}`)
  return apply(a, b)
}

const compare = (a: unknown, b: unknown, operator: string, test: (order: number) => boolean): boolean => {
  if (typeof a === 'string' && typeof b === 'string') return test(a < b ? -1 : a > b ? 1 : 0)
  if (typeof a !== 'number' || typeof b !== 'number') throw mismatch(operator, a, b)
  return test(a < b ? -1 : a > b ? 1 : a === b ? 0 : NaN)
}

const mismatch = (operator: string, a: unknown, b: unknown): ConditionError =>
  new ConditionError(`invalid operation: ${operator} (mismatched types ${typeName(a)} and ${typeName(b)})`)

function equal(a: unknown, b: unknown): boolean {
  const [x, y] = [a ?? null, b ?? null]
  if (x === null || y === null) return x === y
  if (typeof x !== typeof y) throw mismatch('==', a, b)
  if (Array.isArray(x) && Array.isArray(y)) return x.length === y.length && x.every((value, i) => equal(value, y[i]))
  return x === y
}

/** Membership compares without minding types. */
function contained(value: unknown, list: unknown): boolean {
  if (Array.isArray(list)) return list.some((item) => typeof item === typeof value && equal(item, value))
  if (isRecord(list)) return Object.hasOwn(list, text(value))
  throw new ConditionError(`operator in is not defined on ${typeName(list)}`)
}

const operators: Record<string, (a: unknown, b: unknown) => unknown> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  '<': (a, b) => compare(a, b, '<', (order) => order < 0),
  '<=': (a, b) => compare(a, b, '<=', (order) => order <= 0),
  '>': (a, b) => compare(a, b, '>', (order) => order > 0),
  '>=': (a, b) => compare(a, b, '>=', (order) => order >= 0),
  in: contained,
  'not in': (a, b) => !contained(a, b),
  contains: (a, b) => text(a).includes(text(b)),
  startsWith: (a, b) => text(a).startsWith(text(b)),
  endsWith: (a, b) => text(a).endsWith(text(b)),
  '+': (a, b) => (typeof a === 'string' ? a + text(b) : number(a) + number(b)),
  '-': (a, b) => number(a) - number(b),
  '*': (a, b) => number(a) * number(b),
  '/': (a, b) => number(a) / number(b),
  '%': (a, b) => number(a) % number(b),
  '**': (a, b) => number(a) ** number(b),
  '^': (a, b) => number(a) ** number(b),
}

function member(of: unknown, key: unknown, optional: boolean): unknown {
  if (of === null || of === undefined) {
    if (optional) return null
    throw new ConditionError(`cannot fetch ${String(key)} from nil`)
  }
  if (Array.isArray(of)) {
    const index = number(key)
    const at = index < 0 ? of.length + index : index
    if (!Number.isInteger(at) || at < 0 || at >= of.length)
      throw new ConditionError(`index out of range: ${index} (array length is ${of.length})`)
    return of[at]
  }
  if (isRecord(of)) return Object.hasOwn(of, text(key)) ? of[text(key)] : null
  throw new ConditionError(`type ${typeName(of)} has no field ${String(key)}`)
}

function slice(of: unknown, from: unknown, to: unknown): unknown {
  const [a, b] = [from === undefined ? undefined : number(from), to === undefined ? undefined : number(to)]
  return typeof of === 'string' ? of.slice(a, b) : items(of).slice(a, b)
}

/** The functions of a condition. `result` is meant by `default` and `isNil` whatever they are given, as in Argo Rollouts. */
const functions: Record<string, (args: unknown[], result: unknown) => unknown> = {
  len: ([value]) => lengthOf(value) ?? (isRecord(value) ? Object.keys(value).length : items(value).length),
  asInt: ([value]) => {
    if (typeof value === 'string' && /^[+-]?\d+$/.test(value)) return Number(value)
    if (typeof value === 'string') throw new ConditionError(`strconv.ParseInt: parsing "${value}": invalid syntax`)
    return Math.trunc(number(value))
  },
  asFloat: ([value]) => {
    if (typeof value !== 'string') return number(value)
    const parsed = parseFloatWhole(value)
    if (parsed === undefined) throw new ConditionError(`strconv.ParseFloat: parsing "${value}": invalid syntax`)
    return parsed
  },
  isNaN: ([value]) => Number.isNaN(number(value)),
  isInf: ([value]) => Math.abs(number(value)) === Infinity,
  isNil: (_, result) => result === null || result === undefined,
  default: ([, fallback], result) => result ?? fallback,
  abs: ([value]) => Math.abs(number(value)),
  ceil: ([value]) => Math.ceil(number(value)),
  floor: ([value]) => Math.floor(number(value)),
  round: ([value]) => Math.sign(number(value)) * Math.round(Math.abs(number(value))),
  int: ([value]) => Math.trunc(number(value)),
  float: ([value]) => number(value),
  string: ([value]) => String(value),
  max: (args) =>
    args
      .flat()
      .map(number)
      .reduce((a, b) => Math.max(a, b)),
  min: (args) =>
    args
      .flat()
      .map(number)
      .reduce((a, b) => Math.min(a, b)),
  sum: ([list]) =>
    items(list)
      .map(number)
      .reduce((a, b) => a + b, 0),
  mean: ([list]) =>
    items(list)
      .map(number)
      .reduce((a, b) => a + b, 0) / items(list).length,
  first: ([list]) => items(list)[0] ?? null,
  last: ([list]) => items(list).at(-1) ?? null,
}

function parseFloatWhole(value: string): number | undefined {
  if (/^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(value)) return Number(value)
  const special: Record<string, number> = { nan: NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity }
  return own(special, value.toLowerCase())
}

const predicates: Record<string, (values: unknown[], test: (value: unknown) => unknown) => unknown> = {
  all: (values, test) => values.every((value) => bool(test(value))),
  any: (values, test) => values.some((value) => bool(test(value))),
  none: (values, test) => !values.some((value) => bool(test(value))),
  one: (values, test) => values.filter((value) => bool(test(value))).length === 1,
  filter: (values, test) => values.filter((value) => bool(test(value))),
  map: (values, test) => values.map(test),
  count: (values, test) => values.filter((value) => bool(test(value))).length,
}

function call({ name, args }: Extract<Node, { type: 'call' }>, scope: Scope): unknown {
  const over = Object.hasOwn(predicates, name) ? predicates[name] : undefined
  const [list, body] = args
  if (over && list) {
    const test = body?.type === 'closure' ? body.body : body
    return over(items(evaluate(list, scope)), (item) => (test ? evaluate(test, { ...scope, item, inside: true }) : item))
  }
  const plain = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (!plain) throw new ConditionError(`unknown name ${name}`)
  return plain(
    args.map((arg) => evaluate(arg, scope)),
    scope.result,
  )
}
