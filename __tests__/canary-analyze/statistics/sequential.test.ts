import { describe, expect, test } from '@jest/globals'
import { LatencyTest } from '../../../actions/canary-analyze/statistics/latency.ts'
import { logBetaMixture, logMean, Mixture } from '../../../actions/canary-analyze/statistics/mixture.ts'
import { RatioEstimate } from '../../../actions/canary-analyze/statistics/ratio.ts'
import { type Rules, SequentialTest } from '../../../actions/canary-analyze/statistics/sequential.ts'
import { SymmetricTest } from '../../../actions/canary-analyze/statistics/symmetric.ts'

const rules: Rules = { alpha: 0.05, passAlpha: 0.05, ratio: 1, margin: 2, floor: 0.01, robust: true }

/** An interval of `total` requests a side. */
const interval = (k: number, j: number, total = 200) => ({ candidate: { events: k, total }, baseline: { events: j, total } })

describe('the beta mixture', () => {
  // 30 digits from mpmath 1.3, by the formula as published.
  test.each([
    [30, 10, 0.5, 2.89993203583, 3.58874910513],
    [10, 30, 0.5, 2.89993203583, -1.85124710095],
    [12, 60, 0.1, 0.241068490721, 1.03720316508],
    [0, 0, 0.5, 0, 0],
  ])('%i and %i events at share %d', (k, j, rho, both, above) => {
    expect(logBetaMixture(k, j, rho, 'both')).toBeCloseTo(both, 9)
    expect(logBetaMixture(k, j, rho)).toBeCloseTo(above, 9)
  })

  test.each([
    [30, 10],
    [10, 30],
    [300, 220],
    [2000, 1800],
    [40, 0],
    [0, 0],
  ])('the grid agrees with the closed form at %i and %i', (k, j) => {
    const mixture = new Mixture('above')
    for (let i = 0; i < 10; i++) mixture.addShare(k / 10, (k + j) / 10, 0.5)
    expect(Math.abs(mixture.log - logBetaMixture(k, j, 0.5))).toBeLessThan(0.05)
  })

  /** The sum over all outcomes of probability times e-value: at most 1 under the null, and 1 at its border. */
  const expectation = (n: number, p: number, share: number): number => {
    let [sum, log] = [0, n * Math.log1p(-p)]
    for (let k = 0; k <= n; k++) {
      const mixture = new Mixture('above')
      mixture.addShare(k, n, share)
      sum += Math.exp(log + mixture.log)
      log += Math.log((n - k) / (k + 1)) + Math.log(p / (1 - p))
    }
    return sum
  }
  test('is worth 1 on average at the border of the null, and less inside', () => {
    expect(expectation(60, 0.3, 0.3)).toBeCloseTo(1, 9)
    expect(expectation(60, 0.25, 0.3)).toBeLessThan(0.9)
    expect(expectation(60, 0.4, 0.3)).toBeGreaterThan(2)
  })

  test('shares that change are one process: a step in weights is no evidence', () => {
    const [steps, cheated] = [new Mixture('above'), new Mixture('above')]
    for (const share of [0.05, 0.25, 0.5]) steps.addShare(200 * share, 200, share)
    cheated.addShare(200 * 0.8, 600, 0.05)
    expect(steps.log).toBeLessThan(0)
    expect(cheated.log).toBeGreaterThan(100)
  })
})

describe('the symmetric test', () => {
  const after = (...differences: number[]): number => {
    const one = new SymmetricTest()
    for (const x of differences) one.add(x)
    return one.log
  }

  test('an interval doubles the evidence at most, however many errors it has', () => {
    expect(after(1)).toBeLessThan(Math.log(2))
    expect(after(1000)).toBeLessThanOrEqual(Math.log(2))
    expect(after(1000)).toBeGreaterThan(Math.log(1.99))
    // Five such intervals are worth more than 20, which is what 5% take.
    expect(after(10, 10, 10, 10)).toBeLessThan(Math.log(20))
    expect(after(10, 10, 10, 10, 10)).toBeGreaterThan(Math.log(20))
  })

  test('is worth 1 on average when signs are fair, whatever the sizes', () => {
    let sum = 0
    const rounds = 12
    for (let signs = 0; signs < 2 ** rounds; signs++)
      sum += Math.exp(after(...Array.from({ length: rounds }, (_, i) => ((signs >> i) & 1 ? 1 : -1) * (0.1 + (i % 5)))))
    expect(sum / 2 ** rounds).toBeCloseTo(1, 9)
  })
})

