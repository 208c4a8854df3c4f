import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { CHECKOUT, checkoutKey, clusterDirectory, DIRECTORY_VARIABLE } from '../../sandbox/checkout.ts'
import { type Cluster, endFolder, type Image, openCluster } from '../../sandbox/cluster.ts'
import { exampleImages } from '../../sandbox/images.ts'

let folder: string
const outer = process.env[DIRECTORY_VARIABLE]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cluster-'))
  delete process.env[DIRECTORY_VARIABLE]
})
afterEach(() => {
  rmSync(folder, { recursive: true })
  if (outer === undefined) delete process.env[DIRECTORY_VARIABLE]
  else process.env[DIRECTORY_VARIABLE] = outer
})

test('a cluster lies in a folder of its user, one that is begun inside another beside that', () => {
  const own = clusterDirectory('default')
  expect(dirname(dirname(own))).toBe(tmpdir())
  expect(basename(dirname(own))).toMatch(/^devops-actions-\d+$/)
  process.env[DIRECTORY_VARIABLE] = join(folder, 'outer')
  expect(clusterDirectory('inner')).toBe(join(folder, `${checkoutKey(CHECKOUT)}inner`))
})

test.each([
  ['nothing', undefined],
  ['half a description', '{"event":"ready",'],
  ['the description of one that is gone', '{"event":"ready","dir":"x","pid":1}'],
])('a folder with %s is no cluster', async (_, description) => {
  if (description) writeFileSync(join(folder, 'cluster.json'), description)
  expect(await openCluster(folder)).toBeUndefined()
  process.env[DIRECTORY_VARIABLE] = folder
  expect(await openCluster()).toBeUndefined()
})

test('the example comes in five versions of one program, more and misbehaving ones as asked for', async () => {
  const pushed = new Map<string, Image>()
  const cluster: Pick<Cluster, 'addImage'> = {
    addImage: async (reference, image) => {
      pushed.set(reference, image)
      return `sha256:${pushed.size}`
    },
  }
  const digests = await exampleImages(cluster as Cluster, { v2: { ERROR_RATE: '0.3' }, slow: { VERSION: 'other' } })
  expect(Object.keys(digests)).toEqual(['v1', 'v2', 'v3', 'v4', 'v5', 'slow'])
  expect(new Set([...pushed.values()].map(({ command }) => command.join(' '))).size).toBe(1)
  const env = (tag: string) => pushed.get(`registry.example/backend:${tag}`)?.env
  expect([env('v1'), env('v2'), env('slow')]).toEqual([{ VERSION: 'v1' }, { VERSION: 'v2', ERROR_RATE: '0.3' }, { VERSION: 'other' }])
})

test('a folder that nobody holds is removed, one that is not there is no matter', async () => {
  const dir = join(folder, 'crashed')
  mkdirSync(join(dir, 'log'), { recursive: true })
  // The number was given to another process meanwhile, which must be left alone.
  const other = spawn('sleep', ['1000'])
  const ended = once(other, 'exit')
  writeFileSync(join(dir, 'cluster.json'), JSON.stringify({ event: 'ready', dir, pid: other.pid }))
  await endFolder(dir)
  expect(existsSync(dir)).toBe(false)
  other.kill('SIGTERM')
  expect(await ended).toEqual([null, 'SIGTERM'])
  await endFolder(dir)
})
