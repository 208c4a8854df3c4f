import { expect, test } from '@jest/globals'
import { createSecrets } from '../../../actions/shared/action/secrets.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const base64url = (text: string): string => Buffer.from(text).toString('base64url')
/** Every character as a function writes it. */
const each = (text: string, write: (code: number, character: string) => string): string =>
  Array.from(text, (character) => write(character.codePointAt(0) ?? 0, character)).join('')
const hex = (code: number, width = 2): string => code.toString(16).padStart(width, '0')
const bytes = (text: string, write: (byte: string) => string): string => [...Buffer.from(text)].map((byte) => write(hex(byte))).join('')
/** As Go's encoding/json writes it, which is what Kubernetes answers with. */
const goJson = (text: string): string =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[&<>\u2028]/g, (character) => `\\u${hex(character.charCodeAt(0), 4)}`)
const rfc3986 = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${hex(c.charCodeAt(0))}`)
const html = (text: string): string =>
  text.replace(/[&<>"'ö]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;', ö: '&ouml;' })[c] ?? c)

const forms: Record<string, (secret: string) => string> = {
  'as it is': (s) => s,
  JSON: (s) => JSON.stringify(s).slice(1, -1),
  'JSON of Go': goJson,
  'JSON in JSON': (s) => JSON.stringify(JSON.stringify(s)).slice(3, -3),
  'JSON of Go, quoted by Go': (s) => JSON.stringify(goJson(s)).slice(1, -1),
  'JSON of PHP': (s) => JSON.stringify(s).slice(1, -1).replaceAll('/', '\\/'),
  'JSON in ASCII': (s) => each(s, (code, c) => (code > 126 || '"\\'.includes(c) ? `\\u${hex(code, 4)}` : c)),
  'escapes of JavaScript': (s) => each(s, (code) => `\\u{${hex(code, 1)}}`),
  'hexadecimal escapes': (s) => each(s, (code) => `\\x${hex(code)}`),
  'bytes of Python': (s) => bytes(s, (byte) => `\\x${byte}`),
  'octal escapes': (s) => bytes(s, (byte) => `\\${Number.parseInt(byte, 16).toString(8).padStart(3, '0')}`),
  'escapes of a shell': (s) => s.replace(/[^\w ö]/g, '\\$&'),
  encodeURIComponent,
  'encodeURIComponent in lower case': (s) => encodeURIComponent(s).replace(/%../g, (c) => c.toLowerCase()),
  'RFC 3986': rfc3986,
  'RFC 3986, twice': (s) => rfc3986(rfc3986(s)),
  'all of it': (s) => bytes(s, (byte) => `%${byte}`),
  URLSearchParams: (s) => new URLSearchParams({ s }).toString().slice(2),
  'URLSearchParams with %20': (s) => new URLSearchParams({ s }).toString().slice(2).replaceAll('+', '%20'),
  escape: (s) => each(s, (code, c) => (/\w/.test(c) ? c : code > 255 ? `%u${hex(code, 4)}` : `%${hex(code)}`)),
  HTML: html,
  'HTML by numbers': (s) => each(s, (code) => `&#${code};`),
  'HTML by hexadecimal numbers': (s) => each(s, (code) => `&#x${hex(code, 4)};`),
  'JSON in HTML': (s) => html(JSON.stringify(s).slice(1, -1)),
  'an address in HTML': (s) => html(new URLSearchParams({ s }).toString().slice(2)),
  hex: (s) => Buffer.from(s).toString('hex'),
  'hex in upper case': (s) => Buffer.from(s).toString('hex').toUpperCase(),
  'hidden by terminal sequences': (s) => each(s, (_, c) => `\x1b[1m${c}`),
}

test.each(Object.entries(forms))('a secret is found as %s', (_, write) => {
  for (const secret of ['p"ss/wörd+1', "p&ss/w<rd-12345>'", 'p@ss word!x9', "~(tilde)'s *", 'a\\nb%41c&amp;d', 'hunter2-s3cr3t']) {
    const secrets = createSecrets()
    secrets.add(secret)
    const found = secrets.redact(`a: ${write(secret)} b`)
    expect([secret, write(secret), found]).toEqual([secret, write(secret), 'a: *** b'])
    // Twice is as once.
    expect(secrets.redact(found)).toBe(found)
  }
})

