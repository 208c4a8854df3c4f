import { describe, expect, test } from '@jest/globals'
import { binomial, uniform } from '../../../actions/canary-analyze/statistics/random.ts'
import { Rivals, type Sample, type SideSample, totalOf } from '../../../actions/canary-analyze/statistics/rivals.ts'

const side = (...pods: [failed: number, total: number][]): SideSample => ({
  kinds: [pods.reduce((sum, [failed]) => sum + failed, 0), pods.reduce((sum, [failed, total]) => sum + total - failed, 0)],
  pods: new Map(pods.map(([failed, total], i) => [`pod-${i}`, { kinds: [failed, total - failed] }])),
})
const nameless = (one: SideSample): SideSample => ({ ...one, pods: new Map() })

/** The pairs of one interval, as they are compared. */
function pairsOf(candidate: SideSample, baseline: SideSample): [Sample, Sample][] {
  const pairs: [Sample, Sample][] = []
  new Rivals((a, b) => pairs.push([a, b])).add(candidate, baseline)
  return pairs
}
const failedOf = ({ kinds }: Sample): number => kinds[0] ?? 0

describe('what is compared', () => {
  test('equal traffic as it is', () => {
    expect(pairsOf(side([1, 100]), side([2, 60], [3, 50]))).toHaveLength(1)
  })
  test('of nine pods with the same load each one, of five the two groups of two', () => {
    const pods = Array.from({ length: 9 }, (_, i): [number, number] => [i, 100])
    expect(pairsOf(side([1, 100]), side(...pods)).map(([, part]) => failedOf(part))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(pairsOf(side([1, 100], [1, 100]), side(...pods.slice(0, 5))).map(([, part]) => failedOf(part))).toEqual([1, 5])
  })
  test('of pods with other loads, or without names, parts of the candidate size at random', () => {
    for (const baseline of [side([90, 450], [0, 450]), nameless(side([45, 450], [45, 450]))]) {
      const pairs = pairsOf(side([1, 50], [1, 50]), baseline)
      expect(pairs).toHaveLength(8)
      const sizes = pairs.map(([, part]) => totalOf(part))
      expect(Math.min(...sizes)).toBeGreaterThan(60)
      expect(Math.max(...sizes)).toBeLessThan(140)
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(900)
      expect(pairs.reduce((sum, [, part]) => sum + failedOf(part), 0)).toBeLessThanOrEqual(90)
    }
  })
  test('a larger candidate is the one that is taken apart', () => {
    const pairs = pairsOf(nameless(side([9, 900])), nameless(side([1, 100])))
    expect(pairs.map(([, baseline]) => totalOf(baseline))).toEqual(Array.from({ length: 8 }, () => 100))
    expect(Math.max(...pairs.map(([candidate]) => totalOf(candidate)))).toBeLessThan(140)
  })
  test('a replay draws the same parts', () => {
    const once = () => pairsOf(nameless(side([1, 100])), nameless(side([20, 900])))
    expect(once()).toEqual(once())
  })
})

test('evidence: a candidate that is worse than each part, and one that is worse than some', () => {
  const difference = (a: Sample, b: Sample): number => failedOf(a) - failedOf(b)
  const after = (failed: number): Rivals => {
    const rivals = new Rivals(difference)
    for (let i = 0; i < 10; i++) rivals.add(side([failed, 100]), side([0, 100], [4, 100], [4, 100]))
    return rivals
  }
  expect(after(8).log).toBeGreaterThan(Math.log(200))
  expect(after(2).log).toBeLessThan(after(8).log)
  expect(after(0).log).toBeLessThan(0)
  expect(after(8).dispersion).toBeGreaterThan(10)
  expect(new Rivals(difference).dispersion).toBe(1)
})

describe('binomial counts', () => {
  test.each([
    [7, 0.3],
    [40, 0.9],
    [1_000, 0.004],
    [5_000, 0.05],
    [200_000, 0.5],
  ])('of %i at %d have the mean and the variance', (n, p) => {
    const random = uniform(3)
    const drawn = Array.from({ length: 20_000 }, () => binomial(random, n, p))
    const mean = drawn.reduce((sum, one) => sum + one, 0) / drawn.length
    const variance = drawn.reduce((sum, one) => sum + (one - mean) ** 2, 0) / drawn.length
    const deviation = Math.sqrt(n * p * (1 - p))
    expect(Math.abs(mean - n * p) / deviation).toBeLessThan(0.03)
    expect(variance / deviation ** 2).toBeGreaterThan(0.95)
    expect(variance / deviation ** 2).toBeLessThan(1.05)
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(n)
  })
  test('of nothing, at the ends', () => {
    expect([binomial(Math.random, 0, 0.5), binomial(Math.random, 9, 0), binomial(Math.random, 9, 1)]).toEqual([0, 0, 9])
  })
})
