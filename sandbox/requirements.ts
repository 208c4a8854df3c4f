import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { goCommand, goPackage, installCommand, namespaceCommand, type System } from './advice.ts'
import { cacheFolder } from './cache.ts'
import { chooseGo, FIRST_GO, type FoundGo, findGos, type Go, type GoNeeds, needsOf, useGo, writeGoVersion } from './go.ts'

/** What a machine has, as far as a cluster needs it. */
export interface Machine extends System {
  platform: string
  /** The Gos that were found. */
  gos: FoundGo[]
  /** Whether namespaces can be made: as root, or else within one of users. */
  namespaces: () => boolean
}

/** One thing that is missing. */
export interface Missing {
  what: string
  /** What was found instead. */
  found: string
  accepted: string
  /** Packages that bring it, of one name in all distributions; none where that depends. */
  packages: string[]
  /** The one command that helps here. */
  command: string
}

/** Of util-linux; other programs of the same names lack options. */
const UTIL_LINUX = ['nsenter', 'flock', 'setpriv', 'unshare']

/** Says what is missing for a cluster on this machine; nothing when it can start. Throws where none can ever start. */
export function missing(machine: Machine, needs: GoNeeds): Missing[] {
  if (machine.platform !== 'linux') {
    throw new Error(
      `The sandbox cluster needs Linux (this is ${machine.platform}). Any other cluster serves as well: set KUBECONFIG to it, and run the command as it is.`,
    )
  }
  const list: Missing[] = []
  const wantPackage = (name: string, commands: string[], accepted: string) => {
    const absent = commands.filter((command) => !machine.has(command))
    if (absent.length === 0) return
    const command = installCommand([name], machine)
    list.push({ what: absent.join(', '), found: 'not on PATH, nor in /usr/sbin', accepted, packages: [name], command })
  }
  wantPackage('iptables', ['iptables'], 'any iptables; kube-proxy writes its rules with it')
  wantPackage('util-linux', UTIL_LINUX, 'that of util-linux')
  if (!chooseGo(machine.gos, needs)) list.push(missingGo(machine, needs))
  // Without unshare the question cannot be asked.
  if (machine.has('unshare') && !machine.namespaces()) {
    list.push({
      what: machine.root ? 'the right to make namespaces (CAP_SYS_ADMIN)' : 'user namespaces',
      found: machine.root ? 'root of a container without it' : 'the kernel refuses them to this user',
      accepted: machine.root ? 'a machine, a VM or a privileged container' : 'either root, or a user who may make user namespaces',
      packages: [],
      command: namespaceCommand(machine),
    })
  }
  return list
}

function missingGo(machine: Machine, needs: GoNeeds): Missing {
  const say = ({ path, version }: FoundGo) => `${version ? writeGoVersion(version) : 'one that does not say its version'} (${path})`
  return {
    what: 'Go',
    found: machine.gos.length > 0 ? machine.gos.map(say).join(', ') : 'none',
    accepted: `${writeGoVersion(FIRST_GO)} or later; below ${writeGoVersion(needs.language)} it fetches ${needs.toolchain} by itself`,
    packages: [],
    command: goCommand(needs.toolchain, machine),
  }
}

/** The error for someone whose machine lacks something: each with what was found, what is accepted, and the command. `trouble` is why an installation failed. */
export function describeMissing(list: readonly Missing[], trouble = ''): string {
  const lines = list.map(({ what, found, accepted, command }) => `- ${what}. Found: ${found}. Accepted: ${accepted}. Do:\n    ${command}`)
  return [`The sandbox cluster cannot start here; it lacks:`, ...lines, ...(trouble ? [`Installing failed: ${trouble}`] : [])].join('\n')
}

/** Looks where an ordinary user's PATH does not, too: Debian keeps iptables in /usr/sbin. */
export function onPath(command: string, path = process.env.PATH ?? ''): boolean {
  return [...path.split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })
}

const succeeds = (argv: [string, ...string[]]): boolean => spawnSync(argv[0], argv.slice(1), { stdio: 'ignore' }).status === 0

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function lookAround(): Machine {
  const root = process.getuid?.() === 0
  return {
    platform: process.platform,
    arch: process.arch,
    root,
    has: (command) => onPath(command),
    read,
    gos: findGos(),
    namespaces: () => succeeds(['unshare', ...(root ? [] : ['--user', '--map-root-user']), '--net', '--pid', '--fork', '--mount', 'true']),
  }
}

/**
 * Installs with apt-get what a machine lacks, Go too where the distribution has one that serves. Several callers at once wait for each other.
 * Answers with why it failed, or nothing.
 */
function install(list: readonly Missing[], log: (line: string) => void): string {
  const packages = list.flatMap((m) => m.packages)
  const wantsGo = list.some(({ what }) => what === 'Go')
  if (packages.length === 0 && !wantsGo) return ''
  mkdirSync(cacheFolder(), { recursive: true })
  const locked = onPath('flock') ? ['flock', join(cacheFolder(), 'apt.lock')] : []
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  const call = (...argv: string[]) => {
    const [command = '', ...args] = argv
    return spawnSync(command, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000 })
  }
  log(`Looking for packages with apt-get: ${list.map(({ what }) => what).join(', ')}`)
  const updated = call(...locked, 'apt-get', 'update')
  if (wantsGo) {
    const go = goPackage(
      call('apt-cache', 'policy', 'golang-go').stdout,
      call('apt-cache', 'search', '--names-only', '^golang-1\\.').stdout,
    )
    // Go fetches modules over TLS, and nothing else brings the certificates.
    if (go) packages.push(go, 'ca-certificates')
    else log(`This distribution has no Go from ${writeGoVersion(FIRST_GO)} on`)
  }
  if (packages.length === 0) return ''
  log(`Installing ${packages.join(' ')}`)
  const options = ['--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']
  const installed = call(...locked, 'apt-get', 'install', ...options, ...packages)
  if (installed.status === 0) return ''
  const said = `${updated.status === 0 ? '' : updated.stderr}${installed.stderr}`.trim().split('\n').slice(-5).join('\n')
  return said || String(installed.error ?? `apt-get ended with ${installed.status}`)
}

/**
 * Sees to it that a cluster can start here: as root with apt-get it installs what is missing, otherwise it throws an
 * error that names all of it with what to do. `module` is the folder of the Go program. Answers with the Go to build it with.
 */
export function ensureRequirements(module: string, log: (line: string) => void): Go {
  const needs = needsOf(module)
  let machine = lookAround()
  let list = missing(machine, needs)
  let trouble = ''
  if (list.length > 0 && machine.root && machine.has('apt-get')) {
    trouble = install(list, log)
    machine = lookAround()
    list = missing(machine, needs)
  }
  const go = chooseGo(machine.gos, needs)
  if (list.length > 0 || !go) throw new Error(describeMissing(list, trouble))
  return useGo(go, needs)
}
