// Completes package-lock.json: a registry that does not carry every platform's optional package makes `npm install` leave it out of the
// lock, and `npm ci` then refuses that lock. The entries added here have the exact version that the parent asks for, and os and cpu from
// the name, so that npm skips them elsewhere, and the integrity that the registry tells of them; one that it does not have is named.
// Plain JavaScript without dependencies: it must run before anything is installed.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const systems = ['android', 'darwin', 'win32', 'freebsd', 'openbsd', 'netbsd', 'sunos', 'aix', 'linux', 'openharmony']
const processors = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64', 'wasm32']

/** @param {string} name of a platform's package, like @biomejs/cli-linux-arm64-musl */
function platform(name) {
  const parts = name.split(/[-./]/)
  const os = systems.find((system) => parts.includes(system))
  const cpu = processors.find((processor) => parts.includes(processor))
  // A package for a platform that the name does not tell must not be fetched anywhere: only WebAssembly is left, which npm never matches.
  return { cpu: [cpu ?? 'wasm32'], ...(name.includes('musl') ? { libc: ['musl'] } : {}), ...(os ? { os: [os] } : {}) }
}

/** @param {{ packages: Record<string, { dev?: boolean, optionalDependencies?: Record<string, string> }> }} lock */
function complete(lock) {
  const added = []
  for (const [path, parent] of Object.entries(lock.packages)) {
    if (path === '') continue
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const exact = /^\d/.test(version)
      if (!exact || lock.packages[`node_modules/${name}`] || lock.packages[`${path}/node_modules/${name}`]) continue
      lock.packages[`node_modules/${name}`] = { version, ...(parent.dev ? { dev: true } : {}), optional: true, ...platform(name) }
      added.push(name)
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
  return added
}

/**
 * Gives every entry its integrity, except what lies inside of another package (its integrity is that of the other) or is a link.
 *
 * @param {{ packages: Record<string, { name?: string, version?: string, integrity?: string, link?: boolean, inBundle?: boolean }> }} lock
 * @param {(name: string) => string | undefined} integrityOf asks for `name@version`
 */
function addIntegrity(lock, integrityOf) {
  const unknown = []
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.integrity || entry.link || entry.inBundle) continue
    // An alias has a folder of one name and a package of another.
    const name = `${entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${entry.version}`
    const integrity = integrityOf(name)
    if (integrity) entry.integrity = integrity
    else unknown.push(name)
  }
  return unknown
}

/**
 * Asks the registry for the integrity of `name@version`; nothing if it does not have that. A registry that cannot be asked is an error.
 *
 * @param {string} name
 */
function askRegistry(name) {
  const { status, stdout, stderr, error } = spawnSync('npm', ['view', name, 'dist.integrity'], { encoding: 'utf8' })
  if (status === 0) return stdout.trim() || undefined
  if (stderr?.includes('E404')) return undefined
  throw new Error(`npm cannot tell the integrity of ${name}; ${file} is as it was (--offline leaves integrity out)\n${error ?? stderr}`)
}

const file = 'package-lock.json'
const lock = JSON.parse(readFileSync(file, 'utf8'))
const added = complete(lock)
const unknown = process.argv.includes('--offline') ? [] : addIntegrity(lock, askRegistry)
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
if (unknown.length) console.log(`without integrity, as this registry does not have them: ${unknown.join(', ')}`)
console.log(`${added.length} added`)
