// What goes wrong between two sides of TLS, by the codes of Node and OpenSSL: each has its own words for whom the fault is told to.

/**
 * `untrusted`: nobody that is trusted signed the certificate; `expired`, `early`: it is not valid at this time; `name`: it is for another
 * name; `plain`: the other side speaks no TLS; `client`: it does not take our certificate; `unreadable`: PEM, keys or passphrases of ours.
 */
export type TlsFault = 'untrusted' | 'expired' | 'early' | 'name' | 'plain' | 'client' | 'unreadable'

/** https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CODES = new Map<string, TlsFault>([
  ['CERT_CHAIN_TOO_LONG', 'untrusted'],
  ['CERT_REJECTED', 'untrusted'],
  ['CERT_SIGNATURE_FAILURE', 'untrusted'],
  ['CERT_UNTRUSTED', 'untrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'untrusted'],
  ['INVALID_CA', 'untrusted'],
  ['INVALID_PURPOSE', 'untrusted'],
  ['PATH_LENGTH_EXCEEDED', 'untrusted'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'untrusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'untrusted'],
  ['CERT_HAS_EXPIRED', 'expired'],
  ['CERT_NOT_YET_VALID', 'early'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'name'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'plain'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'plain'],
])

/** What the other side says in TLS of a client certificate that it does not take. */
const REFUSED_CLIENT = /^ERR_SSL_.*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(REQUIRED|UNKNOWN|EXPIRED|REVOKED)|ACCESS_DENIED)$/
/** What Node says of PEM, keys and passphrases that it cannot read. */
const UNREADABLE = /^ERR_(OSSL_(PEM|BAD_DECRYPT|ASN1|EVP|X509|UNSUPPORTED)|MISSING_PASSPHRASE|CRYPTO)/

/** The fault that a code stands for; undefined for what is none of TLS, or may pass. */
export function tlsFault(code: string): TlsFault | undefined {
  if (REFUSED_CLIENT.test(code)) return 'client'
  return UNREADABLE.test(code) ? 'unreadable' : CODES.get(code)
}
