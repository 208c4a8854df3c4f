import type { Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { Fault } from '../fault.ts'

const decoders = { gzip: gunzipSync, 'x-gzip': gunzipSync, deflate: inflateSync, br: brotliDecompressSync, zstd: zstdDecompressSync }

/**
 * Reads a body up to `limit` bytes, before and after decompression: what is larger is a fault as soon as that is known, and the rest is
 * neither read nor decompressed. An encoding that is not known leaves the bytes as they came.
 */
export async function boundedBody(body: Readable, encoding: string, limit: number): Promise<Buffer> {
  const raw = await collect(body, limit)
  const name = encoding.trim().toLowerCase()
  if (!Object.hasOwn(decoders, name) || raw.length === 0) return raw
  try {
    // Here and not in libuv's threads, which DNS that does not answer may hold for seconds.
    return decoders[name as keyof typeof decoders](raw, { maxOutputLength: limit })
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge('the decompressed body', limit, error)
    throw new Fault('malformed', 'body', `the body is not ${name}, as its content-encoding says (${message})`, { cause: error })
  }
}

async function collect(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw tooLarge('the body', limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const tooLarge = (what: string, limit: number, cause?: unknown): Fault =>
  new Fault('oversized', 'body', `${what} is larger than ${limit} bytes (max-body)`, { cause })
