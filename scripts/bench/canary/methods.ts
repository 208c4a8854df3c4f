// The judges that are compared: ours, and the ones in use.
import { classify, defaultRule } from '../../../actions/canary-analyze/kayenta/judge.ts'
import { deviation } from '../../../actions/canary-analyze/kayenta/mann-whitney.ts'
import { LatencyTest } from '../../../actions/canary-analyze/statistics/latency.ts'
import { type Rules, SequentialTest } from '../../../actions/canary-analyze/statistics/sequential.ts'
import { normalQuantile } from '../../../actions/canary-analyze/statistics/special.ts'
import { EDGES, type Look, type Side } from './traffic.ts'

/** Judges one release as it goes on. */
export interface Judge {
  /** At each look: `fail` and `pass` end the release. */
  look(look: Look): 'fail' | 'pass' | undefined
  /** At the end, for a judge that looks only then. */
  end?(): 'fail' | undefined
}

export interface Method {
  name: string
  start(metric: 'errors' | 'latency'): Judge
}

const rules: Rules = { alpha: 0.05, passAlpha: 0.05, ratio: 1, margin: 2, floor: 0.01, robust: 'auto' }
const latencyRules: Rules = { ...rules, margin: 1.5, floor: 0.02 }

const sequential = (name: string, robust: Rules['robust']): Method => ({
  name,
  start(metric) {
    if (metric === 'latency') {
      const test = new LatencyTest(latencyRules, EDGES)
      return {
        look({ candidate, baseline }) {
          test.add(slowerOf(candidate), slowerOf(baseline))
          return test.verdict
        },
      }
    }
    const test = new SequentialTest({ ...rules, robust })
    return {
      look({ candidate, baseline }) {
        test.add({ candidate: countOf(candidate), baseline: countOf(baseline) })
        return test.verdict
      },
    }
  },
})

const countOf = ({ errors, total }: Side) => ({ events: errors, total })

function slowerOf({ total, buckets }: Side) {
  let slow = total
  const slower = EDGES.map((_, i) => {
    slow -= buckets[i] ?? 0
    return slow
  })
  return { total, slower }
}

/** What a dashboard shows of an interval: the share of errors, or the 95th percentile as histogram_quantile gives it. */
function pointOf(side: Side): number {
  if (side.buckets.length === 0) return side.total ? side.errors / side.total : NaN
  const rank = side.total * 0.95
  let fast = 0
  for (const [i, count] of side.buckets.entries()) {
    const [from, to] = [EDGES[i - 1] ?? 0, EDGES[i] ?? EDGES.at(-1) ?? 0]
    if (fast + count >= rank) return count ? from + ((to - from) * (rank - fast)) / count : NaN
    fast += count
  }
  return NaN
}

const overPoints = (decide: (candidate: number[], baseline: number[]) => boolean, when: 'always' | 'at the end') => (): Judge => {
  const [candidate, baseline]: [number[], number[]] = [[], []]
  const verdict = () => (decide(candidate, baseline) ? 'fail' : undefined)
  return {
    look(look) {
      candidate.push(pointOf(look.candidate))
      baseline.push(pointOf(look.baseline))
      return when === 'always' ? verdict() : undefined
    },
    ...(when === 'at the end' && { end: verdict }),
  }
}

const known = (values: number[]): number[] => values.filter((value) => !Number.isNaN(value))
const distinct = (values: number[]): boolean => new Set(values).size > 1

/** A fixed limit for each interval, and how many strikes fail. */
const threshold =
  (strikes: number) =>
  (metric: 'errors' | 'latency'): Judge => {
    let struck = 0
    const limit = metric === 'latency' ? 0.5 : 0.01
    return { look: ({ candidate }) => (pointOf(candidate) > limit && ++struck >= strikes ? 'fail' : undefined) }
  }

const Z = normalQuantile(0.95)

/** A two-sample z-test on all counts so far: errors, or requests slower than the edge next to the median. */
function zTest(metric: 'errors' | 'latency'): Judge {
  const sums = { k: 0, n: 0, j: 0, m: 0 }
  const events = (side: Side): number => (metric === 'errors' ? side.errors : (slowerOf(side).slower[4] ?? 0))
  return {
    look({ candidate, baseline }) {
      sums.k += events(candidate)
      sums.n += candidate.total
      sums.j += events(baseline)
      sums.m += baseline.total
      const pooled = (sums.k + sums.j) / (sums.n + sums.m)
      const error = Math.sqrt(pooled * (1 - pooled) * (1 / sums.n + 1 / sums.m))
      return error > 0 && (sums.k / sums.n - sums.j / sums.m) / error > Z ? 'fail' : undefined
    },
  }
}

export const methods: Method[] = [
  sequential('sequential', 'auto'),
  sequential('sequential, count test alone', 'never'),
  {
    name: 'Mann-Whitney at every look',
    start: overPoints((candidate, baseline) => {
      const [x, y] = [known(candidate), known(baseline)]
      return x.length > 1 && y.length > 1 && distinct([...x, ...y]) && deviation(x, y, 0) > Z
    }, 'always'),
  },
  {
    name: "Kayenta's rule once",
    start: overPoints(
      (candidate, baseline) => classify(candidate, baseline, { ...defaultRule, direction: 'increase' }).classification === 'High',
      'at the end',
    ),
  },
  { name: 'fixed threshold, first strike', start: threshold(1) },
  { name: 'fixed threshold, five strikes', start: threshold(5) },
  { name: 'z-test at every look', start: zTest },
]
