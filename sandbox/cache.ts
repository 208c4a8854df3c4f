import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where what was built once on this machine is kept, for all checkouts of this user. */
export const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'devops-actions')
