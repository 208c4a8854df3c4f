// Bundles every action: TypeScript -> tsc -> JavaScript -> ncc -> dist/<action>/index.js (and post/index.js).
// `--check` builds beside and names the files of dist/ that are not what the sources give. JOBS bounds the bundlers at work.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { actionNames } from './actions.ts'
import { withLicencesInside } from './licences.ts'

const run = promisify(execFile)

/**
 * client-node 2.0.1 does not say that its modules have no side effects, so a bundler keeps all 900 of them. Below build/, ncc finds this
 * copy first, which says so.
 */
function patchClientNode(root: string): void {
  const path = 'node_modules/@kubernetes/client-node'
  const [from, to] = [join(root, path), join(root, 'build', path)]
  if (!existsSync(from)) return
  cpSync(from, to, { recursive: true, filter: (file) => !/\.(map|d\.ts)$/.test(file) })
  const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as object
  writeFileSync(join(to, 'package.json'), JSON.stringify({ ...manifest, sideEffects: ['./dist/polyfill.js'] }))
}

/** Bundles the actions of the project in `root` into `out`, which is emptied first. */
export async function build(root: string, out: string, jobs = availableParallelism()): Promise<void> {
  const bin = (path: string): string => join(root, 'node_modules', path)
  const work = join(root, 'build')
  rmSync(work, { recursive: true, force: true })
  rmSync(out, { recursive: true, force: true })
  mkdirSync(work)
  await run(process.execPath, [bin('typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], { cwd: root }).catch(explain('tsc'))
  writeFileSync(join(work, 'package.json'), '{"type":"module"}\n')
  patchClientNode(root)
  const queue = actionNames(root).flatMap((name) => [
    { entry: join(work, 'actions', name, 'main.js'), to: join(out, name) },
    ...(existsSync(join(root, 'actions', name, 'post.ts'))
      ? [{ entry: join(work, 'actions', name, 'post.js'), to: join(out, name, 'post') }]
      : []),
  ])
  const ncc = bin('@vercel/ncc/dist/ncc/cli.js')
  const bundle = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift())
      await run(process.execPath, [ncc, 'build', next.entry, '-o', next.to, '--minify', '--no-cache', '--license', 'licenses.txt'], {
        cwd: root,
        maxBuffer: 1 << 26,
      }).catch(explain(`ncc ${next.entry}`))
  }
  await Promise.all(Array.from({ length: jobs }, bundle))
  for (const file of filesIn(out).filter((name) => name.endsWith('licenses.txt')))
    writeFileSync(join(out, file), withLicencesInside(readFileSync(join(out, file), 'utf8'), root))
}

const explain = (what: string) => (error: unknown) => {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
  throw new Error(`${what} failed\n${stdout}${stderr}`, { cause: error })
}

/** What is below a folder and no folder itself. A link is one such file and is not followed: one that leads back up would never end. */
function filesIn(folder: string, below = ''): string[] {
  const path = join(folder, below)
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(folder, join(below, entry.name)) : [join(below, entry.name)],
  )
}

const isPlain = (file: string): boolean => lstatSync(file).isFile()
const isLink = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
const executable = (file: string): boolean => (lstatSync(file).mode & 0o111) !== 0

/**
 * The files that are in one of the two folders only, or differ: in their bytes, in what they are (a link to the same bytes), or in whether
 * they can be executed. A folder that is a link itself is named as `.`.
 */
export function differences(one: string, other: string): string[] {
  const [mine, theirs] = [new Set(filesIn(one)), new Set(filesIn(other))]
  const differ = [...new Set([...mine, ...theirs])].sort().filter((file) => {
    if (!mine.has(file) || !theirs.has(file)) return true
    const [a, b] = [join(one, file), join(other, file)]
    return !isPlain(a) || !isPlain(b) || executable(a) !== executable(b) || !readFileSync(a).equals(readFileSync(b))
  })
  return isLink(one) || isLink(other) ? ['.', ...differ] : differ
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false }, out: { type: 'string', default: 'dist' } } })
  const root = resolve(import.meta.dirname, '..')
  const jobs = Number(process.env.JOBS) || availableParallelism()
  if (values.check) {
    const fresh = mkdtempSync(join(root, '.check-dist-'))
    try {
      await build(root, fresh, jobs)
      const wrong = differences(fresh, join(root, values.out))
      if (wrong.length) {
        console.error(`These files of ${values.out}/ are not what the sources give (npm run build writes them):\n  ${wrong.join('\n  ')}`)
        process.exitCode = 1
      } else console.log(`${values.out}/ is what the sources give`)
    } finally {
      rmSync(fresh, { recursive: true, force: true })
    }
  } else {
    await build(root, resolve(values.out), jobs)
    for (const file of filesIn(values.out).filter((name) => name.endsWith('index.js'))) {
      const bytes = readFileSync(join(values.out, file))
      console.log(`${file}: ${Math.round(bytes.length / 1024)} KiB, ${Math.round(gzipSync(bytes).length / 1024)} KiB gzipped`)
    }
  }
}
