import { afterEach, expect, test } from '@jest/globals'
import {
  bounded,
  counted,
  cut,
  escapeHtml,
  escapeMarkdown,
  excerpt,
  excerptLines,
  oneLine,
  plain,
  readableSeconds,
  redactBeforeCuts,
} from '../../../actions/shared/report/text.ts'
import { hostile } from './hostile.ts'

test('plain shows what is invisible and drops terminal sequences', () => {
  expect(plain('\x1b[31mred\x1b[0m\r\nnext\rlast\ttab')).toBe('red\nnext\nlast\ttab')
  expect(plain('a\u202eb\u200bc\0d\x7f\ufeff\u{e0041}')).toBe('a⟨U+202E⟩b⟨U+200B⟩c␀d⟨U+007F⟩⟨U+FEFF⟩⟨U+E0041⟩')
  expect(plain('👩‍💻 é 日本')).toBe('👩‍💻 é 日本')
  expect(plain('x\ud800y')).toBe('x\ufffdy')
  expect(plain(hostile)).not.toMatch(/[\p{Cf}\p{Cs}]|(?![\n\t])\p{Cc}/u)
})

test('oneLine keeps the parts of several lines apart', () => {
  expect(oneLine(' a \n\n b\tc ')).toBe('a ⏎ b c')
  expect(oneLine('\n a\n')).toBe('a')
})

test.each([
  '\u001b]0;title\u0007a',
  '\u001b]8;;http://x\u001b\\a',
  '\u009b1;31ma',
  '\u001bPq\u009ca',
  '\u001b(Ba',
  '\u001b7a',
  '\u001b[?25la',
])('the terminal sequence %j goes', (text) => expect(plain(text)).toBe('a'))

test('what is plain already stays as it is', () => {
  for (const text of [hostile, '\u001b\u001b[1m[1mx', '\u001b]no end', '\u001b[', '\r\r\n', '\u001b\u001b]0;\u0007[1m'])
    expect([text, plain(plain(text))]).toEqual([text, plain(text)])
})

// Were the time to grow with the square of the text, one of these would take minutes.
test.each([' ', '\n', ' \n', '\t', '\u001b', '\u001b]', '\u001b[', ';?', '\u009d', '@', '\r', '&'])(
  'a quarter of a million of %j take no time',
  (part) => {
    const text = `x\u001b${part.repeat(2 ** 18 / part.length)}\nx`
    for (const read of [plain, oneLine, escapeHtml, escapeMarkdown, (all: string) => excerpt(all, 200)])
      expect(read(text).endsWith('x')).toBe(true)
  },
)

afterEach(() => redactBeforeCuts((text) => text))

test('a cut leaves no half of a secret, at whichever place it goes through it', () => {
  const secret = 'hunter2-s3cr3t'
  redactBeforeCuts((text) => text.replaceAll(secret, '***'))
  const half = /hun|nte|er2|s3c|r3t/
  for (const read of [cut, excerpt, excerptLines, bounded])
    for (let at = 0; at < 100; at++)
      for (const length of [150, 200_000]) {
        const text = `${'.'.repeat(at)}${secret}${'.'.repeat(length)}${secret}${'.'.repeat(99 - at)}`
        expect(read(text, 100)).not.toMatch(half)
      }
})

test('what is bounded already stays as it is', () => {
  for (const length of [100, 101, 1000]) {
    const text = bounded('x'.repeat(length), 100)
    expect(text.length).toBeLessThanOrEqual(100)
    expect(bounded(text, 100)).toBe(text)
  }
  expect(bounded('x'.repeat(3 * 2 ** 20))).toMatch(/^x+ … 2097152 characters cut … x+$/)
})

test('cut keeps both ends, more of the last, and says how much went', () => {
  expect(cut('short', 5)).toBe('short')
  expect(cut('0123456789', 4)).toBe('0 … 6 characters cut … 789')
  expect(cut('😀'.repeat(50), 9)).toBe(cut('😀'.repeat(50), 9).toWellFormed())
})

test('escaped text cannot become structure', () => {
  expect(escapeHtml(`<a href="x" title='y'>&\``)).toBe('&#60;a href=&#34;x&#34; title=&#39;y&#39;&#62;&#38;&#96;')
  expect(escapeMarkdown('a|b\n[x](http://e) www.e.org @me v1.2.3')).toBe(
    'a&#124;b ⏎ &#91;x&#93;(http&#58;//e) www&#46;e.org @<!-- -->me v1.2.3',
  )
  expect(escapeMarkdown(hostile).replaceAll('<!-- -->', '')).not.toMatch(/[<>|`*[\]$\\_~\n]|:\/\/|@(?!<!)\w+<|(?<!&)#/)
})

test.each([
  [0, '0 s'],
  [0.44, '0.4 s'],
  [59.6, '1 min'],
  [61, '1 min 1 s'],
  [3600, '1 h'],
  [3900, '1 h 5 min'],
])('%d seconds read as %s', (seconds, text) => {
  expect(readableSeconds(seconds)).toBe(text)
})

test('numbers stand with the right word', () => {
  expect([0, 1, 2].map((n) => counted(n, 'look'))).toEqual(['0 looks', '1 look', '2 looks'])
  expect(counted(2, 'reply', 'replies')).toBe('2 replies')
})
