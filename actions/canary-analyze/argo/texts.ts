// The functions of conditions that are about texts.
import { type Known, taking } from './signature.ts'
import { ConditionError } from './tokens.ts'
import { BOOL, INT, LIST, STRING, STRINGS, type Type } from './types.ts'
import { asList, asText, truncated } from './values.ts'

const LARGEST_TEXT = 1_000_000

const text = (gives: Type, apply: (texts: string[]) => unknown, ...arities: readonly number[]): Known => ({
  check: taking(gives, ...arities.map((length) => Array.from({ length }, () => STRING))),
  run: ({ args }) => apply(args.map(asText)),
})

const trimmed = (value: string, characters: string | undefined): string => {
  if (characters === undefined) return value.trim()
  const unwanted = new Set(characters)
  const letters = Array.from(value)
  const from = letters.findIndex((letter) => !unwanted.has(letter))
  return from < 0 ? '' : letters.slice(from, letters.findLastIndex((letter) => !unwanted.has(letter)) + 1).join('')
}

/** The place of a text in bytes, as Go counts. */
const bytePlace = (value: string, at: number): bigint => BigInt(at < 0 ? -1 : Buffer.byteLength(value.slice(0, at)))

function split(value: string, by: string, most: number, after: boolean): string[] {
  const all = by === '' ? Array.from(value) : value.split(by)
  const ends = after && by !== '' ? all.map((part, i) => (i < all.length - 1 ? part + by : part)) : all
  if (most < 0 || ends.length <= most) return ends
  if (most === 0) return []
  return [...ends.slice(0, most - 1), ends.slice(most - 1).join(after ? '' : by)]
}

const splitting = (after: boolean): Known => ({
  check: taking(STRINGS, [STRING, STRING], [STRING, STRING, INT]),
  run: ({ args: [value, by, most] }) => split(asText(value), asText(by), most === undefined ? -1 : Number(truncated(most)), after),
})

function replaced(value: string, what: string, by: string, most: number): string {
  if (what === '') throw new ConditionError('replace(...) of an empty text is not known here')
  const parts = split(value, what, most < 0 ? -1 : most + 1, false)
  return parts.join(by)
}

export const texts = {
  trim: text(STRING, ([value = '', characters]) => trimmed(value, characters), 1, 2),
  trimPrefix: text(STRING, ([value = '', prefix = ' ']) => (value.startsWith(prefix) ? value.slice(prefix.length) : value), 1, 2),
  trimSuffix: text(
    STRING,
    ([value = '', suffix = ' ']) => (value.endsWith(suffix) ? value.slice(0, value.length - suffix.length) : value),
    1,
    2,
  ),
  upper: text(STRING, ([value = '']) => value.toUpperCase(), 1),
  lower: text(STRING, ([value = '']) => value.toLowerCase(), 1),
  hasPrefix: text(BOOL, ([value = '', prefix = '']) => value.startsWith(prefix), 2),
  hasSuffix: text(BOOL, ([value = '', suffix = '']) => value.endsWith(suffix), 2),
  indexOf: text(INT, ([value = '', part = '']) => bytePlace(value, value.indexOf(part)), 2),
  lastIndexOf: text(INT, ([value = '', part = '']) => bytePlace(value, value.lastIndexOf(part)), 2),
  split: splitting(false),
  splitAfter: splitting(true),
  replace: {
    check: taking(STRING, [STRING, STRING, STRING], [STRING, STRING, STRING, INT]),
    run: ({ args: [value, what, by, most] }) =>
      replaced(asText(value), asText(what), asText(by), most === undefined ? -1 : Number(truncated(most))),
  },
  repeat: {
    check: taking(STRING, [STRING, INT]),
    run: ({ args: [value, count] }) => {
      const [part, times] = [asText(value), Number(truncated(count))]
      if (times < 0 || part.length * times > LARGEST_TEXT) throw new ConditionError(`repeat(...) cannot repeat it ${times} times`)
      return part.repeat(times)
    },
  },
  join: {
    check: taking(STRING, ...[LIST, STRINGS].flatMap((list) => [[list], [list, STRING]])),
    run: ({ args: [list, glue = ''] }) => asList(list).map(asText).join(asText(glue)),
  },
} satisfies Record<string, Known>
