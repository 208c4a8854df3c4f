// Where things come from: files, folders and globs that are not what they seem, kubeconfigs that are none, servers that lie.
import { cp, mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { release } from './hostile-manifests.ts'
import { MARK, type Refusal } from './hostile-values.ts'
import { EXAMPLE, root } from './world.ts'

const files: [source: string, ...says: RegExp[]][] = [
  ['../../../../../../etc/passwd', /etc\/passwd leads out of the workspace; only files inside/],
  ['../outside/release.yaml', /^manifests: \.\.\/outside\/release\.yaml leads out of the workspace/m],
  ['../outside/*.yaml', /leads out of the workspace/],
  ['../../etc/*', /leads out of the workspace/],
  ['{.,..}/outside/*.yaml', /outside\/release\.yaml leads out of the workspace/],
  ['{k8s,k8s/../../outside}/*.yaml', /outside\}\/\*\.yaml leads out of the workspace/],
  ['k8s/../../outside', /leads out of the workspace/],
  ['/etc/hosts', /\/etc\/hosts leads out of the workspace/],
  ['/dev/zero', /\/dev\/zero leads out of the workspace/],
  ['/proc/self/environ', /leads out of the workspace/],
  ['link', /^manifests: link leads out of the workspace/m],
  ['link/*.yaml', /link\/release\.yaml leads out of the workspace/],
  ['link.yaml', /^manifests: link\.yaml leads out of the workspace/m],
  ['*.link', /^manifests: file\.link leads out of the workspace/m],
  ['circle', /^manifests: circle cannot be read: its links lead in a circle/m],
  ['circle/*.yaml', /circle/],
  ['nowhere.yaml', /^manifests: nowhere\.yaml matches no file/m],
  ['no*where/**', /matches no file/],
  ['x'.repeat(5_000), /matches no file/],
  ['[', /matches no file/],
  ['{{{{', /matches no file/],
  ['empty', /^manifests: folder empty holds no \.yaml, \.yml or \.json file/m],
  ['empty.yaml', /^manifests: no Kubernetes object in empty\.yaml/m],
  ['binary', /^manifests: binary (is not UTF-8|holds NUL bytes); .*UTF-8 text is needed/m],
  ['utf16.yaml', /^manifests: utf16\.yaml is UTF-16; .*UTF-8 text is needed/m],
  ['latin1.yaml', /^manifests: latin1\.yaml is not UTF-8/m],
  ['large.yaml', /^manifests: 52428800 bytes up to large\.yaml; at most 8388608/m],
  [`::error::${MARK}`, /^manifests: ::error::HOSTILE matches no file/m],
  [`names/::error::${MARK}%0A.yaml`, /^manifests: names\/::error::HOSTILE%0A\.yaml, document 1: is a string/m],
  ['names/*older*', /^manifests: names\/# ?#\[error\]HOSTILE older\.yaml, document 1: is a string/m],
  ['names/*\u2028*', /document 1: is a string/],
  ['names', /document 1: is a string/],
]

/** Makes the workspace, beside a folder that is none of it. */
export async function furnishFolder(folder: string): Promise<string> {
  const workspace = join(folder, 'workspace')
  const content: Record<string, string | Buffer> = {
    'outside/release.yaml': release(),
    'workspace/empty/notes.txt': 'nothing',
    'workspace/empty.yaml': '',
    'workspace/binary': Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0xff]),
    'workspace/utf16.yaml': Buffer.from(`\ufeff${release()}`, 'utf16le'),
    'workspace/latin1.yaml': Buffer.from(`# Größe\n${release()}`, 'latin1'),
    'workspace/large.yaml': '#',
    [`workspace/names/::error::${MARK}%0A.yaml`]: MARK,
    [`workspace/names/##[error]${MARK} older.yaml`]: MARK,
    [`workspace/names/line\n::error::${MARK} newer.yaml`]: MARK,
    [`workspace/names/\u2028\u202e${MARK}.yaml`]: MARK,
  }
  for (const [path, text] of Object.entries(content)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await truncate(join(workspace, 'large.yaml'), 50 * 2 ** 20)
  await cp(join(root, EXAMPLE), join(workspace, 'k8s'), { recursive: true })
  for (const [link, to] of Object.entries({
    link: '../outside',
    'link.yaml': '../outside/release.yaml',
    'file.link': '../outside/release.yaml',
    circle: 'circle',
  }))
    await symlink(to, join(workspace, link))
  return workspace
}

