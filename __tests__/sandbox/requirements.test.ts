import { expect, test } from '@jest/globals'
import { type Machine, missing, onPath } from '../../sandbox/requirements.ts'

const complete: Machine = { platform: 'linux', root: false, has: () => true, go: () => true, userNamespaces: () => true }
const what = (machine: Partial<Machine>) => missing({ ...complete, ...machine }).map((m) => m.what)

test('nothing is missing on a complete machine', () => {
  expect(what({})).toEqual([])
})

test('each thing that is missing is named, with the package that brings it', () => {
  expect(missing({ ...complete, has: (c) => c !== 'iptables' })).toMatchObject([{ what: 'iptables', packages: ['iptables'] }])
  expect(missing({ ...complete, has: (c) => c !== 'flock' })).toMatchObject([{ packages: ['util-linux'] }])
  expect(what({ go: () => false })).toEqual(['Go 1.26 or later'])
  expect(what({ has: (c) => c !== 'go' })).toEqual(['Go 1.26 or later'])
})

test('root needs no user namespaces', () => {
  expect(what({ userNamespaces: () => false })).toEqual(['user namespaces'])
  expect(what({ userNamespaces: () => false, root: true })).toEqual([])
})

test('elsewhere than on Linux another cluster serves', () => {
  expect(() => what({ platform: 'darwin' })).toThrow(/needs Linux \(this is darwin\).*KUBECONFIG/)
})

test('a command is looked for on PATH', () => {
  expect(onPath('sh', '/usr/bin:/bin')).toBe(true)
  expect(onPath('no-such-command', '/usr/bin')).toBe(false)
})