test.each(['hunter2-s3cr3t', 'pä?ss>wo~rd+/1', 'p@ss word!x9'])(
  '%s is found in base64, wherever it stands in what was encoded',
  (secret) => {
    for (const before of ['', 'a', 'bo', 'bob', 'user'])
      for (const after of ['', 'x', 'xy', 'xyz'])
        for (const encode of [
          base64,
          base64url,
          (text: string) => base64(text).replace(/=+$/, ''),
          (text: string) => rfc3986(base64(text)),
        ]) {
          const secrets = createSecrets()
          secrets.add(secret)
          const text = encode(`${before}:${secret}${after}`)
          const rest = secrets.redact(`Basic ${text}`)
          expect(rest).toContain('***')
          // What is left is what stands around it: not one character that a letter of the secret decides.
          expect(rest.replace('Basic ', '').replaceAll(/\*\*\*|=|%3D/gi, '').length).toBeLessThanOrEqual(
            Math.ceil(((before.length + 1 + after.length) * 4) / 3),
          )
        }
  },
)

test('a secret in base64 alone leaves nothing of it', () => {
  const secrets = createSecrets()
  secrets.add('p"ss/wörd+1')
  for (const form of [base64('p"ss/wörd+1'), base64('p"ss/wörd+1').replaceAll('=', ''), base64url('p"ss/wörd+1')])
    expect(secrets.redact(`a ${form} b`)).toMatch(/^a \*\*\*=* b$/)
})

test('the lines of a secret are secret, but not its punctuation', () => {
  const secrets = createSecrets()
  secrets.add('{\n  "key": "abcdefgh"\n}\n')
  expect(secrets.redact('{ "key": "abcdefgh" }')).toBe('{ *** }')
  expect(secrets.redact(JSON.stringify('x\n  "key": "abcdefgh"\r\n'))).toBe('"x\\n  ***\\r\\n"')
})

test('a secret within another leaves nothing of it; an empty one hides nothing', () => {
  const secrets = createSecrets()
  secrets.add('inner')
  secrets.add('outer-inner-secret')
  secrets.add('  \n')
  expect(secrets.redact('outer-inner-secret inner \n')).toBe('*** *** \n')
  secrets.add('secret-and-more')
  expect(secrets.redact('outer-inner-secret-and-more')).toBe('***')
})

test('what is short is hidden where it stands alone, and never blacks out words', () => {
  const secrets = createSecrets()
  for (const secret of ['e', 'co', 'x-1']) secrets.add(secret)
  expect(secrets.redact('connect code e "co" x-1 x-12 =co')).toBe('connect code e "***" *** x-12 =***')
})

test('what holds no secret stays as it is', () => {
  const secrets = createSecrets()
  secrets.add('hunter2-s3cr3t')
  const text = 'a\x1b[31m b\u202e \\u0026 %41 &lt; hunter2 s3cr3t'
  expect(secrets.redact(text)).toBe(text)
})

test('a long secret goes as a whole, however long, and however it is written', () => {
  const secrets = createSecrets()
  const secret = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(33 + ((i * i * 31 + i) % 90))).join('')
  secrets.add(secret)
  for (const write of [forms['as it is'], goJson, rfc3986, base64])
    expect(secrets.redact(`a ${write?.(secret)} b`)).toMatch(/^a \*\*\*=* b$/)
})

// Were the time to grow with the product of both, one of these would take minutes.
test('many secrets, and text that is like them, cost no more than reading both', () => {
  const secrets = createSecrets()
  const line = (i: number): string => `    certificate-authority-data: ${base64(`${i}`.repeat(20))}`
  secrets.add(Array.from({ length: 5000 }, (_, i) => line(i)).join('\n'))
  expect(secrets.redact(`${line(7).trim()} and ${base64(line(4321).trim())}`)).toMatch(/^\*\*\* and \*\*\*=*$/)
  for (const text of ['certificate-authority-data: ', ' ', '\\u0026', '%25', '\x1b]', '\x1b;?', '&', '\\'])
    expect(secrets.redact(text.repeat(2 ** 18 / text.length))).not.toContain('***')
})
