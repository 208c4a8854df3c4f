// Debian packages that a proof needs on the machine: installed when that can be done, else asked for.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { onPath } from '../../../sandbox/requirements.ts'

/** Keeps packages from starting the services that they bring, while they are installed. */
const POLICY = '/usr/sbin/policy-rc.d'

/** Sees to it that commands are there; `packages` names the package of each. Throws with what to install where it cannot. */
export function ensurePackages(packages: Record<string, string>, log: (line: string) => void): void {
  const wanted = (): string[] => Object.entries(packages).flatMap(([command, name]) => (onPath(command) ? [] : [name]))
  if (wanted().length === 0) return
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    log(`Installing ${wanted().join(' ')}`)
    const own = !existsSync(POLICY)
    if (own) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    try {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
      for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...wanted()]])
        spawnSync('apt-get', args, { stdio: 'ignore', env })
    } finally {
      if (own) rmSync(POLICY)
    }
  }
  if (wanted().length > 0) throw new Error(`this needs: sudo apt-get install ${wanted().join(' ')}`)
}
