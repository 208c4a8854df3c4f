// The two judges of others, as they run: Argo Rollouts' templates and Kayenta's configs; and what is planned.
import { describe, expect, test } from '@jest/globals'
import { readTemplate } from '../../actions/canary-analyze/argo/template.ts'
import { readConfig } from '../../actions/canary-analyze/config.ts'
import { analyze, type Request } from '../../actions/canary-analyze/engine.ts'
import { readKayenta } from '../../actions/canary-analyze/kayenta/config.ts'
import type { Schedule } from '../../actions/canary-analyze/result.ts'
import { AnswerError } from '../../actions/shared/prometheus/answer.ts'
import { createStory } from '../../actions/shared/report/story.ts'
import { TestClock } from '../support/clock.ts'
import { down, Past } from './support/past.ts'

const START = Date.UTC(2026, 0, 1)
const schedule: Schedule = {
  replay: undefined,
  initialDelay: 0,
  interval: 10_000,
  shortest: 0,
  longest: 600_000,
  sampleDelay: 0,
  failures: 3,
}

async function run(request: Request, values: Past['values'], fault?: (seconds: number) => string[]) {
  const clock = new TestClock(START)
  const prometheus = new Past(START, [], fault)
  prometheus.values = values
  const story = createStory(() => clock.now(), { phase: () => undefined, line: () => undefined, untrusted: () => undefined })
  const analysis = await analyze(request, { prometheus, counters: prometheus, clock, signal: new AbortController().signal, story })
  return { analysis, seconds: (analysis.to - analysis.from) / 1000, prometheus }
}

describe('an AnalysisTemplate', () => {
  const template = (...metrics: object[]) =>
    readTemplate(
      {
        kind: 'AnalysisTemplate',
        metadata: { name: 't' },
        spec: {
          ...(metrics.some((metric) => 'name' in metric) && { dryRun: [{ metricName: 'dry' }] }),
          metrics: metrics.map((metric, i) => ({
            name: `m${i}`,
            successCondition: 'result[0] < 1',
            provider: { prometheus: { query: `m${i}` } },
            ...metric,
          })),
        },
      },
      {},
    )
  const of = (metrics: object[], values: Past['values'], given: Partial<Schedule> = {}, fault?: (seconds: number) => string[]) =>
    run({ judge: 'threshold', template: template(...metrics), schedule: { ...schedule, ...given } }, values, fault)
  const timed = { interval: '60s', count: 3 }

  test('counts until it is complete', async () => {
    const { analysis, seconds } = await of([timed], () => 0.5)
    expect([analysis.outcome, seconds, analysis.looks]).toEqual(['passed', 120, 3])
    expect(analysis.metrics).toEqual([
      { name: 'm0', verdict: 'Successful', reason: '3 successful, 0 failed, 0 inconclusive; the last value was [0.5]' },
    ])
  })
  test('fails beyond its limit, and ends the others', async () => {
    const { analysis, seconds } = await of([{ ...timed, failureLimit: 1 }, { interval: '10s' }], (query, at) =>
      query === 'm0' && at >= 60 ? 2 : 0.5,
    )
    expect([analysis.outcome, seconds, analysis.reason]).toEqual([
      'failed',
      120,
      'Metric "m0" assessed Failed due to failed (2) > failureLimit (1)',
    ])
    expect(analysis.metrics[1]?.verdict).toBe('Successful')
  })
  test('a dry run decides nothing', async () => {
    const { analysis } = await of([timed, { ...timed, name: 'dry' }], (query) => (query === 'm1' ? 2 : 0.5))
    expect([analysis.outcome, analysis.metrics[1]]).toEqual([
      'passed',
      { name: 'dry (dry run)', verdict: 'Failed', reason: '0 successful, 1 failed, 0 inconclusive; the last value was [2]' },
    ])
  })
  test('retries errors after ten seconds, and gives up after five', async () => {
    const some = await of(
      [timed],
      () => 0.5,
      {},
      (seconds) => (seconds === 60 ? down() : []),
    )
    expect([some.analysis.outcome, some.seconds, some.analysis.looks]).toEqual(['passed', 130, 4])
    const all = await of([timed], () => 0.5, {}, down)
    expect([all.analysis.outcome, all.seconds]).toEqual(['error', 40])
    expect(all.analysis.reason).toContain('ECONNREFUSED')
  })
  test('an initial delay, and a watch that is over', async () => {
    const delayed = await of([{ ...timed, initialDelay: '30s' }], () => 0.5)
    expect(delayed.seconds).toBe(150)
    const never = await of([{ ...timed, initialDelay: '20m' }], () => 0.5)
    expect([never.analysis.outcome, never.analysis.headline]).toEqual(['inconclusive', 't is not measured after 0s and 0 measurements'])
    expect(never.analysis.reason).toBe('m0: it was not measured')
  })
  test('no data is an error for result[0], and doubts are inconclusive', async () => {
    expect((await of([timed], () => undefined)).analysis.outcome).toBe('error')
    expect(
      (
        await of(
          [timed],
          () => 0.5,
          {},
          () => ['partial'],
        )
      ).analysis.outcome,
    ).toBe('inconclusive')
  })
  test('a replay measures the past', async () => {
    const live = await of([timed], (_, at) => at / 100)
    const replay = await of([timed], (_, at) => at / 100, { replay: { from: START, to: START + 600_000 } })
    expect(replay.analysis).toEqual(live.analysis)
  })
})

