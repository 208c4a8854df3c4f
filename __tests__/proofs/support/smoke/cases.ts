// What each server is, and the word that has to be said of it.
import type { Word } from '../../../../actions/smoke-test/fault.ts'
import { PORTS } from './nginx.ts'

export interface Case {
  name: string
  /** The check without its name. */
  check: object
  /** `passed`, or the word. */
  expected: Word | 'passed'
  /** What the message has to say besides. */
  says?: RegExp
}

/** Every check that is not about waiting tries once. */
const once = { retry: false, timeout: '5s' }
const quick = { retry: false, timeout: '2s' }
const http = (url: string, more: object = {}, expect?: object): object => ({ ...once, http: { url, ...more }, ...(expect && { expect }) })
const plain = (path: string): string => `http://127.0.0.1:${PORTS.plain}${path}`
const secure = (name: keyof typeof PORTS, path = '/health.json'): string => `https://127.0.0.1:${PORTS[name]}${path}`
const tls = (name: keyof typeof PORTS, expect?: object): object => ({ ...once, tls: `127.0.0.1:${PORTS[name]}`, ...(expect && { expect }) })

/** Servers that do their work. `connection.ca` of the suite is the authority of the certificates. */
export const nginx: Case[] = [
  {
    name: 'nginx over TLS',
    check: http(secure('good'), {}, { json: { '$.status': 'ok', '$.parts[?@.up].name': ['db'] } }),
    expected: 'passed',
  },
  {
    name: 'nginx over HTTP/2',
    check: http(secure('good'), {}, { protocol: 'h2', json: { '$.version': { matches: '^7\\.' } } }),
    expected: 'passed',
  },
  { name: 'nginx without HTTP/2', check: http(plain('/health.json'), {}, { protocol: 'h2' }), expected: 'wrong' },
  {
    name: 'a compressed answer',
    check: http(
      plain('/health.json'),
      { headers: { 'accept-encoding': 'gzip' } },
      { headers: { 'content-encoding': 'gzip' }, json: { '$.status': 'ok' } },
    ),
    expected: 'passed',
  },
  { name: 'a JSON Schema', check: http(plain('/health.json'), {}, { schema: 'health.schema.json' }), expected: 'passed' },
  {
    name: 'a JSON Schema that does not hold',
    check: http(plain('/health.json'), {}, { schema: { properties: { version: { type: 'number' } } } }),
    expected: 'wrong',
    says: /\/version must be number/,
  },
  { name: 'redirects', check: http(plain('/a'), { redirects: 2 }, { redirects: ['/b', '/health.json'] }), expected: 'passed' },
  { name: 'a redirect to TLS', check: http(plain('/secure'), { redirects: 1 }, { json: { '$.status': 'ok' } }), expected: 'passed' },
  { name: 'a redirect that is not followed', check: http(plain('/a')), expected: 'status', says: /302/ },
  { name: 'too many redirects', check: http(plain('/a'), { redirects: 1 }), expected: 'redirect' },
  { name: 'a redirect loop', check: http(plain('/round'), { redirects: 20 }), expected: 'redirect', says: /circle/ },
  { name: 'a redirect to another host', check: http(plain('/away'), { redirects: 5 }), expected: 'redirect', says: /another host/ },
  { name: 'no such page', check: http(plain('/nothing')), expected: 'status', says: /404/ },
  { name: 'a gateway without a service', check: http(plain('/gateway')), expected: 'status', says: /502/ },
  { name: 'a slow body', check: { ...quick, http: plain('/slow.bin') }, expected: 'slow', says: /end of the answer/ },
  {
    name: 'another host name',
    check: http(plain('/'), { headers: { host: 'other.test' } }, { body: 'the other host' }),
    expected: 'passed',
  },
  {
    name: 'a name that is resolved',
    check: { ...http(`https://shop.test:${PORTS.good}/health.json`), connection: { resolve: { 'shop.test': '127.0.0.1' } } },
    expected: 'passed',
  },
  { name: 'latency', check: http(plain('/health.json'), { requests: 50 }, { latency: { p50: '1s', p99: '2s' } }), expected: 'passed' },
  {
    name: 'a latency that nobody has',
    check: http(plain('/health.json'), { requests: 5 }, { latency: { p50: '0' } }),
    expected: 'latency',
  },
  { name: 'an expired certificate in the way', check: http(secure('expired')), expected: 'tls-expired' },
  { name: 'a certificate for another name in the way', check: http(secure('other')), expected: 'tls-name' },
  { name: 'a self-signed certificate in the way', check: http(secure('self')), expected: 'tls-untrusted' },
  {
    name: 'a private authority that is not given',
    check: { ...http(secure('good')), connection: { ca: 'self.pem' } },
    expected: 'tls-untrusted',
  },
  { name: 'no TLS at all', check: http(`https://127.0.0.1:${PORTS.plain}/`), expected: 'tls-failed' },
  {
    name: 'a client certificate',
    check: { ...http(secure('client')), connection: { cert: 'user.pem', key: 'user.key' } },
    expected: 'passed',
  },
  { name: 'a client certificate that is missing', check: http(secure('client')), expected: 'status', says: /400/ },
  {
    name: 'a good certificate',
    check: tls('good', { 'valid-for': '14d', name: 'shop.test', issuer: { contains: 'Smoke CA' } }),
    expected: 'passed',
  },
  { name: 'an expired certificate', check: tls('expired'), expected: 'certificate', says: /expired since/ },
  {
    name: 'a certificate for another name',
    check: tls('other'),
    expected: 'certificate',
    says: /not for 127\.0\.0\.1 but for DNS:bank\.test/,
  },
  { name: 'a self-signed certificate', check: tls('self'), expected: 'certificate', says: /not trusted/ },
  { name: 'a certificate that ends soon', check: tls('soon', { 'valid-for': '14d' }), expected: 'certificate', says: /only, expected/ },
  { name: 'an old protocol', check: tls('old', { protocol: 'TLSv1.3' }), expected: 'certificate', says: /TLSv1\.2, expected TLSv1\.3/ },
  {
    name: 'gRPC over TLS, behind nginx',
    check: { ...once, grpc: { address: `127.0.0.1:${PORTS.good}`, tls: true, service: 'up' } },
    expected: 'passed',
  },
]

