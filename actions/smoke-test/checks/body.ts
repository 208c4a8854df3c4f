import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { Fault, faultOf } from '../fault.ts'

const decoders = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

/**
 * Reads a body up to `limit` bytes, before and after decompression: what is larger is a fault as soon as that is known, and the rest is
 * neither read nor decompressed. An encoding that is not known leaves the bytes as they came.
 */
export async function boundedBody(body: Readable, encoding: string, limit: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase()
  const decoder = Object.hasOwn(decoders, name) ? decoders[name as keyof typeof decoders]() : undefined
  if (!decoder) return collect(body, limit, 'the body')
  let failure: Error | undefined
  // The compressed side fails on its own: a connection that breaks is not a broken archive.
  body.once('error', (error: Error) => {
    failure = error
    decoder.destroy(error)
  })
  body.pipe(decoder)
  try {
    return await collect(decoder, limit, 'the decompressed body')
  } catch (error) {
    if (failure || error instanceof Fault) throw error
    throw new Fault('malformed', 'body', `the body is not ${name}, as its content-encoding says (${faultOf(error, 'body').message})`, {
      cause: error,
    })
  } finally {
    body.destroy()
    decoder.destroy()
  }
}

async function collect(stream: Readable, limit: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new Fault('oversized', 'body', `${what} is larger than ${limit} bytes (max-body)`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
