// The grammar of Argo Rollouts' conditions (that of expr-lang/expr): text to a tree.
import { own } from '../../shared/text/records.ts'
import { unsupported } from './functions.ts'
import { ConditionError, type Token, tokens } from './tokens.ts'
import { type Node, predicates } from './tree.ts'

/** Deeper conditions are refused: nobody writes them by hand. */
const DEEPEST = 100

/** Binary operators by how tightly they bind. */
const strength: Record<string, number> = {
  '|': 0,
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
  matches: 20,
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
const unaries: Record<string, number> = { not: 50, '!': 50, '-': 90, '+': 90 }
const comparisons = ['<', '>', '<=', '>=']
/** What `not` may stand before, as in `not in`. */
const negatable = ['in', 'matches', 'contains', 'startsWith', 'endsWith']
/** Words that cannot be names. */
const words = ['not', 'and', 'or', 'let', 'if', 'else', ...negatable]
const constants: Record<string, boolean | null> = { true: true, false: false, nil: null }

/** Reads a condition. Throws a ConditionError that says where it went wrong. */
export function parse(text: string): Node {
  const parser = new Parser(tokens(text))
  const tree = parser.sequence()
  parser.end()
  return tree
}

class Parser {
  readonly #list: Token[]
  #at = 0
  #depth = 0
  /** How many predicates it is inside of. */
  #inside = 0

  constructor(list: Token[]) {
    this.#list = list
  }

  get #token(): Token {
    return this.#list[this.#at] ?? { kind: 'end', text: 'the end' }
  }

  #is(sign: string): boolean {
    return (this.#token.kind === 'sign' || this.#token.kind === 'name') && this.#token.text === sign
  }

  #take(sign: string): boolean {
    return this.#is(sign) && ++this.#at > 0
  }

  #expect(sign: string): void {
    if (!this.#take(sign)) throw new ConditionError(`unexpected ${this.#token.text}, expected ${sign}`)
  }

  end(): void {
    if (this.#token.kind !== 'end') throw new ConditionError(`unexpected ${this.#token.text}`)
  }

  sequence(): Node {
    const nodes = [this.#expression(0)]
    while (this.#take(';')) {
      if (this.#token.kind === 'end') break
      nodes.push(this.#expression(0))
    }
    const [only] = nodes
    return only && nodes.length === 1 ? only : { type: 'sequence', nodes }
  }

  #expression(least: number): Node {
    if (++this.#depth > DEEPEST) throw new ConditionError(`the condition is nested more than ${DEEPEST} deep`)
    const node = least === 0 && this.#take('let') ? this.#let() : least === 0 && this.#take('if') ? this.#if() : this.#binary(least)
    this.#depth--
    return node
  }

  #let(): Node {
    const name = this.#name()
    this.#expect('=')
    const value = this.#expression(0)
    this.#expect(';')
    return { type: 'let', name, value, body: this.sequence() }
  }

  #if(): Node {
    const test = this.#expression(0)
    const block = (): Node => {
      this.#expect('{')
      const inner = this.sequence()
      this.#expect('}')
      return inner
    }
    const yes = block()
    this.#expect('else')
    return { type: 'choice', test, yes, no: this.#take('if') ? this.#if() : block() }
  }

  #binary(least: number): Node {
    let left = this.#unary()
    let before = ''
    for (;;) {
      const negated = this.#is('not') && negatable.includes(this.#list[this.#at + 1]?.text ?? '')
      const { kind, text: sign } = negated ? (this.#list[this.#at + 1] ?? this.#token) : this.#token
      const power = kind === 'sign' || kind === 'name' ? own(strength, sign) : undefined
      if (power === undefined || power < least) break
      this.#at += negated ? 2 : 1
      if (before === '??' && sign !== '??' && sign !== '|')
        throw new ConditionError(`the operator ${sign} and ?? cannot be mixed: put one of them into parentheses`)
      if (sign === '|') left = this.#call(this.#name(), [left])
      else if (comparisons.includes(sign)) left = this.#comparison(left, sign, power)
      else {
        const right = this.#expression(sign === '**' || sign === '^' ? power : power + 1)
        left = { type: 'binary', operator: sign, left, right }
        if (negated) left = { type: 'unary', operator: '!', operand: left }
      }
      before = sign
    }
    return least === 0 ? this.#choices(left) : left
  }

  /** `1 < x < 3` means `1 < x && x < 3`. */
  #comparison(first: Node, sign: string, power: number): Node {
    let [left, operator] = [first, sign]
    let all: Node | undefined
    for (;;) {
      const right = this.#expression(power + 1)
      const one: Node = { type: 'binary', operator, left, right }
      all = all ? { type: 'binary', operator: '&&', left: all, right: one } : one
      if (this.#token.kind !== 'sign' || !comparisons.includes(this.#token.text)) return all
      operator = this.#token.text
      left = right
      this.#at++
    }
  }

  #choices(test: Node): Node {
    let node = test
    while (this.#take('?')) node = this.#choice(node)
    return node
  }

  #choice(test: Node): Node {
    if (this.#take(':')) return { type: 'choice', test, yes: test, no: this.#expression(0) }
    const yes = this.#expression(0)
    this.#expect(':')
    return { type: 'choice', test, yes, no: this.#expression(0) }
  }

  #unary(): Node {
    const { kind, text: sign } = this.#token
    const power = kind === 'sign' || kind === 'name' ? own(unaries, sign) : undefined
    if (power === undefined) return this.#primary()
    this.#at++
    return this.#postfix({ type: 'unary', operator: sign === 'not' ? '!' : sign, operand: this.#expression(power) })
  }

  #primary(): Node {
    const { kind, text, value } = this.#token
    this.#at++
    if ((kind === 'number' || kind === 'string') && value !== undefined) {
      const literal: Node = { type: 'literal', value }
      return kind === 'string' ? this.#postfix(literal) : literal
    }
    if (kind === 'name') return this.#named(text)
    if (text === '(') {
      const inner = this.sequence()
      this.#expect(')')
      return this.#postfix(inner)
    }
    if (text === '#') return this.#item()
    if (text === '.' && this.#inside) {
      this.#at--
      return this.#postfix({ type: 'item', name: '' })
    }
    if (text === '[') return this.#postfix({ type: 'list', items: this.#until(']', () => this.#expression(0)) })
    if (text === '{') return this.#postfix({ type: 'map', entries: this.#until('}', () => this.#entry()) })
    throw new ConditionError(`unexpected ${text}`)
  }

  #item(): Node {
    if (!this.#inside) throw new ConditionError('# stands for an item, and is outside of all(...), any(...) and the like')
    const { kind, text } = this.#token
    if (kind !== 'name' || words.includes(text)) return this.#postfix({ type: 'item', name: '' })
    this.#at++
    return this.#postfix({ type: 'item', name: text })
  }

  #named(text: string): Node {
    if (words.includes(text)) throw new ConditionError(`unexpected ${text}`)
    if (Object.hasOwn(constants, text)) return { type: 'literal', value: own(constants, text) ?? null }
    if ((text === 'b' || text === 'B') && this.#token.kind === 'string') throw new ConditionError(`${text}"..." (bytes) is not known here`)
    return this.#postfix(this.#is('(') ? this.#call(text, []) : { type: 'name', name: text })
  }

  #call(name: string, given: Node[]): Node {
    if (unsupported.has(name)) throw new ConditionError(`${name}(...) is not known here, though it is in Argo Rollouts`)
    this.#expect('(')
    const shape = own(predicates, name)
    if (!shape) return { type: 'call', name, args: [...given, ...this.#until(')', () => this.#expression(0))] }
    const args = [...given]
    if (args.length === 0) args.push(this.#expression(0))
    // After a pipe the predicate comes first.
    const comma = (): boolean => (args.length === given.length ? !this.#is(')') : this.#take(',') && !this.#is(')'))
    if (comma()) args.push(this.#predicate())
    if (shape.more && this.#take(',') && !this.#is(')')) args.push(this.#expression(0))
    this.#take(',')
    this.#expect(')')
    if (args.length < 2 && !shape.optional) throw new ConditionError(`${name}(...) wants a list and what is asked of each item`)
    return { type: 'call', name, args }
  }

  /** Predicates may stand in braces, `{# > 1}`, or without. */
  #predicate(): Node {
    this.#inside++
    const braced = this.#take('{')
    const body = braced ? this.sequence() : this.#expression(0)
    if (braced) this.#expect('}')
    this.#inside--
    return body
  }

  #entry(): { key: Node; value: Node } {
    const { kind, text, value } = this.#token
    let key: Node
    if (this.#is('(')) key = this.#expression(0)
    else if ((kind === 'name' && !words.includes(text)) || kind === 'string' || kind === 'number') {
      this.#at++
      key = { type: 'literal', value: kind === 'string' ? String(value) : text }
    } else throw new ConditionError(`unexpected ${text}, expected a key`)
    this.#expect(':')
    return { key, value: this.#expression(0) }
  }

  #postfix(start: Node): Node {
    let node = start
    for (;;) {
      const optional = this.#is('?.')
      if (optional || this.#is('.')) {
        this.#at++
        if (optional && this.#take('[')) node = this.#bracket(node, true)
        else node = this.#field(node, optional)
      } else if (this.#take('[')) node = this.#bracket(node, false)
      else return node
    }
  }

  #field(of: Node, optional: boolean): Node {
    const { kind, text } = this.#token
    if (kind !== 'name') throw new ConditionError(`unexpected ${text}, expected a name`)
    this.#at++
    if (this.#is('(')) throw new ConditionError(`unexpected ( after .${text}: results have no methods`)
    const chained = of.type === 'chain'
    const member: Node = { type: 'member', of: chained ? of.of : of, key: { type: 'literal', value: text }, optional }
    return chained || optional ? { type: 'chain', of: member } : member
  }

  #bracket(of: Node, optional: boolean): Node {
    const from = this.#is(':') ? undefined : this.#expression(0)
    if (this.#take(':')) {
      const to = this.#is(']') ? undefined : this.#expression(0)
      this.#expect(']')
      return { type: 'slice', of, from, to }
    }
    this.#expect(']')
    const member: Node = { type: 'member', of, key: from ?? { type: 'literal', value: 0n }, optional }
    return optional ? { type: 'chain', of: member } : member
  }

  #name(): string {
    const { kind, text } = this.#token
    if (kind !== 'name' || words.includes(text)) throw new ConditionError(`unexpected ${text}, expected a name`)
    this.#at++
    return text
  }

  #until<T>(end: string, item: () => T): T[] {
    const items: T[] = []
    while (!this.#take(end)) {
      if (items.length) this.#expect(',')
      if (items.length && this.#take(end)) break
      items.push(item())
    }
    return items
  }
}
