// The cells of the benchmark: one factor at a time from a base cell, and the worst pairs of factors.
import type { Scenario } from './traffic.ts'

/** What a cell has to reach. */
export type Goal =
  /** Of good releases at most this share may fail: not significantly more, at 99% one-sided, or (`hard`) no more at all. */
  | { alarms: number; hard?: true }
  /** Half of the bad releases (or `share` of them) have failed by then, in seconds. */
  | { failed: number; share?: number }
  /** Half of the good releases (or `share` of them) have passed by then, in seconds. */
  | { passed: number; share?: number }

export interface Cell {
  scenario: Scenario
  goal: Goal
  /** Whether the judges in use are shown beside ours. */
  compared?: true
}

const even = (): number => 0.5
const BASE: Omit<Scenario, 'name'> = { rps: 20, weight: even, pods: [2, 2], look: 10, scrape: 5, usual: 0.005 }
const RATE = 20

/** All traffic is twice the base rate of a side; the candidate has its share of it. */
const weighted = (share: number): Partial<Scenario> => ({ weight: () => share, rps: 2 * RATE * share })
/** As many pods as the share asks for, each with the same load. */
const byPods = (share: number): Partial<Scenario> => ({ ...weighted(share), pods: [1, Math.round(1 / share) - 1] })
/** The same pods whatever the weight: their loads differ. */
const byRoute = (share: number, pods = 2): Partial<Scenario> => ({ ...weighted(share), pods: [pods, pods] })
/** 5, 25, then 50% of the traffic. */
const steps: Partial<Scenario> = { rps: 20, weight: (seconds) => (seconds < 200 ? 0.05 : seconds < 400 ? 0.25 : 0.5) }
const burst = (of: 'a pod' | 'all', seconds: number, usual: number): Partial<Scenario> => ({ bursts: { of, seconds }, usual })

function good(name: string, more: Partial<Scenario>, compared?: true): Cell {
  const scenario = { ...BASE, ...more, name: `good: ${name}` }
  const goal: Goal = scenario.usual > 0.01 ? { alarms: 0.08, hard: true } : { alarms: 0.05 }
  return { scenario, goal, ...(compared && { compared }) }
}

const bad = (name: string, more: Partial<Scenario>, failed: number, compared?: true): Cell => ({
  scenario: { ...BASE, ...more, name: `bad: ${name}` },
  goal: { failed },
  ...(compared && { compared }),
})

/** A total outage is called after three looks, or by the first look at which 25 requests of the candidate have come. */
function outage(name: string, more: Partial<Scenario>): Cell {
  const cell = bad(`outage, ${name}`, { errors: 1, ...more }, 0)
  const { rps, look, scrape } = cell.scenario
  const longer = Math.max(look, 2 * scrape)
  return { ...cell, goal: { failed: longer * Math.max(3, Math.ceil(25 / (rps * longer))) } }
}

/** 20% or 50% errors are found within six looks. */
const partial = (name: string, errors: number, look: number, more: Partial<Scenario> = {}): Cell =>
  bad(`${errors * 100}% errors, ${name}`, { errors, look, ...more }, 6 * Math.max(look, 2 * (more.scrape ?? BASE.scrape)))

const proves = (name: string, more: Partial<Scenario>, passed: number, share = 0.5): Cell => ({
  scenario: { ...BASE, judged: 'errors', ...more, name: `proves itself: ${name}` },
  goal: { passed, share },
})

const SHARES = [0.05, 0.1, 0.25]

