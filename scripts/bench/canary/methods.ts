// The judges that are compared: the action's own, and the ones in use.
import { classify, defaultRule } from '../../../actions/canary-analyze/kayenta/judge.ts'
import { deviation } from '../../../actions/canary-analyze/kayenta/mann-whitney.ts'
import { LatencyTest } from '../../../actions/canary-analyze/statistics/latency.ts'
import { type Rules, SequentialTest } from '../../../actions/canary-analyze/statistics/sequential.ts'
import { normalQuantile } from '../../../actions/canary-analyze/statistics/special.ts'
import { EDGES, type Look, type PodSample, type Scenario, type Side } from './traffic.ts'

/** Judges one release as it goes on. */
export interface Judge {
  /** At each look: `fail` and `pass` end the release. */
  look(look: Look): 'fail' | 'pass' | undefined
  /** At the end, for a judge that looks only then. */
  end?(): 'fail' | undefined
}

export interface Method {
  name: string
  start(judged: Scenario['judged']): Judge
}

const rules: Rules = { alpha: 0.05, passAlpha: 0.05, ratio: 1, margin: 2, floor: 0.01, robust: true }

const sumOf = (side: Side): PodSample => {
  const sum: PodSample = { total: 0, errors: 0, slower: EDGES.map(() => 0) }
  for (const { total, errors, slower } of side.values()) {
    sum.total += total
    sum.errors += errors
    for (let i = 0; i < EDGES.length; i++) sum.slower[i] = (sum.slower[i] ?? 0) + (slower[i] ?? 0)
  }
  return sum
}
const countOf = (one: PodSample) => ({ events: one.errors, total: one.total })

/** The judge of the preset: both metrics share alpha, and it passes before its time is over when both do. */
const sequential = (name: string, robust: boolean): Method => ({
  name,
  start(judged) {
    const alpha = judged ? rules.alpha : rules.alpha / 2
    const errors = judged === 'latency' ? undefined : new SequentialTest({ ...rules, alpha, robust })
    const latency = judged === 'errors' ? undefined : new LatencyTest({ ...rules, alpha, margin: 1.5, floor: 0.02, robust }, EDGES)
    return {
      look({ candidate, baseline }) {
        const [a, b] = [sumOf(candidate), sumOf(baseline)]
        const pods = (side: Side) => new Map([...side].map(([pod, one]) => [pod, countOf(one)]))
        errors?.add({ candidate: { ...countOf(a), pods: pods(candidate) }, baseline: { ...countOf(b), pods: pods(baseline) } })
        latency?.add({ ...a, pods: candidate }, { ...b, pods: baseline })
        if (errors?.verdict === 'fail' || latency?.verdict === 'fail') return 'fail'
        return [errors, latency].every((test) => !test || test.verdict === 'pass') ? 'pass' : undefined
      },
    }
  },
})

/** What a dashboard shows of an interval: the share of errors, or the 95th percentile as histogram_quantile gives it. */
function pointOf(side: Side, judged: Scenario['judged']): number {
  const { total, errors, slower } = sumOf(side)
  if (judged !== 'latency') return total ? errors / total : NaN
  const at = slower.findIndex((count) => count <= 0.05 * total)
  if (at < 0 || total === 0) return EDGES.at(-1) ?? NaN
  const [from, to] = [EDGES[at - 1] ?? 0, EDGES[at] ?? 0]
  const [above, below] = [slower[at - 1] ?? total, slower[at] ?? 0]
  return above > below ? from + ((to - from) * (above - 0.05 * total)) / (above - below) : to
}

const overPoints =
  (decide: (candidate: number[], baseline: number[]) => boolean, when: 'always' | 'at the end') =>
  (judged: Scenario['judged']): Judge => {
    const [candidate, baseline]: [number[], number[]] = [[], []]
    const verdict = () => (decide(candidate, baseline) ? 'fail' : undefined)
    return {
      look(look) {
        candidate.push(pointOf(look.candidate, judged))
        baseline.push(pointOf(look.baseline, judged))
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
  (judged: Scenario['judged']): Judge => {
    let struck = 0
    const limit = judged === 'latency' ? 0.5 : 0.01
    return { look: ({ candidate }) => (pointOf(candidate, judged) > limit && ++struck >= strikes ? 'fail' : undefined) }
  }

const Z = normalQuantile(0.95)

/** A two-sample z-test on all counts so far: errors, or requests slower than the edge next to the median. */
function zTest(judged: Scenario['judged']): Judge {
  const sums = { k: 0, n: 0, j: 0, m: 0 }
  const events = (one: PodSample): number => (judged === 'latency' ? (one.slower[4] ?? 0) : one.errors)
  return {
    look({ candidate, baseline }) {
      const [a, b] = [sumOf(candidate), sumOf(baseline)]
      sums.k += events(a)
      sums.n += a.total
      sums.j += events(b)
      sums.m += b.total
      const pooled = (sums.k + sums.j) / (sums.n + sums.m)
      const error = Math.sqrt(pooled * (1 - pooled) * (1 / sums.n + 1 / sums.m))
      return error > 0 && (sums.k / sums.n - sums.j / sums.m) / error > Z ? 'fail' : undefined
    },
  }
}

/** The action's own judge. */
export const OURS = sequential('sequential', true)

/** The others, for the cells in which all are compared. */
export const OTHERS: readonly Method[] = [
  sequential('sequential, count test alone', false),
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
