// Requests to Amazon Managed Service for Prometheus, signed by AWS' Signature Version 4.
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { PrometheusOptions } from './connections.ts'

export interface AwsKeys {
  accessKeyId: string
  secretAccessKey: string
  /** Of temporary credentials. */
  sessionToken: string | undefined
}

/** SHA-256 as the signer takes it: with a key an HMAC. */
class Sha256 {
  readonly #fresh: () => Hash | Hmac
  #hash: Hash | Hmac

  constructor(key?: Parameters<typeof bytesOf>[0]) {
    this.#fresh = () => (key === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(key)))
    this.#hash = this.#fresh()
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data)
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {
    this.#hash = this.#fresh()
  }
}

const bytesOf = (data: string | ArrayBuffer | ArrayBufferView): Uint8Array | string => {
  if (typeof data === 'string') return data
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)
}

/** What the environment holds after aws-actions/configure-aws-credentials; undefined without keys. */
export function awsKeys(environment: Record<string, string | undefined>): AwsKeys | undefined {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = environment
  return id && secret ? { accessKeyId: id, secretAccessKey: secret, sessionToken: token || undefined } : undefined
}

/** Signs requests for the service `aps` of a region; `now` in milliseconds since 1970. */
export function awsSigner(
  { sessionToken, ...keys }: AwsKeys,
  region: string,
  now: () => number = Date.now,
  service = 'aps',
): NonNullable<PrometheusOptions['sign']> {
  const signer = new SignatureV4({
    credentials: { ...keys, ...(sessionToken !== undefined && { sessionToken }) },
    region,
    service,
    sha256: Sha256,
    applyChecksum: false,
  })
  return async ({ method, url, headers, body }) => {
    const query: Record<string, string[]> = {}
    for (const name of new Set(url.searchParams.keys())) query[name] = url.searchParams.getAll(name)
    const { protocol, hostname, pathname: path } = url
    const request = { method, protocol, hostname, path, query, headers: { ...headers, host: url.host }, body }
    return (await signer.sign(request, { signingDate: new Date(now()) })).headers
  }
}
