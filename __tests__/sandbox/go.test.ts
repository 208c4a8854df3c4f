import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { atLeast, chooseGo, type GoNeeds, type GoVersion, goEnvironment, goPlaces, parseGoVersion, readNeeds } from '../../sandbox/go.ts'

const needs: GoNeeds = { language: [1, 26, 0], toolchain: 'go1.26.8' }

test.each<[string, GoVersion | undefined]>([
  ['go version go1.26.8 linux/amd64', [1, 26, 8]],
  ['go version go1.21.3 (Red Hat 1.21.3-1.el9) linux/arm64', [1, 21, 3]],
  ['go version go1.22.2 X:nocoverageredesign linux/amd64', [1, 22, 2]],
  ['go version devel go1.27-abcdef0 Mon Nov 2 linux/amd64', [1, 27, 0]],
  ['go version go1.26rc1 linux/amd64', [1, 26, -1]],
  ['go version go1.18 gccgo (Debian 12.2.0-14) 12.2.0 linux/amd64', [1, 18, 0]],
  ['go 1.26.0', [1, 26, 0]],
  ['2:1.19~1', [1, 19, 0]],
  ['2:1.22~2build1', [1, 22, 0]],
  ['1.23.4-1.fc41', [1, 23, 4]],
  ['(none)', undefined],
  ['go version', undefined],
  ['', undefined],
])('%j says the release %j', (text, version) => {
  expect(parseGoVersion(text)).toEqual(version)
})

test.each<[GoVersion, GoVersion, boolean]>([
  [[1, 26, 0], [1, 26, 0], true],
  [[1, 26, 8], [1, 26, 0], true],
  [[1, 27, 0], [1, 26, 8], true],
  [[2, 0, 0], [1, 26, 0], true],
  [[1, 9, 9], [1, 21, 0], false],
  [[1, 20, 14], [1, 21, 0], false],
  [[1, 26, -1], [1, 26, 0], false],
])('%j is at least %j: %j', (version, wanted, expected) => {
  expect(atLeast(version, wanted)).toBe(expected)
})

test('the needs are the lines of go.mod, and the module has them', () => {
  expect(readNeeds('module x\n\ngo 1.26.0\n\ntoolchain go1.26.8\n\nrequire y v1.2.3\n')).toEqual(needs)
  for (const lacking of ['go 1.26.0\n', 'toolchain go1.26.8\n', '// go 1.2\n'])
    expect(() => readNeeds(lacking)).toThrow(/go.mod lacks a line/)
  const { language, toolchain } = readNeeds(readFileSync(join(import.meta.dirname, '../../sandbox/node/go.mod'), 'utf8'))
  expect(atLeast(parseGoVersion(toolchain) ?? [0, 0, 0], language)).toBe(true)
})

test('a Go that builds the module as it is comes before one that has to fetch, that before none; the first found wins', () => {
  const [old, fetching, other, enough] = (['1.19.8', '1.21.0', '1.25.1', '1.26.0'] as const).map((v) => ({
    path: `/${v}/go`,
    version: parseGoVersion(`go${v}`),
  }))
  const broken = { path: '/broken/go', version: undefined }
  const choose = (...found: (typeof old)[]) =>
    chooseGo(
      found.filter((f) => f !== undefined),
      needs,
    )?.path
  expect(choose(broken, old, fetching, other, enough)).toBe('/1.26.0/go')
  expect(choose(broken, old, fetching, other)).toBe('/1.21.0/go')
  expect(choose(broken, old)).toBeUndefined()
  expect(choose()).toBeUndefined()
})

test('an older Go may fetch whatever the machine says, a newer one fetches nothing', () => {
  const outer = { HOME: '/h', GOTOOLCHAIN: 'local', GOROOT: '/other', GOFLAGS: '-mod=vendor', GOWORK: '/w' }
  expect(goEnvironment(outer, true)).toEqual({ HOME: '/h', GOTOOLCHAIN: 'auto', GOFLAGS: '', GOWORK: 'off' })
  expect(goEnvironment({ ...outer, GOTOOLCHAIN: 'auto' }, false).GOTOOLCHAIN).toBe('local')
})

test('Go is looked for on PATH first, then where it lies without a place on PATH, the newest first', () => {
  const folders: Record<string, string[]> = { '/usr/lib': ['go-1.9', 'go-1.23', 'gcc', 'go-1.22'], '/home/u/sdk': ['go1.25.0', 'notes'] }
  expect(goPlaces('/a::/usr/local/go/bin', '/home/u', (folder) => folders[folder] ?? [])).toEqual([
    '/a/go',
    '/usr/local/go/bin/go',
    '/home/u/.local/go/bin/go',
    '/usr/lib/go-1.23/bin/go',
    '/usr/lib/go-1.22/bin/go',
    '/usr/lib/go-1.9/bin/go',
    '/home/u/sdk/go1.25.0/bin/go',
  ])
})
