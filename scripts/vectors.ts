// npm run --silent vectors -- FILE: runs published inputs and outcomes of canary judges through canary-analyze. One line a vector:
// `ok ID` or `differs ID: ...`; the exit code is 1 when any differs.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { isDifferent } from './vectors/compare.ts'
import { groups } from './vectors/groups.ts'

const vectorSchema = z.object({
  id: z.string(),
  group: z.string(),
  input: z.record(z.string(), z.unknown()),
  expected: z.record(z.string(), z.unknown()),
  abs_tolerance: z.union([z.number(), z.record(z.string(), z.number())]).optional(),
})
const fileSchema = z.object({ schema: z.literal(1), vectors: z.array(vectorSchema) })

/** What is different about a vector; undefined when it holds. */
function check({ group, input, expected, abs_tolerance: tolerance }: z.infer<typeof vectorSchema>): string | undefined {
  const answer = groups[group]
  if (!answer) return `the group ${group} is unknown; known are ${Object.keys(groups).join(', ')}`
  try {
    return isDifferent(answer(input, expected), expected, tolerance)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function main([file]: string[]): number {
  if (!file) throw new Error('usage: npm run --silent vectors -- FILE')
  const { vectors } = fileSchema.parse(JSON.parse(readFileSync(resolve(process.env.INIT_CWD ?? '.', file), 'utf8')))
  let differing = 0
  for (const vector of vectors) {
    const difference = check(vector)
    if (difference !== undefined) differing++
    console.log(difference === undefined ? `ok ${vector.id}` : `differs ${vector.id}: ${difference}`)
  }
  return differing ? 1 : 0
}

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
