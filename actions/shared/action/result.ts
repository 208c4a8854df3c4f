// What an action's work hands back, and the report that is made when it throws instead.

import type { Findings } from '../report/report.ts'
import { messageOf } from '../text/errors.ts'

export interface Result {
  report: Findings
  /** Newlines are allowed. */
  outputs?: Record<string, string>
  /** Default: failed and error fail the step. */
  exit?: 'success' | 'failure'
  /** Also writes the report as one HTML page. */
  html?: boolean
  /** Further files, by their path in the workspace: what writes each of them, with every foreign text of it redacted. */
  files?: Record<string, (redact: (text: string) => string) => string>
  /** Errors at a line of a file of the workspace, before the one for the whole. */
  annotations?: readonly { file: string; line: number; title: string; text: string }[]
}

/** The messages of an error and its causes, one a line; a cause whose words the error already has is left out. */
export function causes(error: unknown): string {
  const found: string[] = []
  for (let at = error; at !== undefined && at !== null && found.length < 10; at = at instanceof Error ? at.cause : undefined)
    found.push(at instanceof AggregateError ? [messageOf(at), ...at.errors.slice(0, 5).map(messageOf)].join('; ') : messageOf(at))
  return found.filter((text, i) => i === 0 || !found[i - 1]?.includes(text)).join('\ncaused by: ')
}
