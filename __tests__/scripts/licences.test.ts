import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { INSIDE, withLicencesInside } from '../../scripts/licences.ts'

test('what a package carries inside is listed with its holder, once', () => {
  const list = withLicencesInside('jsonpath-plus\nMIT\ntext of one\n\nundici\nMIT\ntext of another\n', '.')
  expect(list).toMatch(/^jsonpath-plus\nMIT\ntext of one\n/)
  expect(list).toMatch(/\njsep \(inside of jsonpath-plus\)\nMIT\nCopyright \(c\) 2013 Stephen Oney/)
  expect(list).toMatch(/\nllhttp \(inside of undici\)\nMIT\nCopyright Fedor Indutny, 2018/)
  expect(list).toMatch(/\nmilo \(inside of undici\)\nISC\n.*\n\nCopyright \(c\) 2023, and above Paolo Insogna/)
  expect(list).toMatch(/\nws \(inside of undici\)\nMIT\nCopyright \(c\) 2011 Einar Otto Stangvik/)
  expect(withLicencesInside(list, '.')).toBe(list)
})

test('what is listed as a package is not listed again', () => {
  expect(withLicencesInside('undici\nMIT\ntext\n\nws\nMIT\ntext\n', '.')).not.toContain('ws (inside of undici)')
})

test('a bundle without such a package lists nothing of it', () => {
  expect(withLicencesInside('fast-uri\nBSD-3-Clause\ntext\n', '.')).toBe('fast-uri\nBSD-3-Clause\ntext\n')
})

test('every entry of the table is where it says, and names a holder', () => {
  for (const { name, outer } of INSIDE) {
    const list = withLicencesInside(`${outer}\nMIT\n`, '.')
    expect(list.slice(list.indexOf(`${name} (inside of ${outer})`))).toMatch(/^.*\n(MIT|ISC|BSD-3-Clause)\n[\s\S]*Copyright/)
  }
})

test('an entry whose file is gone fails the build by its name', () => {
  const empty = mkdtempSync(join(tmpdir(), 'licences-'))
  expect(() => withLicencesInside('zod\nMIT\n', empty)).toThrow(
    'node_modules/zod/v4/core/schemas.js is not there, but scripts/licences.ts has valibot inside of zod',
  )
  rmSync(empty, { recursive: true })
})

test('every licence that a bundled package keeps in a folder of its own is in the table', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>
  }
  const bundled = Object.entries(packages).filter(([path, { dev, optional }]) => path && !dev && !optional && existsSync(path))
  const nested = bundled.flatMap(([path]) => licencesBelow(path)).map((file) => file.slice('node_modules/'.length))
  expect(nested.length).toBeGreaterThan(0)
  const known = INSIDE.flatMap(({ text }) => ('file' in text ? [text.file] : []))
  expect(nested.filter((file) => !known.includes(file))).toEqual([])
})

function licencesBelow(folder: string, depth = 0): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : licencesBelow(path, depth + 1)
    return depth > 0 && /^(licen[cs]e|copying|notice)/i.test(entry.name) && !/\.[cm]?[jt]s$/.test(entry.name) ? [path] : []
  })
}
