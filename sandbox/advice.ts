import { atLeast, FIRST_GO, parseGoVersion } from './go.ts'

/** What decides which command helps on a machine. */
export interface System {
  root: boolean
  /** As Node says it: x64, arm64. */
  arch: string
  has: (command: string) => boolean
  /** The content of a file, trimmed; empty when it cannot be read. */
  read: (path: string) => string
}

const MANAGERS = [
  ['apt-get', 'apt-get install --yes'],
  ['dnf', 'dnf install -y'],
  ['yum', 'yum install -y'],
  ['zypper', 'zypper --non-interactive install'],
  ['pacman', 'pacman -S --noconfirm'],
  ['apk', 'apk add'],
] as const

/** The command that installs packages; they have the same names everywhere. */
export function installCommand(packages: readonly string[], system: System): string {
  const manager = MANAGERS.find(([command]) => system.has(command))
  if (!manager) return `(with this system's package manager) install ${packages.join(' ')}`
  return `${system.root ? '' : 'sudo '}${manager[1]} ${packages.join(' ')}`
}

/**
 * The command that installs Go's own archive: for root below /usr/local, else in the user's home. Both are looked into, so that PATH can stay.
 * `toolchain` is a release such as `go1.26.8`.
 */
export function goCommand(toolchain: string, { root, arch, has }: System): string {
  const archive = `https://go.dev/dl/${toolchain}.linux-${arch === 'x64' ? 'amd64' : arch}.tar.gz`
  const get = has('curl') || !has('wget') ? `curl -fsSL ${archive}` : `wget -qO- ${archive}`
  const folder = root ? '/usr/local' : '~/.local'
  // An archive that is unpacked over another release gives a mixture that does not compile.
  return `rm -rf ${folder}/go && mkdir -p ${folder} && ${get} | tar -xz -C ${folder}`
}

/** The command that lets a cluster make its namespaces. */
export function namespaceCommand({ root, read }: System): string {
  if (root) return 'docker run --privileged ... (or the same option of what started this container)'
  const settings = [
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
    ['kernel.unprivileged_userns_clone', '0', '1'],
    ['user.max_user_namespaces', '0', '15000'],
  ] as const
  const forbids = settings.find(([name, value]) => read(`/proc/sys/${name.replace('.', '/')}`) === value)
  return forbids ? `sudo sysctl -w ${forbids[0]}=${forbids[2]}` : 'sudo --preserve-env=PATH npm run ... (root needs none)'
}

/** The release that apt-get would install, out of the words of `apt-cache policy`. */
const candidate = (policy: string): string => /^\s*Candidate: (.*)$/m.exec(policy)?.[1] ?? ''

/**
 * The package that brings a Go which serves: the distribution's own, or the newest of those that it has beside that, such as golang-1.23-go.
 * Takes the words of `apt-cache policy golang-go` and the lines of `apt-cache search golang-`.
 */
export function goPackage(policy: string, search: string): string | undefined {
  const own = parseGoVersion(candidate(policy))
  if (own && atLeast(own, FIRST_GO)) return 'golang-go'
  const minors = [...search.matchAll(/^golang-1\.(\d+)-go\b/gm)].map((match) => Number(match[1])).filter((minor) => minor >= FIRST_GO[1])
  return minors.length > 0 ? `golang-1.${Math.max(...minors)}-go` : undefined
}
