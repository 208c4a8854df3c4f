// Plugins are real child processes here: what ends them, and what they are told, is the point.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from '@jest/globals'
import { kubeconfigCredentials, loadKubeconfig } from '../../../../actions/shared/kubernetes/api/credentials.ts'
import { CredentialError } from '../../../../actions/shared/kubernetes/api/permanent.ts'
import { TestClock } from '../../../support/clock.ts'

const folder = mkdtempSync(join(tmpdir(), 'plugin-'))
afterAll(() => rmSync(folder, { recursive: true }))

const V1 = 'client.authentication.k8s.io/v1'
const answer = (status: object, apiVersion = V1) => JSON.stringify({ kind: 'ExecCredential', apiVersion, status })

/** The credentials of a kubeconfig in a file beside the plugin, whose user has this exec. */
function open(exec: object, more: { timeout?: number; signal?: AbortSignal; environment?: Record<string, string> } = {}) {
  const path = join(folder, 'config')
  const cluster = {
    server: 'https://one.example:6443',
    'tls-server-name': 'api',
    extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }],
  }
  writeFileSync(
    path,
    JSON.stringify({
      clusters: [{ name: 'one', cluster }],
      users: [{ name: 'me', user: { exec: { apiVersion: V1, interactiveMode: 'Never', ...exec } } }],
      contexts: [{ name: 'c', context: { cluster: 'one', user: 'me' } }],
      'current-context': 'c',
    }),
  )
  const masked: string[] = []
  const environment = { PATH: process.env.PATH ?? '', INPUT_SECRET: 'hidden', GITHUB_ENV: '/x', KEPT: 'yes', ...more.environment }
  const kubeconfig = loadKubeconfig({ kubeconfig: path, mask: (secret) => masked.push(secret), ...more, environment })
  return { kubeconfig, masked, credentials: kubeconfigCredentials(kubeconfig, new TestClock()) }
}
const script = (lines: string, more: object = {}) => ({ command: 'sh', args: ['-c', lines], ...more })
const failure = async (work: Promise<unknown>): Promise<Error> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(CredentialError)
  return error as Error
}

test('a plugin beside the kubeconfig is told what kubectl tells it, and nothing of the inputs; its token is masked', async () => {
  const seen = join(folder, 'seen')
  writeFileSync(join(folder, 'plugin.sh'), `#!/bin/sh\nenv > ${seen}\necho '${answer({ token: 'sesame' })}'\n`)
  chmodSync(join(folder, 'plugin.sh'), 0o755)
  const { credentials, masked } = open({ command: './plugin.sh', provideClusterInfo: true, env: [{ name: 'OWN', value: 'x' }] })
  expect((await credentials.current()).headers).toEqual({ Authorization: 'Bearer sesame' })
  expect(masked).toContain('sesame')
  const lines = readFileSync(seen, 'utf8').split('\n')
  expect(lines).toEqual(expect.arrayContaining(['OWN=x', 'KEPT=yes']))
  expect(lines.join()).not.toMatch(/INPUT_SECRET|GITHUB_ENV/)
  const info = lines.find((line) => line.startsWith('KUBERNETES_EXEC_INFO='))?.replace('KUBERNETES_EXEC_INFO=', '') ?? ''
  expect(JSON.parse(info)).toEqual({
    kind: 'ExecCredential',
    apiVersion: V1,
    spec: { interactive: false, cluster: { server: 'https://one.example:6443', 'tls-server-name': 'api', config: { audience: 'a' } } },
  })
})

test('a plugin is asked once by calls at the same time, again at renew, and when its credentials have ended', async () => {
  const count = join(folder, 'count')
  const ask = (more: object) => script(`echo x >> ${count}; echo '${answer({ token: 't', ...more })}'`)
  const times = () => (existsSync(count) ? readFileSync(count, 'utf8').trim().split('\n').length : 0)
  const { credentials } = open(ask({}))
  await Promise.all([credentials.current(), credentials.current()])
  await credentials.current()
  expect(times()).toBe(1)
  await Promise.all([credentials.renew(), credentials.renew()])
  expect(times()).toBe(2)
  const ended = open(ask({ expirationTimestamp: '2020-01-01T00:00:00Z' })).credentials
  await ended.current()
  await ended.current()
  expect(times()).toBe(4)
})

