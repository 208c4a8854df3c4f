import { expect, test } from '@jest/globals'
import { goCommand, goPackage, installCommand, namespaceCommand, type System } from '../../sandbox/advice.ts'

const system = (how: Partial<Omit<System, 'has' | 'read'>> & { has?: string[]; files?: Record<string, string> } = {}): System => ({
  root: how.root ?? false,
  arch: how.arch ?? 'x64',
  has: (command) => (how.has ?? ['apt-get', 'curl']).includes(command),
  read: (path) => how.files?.[path] ?? '',
})

test.each([
  [{}, 'sudo apt-get install --yes iptables'],
  [{ root: true }, 'apt-get install --yes iptables'],
  [{ has: ['dnf', 'yum'] }, 'sudo dnf install -y iptables'],
  [{ root: true, has: ['apk'] }, 'apk add iptables'],
  [{ has: [] }, "(with this system's package manager) install iptables"],
])('on %j packages come by %j', (how, command) => {
  expect(installCommand(['iptables'], system(how))).toBe(command)
})

test('Go comes as its own archive, of this machine, to where its owner may write', () => {
  expect(goCommand('go1.26.8', system({ root: true }))).toBe(
    'rm -rf /usr/local/go && mkdir -p /usr/local && curl -fsSL https://go.dev/dl/go1.26.8.linux-amd64.tar.gz | tar -xz -C /usr/local',
  )
  expect(goCommand('go1.26.8', system({ arch: 'arm64' }))).toMatch(/linux-arm64\.tar\.gz \| tar -xz -C ~\/\.local$/)
  expect(goCommand('go1.26.8', system({ has: ['wget'] }))).toMatch(/&& wget -qO- https:/)
})

test.each([
  ['Debian 12', '  Candidate: 2:1.19~1\n', 'golang-1.19-go - Go compiler\n', undefined],
  ['Debian 13', '  Installed: (none)\n  Candidate: 2:1.24~2\n  Version table:\n', 'golang-1.24-go - x\n', 'golang-go'],
  [
    'Ubuntu 22.04',
    '  Candidate: 2:1.18~0ubuntu2\n',
    'golang-1.9-go - x\ngolang-1.23-go - x\ngolang-1.21-go - x\ngolang-1.99-doc - x\n',
    'golang-1.23-go',
  ],
  ['one without Go', '', '', undefined],
  ['one that names it only', '  Candidate: (none)\n', '', undefined],
])('%s has a Go that serves in the right package', (_, policy, search, name) => {
  expect(goPackage(policy, search)).toBe(name)
})

test('the setting that forbids user namespaces is the one to change', () => {
  const set = (name: string, value: string) => system({ files: { [`/proc/sys/${name}`]: value } })
  expect(namespaceCommand(set('kernel/apparmor_restrict_unprivileged_userns', '1'))).toBe(
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  )
  expect(namespaceCommand(set('kernel/unprivileged_userns_clone', '0'))).toBe('sudo sysctl -w kernel.unprivileged_userns_clone=1')
  expect(namespaceCommand(set('user/max_user_namespaces', '0'))).toBe('sudo sysctl -w user.max_user_namespaces=15000')
  expect(namespaceCommand(set('user/max_user_namespaces', '63000'))).toMatch(/^sudo --preserve-env=PATH npm run/)
  expect(namespaceCommand(system({ root: true }))).toMatch(/--privileged/)
})