describe('errors', () => {
  const run = (intervals: number, k: number, j: number, given: Partial<Rules> = {}): SequentialTest => {
    const one = new SequentialTest({ ...rules, ...given })
    for (let i = 0; i < intervals; i++) one.add(interval(k, j))
    return one
  }

  test('no data is no verdict', () => {
    const one = new SequentialTest(rules)
    expect(one.verdict).toBeUndefined()
    expect(one.interval).toEqual({ low: 0, high: Infinity })
  })
  test('three times the errors fail, alike on both sides pass', () => {
    expect(run(30, 6, 2).verdict).toBe('fail')
    expect(run(60, 1, 1).verdict).toBe('pass')
    expect(run(3, 6, 2).verdict).toBeUndefined()
  })
  test('below the floor nothing fails: 0.01% to 0.03% is no harm', () => {
    const one = new SequentialTest(rules)
    for (let i = 0; i < 500; i++) one.add({ candidate: { events: 3, total: 10_000 }, baseline: { events: 1, total: 10_000 } })
    expect(one.evidence.fail).toBeGreaterThan(one.evidence.failLimit)
    expect(one.verdict).toBe('pass')
  })
  test('many errors on both sides alike pass by the ratio, whatever the floor', () => {
    expect(run(60, 10, 10).verdict).toBe('pass')
  })
  test('a tolerated ratio belongs to the null hypothesis', () => {
    expect(run(60, 6, 3, { robust: false }).verdict).toBe('fail')
    expect(run(60, 6, 3, { robust: false, ratio: 2, margin: 4 }).verdict).not.toBe('fail')
    expect(run(60, 6, 3, { robust: false, ratio: 2, margin: 4 }).evidence.fail).toBeLessThan(0.5)
  })
  const both = (counts: (look: number) => [number, number], robust: boolean, looks = 20): SequentialTest => {
    const one = new SequentialTest({ ...rules, robust })
    for (let i = 0; i < looks; i++) one.add(interval(...counts(i)))
    return one
  }
  test('one burst does not fail where the symmetric test has to agree', () => {
    const burst = (look: number): [number, number] => [look === 10 ? 80 : 1, 1]
    expect(both(burst, false).verdict).toBe('fail')
    expect(both(burst, true).verdict).toBeUndefined()
    expect(both(burst, true).evidence.tests).toBe('count and symmetric')
  })
  test('an outage is no burst: three looks in a row in which half of the requests fail', () => {
    expect(both(() => [200, 1], true, 2).verdict).toBeUndefined()
    expect(both(() => [200, 1], true, 3)).toMatchObject({ verdict: 'fail', evidence: { tests: 'outage' } })
    expect(both(() => [100, 49], true, 3).verdict).toBe('fail')
    // Not in a row, not half, not of the candidate alone, and too few for the count test.
    expect(both((look) => [look % 3 === 2 ? 99 : 200, 1], true, 4).evidence.tests).toBe('count and symmetric')
    expect(both(() => [200, 50], true, 3).verdict).toBeUndefined()
    const few = new SequentialTest(rules)
    for (let i = 0; i < 3; i++) few.add(interval(4, 0, 4))
    expect([few.verdict, few.evidence.tests]).toEqual([undefined, 'outage'])
    few.add(interval(4, 0, 4))
    expect(few.verdict).toBe('fail')
  })
  test('bursts pass no sooner than what they are worth', () => {
    const bursts = (look: number): [number, number] => [look % 6 === 0 ? 5 : 0, look % 6 === 3 ? 5 : 0]
    // Eight differences of the square 5 among four of 1 that are believed in before.
    expect(both(bursts, false, 24).evidence.pass / both(bursts, true, 24).evidence.pass).toBeCloseTo((8 * 5 + 4) / 12, 6)
  })
  test('without a baseline the floor alone is tested', () => {
    const alone = (events: number): SequentialTest => {
      const one = new SequentialTest({ ...rules, baseline: false })
      for (let i = 0; i < 60; i++) one.add({ candidate: { events, total: 200 }, baseline: undefined })
      return one
    }
    expect([alone(6).verdict, alone(6).evidence.tests]).toEqual(['fail', 'floor'])
    expect(alone(0).verdict).toBe('pass')
    expect(alone(2).verdict).toBeUndefined()
    const silent = new SequentialTest(rules)
    for (let i = 0; i < 60; i++) silent.add({ candidate: { events: 20, total: 200 }, baseline: { events: 0, total: 0 } })
    expect([silent.verdict, silent.evidence.tests]).toEqual([undefined, 'none'])
  })
  test('a baseline that goes away leaves the floor, beside what was compared', () => {
    const left = (events: number): SequentialTest => {
      const one = new SequentialTest(rules)
      for (let i = 0; i < 5; i++) one.add(interval(1, 1))
      for (let i = 0; i < 30; i++) one.add({ candidate: { events, total: 200 }, baseline: undefined })
      return one
    }
    expect([left(20).verdict, left(20).evidence.tests]).toEqual(['fail', 'floor'])
    expect(left(0).verdict).toBe('pass')
  })
  test('above the floor a burst is one event as well', () => {
    const burst = (robust: boolean): SequentialTest => {
      const one = new SequentialTest({ ...rules, robust, baseline: false })
      for (let i = 0; i < 30; i++) one.add({ candidate: { events: i === 10 ? 150 : 0, total: 200 }, baseline: undefined })
      return one
    }
    expect(burst(false).verdict).toBe('fail')
    expect(burst(true).verdict).not.toBe('fail')
  })
  test('the harm that a pass rules out', () => {
    expect(run(60, 0, 0).ruledOut).toBe(1)
    expect(run(5, 4, 4).ruledOut).toBeGreaterThan(1.5)
    expect(new SequentialTest(rules).ruledOut).toBe(Infinity)
  })
})

