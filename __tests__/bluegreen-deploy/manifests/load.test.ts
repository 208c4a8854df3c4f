import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadManifests } from '../../../actions/bluegreen-deploy/manifests/load.ts'

const object = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`

let folder: string
let workspace: string
const socket = createServer()
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'manifests-'))
  workspace = join(folder, 'workspace')
  const files: Record<string, string | Buffer> = {
    'workspace/a.yaml': object('a'),
    'workspace/k8s/b.yaml': object('b'),
    'workspace/k8s/c.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }),
    'workspace/k8s/deeper/d.yaml': object('d'),
    'workspace/k8s/README.md': '# not read from a folder',
    'workspace/ü ☃/::error::%0A.yml': object('e'),
    'workspace/kustomize/kustomization.yaml': '',
    'workspace/empty/notes.txt': '',
    'workspace/chart/name.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n',
    'workspace/chart/block.yaml': '{{- if .Values.on }}\nkind: ConfigMap\n{{- end }}\n',
    'workspace/chart/jinja.yaml': '{% for a in b %}\nkind: ConfigMap\n{% endfor %}\n',
    'workspace/chart/text.yaml': `${object('text')}data: {a: '{{ .Values.kept }}'}`,
    'workspace/utf16.yaml': Buffer.from(`\ufeff${object('a')}`, 'utf16le'),
    'workspace/latin1.yaml': Buffer.from(`${object('a')}data: {a: ü}`, 'latin1'),
    'workspace/binary.yaml': Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1, 2]),
    'workspace/large.yaml': Buffer.alloc(9 * 2 ** 20, '#'),
    'workspace/half1.yaml': Buffer.alloc(5 * 2 ** 20, '#'),
    'workspace/half2.yaml': Buffer.alloc(5 * 2 ** 20, '#'),
    'workspace/many.yaml': Array.from({ length: 2_001 }, (_, i) => object(`m${i}`)).join('---\n'),
    'outside/x.yaml': object('x'),
    'workspace-2/x.yaml': object('x'),
  }
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  symlinkSync('../outside', join(workspace, 'link'))
  symlinkSync('../outside/x.yaml', join(workspace, 'link.yaml'))
  symlinkSync('circle', join(workspace, 'circle'))
  symlinkSync('.', join(workspace, 'k8s/deeper/up'))
  symlinkSync('a.yaml', join(workspace, 'same.yaml'))
  await new Promise<void>((listening) => socket.listen(join(workspace, 'socket'), listening))
})
afterAll(() => {
  socket.close()
  rmSync(folder, { recursive: true })
})

const load = async (...sources: string[]): Promise<string[]> => {
  const objects = await loadManifests(sources, {
    workspace,
    stdin: async () => Buffer.from(object('stdin')),
    kustomize: async (path) => object(path === join(workspace, 'kustomize') ? 'built' : 'elsewhere'),
  })
  return objects.map(({ metadata }) => metadata.name)
}

test.each([
  [['a.yaml'], ['a']],
  [['a.yaml', './a.yaml', '*a.yaml', 'same.yaml'], ['a']],
  [['k8s'], ['b', 'c']],
  [['k8s/*.{yaml,json}'], ['b', 'c']],
  [['k8s/**/*.yaml'], ['b', 'd']],
  [['-'], ['stdin']],
  [['kustomize', 'kustomize/'], ['built']],
  [['ü ☃'], ['e']],
  [['**/::*'], ['e']],
  [['k8s/../a.yaml'], ['a']],
])('%j gives %j', async (sources, names) => {
  expect(await load(...sources)).toEqual(names)
})

test('an absolute path inside of the workspace', async () => {
  expect(await load(join(workspace, 'a.yaml'))).toEqual(['a'])
})

test.each([
  ['../outside/x.yaml', /^manifests: \.\.\/outside\/x\.yaml leads out of the workspace/],
  ['../outside/*', /leads out of the workspace/],
  ['../workspace-2/x.yaml', /leads out of the workspace/],
  ['{.,..}/outside/*.yaml', /^manifests: \.\.\/outside\/x\.yaml leads out of the workspace/],
  ['k8s/../../outside', /leads out of the workspace/],
  ['link', /^manifests: link leads out of the workspace/],
  ['link.yaml', /^manifests: link\.yaml leads out of the workspace/],
  ['link/*.yaml', /leads out of the workspace/],
  ['l*.yaml', /leads out of the workspace/],
  ['/etc/passwd', /leads out of the workspace/],
  ['/dev/zero', /leads out of the workspace/],
  ['../nowhere', /leads out of the workspace/],
  ['nowhere.yaml', /^manifests: nowhere\.yaml matches no file/],
  ['no*where', /^manifests: no\*where matches no file/],
  ['a.yaml/x', /matches no file/],
  ['x'.repeat(300), /matches no file/],
  ['circle', /^manifests: circle cannot be read: its links lead in a circle/],
  ['socket', /^manifests: socket is neither a file nor a folder/],
  ['s*t', /^manifests: s\*t matches no file/],
  ['empty', /^manifests: folder empty holds no \.yaml, \.yml or \.json file/],
  ['utf16.yaml', /^manifests: utf16\.yaml is UTF-16; .* UTF-8 text is needed/],
  ['latin1.yaml', /^manifests: latin1\.yaml is not UTF-8/],
  ['binary.yaml', /^manifests: binary\.yaml holds NUL bytes/],
  ['large.yaml', /^manifests: 9437184 bytes up to large\.yaml; at most 8388608/],
  ['half*.yaml', /^manifests: 10485760 bytes up to half2\.yaml; at most 8388608/],
  ['many.yaml', /^manifests: 2001 objects up to many\.yaml; a release has at most 2000/],
  ['empty/notes.txt', /^manifests: no Kubernetes object in empty\/notes\.txt/],
])('%s is refused', async (source, says) => {
  await expect(load(source)).rejects.toThrow(says)
})

test.each(['kustomize/kustomization.yaml', 'kustomize/*.yaml'])(
  'the recipe of a Kustomize folder (%s) is no manifest: its folder is meant',
  async (source) => {
    await expect(load(source)).rejects.toThrow(
      'manifests: kustomize/kustomization.yaml is the recipe of a Kustomize folder; give the folder kustomize instead',
    )
  },
)

test.each(['name', 'block', 'jinja'])('a template that was not rendered (%s) is called so', async (name) => {
  await expect(load(`chart/${name}.yaml`)).rejects.toThrow(
    /^manifests: chart\/\w+\.yaml, document 1: .*It holds \{\{ \}\} or \{% %\}: render it first/,
  )
})

test('text that holds braces is none', async () => {
  expect(await load('chart/text.yaml')).toEqual(['text'])
})
