// Licences of what dependencies carry inside of their own files: the bundler knows packages only.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE
OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

interface Inside {
  /** The package that carries it. */
  outer: string
  name: string
  licence: string
  text: (root: string) => string
}

const INSIDE: Inside[] = [
  { outer: 'jsonpath-plus', name: 'jsep', licence: 'MIT', text: (root) => readFileSync(join(root, 'node_modules/jsep/LICENSE'), 'utf8') },
  { outer: 'undici', name: 'llhttp', licence: 'MIT', text: () => `Copyright Fedor Indutny, 2018.\n\n${MIT}` },
]

/** Files of licences below a package's folder, but for its own: of what its authors took over from others. */
function nested(folder: string): string[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
  return files
    .filter(
      (file) => file.includes('/') && !/(^|\/)node_modules\//.test(file) && /\/licen[cs]e[^/]*$/i.test(file) && !/\.[cm]?[jt]s$/.test(file),
    )
    .sort()
}

/** A bundle's list of licences with those that the packages in it carry inside; each once. */
export function withLicencesInside(list: string, root: string): string {
  const names = new Set(list.split('\n').map((line) => line.trim()))
  const known = INSIDE.filter(({ outer, name }) => names.has(outer) && !names.has(name)).map(({ name, licence, text }) => ({
    title: `${name}\n${licence}`,
    text: text(root),
  }))
  const packages = [...names].filter(
    (name) => /^(@[\w.-]+\/)?[a-z0-9][\w.-]*$/.test(name) && existsSync(join(root, 'node_modules', name, 'package.json')),
  )
  const found = packages.flatMap((name) =>
    nested(join(root, 'node_modules', name))
      .filter((file) => !names.has(`${name}/${file}`))
      .map((file) => ({ title: `${name}/${file}`, text: readFileSync(join(root, 'node_modules', name, file), 'utf8') })),
  )
  return [...known, ...found].reduce((all, { title, text }) => `${all.trimEnd()}\n\n${title}\n${text.trim()}\n`, list)
}
