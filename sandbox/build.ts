import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from './cache.ts'
import { askGo, type Go, goEnvironment, needsOf, writeGoVersion } from './go.ts'
import { ensureRequirements } from './requirements.ts'

const module = join(import.meta.dirname, 'node')
const kept = 14 * 24 * 3600_000

/**
 * The program's path; builds it first if these sources were not built on this machine before (some five minutes and
 * 2 GB of Go's own cache the first time, seconds after a change). Callers at the same time wait for one build.
 * Throws when something is missing on the machine, or with the compiler's words.
 */
export async function ensureSandbox(log: (line: string) => void): Promise<string> {
  const go = ensureRequirements(module, log)
  if (go.fetches) log(`Go ${writeGoVersion(go.version)} hands over to ${needsOf(module).toolchain}, which it fetches once`)
  const cache = cacheFolder()
  const binary = join(cache, `sandbox-${sourceHash(go)}`)
  if (exists(binary)) {
    const now = new Date()
    utimesSync(binary, now, now)
    return binary
  }
  mkdirSync(cache, { recursive: true })
  if (await buildLocked(['--nonblock', '--conflict-exit-code', String(BUSY)], go, binary, log)) return binary
  log('Another build of the sandbox is under way on this machine: waiting for it')
  await buildLocked([], go, binary, log)
  return binary
}

/** The exit code of flock where another build holds the lock. */
const BUSY = 75

/** Builds in a process under the lock, which is the kernel's: it cannot outlive a build that was killed. False when another holds it and `how` is not to wait. */
async function buildLocked(how: string[], go: Go, binary: string, log: (line: string) => void): Promise<boolean> {
  const script = [process.execPath, '--no-warnings', fileURLToPath(import.meta.url), binary, go.path, go.fetches ? 'fetches' : '']
  const child = spawn('flock', [...how, join(dirname(binary), 'sandbox.lock'), ...script], { stdio: ['ignore', 'pipe', 'pipe'] })
  const errors: string[] = []
  createInterface({ input: child.stdout }).on('line', log)
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0 && code !== BUSY) throw new Error(`Building the sandbox failed:\n${errors.slice(-30).join('\n')}`)
  return code === 0
}

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

/** What the program is made of: its sources, its modules, and the compiler. */
function sourceHash(go: Go): string {
  const hash = createHash('sha256')
  const files = readdirSync(module, { recursive: true, encoding: 'utf8' }).sort()
  for (const name of files.filter((f) => /(\.go|go\.mod|go\.sum)$/.test(f) && !f.endsWith('_test.go'))) {
    hash.update(`${name}\0`).update(readFileSync(join(module, name)))
  }
  return hash
    .update(askGo(go, module, ['GOVERSION', 'GOOS', 'GOARCH']))
    .digest('hex')
    .slice(0, 16)
}

/** Runs under the lock, in a process of its own. */
async function build(binary: string, path: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (exists(binary)) return
  const go = (...argv: string[]) => spawn(path, argv, { cwd: module, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const started = Date.now()
  const tell = (line: string) => console.log(`${line} (${Math.round((Date.now() - started) / 1000)} s)`)
  console.log('Building the sandbox: Kubernetes from source, about five minutes the first time')
  let all = 0
  const list = go('list', '-deps', '.')
  createInterface({ input: list.stdout }).on('line', () => {
    all++
  })
  await finish(
    list,
    every(tell, (n) => `downloaded ${n} modules`),
  )
  // The version is what the API server and the kubelet call themselves; it is the one of the module k8s.io/kubernetes.
  const version = /k8s\.io\/kubernetes v(1\.(\d+)\.\d+)/.exec(readFileSync(join(module, 'go.mod'), 'utf8'))
  if (!version) throw new Error('go.mod does not require k8s.io/kubernetes')
  const set = (name: string, value: string) => `-X k8s.io/component-base/version.${name}=${value}`
  const flags = ['-s -w', set('gitVersion', `v${version[1]}`), set('gitMajor', '1'), set('gitMinor', String(version[2]))].join(' ')
  const unfinished = `${binary}.new`
  rmSync(unfinished, { force: true }) // of a build that was killed
  await finish(
    go('build', '-v', '-trimpath', '-buildvcs=false', '-ldflags', flags, '-o', unfinished, '.'),
    every(tell, (n) => `compiled ${n} of ${all} packages`),
  )
  renameSync(unfinished, binary)
  tell('Built the sandbox')
  prune(dirname(binary))
}

/** Each line on standard error is one module downloaded or one package compiled, or what the compiler has to say. */
function finish(child: ReturnType<typeof spawn>, count: () => void): Promise<void> {
  const errors: string[] = []
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (/^(go: downloading )?\S+( v\S+)?$/.test(line)) count()
      else errors.push(line)
    })
  }
  child.stdout?.resume()
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => (code === 0 ? resolve() : reject(new Error(errors.join('\n')))))
  })
}

function every(tell: (line: string) => void, text: (n: number) => string): () => void {
  let n = 0
  let told = Date.now()
  return () => {
    n++
    if (Date.now() - told < 10_000) return
    told = Date.now()
    tell(text(n))
  }
}

/** Programs of older sources that nobody has used for long; each has some 180 MB. */
function prune(cache: string): void {
  for (const name of readdirSync(cache).filter((n) => n.startsWith('sandbox-'))) {
    const path = join(cache, name)
    if (Date.now() - statSync(path).mtimeMs > kept) rmSync(path)
  }
}

if (import.meta.main) {
  try {
    const [, , binary, path, fetches] = process.argv
    await build(String(binary), String(path), goEnvironment(process.env, fetches === 'fetches'))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
