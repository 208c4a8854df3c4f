import { globSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'

/** Every stable name that an error or a rejection of the sources bears, where bluegreen-deploy can meet it. */
function codes(): Set<string> {
  const files = globSync('actions/{bluegreen-deploy,shared/kubernetes,shared/action}/**/*.ts')
  const texts = files.map((file) => readFileSync(file, 'utf8'))
  const patterns = [/\bcode = '([a-z-]+)'/g, /\bnew Rejected\('([a-z-]+)'/g, /\bcode: '([a-z]+(?:-[a-z]+)+)'/g]
  return new Set(texts.flatMap((text) => patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, code = '']) => code))))
}

test('every code is listed in the README, and the README lists no other', () => {
  const section = /## Error codes\n([\s\S]*?)\n## /.exec(readFileSync('actions/bluegreen-deploy/README.md', 'utf8'))?.[1] ?? ''
  const listed = new Set(
    [...section.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, code = '']) => code)),
  )
  const known = codes()
  expect(known.size).toBeGreaterThan(15)
  expect([...known].filter((code) => !listed.has(code))).toEqual([])
  // Those of a table by the kind of trouble, and those that the run itself gives.
  const elsewhere = ['image-missing', 'bad-config', 'pod-crashes', 'no-node', 'input', 'cancelled']
  expect([...listed].filter((code) => !known.has(code) && !elsewhere.includes(code))).toEqual([])
})
