import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A release of Go as three numbers; of a beta or release candidate the last is -1, as it comes before `.0`. */
export type GoVersion = readonly [number, number, number]

/** What the module asks of a Go. */
export interface GoNeeds {
  /** The line `go`: from this release on a Go builds the module as it is. */
  language: GoVersion
  /** The line `toolchain`, such as `go1.26.8`: what an older Go fetches and hands over to. */
  toolchain: string
}

/** A Go on this machine; without a version it does not say one. */
export interface FoundGo {
  path: string
  version: GoVersion | undefined
}

/** A Go that serves, with the environment in which to call it. */
export interface Go {
  path: string
  version: GoVersion
  /** Whether it first has to fetch the toolchain that the module names. */
  fetches: boolean
  env: NodeJS.ProcessEnv
}

/** The first release that fetches the toolchain which a module names. */
export const FIRST_GO: GoVersion = [1, 21, 0]

/** Reads a release out of the words of `go version`, a line of go.mod or a package's version (`2:1.22~2build1`). Undefined where there is none. */
export function parseGoVersion(text: string): GoVersion | undefined {
  const match = /(?:\bgo ?|^(?:\d+:)?)(\d+)\.(\d+)(?:\.(\d+)|(rc|beta)\d+)?(?![\d.])/m.exec(text)
  return match ? [Number(match[1]), Number(match[2]), match[4] ? -1 : Number(match[3] ?? 0)] : undefined
}

/** As Go writes it: `1.22.12`, `1.26` with candidates as `1.26rc`. */
export const writeGoVersion = ([major, minor, patch]: GoVersion): string => `${major}.${minor}${patch < 0 ? 'rc' : `.${patch}`}`

/** Whether a release is this one or a later one. */
export function atLeast(version: GoVersion, wanted: GoVersion): boolean {
  const [differs] = [0, 1, 2].filter((i) => version[i] !== wanted[i])
  return differs === undefined || Number(version[differs]) > Number(wanted[differs])
}

/** Reads what a go.mod asks for. Throws when a line is missing: without it an older Go would fetch another release than was tested. */
export function readNeeds(goMod: string): GoNeeds {
  const language = /^go \d.*$/m.exec(goMod)
  const toolchain = /^toolchain (go\d\S*)$/m.exec(goMod)
  const version = language && parseGoVersion(language[0])
  if (!version || !toolchain) throw new Error('go.mod lacks a line such as "go 1.26.0" or "toolchain go1.26.8"')
  return { language: version, toolchain: String(toolchain[1]) }
}

/** Chooses from the Gos of a machine, in the order in which they are found: one that builds the module as it is before one that has to fetch a newer one. */
export function chooseGo(found: readonly FoundGo[], needs: GoNeeds): FoundGo | undefined {
  const from = (wanted: GoVersion) => found.find(({ version }) => version !== undefined && atLeast(version, wanted))
  return from(needs.language) ?? from(FIRST_GO)
}

/**
 * The environment for a Go. One that is new enough must not fetch anything; an older one must be let, whatever the machine says:
 * Go's own container images forbid it with GOTOOLCHAIN=local. What a workspace around the checkout or another Go's root says is not for this module.
 */
export function goEnvironment(outer: NodeJS.ProcessEnv, fetches: boolean): NodeJS.ProcessEnv {
  const { GOROOT: _, ...env } = outer
  return { ...env, GOFLAGS: '', GOWORK: 'off', GOTOOLCHAIN: fetches ? 'auto' : 'local' }
}

/** Where Go lies: on PATH, and where its archive, distributions and `golang.org/dl` put it without a place on PATH. */
export function goPlaces(path: string, home: string, list: (folder: string) => string[]): string[] {
  const below = (folder: string, pattern: RegExp) =>
    list(folder)
      .filter((name) => pattern.test(name))
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((name) => join(folder, name, 'bin'))
  const folders = [
    ...path.split(delimiter).filter((folder) => folder !== ''),
    '/usr/local/go/bin',
    join(home, '.local/go/bin'),
    ...below('/usr/lib', /^go-1\.\d+$/),
    ...below(join(home, 'sdk'), /^go/),
  ]
  return [...new Set(folders.map((folder) => join(folder, 'go')))]
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : [])

/** All Gos of this machine with what they call themselves. */
export function findGos(): FoundGo[] {
  return goPlaces(process.env.PATH ?? '', homedir(), namesIn)
    .filter((path) => existsSync(path))
    .map((path) => {
      // Its own release, not that of a module in the current folder.
      const said = spawnSync(path, ['version'], { cwd: '/', env: goEnvironment(process.env, false), encoding: 'utf8', timeout: 20_000 })
      return { path, version: said.status === 0 ? parseGoVersion(said.stdout) : undefined }
    })
}

/** The needs of the module in a folder. */
export const needsOf = (module: string): GoNeeds => readNeeds(readFileSync(join(module, 'go.mod'), 'utf8'))

/** A Go that serves, ready to be called. */
export function useGo({ path, version }: FoundGo, needs: GoNeeds): Go {
  if (!version) throw new Error(`${path} does not say its version`)
  const fetches = !atLeast(version, needs.language)
  return { path, version, fetches, env: goEnvironment(process.env, fetches) }
}

/** Asks a Go for its settings in a module, which makes one that has to fetch its toolchain do so. Throws with Go's words and what to do. */
export function askGo(go: Go, module: string, names: string[]): string {
  try {
    return execFileSync(go.path, ['env', ...names], { cwd: module, env: go.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim() || String(cause)
    const { toolchain, language } = needsOf(module)
    const what = go.fetches
      ? `Go ${writeGoVersion(go.version)} (${go.path}) could not fetch ${toolchain}, with which the sandbox is built. Let it reach the module proxy (GOPROXY, GOSUMDB), or install Go ${writeGoVersion(language)} or later, which fetches nothing`
      : `Go ${writeGoVersion(go.version)} (${go.path}) cannot read ${join(module, 'go.mod')}`
    throw new Error(`${what}. Go said:\n${said}`, { cause })
  }
}
