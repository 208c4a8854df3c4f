// How long a verdict will take, before anything is released.
import { readableSeconds } from '../shared/report/text.ts'
import { expanded, type GivenConfig } from './config.ts'
import { percent } from './judges/judge.ts'
import type { Analysis, Schedule } from './result.ts'
import { type Forecast, forecast, outlookOf, outlookText } from './statistics/plan.ts'
import type { Rules } from './statistics/sequential.ts'

/** What is expected. */
export interface Expectation {
  /** Requests a second of the candidate. */
  rps: number
  /** The candidate's share of all requests; 1: there is no baseline. */
  share: number
  /** The baseline's share of errors. */
  rate: number
  /** A bad candidate's. */
  harmful: number
}

const RUNS = 400

/** Simulates releases under the rules of the first metric of errors. Throws an Error when there is none. */
export function planAnalysis(given: GivenConfig, expected: Expectation, { interval, longest }: Schedule, now: number): Analysis {
  const all = expanded(given)
  // Without a baseline nothing is compared, so latency has no share of alpha.
  const config = expected.share < 1 ? all : { ...all, metrics: all.metrics.filter(({ kind }) => kind !== 'latency') }
  const metric = config.metrics.find((one) => one.kind === 'errors')
  if (!metric) throw new Error('plan needs a metric of the kind errors in the configuration')
  const deciding = config.metrics.filter((one) => one.kind !== 'value' && !one['report-only'])
  const weights = deciding.reduce((sum, one) => sum + ('weight' in one ? one.weight : 0), 0)
  const rules: Rules = {
    alpha: (config.alpha * metric.weight) / weights,
    passAlpha: config.passAlpha,
    ratio: metric.ratio,
    margin: metric.margin,
    floor: metric.floor,
    robust: metric.clusters === 'auto',
  }
  const traffic = { ...expected, interval: interval / 1000, longest: longest / 1000 }
  const [bad, good] = [forecast(rules, traffic, expected.harmful, RUNS), forecast(rules, traffic, expected.rate, RUNS)]
  const requests = (expected.rps * longest) / 1000
  const outlook = outlookOf(rules, { events: 0, total: 0 }, requests)
  const at = `${expected.rps} requests/s of the candidate (${percent(expected.share)} of all)`
  return {
    outcome: 'passed',
    headline: `At ${at}: a candidate with ${percent(expected.harmful)} errors ${when(bad, bad.failed, 'fails')}; a good one ${when(good, good.passed, 'passes')}`,
    reason: [
      ...(good.median === null && bad.median === null
        ? [`no verdict is likely within ${readableSeconds(longest / 1000)}: send more traffic, or watch for longer`]
        : []),
      ...(outlook ? [outlookText(outlook, requests)] : []),
    ].join('\n'),
    judge: 'plan',
    metrics: [line('bad candidate', bad), line('good candidate', good)],
    details: { expected, rules, bad, good, runs: RUNS },
    looks: 0,
    samples: undefined,
    from: now,
    to: now,
    chart: undefined,
    charts: [],
    values: {},
  }
}

const when = ({ median, p90 }: Forecast, share: number, verb: string): string => {
  if (median === null) return `${verb} in time in ${percent(share)} of all releases`
  return `${verb} after ${readableSeconds(median)}${p90 === null ? '' : ` (nine of ten within ${readableSeconds(p90)})`}`
}

const line = (name: string, { rate, failed, passed, median, p90 }: Forecast) => ({
  name,
  verdict: median === null ? 'inconclusive' : failed > passed ? 'fail' : 'pass',
  reason: `${percent(rate)} errors: ${percent(failed)} fail, ${percent(passed)} pass; a verdict after ${median === null ? 'more time than there is' : readableSeconds(median)} in the middle${p90 === null ? '' : `, ${readableSeconds(p90)} for nine of ten`}`,
})
