import { createServer as createHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from '@jest/globals'
import { closeAll, http, probe, raw, short, tcp } from './servers.ts'

afterAll(closeAll)

const check = (port: number, more = '', path = '/'): string => `{name: web, http: {url: "http://127.0.0.1:${port}${path}"${more}}}`

test('a request carries what the suite says', async () => {
  const seen: string[] = []
  const port = await http((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    const { host, authorization, cookie, 'x-a': a, 'content-type': type } = request.headers
    request.on('end', () => {
      seen.push([request.method, request.url, host, authorization, cookie, a, type, body].join('|'))
      response.end('ok')
    })
  })
  const at = `url: "http://127.0.0.1:${port}/a?b=1"`
  for (const part of [
    `{${at}, method: put, query: {c: "x y"}, headers: {X-A: "1", host: shop.example}, bearer: t, json: {n: 1}}`,
    `{${at}, method: POST, basic: {user: u, password: "p:w"}, cookies: {s: "1", t: "2"}, form: {q: "a&b"}}`,
    `{${at}, method: POST, body: plain}`,
  ])
    expect(short(await probe(`{name: a, http: ${part}}`))).toMatch(/^passed: 200/)
  expect(seen).toEqual([
    'PUT|/a?b=1&c=x+y|shop.example|Bearer t||1|application/json|{"n":1}',
    `POST|/a?b=1|127.0.0.1:${port}|Basic dTpwOnc=|s=1; t=2||application/x-www-form-urlencoded|q=a%26b`,
    `POST|/a?b=1|127.0.0.1:${port}|||||plain`,
  ])
})

test('every attempt is a connection of its own, and the requests of one share it', async () => {
  const ports: (number | undefined)[] = []
  const port = await http((request, response) => {
    ports.push(request.socket.remotePort)
    response.end()
  })
  for (let i = 0; i < 3; i++) await probe(check(port))
  expect(new Set(ports).size).toBe(3)
  ports.length = 0
  expect(short(await probe(check(port, ', requests: 5')))).toMatch(/^passed/)
  expect([ports.length, new Set(ports).size]).toEqual([5, 1])
})

const head = (lines: string): string => `HTTP/1.1 200 OK\r\n${lines}\r\n`

test.each<[string, string | Buffer, string, RegExp]>([
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', '', /^unhealthy malformed at answer/],
  ['a body that breaks off', `${head('content-length: 100\r\n')}short`, '', /^unhealthy truncated at body/],
  ['a chunk that breaks off', `${head('transfer-encoding: chunked\r\n')}ff\r\nshort`, '', /^unhealthy truncated at body/],
  ['a body that is longer than it says', `${head('content-length: 5\r\n')}hello, and more`, '', /^unhealthy malformed at body/],
  ['two lengths', `${head('content-length: 5\r\ncontent-length: 6\r\n')}hello`, '', /^unhealthy malformed at answer/],
  ['a broken chunk', `${head('transfer-encoding: chunked\r\n')}zz\r\nxx`, '', /^unhealthy malformed at body/],
  ['a head without an end', head(`x: ${'y'.repeat(100_000)}\r\n`), '', /^unhealthy oversized at answer/],
  [
    'a large body',
    `${head('content-length: 3000000\r\n')}${'x'.repeat(3_000_000)}`,
    '',
    /^unhealthy oversized at body: the body is larger than 1048576 bytes/,
  ],
  [
    'a compression bomb',
    Buffer.concat([Buffer.from(head('content-encoding: gzip\r\n')), gzipSync(Buffer.alloc(200 * 2 ** 20), { level: 1 })]),
    '',
    /^unhealthy oversized at body: the decompressed body is larger/,
  ],
  ['no archive', `${head('content-encoding: gzip\r\n')}hello`, '', /^unhealthy malformed at body: the body is not gzip/],
  [
    'an archive that breaks off',
    Buffer.concat([Buffer.from(head('content-encoding: gzip\r\n')), gzipSync('x'.repeat(9999)).subarray(0, 20)]),
    '',
    /^unhealthy malformed/,
  ],
  [
    'JSON too deep to judge',
    `${head('')}${'['.repeat(200_000)}${']'.repeat(200_000)}`,
    'expect: {json: {"$..a": []}}',
    /^unhealthy (malformed|wrong) at judge/,
  ],
  [
    'a header that a redirect smuggles',
    'HTTP/1.1 302 Found\r\nlocation: /x%0d%0ahost:evil\r\ncontent-length: 0\r\n\r\n',
    '',
    /^unhealthy (closed|redirect|status)/,
  ],
])('%s', async (_, bytes, more, expected) => {
  const port = await raw(bytes)
  expect(short(await probe(`{name: web, http: {url: "http://127.0.0.1:${port}/", redirects: 2}${more && `, ${more}`}}`))).toMatch(expected)
})

test('closed, half-open and slow servers', async () => {
  const closes = await tcp((socket) => socket.once('data', () => socket.destroy()))
  expect(short(await probe(check(closes)))).toMatch(/^unhealthy closed at answer/)
  const silent = await tcp(() => undefined)
  expect(short(await probe(check(silent), { limit: 200 }))).toBe('unhealthy slow at answer: no answer within 200ms')
  const dripping = await tcp((socket) => {
    socket.write(head('content-length: 1000\r\n'))
    const timer = setInterval(() => socket.write('x'), 20)
    socket.once('close', () => clearInterval(timer))
  })
  expect(short(await probe(check(dripping), { limit: 300 }))).toBe('unhealthy slow at body: no end of the answer within 300ms')
  expect(short(await probe(`{name: a, http: "http://127.0.0.1:1/"}`))).toMatch(/^unreachable refused at connect/)
  expect(short(await probe(`{name: a, http: "http://nobody.invalid/"}`))).toMatch(/^unreachable dns at dns/)
  expect(short(await probe(`{name: a, http: "https://127.0.0.1:${silent}/"}`, { limit: 200 }))).toBe(
    'unreachable timeout at tls: no connection within 200ms',
  )
  const plain = await raw('HTTP/1.1 400 Bad Request\r\n\r\n')
  expect(short(await probe(`{name: a, http: "https://127.0.0.1:${plain}/"}`))).toMatch(/^unreachable tls-failed at tls/)
})

test('an aborted run is no verdict', async () => {
  const silent = await tcp(() => undefined)
  const ended = new AbortController()
  const attempt = probe(check(silent), { signal: ended.signal })
  ended.abort(new Error('cancelled'))
  await expect(attempt).rejects.toThrow('cancelled')
})

test('compressed answers are read', async () => {
  const port = await http((_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}')))
  expect(short(await probe(`{name: a, http: "http://127.0.0.1:${port}/", expect: {json: {$.a: 1}}}`))).toMatch(/^passed/)
})

test('redirects are followed as far as they may', async () => {
  const seen: string[] = []
  const other = await http((request, response) => {
    seen.push(`other ${request.headers.authorization ?? 'none'} ${request.headers.cookie ?? 'none'}`)
    response.end('other')
  })
  const port = await http((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? 'none'} ${request.headers.cookie ?? 'none'}`)
    const to: Record<string, string> = {
      '/a': '/b',
      '/b': '/c',
      '/loop': '/loop2',
      '/loop2': '/loop',
      '/file': 'file:///etc/passwd',
      '/away': `http://localhost:${other}/x`,
      '/post': '/c',
    }
    const location = to[request.url ?? '']
    if (location) response.writeHead(302, { location, 'set-cookie': `at=${request.url?.slice(1)}` }).end()
    else if (request.url === '/endless') response.writeHead(302, { location: `/endless?${seen.length}` }).end()
    else if (request.url?.startsWith('/endless')) response.writeHead(302, { location: `/endless?${seen.length}` }).end()
    else response.end('here')
  })
  const go = (path: string, more = '', expectation = '') =>
    probe(
      `{name: a, http: {url: "http://127.0.0.1:${port}${path}", bearer: t, redirects: 5${more}}${expectation && `, expect: ${expectation}`}}`,
    ).then(short)
  expect(await go('/a', '', '{redirects: [/b, /c], body: here}')).toBe(`passed: 200 from http://127.0.0.1:${port}/c`)
  expect(seen).toEqual(['GET /a Bearer t none', 'GET /b Bearer t at=a', 'GET /c Bearer t at=b'])
  expect(await go('/loop')).toMatch(/^unhealthy redirect at answer: redirects go round in a circle/)
  expect(await go('/endless')).toMatch(/^unhealthy redirect at answer: there are more than 5 redirects/)
  expect(await go('/file')).toMatch(/^unhealthy redirect at answer: a redirect leads to another scheme, file:/)
  expect(await go('/away')).toMatch(/^unhealthy redirect at answer: a redirect leads to another host/)
  seen.length = 0
  expect(await go('/away', ', redirect-hosts: [localhost]')).toMatch(/^passed/)
  expect(await go('/post', ', method: POST, body: x')).toMatch(/^passed/)
  expect(seen).toEqual(['GET /away Bearer t none', 'other none none', 'POST /post Bearer t none', 'GET /c Bearer t at=post'])
  expect(await probe(`{name: a, http: "http://127.0.0.1:${port}/a", expect: {status: 302}}`).then(short)).toMatch(/^passed: 302/)
})

