// What check-dist sees: two folders, without a build.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { differences } from '../../scripts/build.ts'

let root = ''
const at = (...path: string[]): string => join(root, ...path)

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'differences-'))
  mkdirSync(at('one/demo/post'), { recursive: true })
  for (const name of ['demo/index.js', 'demo/post/index.js', 'demo/licenses.txt']) writeFileSync(at('one', name), name)
  cpSync(at('one'), at('other'), { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const both = (): string[] => {
  const found = differences(at('one'), at('other'))
  expect(differences(at('other'), at('one'))).toEqual(found)
  return found
}

test('equal folders do not differ', () => expect(both()).toEqual([]))

test('other bytes, a missing file and a stray one are named', () => {
  writeFileSync(at('other/demo/index.js'), 'x')
  writeFileSync(at('other/stray.js'), 'x')
  rmSync(at('other/demo/post/index.js'))
  expect(both()).toEqual(['demo/index.js', 'demo/post/index.js', 'stray.js'])
})

test('a link to the same bytes is not the file', () => {
  rmSync(at('other/demo/index.js'))
  symlinkSync(at('one/demo/index.js'), at('other/demo/index.js'))
  chmodSync(at('one/demo/index.js'), 0o755) // as every link is, so that this alone tells nothing
  expect(both()).toEqual(['demo/index.js'])
})

test('a file that can be executed is not the one that cannot', () => {
  chmodSync(at('other/demo/post/index.js'), 0o755)
  expect(both()).toEqual(['demo/post/index.js'])
})

test('a folder that became a link to the same files is named, with what is no longer in it', () => {
  renameSync(at('other/demo/post'), at('kept'))
  symlinkSync(at('kept'), at('other/demo/post'))
  expect(both()).toEqual(['demo/post', 'demo/post/index.js'])
})

test('the compared folder as a link is named', () => {
  renameSync(at('other'), at('kept'))
  symlinkSync(at('kept'), at('other'))
  expect(both()).toEqual(['.'])
})

test('links that lead nowhere or back up are named, and not followed', () => {
  symlinkSync('nowhere', at('other/broken'))
  for (const name of ['a', 'b', 'c']) symlinkSync('..', at('other/demo', name))
  expect(both()).toEqual(['broken', 'demo/a', 'demo/b', 'demo/c'])
})

test('a file in the place of a folder is named', () => {
  rmSync(at('other/demo/post'), { recursive: true })
  writeFileSync(at('other/demo/post'), 'x')
  expect(both()).toEqual(['demo/post', 'demo/post/index.js'])
})
