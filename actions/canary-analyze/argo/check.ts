// What can be said of a condition before there is a result: unknown words, and types that do not go together. As in Argo Rollouts a condition
// that does not hold together is an error as a whole, also where it would not be reached.
import { RE2JS } from 're2js'
import { own } from '../../shared/text/records.ts'
import { functions, unsupported } from './functions.ts'
import type { Known } from './signature.ts'
import { type Node, predicates } from './tree.ts'
import {
  ANY,
  assignable,
  BOOL,
  both,
  comparable,
  FLOAT,
  INT,
  itemsOf,
  listOf,
  MAP,
  NIL,
  nameOf,
  numeric,
  refuse,
  STRING,
  type Type,
  typeOf,
} from './types.ts'

interface Scope {
  result: Type
  variables: ReadonlyMap<string, Type>
  /** Inside of a predicate: what `#`, `#index` and `#acc` are. */
  items: Readonly<Record<string, Type>> | undefined
}

/** The type of what a condition gives for results of a type. Throws a ConditionError. Marks comparisons of whole numbers and of texts. */
export const check = (tree: Node, result: Type): Type => typed(tree, { result, variables: new Map(), items: undefined })

/** Refuses what is neither true nor false. */
export function checkCondition(tree: Node, result: Type): void {
  const type = check(tree, result)
  if (type.is !== 'bool' && type.is !== 'any') refuse(`expected bool, but got ${nameOf(type)}`)
}

function typed(node: Node, scope: Scope): Type {
  const of = (inner: Node): Type => typed(inner, scope)
  switch (node.type) {
    case 'literal':
      return typeOf(node.value)
    case 'name':
      return named(node.name, scope)
    case 'item':
      return item(node.name, scope)
    case 'list':
      return list(node.items.map(of))
    case 'map':
      for (const { key, value } of node.entries) for (const part of [key, value]) of(part)
      return MAP
    case 'unary':
      return unary(node.operator, of(node.operand))
    case 'binary':
      return binary(node, of(node.left), of(node.right))
    case 'choice':
      return choice(of(node.test), of(node.yes), of(node.no))
    case 'member':
      return member(of(node.of), of(node.key), node.key)
    case 'chain':
      return of(node.of)
    case 'slice':
      return slice(of(node.of), node.from && of(node.from), node.to && of(node.to))
    case 'call':
      return call(node, scope)
    case 'let':
      return variable(node, scope)
    case 'sequence':
      return node.nodes.map(of).at(-1) ?? NIL
  }
}

const known = (name: string): boolean => name === 'result' || functions.has(name) || Object.hasOwn(predicates, name)

const unknownName = (name: string): never =>
  refuse(
    unsupported.has(name) || name === '$env'
      ? `${name} is not known here, though it is in Argo Rollouts`
      : known(name)
        ? `${name} is a function: write ${name}(...)`
        : `unknown name ${name}`,
  )

function named(name: string, { result, variables }: Scope): Type {
  return variables.get(name) ?? (name === 'result' ? result : unknownName(name))
}

function item(name: string, { items }: Scope): Type {
  if (!items) return refuse('# stands for an item, and is outside of all(...), any(...) and the like')
  return own(items, name) ?? refuse(`unknown pointer #${name}`)
}

function list(items: readonly Type[]): Type {
  const last = items.at(-1)
  return listOf(last && items.every(({ is }) => is === last.is) ? last : ANY)
}

function unary(operator: string, type: Type): Type {
  if (operator === '!' ? type.is === 'bool' || type.is === 'any' : numeric(type) || type.is === 'any') return operator === '!' ? BOOL : type
  return refuse(`invalid operation: ${operator} (mismatched type ${nameOf(type)})`)
}

const comparing = (a: Type, b: Type): boolean => both(a, b, 'int', 'float') || both(a, b, 'string')

function binary(node: Extract<Node, { type: 'binary' }>, a: Type, b: Type): Type {
  const { operator } = node
  const wrong = (): never => refuse(`invalid operation: ${operator} (mismatched types ${nameOf(a)} and ${nameOf(b)})`)
  const when = (fits: boolean, gives: Type): Type => (fits ? gives : wrong())
  const unknown = a.is === 'any' || b.is === 'any'
  switch (operator) {
    case '==':
    case '!=':
      if (a.is === b.is && (a.is === 'int' || a.is === 'string') && !fromAsInt(node)) node.exact = a.is
      return when(comparable(a, b), BOOL)
    case '&&':
    case 'and':
    case '||':
    case 'or':
      return when(both(a, b, 'bool'), BOOL)
    case '<':
    case '>':
    case '<=':
    case '>=':
      return when(comparing(a, b), BOOL)
    case '+':
      return when(comparing(a, b), unknown ? ANY : a.is === 'string' ? STRING : promoted(a, b))
    case '-':
    case '*':
      return when(both(a, b, 'int', 'float'), unknown ? ANY : promoted(a, b))
    case '/':
    case '**':
    case '^':
      return when(both(a, b, 'int', 'float'), FLOAT)
    case '%':
      return when(both(a, b, 'int'), INT)
    case '..':
      return when(both(a, b, 'int'), listOf(INT))
    case 'in':
      return when(within(a, b), BOOL)
    case 'matches':
      if (node.right.type === 'literal' && typeof node.right.value === 'string') pattern(node.right.value)
      return when(both(a, b, 'string'), BOOL)
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      return when(both(a, b, 'string'), BOOL)
    case '??':
      if (a.is === 'nil' || b.is === 'nil') return a.is === 'nil' ? b : a
      return assignable(b, a) ? a : ANY
    default:
      return refuse(`unknown operator ${operator}`)
  }
}

