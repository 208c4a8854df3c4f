import { expect, test } from '@jest/globals'
import { inOrder, type Ran, runLanes } from '../proofs/support/lanes.ts'

const ran = (name: string, passed = true): Ran => ({ name, passed, output: '', seconds: { wall: 1, processor: 1 } })

test('the longest begin first, and nothing that is new is left out', () => {
  expect(inOrder(['new', 'kill', 'a', 'hostile-api'])).toEqual(['kill', 'hostile-api', 'a', 'new'])
})

test('so many run at once, each is run once, and the end of each is told', async () => {
  let [now, most] = [0, 0]
  const told: string[] = []
  const run = async (name: string): Promise<Ran> => {
    most = Math.max(most, ++now)
    await new Promise((done) => setImmediate(done))
    now--
    return ran(name, name !== 'c')
  }
  const all = await runLanes(['a', 'b', 'c', 'd', 'e'], 3, run, ({ name }) => told.push(name))
  expect(most).toBe(3)
  expect(told.sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(all).toHaveLength(5)
  expect(all.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(['c'])
})

test('what measures load runs before the others, alone and not crowded', async () => {
  const seen: string[] = []
  let now = 0
  const run = async (name: string, crowded: boolean): Promise<Ran> => {
    now++
    await new Promise((done) => setImmediate(done))
    seen.push(`${name} ${now} ${crowded}`)
    now--
    return ran(name)
  }
  await runLanes(['a', 'zero-downtime', 'b'], 2, run, () => undefined)
  expect(seen[0]).toBe('zero-downtime 1 false')
  expect(seen.slice(1).sort()).toEqual(['a 2 true', 'b 1 true'])
})
