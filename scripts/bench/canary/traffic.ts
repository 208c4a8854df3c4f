// Simulated releases: what each pod of both sides counts from scrape to scrape, and what a look then sees.
import { poisson, uniform } from '../../../actions/canary-analyze/statistics/random.ts'
import { normalCdf } from '../../../actions/canary-analyze/statistics/special.ts'

/** The edges of a usual latency histogram, in seconds. */
export const EDGES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** One release; times in seconds, rates are shares of requests. */
export interface Scenario {
  name: string
  /** Requests a second of the candidate; the baseline's follow from the weight. */
  rps: number
  /** The candidate's share of the traffic, at a time. */
  weight: (seconds: number) => number
  /** Pods of the candidate and of the baseline. */
  pods: readonly [number, number]
  /** From one look to the next, as given: it is lengthened to two scrapes. */
  look: number
  scrape: number
  /** The share of requests that fails on both sides in the long run, bursts included. */
  usual: number
  /** Most of them fail in bursts: of one pod at a time, or of all pods of both sides at once. */
  bursts?: { of: 'a pod' | 'all'; seconds: number }
  /** Requests of a pod are slow for a while: for 3 to 8 s each 3 min, or for half a second each 10 s. */
  slow?: 'stalls' | 'collections'
  /** What is wrong with the candidate; nothing: it is good. */
  errors?: number
  slowdown?: number
  /** Both metrics of the preset share alpha, or one has it alone. */
  judged?: 'errors' | 'latency'
}

export interface PodSample {
  total: number
  errors: number
  /** How many took longer than each edge. */
  slower: number[]
}

/** By pod, of one side in one look. */
export type Side = Map<string, PodSample>

export interface Look {
  /** Seconds since the beginning. */
  at: number
  candidate: Side
  baseline: Side
}

/** The looks of an analysis as the action has them: of two scrapes at least, and eight at least. */
export function looksOf({ look, scrape }: Scenario): { look: number; longest: number } {
  const longer = Math.max(look, 2 * scrape)
  return { look: longer, longest: Math.max(600, 8 * longer) }
}

/** What requests take: log-normal, with a median of 100 ms and sigma 0.5, so that p95 is 228 ms. */
const MEDIAN = 0.1
const SIGMA = 0.5
const slowerShares = (factor: number): number[] => EDGES.map((edge) => normalCdf(Math.log((MEDIAN * factor) / edge) / SIGMA))
/** In a stall a request takes up to 1.5 s more. */
const STALLED = EDGES.map((edge) => (edge < 0.1 ? 1 : Math.max(0, 1 - Math.max(0, edge - MEDIAN) / 1.5)))

/** In a burst this share of a pod's requests fails; so much of the usual share of errors is outside of bursts. */
const BURST_SHARE = 0.6
const OUTSIDE = 0.2

interface Span {
  from: number
  to: number
}

/** Times of trouble: on average each `every` seconds, for so long. */
function spans(random: () => number, longest: number, every: number, lasts: () => number): Span[] {
  const found: Span[] = []
  const next = (): number => -Math.log(random()) * every
  let at = next() - 60
  while (at < longest) {
    found.push({ from: at, to: at + lasts() })
    at += next()
  }
  return found
}

const overlap = (all: readonly Span[], from: number, to: number): number =>
  all.reduce((sum, one) => sum + Math.max(0, Math.min(to, one.to) - Math.max(from, one.from)), 0)

/** One release, always the same for the same seed. */
export function simulate(scenario: Scenario, seed: number): Look[] {
  const random = uniform(seed)
  const { look, longest } = looksOf(scenario)
  const looks: Look[] = Array.from({ length: Math.floor(longest / look) }, (_, i) => ({
    at: (i + 1) * look,
    candidate: new Map(),
    baseline: new Map(),
  }))
  const { bursts, usual } = scenario
  const every = bursts ? (BURST_SHARE * bursts.seconds) / ((1 - OUTSIDE) * usual) : Infinity
  const burst = (): Span[] => (bursts && usual > 0 ? spans(random, longest, every, () => bursts.seconds) : [])
  const shared = bursts?.of === 'all' ? burst() : undefined
  for (const [i, side] of (['candidate', 'baseline'] as const).entries()) {
    const pods = scenario.pods[i] ?? 1
    for (let number = 0; number < pods; number++)
      simulatePod(scenario, { side, name: `${side}-${number}`, pods, bursts: shared ?? burst() }, looks, random)
  }
  return looks
}

interface Pod {
  side: 'candidate' | 'baseline'
  name: string
  pods: number
  bursts: readonly Span[]
}

function simulatePod(scenario: Scenario, { side, name, pods, bursts }: Pod, looks: readonly Look[], random: () => number): void {
  const { scrape, rps, weight, usual, errors, slowdown = 1, slow } = scenario
  const { look, longest } = looksOf(scenario)
  const latency = scenario.judged !== 'errors'
  const slows =
    slow === 'stalls'
      ? spans(random, longest, 180, () => 3 + 5 * random())
      : slow === 'collections'
        ? spans(random, longest, 10, () => 0.5)
        : []
  const outside = scenario.bursts ? OUTSIDE * usual : usual
  const shares = slowerShares(side === 'candidate' ? slowdown : 1)
  for (let at = random() * scrape; at <= longest; at += scrape) {
    const one = looks[Math.max(0, Math.ceil(at / look) - 1)]
    if (!one) continue
    const share = weight(Math.max(0, at - scrape / 2))
    const perSecond = (side === 'candidate' ? rps : (rps * (1 - share)) / share) / pods
    const inBurst = Math.min(1, overlap(bursts, at - scrape, at) / scrape)
    const bad = side === 'candidate' && errors !== undefined ? errors : outside + inBurst * (BURST_SHARE - outside)
    const expected = perSecond * scrape
    const failed = poisson(random, expected * bad)
    const sample = one[side].get(name) ?? { total: 0, errors: 0, slower: EDGES.map(() => 0) }
    sample.errors += failed
    if (!latency) sample.total += failed + poisson(random, expected * (1 - bad))
    else sample.total += addLatencies(sample, { expected, shares, stalled: Math.min(1, overlap(slows, at - scrape, at) / scrape) }, random)
    one[side].set(name, sample)
  }
}

/** Draws requests by bucket, from the slowest one on. Gives how many there were. */
function addLatencies(
  sample: PodSample,
  { expected, shares, stalled }: { expected: number; shares: readonly number[]; stalled: number },
  random: () => number,
): number {
  let [total, above] = [0, 0]
  for (let i = EDGES.length - 1; i >= -1; i--) {
    const share = i < 0 ? 1 : (1 - stalled) * (shares[i] ?? 0) + stalled * (STALLED[i] ?? 0)
    total += poisson(random, expected * (share - above))
    above = share
    if (i >= 0) sample.slower[i] = (sample.slower[i] ?? 0) + total
  }
  return total
}