describe('a Kayenta config', () => {
  const config = readKayenta({
    metrics: [
      {
        name: 'errors',
        groups: ['g'],
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholder
        query: { customInlineTemplate: 'errors{scope="${scope}"}' },
        analysisConfigurations: { canary: { direction: 'increase' } },
      },
    ],
    classifier: { groupWeights: {} },
  })
  const scopes = { candidate: 'green', baseline: 'blue', location: '' }
  const of = (values: Past['values'], given: Partial<Schedule> = {}, fault?: (seconds: number) => string[]) =>
    run(
      {
        judge: 'mann-whitney',
        config,
        scopes,
        thresholds: { pass: 95, marginal: 75 },
        schedule: { ...schedule, ...given },
      },
      values,
      fault,
    )
  const noisy = (query: string, at: number): number => (query.includes('green') ? 3 : 1) + ((at * 7919) % 100) / 100

  test('is judged once, at the end of the window', async () => {
    const { analysis, seconds, prometheus } = await of(noisy)
    expect([analysis.outcome, seconds, prometheus.asked.length]).toEqual(['failed', 600, 4])
    expect(analysis.headline).toBe('Fail: 0 of 100 points (from 95 on it passes, from 75 on it is marginal)')
    expect(analysis.reason).toBe('errors: High')
    expect((await of((_, at) => noisy('blue', at))).analysis.outcome).toBe('passed')
  })
  test('live and replay agree', async () => {
    expect((await of(noisy, { replay: { from: START, to: START + 600_000 } })).analysis).toEqual((await of(noisy)).analysis)
  })
  test('without data of the candidate it fails, as there; without any, and with doubts, it is inconclusive; without an answer an error', async () => {
    expect((await of((query, at) => (query.includes('green') ? undefined : noisy(query, at)))).analysis).toMatchObject({
      outcome: 'failed',
      reason: '1 of 1 metrics have no data\nerrors: Nodata',
    })
    expect((await of(() => undefined)).analysis).toMatchObject({
      outcome: 'inconclusive',
      reason: expect.stringMatching(/^not judged: no query found data.*\n1 of 1 metrics have no data\nerrors: Nodata$/),
    })
    expect((await of(noisy, {}, () => ['partial'])).analysis).toMatchObject({
      outcome: 'inconclusive',
      reason: expect.stringContaining('partial'),
    })
    await expect(of(noisy, {}, down)).rejects.toThrow('nothing can be said about the release')
  })
  test('a query that no server can answer is an error at once, live and in a replay', async () => {
    for (const replay of [undefined, { from: START, to: START + 600_000 }])
      for (const kind of [{ permanent: true }, { ofQuery: true }]) {
        let asked = 0
        const refused = of(noisy, { replay }, () => {
          asked++
          throw new AnswerError('parse error', kind)
        })
        await expect(refused).rejects.toThrow(
          /^config: the metric errors of the Kayenta config: parse error; the query is errors\{scope="(green|blue)"\}$/,
        )
        expect(asked).toBe(2)
      }
  })
  test('a fault that passes is waited for, before the window and after it', async () => {
    for (const from of [0, 600]) {
      let faults = 2
      const { analysis } = await of(noisy, {}, (at) => (at >= from && faults-- > 0 ? down() : []))
      expect(analysis.outcome).toBe('failed')
    }
  })
  test('the delay is left out of a replay too', async () => {
    const { analysis } = await of(noisy, { replay: { from: START, to: START + 600_000 }, initialDelay: 60_000 })
    expect(analysis.from).toBe(START + 60_000)
  })
  test('gaps are no zeros, and a side without anything is', async () => {
    const replaced = {
      ...config,
      metrics: config.metrics.map((metric) => ({ ...metric, rule: { ...metric.rule, nanStrategy: 'replace' as const } })),
    }
    const judged = (values: Past['values']) =>
      run({ judge: 'mann-whitney', config: replaced, scopes, thresholds: { pass: 95, marginal: 75 }, schedule }, values)
    const sparse: Past['values'] = (query, at) => (query.includes('blue') && at % 30 ? undefined : noisy('blue', at))
    expect((await judged(sparse)).analysis.metrics[0]?.verdict).toBe('Pass')
    expect((await judged((query, at) => (query.includes('blue') ? undefined : noisy(query, at)))).analysis.metrics[0]?.verdict).toBe('High')
  })
  test('a muted metric is shown, and decides nothing', async () => {
    const [metric] = config.metrics
    if (!metric) throw new Error('the config has no metric')
    const fine = { ...metric, name: 'fine', query: (scope: string) => `fine ${scope}` }
    const muted = { ...metric, muted: true, rule: { ...metric.rule, critical: true } }
    const { analysis } = await run(
      { judge: 'mann-whitney', config: { ...config, metrics: [fine, muted] }, scopes, thresholds: { pass: 95, marginal: 75 }, schedule },
      (query, at) => (query.startsWith('fine') ? noisy('blue', at) : noisy(query, at)),
    )
    expect(analysis).toMatchObject({ outcome: 'passed', reason: '' })
    expect(analysis.metrics.map(({ verdict }) => verdict)).toEqual(['Pass', 'High (critical) (muted)'])
  })
})

