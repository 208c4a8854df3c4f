import { outcomeSigns } from '../shared/report/markdown.ts'
import type { Outcome, Report } from '../shared/report/report.ts'
import type { Story } from '../shared/report/story.ts'
import type { Analysis } from './engine.ts'

const signs: Record<string, Outcome> = {
  pass: 'passed',
  Pass: 'passed',
  Successful: 'passed',
  fail: 'failed',
  Failed: 'failed',
  High: 'failed',
  Low: 'failed',
  NodataFailMetric: 'failed',
  Error: 'error',
}

const sign = (verdict: string): string => outcomeSigns[signs[verdict.split(' ')[0] ?? ''] ?? 'inconclusive']

/** What an analysis becomes for people. */
export function reportOf(analysis: Analysis, story: Story, started: number, now: number): Report {
  const { outcome, headline, reason, judge, metrics, details, looks, samples, from, to, chart, charts } = analysis
  return {
    version: 1,
    action: 'canary-analyze',
    outcome,
    headline,
    reason,
    started: new Date(started).toISOString(),
    seconds: Math.max(0, (now - started) / 1000),
    facts: [
      ...metrics.map(({ name, verdict, reason }) => ({ name, value: `${sign(verdict)} ${verdict}: ${reason}` })),
      { name: 'Judge', value: judge },
      ...(judge === 'plan'
        ? []
        : [
            {
              name: 'Judged',
              value: `${new Date(from).toISOString()} to ${new Date(to).toISOString()}, ${looks} looks${samples === undefined ? '' : `, ${samples} requests of the candidate`}`,
            },
          ]),
    ],
    timeline: story.timeline,
    evidence: story.kept,
    ...(chart && { chart }),
    ...(charts.length > 0 && { charts }),
    data: { judge, metrics: details, looks, samples, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
  }
}

export const outputsOf = ({ headline, reason, details, samples, to }: Analysis): Record<string, string> => ({
  headline,
  reason,
  metrics: JSON.stringify(details),
  samples: String(samples ?? ''),
  'stopped-at': new Date(to).toISOString(),
})
