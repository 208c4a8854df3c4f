// What the process writes to its standard streams. The runner reads both for commands, so only the log writes there as it likes; whatever Node,
// a library or its console writes by itself is foreign text.

let ours = 0
/** Of a line without an end, as much is told at once. */
const longest = 64 * 1024

/** What `write` writes goes out as it is. */
export function asOurs<T>(write: () => T): T {
  ours++
  try {
    return write()
  } finally {
    ours--
  }
}

/**
 * From now on all that others write to the standard streams, and each warning of Node, goes to `tell`, a line at a time. A stream that
 * nobody reads any more is no error: the work goes on, and its outcome stays. Returns what tells the rest of lines that have no end.
 */
export function guardStreams(tell: (line: string) => void): () => void {
  const ends = [process.stdout, process.stderr].map((stream) => guard(stream, tell))
  // Node's own listener would tell it a second time, in some versions past the streams.
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => tell(`${name}: ${message}`))
  return () => {
    for (const end of ends) end()
  }
}

function guard(stream: NodeJS.WriteStream, tell: (line: string) => void): () => void {
  stream.on('error', () => undefined)
  const write = stream.write.bind(stream) as (...all: unknown[]) => boolean
  const decoder = new TextDecoder()
  let begun: string[] = []
  let size = 0
  const end = (): void => {
    const line = begun.join('')
    begun = []
    size = 0
    if (line.trim()) tell(line)
  }
  const take = (chunk: string | Uint8Array): void => {
    const [first = '', ...lines] = (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })).split('\n')
    begun.push(first)
    size += first.length
    for (const line of lines) {
      end()
      begun.push(line)
      size = line.length
    }
    if (size > longest) end()
  }
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    if (ours > 0) return write(chunk, ...rest)
    take(chunk)
    const done = rest.find((one): one is () => void => typeof one === 'function')
    if (done) process.nextTick(done)
    return true
  }
  return end
}