describe('a plan', () => {
  const plan = (rps: number, given: object = {}, share = 0.5) =>
    run(
      {
        judge: 'plan',
        config: readConfig({ metrics: [{ preset: 'http' }], ...given }),
        expected: { rps, share, rate: 0.005, harmful: 0.015 },
        schedule,
      },
      () => undefined,
    )
  test('says how long, and always the same', async () => {
    const { analysis } = await plan(20)
    expect(analysis.headline).toMatch(/^At 20 requests\/s of the candidate \(50% of all\): a candidate with 1.5% errors fails after \d min/)
    expect((await plan(20)).analysis).toEqual(analysis)
    expect(analysis.metrics.map(({ verdict }) => verdict)).toEqual(['fail', 'pass'])
  })
  test('says so when the traffic is too little', async () => {
    expect((await plan(0.2)).analysis.reason).toMatch(
      /send more traffic, or watch for longer\nat this traffic the candidate gets about 120 more requests in time, and a pass takes \d+ more .* an error rate of \d.*% can be ruled out by then$/,
    )
    expect((await plan(20)).analysis.reason).toBe('')
  })
  test('without a baseline gives latency no share of alpha, as the watch does', async () => {
    const alpha = async (share: number) => ((await plan(0.2, {}, share)).analysis.details as { rules: { alpha: number } }).rules.alpha
    expect([await alpha(0.5), await alpha(1)]).toEqual([0.025, 0.05])
  })
  test('needs a metric of errors', async () => {
    await expect(plan(20, { metrics: [{ preset: 'restarts' }] })).rejects.toThrow('plan needs a metric of the kind errors')
  })
})
