import { expect, test } from '@jest/globals'
import { configName, isColor, isKept, otherColor, previewName } from '../../../actions/bluegreen-deploy/release/names.ts'

test.each([
  ['shop', 'settings', 'shop-settings-blue'],
  ['shop', 'shop-settings', 'shop-settings-blue'],
  ['shop', 'shop', 'shop-blue'],
  ['shop', 'shopping', 'shop-shopping-blue'],
])('a color’s copy in release %s of %s is %s', (release, name, copy) => {
  expect(configName(release, name, 'blue')).toBe(copy)
})

test('two releases of one namespace that read a ConfigMap of one name do not meet', () => {
  expect(configName('web', 'settings', 'blue')).not.toBe(configName('api', 'settings', 'blue'))
})

test.each([
  ['ConfigMap/bluegreen-shop', true],
  ['Lease/bluegreen-shop', true],
  ['Secret/bluegreen-shop-r12', true],
  ['Secret/bluegreen-shop', false],
  ['ConfigMap/bluegreen-shop-r12', false],
  ['Secret/bluegreen-shop-r', false],
  ['Secret/bluegreen-shop-r1x', false],
  ['Secret/bluegreen-shops-r1', false],
])('%s is kept by the release itself: %j', (name, kept) => {
  expect(isKept('shop', name)).toBe(kept)
})

test('there are two colors, and each is the other of the other', () => {
  expect([otherColor('blue'), otherColor('green')]).toEqual(['green', 'blue'])
  expect(['blue', 'green', 'red', 'Blue', '', undefined, null, 5].map(isColor)).toEqual([true, true, ...Array<boolean>(6).fill(false)])
})

test('a preview has a name of its own, also where the Service’s name leaves no room', () => {
  expect(previewName('a'.repeat(55))).toBe(`${'a'.repeat(55)}-preview`)
  const long = ['b', 'c'].map((end) => previewName('a'.repeat(62) + end))
  for (const name of long) expect(name).toMatch(/^a{46}-[0-9a-f]{8}-preview$/)
  expect(new Set(long).size).toBe(2)
})
