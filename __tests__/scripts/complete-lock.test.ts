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
    env: { ...process.env, PATH },
  })

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
  writeFileSync(
    file,
    JSON.stringify({
      packages: { '': {}, 'node_modules/@t/a': { version: '1.2.3' }, 'node_modules/b': there, 'node_modules/c': { version: '2.0.0' } },
    }),
  )
  writeFileSync(join(folder, 'npm'), '#!/bin/sh\n[ "$2" = "@t/a@1.2.3" ] && echo sha512-asked\n')
  chmodSync(join(folder, 'npm'), 0o755)
  expect(complete([], `${folder}:${process.env.PATH}`)).toBe('without integrity, as this registry does not have them: c@2.0.0\n0 added\n')
  expect((JSON.parse(readFileSync(file, 'utf8')) as { packages: object }).packages).toEqual({
    '': {},
    'node_modules/@t/a': { version: '1.2.3', integrity: 'sha512-asked' },
    'node_modules/b': there,
    'node_modules/c': { version: '2.0.0' },
  })
})
