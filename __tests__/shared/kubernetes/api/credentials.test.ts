import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { kubeconfigCredentials, loadKubeconfig } from '../../../../actions/shared/kubernetes/api/credentials.ts'
import { CredentialError } from '../../../../actions/shared/kubernetes/api/permanent.ts'
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
  loadKubeconfig({ kubeconfig, environment: {}, mask: () => undefined, ...more })

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
  [
    'a path to nothing',
    join(folder, 'nowhere'),
    /neither a file that is there nor the text of a kubeconfig, but \d+ characters that begin with "\/tmp"$/,
  ],
  ['a folder', folder, /a folder is there/],
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

const user = (of: object) => text({ users: [{ name: 'me', user: of }] })
/** Loads with a record of what was masked. */
function masking(kubeconfig: string, more: Partial<Parameters<typeof loadKubeconfig>[0]> = {}) {
  const masked: string[] = []
  const loaded = loadKubeconfig({ kubeconfig, environment: {}, mask: (secret) => masked.push(secret), ...more })
  return { masked, kubeconfig: loaded, credentials: kubeconfigCredentials(loaded, new TestClock()) }
}
const basic = Buffer.from('bob:hunter22').toString('base64')
const keyData = Buffer.from('-----BEGIN PRIVATE KEY-----\nabc\n').toString('base64')

test.each<[string, object, string[]]>([
  ['a token', { token: 'sesame-1' }, ['sesame-1']],
  ['basic credentials', { username: 'bob', password: 'hunter22' }, ['hunter22', basic]],
  ['a key', { 'client-certificate-data': 'x', 'client-key-data': keyData }, [keyData, '-----BEGIN PRIVATE KEY-----\nabc\n']],
  [
    'an OIDC provider',
    { 'auth-provider': { name: 'oidc', config: { 'id-token': 'i', 'refresh-token': 'r', 'client-secret': 's', 'client-id': 'c' } } },
    ['i', 'r', 's'],
  ],
])('%s of a kubeconfig is masked when it is loaded', (_, of, secrets) => {
  expect(masking(user(of)).masked).toEqual(secrets)
})

test('the password of a proxy is masked', () => {
  const proxied = { name: 'one', cluster: { server: 'https://one.example', 'proxy-url': 'http://me:pw-1@proxy.example:3128' } }
  expect(masking(text({ clusters: [proxied] })).masked).toContain('pw-1')
})

test.each(['tokenFile', 'token-file'])(
  'a %s is read, relative to the kubeconfig, without the space around it, masked, and read again',
  async (field) => {
    const path = join(folder, `by-${field}`)
    writeFileSync(
      path,
      user({ [field]: './secret', as: 'root', 'as-groups': ['a', 'b'], 'as-uid': '7', 'as-user-extra': { 'x/y': ['1', '2'] } }),
    )
    writeFileSync(join(folder, 'secret'), 'sesame-2\n')
    const { credentials, masked } = masking(path)
    expect((await credentials.current()).headers).toEqual({
      Authorization: 'Bearer sesame-2',
      'Impersonate-User': 'root',
      'Impersonate-Uid': '7',
      'Impersonate-Group': ['a', 'b'],
      'Impersonate-Extra-x%2Fy': ['1', '2'],
    })
    expect(masked).toEqual(['sesame-2'])
    writeFileSync(join(folder, 'secret'), 'sesame-3')
    await credentials.renew()
    expect((await credentials.current()).headers).toMatchObject({ Authorization: 'Bearer sesame-3' })
    expect(masked).toContain('sesame-3')
  },
)

