// What TLS is about: versions, and who gets our client certificate.
import { createServer, type Server } from 'node:https'
import { createServer as createTls, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls'
import { afterAll, expect, test } from '@jest/globals'
import { CERTIFICATE as cert, KEY as key } from './certificate.ts'
import { probe, short } from './servers.ts'

const open: (Server | TlsServer)[] = []
afterAll(() => Promise.all(open.map((server) => new Promise((done) => server.close(done)))))

async function listen<T extends Server | TlsServer>(server: T): Promise<number> {
  open.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return (server.address() as { port: number }).port
}

const files = { 'ca.pem': cert, 'cert.pem': cert, 'key.pem': key }

test('a client certificate stays behind on a redirect to another host', async () => {
  const seen: string[] = []
  let next = ''
  const port = await listen(
    createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const shown = (request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'no certificate'
      seen.push(`${request.headers.host?.split(':')[0]}${request.url}: ${shown}`)
      if (request.url === '/same') response.writeHead(302, { location: '/end' }).end()
      else if (request.url === '/away') response.writeHead(302, { location: next }).end()
      else response.end('ok')
    }),
  )
  next = `https://two.test:${port}/end`
  const go = (path: string) =>
    probe(
      `{name: a, http: {url: "https://one.test:${port}${path}", redirects: 1, redirect-hosts: [two.test]},
        connection: {ca: ca.pem, cert: cert.pem, key: key.pem, resolve: {one.test: 127.0.0.1, two.test: 127.0.0.1}}}`.replaceAll('\n', ' '),
      { files },
    ).then(short)
  expect(await go('/same')).toMatch(/^passed/)
  expect(await go('/away')).toMatch(/^passed/)
  expect(seen).toEqual(['one.test/same: one.test', 'one.test/end: one.test', 'one.test/away: one.test', 'two.test/end: no certificate'])
})

test.each<[TlsOptions, string, RegExp]>([
  [{ minVersion: 'TLSv1.3' }, 'TLSv1.3', /^passed/],
  [{ minVersion: 'TLSv1.3' }, 'TLSv1.2', /^passed/],
  [{ maxVersion: 'TLSv1.2' }, 'TLSv1.2', /^passed/],
  [{ maxVersion: 'TLSv1.2' }, 'TLSv1.3', /the protocol is TLSv1\.2, expected TLSv1\.3/],
])('a server with %j speaks at least %s or not', async (options, protocol, says) => {
  const port = await listen(createTls({ cert, key, ...options }, (socket) => socket.on('error', () => undefined)))
  const check = `{name: a, tls: "localhost:${port}", expect: {protocol: ${protocol}}, connection: {ca: ca.pem, resolve: {localhost: 127.0.0.1}}}`
  expect(await probe(check, { files }).then(short)).toMatch(says)
})

test('a name that objects inherit is resolved as any other', async () => {
  const port = await listen(createTls({ cert, key }, (socket) => socket.on('error', () => undefined)))
  const at = (host: string, resolve: string) =>
    probe(
      `{name: a, tls: "${host}:${port}", expect: {name: one.test}, connection: {ca: ca.pem, servername: one.test, resolve: {${resolve}}}}`,
      {
        files,
      },
    ).then(short)
  expect(await at('constructor', 'constructor: 127.0.0.1')).toMatch(/^passed/)
  expect(await at('constructor', 'other: 127.0.0.1')).toMatch(/^unreachable dns at dns/)
})
