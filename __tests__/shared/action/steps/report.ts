import type { Host, Result } from '../../../../actions/shared/action/run.ts'
import type { Outcome, Report } from '../../../../actions/shared/report/report.ts'

/** The result of a made-up release with the story so far. */
export const result = (host: Host, outcome: Outcome, more: Partial<Report> = {}): Result => ({
  report: {
    version: 1,
    action: 'demo',
    outcome,
    headline: 'The headline',
    reason: outcome === 'passed' ? '' : 'The reason',
    started: '2026-01-02T03:04:05.000Z',
    seconds: 12,
    facts: [],
    timeline: host.story.timeline,
    evidence: host.story.kept,
    data: {},
    ...more,
  },
})
