// What zod finds wrong, in words.
import { z } from 'zod'
import { counted, excerpt } from '../report/text.ts'
import { meantBy } from './nearest.ts'

/** One thing that is wrong, and where. */
export interface Wrong {
  path: readonly PropertyKey[]
  message: string
  /** Where to look for it, when that is not the path: a key that should not be there. */
  at?: readonly PropertyKey[]
}

/** What is wrong, one by one; of a union's shapes, what keeps a value from the one that it is most likely meant to be. */
export function wrongs(issues: readonly z.core.$ZodIssue[], above: readonly PropertyKey[] = []): Wrong[] {
  return issues.flatMap((issue): Wrong[] => {
    const path = [...above, ...issue.path]
    if (issue.code === 'unrecognized_keys') {
      const messages = issue.message.split('\n')
      return messages.map((message, i) => ({ path, message, at: [...path, issue.keys[i] ?? ''] }))
    }
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ path, message: issue.message }]
    return wrongs(meant(issue.errors), path)
  })
}

/** `metrics.0.name: Invalid input`, `metrics.0 has no key x`, or the message alone for the whole. */
export const wrongText = ({ path, message }: Wrong): string => {
  const name = path.map(String).join('.')
  if (name === '') return message
  return /^(has|is) /.test(message) ? `${name} ${message}` : `${name}: ${message}`
}

const KINDS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing',
}
const kindOf = (value: unknown): string => KINDS[value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value] ?? typeof value

/** zod's findings in our words, for `safeParse(value, { error: inWords })`: what is wrong with a file that a person wrote. */
export const inWords: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'unrecognized_keys') {
    const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : []
    return issue.keys.map((key) => `has no key ${excerpt(key, 80)}${meantBy(key, known)}`).join('\n')
  }
  if (issue.code === 'invalid_type') {
    const wanted = KINDS[issue.expected] ?? issue.expected
    return issue.input === undefined ? `is missing: ${wanted} is wanted` : `${kindOf(issue.input)} is not accepted: ${wanted} is wanted`
  }
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String)
    const given = typeof issue.input === 'string' ? excerpt(issue.input, 80) : kindOf(issue.input)
    return `${given} is not accepted: ${known.length > 1 ? 'one of ' : ''}${known.join(', ')} is wanted${meantBy(given, known)}`
  }
  if (issue.code === 'too_small' && issue.origin === 'number')
    return `has to be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
  if (issue.code === 'too_big' && issue.origin === 'number')
    return `has to be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`
  if (issue.code === 'too_small')
    return `is too short: at least ${counted(Number(issue.minimum), issue.origin === 'array' ? 'item' : 'character')}`
  if (issue.code === 'too_big')
    return `is too long: at most ${counted(Number(issue.maximum), issue.origin === 'array' ? 'item' : 'character')}`
  return undefined
}

/** Everything that is wrong, in one line. */
export const wrongsText = (error: z.ZodError): string => wrongs(error.issues).map(wrongText).join('; ')

type Branch = readonly z.core.$ZodIssue[]

/** The branch that came furthest among those whose telling field fits: `kind: errors` is not meant to be of another kind. */
function meant(branches: readonly Branch[]): Branch {
  const named = branches.filter((branch) => !branch.some(({ path, code }) => path.length === 1 && code === 'invalid_value'))
  const depth = (branch: Branch): number =>
    Math.max(0, ...branch.map((inner) => inner.path.length + (inner.code === 'invalid_type' ? 0 : 0.5)))
  return (named.length ? named : branches).toSorted((a, b) => depth(b) - depth(a))[0] ?? []
}
