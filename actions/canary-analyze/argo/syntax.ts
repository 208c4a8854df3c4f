// The grammar of Argo Rollouts' conditions (the language of expr-lang/expr, as far as conditions use it): text to a tree.
import { own } from '../../shared/text/records.ts'

export type Node =
  | { type: 'literal'; value: unknown }
  | { type: 'name'; name: string }
  /** `#` and `.member` inside of a closure. */
  | { type: 'item' }
  | { type: 'list'; items: Node[] }
  | { type: 'map'; entries: { key: string; value: Node }[] }
  | { type: 'unary'; operator: string; operand: Node }
  | { type: 'binary'; operator: string; left: Node; right: Node }
  | { type: 'choice'; test: Node; yes: Node; no: Node }
  | { type: 'member'; of: Node; key: Node; optional: boolean }
  | { type: 'slice'; of: Node; from: Node | undefined; to: Node | undefined }
  | { type: 'call'; name: string; args: Node[] }
  | { type: 'closure'; body: Node }

/** A condition that cannot be read or evaluated. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError'
}

type Token = { kind: 'number' | 'string' | 'name' | 'sign' | 'end'; text: string; value?: unknown }

const lexeme =
  /\s+|(?<number>0[xX][\da-fA-F]+|(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?<name>[A-Za-z_$][\w$]*)|(?<sign>\?\.|\?\?|\*\*|\.\.|==|!=|<=|>=|&&|\|\||[-+*/%^<>!?:.,()[\]{}#|;])/y

/** Longer conditions, and deeper ones, are refused: nobody writes them by hand. */
const LONGEST = 10_000
const DEEPEST = 100

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0' }

function tokens(text: string): Token[] {
  if (text.length > LONGEST) throw new ConditionError(`the condition has ${text.length} characters; at most ${LONGEST} are read`)
  const found: Token[] = []
  lexeme.lastIndex = 0
  while (lexeme.lastIndex < text.length) {
    const at = lexeme.lastIndex
    const { number, string, name, sign } = lexeme.exec(text)?.groups ?? {}
    if (lexeme.lastIndex === 0) throw new ConditionError(`unrecognized character ${JSON.stringify(text[at])} at ${at + 1}`)
    if (number) found.push({ kind: 'number', text: number, value: Number(number.replaceAll('_', '')) })
    else if (string) found.push({ kind: 'string', text: string, value: unquote(string) })
    else if (name) found.push({ kind: 'name', text: name })
    else if (sign) found.push({ kind: 'sign', text: sign })
  }
  return [...found, { kind: 'end', text: 'the end' }]
}

const unquote = (text: string): string => {
  const inner = text.slice(1, -1)
  return text.startsWith('`') ? inner : inner.replace(/\\(.)/gs, (_, character: string) => own(escapes, character) ?? character)
}

/** Binary operators by how tightly they bind. */
const strength: Record<string, number> = {
  '|': 1,
  or: 10,
  '||': 10,
  and: 15,
  '&&': 15,
  '==': 20,
  '!=': 20,
  '<': 20,
  '>': 20,
  '<=': 20,
  '>=': 20,
  in: 20,
  'not in': 20,
  contains: 20,
  startsWith: 20,
  endsWith: 20,
  '..': 25,
  '+': 30,
  '-': 30,
  '*': 60,
  '/': 60,
  '%': 60,
  '**': 100,
  '^': 100,
  '??': 500,
}
const NOT = 50
const SIGN = 90

