// Tools that proofs run, built or installed once into the user's cache folder, by exact version.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cacheFolder } from '../../../sandbox/cache.ts'

const folder = (): string => join(cacheFolder(), 'tools')

/** The path of a Go program, `example.com/module/cmd/name` at a version. */
export const goTool = (path: string, version: string): string => join(folder(), `${basename(path)}-${version}`)
/** The path of a command of a package on PyPI. */
export const pythonTool = (name: string, version: string): string => join(folder(), `${name}-${version}`, 'bin', name)

/** Builds a Go program unless it is there. */
export function ensureGoTool(path: string, version: string, log: (line: string) => void): void {
  const target = goTool(path, version)
  if (existsSync(target)) return
  log(`Building ${basename(path)} ${version}`)
  mkdirSync(folder(), { recursive: true })
  const bin = mkdtempSync(join(folder(), 'bin-'))
  try {
    run('go', ['install', `${path}@${version}`], { GOBIN: bin, GOFLAGS: '' })
    renameSync(join(bin, basename(path)), target)
  } finally {
    rmSync(bin, { recursive: true, force: true })
  }
}

/** Installs a package of PyPI, in a virtual environment of its own, unless it is there. */
export function ensurePythonTool(name: string, version: string, log: (line: string) => void): void {
  if (existsSync(pythonTool(name, version))) return
  log(`Installing ${name} ${version}`)
  // Made where it will be used: a virtual environment cannot be moved.
  const target = join(folder(), `${name}-${version}`)
  rmSync(target, { recursive: true, force: true })
  run('python3', ['-m', 'venv', target])
  run(join(target, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', `${name}==${version}`])
}

function run(command: string, args: string[], env: Record<string, string> = {}): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr.slice(-2000)}`)
}
