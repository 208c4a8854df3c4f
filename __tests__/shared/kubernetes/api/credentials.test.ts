import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { kubeconfigCredentials, loadKubeconfig } from '../../../../actions/shared/kubernetes/api/credentials.ts'
import { TestClock } from '../../../support/clock.ts'

const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
afterAll(() => rmSync(folder, { recursive: true }))

const config = (change: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    { name: 'one', cluster: { server: 'https://one.example:6443' } },
    { name: 'two', cluster: { server: 'https://two.example:6443', 'proxy-url': 'http://own.example:3128' } },
  ],
  users: [{ name: 'me', user: { token: 'sesame' } }],
  contexts: [
    { name: 'first', context: { cluster: 'one', user: 'me', namespace: 'shop' } },
    { name: 'second', context: { cluster: 'two', user: 'me' } },
  ],
  'current-context': 'first',
  ...change,
})
const text = (change?: Record<string, unknown>) => JSON.stringify(config(change))
const load = (kubeconfig: string, more: { context?: string; environment?: Record<string, string> } = {}) =>
  loadKubeconfig({ kubeconfig, environment: {}, ...more })

test('a kubeconfig is a path or the text itself; its context is the current one or the one that is named', () => {
  const path = join(folder, 'config')
  writeFileSync(path, text())
  for (const from of [path, text(), JSON.stringify(config(), null, 1)]) {
    expect(load(from).getCurrentCluster()?.server).toBe('https://one.example:6443')
    expect(load(from, { context: 'second' }).getCurrentCluster()?.server).toBe('https://two.example:6443')
  }
})

const secret = 'c2VjcmV0'
test.each([
  ['a path to nothing', join(folder, 'nowhere'), /cannot be read: ENOENT.*nowhere/],
  ['a folder', folder, /cannot be read: .* is no file of at most/],
  ['broken YAML', `users:\n - {token: ${secret}`, /cannot be read: it is not YAML or JSON of a kubeconfig$/],
  ['YAML of something else', `token: ${secret}\nkind: Secret\n`, /kubeconfig/],
  ['a list of wrong things', text({ clusters: [{ name: 'one' }] }), /kubeconfig/],
  ['no cluster for its context', text({ clusters: [] }), /names no cluster for its current context/],
  ['no current context', text({ 'current-context': '' }), /names no cluster for its current context/],
  ['a server that is no URL', text({ clusters: [{ name: 'one', cluster: { server: 'one.example' } }] }), /server of cluster one is no URL/],
])('%s is an error that shows no secret', (_, kubeconfig, message) => {
  let error: unknown
  try {
    load(kubeconfig)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ message: expect.stringMatching(message) })
  expect(`${(error as Error).message} ${String((error as Error).cause)}`).not.toContain(secret)
})

test('an unknown context is an error that names those there are', () => {
  expect(() => load(text(), { context: 'third' })).toThrow('the kubeconfig has no context "third"; it has first, second')
})

test('the proxy of the environment serves a cluster that has none of its own', () => {
  const environment = { https_proxy: 'http://proxy.example:3128', no_proxy: '' }
  expect(load(text(), { environment }).getCurrentCluster()?.proxyUrl).toBe('http://proxy.example:3128')
  expect(load(text(), { environment, context: 'second' }).getCurrentCluster()?.proxyUrl).toBe('http://own.example:3128')
  expect(load(text()).getCurrentCluster()?.proxyUrl).toBeUndefined()
})

test('credentials are asked for again after a while on the same connections, and on new ones when the API server refuses them', async () => {
  const path = join(folder, 'token')
  writeFileSync(path, 'first')
  const clock = new TestClock()
  const kubeconfig = load(text({ users: [{ name: 'me', user: { 'auth-provider': { name: 'file', config: { tokenFile: path } } } }] }))
  const credentials = kubeconfigCredentials(kubeconfig, clock)
  const before = await credentials.current()
  expect(before).toMatchObject({ server: 'https://one.example:6443', headers: { Authorization: 'Bearer first' } })
  expect(await credentials.current()).toBe(before)
  await clock.sleep(30_000)
  const later = await credentials.current()
  expect(later).not.toBe(before)
  expect(later.dispatcher).toBe(before.dispatcher)
  await credentials.renew()
  const renewed = await credentials.current()
  expect(renewed.dispatcher).not.toBe(before.dispatcher)
  expect(renewed.headers).toEqual({ Authorization: 'Bearer first' })
  await renewed.dispatcher.close()
  await expect(before.dispatcher.close()).rejects.toThrow('destroyed') // it was closed when it was replaced
})
