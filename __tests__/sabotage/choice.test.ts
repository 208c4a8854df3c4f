import { expect, test } from '@jest/globals'
import { ofTheDay } from './choice.ts'

const patches = ['a', 'a', 'b', 'c', 'd', 'd', 'd'].map((proof, at) => ({ proof, name: `${proof}${at}` }))
const names = (day: number) => ofTheDay(patches, day).map(({ name }) => name)

test('three days see every proof, one patch of each', () => {
  const seen = [0, 1, 2].flatMap((day) => ofTheDay(patches, day).map(({ proof }) => proof))
  expect(seen.sort()).toEqual(['a', 'b', 'c', 'd'])
})

test('every patch has its turn, and a day gives the same again', () => {
  const seen = new Set(Array.from({ length: 27 }, (_, day) => names(day)).flat())
  expect(seen.size).toBe(patches.length)
  expect(names(100)).toEqual(names(100))
})

test.each([-1, 1.5, Number.NaN])('%p is no day', (day) => {
  expect(() => ofTheDay(patches, day)).toThrow('--day takes a whole number')
})
