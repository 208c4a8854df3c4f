import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadKubeconfig } from '../../../../actions/shared/kubernetes/api/credentials.ts'

const outside = realpathSync(mkdtempSync(join(tmpdir(), 'tracked-')))
const workspace = join(outside, 'workspace')
const pwned = join(outside, 'pwned')
afterAll(() => rmSync(outside, { recursive: true }))

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', ...args], { cwd, stdio: 'pipe' })
const EXEC = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', interactiveMode: 'Never' } }
const config = (user: object, server = 'https://one.example') =>
  JSON.stringify({
    clusters: [{ name: 'k', cluster: { server } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    'current-context': 'c',
  })
const at = (...parts: string[]) => join(workspace, ...parts)
const load = (kubeconfig: string | undefined, more: Record<string, string> = {}) => {
  const environment = { PATH: process.env.PATH ?? '', GITHUB_WORKSPACE: workspace, ...more }
  return loadKubeconfig({ ...(kubeconfig && { kubeconfig }), environment, mask: () => undefined })
}

beforeAll(() => {
  for (const folder of ['sub', 'nested', 'bare/objects', 'bare/refs']) mkdirSync(at(folder), { recursive: true })
  writeFileSync(join(outside, 'elsewhere'), config(EXEC))
  writeFileSync(join(outside, 'key.pem'), 'x')
  git(workspace, 'init', '-q')
  writeFileSync(at('tracked'), config(EXEC))
  writeFileSync(at('[x]*'), config(EXEC))
  writeFileSync(at('sub', 'deep'), config(EXEC))
  writeFileSync(at('server'), config({ token: 'x' }))
  writeFileSync(at('provider'), config({ 'auth-provider': { name: 'oidc', config: {} } }))
  writeFileSync(at('file'), config({ tokenFile: '/etc/passwd' }))
  writeFileSync(at('key'), config({ 'client-certificate': '../key.pem', 'client-key': '../key.pem' }))
  symlinkSync('../elsewhere', at('leads-out'))
  symlinkSync(outside, at('folder-link'))
  // What looks like a repository, and whose configuration would start a command.
  writeFileSync(at('bare', 'HEAD'), 'ref: refs/heads/main\n')
  writeFileSync(at('bare', 'config'), `[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsmonitor = "touch ${pwned}"\n`)
  writeFileSync(at('bare', 'inside'), config(EXEC))
  git(workspace, 'add', '-A')
  git(workspace, 'commit', '-qm', 'x')
  git(workspace, 'config', 'core.fsmonitor', `touch ${pwned}`)
  git(at('nested'), 'init', '-q')
  writeFileSync(at('nested', 'own'), config(EXEC))
  git(at('nested'), 'add', '-A')
  writeFileSync(at('untracked'), config(EXEC))
  writeFileSync(at('track*'), config(EXEC))
  symlinkSync('tracked', at('link'))
  symlinkSync('link', at('link-to-link'))
  symlinkSync('sub', at('folder'))
})

test.each([
  ['the file itself', 'tracked', /user "u" has exec/],
  ['a name that is a pattern', '[x]*', /has exec/],
  ['a file of a folder', 'sub/deep', /has exec/],
  ['a way around', 'sub/../tracked', /has exec/],
  ['an untracked link to it', 'link', /has exec/],
  ['a link to a link', 'link-to-link', /has exec/],
  ['a link of folders', 'folder/deep', /has exec/],
  ['a tracked link that leads out', 'leads-out', /has exec/],
  ['a tracked link of folders that leads out', 'folder-link/elsewhere', /has exec/],
  ['a repository within', 'nested/own', /has exec/],
  ['a folder that looks like a repository', 'bare/inside', /has exec/],
  ['an auth provider', 'provider', /has auth-provider/],
  ['a token file', 'file', /has tokenFile/],
  ['a key from outside', 'key', /has a client-certificate outside of the workspace/],
])('what git tracks is refused by name: %s', (_, path, why) => {
  for (const ask of [() => load(at(path)), () => load(undefined, { KUBECONFIG: at(path) })]) {
    expect(ask).toThrow(/is refused: git tracks it/)
    expect(ask).toThrow(why)
  }
  expect(existsSync(pwned)).toBe(false)
})

test('what git does not track is taken, and so is a tracked one with a token of its own', () => {
  for (const path of [at('untracked'), at('track*'), at('server'), join(outside, 'elsewhere')])
    expect(load(path).getCurrentContext()).toBe('c')
})

test('variables of git lead it to no other index', () => {
  expect(() => load(at('tracked'), { GIT_INDEX_FILE: '/dev/null', GIT_DIR: '/tmp' })).toThrow(/git tracks it/)
})

test('a tracked cluster does not get credentials of another file', () => {
  writeFileSync(join(outside, 'users'), JSON.stringify({ users: [{ name: 'u', user: { token: 'sesame' } }] }))
  expect(() => load(undefined, { KUBECONFIG: `${join(outside, 'users')}:${at('server')}` })).toThrow(
    /would get credentials that come from elsewhere/,
  )
})

test('without git on PATH, and without a repository, nothing is tracked', () => {
  expect(load(at('tracked'), { PATH: '/nowhere' }).getCurrentContext()).toBe('c')
  const plain = join(outside, 'plain')
  mkdirSync(plain)
  writeFileSync(join(plain, 'config'), config(EXEC))
  expect(load(join(plain, 'config'), { GITHUB_WORKSPACE: plain }).getCurrentContext()).toBe('c')
})
