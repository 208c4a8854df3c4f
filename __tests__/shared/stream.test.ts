import { expect, test } from '@jest/globals'
import { jsonLines, readStart, readText } from '../../actions/shared/stream.ts'

/** A body that arrives in pieces of `size` bytes. */
async function* pieces(text: string, size: number): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function lines(text: string, size: number, limit = 100): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const line of jsonLines(pieces(text, size), limit)) found.push(line)
  return found
}

test.each([1, 2, 7, 1000])('text and lines are whole, in pieces of %d bytes', async (size) => {
  expect(await readText(pieces('ä€𝄞\n', size), 10)).toBe('ä€𝄞\n')
  expect(await lines('{"a":"ä€𝄞"}\n\n  \r\n[1]\n', size)).toEqual([{ a: 'ä€𝄞' }, [1]])
})

test('a body over the limit is an error, not a cut', async () => {
  await expect(readText(pieces('ä€𝄞\n', 3), 9)).rejects.toThrow('the answer is larger than 9 bytes')
  expect(await readText(pieces('', 1), 0)).toBe('')
})

test('a line over the limit is an error; many short ones are not', async () => {
  await expect(lines(`"${'x'.repeat(200)}"\n`, 10)).rejects.toThrow('a line of the answer is larger than 100 bytes')
  expect(await lines('"xxxxxxxx"\n'.repeat(50), 20)).toHaveLength(50)
})

test('a line that the end cuts off is dropped, a broken one is an error', async () => {
  expect(await lines('1\n{"a":', 3)).toEqual([1])
  await expect(lines('{"a":\n1\n', 3)).rejects.toThrow(SyntaxError)
})

test('of a large body only the start is read', async () => {
  let read = 0
  async function* endless(): AsyncIterable<Uint8Array> {
    for (;;) yield Buffer.alloc(4, `${read++}`)
  }
  expect(await readStart(endless(), 10)).toBe('0000111122')
  expect(read).toBe(3)
})

test('a long line costs no more than its bytes, however it is cut: what came before is not looked at again', async () => {
  const LENGTH = 200_000
  let bytes = 0
  const { copy, toString: decode }: Pick<Buffer, 'copy' | 'toString'> = Buffer.prototype as Buffer
  Buffer.prototype.copy = function (this: Buffer, target: Uint8Array, at = 0, start = 0, end = this.length) {
    bytes += end - start
    return copy.call(this, target, at, start, end)
  }
  Buffer.prototype.toString = function (this: Buffer, encoding?: BufferEncoding, start = 0, end = this.length) {
    bytes += end - start
    return decode.call(this, encoding, start, end)
  }
  try {
    expect(await lines(`"${'x'.repeat(LENGTH)}"\n`, 10, LENGTH * 2)).toHaveLength(1)
  } finally {
    Object.assign(Buffer.prototype, { copy, toString: decode })
  }
  expect(bytes).toBeGreaterThan(LENGTH)
  expect(bytes).toBeLessThan(4 * LENGTH)
})
