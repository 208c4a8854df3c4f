import { expect, test } from '@jest/globals'
import { Counters } from '../../../actions/shared/prometheus/counters.ts'

const series = (labels: Record<string, string>, ...points: [number, number][]) => ({ labels, points })
const growth = (found: { growth: number }[]): number[] => found.map((one) => one.growth)

test('what is there at the beginning has been counted', () => {
  const counters = new Counters()
  counters.begin([series({ pod: 'a' }, [10, 1000])])
  expect(growth(counters.grow([series({ pod: 'a' }, [11, 1005], [12, 1007])], 10_000, 20_000))).toEqual([7])
  expect(growth(counters.grow([series({ pod: 'a' }, [12, 1007], [21, 1010])], 20_000, 30_000))).toEqual([3])
})

test('a series that appears began at 0: new pods, first errors', () => {
  const counters = new Counters()
  counters.begin([series({ pod: 'a', status: '200' }, [10, 1000])])
  expect(growth(counters.grow([series({ pod: 'a', status: '500' }, [15, 1])], 10_000, 20_000))).toEqual([1])
  expect(growth(counters.grow([series({ pod: 'b', status: '200' }, [15, 40], [16, 50])], 10_000, 20_000))).toEqual([50])
})

test('a restart loses nothing but what was not scraped', () => {
  const counters = new Counters()
  counters.begin([series({ pod: 'a' }, [10, 1000])])
  expect(growth(counters.grow([series({ pod: 'a' }, [11, 1010], [12, 4], [13, 9])], 10_000, 20_000))).toEqual([19])
})

test('samples belong to the interval of their scrape, and none counts twice', () => {
  const counters = new Counters()
  counters.begin([series({ pod: 'a' }, [10, 0])])
  const all = series({ pod: 'a' }, [15, 5], [20, 10], [25, 15])
  expect(growth(counters.grow([all], 10_000, 20_000))).toEqual([10])
  expect(growth(counters.grow([all], 20_000, 30_000))).toEqual([5])
  expect(counters.grow([all], 20_000, 30_000)).toEqual([])
})

test('a scrape that was missed is made up for', () => {
  const counters = new Counters()
  counters.begin([series({ pod: 'a' }, [10, 0])])
  expect(counters.grow([], 10_000, 20_000)).toEqual([])
  expect(growth(counters.grow([series({ pod: 'a' }, [25, 30])], 20_000, 30_000))).toEqual([30])
})

test.each([NaN, Infinity, -1])('a counter is never %d', (value) => {
  expect(() => new Counters().grow([series({ pod: 'a' }, [11, value])], 10_000, 20_000)).toThrow('which no counter can be')
})

test('of a proxy that was not there, what it counted before its first sample is not of the release; the first error of one that was is', () => {
  const counters = new Counters('proxy')
  counters.begin([series({ instance: 'old', code: '200' }, [10, 500])])
  expect(growth(counters.grow([series({ instance: 'old', code: '500' }, [15, 3])], 10_000, 20_000))).toEqual([3])
  expect(growth(counters.grow([series({ instance: 'new', code: '200' }, [15, 9000], [18, 9020])], 10_000, 20_000))).toEqual([20])
  expect(growth(counters.grow([series({ instance: 'new', code: '500' }, [25, 2])], 20_000, 30_000))).toEqual([2])
})

test('what is told of pods by somebody who goes and comes is one counter, whoever is scraped', () => {
  const counters = new Counters('cluster')
  counters.begin([series({ pod: 'a', container: 'app', instance: '10.0.0.1:8080' }, [10, 7])])
  expect(
    growth(counters.grow([series({ pod: 'a', container: 'app', instance: '10.0.0.9:8080' }, [15, 7], [18, 8])], 10_000, 20_000)),
  ).toEqual([1])
  expect(growth(counters.grow([series({ pod: 'b', container: 'app', instance: '10.0.0.9:8080' }, [15, 2])], 10_000, 20_000))).toEqual([2])
})
