// What zod finds wrong, in words.
import type { z } from 'zod'

/** One thing that is wrong, and where. */
export interface Wrong {
  path: readonly PropertyKey[]
  message: string
}

/** What is wrong, one by one; of a union's shapes, what keeps a value from the one that it is most likely meant to be. */
export function wrongs(issues: readonly z.core.$ZodIssue[], above: readonly PropertyKey[] = []): Wrong[] {
  return issues.flatMap((issue): Wrong[] => {
    const path = [...above, ...issue.path]
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ path, message: issue.message }]
    return wrongs(meant(issue.errors), path)
  })
}

/** `metrics.0.name: Invalid input`, or the message alone for the whole. */
export const wrongText = ({ path, message }: Wrong): string => (path.length ? `${path.map(String).join('.')}: ${message}` : message)

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
