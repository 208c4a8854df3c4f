import { expect, test } from '@jest/globals'
import type { GoNeeds } from '../../sandbox/go.ts'
import { describeMissing, type Machine, missing, onPath } from '../../sandbox/requirements.ts'

const needs: GoNeeds = { language: [1, 26, 0], toolchain: 'go1.26.8' }
const complete: Machine = {
  platform: 'linux',
  arch: 'x64',
  root: false,
  has: () => true,
  read: () => '',
  gos: [{ path: '/go/bin/go', version: [1, 21, 0] }],
  namespaces: () => true,
}
const what = (machine: Partial<Machine>) => missing({ ...complete, ...machine }, needs).map((m) => m.what)
const without = (absent: string) => ({ has: (command: string) => command !== absent })

test('nothing is missing on a complete machine', () => {
  expect(what({})).toEqual([])
})

test.each(['nsenter', 'flock', 'setpriv', 'unshare'])('%s comes with util-linux', (command) => {
  expect(missing({ ...complete, ...without(command), namespaces: () => command !== 'unshare' }, needs)).toMatchObject([
    { what: command, packages: ['util-linux'], command: 'sudo apt-get install --yes util-linux' },
  ])
})

test('iptables comes with a package of that name', () => {
  expect(missing({ ...complete, ...without('iptables') }, needs)).toMatchObject([{ what: 'iptables', packages: ['iptables'] }])
})

test('a Go that is missing or too old is told with what was found, what is accepted, and the command', () => {
  const say = (gos: Machine['gos']) => describeMissing(missing({ ...complete, gos }, needs))
  expect(say([])).toBe(`The sandbox cluster cannot start here; it lacks:
- Go. Found: none. Accepted: 1.21.0 or later; below 1.26.0 it fetches go1.26.8 by itself. Do:
    rm -rf ~/.local/go && mkdir -p ~/.local && curl -fsSL https://go.dev/dl/go1.26.8.linux-amd64.tar.gz | tar -xz -C ~/.local`)
  const found = say([
    { path: '/usr/bin/go', version: [1, 19, 8] },
    { path: '/opt/go', version: undefined },
  ])
  expect(found).toContain('Found: 1.19.8 (/usr/bin/go), one that does not say its version (/opt/go). Accepted')
})

test('an installation that failed says why', () => {
  const list = missing({ ...complete, ...without('iptables') }, needs)
  expect(describeMissing(list, 'E: Unable to locate package iptables')).toMatch(
    /\nInstalling failed: E: Unable to locate package iptables$/,
  )
  expect(describeMissing(list)).not.toContain('Installing')
})

test('namespaces are needed: of users, and for root the right to make any', () => {
  expect(what({ namespaces: () => false })).toEqual(['user namespaces'])
  expect(what({ namespaces: () => false, root: true })).toEqual(['the right to make namespaces (CAP_SYS_ADMIN)'])
})

test('elsewhere than on Linux another cluster serves', () => {
  expect(() => what({ platform: 'darwin' })).toThrow(/needs Linux \(this is darwin\).*KUBECONFIG/)
})

test('a command is looked for on PATH', () => {
  expect(onPath('sh', '/usr/bin:/bin')).toBe(true)
  expect(onPath('no-such-command', '/usr/bin')).toBe(false)
})
