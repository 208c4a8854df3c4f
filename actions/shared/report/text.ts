// Untrusted text made harmless: every invisible or deceiving character becomes visible or goes, and escaping is one rule for each format.
import { stripVTControlCharacters } from 'node:util'

// Controls, soft hyphen, bidirectional overrides, zero-width marks, line separators and tag characters; the joiners of emoji and scripts stay.
const invisible = /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

const visible = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  if (code === 0x0a || code === 0x09) return character
  return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`
}

/** Text without terminal sequences and with every invisible character shown as such; line ends become \n. */
export function plain(text: string): string {
  return stripVTControlCharacters(text.toWellFormed()).replace(/\r\n?/g, '\n').replace(invisible, visible)
}

/** `plain`, on one line. */
export const oneLine = (text: string): string =>
  plain(text)
    .replace(/\s*\n\s*/g, ' ⏎ ')
    .replaceAll('\t', ' ')
    .trim()

/** At most `limit` characters of the text, with the middle left out (a quarter from the beginning, the rest from the end) and a note that says so. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  const head = Math.floor(limit / 4)
  const note = ` … ${text.length - limit} characters cut … `
  return (text.slice(0, head) + note + text.slice(text.length - (limit - head))).toWellFormed()
}

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

/** Seconds as people say them: 0.4 s, 12 s, 3 min 20 s, 1 h 5 min. */
export function readableSeconds(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const [big, small, names] = whole < 3600 ? [60, 1, ['min', 's']] : [3600, 60, ['h', 'min']]
  const rest = Math.floor((whole % big) / small)
  return `${Math.floor(whole / big)} ${names[0]}${rest ? ` ${rest} ${names[1]}` : ''}`
}
