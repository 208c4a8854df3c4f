// Faults of a connection or of credentials that trying again cannot mend.
import { type TlsFault, tlsFault } from '../../tls.ts'

/** Credentials that cannot be read or got: the input is at fault, not the network. The message quotes no secret and no output of a tool. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError'
  readonly code = 'credentials'
}

/** Faults of TLS, by what has to be mended; CODE stands for Node's. */
const TLS: Record<TlsFault, string> = {
  untrusted:
    "the API server's certificate is not trusted (CODE): the kubeconfig's certificate-authority-data, or certificate-authority, is not the CA that signed it",
  expired: "the API server's certificate has expired; renew it there (CODE)",
  early: "the API server's certificate is not valid yet; look at the clocks of runner and cluster (CODE)",
  name: "the API server's certificate is for other names than that of the kubeconfig's server; correct server, or give tls-server-name (CODE)",
  plain: "the kubeconfig's server does not speak TLS at this port; correct the address (CODE)",
  client: "the API server does not take the kubeconfig's client certificate (CODE)",
  unreadable: "the kubeconfig's certificates or keys cannot be read (CODE)",
}

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
  if (code === 'UND_ERR_INVALID_ARG') return `the request cannot be sent as it is (${code})`
  const fault = tlsFault(code)
  return fault && TLS[fault].replace('CODE', code)
}
