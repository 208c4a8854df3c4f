import type { Report } from '../../../actions/shared/report/report.ts'

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 2, 3, 4, seconds)).toISOString()

/** A report with everything in it. */
export const sample: Report = {
  version: 1,
  action: 'demo',
  outcome: 'failed',
  headline: 'The candidate fails its health checks',
  reason: 'Three of three pods never became ready.\nLook at the evidence.',
  started: at(0),
  seconds: 90,
  run: { url: 'https://github.example/o/r/actions/runs/1' },
  facts: [{ name: 'Candidate', value: 'green' }],
  timeline: [
    { at: at(1), phase: 'prepare', text: 'applied 4 objects', level: 'info' },
    { at: at(20), phase: 'verify', text: 'pod web-1 restarts', level: 'warning' },
    { at: at(30), phase: 'verify', text: 'ready', level: 'good' },
    { at: at(50), phase: 'switch', text: 'traffic is back', level: 'bad' },
  ],
  evidence: [{ title: 'log of web-1', text: 'boom' }],
  chart: {
    title: 'Errors',
    x: 'seconds',
    y: 'share (%)',
    limit: 1,
    series: [
      {
        name: 'candidate',
        points: [
          [0, 0],
          [10, 2],
          [40, 0.5],
        ],
      },
      {
        name: 'stable',
        points: [
          [0, 0.1],
          [40, 0.1],
        ],
      },
    ],
  },
  data: { pods: 3 },
}