describe('the interval of the ratio', () => {
  test('holds the true ratio, leaves out what is far, and closes in', () => {
    const one = new RatioEstimate()
    for (let i = 0; i < 20; i++) one.add(6, 9, 0.5)
    const wide = one.interval(0.05)
    expect(wide.low).toBeGreaterThan(1)
    expect(wide.low).toBeLessThan(2)
    expect(wide.high).toBeGreaterThan(2)
    expect(wide.high).toBeLessThan(5)
    for (let i = 0; i < 200; i++) one.add(6, 9, 0.5)
    const narrow = one.interval(0.05)
    expect(narrow.low).toBeGreaterThan(wide.low)
    expect(narrow.high).toBeLessThan(wide.high)
  })
  test('is open where nothing was seen', () => {
    const none = new RatioEstimate()
    for (let i = 0; i < 20; i++) none.add(0, 3, 0.5)
    expect(none.interval(0.05).low).toBe(0)
    expect(none.interval(0.05).high).toBeLessThan(1)
    const all = new RatioEstimate()
    for (let i = 0; i < 20; i++) all.add(3, 3, 0.5)
    expect(all.interval(0.05).high).toBe(Infinity)
  })
})

describe('latency', () => {
  const latency: Rules = { alpha: 0.05, passAlpha: 0.05, ratio: 1, margin: 1.5, floor: 0.02, robust: true }
  const edges = [0.1, 0.25, 0.5]
  const run = (candidate: number[], baseline: number[], intervals = 30, robust = true): LatencyTest => {
    const one = new LatencyTest({ ...latency, robust }, edges)
    for (let i = 0; i < intervals; i++) one.add({ total: 200, slower: candidate }, { total: 200, slower: baseline })
    return one
  }
  test('slower fails, alike passes, a little slower is not enough', () => {
    expect(run([140, 40, 5], [100, 20, 2]).verdict).toBe('fail')
    expect(run([100, 20, 2], [100, 20, 2], 100).verdict).toBe('pass')
    expect(run([103, 20, 2], [100, 20, 2], 400).verdict).not.toBe('fail')
    expect(run([], [], 0).verdict).toBeUndefined()
  })
  test('its evidence is the average over the edges', () => {
    const one = run([140, 20, 2], [100, 20, 2], 30, false)
    const alone = (k: number, j: number): number => {
      const mixture = new Mixture('above')
      for (let i = 0; i < 30; i++) mixture.addShare(k, k + j, 0.5)
      return mixture.log
    }
    expect(one.evidence.fail).toBeCloseTo(logMean([alone(140, 100), alone(20, 20), alone(2, 2)]), 9)
    expect(one.telling?.edge).toBe(0.1)
  })
  test('a stall is one event, where the symmetric test has to agree', () => {
    const stalled = (robust: boolean): LatencyTest => {
      const one = run([100, 20, 2], [100, 20, 2], 10, robust)
      one.add({ total: 200, slower: [200, 190, 150] }, { total: 200, slower: [100, 20, 2] })
      return one
    }
    expect(stalled(false).verdict).toBe('fail')
    expect(stalled(true).verdict).toBeUndefined()
  })
  test('the slowdown that is ruled out', () => {
    expect(run([100, 20, 2], [100, 20, 2], 5).ruledOut).toBeGreaterThan(1.2)
    expect(run([100, 20, 2], [100, 20, 2], 5).ruledOut).toBeLessThan(4)
    expect(run([100, 20, 2], [100, 20, 2], 200).ruledOut).toBeLessThan(1.2)
    expect(run([0, 0, 0], [0, 0, 0], 20).ruledOut).toBe(1)
  })
})
