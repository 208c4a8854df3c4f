import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { aboutThis, CHECKOUT, checkoutKey, clusterDirectory, clusterFolders, DIRECTORY_VARIABLE, sayOwner } from '../../sandbox/checkout.ts'
import { fateOf, isLeft } from '../../sandbox/down.ts'

let folder: string
const outer = process.env[DIRECTORY_VARIABLE]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkout-'))
  process.env[DIRECTORY_VARIABLE] = join(folder, 'outer')
})
afterEach(() => {
  rmSync(folder, { recursive: true })
  if (outer === undefined) delete process.env[DIRECTORY_VARIABLE]
  else process.env[DIRECTORY_VARIABLE] = outer
})

test('two checkouts have two keys, one has one, short enough for a socket below it', () => {
  expect(checkoutKey('/src/a')).not.toBe(checkoutKey('/src/b'))
  expect(checkoutKey('/src/a')).toBe(checkoutKey('/src/a'))
  expect(checkoutKey(`/src/${'deep/'.repeat(50)}`)).toMatch(/^[0-9a-f]{8}-$/)
})

test('the folders of a checkout are its own alone', () => {
  expect(clusterFolders()).toEqual([])
  const other = join(folder, `${checkoutKey('/src/other')}default`)
  for (const dir of [clusterDirectory('default'), other]) mkdirSync(dir)
  expect(clusterFolders(CHECKOUT)).toEqual([clusterDirectory('default')])
  expect(clusterFolders('/src/other')).toEqual([other])
  expect(clusterFolders()).toHaveLength(2)
})

test('a cluster is told with its checkout, its beginner and its age', () => {
  const about = { checkout: '/src/shop', by: 'up' }
  const now = Date.parse('2026-11-27T14:15:10Z')
  expect(sayOwner(about, '2026-11-27T14:03:10Z', now)).toBe('of /src/shop, begun by up, since 2026-11-27 14:03:10 UTC (12 min)')
  expect(sayOwner(about, '2026-11-26T14:03:10Z', now)).toMatch(/\(24 h\)$/)
  expect(sayOwner(about, 'long ago', now)).toBe('of /src/shop, begun by up')
  expect(sayOwner(undefined, undefined, now)).toBe('of an unknown checkout')
})

test('a script is named without its arguments', () => {
  const { argv } = process
  process.argv = ['node', join(CHECKOUT, 'scripts/demo.ts'), 'token=secret']
  try {
    expect(aboutThis()).toEqual({ checkout: CHECKOUT, by: join('scripts', 'demo.ts') })
    expect(aboutThis('up').by).toBe('up')
  } finally {
    process.argv = argv
  }
})

test('down stops what up and run began and the cluster around it, leaves those of scripts and those that start, and clears what is dead', () => {
  const by = (name: string) => ({ about: { checkout: CHECKOUT, by: name } })
  expect(fateOf('/c/1', undefined, by('up'), false)).toBe('stop')
  expect(fateOf('/c/1', undefined, by('run'), false)).toBe('stop')
  expect(fateOf('/c/1', '/c/2', by('scripts/demo.ts'), false)).toBe('leave')
  expect(fateOf('/c/1', '/c/1', by('scripts/demo.ts'), false)).toBe('stop')
  expect(fateOf('/c/1', undefined, { about: undefined }, false)).toBe('leave')
  expect(fateOf('/c/1', undefined, undefined, true)).toBe('leave')
  expect(fateOf('/c/1', undefined, undefined, false)).toBe('clear')
})

test('a command is left when its cluster was of this checkout and is gone', () => {
  const own = `/c/${checkoutKey(CHECKOUT)}c-1`
  const gone = () => false
  expect(isLeft(own, '/c', gone)).toBe(true)
  expect(isLeft(own, '/c', (path) => path === own)).toBe(false)
  expect(isLeft(`/c/${checkoutKey('/src/other')}c-1`, '/c', gone)).toBe(false)
  expect(isLeft(own, '/d', gone)).toBe(false)
})
