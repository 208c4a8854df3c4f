// From the sources to a release, with a small action: what `uses: org/devops-actions/demo@v1` would start.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readContract } from '../../scripts/actions.ts'
import { build, differences } from '../../scripts/build.ts'
import { tagTree, writeReleaseTree } from '../../scripts/release-tree.ts'

const root = mkdtempSync(join(tmpdir(), 'release-'))
const dist = join(root, 'dist')
afterAll(() => rmSync(root, { recursive: true, force: true }))

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', ...args], {
    cwd: root,
    encoding: 'utf8',
  }).trim()

beforeAll(async () => {
  const action = join(root, 'actions/demo')
  mkdirSync(action, { recursive: true })
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  writeFileSync(join(root, '.gitignore'), 'node_modules\nbuild\n*.txt\n')
  writeFileSync(join(root, 'README.md'), 'front')
  writeFileSync(join(root, 'LICENSE'), 'MIT')
  writeFileSync(
    join(root, 'tsconfig.build.json'),
    JSON.stringify({
      extends: resolve('tsconfig.json'),
      compilerOptions: { noEmit: false, rootDir: '.', outDir: 'build', typeRoots: [resolve('node_modules/@types')] },
      include: ['actions'],
    }),
  )
  writeFileSync(
    join(action, 'action.yml'),
    'name: demo\ndescription: d\nruns: { using: node24, main: ../../dist/demo/index.js, post: ../../dist/demo/post/index.js }\n',
  )
  writeFileSync(join(action, 'README.md'), 'demo')
  writeFileSync(join(action, 'part.ts'), "export const part = (name: string): string => 'hello '.concat(name)\n")
  writeFileSync(
    join(action, 'main.ts'),
    "import { parse } from 'yaml'\nimport { part } from './part.ts'\nconsole.log(part(String(parse('main'))))\n",
  )
  writeFileSync(join(action, 'post.ts'), "import { part } from './part.ts'\nconsole.log(part('post'))\n")
  await build(root, dist)
}, 60_000)

test('the build is the same byte by byte, and what differs is named', async () => {
  const again = join(root, 'again')
  await build(root, again)
  expect(differences(dist, again)).toEqual([])
  writeFileSync(join(again, 'demo/index.js'), 'x')
  writeFileSync(join(again, 'stray.js'), 'x')
  rmSync(join(again, 'demo/post/index.js'))
  expect(differences(dist, again)).toEqual(['demo/index.js', 'demo/post/index.js', 'stray.js'])
  expect(readFileSync(join(dist, 'demo/licenses.txt'), 'utf8')).toContain('yaml')
}, 60_000)

test('a broken source fails the build, and says where', async () => {
  const file = join(root, 'actions/demo/part.ts')
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, 'export const part: string = 1\n')
  await expect(build(root, join(root, 'broken'))).rejects.toThrow(/^tsc failed\n[\s\S]*demo\/part\.ts\(1,14\)/)
  writeFileSync(file, text)
}, 60_000)

test('a release tree holds contracts, bundles and licences; it runs anywhere', () => {
  const tree = join(root, 'tree')
  writeReleaseTree(root, tree)
  const action = join(tree, 'demo/action.yml')
  const { main, post } = readContract(action).runs
  const said = [main, post ?? ''].map(
    (path) => spawnSync(process.execPath, [join(tree, 'demo', path)], { cwd: tmpdir(), encoding: 'utf8' }).stdout,
  )
  expect(said).toEqual(['hello main\n', 'hello post\n'])
  expect(() => writeReleaseTree(root, tree)).toThrow('is not empty')

  git('init', '-q')
  git('config', 'user.name', 't')
  git('config', 'user.email', 't@example.com')
  git('add', '.gitignore')
  git('commit', '-qm', 'start')
  const before = git('status', '--porcelain')
  const commit = tagTree(root, tree, 'v1')
  expect(git('ls-tree', '-r', '--name-only', 'v1').split('\n')).toEqual([
    'LICENSE',
    'README.md',
    'demo/README.md',
    'demo/action.yml',
    'dist/demo/index.js',
    'dist/demo/licenses.txt',
    'dist/demo/package.json',
    'dist/demo/post/index.js',
    'dist/demo/post/package.json',
  ])
  expect(git('rev-parse', 'v1', 'v1^')).toBe(`${commit}\n${git('rev-parse', 'HEAD')}`)
  expect([git('status', '--porcelain'), git('diff', '--cached', '--name-only')]).toEqual([before, ''])
})

test('a major tag moves, a full version does not', () => {
  const tree = join(root, 'tree')
  tagTree(root, tree, 'v1.0.0')
  cpSync(join(root, 'LICENSE'), join(tree, 'NOTICE'))
  expect(tagTree(root, tree, 'v1')).toBe(git('rev-parse', 'v1'))
  const full = git('rev-parse', 'v1.0.0')
  expect(() => tagTree(root, tree, 'v1.0.0')).toThrow('already exists')
  expect(git('rev-parse', 'v1.0.0')).toBe(full)
})

test('a bundle that is missing or elsewhere is refused', () => {
  rmSync(join(dist, 'demo/post'), { recursive: true })
  expect(() => writeReleaseTree(root, join(root, 'tree2'))).toThrow('../../dist/demo/post/index.js of demo is missing: npm run build')
})
