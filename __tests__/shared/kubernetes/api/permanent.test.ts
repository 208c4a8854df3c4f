import { expect, test } from '@jest/globals'
import { CredentialError, permanentFault } from '../../../../actions/shared/kubernetes/api/permanent.ts'

const coded = (code: string) => Object.assign(new Error('inner words'), { code })

test.each([
  ['SELF_SIGNED_CERT_IN_CHAIN', /not trusted.*certificate-authority-data/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /not trusted.*certificate-authority-data/],
  ['CERT_HAS_EXPIRED', /has expired/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /tls-server-name/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /does not take the kubeconfig's client certificate/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /does not take the kubeconfig's client certificate/],
  ['ERR_OSSL_BAD_DECRYPT', /cannot be read/],
  ['ERR_OSSL_PEM_NO_START_LINE', /cannot be read/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS/],
])('%s stays, however deep it lies, and its words name no option of Node', (code, words) => {
  const said = permanentFault(new TypeError('fetch failed', { cause: new Error('x', { cause: coded(code) }) }))
  expect(said).toMatch(words)
  expect(said).toContain(code)
  expect(said).not.toMatch(/inner words|use-system-ca/)
})

test.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'UND_ERR_SOCKET', 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'constructor'])(
  '%s may pass',
  (code) => expect(permanentFault(coded(code))).toBeUndefined(),
)

test('credentials speak for themselves; what is no error, and a ring of causes, may pass', () => {
  expect(permanentFault(new Error('x', { cause: new CredentialError('no tool') }))).toBe('no tool')
  const ring = new Error('x')
  ring.cause = ring
  expect(permanentFault(ring)).toBeUndefined()
  expect(permanentFault('x')).toBeUndefined()
})
