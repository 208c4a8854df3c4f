// Licences of what dependencies carry inside of their own files: the bundler knows packages only.
import { existsSync, readFileSync } from 'node:fs'
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

const BSD_OF_GO = `Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are
met:

   * Redistributions of source code must retain the above copyright
notice, this list of conditions and the following disclaimer.
   * Redistributions in binary form must reproduce the above
copyright notice, this list of conditions and the following disclaimer
in the documentation and/or other materials provided with the
distribution.
   * Neither the name of Google LLC nor the names of its
contributors may be used to endorse or promote products derived from
this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS
"AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT
LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR
A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT
OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT
LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE,
DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY
THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT
(INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
`

interface Inside {
  name: string
  licence: string
  /** The package that carries it. */
  outer: string
  /** Where in the package it lies. */
  where: string
  /** The file below node_modules/ that says the licence, or who holds the copyright under the terms given. */
  text: { file: string } | { holder: string; terms: string }
}

const mit = (holder: string): Inside['text'] => ({ holder, terms: MIT })
const node = { name: 'node', licence: 'MIT', text: mit('Copyright Joyent, Inc. and other Node contributors. All rights reserved.') }

// Found by reading what the bundled packages say of themselves: licences in folders of theirs, "adapted from", "ported from", and bundles.
export const INSIDE: Inside[] = [
  { name: 'jsep', licence: 'MIT', outer: 'jsonpath-plus', where: 'dist/index-node-esm.js', text: { file: 'jsep/LICENSE' } },
  {
    name: '@jsep-plugin/assignment',
    licence: 'MIT',
    outer: 'jsonpath-plus',
    where: 'dist/index-node-esm.js',
    text: { file: '@jsep-plugin/assignment/LICENSE' },
  },
  {
    name: '@jsep-plugin/regex',
    licence: 'MIT',
    outer: 'jsonpath-plus',
    where: 'dist/index-node-esm.js',
    text: { file: '@jsep-plugin/regex/LICENSE' },
  },
  { name: 'llhttp', licence: 'MIT', outer: 'undici', where: 'lib/llhttp/llhttp-wasm.js', text: mit('Copyright Fedor Indutny, 2018.') },
  { name: 'milo', licence: 'ISC', outer: 'undici', where: 'lib/milo/simd.js', text: { file: 'undici/lib/milo/LICENSE.md' } },
  {
    name: 'undici-fetch',
    licence: 'MIT',
    outer: 'undici',
    where: 'lib/web/fetch/index.js',
    text: { file: 'undici/lib/web/fetch/LICENSE' },
  },
  { name: 'ws', licence: 'MIT', outer: 'undici', where: 'lib/web/websocket/receiver.js', text: { file: 'ws/LICENSE' } },
  { ...node, outer: 'undici', where: 'lib/dispatcher/fixed-queue.js' },
  { ...node, outer: '@actions/exec', where: 'lib/toolrunner.js' },
  {
    name: 'async-limiter',
    licence: 'MIT',
    outer: 'ws',
    where: 'lib/limiter.js',
    text: mit('Copyright (c) 2017 Samuel Reed <samuel.trace.reed@gmail.com>'),
  },
  {
    name: 'punycode',
    licence: 'MIT',
    outer: 'ajv',
    where: 'dist/runtime/ucs2length.js',
    text: mit('Copyright Mathias Bynens <https://mathiasbynens.be/>'),
  },
  { name: 'valibot', licence: 'MIT', outer: 'zod', where: 'v4/core/schemas.js', text: mit('Copyright (c) Fabian Hiller') },
  {
    name: 'regexp of Go',
    licence: 'BSD-3-Clause',
    outer: 're2js',
    where: 'build/index.js',
    text: { holder: 'Copyright 2009 The Go Authors.', terms: BSD_OF_GO },
  },
]

/**
 * A bundle's list of licences with those that the packages in it carry inside; each once. An entry of the table whose file is gone is an
 * error: the package changed, and what it carries has to be looked at anew.
 */
export function withLicencesInside(list: string, root: string): string {
  const names = new Set(list.split('\n').map((line) => line.trim()))
  const missing = INSIDE.filter((inside) => names.has(inside.outer) && !names.has(inside.name) && !names.has(title(inside)))
  return missing.reduce((all, inside) => `${all.trimEnd()}\n\n${title(inside)}\n${inside.licence}\n${textOf(inside, root)}\n`, list)
}

const title = ({ name, outer }: Inside): string => `${name} (inside of ${outer})`

function textOf({ name, outer, where, text }: Inside, root: string): string {
  const needed = [join(outer, where), ...('file' in text ? [text.file] : [])]
  const gone = needed.find((file) => !existsSync(join(root, 'node_modules', file)))
  if (gone)
    throw new Error(
      `node_modules/${gone} is not there, but scripts/licences.ts has ${name} inside of ${outer}: look where it is now, and mend that table`,
    )
  return ('file' in text ? readFileSync(join(root, 'node_modules', text.file), 'utf8') : `${text.holder}\n\n${text.terms}`).trim()
}
