// Writes the tree behind a release tag: npm run release-tree -- DIR [--tag v1]
// A job downloads the whole tree of the tag it uses, so it holds the contracts, the bundles and licences, and nothing else.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { actionNames, readContract } from './actions.ts'

/** Writes the release tree of the project in `root` into `to`, a new or empty folder. */
export function writeReleaseTree(root: string, to: string): void {
  if (existsSync(to) && readdirSync(to).length > 0) throw new Error(`${to} is not empty`)
  const names = actionNames(root)
  for (const name of names) {
    const file = join(root, 'actions', name, 'action.yml')
    const { main, post } = readContract(file).runs
    for (const path of [main, ...(post ? [post] : [])]) {
      if (!path.startsWith(`../../dist/${name}/`)) throw new Error(`${file}: ${path} must be in ../../dist/${name}/`)
      if (!existsSync(join(root, 'actions', name, path))) throw new Error(`${path} of ${name} is missing: npm run build`)
    }
  }
  mkdirSync(to, { recursive: true })
  for (const name of names) {
    const from = join(root, 'actions', name)
    mkdirSync(join(to, name))
    writeFileSync(join(to, name, 'action.yml'), readFileSync(join(from, 'action.yml'), 'utf8').replaceAll('../../dist/', '../dist/'))
    if (existsSync(join(from, 'README.md'))) cpSync(join(from, 'README.md'), join(to, name, 'README.md'))
    for (const file of readdirSync(from).filter((entry) => entry.endsWith('.schema.json'))) cpSync(join(from, file), join(to, name, file))
    cpSync(join(root, 'dist', name), join(to, 'dist', name), { recursive: true })
  }
  for (const file of ['README.md', 'LICENSE', 'SECURITY.md']) if (existsSync(join(root, file))) cpSync(join(root, file), join(to, file))
}

/**
 * Tags a commit of `tree` in the repository of `root`, on top of HEAD, and gives its id. Neither index nor working tree is touched. Only a
 * major tag (v1) may move: a full version stays what it was.
 */
export function tagTree(root: string, tree: string, tag: string): string {
  const scratch = mkdtempSync(join(tmpdir(), 'release-index-'))
  const git = (args: string[], env: Record<string, string> = {}): string =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } }).trim()
  try {
    const there = { GIT_INDEX_FILE: join(scratch, 'index'), GIT_WORK_TREE: tree, GIT_DIR: git(['rev-parse', '--absolute-git-dir']) }
    // Forced: what the project ignores is what a release is made of.
    git(['-C', tree, 'add', '--all', '--force', '.'], there)
    const head = git(['rev-parse', 'HEAD'])
    const commit = git(['commit-tree', git(['write-tree'], there), '-p', head, '-m', `Release ${tag}\n\nBuilt from ${head}`])
    git(['tag', ...(/^v\d+$/.test(tag) ? ['--force'] : []), '--', tag, commit])
    return commit
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { tag: { type: 'string' } } })
  const [folder] = positionals
  if (!folder) throw new Error('usage: npm run release-tree -- DIR [--tag v1]')
  const root = resolve(import.meta.dirname, '..')
  const to = resolve(process.env.INIT_CWD ?? '.', folder)
  writeReleaseTree(root, to)
  console.log(`${to}: ${actionNames(root).join(', ')}`)
  if (values.tag) console.log(`${values.tag}: ${tagTree(root, to, values.tag)}`)
}
