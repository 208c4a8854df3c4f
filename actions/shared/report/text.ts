// Untrusted text made harmless: every invisible or deceiving character becomes visible or goes, and escaping is one rule for each format.

// Controls, soft hyphen, bidirectional overrides, zero-width marks, line separators and tag characters; the joiners of emoji and scripts stay.
const invisible = /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

const visible = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  if (code === 0x0a || code === 0x09) return character
  return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`
}

// ECMA-48: control sequences (colors, cursor), strings that have an end (titles, links), and single escapes. Linear in the text, unlike Node's
// stripVTControlCharacters: no part can match where its neighbour does.
const [ESC, BEL, CSI, ST, BEGIN] = ['\u001b', '\u0007', '\u009b', '\u009c', '\u0090\u0098\u009d-\u009f']
const sequences = new RegExp(
  [
    `(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]`,
    `(?:${ESC}[\\]PX^_]|[${BEGIN}])[^${BEL}${ESC}\u0080-\u009f]*(?:${BEL}|${ESC}\\\\|${ST})`,
    `${ESC}[ -/]*[0-OQ-WYZ\`-~]`,
  ].join('|'),
  'g',
)

/** Text without terminal sequences and with every invisible character shown as such; line ends become \n. What is plain already stays as it is. */
export function plain(text: string): string {
  return text.toWellFormed().replace(sequences, '').replace(/\r\n?/g, '\n').replace(invisible, visible)
}

/** `plain`, on one line. */
export const oneLine = (text: string): string =>
  plain(text)
    .split('\n')
    .flatMap((line) => line.replaceAll('\t', ' ').trim() || [])
    .join(' ⏎ ')

/** More characters of one text than anybody reads: what is longer is not even searched. */
const most = 2 ** 20
/** Around a cut, the characters in which a part of a secret may stand that is not known by itself; longer secrets are known by their pieces. */
const edge = 16 * 1024

let hide = (text: string): string => text

/**
 * Sets what every cut does first, for the whole process: `redact` takes the secrets out of a text. A half of a secret, which is what a cut
 * may leave of it, is no longer recognized.
 */
export function redactBeforeCuts(redact: (text: string) => string): void {
  hide = redact
}

/**
 * At most `limit` characters of a text (1 Mi), with the middle left out of a longer one and a note that says so, and no part of a secret
 * beside the note. What is bounded already stays as it is.
 */
export function bounded(text: string, limit = most): string {
  if (text.length <= limit) return text
  const note = ` … ${text.length - limit} characters cut … `
  const kept = limit - note.length
  const head = Math.floor(kept / 4)
  const first = hide(text.slice(0, head + edge)).slice(0, -edge)
  return (first + note + hide(text.slice(head - kept - edge)).slice(edge)).toWellFormed()
}

/**
 * At most `limit` characters of the text, with the middle left out (a quarter from the beginning, the rest from the end) and a note that
 * says so. It is bounded and redacted before.
 */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  const safe = hide(bounded(text))
  if (safe.length <= limit) return safe
  const head = Math.floor(limit / 4)
  const note = ` … ${safe.length - limit} characters cut … `
  return (safe.slice(0, head) + note + safe.slice(safe.length - (limit - head))).toWellFormed()
}

/** Foreign text as a part of a sentence: redacted, on one line, at most `limit` characters of it. */
export const excerpt = (text: string, limit: number): string => cut(oneLine(hide(bounded(text))), limit)

/** Foreign text as evidence: plain, at most `limit` characters of it. */
export const excerptLines = (text: string, limit: number): string => cut(plain(bounded(text)), limit)

/** For HTML text and quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`)

/**
 * For text inside a line or a table cell of GitHub Markdown: character references are never structure, so no markup, table cell,
 * link, mention, math or HTML can begin. Line ends become spaces.
 */
export const escapeMarkdown = (text: string): string =>
  oneLine(text)
    .replace(/[\\`*_{}[\]<>&|~$#]|:(?=\/\/)|(?<=www)\./gi, (c) => `&#${c.charCodeAt(0)};`)
    // A reference does not stop GitHub's mention filter, which works on the rendered text: an empty comment does.
    .replaceAll('@', '@<!-- -->')

/** A number with what it counts: `1 look`, `2 looks`; `many` where the plural is not the word with an s. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** Seconds as people say them: 0.4 s, 12 s, 3 min 20 s, 1 h 5 min. */
export function readableSeconds(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const [big, small, names] = whole < 3600 ? [60, 1, ['min', 's']] : [3600, 60, ['h', 'min']]
  const rest = Math.floor((whole % big) / small)
  return `${Math.floor(whole / big)} ${names[0]}${rest ? ` ${rest} ${names[1]}` : ''}`
}