/** Reads a condition. Throws a ConditionError that says where it went wrong. */
export function parse(text: string): Node {
  const list = tokens(text)
  let at = 0
  let depth = 0
  const peek = (): Token => list[at] ?? { kind: 'end', text: 'the end' }
  const is = (sign: string): boolean => peek().kind !== 'string' && peek().text === sign
  const take = (sign: string): boolean => is(sign) && ++at > 0
  const expect = (sign: string): void => {
    if (!take(sign)) throw new ConditionError(`unexpected ${peek().text}, expected ${sign}`)
  }

  const operator = (): string | undefined => {
    if (is('not') && list[at + 1]?.text === 'in') return 'not in'
    const { kind, text } = peek()
    return kind !== 'string' && Object.hasOwn(strength, text) ? text : undefined
  }

  function expression(least = 0): Node {
    if (++depth > DEEPEST) throw new ConditionError(`the condition is nested more than ${DEEPEST} deep`)
    let left = unary()
    for (let sign = operator(); sign !== undefined; sign = operator()) {
      const power = own(strength, sign) ?? 0
      if (power < least) break
      at += sign === 'not in' ? 2 : 1
      if (sign === '|') left = piped(left, primary())
      else left = { type: 'binary', operator: sign, left, right: expression(sign === '**' || sign === '^' ? power : power + 1) }
    }
    if (least === 0 && take('?')) {
      const yes = expression()
      expect(':')
      left = { type: 'choice', test: left, yes, no: expression() }
    }
    depth--
    return left
  }

  const piped = (value: Node, call: Node): Node => {
    if (call.type !== 'call') throw new ConditionError('what comes after | has to be a call')
    return { ...call, args: [value, ...call.args] }
  }

  function unary(): Node {
    for (const sign of ['not', '!', '-', '+']) {
      if (!take(sign)) continue
      const negates = sign === 'not' || sign === '!'
      return { type: 'unary', operator: negates ? '!' : sign, operand: expression(negates ? NOT : SIGN) }
    }
    return postfix(primary())
  }

  function postfix(start: Node): Node {
    let node = start
    for (;;) {
      if (is('.') || is('?.')) {
        const optional = take('?.') || !take('.')
        node = { type: 'member', of: node, key: { type: 'literal', value: name() }, optional }
      } else if (take('[')) node = bracket(node)
      else return node
    }
  }

  const name = (): string => {
    const { kind, text } = peek()
    if (kind !== 'name') throw new ConditionError(`unexpected ${text}, expected a name`)
    at++
    return text
  }

  function bracket(of: Node): Node {
    const from = is(':') ? undefined : expression()
    if (take(':')) {
      const to = is(']') ? undefined : expression()
      expect(']')
      return { type: 'slice', of, from, to }
    }
    expect(']')
    return { type: 'member', of, key: from ?? { type: 'literal', value: 0 }, optional: false }
  }

  function primary(): Node {
    const { kind, text, value } = peek()
    at++
    if (kind === 'number' || kind === 'string') return { type: 'literal', value }
    if (kind === 'name') return named(text)
    if (text === '#') return { type: 'item' }
    if (text === '.') return { type: 'member', of: { type: 'item' }, key: { type: 'literal', value: name() }, optional: false }
    if (text === '(') {
      const inner = expression()
      expect(')')
      return inner
    }
    if (text === '[') return { type: 'list', items: until(']', expression) }
    if (text === '{') return { type: 'map', entries: until('}', entry) }
    throw new ConditionError(`unexpected ${text}`)
  }

  const constants: Record<string, unknown> = { true: true, false: false, nil: null }

  function named(text: string): Node {
    if (take('(')) return { type: 'call', name: text, args: until(')', argument) }
    return Object.hasOwn(constants, text) ? { type: 'literal', value: constants[text] } : { type: 'name', name: text }
  }

  /** Closures may stand in braces, `{# > 1}`, or without. */
  function argument(): Node {
    if (!is('{') || list[at + 2]?.text === ':') return expression()
    expect('{')
    const body = expression()
    expect('}')
    return { type: 'closure', body }
  }

  function entry(): { key: string; value: Node } {
    const { kind, text, value } = peek()
    if (kind !== 'name' && kind !== 'string') throw new ConditionError(`unexpected ${text}, expected a key`)
    at++
    expect(':')
    return { key: kind === 'string' ? String(value) : text, value: expression() }
  }

  function until<T>(end: string, item: () => T): T[] {
    const items: T[] = []
    while (!take(end)) {
      if (items.length) expect(',')
      if (items.length && take(end)) break
      items.push(item())
    }
    return items
  }

  const tree = expression()
  if (peek().kind !== 'end') throw new ConditionError(`unexpected ${peek().text}`)
  return tree
}
