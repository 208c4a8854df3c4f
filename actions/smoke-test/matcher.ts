import { isDeepStrictEqual } from 'node:util'
import { RE2JS } from 're2js'
import { excerpt } from '../shared/report/text.ts'
import type { Matcher } from './suite.ts'

const compiled = new Map<string, RE2JS>()

/** A regular expression whose time is linear in the text, whatever both are. Throws where the syntax is not RE2's. */
export function regex(pattern: string): RE2JS {
  let found = compiled.get(pattern)
  if (!found) {
    if (compiled.size > 1000) compiled.clear()
    found = RE2JS.compile(pattern)
    compiled.set(pattern, found)
  }
  return found
}

/** A value in a sentence. */
export const show = (value: unknown): string => (value === undefined ? 'nothing' : excerpt(JSON.stringify(value), 200))

/** What of a matcher does not hold for a value, in words; empty when all does. Undefined means that there is none. */
export function mismatches(matcher: Matcher, value: unknown): string[] {
  const { exists, length, ...rest } = matcher
  if (exists === false) return value === undefined ? [] : [`is ${show(value)}, expected nothing`]
  if (value === undefined) return ['is not there']
  const wrong: string[] = []
  const expect = (holds: boolean, expected: string): void => {
    if (!holds) wrong.push(`is ${show(value)}, expected ${expected}`)
  }
  if (rest.equals !== undefined) expect(equals(rest.equals, value), show(rest.equals))
  if (rest['not-equals'] !== undefined) expect(!equals(rest['not-equals'], value), `anything but ${show(rest['not-equals'])}`)
  if (rest.contains !== undefined) expect(contains(value, rest.contains), `it to contain ${show(rest.contains)}`)
  if (rest['not-contains'] !== undefined) expect(!contains(value, rest['not-contains']), `it not to contain ${show(rest['not-contains'])}`)
  if (rest.matches !== undefined) expect(regex(rest.matches).test(asText(value)), `a match of ${rest.matches}`)
  if (rest['not-matches'] !== undefined) expect(!regex(rest['not-matches']).test(asText(value)), `no match of ${rest['not-matches']}`)
  if (rest['at-least'] !== undefined) expect(numberOf(value) >= rest['at-least'], `at least ${rest['at-least']}`)
  if (rest['at-most'] !== undefined) expect(numberOf(value) <= rest['at-most'], `at most ${rest['at-most']}`)
  if (length !== undefined) wrong.push(...wrongLength(length, value))
  return wrong
}

function wrongLength(wanted: NonNullable<Matcher['length']>, value: unknown): string[] {
  if (typeof value !== 'string' && !Array.isArray(value)) return [`is ${show(value)}, which has no length`]
  const matcher = typeof wanted === 'number' ? { equals: wanted } : wanted
  return mismatches(matcher, value.length).map((text) => `has a length that ${text}`)
}

/** Texts are compared with what a number or a flag looks like: headers and captured texts have no types. */
const equals = (wanted: unknown, value: unknown): boolean =>
  isDeepStrictEqual(wanted, value) ||
  (typeof value === 'string' && ['number', 'boolean'].includes(typeof wanted) && String(wanted) === value)

function contains(value: unknown, part: unknown): boolean {
  if (Array.isArray(value)) return value.some((element) => equals(part, element))
  return asText(value).includes(String(part))
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
/** NaN, which is never in a range, for what is no number. */
const numberOf = (value: unknown): number => (typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value))
