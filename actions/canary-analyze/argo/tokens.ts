// The words of Argo Rollouts' conditions, which are those of expr-lang/expr.
import { own } from '../../shared/text/records.ts'

/** A condition that cannot be read or evaluated. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError'
}

export interface Token {
  kind: 'number' | 'string' | 'name' | 'sign' | 'end'
  text: string
  /** Of a number or a string: whole numbers are bigint, as they are another type than 1.0. */
  value?: bigint | number | string
}

const lexeme = new RegExp(
  [
    String.raw`\s+|//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/`,
    String.raw`(?<number>0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)(?![\p{L}\d_$])`,
    '(?<string>"(?:\\\\.|[^"\\\\\\n])*"|\'(?:\\\\.|[^\'\\\\\\n])*\'|`(?:``|[^`])*`)',
    String.raw`(?<name>[\p{L}_$][\p{L}\d_$]*)`,
    String.raw`(?<sign>\?\.|\?\?|\*\*|\.\.|==|!=|<=|>=|&&|\|\||::|/(?!\*)|[-+*%^<>!?:.,()[\]{}#|;=])`,
  ].join('|'),
  'uy',
)

/** Longer conditions are refused: nobody writes them by hand, and each word may make the tree a level deeper. */
const LONGEST = 10_000
const MOST_WORDS = 1000
const INT64 = 2n ** 63n

/** The words of a condition, with one for its end. Throws a ConditionError. */
export function tokens(text: string): Token[] {
  if (text.length > LONGEST) throw new ConditionError(`the condition has ${text.length} characters; at most ${LONGEST} are read`)
  const found: Token[] = []
  lexeme.lastIndex = 0
  while (lexeme.lastIndex < text.length) {
    const at = lexeme.lastIndex
    const { number, string, name, sign } = lexeme.exec(text)?.groups ?? {}
    if (lexeme.lastIndex === 0) throw new ConditionError(unreadable(text, at))
    if (number) found.push({ kind: 'number', text: number, value: numberOf(number) })
    else if (string) found.push({ kind: 'string', text: string, value: unquote(string) })
    else if (name) found.push({ kind: 'name', text: name })
    else if (sign) found.push({ kind: 'sign', text: sign })
  }
  if (found.length > MOST_WORDS)
    throw new ConditionError(`the condition has ${found.length} words and signs; at most ${MOST_WORDS} are read`)
  return [...found, { kind: 'end', text: 'the end' }]
}

function unreadable(text: string, at: number): string {
  const rest = text.slice(at)
  if (/^["'`]/.test(rest)) return `a text that begins at ${at + 1} has no end`
  if (rest.startsWith('/*')) return `a comment that begins at ${at + 1} has no end`
  const [number] = /^\.?\d[\w.$]*/.exec(rest) ?? []
  if (number) return `${number.slice(0, 50)} is not a number`
  return `unrecognized character ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))} at ${at + 1}`
}

function numberOf(text: string): bigint | number {
  const plain = text.replaceAll('_', '')
  if (!/^0[xob]/i.test(plain) && /[.e]/i.test(plain)) {
    const value = Number(plain)
    if (!Number.isFinite(value)) throw new ConditionError(`${text} is too large`)
    return value
  }
  if (/^0[xob]$/i.test(plain)) throw new ConditionError(`${text} is not a number`)
  const value = BigInt(/^\d+$/.test(plain) ? plain : plain.toLowerCase())
  if (value >= INT64) throw new ConditionError(`${text} is too large`)
  return value
}

const escapes: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

function unquote(text: string): string {
  const inner = text.slice(1, -1)
  if (text.startsWith('`')) return inner.replaceAll('``', '`')
  return inner.replace(
    /\\(?:x([\da-fA-F]{2})|u\{([\da-fA-F]{1,6})\}|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-3][0-7]{2})|(.))/gsu,
    (
      all: string,
      x: string | undefined,
      braced: string | undefined,
      u: string | undefined,
      U: string | undefined,
      octal: string | undefined,
      letter: string | undefined,
    ) => {
      const hex = x ?? braced ?? u ?? U
      const code = hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) : undefined
      const character =
        code === undefined
          ? letter === text[0]
            ? letter
            : own(escapes, letter ?? '')
          : code > 0x10ffff
            ? undefined
            : String.fromCodePoint(code)
      if (character === undefined) throw new ConditionError(`${all} is not an escape`)
      return character
    },
  )
}
