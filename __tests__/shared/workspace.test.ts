import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { filesBeside, placeInside, readInside } from '../../actions/shared/workspace.ts'

const folder = mkdtempSync(join(tmpdir(), 'workspace-'))
const workspace = join(folder, 'work')
mkdirSync(join(workspace, 'deep', '..name'), { recursive: true })
mkdirSync(join(folder, 'work-2'))
writeFileSync(join(folder, 'secret'), 'out')
writeFileSync(join(folder, 'work-2', 'secret'), 'out')
writeFileSync(join(workspace, 'a.txt'), 'in')
writeFileSync(join(workspace, 'deep', '..name', 'b.txt'), 'deep')
writeFileSync(join(workspace, 'large'), Buffer.alloc(4 * 2 ** 20 + 1))
symlinkSync('a.txt', join(workspace, 'inside'))
symlinkSync('../secret', join(workspace, 'outside'))
symlinkSync('..', join(workspace, 'up'))
symlinkSync('../nowhere', join(workspace, 'dangling'))
symlinkSync('work', join(folder, 'link'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.each([
  ['a folder', workspace],
  ['a link to one', join(folder, 'link')],
])('a workspace that is %s', (_, root) => {
  test.each([
    ['a.txt', 'in'],
    ['./deep/../a.txt', 'in'],
    ['deep/..name/b.txt', 'deep'],
    ['inside', 'in'],
    [join(workspace, 'a.txt'), 'in'],
  ])('%s is read', (path, content) => {
    expect(readInside(path, root)).toBe(content)
  })

  test.each(['../secret', '../work-2/secret', 'outside', 'up/secret', 'up', '..', join(folder, 'secret'), '/etc/passwd'])(
    '%s is neither read nor written',
    (path) => {
      expect(() => readInside(path, root)).toThrow(`${path} is outside of the workspace`)
      expect(() => placeInside(path, root)).toThrow(`${path} is outside of the workspace`)
    },
  )

  test('what is not there yet has its place, unless the way there leads out', () => {
    expect(placeInside('new/deep/report.xml', root)).toBe(join(root, 'new/deep/report.xml'))
    for (const path of ['new/../../report.xml', '../new/report.xml', 'up/new/report.xml'])
      expect(() => placeInside(path, root)).toThrow(`${path} is outside of the workspace`)
    expect(() => placeInside('dangling', root)).toThrow('ENOENT')
  })

  test.each([
    ['gone', 'gone is not there'],
    ['deep', 'deep is no file'],
    ['large', 'large is larger than 4194304 bytes'],
  ])('%s is refused', (path, message) => {
    expect(() => readInside(path, root)).toThrow(message)
  })

  test('files beside one', () => {
    expect(filesBeside('deep/suite.yaml', root)('..name/b.txt')).toBe('deep')
    expect(() => filesBeside('deep/suite.yaml', root)('../../secret')).toThrow('outside of the workspace')
  })
})

test('all of a machine may be the workspace', () => {
  expect(placeInside('/tmp', '/')).toBe('/tmp')
})
