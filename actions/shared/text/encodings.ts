// Encoded text read back: the escapes of JSON, JavaScript, Go, C, shells and regular expressions, of URLs, of HTML and XML. Which characters
// a writer encodes, and in which of its ways, makes no difference to the reader.
import { plain } from '../report/text.ts'

/** A text that was read out of another one. */
export interface View {
  text: string
  /** For each character (UTF-16 unit) of the text: where it begins and ends in what it was read from. */
  from: Uint32Array
  to: Uint32Array
}

// Each alternative is bounded or a row of one kind, so that the whole is linear.
const ESCAPE =
  /\\u\{([0-9a-fA-F]{1,6})\}|[\\%]u([0-9a-fA-F]{4})|&#(\d{1,7});?|&#[xX]([0-9a-fA-F]{1,6});?|&([A-Za-z][A-Za-z0-9]{1,8});|((?:%[0-9a-fA-F]{2})+|(?:\\x[0-9a-fA-F]{2})+|(?:\\[0-3][0-7]{2})+)|\\([^0-9A-Zac-eg-mo-qsuw-z])/g

const LETTERS: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

// ASCII by the names of HTML 5, and Latin-1 from 160 on by those of HTML 4.
const LATIN =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml'
const ASCII =
  'Tab 9 NewLine 10 excl 33 quot 34 QUOT 34 num 35 dollar 36 percnt 37 amp 38 AMP 38 apos 39 lpar 40 rpar 41 ast 42 midast 42 plus 43 comma 44 period 46 sol 47 colon 58 semi 59 lt 60 LT 60 equals 61 gt 62 GT 62 quest 63 commat 64 lsqb 91 lbrack 91 bsol 92 rsqb 93 rbrack 93 Hat 94 lowbar 95 UnderBar 95 grave 96 lcub 123 lbrace 123 verbar 124 vert 124 rcub 125 rbrace 125'
const NAMES = new Map<string, number>([
  ...LATIN.split(' ').map((name, i): [string, number] => [name, 160 + i]),
  ...[...ASCII.matchAll(/(\w+) (\d+)/g)].map(([, name = '', code]): [string, number] => [name, Number(code)]),
])

/** The text with its escapes read, once: what was encoded twice takes two calls. Undefined where nothing is encoded. */
export function decoded(text: string): View | undefined {
  let parts: string[] | undefined
  const from = new Uint32Array(text.length)
  const to = new Uint32Array(text.length)
  let size = 0
  let done = 0
  const put = (part: string, at: number, width: number, step: number): void => {
    parts?.push(part)
    for (let i = 0; i < part.length; i++) {
      from[size] = at + i * step
      to[size++] = at + i * step + width
    }
  }
  for (const match of text.matchAll(ESCAPE)) {
    const read = meaning(match)
    if (!read) continue
    parts ??= []
    put(text.slice(done, match.index), done, 1, 1)
    let at = match.index
    for (const [character, width] of read) {
      put(character, at, width, 0)
      at += width
    }
    done = match.index + match[0].length
  }
  if (!parts) return undefined
  put(text.slice(done), done, 1, 1)
  return { text: parts.join(''), from, to }
}

/** The characters that an escape stands for, each with the length of what stands for it; undefined for what is none. */
function meaning([whole, braced, unit, decimal, hex, name, bytes, letter]: RegExpExecArray): [string, number][] | undefined {
  if (bytes !== undefined) return fromBytes(bytes)
  if (unit !== undefined) return [[shown(String.fromCharCode(Number.parseInt(unit, 16))), whole.length]]
  if (letter !== undefined) return [[shown(LETTERS[letter] ?? letter), whole.length]]
  const code = name !== undefined ? NAMES.get(name) : decimal !== undefined ? Number(decimal) : Number.parseInt(braced ?? hex ?? '', 16)
  return code === undefined || code > 0x10ffff ? undefined : [[shown(String.fromCodePoint(code)), whole.length]]
}

/** As `plain` shows a character; of a line end of two characters the second remains. Halves of a character are put together later. */
const shown = (character: string): string => (character === '\r' ? '' : /^\p{Cs}/u.test(character) ? character : plain(character))

/** Bytes as UTF-8, and what is none as Latin-1, which is what JavaScript's own escapes mean. */
function fromBytes(text: string): [string, number][] {
  const width = text.startsWith('%') ? 3 : 4
  const octal = width === 4 && text[1] !== 'x'
  const bytes = Array.from({ length: text.length / width }, (_, i) =>
    octal ? Number.parseInt(text.slice(i * 4 + 1, i * 4 + 4), 8) : Number.parseInt(text.slice(i * width + width - 2, (i + 1) * width), 16),
  )
  const found: [string, number][] = []
  for (let i = 0; i < bytes.length; ) {
    const [first = 0] = bytes.slice(i, i + 1)
    const length = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    const character = length > 1 ? Buffer.from(bytes.slice(i, i + length)).toString('utf8') : ''
    const whole = /^[^\ufffd]$/u.test(character)
    found.push(whole ? [shown(character), length * width] : [shown(String.fromCharCode(first)), width])
    i += whole ? length : 1
  }
  return found
}
