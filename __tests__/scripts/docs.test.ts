import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { readContract } from '../../scripts/actions.ts'
import { fillTables, refresh } from '../../scripts/docs.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'docs-'))
  mkdirSync(join(root, 'actions/demo'), { recursive: true })
  writeFileSync(
    join(root, 'actions/demo/action.yml'),
    `name: Demo
description: Shows.
inputs:
  mode: { description: "either a | b\\n or \`c\`", required: true }
  wait: { description: How long., default: 5m }
outputs:
  outcome: { description: What came out. }
runs: { using: node24, main: x }
`,
  )
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('tables come from action.yml, between the markers only', () => {
  const contracts = new Map([['demo', readContract(join(root, 'actions/demo/action.yml'))]])
  const text =
    'before\n<!-- inputs -->old<!-- /inputs -->\nbetween\n<!-- outputs demo --><!-- /outputs -->\n<!-- actions -->\n<!-- /actions --> after'
  const filled = fillTables(text, 'demo', contracts)
  expect(filled).toBe(`before
<!-- inputs -->

| Input | Default | What it is |
| --- | --- | --- |
| \`mode\` | **required** | either a \\| b or \`c\` |
| \`wait\` | \`5m\` | How long. |

<!-- /inputs -->
between
<!-- outputs demo -->

| Output | What it is |
| --- | --- |
| \`outcome\` | What came out. |

<!-- /outputs -->
<!-- actions -->

| Action | What it does |
| --- | --- |
| [demo](actions/demo/README.md) | Shows. |

<!-- /actions --> after`)
  expect(fillTables(filled, 'demo', contracts)).toBe(filled)
  expect(() => fillTables(text, undefined, contracts)).toThrow('<!-- inputs -->: there is no action named')
})

test('a check names the stale files and leaves them alone', () => {
  const [front, own] = [join(root, 'README.md'), join(root, 'actions/demo/README.md')]
  writeFileSync(front, '<!-- inputs demo --><!-- /inputs -->')
  writeFileSync(own, 'no markers')
  expect(refresh(root, true)).toEqual(['README.md'])
  expect(readFileSync(front, 'utf8')).toBe('<!-- inputs demo --><!-- /inputs -->')
  expect(refresh(root, false)).toEqual(['README.md'])
  expect(refresh(root, true)).toEqual([])
})

test('what the proofs showed is a table', () => {
  const figures = { 'prove -- x': { claim: 'It holds', figures: { requests: 12345, failed: 0, kept_seconds: 7.5 } } }
  expect(fillTables('<!-- figures --><!-- /figures -->', undefined, new Map(), figures)).toContain(
    '| `npm run prove -- x` | It holds | requests 12,345, failed 0, kept_seconds 7.5 |',
  )
})
