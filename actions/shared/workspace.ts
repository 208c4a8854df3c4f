import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'

const LIMIT = 4 * 2 ** 20

/** Whether `path` is outside of `root`, both real paths. */
export function leadsOut(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)
}

/** Where a file of the workspace is, or would be written. Throws for one that is outside of it, also by a link. */
export function placeInside(path: string, workspace: string): string {
  const place = resolve(workspace, path)
  let there = place
  while (!lstatSync(there, { throwIfNoEntry: false })) there = dirname(there)
  if (leadsOut(realpathSync(workspace), realpathSync(there))) throw new Error(`${path} is outside of the workspace`)
  return place
}

/** Reads a file of the workspace. Throws for one that is outside of it, also by a link, is not there, or is larger than 4 MiB. */
export function readInside(path: string, workspace: string): string {
  const real = placeInside(path, workspace)
  const stat = statSync(real, { throwIfNoEntry: false })
  if (!stat) throw new Error(`${path} is not there`)
  if (!stat.isFile()) throw new Error(`${path} is no file`)
  if (stat.size > LIMIT) throw new Error(`${path} is larger than ${LIMIT} bytes`)
  return readFileSync(real, 'utf8')
}

/** Reads the files that a file of the workspace names, which are relative to it. */
export const filesBeside =
  (file: string, workspace: string) =>
  (path: string): string =>
    readInside(resolve(workspace, dirname(file), path), workspace)
