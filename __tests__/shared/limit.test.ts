import { expect, test } from '@jest/globals'
import { inParallel, Lanes } from '../../actions/shared/limit.ts'
import { TestClock } from '../support/clock.ts'

test('answers come in the order of the items, whichever is done first; at most eight are under way', async () => {
  const clock = new TestClock()
  let under = 0
  let most = 0
  const answers = await inParallel(
    Array.from({ length: 20 }, (_, at) => at),
    async (item) => {
      most = Math.max(most, ++under)
      await clock.sleep(100 - item)
      under--
      return item * 2
    },
  )
  expect(answers).toEqual(Array.from({ length: 20 }, (_, at) => at * 2))
  expect(most).toBe(8)
})

test('nothing is nothing to do', async () => {
  expect(await inParallel([], () => Promise.reject(new Error('never')))).toEqual([])
})

test('after a failure nothing new is begun', async () => {
  const clock = new TestClock()
  const begun: number[] = []
  const work = async (item: number) => {
    begun.push(item)
    await clock.sleep(item === 2 ? 1 : 10)
    if (item === 2) throw new Error('no')
  }
  await expect(inParallel([...Array(30).keys()], work)).rejects.toThrow('no')
  await clock.sleep(1000)
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('work beyond the width waits, in its order, also behind work that fails', async () => {
  const clock = new TestClock()
  const lanes = new Lanes(2)
  const begun: number[] = []
  const all = [0, 1, 2, 3, 4].map((item) =>
    lanes.run(async () => {
      begun.push(item)
      await clock.sleep(10)
      if (item % 2) throw new Error('no')
      return item
    }),
  )
  const ends = Promise.allSettled(all)
  await clock.sleep(1)
  expect(begun).toEqual([0, 1])
  expect((await ends).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
  expect(begun).toEqual([0, 1, 2, 3, 4])
})

test('a failure is thrown when nothing is under way any more, and it is the first one', async () => {
  const clock = new TestClock()
  let under = 0
  const work = async (item: number) => {
    under++
    await clock.sleep(10 * (item + 1))
    under--
    if (item < 2) throw new Error(`no ${item}`)
  }
  await expect(inParallel([0, 1, 2, 3], work)).rejects.toThrow('no 0')
  expect(under).toBe(0)
})
