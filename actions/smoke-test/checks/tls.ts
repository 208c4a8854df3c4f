// One attempt at a certificate: the handshake goes through whatever it is, and then every expectation is looked at.
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls'
import { formatDuration } from '../../shared/time/clock.ts'
import { certificateOf, dial, secure } from '../dial.ts'
import { Fault, faultOf } from '../fault.ts'
import { mismatches } from '../matcher.ts'
import type { CheckOf } from '../suite.ts'
import { readAddress } from '../targets.ts'
import type { Context, Outcome } from './check.ts'

export async function checkTls({ tls, expect }: CheckOf<'tls'>, context: Context): Promise<Outcome> {
  const { way, url } = readAddress(tls.address, context.target)
  const { attempt, connection } = context
  const raw = await dial(way, connection, context.network, attempt)
  const socket = await secure(
    raw,
    { host: url.hostname, ...connection, verify: false, ...(tls.alpn && { alpn: tls.alpn }) },
    attempt,
  ).catch((error: unknown) => {
    throw faultOf(error, attempt.trace.stage)
  })
  try {
    attempt.trace.enter('judge')
    const certificate = certificateOf(socket)
    if (!certificate) throw new Fault('certificate', 'judge', 'the server shows no certificate')
    const wrong = objections(socket, certificate, expect, connection.servername ?? url.hostname)
    if (wrong.length) throw new Fault('certificate', 'judge', wrong.join('; '), { shown: describe(certificate) })
    return { said: `certificate of ${String(certificate.subject.CN ?? 'no name')} until ${certificate.valid_to}` }
  } finally {
    socket.destroy()
  }
}

function objections(socket: TLSSocket, certificate: PeerCertificate, expect: CheckOf<'tls'>['expect'], host: string): string[] {
  const wrong: string[] = []
  const left = Date.parse(certificate.valid_to) - Date.now()
  const wanted = expect['valid-for'] ?? 0
  if (Date.parse(certificate.valid_from) > Date.now()) wrong.push(`the certificate is not valid before ${certificate.valid_from}`)
  if (left <= 0) wrong.push(`the certificate is expired since ${certificate.valid_to}`)
  else if (left < wanted) wrong.push(`the certificate is valid for ${formatDuration(left)} only, expected ${formatDuration(wanted)}`)
  const name = expect.name ?? host
  if (checkServerIdentity(name, certificate))
    wrong.push(`the certificate is not for ${name} but for ${String(certificate.subjectaltname ?? certificate.subject.CN)}`)
  // Typed as an Error, but it is a code.
  const trust = socket.authorizationError as unknown as string | Error | null
  const code = trust instanceof Error ? ((trust as Error & { code?: string }).code ?? trust.message) : (trust ?? '')
  const said = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID', '']
  if (expect.trusted && !said.includes(code)) wrong.push(`the certificate is not trusted (${code})`)
  if (expect.issuer) wrong.push(...mismatches(expect.issuer, names(certificate.issuer)).map((text) => `the issuer ${text}`))
  const protocol = socket.getProtocol() ?? 'no TLS'
  if (expect.protocol && protocol < expect.protocol) wrong.push(`the protocol is ${protocol}, expected ${expect.protocol}`)
  if (expect.alpn && socket.alpnProtocol !== expect.alpn)
    wrong.push(`ALPN gave ${socket.alpnProtocol || 'nothing'}, expected ${expect.alpn}`)
  return wrong
}

const names = (subject: PeerCertificate['subject']): string =>
  Object.entries(subject)
    .map(([key, value]) => `${key}=${[value].flat().join('+')}`)
    .join(', ')

const describe = (c: PeerCertificate): string =>
  [
    `subject: ${names(c.subject)}`,
    `names: ${c.subjectaltname ?? 'none'}`,
    `issuer: ${names(c.issuer)}`,
    `valid: ${c.valid_from} to ${c.valid_to}`,
    `sha256: ${c.fingerprint256}`,
  ].join('\n')