/** A kubeconfig for a server; more for its cluster, user and context. */
export const kubeconfig = (server: unknown, cluster: object = {}, user: object = {}, context: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
    'current-context': 'x',
  })

const NOBODY = 'https://127.0.0.1:1'
const shout = `echo '::error::${MARK}'; echo '::error::${MARK}' >&2; echo '##[error]${MARK}' >&2; exit 1`

const kubeconfigs: [name: string, text: string, ...says: RegExp[]][] = [
  ['garbage', `a: [\n${MARK}\n{{{`, /kubeconfig cannot be read: it is not YAML or JSON/],
  ['a word', 'nowhere', /kubeconfig cannot be read: it is neither a file that is there .* but 7 characters/],
  ['a command', `::error::${MARK}`, /kubeconfig cannot be read: it is neither a file .* but 16 characters/],
  ['an empty map', '{}', /kubeconfig names no cluster for its current context/],
  ['a list', '[]\n[]', /kubeconfig/],
  ['wrong types', '{"clusters": 5, "contexts": [null], "users": "u"}', /kubeconfig cannot be read: it is not/],
  ['a billion laughs', `a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nclusters: [*c]`, /kubeconfig/],
  [
    'base64',
    Buffer.from(kubeconfig(NOBODY)).toString('base64'),
    /kubeconfig cannot be read: .*it looks like base64, which has to be decoded/,
  ],
  ['a folder', '/etc', /kubeconfig cannot be read: .*a folder is there, or something else that is no file/],
  ['a device without end', '/dev/zero', /kubeconfig cannot be read: .*something else that is no file/],
  ['a huge file', 'large.yaml', /kubeconfig cannot be read: large\.yaml is larger than 8388608 bytes/],
  ['a binary file', 'binary', /kubeconfig cannot be read: it is not YAML or JSON/],
  ['a server that is a file', kubeconfig('file:///etc/passwd'), /server of cluster c is file:\/\/; an https:\/\/ address is needed/],
  ['a server that is no address', kubeconfig('https://[::1'), /server of cluster c is no URL; an https:\/\/ address/],
  ['a server that is a number', kubeconfig(5), /kubeconfig's server of "c" is no text/],
  [
    'a server without encryption',
    kubeconfig('http://127.0.0.1:1'),
    /server of cluster c is http:\/\/127\.0\.0\.1:1; an https:\/\/ address/,
  ],
  ['a user that there is not', kubeconfig(NOBODY, {}, {}, { user: 'nobody' }), /kubeconfig has no user "nobody"/],
  [
    'a namespace that leads elsewhere',
    kubeconfig(NOBODY, {}, {}, { namespace: '..' }),
    /kubeconfig: the namespace of its context is '\.\.'/,
  ],
  ['a proxy that is none', kubeconfig(NOBODY, { 'proxy-url': MARK }), /proxy of cluster c is no URL/],
  [
    'a CA that is not there',
    kubeconfig(NOBODY, { 'certificate-authority': '/nowhere/ca' }),
    /kubeconfig's certificate-authority cannot be read: ENOENT.*\/nowhere\/ca/,
  ],
  [
    'a program that is not there',
    kubeconfig(
      NOBODY,
      {},
      { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/nowhere/login', interactiveMode: 'Never' } },
    ),
    /exec plugin "\/nowhere\/login" is not there/,
  ],
  [
    'a program that shouts',
    kubeconfig(
      NOBODY,
      {},
      { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/sh', args: ['-c', shout], interactiveMode: 'Never' } },
    ),
    /exec plugin "\/bin\/sh" failed with exit code 1/,
  ],
  ['nobody there', kubeconfig(NOBODY), /cannot \S+ .*ECONNREFUSED/],
]

const json =
  (body: unknown, status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const shouting = `no\n::error::${MARK}\n##[error]${MARK}\r::add-mask::backend`

/** What an API server never says; each is believed no more than it should. */
const LIARS: Record<string, { answer: RequestListener; says: RegExp }> = {
  'a page': {
    answer: (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(`<html>\n::error::${MARK}`),
    says: /cannot .* not JSON/,
  },
  'an empty object': { answer: json({}), says: /cannot .*the answer is not what was asked for/ },
  null: { answer: json(null), says: /cannot .*the answer is not what was asked for/ },
  'a list of nothing': {
    answer: json({ kind: 'List', items: [null], metadata: null }),
    says: /cannot .*the answer is not what was asked for/,
  },
  'another object': {
    answer: json({ kind: 'ConfigMap', metadata: { name: MARK }, status: { allowed: true }, resources: [], items: [] }),
    says: /cannot .*the answer is not what was asked for/,
  },
  'refusals that shout': {
    answer: json({ kind: 'Status', status: 'Failure', message: shouting, reason: 'Forbidden', code: 403 }, 403),
    says: /cannot .*403 no/,
  },
  'a redirect': {
    answer: (_, response) => void response.writeHead(302, { location: `https://127.0.0.1:1/${MARK}` }).end(),
    says: /cannot .*302/,
  },
  'text without end': {
    answer: (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const endless = Readable.from(repeat('x'.repeat(2 ** 20)))
      response.on('close', () => endless.destroy())
      endless.pipe(response)
    },
    says: /cannot /,
  },
}

function* repeat(text: string): Generator<string> {
  for (;;) yield text
}

/** Servers on loopback that lie, one for each case, and one that does not speak HTTP at all. */
export async function startLiars(): Promise<{ cases: Refusal[]; close(): void }> {
  const servers: { close(): unknown; closeAllConnections?: () => void }[] = []
  const listen = async (server: Server | ReturnType<typeof createSocket>): Promise<number> => {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    servers.push(server)
    return (server.address() as AddressInfo).port
  }
  const cases: Refusal[] = []
  const add = (name: string, config: string, says: RegExp): void =>
    void cases.push({ name: `server: ${name}`, inputs: { kubeconfig: config, namespace: 'shop', 'api-timeout': '1s' }, says: [says] })
  for (const [name, { answer, says }] of Object.entries(LIARS)) {
    const port = await listen(createServer(answer))
    add(name, kubeconfig(`http://127.0.0.1:${port}`, { 'insecure-skip-tls-verify': true }), says)
  }
  const deaf = await listen(createSocket((socket) => socket.on('error', () => undefined).end(`::error::${MARK}\r\n`)))
  add('no HTTP', kubeconfig(`http://127.0.0.1:${deaf}`, { 'insecure-skip-tls-verify': true }), /cannot /)
  add('no TLS', kubeconfig(`https://127.0.0.1:${deaf}`), /cannot /)
  const close = (): void => {
    for (const server of servers) {
      server.closeAllConnections?.()
      server.close()
    }
  }
  return { cases, close }
}

export const placeCases: Refusal[] = [
  ...files.map(([source, ...says]) => ({ name: `file: ${JSON.stringify(source.slice(0, 60))}`, inputs: { manifests: source }, says })),
  ...kubeconfigs.map(([name, text, ...says]) => ({
    name: `kubeconfig: ${name}`,
    inputs: { namespace: '', kubeconfig: text, 'api-timeout': '1s' },
    says,
  })),
]
