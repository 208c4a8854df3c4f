import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What a machine has, as far as a cluster needs it. */
export interface Machine {
  platform: string
  root: boolean
  /** The folders in which commands are looked for. */
  has: (command: string) => boolean
  /** Whether Go builds the module, which names the release it needs. */
  go: () => boolean
  /** Whether namespaces can be made without being root. */
  userNamespaces: () => boolean
}

/** One thing that is missing: packages that bring it, or advice where there is none. */
export interface Missing {
  what: string
  packages: string[]
  advice: string
}

/** Says what is missing for a cluster on this machine; nothing when it can start. Throws where none can ever start. */
export function missing(machine: Machine): Missing[] {
  if (machine.platform !== 'linux') {
    throw new Error(
      `The sandbox cluster needs Linux (this is ${machine.platform}). Any other cluster serves as well: set KUBECONFIG to it, and run the command as it is.`,
    )
  }
  const list: Missing[] = []
  if (!machine.has('iptables')) list.push({ what: 'iptables', packages: ['iptables'], advice: 'kube-proxy writes its rules with it' })
  if (!machine.has('nsenter') || !machine.has('flock')) {
    list.push({ what: 'nsenter and flock', packages: ['util-linux'], advice: 'they belong to util-linux' })
  }
  if (!machine.has('go') || !machine.go()) {
    list.push({
      what: 'Go 1.26 or later',
      packages: [],
      advice: 'install it from go.dev/dl (in GitHub Actions: actions/setup-go) and put it on PATH',
    })
  }
  if (!machine.root && !machine.userNamespaces()) {
    list.push({
      what: 'user namespaces',
      packages: [],
      advice:
        'run as root (sudo), or allow them: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), kernel.unprivileged_userns_clone=1',
    })
  }
  return list
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

const succeeds = (argv: [string, ...string[]], cwd?: string): boolean =>
  spawnSync(argv[0], argv.slice(1), { cwd, stdio: 'ignore' }).status === 0

/**
 * Sees to it that a cluster can start here: as root with apt-get it installs what is missing, otherwise it throws an
 * error that names all of it with what to do. `module` is the folder of the Go program.
 */
export function ensureRequirements(module: string, log: (line: string) => void): void {
  const root = process.getuid?.() === 0
  const machine: Machine = {
    platform: process.platform,
    root,
    has: (command) => onPath(command),
    go: () => succeeds(['go', 'env', 'GOVERSION'], module),
    userNamespaces: () => succeeds(['unshare', '--user', '--map-root-user', '--net', 'true']),
  }
  let list = missing(machine)
  const packages = list.flatMap((m) => m.packages)
  if (packages.length > 0 && root && machine.has('apt-get')) {
    log(`Installing ${packages.join(' ')}`)
    succeeds(['apt-get', 'update'])
    succeeds(['apt-get', 'install', '--yes', '--no-install-recommends', ...packages])
    list = missing(machine)
  }
  if (list.length === 0) return
  const lines = list.map(({ what, packages: wanted, advice }) =>
    wanted.length > 0 ? `- ${what} (${advice}): sudo apt-get install ${wanted.join(' ')}` : `- ${what}: ${advice}`,
  )
  throw new Error(`The sandbox cluster cannot start here; it lacks:\n${lines.join('\n')}`)
}