const SECRET = 'sesame-secret-0123456789'
test.each<[string, object, RegExp]>([
  ['is not there', { command: 'no-such-plugin', installHint: 'get it from x' }, /"no-such-plugin" is not there \(ENOENT\): get it from x$/],
  ['fails', script(`echo ${SECRET} >&2; echo ${SECRET}; exit 3`), /failed with exit code 3/],
  ['ends by a signal', script('kill -9 $$'), /failed with SIGKILL/],
  ['says nothing', script('true'), /answers with nothing$/],
  ['says no JSON', script(`echo ${SECRET}`), /something that is not JSON$/],
  ['says something else', script(`echo '{"token":"${SECRET}"}'`), /does not answer with an ExecCredential/],
  [
    'says another version',
    script(`echo '${answer({ token: SECRET }, 'client.authentication.k8s.io/v1alpha1')}'`),
    /does not answer in .+\/v1,/,
  ],
  ['gives nothing', script(`echo '${answer({})}'`), /neither a token nor a certificate/],
  ['gives a number', script(`echo '${answer({ token: 7 })}'`), /token that is no text/],
  ['gives a token of two words', script(`echo '${answer({ token: `${SECRET} x` })}'`), /token that no header can carry/],
  ['gives half a pair', script(`echo '${answer({ clientKeyData: SECRET })}'`), /only one of certificate and key/],
  ['gives a broken pair', script(`echo '${answer({ clientKeyData: SECRET, clientCertificateData: 'x' })}'`), /not PEM, or not a pair/],
  ['gives no time', script(`echo '${answer({ token: SECRET, expirationTimestamp: 'soon' })}'`), /expirationTimestamp that is no time/],
  ['floods', script('yes'), /answers with more than 1048576 bytes/],
])('a plugin that %s is an error that quotes nothing of it', async (_, exec, words) => {
  const error = await failure(open(exec).credentials.current())
  expect(error.message).toMatch(/^the kubeconfig's exec plugin/)
  expect(error.message).toMatch(words)
  expect(error.message).not.toContain(SECRET)
})

test.each<[string, object, RegExp]>([
  ['no command', {}, /names no command/],
  [
    'a version of before',
    { command: 'x', apiVersion: 'client.authentication.k8s.io/v1alpha1' },
    /v1alpha1"; .+\/v1 and .+\/v1beta1 are possible/,
  ],
  ['a wish to ask somebody', { command: 'x', interactiveMode: 'Always' }, /nobody is there/],
  ['no mode', { command: 'x', interactiveMode: undefined }, /needs interactiveMode/],
  ['odd arguments', { command: 'x', args: [7] }, /args that are no list of texts/],
  ['odd variables', { command: 'x', env: [{ name: 'A=B', value: 'x' }] }, /env that is no list of name and value/],
])('an exec with %s is refused before anything is started', (_, exec, words) => {
  expect(() => open(exec)).toThrow(words)
})

test('a plugin that hangs ends at its deadline with all that it has started, and at once with the run', async () => {
  const mark = join(folder, 'alive')
  // The child of a shell holds the pipe, and would go on.
  const hangs = script(`(while sleep 0.05; do echo x >> ${mark}; done) & wait`)
  const { credentials } = open(hangs, { timeout: 200 })
  expect((await failure(credentials.current())).message).toMatch(/gave no answer within 200ms$/)
  const size = () => (existsSync(mark) ? readFileSync(mark).length : 0)
  const then = size()
  await sleep(200)
  expect(size()).toBe(then)
  const stop = new AbortController()
  const waiting = open(hangs, { signal: stop.signal }).credentials.current()
  stop.abort(new Error('cancelled'))
  await expect(waiting).rejects.toThrow('cancelled')
})

test('a stream through the cluster has the same credentials', async () => {
  const { kubeconfig } = open(script(`echo '${answer({ token: 'sesame' })}'`))
  const options: RequestOptions = {}
  await kubeconfig.applyToHTTPSOptions(options)
  expect(options.headers).toEqual({ Authorization: 'Bearer sesame' })
})
