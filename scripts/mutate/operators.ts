// What may be broken at one node of a syntax tree. Texts (strings, templates, regular expressions) are never changed.

/** A node of Babel's tree, with positions in the text. */
export interface Node {
  type: string
  start: number
  end: number
  [key: string]: unknown
}

/** The part of a text from start to end, replaced by text. */
export interface Edit {
  start: number
  end: number
  text: string
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value && 'end' in value

/** Comparisons, with what takes their place: the bound relaxed or tightened, and the opposite. */
const COMPARISONS: Record<string, string[]> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
}

const isComparison = (node: Node): boolean => node.type === 'BinaryExpression' && String(node['operator']) in COMPARISONS
const isText = (node: Node): boolean => ['StringLiteral', 'TemplateLiteral', 'RegExpLiteral'].includes(node.type)
const isUndefined = (node: Node): boolean => node.type === 'Identifier' && node['name'] === 'undefined'

/** The edits at a node itself, not at what it holds. `code` is the text that the tree was made of, `source` the same with its types. */
export function editsAt(node: Node, code: string, source: string): Edit[] {
  const of = (key: string): Node => {
    const child = node[key]
    if (!isNode(child)) throw new Error(`${node.type} at ${node.start} has no ${key}`)
    return child
  }
  switch (node.type) {
    case 'BinaryExpression':
      return swapOperator(node, of('left'), of('right'), COMPARISONS[String(node['operator'])] ?? [], code)
    case 'LogicalExpression':
      return swapOperator(node, of('left'), of('right'), node['operator'] === '&&' ? ['||'] : node['operator'] === '||' ? ['&&'] : [], code)
    case 'AwaitExpression':
      return [{ start: node.start, end: of('argument').start, text: '' }]
    case 'IfStatement':
      return [...negate(of('test'), source), ...(isGuard(node) ? [{ start: node.start, end: node.end, text: ';' }] : [])]
    case 'ConditionalExpression':
      return swapBranches(of('test'), of('consequent'), of('alternate'), source)
    case 'ExpressionStatement':
      return isText(of('expression')) ? [] : [{ start: node.start, end: node.end, text: ';' }]
    case 'ReturnStatement':
      return isNode(node['argument']) ? dropValue(node['argument'], source) : []
    case 'ArrowFunctionExpression':
      return of('body').type === 'BlockStatement' ? [] : dropValue(of('body'), source)
    case 'NumericLiteral':
      return Number(node['value']) === 0
        ? []
        : [0, 2].map((by) => ({ start: node.start, end: node.end, text: String(Number(node['value']) * by) }))
    default:
      return []
  }
}

function swapOperator(node: Node, left: Node, right: Node, others: string[], code: string): Edit[] {
  const operator = String(node['operator'])
  const start = code.indexOf(operator, left.end)
  if (start < 0 || start >= right.start) return []
  return others.map((text) => ({ start, end: start + operator.length, text }))
}

/** A condition's opposite. A comparison alone has it among its own edits. */
function negate(test: Node, source: string): Edit[] {
  if (isComparison(test)) return []
  return [{ start: test.start, end: test.end, text: negated(test, source) }]
}

const negated = ({ start, end, type, argument, operator }: Node, source: string): string =>
  type === 'UnaryExpression' && operator === '!' && isNode(argument) ? source.slice(start + 1, end) : `!(${source.slice(start, end)})`

/** The branches of `?:` the other way round. With a comparison alone as the test, the opposite comparison does the same. */
function swapBranches(test: Node, yes: Node, no: Node, source: string): Edit[] {
  if (isComparison(test)) return []
  const [first, second] = [source.slice(yes.start, yes.end), source.slice(no.start, no.end)]
  return [{ start: yes.start, end: no.end, text: `${second}${source.slice(yes.end, no.start)}${first}` }]
}

/** A function's value as undefined, or a boolean that is seen to be one as its opposite. */
function dropValue(value: Node, source: string): Edit[] {
  const { start, end, type, operator } = value
  if (type === 'BooleanLiteral') return [{ start, end, text: String(!value['value']) }]
  if (type === 'UnaryExpression' && operator === '!') return [{ start, end, text: negated(value, source) }]
  const says = isText(value) || isUndefined(value) || (type === 'UnaryExpression' && operator === 'void')
  return says ? [] : [{ start, end, text: 'undefined' }]
}

/** Whether an `if` only ends the function: without else, and with a throw or return alone in it. */
function isGuard({ alternate, consequent }: Node): boolean {
  if (isNode(alternate) || !isNode(consequent)) return false
  const body = Array.isArray(consequent['body']) ? consequent['body'] : [consequent]
  return body.length === 1 && isNode(body[0]) && ['ThrowStatement', 'ReturnStatement'].includes(body[0].type)
}
