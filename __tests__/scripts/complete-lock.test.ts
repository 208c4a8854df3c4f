import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'

const folder = mkdtempSync(join(tmpdir(), 'lock-'))
const file = join(folder, 'package-lock.json')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const complete = (args: string[] = ['--offline'], PATH = process.env.PATH): string =>
  execFileSync(process.execPath, [resolve('scripts/complete-lock.mjs'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    stdio: 'pipe',
    env: { ...process.env, PATH },
  })

const npmIs = (script: string): void => {
  writeFileSync(join(folder, 'npm'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, 'npm'), 0o755)
}

test('missing platform packages are added, for their platform only', () => {
  const missing = ['@t/linux-arm64-musl', '@t/win32-x64-msvc', '@t/arm-musleabihf', '@t/wasm32-wasi']
  const exact = Object.fromEntries([...missing, '@t/there', '@t/nested'].map((name) => [name, '1.2.3']))
  const packages = {
    '': { optionalDependencies: { 'of-the-root': '1.0.0' } },
    'node_modules/tool': { dev: true, optionalDependencies: { ...exact, '@t/ranged': '^1.0.0' } },
    'node_modules/tool/node_modules/@t/nested': {},
    'node_modules/@t/there': {},
  }
  writeFileSync(file, JSON.stringify({ lockfileVersion: 3, packages }))
  expect(complete()).toBe('4 added\n')
  const text = readFileSync(file, 'utf8')
  const written = JSON.parse(text) as { packages: Record<string, object> }
  expect(written).toEqual({
    lockfileVersion: 3,
    packages: {
      ...packages,
      'node_modules/@t/linux-arm64-musl': { version: '1.2.3', dev: true, optional: true, os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
      'node_modules/@t/win32-x64-msvc': { version: '1.2.3', dev: true, optional: true, os: ['win32'], cpu: ['x64'] },
      'node_modules/@t/arm-musleabihf': { version: '1.2.3', dev: true, optional: true, cpu: ['arm'], libc: ['musl'] },
      'node_modules/@t/wasm32-wasi': { version: '1.2.3', dev: true, optional: true, cpu: ['wasm32'] },
    },
  })
  expect(Object.keys(written.packages)).toEqual(Object.keys(written.packages).sort())
  expect([complete(), readFileSync(file, 'utf8')]).toEqual(['0 added\n', text])
})

test('what has no integrity gets that of the registry; what the registry does not have is named', () => {
  const there = { version: '1.0.0', integrity: 'sha512-own' }
  const inside = { version: '1.0.0', inBundle: true }
  const packages = {
    '': {},
    'node_modules/@t/a': { version: '1.2.3' },
    'node_modules/@t/a/node_modules/inside': inside,
    'node_modules/alias': { name: 'b', version: '3.0.0' },
    'node_modules/b': there,
    'node_modules/c': { version: '2.0.0' },
  }
  writeFileSync(file, JSON.stringify({ packages }))
  npmIs('case "$2" in @t/a@1.2.3) echo sha512-asked;; b@3.0.0) echo sha512-alias;; *) echo "npm error code E404" >&2; exit 1;; esac')
  expect(complete([], `${folder}:${process.env.PATH}`)).toBe('without integrity, as this registry does not have them: c@2.0.0\n0 added\n')
  expect((JSON.parse(readFileSync(file, 'utf8')) as { packages: object }).packages).toEqual({
    ...packages,
    'node_modules/@t/a': { version: '1.2.3', integrity: 'sha512-asked' },
    'node_modules/alias': { name: 'b', version: '3.0.0', integrity: 'sha512-alias' },
  })
})

test('a registry that cannot be asked is not one that lacks the package', () => {
  const text = JSON.stringify({ packages: { '': {}, 'node_modules/c': { version: '2.0.0' } } })
  writeFileSync(file, text)
  npmIs('echo "npm error code ECONNREFUSED" >&2; exit 1')
  expect(() => complete([], `${folder}:${process.env.PATH}`)).toThrow(/npm cannot tell the integrity of c@2\.0\.0.*\n.*ECONNREFUSED/)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

test('npm ci checks every package of this project', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { integrity?: string }> }
  const unchecked = Object.entries(lock.packages).filter(([path, { integrity }]) => path !== '' && !/^sha(512|1)-/.test(integrity ?? ''))
  expect(unchecked.map(([path]) => path)).toEqual([])
})