test('a captured address stays on the target', async () => {
  const port = await http((_, response) => response.end('ok'))
  const at = (next: string) => probe(`{name: a, http: "\${next}"}\ntarget: x`.replace('\ntarget: x', ''), { values: { next } }).then(short)
  expect(await at(`http://127.0.0.1:${port}/`)).toMatch(/^unhealthy capture at judge: a captured address that is no path/)
  expect(await at('//evil.example/')).toMatch(/^unhealthy capture/)
  expect(
    await probe(`{name: a, http: "http://127.0.0.1:${port}/", expect: {body: "\${word}"}}`, { values: { word: 'ok' } }).then(short),
  ).toMatch(/^passed/)
})

test('a header that objects inherit is not there', async () => {
  const port = await http((_, response) => response.end('ok'))
  const at = (matcher: string) =>
    probe(`{name: a, http: "http://127.0.0.1:${port}/", expect: {headers: {constructor: ${matcher}}}}`).then(short)
  expect(await at('{exists: false}')).toMatch(/^passed/)
  expect(await at('{matches: Object}')).toMatch(/header constructor is not there/)
})

// Were the time to grow with the square of the answer, this would take minutes, and no deadline would end it.
test('whitespace in an answer takes no time', async () => {
  const port = await http((_, response) => response.end(JSON.stringify({ a: `${' '.repeat(900_000)}\n${' '.repeat(100_000)}x` })))
  const found = await probe(`{name: a, http: "http://127.0.0.1:${port}/", expect: {json: {$.a: {equals: y}}}}`)
  expect(short(found)).toMatch(/^unhealthy wrong at judge: \$\.a is ".*characters cut.*", expected "y"$/)
})

