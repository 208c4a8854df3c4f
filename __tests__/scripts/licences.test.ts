import { expect, test } from '@jest/globals'
import { withLicencesInside } from '../../scripts/licences.ts'

test('what a package carries inside is listed with its holder, once', () => {
  const list = withLicencesInside('jsonpath-plus\nMIT\ntext of one\n\nundici\nMIT\ntext of another\n', '.')
  expect(list).toMatch(/^jsonpath-plus\nMIT\ntext of one\n/)
  expect(list).toMatch(/\njsep\nMIT\nCopyright \(c\) 2013 Stephen Oney/)
  expect(list).toMatch(/\nllhttp\nMIT\nCopyright Fedor Indutny, 2018/)
  expect(withLicencesInside(list, '.')).toBe(list)
})

test('a bundle without such a package lists nothing of it', () => {
  expect(withLicencesInside('ws\nMIT\ntext\n', '.')).toBe('ws\nMIT\ntext\n')
})

test('files of licences below a package are listed by their place, once', () => {
  const list = withLicencesInside('undici\nMIT\ntext\n', '.')
  expect(list).toContain('\nundici/lib/web/fetch/LICENSE\nMIT License\n\nCopyright (c) 2020 Ethan Arrowood')
  expect(withLicencesInside(list, '.')).toBe(list)
})
