// The values of the last good releases, for criteria relative to them: a small JSON file, which a workflow keeps in a cache or an artifact.
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../shared/text/errors.ts'
import type { Analysis, Request } from './engine.ts'

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

/**
 * Whether later releases are to be compared with this one: it was released and watched, passed, and has values. Replays and plans released
 * nothing, and only this action's own configurations have criteria.
 */
export const isGoodRelease = ({ judge, schedule }: Pick<Request, 'judge' | 'schedule'>, { outcome, values }: Analysis): boolean =>
  isKept({ judge, schedule }) && outcome === 'passed' && Object.keys(values).length > 0

/** Whether runs like this one are written when they pass. */
export const isKept = ({ judge, schedule }: Pick<Request, 'judge' | 'schedule'>): boolean => judge === 'sequential' && !schedule.replay

/** Makes the folder of a history that will be written. Throws an Error when it could not be. */
export function prepareHistory(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK)
  } catch (error) {
    throw new Error(`history: ${path} cannot be written (${codeOf(error)})`, { cause: error })
  }
}

/** The file with one more good release; the oldest go. Throws an Error when what is there cannot be read. */
export function withRelease(path: string, values: Readonly<Record<string, number>>, now: number): string {
  const releases = [...releasesOf(path), { at: new Date(now).toISOString(), values }].slice(-KEPT)
  return `${JSON.stringify({ version: 1, releases }, null, 2)}\n`
}

function releasesOf(path: string): z.infer<typeof schema>['releases'] {
  if (!existsSync(path)) return []
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`history: ${path} cannot be read (${codeOf(error)})`, { cause: error })
  }
  try {
    return schema.parse(JSON.parse(text)).releases
  } catch (error) {
    throw new Error(`history: ${path} is not a file that this action wrote; delete it to begin anew`, { cause: error })
  }
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : messageOf(error)