const at = (port: number | undefined, path = '/'): string => `http://127.0.0.1:${port}${path}`

/** Servers that are broken, slow, gone, or mean harm. */
export function hostile(ports: Record<string, number>): Case[] {
  const grpc = (more: object): object => ({ ...quick, grpc: { address: `127.0.0.1:${ports.grpc}`, ...more } })
  const ws = (path: string, expect: string): object => ({
    ...quick,
    websocket: { url: `ws://127.0.0.1:${ports.websocket}${path}`, dialogue: [{ send: 'hello' }, { expect: { contains: expect } }] },
  })
  const words: [string, Word][] = [
    ['silent', 'slow'],
    ['drips', 'slow'],
    ['closes', 'closed'],
    ['resets', 'closed'],
    ['no-http', 'malformed'],
    ['truncated', 'truncated'],
    ['truncated-chunks', 'truncated'],
    ['too-long', 'malformed'],
    ['two-lengths', 'malformed'],
    ['both-framings', 'malformed'],
    ['broken-chunk', 'malformed'],
    ['huge-header', 'oversized'],
    ['huge-body', 'oversized'],
    ['huge-chunks', 'oversized'],
    ['lying-gzip', 'malformed'],
    ['gzip-bomb', 'oversized'],
    ['brotli-bomb', 'oversized'],
    ['commands', 'status'],
    ['file', 'redirect'],
    ['script', 'redirect'],
  ]
  return [
    ...words.map(([name, expected]): Case => ({ name, check: { ...quick, http: { url: at(ports[name]), redirects: 3 } }, expected })),
    { name: 'JSON that is too deep', check: http(at(ports['deep-json']), {}, { json: { '$..a': [] } }), expected: 'malformed' },
    {
      name: 'a text that makes expressions slow',
      check: http(at(ports['evil-text']), {}, { body: { matches: '^(a+)+$' } }),
      expected: 'wrong',
    },
    { name: 'nobody listens', check: { ...once, tcp: '127.0.0.1:9' }, expected: 'refused' },
    { name: 'TLS that is never spoken', check: { ...quick, http: `https://127.0.0.1:${ports.silent}/` }, expected: 'timeout' },
    {
      name: 'a stream that floods',
      check: { ...once, tcp: { address: `127.0.0.1:${ports['tcp-flood']}`, dialogue: [{ send: 'x', expect: 'y' }] } },
      expected: 'oversized',
    },
    { name: 'WebSocket', check: ws('/echo', 'hello'), expected: 'passed' },
    { name: 'a WebSocket that says something else', check: ws('/echo', 'bye'), expected: 'slow' },
    { name: 'a WebSocket that closes', check: ws('/closes', 'x'), expected: 'closed', says: /1013: try again later/ },
    { name: 'a WebSocket message that is too large', check: ws('/large', 'x'), expected: 'oversized' },
    { name: 'a WebSocket that floods', check: { ...ws('/flood', 'x'), timeout: '5s' }, expected: 'oversized' },
    { name: 'no WebSocket', check: { ...once, websocket: at(PORTS.plain, '/health.json') }, expected: 'status', says: /200, expected 101/ },
    { name: 'gRPC health', check: grpc({}), expected: 'passed' },
    { name: 'gRPC health of a service that is down', check: grpc({ service: 'down' }), expected: 'status', says: /NOT_SERVING/ },
    { name: 'gRPC health of no service', check: grpc({ service: 'none' }), expected: 'status', says: /NOT_FOUND: no service none/ },
    { name: 'gRPC without an answer', check: grpc({ service: 'mute' }), expected: 'slow' },
    { name: 'HTTP instead of gRPC', check: { ...once, grpc: `127.0.0.1:${PORTS.plain}` }, expected: 'malformed' },
    {
      name: 'a service that comes and goes',
      check: { http: at(ports.flapping), consecutive: 3 },
      expected: 'flapping',
      says: /never 3 in a row/,
    },
    { name: 'a service that is starting', check: { http: at(ports.starting) }, expected: 'passed' },
  ]
}

export function redis(port: number): Case[] {
  const talk = (dialogue: object[]): object => ({ ...quick, tcp: { address: `127.0.0.1:${port}`, dialogue } })
  return [
    {
      name: 'Redis',
      check: talk([
        { send: 'AUTH s3cr3t-redis\r\n', expect: { contains: '+OK' } },
        { send: 'PING\r\n', expect: { contains: '+PONG' } },
      ]),
      expected: 'passed',
    },
    { name: 'Redis without a password', check: talk([{ send: 'PING\r\n', expect: { contains: '+PONG' } }]), expected: 'slow' },
  ]
}