test('composed credentials are masked before they are sent', async () => {
  const masked: string[] = []
  const seen: (string | undefined)[] = []
  const port = await http((request, response) => {
    seen.push(request.headers.authorization, masked.at(-1))
    response.end('ok')
  })
  await probe(`{name: a, http: {url: "http://127.0.0.1:${port}/", basic: {user: bob, password: p}}}`, {
    mask: (secret) => masked.push(secret),
  })
  expect(seen).toEqual(['Basic Ym9iOnA=', 'Ym9iOnA='])
})

test('what came back is shown without its cookies', async () => {
  const port = await http((_, response) => response.writeHead(500, { 'set-cookie': 'sid=secret', 'x-a': '1' }).end('<b>broken</b>'))
  const { fault } = await probe(check(port))
  expect(fault?.shown).toMatch(/^status 500\n[\s\S]*set-cookie: \*\*\*\n[\s\S]*<b>broken<\/b>$/)
  expect(fault?.shown).not.toContain('secret')
})

test('HTTP/2 is only spoken where it is negotiated', async () => {
  const server = createHttp2((_, response) => response.end('x'))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  try {
    expect(short(await probe(check(port)))).toMatch(/^unhealthy (malformed|closed) at answer/)
  } finally {
    await new Promise((done) => server.close(done))
  }
})

test('a proxy is asked for a tunnel, and its refusal is not the service', async () => {
  const port = await http((_, response) => response.end('behind'))
  const heads: string[] = []
  const proxy = await tcp((socket) =>
    socket.once('data', (data) => {
      heads.push(data.toString())
      const other = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'))
      other
        .on('error', () => socket.destroy())
        .pipe(socket)
        .on('error', () => other.destroy())
        .pipe(other)
    }),
  )
  const through = (address: string, environment = {}) =>
    probe(`{name: a, http: "http://shop.example/", connection: {${address}}, expect: {body: behind}}`, { environment }).then(short)
  expect(await through(`proxy: "http://u:p@127.0.0.1:${proxy}"`)).toMatch(/^passed/)
  expect(heads).toEqual(['CONNECT shop.example:80 HTTP/1.1\r\nHost: shop.example:80\r\nProxy-Authorization: Basic dTpw\r\n\r\n'])
  expect(await through('', { HTTPS_PROXY: `http://127.0.0.1:${proxy}` })).toMatch(/^passed/)
  const refusing = await raw('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  expect(await through(`proxy: "http://127.0.0.1:${refusing}"`)).toMatch(
    /^unreachable proxy at proxy: the proxy refuses a tunnel to shop.example:80: 407/,
  )
  const mute = await tcp((socket) => socket.end())
  expect(await through(`proxy: "http://127.0.0.1:${mute}"`)).toMatch(/^unreachable proxy at proxy: the proxy closed the connection/)
})

test('resolve asks no DNS', async () => {
  const port = await http((request, response) => response.end(request.headers.host))
  expect(
    short(
      await probe(
        `{name: a, http: "http://shop.invalid:${port}/", connection: {resolve: {shop.invalid: 127.0.0.1}}, expect: {body: "shop.invalid:${port}"}}`,
      ),
    ),
  ).toMatch(/^passed/)
})
