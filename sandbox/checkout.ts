import { createHash } from 'node:crypto'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, relative } from 'node:path'

/** The checkout that this file lies in, under its real path: two links to it are one checkout. */
export const CHECKOUT = realpathSync(join(import.meta.dirname, '..'))

/** The variable that names a cluster's folder to the commands that run inside it. */
export const DIRECTORY_VARIABLE = 'SANDBOX_DIR'

/** Who began a cluster. */
export interface About {
  /** Real path of the checkout. */
  checkout: string
  /** `up`, `run`, or the script that began it. */
  by: string
}

/** What the folders of a checkout's clusters begin with: the clusters of two checkouts on one machine never meet. Short, as a unix socket's path is. */
export const checkoutKey = (checkout: string): string => `${createHash('sha256').update(checkout).digest('hex').slice(0, 8)}-`

/** The folder for all clusters of this user. */
export function clustersFolder(): string {
  // Inside a cluster an ordinary user has the number 0, which is another's outside.
  const outer = process.env[DIRECTORY_VARIABLE]
  return outer ? dirname(outer) : join(tmpdir(), `devops-actions-${userInfo().uid}`)
}

/** The folder of a named cluster of this checkout. */
export const clusterDirectory = (name: string): string => join(clustersFolder(), `${checkoutKey(CHECKOUT)}${name}`)

/** The folders of clusters that lie there now, of all checkouts or of one. */
export function clusterFolders(checkout?: string): string[] {
  const base = clustersFolder()
  const names = existsSync(base) ? readdirSync(base) : []
  return names.filter((name) => name.startsWith(checkout === undefined ? '' : checkoutKey(checkout))).map((name) => join(base, name))
}

/** What a cluster says of who began it. A script is named without its arguments, which may be secret. */
export const aboutThis = (by = relative(CHECKOUT, process.argv[1] ?? '')): About => ({ checkout: CHECKOUT, by })

/** Says whose a cluster is, for a person: `of /src/shop, begun by up, since 2026-11-27 14:03:10 UTC (12 min)`. `since` is ISO 8601, `now` milliseconds. */
export function sayOwner(about: About | undefined, since: string | undefined, now: number): string {
  const began = Date.parse(since ?? '')
  const whose = about ? `of ${about.checkout}, begun by ${about.by}` : 'of an unknown checkout'
  if (Number.isNaN(began)) return whose
  const minutes = Math.max(0, Math.round((now - began) / 60_000))
  const age = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
  return `${whose}, since ${new Date(began).toISOString().replace('T', ' ').slice(0, 19)} UTC (${age})`
}
