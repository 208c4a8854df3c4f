// A real nginx with good and bad certificates, redirects, HTTP/2 and a gRPC upstream, in a folder of its own.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { until } from '../world.ts'
import { freePorts } from './ports.ts'

const [plain = 0, good = 0, expired = 0, other = 0, self = 0, soon = 0, client = 0, old = 0] = await freePorts(8)
/** The ports of its servers; all on 127.0.0.1. */
export const PORTS = { plain, good, expired, other, self, soon, client, old }

/** Certificates by the name of their server; `days` from now. */
const CERTIFICATES: Record<string, { names: string; days: number }> = {
  good: { names: 'DNS:shop.test,IP:127.0.0.1', days: 90 },
  expired: { names: 'DNS:shop.test,IP:127.0.0.1', days: -1 },
  other: { names: 'DNS:bank.test', days: 90 },
  soon: { names: 'DNS:shop.test,IP:127.0.0.1', days: 2 },
  user: { names: 'DNS:user', days: 90 },
}

/** Writes ca.pem, NAME.pem and NAME.key into a folder. */
export function writeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '90', '-subj', '/CN=Smoke CA')
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'self.key',
    '-out',
    'self.pem',
    '-days',
    '90',
    '-subj',
    '/CN=shop.test',
    '-addext',
    'subjectAltName=DNS:shop.test,IP:127.0.0.1',
  )
  for (const [name, { names, days }] of Object.entries(CERTIFICATES)) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names}\n`)
    const lasts = ['-days', String(days), '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.pem`, ...lasts)
  }
}

function configuration(folder: string, grpc: number): string {
  const tls = (name: keyof typeof PORTS, more = '', certificate: string = name): string => `
    server {
      listen 127.0.0.1:${PORTS[name]} ssl http2;
      ssl_certificate ${folder}/${certificate}.pem;
      ssl_certificate_key ${folder}/${certificate}.key;
      ${more}
      location /grpc.health.v1.Health/ { grpc_pass grpc://127.0.0.1:${grpc}; }
      location / { root ${folder}/www; }
    }`
  return `
  daemon off;
  user root;
  worker_processes 1;
  pid ${folder}/nginx.pid;
  error_log ${folder}/error.log;
  events { worker_connections 512; }
  http {
    access_log off;
    default_type text/plain;
    types { application/json json; }
    gzip on;
    gzip_types application/json text/plain;
    gzip_min_length 1;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${folder}/${what};`).join('\n    ')}
    server {
      listen 127.0.0.1:${PORTS.plain} default_server;
      location = /secure { return 301 https://127.0.0.1:${PORTS.good}/health.json; }
      location = /a { return 302 /b; }
      location = /b { return 302 /health.json; }
      location = /round { return 302 /and; }
      location = /and { return 302 /round; }
      location = /away { return 302 http://evil.test/; }
      location = /gateway { proxy_pass http://127.0.0.1:9; }
      location = /slow.bin { root ${folder}/www; limit_rate 1k; }
      location / { root ${folder}/www; }
    }
    server { listen 127.0.0.1:${PORTS.plain}; server_name other.test; location / { return 200 "the other host"; } }
    ${tls('good')}
    ${tls('expired')}
    ${tls('other')}
    ${tls('self')}
    ${tls('soon')}
    ${tls('client', `ssl_client_certificate ${folder}/ca.pem; ssl_verify_client on;`, 'good')}
    ${tls('old', 'ssl_protocols TLSv1.2;', 'good')}
  }`
}

/** Starts nginx; what comes back ends it. `grpc`: the port of a gRPC server behind it. */
export async function startNginx(folder: string, grpc: number): Promise<() => Promise<void>> {
  mkdirSync(join(folder, 'www'))
  writeFileSync(join(folder, 'www', 'health.json'), JSON.stringify({ status: 'ok', version: '7.1.0', parts: [{ name: 'db', up: true }] }))
  writeFileSync(join(folder, 'www', 'slow.bin'), 'x'.repeat(100_000))
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, grpc))
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  const early = new Promise<never>((_, failed) => {
    child.once('error', failed)
    child.once('close', (code) => failed(new Error(`nginx ended with ${code}`)))
  })
  await Promise.race([until(() => answers(PORTS.plain), 20_000, 'nginx'), early])
  early.catch(() => undefined)
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}

export const answers = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
