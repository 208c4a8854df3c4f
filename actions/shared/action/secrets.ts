// The secrets of a run, and text without them: the runner masks the log only, not the report, the summary, the outputs or what is stored.
// A secret is found in whatever form clients and servers write it: escaped for JSON, URLs, HTML, also twice; as base64, also in the midst of
// a longer text that was encoded; as hex; line by line.
import { plain } from '../report/text.ts'
import { decoded } from '../text/encodings.ts'
import { Needles, SHORTEST } from '../text/needles.ts'

export interface Secrets {
  /**
   * Nothing is done for less than two characters. What is shorter than four is hidden where it stands alone, not inside of words: foreign
   * text could else black out a whole log.
   */
  add: (secret: string) => void
  /** The text without secrets; what holds none stays as it is. Linear in the text. */
  redact: (text: string) => string
}

/** Whether the runner may be told to mask it: it hides every place, and leaves out each job output that holds one. */
export const isLongEnough = (secret: string): boolean => secret.trim().length >= SHORTEST

/** Lines of a secret that are shorter than this (`}`, `kind: x`) would hide half of a report. */
const lineLength = 8
/** How often text may be encoded one upon the other. */
const depth = 3

/** A space is a + in addresses and forms. */
const folded = (text: string): string => text.replaceAll('+', ' ')

/** The secret as a whole, and its lines. */
function partsOf(secret: string): string[] {
  const whole = plain(secret)
  const lines = whole.split('\n').map((line) => line.trim())
  return [...new Set([whole, whole.trim(), ...(lines.length > 1 ? lines.filter((line) => line.length >= lineLength) : [])])]
}

/** A text, and what is left of it where a reader takes some of it for escapes. */
function readings(text: string): string[] {
  const found = [text]
  for (let at: string | undefined = text; at !== undefined && found.length <= depth; ) {
    at = decoded(at)?.text
    if (at !== undefined) found.push(at)
  }
  return found
}

/** Fewer characters of base64 are in too many texts. */
const leastEncoded = 6

/** Base64 of a text at each of the three places that it may have in groups of three bytes, without what its neighbours decide too. */
function addBase64(text: string, needles: Needles): void {
  const bytes = Buffer.from(text)
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
    const mixed = (shift + bytes.length) % 3 ? 1 : 0
    for (const form of ['base64', 'base64url'] as const) {
      const all = encoded.toString(form).replace(/=+$/, '')
      const own = all.slice(shift && shift + 1, all.length - mixed)
      if (own.length >= leastEncoded) needles.add(folded(own), { before: shift ? 1 : 0, after: mixed })
      if (!shift && mixed && all.length >= leastEncoded) needles.add(folded(all))
    }
  }
}

export function createSecrets(): Secrets {
  const needles = new Needles()
  const short = new Set<string>()
  const known = new Set<string>()
  const add = (secret: string): void => {
    for (const part of partsOf(secret)) {
      const { length } = part.trim()
      if (length < 2 || known.has(part)) continue
      known.add(part)
      if (length < SHORTEST) {
        short.add(part)
        continue
      }
      for (const reading of readings(part)) if (reading.trim().length >= SHORTEST) needles.add(folded(reading))
      addBase64(part, needles)
      const hex = Buffer.from(part).toString('hex')
      needles.add(hex)
      needles.add(hex.toUpperCase())
    }
  }
  const redact = (text: string): string => {
    if (known.size === 0) return text
    // Compared without terminal sequences and the like, which would come off later and put a secret together again.
    const clear = plain(text)
    const hidden = new Uint8Array(clear.length)
    let any = false
    const hide = (from: number, to: number): void => {
      any = true
      hidden.fill(1, from, to)
    }
    for (const word of short) findAlone(clear, word, hide)
    let view = clear
    let origin = (from: number, to: number): [number, number] => [from, to]
    for (let level = 0; ; level++) {
      const placed = origin
      needles.find(folded(view), (from, to) => hide(...placed(from, to)))
      const next = level < depth ? decoded(view) : undefined
      if (!next) break
      view = next.text
      origin = (from, to) => placed(next.from[from] ?? 0, next.to[to - 1] ?? 0)
    }
    return any ? covered(clear, hidden) : text
  }
  return { add, redact }
}

const isPartOfWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}_]/u.test(character)

function findAlone(text: string, word: string, found: (from: number, to: number) => void): void {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    if (!isPartOfWord(text[at - 1]) && !isPartOfWord(text[at + word.length])) found(at, at + word.length)
}

/** The text with three stars for each row of characters that are hidden. */
function covered(text: string, hidden: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = hidden.indexOf(hidden[at] ? 0 : 1, at)
    const to = end < 0 ? text.length : end
    parts.push(hidden[at] ? '***' : text.slice(at, to))
    at = to
  }
  return parts.join('')
}
