import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'

const LIMIT = 4 * 2 ** 20

/** Reads a file of the workspace. Throws for one that is outside of it, also by a link, or larger than 4 MiB. */
export function readInside(path: string, workspace: string): string {
  const root = realpathSync(workspace)
  const real = realpathSync(resolve(workspace, path))
  if (!real.startsWith(root + sep)) throw new Error(`${path} is outside of the workspace`)
  const stat = statSync(real)
  if (!stat.isFile()) throw new Error(`${path} is no file`)
  if (stat.size > LIMIT) throw new Error(`${path} is larger than ${LIMIT} bytes`)
  return readFileSync(real, 'utf8')
}

/** Reads the files that a file of the workspace names, which are relative to it. */
export const filesBeside =
  (file: string, workspace: string) =>
  (path: string): string =>
    readInside(resolve(workspace, dirname(file), path), workspace)
