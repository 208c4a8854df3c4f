// Faults of a connection or of credentials that trying again cannot mend.

/** Credentials that cannot be read or got: the input is at fault, not the network. The message quotes no secret and no output of a tool. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError'
}

/** Node's codes of a certificate that is not trusted: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Other codes that stay, and what they mean here. */
const WORDS = new Map([
  ['CERT_HAS_EXPIRED', "the API server's certificate has expired; renew it there"],
  ['CERT_NOT_YET_VALID', "the API server's certificate is not valid yet; look at the clocks of runner and cluster"],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    "the API server's certificate is for other names than that of the kubeconfig's server; correct server, or give tls-server-name",
  ],
  ['ERR_SSL_WRONG_VERSION_NUMBER', "the kubeconfig's server does not speak TLS at this port; correct the address"],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', "the kubeconfig's server does not speak TLS at this port; correct the address"],
  ['UND_ERR_INVALID_ARG', 'the request cannot be sent as it is'],
])

/** What the other side says in TLS of a client certificate that it does not take. */
const REFUSED_CLIENT = /^ERR_SSL_.*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(REQUIRED|UNKNOWN|EXPIRED|REVOKED)|ACCESS_DENIED)$/
/** What Node says of PEM, keys and passphrases that it cannot read. */
const UNREADABLE = /^ERR_(OSSL_(PEM|BAD_DECRYPT|ASN1|EVP|X509|UNSUPPORTED)|MISSING_PASSPHRASE|CRYPTO)/

/**
 * Says why an error will be the same next time, and what to do about it; undefined when it may pass. The causes are looked through, as
 * clients wrap what the connection said.
 */
export function permanentFault(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof CredentialError) return at.message
    const { code } = at as NodeJS.ErrnoException
    const words = typeof code === 'string' ? wordsOf(code) : undefined
    if (words !== undefined) return words
  }
  return undefined
}

function wordsOf(code: string): string | undefined {
  if (UNTRUSTED.has(code))
    return `the API server's certificate is not trusted (${code}): the kubeconfig's certificate-authority-data, or certificate-authority, is not the CA that signed it`
  if (REFUSED_CLIENT.test(code)) return `the API server does not take the kubeconfig's client certificate (${code})`
  if (UNREADABLE.test(code)) return `the kubeconfig's certificates or keys cannot be read (${code})`
  const words = WORDS.get(code)
  return words && `${words} (${code})`
}