export const CELLS: readonly Cell[] = [
  good('base', {}, true),
  good('no errors', { usual: 0 }),
  good('1% errors', { usual: 0.01 }),
  good('2% errors', { usual: 0.02 }),
  ...[2, 200, 2000].map((rps) => good(`${rps}/s`, { rps })),
  ...[5, 30, 60].map((look) => good(`looks of ${look} s`, { look, scrape: Math.min(5, look / 2) })),
  ...[15, 30, 60].map((scrape) => good(`scrapes of ${scrape} s`, { scrape })),
  good('1 pod a side', { pods: [1, 1] }),
  good('10 pods a side', { pods: [10, 10] }),
  ...SHARES.map((share) => good(`weight ${share * 100}% by pods`, byPods(share))),
  ...[0.05, 0.25].map((share) => good(`weight ${share * 100}% by route`, byRoute(share))),
  good('changing weights', steps),
  good('bursts of a pod, 1 s', burst('a pod', 1, 0.005)),
  ...[0.005, 0.01, 0.02].map((usual) =>
    good(`bursts of a pod, 5 s, ${usual * 100}%`, burst('a pod', 5, usual), usual === 0.005 || undefined),
  ),
  ...[0.005, 0.02].map((usual) => good(`bursts of all, 5 s, ${usual * 100}%`, burst('all', 5, usual))),
  ...SHARES.flatMap((share) =>
    [0.01, 0.02].flatMap((usual) => [
      good(`bursts of a pod, 5 s, ${usual * 100}%, weight ${share * 100}% by pods`, { ...byPods(share), ...burst('a pod', 5, usual) }),
      good(`bursts of a pod, 5 s, ${usual * 100}%, weight ${share * 100}% by route`, { ...byRoute(share), ...burst('a pod', 5, usual) }),
    ]),
  ),
  good('bursts of a pod, 5 s, 1%, changing weights', { ...steps, ...burst('a pod', 5, 0.01) }),
  good('bursts of a pod, 5 s, 1%, 2000/s', { rps: 2000, ...burst('a pod', 5, 0.01) }),
  good('bursts of a pod, 5 s, 1%, looks of 60 s', { look: 60, ...burst('a pod', 5, 0.01) }),
  good('bursts of a pod, 5 s, 1%, scrapes of 30 s', { scrape: 30, ...burst('a pod', 5, 0.01) }),
  good('bursts of a pod, 5 s, 1%, 1 pod a side', { pods: [1, 1], ...burst('a pod', 5, 0.01) }),
  good('stalls', { slow: 'stalls' }),
  good('collections of garbage', { slow: 'collections' }),
  good('stalls, weight 10% by pods', { slow: 'stalls', ...byPods(0.1) }),
  good('stalls, weight 10% by route', { slow: 'stalls', ...byRoute(0.1) }),
  good('stalls, scrapes of 30 s', { slow: 'stalls', scrape: 30 }),
  ...[2, 20, 200, 2000].map((rps) => outage(`${rps}/s`, { rps })),
  ...[5, 30, 60].map((look) => outage(`looks of ${look} s`, { look, scrape: Math.min(5, look / 2) })),
  ...[30, 60].map((scrape) => outage(`scrapes of ${scrape} s`, { scrape })),
  ...SHARES.map((share) => outage(`weight ${share * 100}% by pods`, byPods(share))),
  outage('weight 5% by route', byRoute(0.05)),
  outage('1/s, looks of 5 s', { rps: 1, look: 5, scrape: 2.5 }),
  ...[0.2, 0.5].flatMap((errors) =>
    [5, 10, 30, 60].map((look) => partial(`looks of ${look} s`, errors, look, { scrape: Math.min(5, look / 2) })),
  ),
  partial('scrapes of 30 s', 0.2, 10, { scrape: 30 }),
  bad('0.5% -> 1.5% errors', { errors: 0.015 }, 140, true),
  bad('0.5% -> 1.5% errors, judged alone', { errors: 0.015, judged: 'errors' }, 110),
  bad('latency +20%', { slowdown: 1.2 }, 80),
  bad('latency +20%, judged alone', { slowdown: 1.2, judged: 'latency' }, 60, true),
  good('stalls, latency judged alone', { slow: 'stalls', judged: 'latency' }, true),
  proves('0.5% errors', {}, 140),
  proves('no errors', { usual: 0 }, 40),
  proves('no errors at 1/s', { usual: 0, rps: 1 }, 600, 0.9),
]
