// Whether git tracks a file, which is then what a pull request can change. Git's own index is asked, by `git ls-files`.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { leadsOut } from '../../workspace.ts'

/** Git reads an index of 100,000 files in a tenth of a second, in milliseconds. */
const DEADLINE = 10_000
/** As many links as Linux follows. */
const MOST_LINKS = 40

/**
 * Whether git tracks a file of the workspace, or a link on the way to it, in any repository that it lies in. False without a repository or
 * without git on $PATH; true when git cannot tell, as the file is then believed no more than one that is tracked.
 */
export function isTracked(path: string, workspace: string, environment: Record<string, string | undefined>): boolean {
  const roots = [resolve(workspace), realpathSync.native(workspace)]
  const inside = wayTo(resolve(path)).filter((place) => roots.some((root) => !leadsOut(root, place)))
  return inside.some((place) => repositoriesOf(place).some((top) => holds(top, place, environment)))
}

/** Every link on the way to a file, and the file itself under its real name. */
function wayTo(path: string): string[] {
  const places = new Set([path])
  let rest = path.split(sep).filter(Boolean)
  let at: string = sep
  for (let links = 0; rest.length > 0 && links <= MOST_LINKS; ) {
    const [name = '', ...next] = rest
    const place = join(at, name)
    rest = next
    if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) {
      places.add(place)
      links++
      const target = resolve(at, readlinkSync(place))
      rest = [...target.split(sep).filter(Boolean), ...next]
      at = sep
    } else at = place
  }
  // The file system's own spelling, where it makes no difference between A and a.
  places.add(realpathSync.native(path))
  return [...places]
}

/** The folders above a file that hold a repository; no checkout can bring a `.git` of its own, so that none is made up. */
function repositoriesOf(path: string): string[] {
  const found: string[] = []
  for (let folder = dirname(path), last = ''; folder !== last; last = folder, folder = dirname(folder))
    if (existsSync(join(folder, '.git'))) found.push(folder)
  return found
}

/**
 * Asks for one path. The repository is named, not searched for, so that no folder which only looks like one is believed; nothing that a
 * configuration may start is started.
 */
function holds(top: string, path: string, { PATH }: Record<string, string | undefined>): boolean {
  const quiet = ['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'safe.directory=*'].flatMap((setting) => ['-c', setting])
  const where = [`--git-dir=${join(top, '.git')}`, `--work-tree=${top}`, '--literal-pathspecs']
  const { error, status, stdout } = spawnSync('git', [...quiet, ...where, 'ls-files', '-z', '--', relative(top, path)], {
    cwd: top,
    env: { PATH: absolute(PATH), LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_OPTIONAL_LOCKS: '0' },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: DEADLINE,
    maxBuffer: 2 ** 20,
    killSignal: 'SIGKILL',
  })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return false
  return status !== 0 || stdout.length > 0
}

/** The folders of a $PATH that do not depend on where one is. */
const absolute = (path = ''): string => path.split(':').filter(isAbsolute).join(':')
