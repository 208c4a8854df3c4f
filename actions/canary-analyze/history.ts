// The values of the last good releases, for criteria relative to them: a small JSON file, which a workflow keeps in a cache or an artifact.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

const schema = z.strictObject({
  version: z.literal(1),
  releases: z.array(z.strictObject({ at: z.iso.datetime(), values: z.record(z.string(), z.number()) })),
})

const KEPT = 20

/** The values by metric, oldest first; of no releases when there is no file. Throws an Error for a file that is something else. */
export function readHistory(path: string): Record<string, number[]> {
  const found = new Map<string, number[]>()
  for (const { values } of releasesOf(path))
    for (const [name, value] of Object.entries(values)) found.set(name, [...(found.get(name) ?? []), value])
  return Object.fromEntries(found)
}

/** Adds a good release; the oldest go. */
export function addToHistory(path: string, values: Readonly<Record<string, number>>, now: number): void {
  const releases = [...releasesOf(path), { at: new Date(now).toISOString(), values }].slice(-KEPT)
  writeFileSync(path, `${JSON.stringify({ version: 1, releases }, null, 2)}\n`)
}

function releasesOf(path: string): z.infer<typeof schema>['releases'] {
  if (!existsSync(path)) return []
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8'))).releases
  } catch (error) {
    throw new Error(`history: ${path} is not a file that this action wrote; delete it to begin anew`, { cause: error })
  }
}
