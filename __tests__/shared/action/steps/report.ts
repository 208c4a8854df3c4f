import type { Result } from '../../../../actions/shared/action/run.ts'
import type { Findings, Outcome } from '../../../../actions/shared/report/report.ts'

/** The result of a made-up release. */
export const result = (outcome: Outcome, more: Partial<Findings> = {}): Result => ({
  report: {
    outcome,
    headline: 'The headline',
    reason: outcome === 'passed' ? '' : 'The reason',
    facts: [],
    data: {},
    ...more,
  },
})
