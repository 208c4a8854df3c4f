import { outcomeSigns } from '../shared/report/markdown.ts'
import type { Findings, Outcome } from '../shared/report/report.ts'
import { counted } from '../shared/report/text.ts'
import { own } from '../shared/text/records.ts'
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

const sign = (verdict: string): string => outcomeSigns[own(signs, verdict.split(' ')[0] ?? '') ?? 'inconclusive']

/** Who was compared with whom, and where it was read. */
export interface About {
  candidate: string
  /** Empty: there is none. */
  baseline: string
  /** The host of Prometheus; empty where none is asked. */
  prometheus: string
}

/** What an analysis becomes for people. */
export function reportOf(analysis: Analysis, about: About): Findings {
  const { outcome, headline, reason, judge, metrics, details, looks, samples, from, to, chart, charts } = analysis
  return {
    outcome,
    headline,
    reason,
    facts: [
      ...metrics.map(({ name, verdict, reason }) => ({ name, value: `${sign(verdict)} ${verdict}: ${reason}` })),
      ...factsOf(about),
      { name: 'Judge', value: judge },
      ...(judge === 'plan'
        ? []
        : [
            {
              name: 'Judged',
              value: `${new Date(from).toISOString()} to ${new Date(to).toISOString()}, ${counted(looks, 'look')}${samples === undefined ? '' : `, ${counted(samples, 'request')} of the candidate`}`,
            },
          ]),
    ],
    ...(chart && { chart }),
    ...(charts.length > 0 && { charts }),
    data: { judge, metrics: details, looks, samples, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
  }
}

const factsOf = ({ candidate, baseline, prometheus }: About): { name: string; value: string }[] => [
  ...(candidate
    ? [
        { name: 'Candidate', value: candidate },
        { name: 'Baseline', value: baseline || 'none' },
      ]
    : []),
  ...(prometheus ? [{ name: 'Prometheus', value: prometheus }] : []),
]

export const outputsOf = ({ details, samples, to }: Analysis): Record<string, string> => ({
  metrics: JSON.stringify(details),
  samples: String(samples ?? ''),
  'stopped-at': new Date(to).toISOString(),
})