/** What asInt gives is Go's int64, which is never nothing. */
const fromAsInt = ({ left, right }: Extract<Node, { type: 'binary' }>): boolean =>
  [left, right].some((side) => side.type === 'call' && side.name === 'asInt')

const promoted = (a: Type, b: Type): Type => (a.is === 'float' || b.is === 'float' ? FLOAT : INT)

function within(a: Type, b: Type): boolean {
  if (b.is === 'any') return true
  if (b.is === 'map') return a.is === 'any' || a.is === 'string'
  return b.is === 'array' && comparable(a, itemsOf(b))
}

/** A regular expression of Go. Throws a ConditionError. */
export function pattern(text: string): RE2JS {
  try {
    return RE2JS.compile(text)
  } catch {
    return refuse(`'${text}' is not a regular expression`)
  }
}

function choice(test: Type, yes: Type, no: Type): Type {
  if (test.is !== 'bool' && test.is !== 'any') return refuse(`non-bool expression (type ${nameOf(test)}) used as condition`)
  if (yes.is === 'nil' || no.is === 'nil') return yes.is === 'nil' ? no : yes
  return assignable(yes, no) ? yes : ANY
}

function member(of: Type, key: Type, node: Node): Type {
  if (of.is === 'any') return ANY
  const shown = node.type === 'literal' ? String(node.value) : nameOf(key)
  if (of.is === 'map')
    return key.is === 'string' || key.is === 'any' ? ANY : refuse(`cannot use ${nameOf(key)} to get an element from ${nameOf(of)}`)
  if (of.is === 'array')
    return key.is === 'int' || key.is === 'any'
      ? itemsOf(of)
      : refuse(`array elements can only be selected using an integer (got ${nameOf(key)})`)
  if (of.is === 'nil') return refuse(`cannot fetch ${shown} from nil`)
  return refuse(key.is === 'string' ? `type ${nameOf(of)} has no field ${shown}` : `type ${nameOf(of)}[${nameOf(key)}] is undefined`)
}

function slice(of: Type, from: Type | undefined, to: Type | undefined): Type {
  if (of.is === 'any') return ANY
  if (of.is !== 'array' && of.is !== 'string') return refuse(`cannot slice ${nameOf(of)}`)
  for (const end of [from, to]) if (end && end.is !== 'int' && end.is !== 'any') refuse(`non-integer slice index ${nameOf(end)}`)
  return of
}

function variable({ name, value, body }: Extract<Node, { type: 'let' }>, scope: Scope): Type {
  if (scope.variables.has(name) || known(name) || unsupported.has(name)) return refuse(`cannot redeclare ${name}`)
  return typed(body, { ...scope, variables: new Map([...scope.variables, [name, typed(value, scope)]]) })
}

function call(node: Extract<Node, { type: 'call' }>, scope: Scope): Type {
  const { name, args } = node
  if (scope.variables.has(name)) return refuse(`${name} is not callable`)
  if (Object.hasOwn(predicates, name)) return asked(name, args, scope)
  const found: Known | undefined = functions.get(name)
  if (!found) return name === 'result' ? refuse('result is not callable') : unknownName(name)
  return found.check(
    args.map((arg) => typed(arg, scope)),
    name,
  )
}

/** The functions that ask something of each item. */
function asked(name: string, [over, test, more]: readonly Node[], scope: Scope): Type {
  if (!over) return refuse(`not enough arguments to call ${name}`)
  const collection = typed(over, scope)
  if (collection.is !== 'array' && collection.is !== 'any') return refuse(`${name}(...) takes only arrays (got ${nameOf(collection)})`)
  const items = itemsOf(collection)
  if (!test) return name === 'sum' ? items : INT
  const index = name === 'map' || name === 'reduce'
  const pointers: Record<string, Type> = { '': items, ...(index && { index: INT }), ...(name === 'reduce' && { acc: ANY }) }
  const gives = typed(test, { ...scope, items: pointers })
  const last = more && typed(more, scope)
  if (gives.is === 'nil' && name !== 'reduce') return refuse(`what ${name}(...) asks of an item gives nothing`)
  if (name === 'map') return listOf(gives)
  if (name === 'sum' || name === 'reduce') return gives
  if (name === 'sortBy') {
    if (last && last.is !== 'string' && last.is !== 'any') return refuse(`sortBy order argument must be a string (got ${nameOf(last)})`)
    return collection
  }
  if (gives.is !== 'bool' && gives.is !== 'any') return refuse(`predicate should return boolean (got ${nameOf(gives)})`)
  if (name === 'filter') return listOf(items)
  if (name === 'find' || name === 'findLast') return items
  return name === 'all' || name === 'any' || name === 'one' || name === 'none' ? BOOL : INT
}
