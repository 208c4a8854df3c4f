import { expect, test } from '@jest/globals'
import { cut, escapeHtml, escapeMarkdown, oneLine, plain, readableSeconds } from '../../../actions/shared/report/text.ts'
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
