// Bundles every action: TypeScript -> tsc -> JavaScript -> ncc -> dist/<action>/index.js (and post/index.js).
// `--check` builds beside and names the files of dist/ that are not what the sources give. JOBS bounds the bundlers at work.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { actionNames } from './actions.ts'

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
}

const explain = (what: string) => (error: unknown) => {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
  throw new Error(`${what} failed\n${stdout}${stderr}`, { cause: error })
}

const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => statSync(join(folder, file)).isFile())
    : []

/** The files that are in one of the two folders only, or differ. */
export function differences(one: string, other: string): string[] {
  const files = [...new Set([...filesIn(one), ...filesIn(other)])].sort()
  const content = (folder: string, file: string): Buffer | undefined =>
    existsSync(join(folder, file)) ? readFileSync(join(folder, file)) : undefined
  return files.filter((file) => {
    const [a, b] = [content(one, file), content(other, file)]
    return !a || !b || !a.equals(b)
  })
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
