import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { expect, test } from '@jest/globals'

const patches = globSync('__tests__/sabotage/*.patch')

test('there are patches', () => {
  expect(patches.length).toBeGreaterThan(30)
})

// One that no longer applies would be found by the long run alone.
test.each(patches)('%s applies', (patch) => {
  expect(() => execFileSync('git', ['apply', '--check', patch], { stdio: 'pipe' })).not.toThrow()
})
