const LINE_FEED = 10

/** Bytes that are put together as they come. The room doubles, so that the work grows with the bytes, however small their pieces are. */
class Bytes {
  #room = Buffer.allocUnsafe(4096)
  size = 0

  add(part: Uint8Array): void {
    if (this.size + part.length > this.#room.length) {
      const room = Buffer.allocUnsafe(Math.max(2 * this.#room.length, this.size + part.length))
      this.#room.copy(room, 0, 0, this.size)
      this.#room = room
    }
    this.#room.set(part, this.size)
    this.size += part.length
  }

  /** The text so far; what comes then begins anew. */
  take(): string {
    const text = this.#room.toString('utf8', 0, this.size)
    this.size = 0
    return text
  }
}

/** Reads a body up to `limit` bytes; a larger one is an error, not a cut. */
export async function readText(body: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const bytes = new Bytes()
  for await (const chunk of body) {
    if (bytes.size + chunk.length > limit) throw new Error(`the answer is larger than ${limit} bytes`)
    bytes.add(chunk)
  }
  return bytes.take()
}

/** The first `limit` bytes of a body whose rest nobody needs. */
export async function readStart(body: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const bytes = new Bytes()
  for await (const chunk of body) {
    bytes.add(chunk.subarray(0, limit - bytes.size))
    if (bytes.size >= limit) break
  }
  return bytes.take()
}

/**
 * Yields the JSON value of each line; a line that is cut off by the end of the stream is dropped, a broken one is an error, as is one of
 * more than `limit` bytes. Each byte is looked at once, however the stream is cut into chunks.
 */
export async function* jsonLines(body: AsyncIterable<Uint8Array>, limit: number): AsyncIterable<unknown> {
  const line = new Bytes()
  const keep = (part: Uint8Array): void => {
    if (line.size + part.length > limit) throw new Error(`a line of the answer is larger than ${limit} bytes`)
    line.add(part)
  }
  for await (const chunk of body) {
    let start = 0
    // No byte of a longer character of UTF-8 is a line feed.
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, end))
      start = end + 1
      const text = line.take()
      if (text.trim()) yield JSON.parse(text)
    }
    keep(chunk.subarray(start))
  }
}
