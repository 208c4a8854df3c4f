// The GitHub side of an action: what its work gets, and what becomes of the result. Whatever the work does, a verdict comes out.
import type { Findings, Report } from '../report/report.ts'
import type { Story } from '../report/story.ts'
import { cut, readableSeconds } from '../report/text.ts'
import { type Door, openDoor } from './door.ts'
import { InputError } from './inputs.ts'
import { publish } from './publish.ts'
import { causes, type Result } from './result.ts'

export type { Result } from './result.ts'

export interface Host {
  readonly environment: Record<string, string | undefined>
  /** Aborted when the job is cancelled. The runner sends SIGINT, after 7.5 s SIGTERM, and kills 2.5 s later. */
  readonly signal: AbortSignal
  readonly story: Story
  /** Hides a secret in everything that leaves the process from now on, in whatever form it is written there. */
  readonly mask: (secret: string) => void
  /** For what is stored or sent: the text without the secrets that were masked so far, at most about 1 MiB of it. Twice is as once. */
  readonly redact: (text: string) => string
  /** For the post step; written at once, so that it survives a kill. */
  readonly saveState: (name: string, value: string) => void
  /** What the main step saved; empty when it did not. */
  readonly getState: (name: string) => string
  readonly runUrl: string | undefined
}

/** The address of this run and attempt, on github.com and on GitHub Enterprise Server. */
export function runUrl(environment: Record<string, string | undefined>): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id, GITHUB_RUN_ATTEMPT: attempt } = environment
  if (!server || !repository || !id) return undefined
  return `${server}/${repository}/actions/runs/${id}${attempt ? `/attempts/${attempt}` : ''}`
}

/**
 * Runs the work of one step and publishes its result: report files, job summary, the outputs that every action has, one annotation, the exit
 * code. Work that throws, crashes or ends without a result is an `error`. A post step with nothing to say returns undefined.
 */
export async function runAction(name: string, body: (host: Host) => Promise<Result | undefined>): Promise<void> {
  const started = Date.now()
  const environment = process.env
  const door = openDoor()
  const { story, mask, redact, saveState } = door
  const watched = watch()
  const host: Host = {
    environment,
    signal: watched.signal,
    story,
    mask,
    redact,
    saveState,
    getState: (key) => environment[`STATE_${key}`] ?? '',
    runUrl: runUrl(environment),
  }
  let result: Result | undefined
  let title: string | undefined
  try {
    result = await Promise.race([body(host), watched.crashed])
  } catch (error) {
    if (error instanceof InputError) title = 'input'
    else if (isDefect(error) || environment['RUNNER_DEBUG'] === '1') story.evidence('Where the error came from', stackOf(error))
    result = { report: failure(error, host.signal) }
  }
  watched.ended()
  door.close()
  if (result) {
    const { report: findings, exit } = result
    const made: Report = {
      version: 1,
      action: name,
      started: new Date(started).toISOString(),
      seconds: Math.max(0, Date.now() - started) / 1000,
      ...(host.runUrl && { run: { url: host.runUrl } }),
      ...findings,
      timeline: story.timeline,
      evidence: [...(findings.evidence ?? []), ...story.kept],
    }
    const { report, problems, outputsLost } = await publish(made, result, door, environment)
    for (const text of problems) door.annotate('warning', { title: `${name}: report`, text })
    for (const annotation of result.annotations ?? []) door.annotate('error', annotation)
    announce(report, `${name}: ${title ?? report.outcome}`, door)
    const failed = exit ? exit === 'failure' : report.outcome === 'failed' || report.outcome === 'error'
    process.exitCode = failed || outputsLost ? 1 : 0
  }
  // A socket or a timer left behind by a library must not hold the job.
  setTimeout(() => process.exit(), 1000).unref()
}

/**
 * Turns what would end the process without a verdict into a rejection: a crash beside the work, an event loop with nothing left to wait
 * for, a second signal while the work still has not stopped.
 */
function watch(): { signal: AbortSignal; crashed: Promise<never>; ended(): void } {
  const abort = new AbortController()
  const { promise: crashed, reject } = Promise.withResolvers<never>()
  crashed.catch(() => undefined)
  const cancel = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) reject(new Error(`cancelled by ${signal}; the work did not stop in time`))
    else abort.abort(new Error(`cancelled by ${signal}`))
  }
  const stalled = (): void => reject(new Error('the work stopped without a result: nothing was left to wait for'))
  process.on('SIGINT', cancel).on('SIGTERM', cancel)
  process.on('uncaughtException', reject).on('unhandledRejection', reject).on('beforeExit', stalled)
  return { signal: abort.signal, crashed, ended: () => process.off('beforeExit', stalled) }
}

/** Errors that JavaScript throws by itself are ours to mend; those that the work throws explain themselves. */
const isDefect = (error: unknown): boolean => [TypeError, ReferenceError, RangeError, SyntaxError].some((type) => error instanceof type)
const stackOf = (error: unknown): string => (error instanceof Error && error.stack) || String(error)

function failure(error: unknown, signal: AbortSignal): Findings {
  const wrong = error instanceof InputError
  return {
    outcome: 'error',
    headline: wrong ? 'Wrong input: nothing was done' : signal.aborted ? 'Cancelled before it was done' : 'Stopped by an error',
    reason: cut(causes(error), 8000),
    facts: [],
    data: wrong ? { inputs: error.problems } : {},
  }
}

function announce({ outcome, headline, reason, seconds }: Report, title: string, door: Door): void {
  door.say(`${outcome}: ${headline} (${readableSeconds(seconds)})`)
  if (outcome === 'passed') return
  door.annotate(outcome === 'inconclusive' ? 'warning' : 'error', { title, text: reason ? `${headline}\n${reason}` : headline })
}
