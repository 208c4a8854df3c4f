// The actions of a project and their contracts, as action.yml declares them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const contractSchema = z.object({
  name: z.string(),
  description: z.string(),
  inputs: z
    .record(
      z.string(),
      // The runner makes a string of every scalar.
      z.strictObject({
        description: z.string().default(''),
        required: z.boolean().default(false),
        default: z.union([z.string(), z.number(), z.boolean()]).transform(String).optional(),
        deprecationMessage: z.string().optional(),
      }),
    )
    .default({}),
  outputs: z.record(z.string(), z.strictObject({ description: z.string().default('') })).default({}),
  runs: z.object({ using: z.string(), main: z.string(), post: z.string().optional(), 'post-if': z.string().optional() }),
})
export type Contract = z.infer<typeof contractSchema>

/** The folders of actions/ that hold an action, in alphabetical order. */
export function actionNames(root: string): string[] {
  const folder = join(root, 'actions')
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'action.yml')))
    .sort()
}

/** Reads an action.yml; what GitHub would refuse is an error. */
export const readContract = (file: string): Contract => contractSchema.parse(parse(readFileSync(file, 'utf8')))
