// A fault of the way to Prometheus that stays ends a watch at once, told once.
import { expect, test } from '@jest/globals'
import { runTemplate } from '../../actions/canary-analyze/argo/run.ts'
import { readTemplate } from '../../actions/canary-analyze/argo/template.ts'
import type { Ports, Schedule } from '../../actions/canary-analyze/result.ts'
import { Patience } from '../../actions/canary-analyze/watch/looks.ts'
import { AnswerError } from '../../actions/shared/prometheus/answer.ts'
import { createStory } from '../../actions/shared/report/story.ts'
import { TestClock } from '../support/clock.ts'

const schedule: Schedule = {
  replay: undefined,
  initialDelay: 0,
  interval: 1000,
  shortest: 0,
  longest: 600_000,
  sampleDelay: 0,
  failures: 3,
}
const failing = (permanent: boolean) => async (): Promise<never> => {
  throw new AnswerError('prometheus-url: http://p answers 404; leave out /api/v1', { permanent })
}

test('of a watch: what may pass is waited for', async () => {
  const told: string[] = []
  const patience = new Patience(schedule, (text) => void told.push(text))
  expect(await patience.try(failing(false))).toBeUndefined()
  expect(told).toHaveLength(1)
  await expect(patience.try(failing(true))).rejects.toThrow(/^prometheus-url: http:\/\/p answers 404/)
  expect(told).toHaveLength(1)
})

test('of a template: but not by a metric that runs dry', async () => {
  const template = (dryRun: { metricName: string }[]) =>
    readTemplate(
      {
        kind: 'AnalysisTemplate',
        spec: { dryRun, metrics: [{ name: 'm', successCondition: 'result[0] > 0', provider: { prometheus: { query: 'x' } } }] },
      },
      {},
    )
  const clock = new TestClock()
  const ports = (permanent: boolean): Ports => {
    const fail = failing(permanent)
    const prometheus = { everywhere: true, instant: fail, range: fail, before: fail, samples: fail, groups: fail }
    return {
      prometheus,
      counters: prometheus,
      clock,
      signal: new AbortController().signal,
      story: createStory(clock.now.bind(clock), { phase: () => undefined, line: () => undefined, untrusted: () => undefined }),
    }
  }
  await expect(runTemplate(template([]), schedule, ports(true))).rejects.toThrow('leave out /api/v1')
  expect((await runTemplate(template([]), schedule, ports(false))).outcome).toBe('error')
  // Which then has no measurement at all.
  expect((await runTemplate(template([{ metricName: 'm' }]), schedule, ports(true))).outcome).toBe('error')
})