const pem = (kind: string, body = 'abc') => Buffer.from(`-----BEGIN ${kind}-----\n${body}\n-----END ${kind}-----\n`).toString('base64')
const locked = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
}).privateKey
test.each<[string, object, RegExp]>([
  ['a token file that is not there', { tokenFile: join(folder, 'none') }, /tokenFile|token cannot be read: ENOENT/],
  ['an empty token file', { tokenFile: '/dev/null' }, /is empty or holds characters/],
  ['a token of two lines', { token: 'a\nb' }, /is empty or holds characters/],
  ['half a pair', { 'client-key-data': pem('PRIVATE KEY') }, /only one of client-certificate and client-key/],
  ['a broken pair', { 'client-certificate-data': pem('CERTIFICATE'), 'client-key-data': pem('PRIVATE KEY') }, /not a pair/],
  [
    'an encrypted key',
    { 'client-certificate-data': pem('CERTIFICATE'), 'client-key-data': Buffer.from(locked).toString('base64') },
    /client-key that is encrypted.+decrypt it/,
  ],
  ['groups without a user', { token: 'x', 'as-groups': ['a'] }, /give as$/],
  [
    'an OIDC provider without a token',
    { 'auth-provider': { name: 'oidc', config: { 'client-id': 'x' } } },
    /id-token of user "me" is missing or has expired/,
  ],
])('%s is a fault of the kubeconfig that stays', async (_, of, words) => {
  const error = await masking(user(of))
    .credentials.current()
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(CredentialError)
  expect((error as Error).message).toMatch(words)
})

test.each<[string, object, RegExp]>([
  ['gcp', { 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/sh' } } }, /auth-provider gcp.+gke-gcloud-auth-plugin/],
  ['azure', { 'auth-provider': { name: 'azure' } }, /auth-provider azure.+kubelogin/],
  [
    'another provider',
    { 'auth-provider': { name: 'constructor', config: { exec: { command: 'sh' } } } },
    /auth-provider that is not known/,
  ],
  ['a number as token', { token: 123 }, /token of "me" is no text; put it in quotes/],
  ['exec and a provider', { exec: { command: 'x' }, 'auth-provider': { name: 'oidc' } }, /both exec and auth-provider/],
])('a user with %s is refused when it is loaded', (_, of, words) => {
  expect(() => load(user(of))).toThrow(words)
})

test.each<[string, object, RegExp]>([
  [
    'data that is no certificate',
    { 'certificate-authority-data': 'c2VjcmV0' },
    /certificate-authority-data of cluster one holds no certificate/,
  ],
  ['a user in the server', { server: 'https://me:pw@one.example' }, /holds a user/],
  ['an FTP proxy', { 'proxy-url': 'ftp://proxy.example' }, /proxy of cluster one is no URL of http/],
])('a cluster with %s is refused when it is loaded', (_, of, words) => {
  expect(() => load(text({ clusters: [{ name: 'one', cluster: { server: 'https://one.example', ...of } }] }))).toThrow(words)
})

test.each([
  'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl',
  'apiVersion: v1\\nkind: Config\\nusers: [{token: c2VjcmV0}]',
  'A'.repeat(300),
])('what is no file is told by its length and its first letters: %s', (given) => {
  const read = () => load(given)
  expect(read).toThrow(`but ${given.length} characters that begin with "${given.slice(0, 4)}"; it `)
  expect(read).not.toThrow(given.slice(0, 6))
})

test('of several files in $KUBECONFIG the first that has an entry counts; those that are not there are passed over', () => {
  const [one, two] = ['first', 'second'].map((name) => join(folder, name)) as [string, string]
  writeFileSync(one, user({ token: 'of-one' }))
  writeFileSync(two, text({ users: [{ name: 'me', user: { token: 'of-two' } }], 'current-context': 'second' }))
  const masked: string[] = []
  const from = (KUBECONFIG: string) => loadKubeconfig({ environment: { KUBECONFIG }, mask: (secret) => masked.push(secret) })
  expect(from(`${folder}/none:${one}:${two}`).getCurrentContext()).toBe('first')
  expect(masked).toEqual(['of-one'])
  expect(() => from(`${folder}/none`)).toThrow(/^\$KUBECONFIG names no file that is there: .*none$/)
  expect(() => loadKubeconfig({ environment: { HOME: folder }, mask: () => undefined })).toThrow(/^there is no kubeconfig/)
})
