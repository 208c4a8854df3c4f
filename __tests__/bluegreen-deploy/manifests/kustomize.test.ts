import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { kustomize } from '../../../actions/bluegreen-deploy/manifests/kustomize.ts'

/** A workspace with these files, beside a folder `outside`, and a `kubectl` that prints its arguments and environment. */
function workspace(files: Record<string, string>, tool = 'echo "args: $*"; env') {
  const base = mkdtempSync(join(tmpdir(), 'kustomize-'))
  const root = join(base, 'workspace')
  for (const [path, text] of Object.entries({
    ...files,
    '../outside/kustomization.yaml': 'resources: []',
    '../bin/kubectl': `#!/bin/sh\n${tool}\n`,
  })) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  chmodSync(join(base, 'bin/kubectl'), 0o755)
  const environment = { PATH: `${join(base, 'bin')}:/usr/bin:/bin`, HOME: base, GITHUB_TOKEN: 'ghs_secret', KUBECONFIG: '/k' }
  const run = (folder = 'k', signal = new AbortController().signal) =>
    kustomize(join(root, folder), { workspace: root, signal, environment })
  return { root, base, run }
}

test('the tool gets the folder, and of the environment only what it needs', async () => {
  const { root, run } = workspace({ 'k/kustomization.yaml': 'resources: [a.yaml, ../base]', 'k/a.yaml': '', 'base/kustomization.yml': '' })
  const said = await run()
  expect(said).toContain(`args: kustomize ${join(root, 'k')}`)
  expect(said).toContain('PATH=')
  expect(said).not.toMatch(/ghs_secret|KUBECONFIG/)
})

test.each([
  [
    'a folder outside',
    { 'k/kustomization.yaml': 'resources: [../../outside]' },
    'the Kustomize folder ../outside leads out of the workspace',
  ],
  [
    'one that a base names',
    { 'k/kustomization.yaml': 'bases: [../b]', 'b/kustomization.yaml': 'components: [../../outside]' },
    'leads out of the workspace',
  ],
  ['an address', { 'k/kustomization.yaml': 'resources: [https://github.com/a/b?ref=v1]' }, 'is fetched without a checksum'],
  ['an address as git writes it', { 'k/kustomization.yaml': 'resources: [github.com/a/b/c]' }, 'is fetched without a checksum'],
  [
    'what is not there',
    { 'k/kustomization.yaml': 'resources: [gone.yaml]' },
    'k/kustomization.yaml: resources names "gone.yaml", which is not there',
  ],
  [
    'a folder without a kustomization',
    { 'k/kustomization.yaml': 'resources: [../b]', 'b/x.yaml': '' },
    'the folder b holds no kustomization.yaml',
  ],
  ['no map', { 'k/kustomization.yaml': '- a' }, 'k/kustomization.yaml cannot be read as a kustomization'],
])('%s is refused before the tool is started', async (_, files, words) => {
  const { run, base } = workspace(files, 'touch "$HOME"/started')
  await expect(run()).rejects.toThrow(words)
  expect(() => chmodSync(join(base, 'started'), 0o600)).toThrow('ENOENT')
})

test('a link to a folder outside is refused', async () => {
  const { root, base, run } = workspace({ 'k/kustomization.yaml': 'resources: [link]' })
  symlinkSync(join(base, 'outside'), join(root, 'k/link'))
  await expect(run()).rejects.toThrow('k/link leads out of the workspace')
})

test('what is written into the kustomization itself is no folder', async () => {
  const inline = '- |-\n  kind: A\n  metadata: {name: b}\n'
  const { run } = workspace({ 'k/kustomization.yaml': `generators:\n${inline}transformers:\n- {kind: A, metadata: {name: b}}\n` })
  await expect(run()).resolves.toContain('args:')
})

test('folders that name each other are walked once', async () => {
  const { run } = workspace({ 'k/kustomization.yaml': 'resources: [../b]', 'b/kustomization.yaml': 'resources: [../k]' })
  await expect(run()).resolves.toContain('args:')
})

test('what the tool says against a folder is told, cut', async () => {
  const { run } = workspace({ 'k/kustomization.yaml': '' }, 'echo "no such patch" >&2; exit 1')
  await expect(run()).rejects.toThrow('kubectl cannot render the Kustomize folder: no such patch')
})

test('a tool that ends without a word is told by its exit', async () => {
  const { run } = workspace({ 'k/kustomization.yaml': '' }, 'exit 3')
  await expect(run()).rejects.toThrow(/kubectl cannot render the Kustomize folder: .*Command failed: kubectl kustomize/)
})

test('a tool that waits ends with the run', async () => {
  const { run } = workspace({ 'k/kustomization.yaml': '' }, 'exec sleep 100')
  const ended = new AbortController()
  const running = run('k', ended.signal)
  ended.abort(new Error('cancelled'))
  await expect(running).rejects.toThrow('cancelled')
})

test('without a tool the error says which', async () => {
  const { root } = workspace({ 'k/kustomization.yaml': '' })
  const options = { workspace: root, signal: new AbortController().signal, environment: { PATH: '' } }
  await expect(kustomize(join(root, 'k'), options)).rejects.toThrow('needs kubectl or kustomize on PATH')
})
