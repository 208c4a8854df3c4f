import type { Story } from '../shared/report/story.ts'
import { type Clock, formatDuration } from '../shared/time/clock.ts'
import type { Network } from './dial.ts'
import { type Check, loadSuite, type Suite } from './load.ts'
import { createProbe, type Probe } from './probe.ts'
import { type CheckResult, settle } from './settle.ts'

export type { LoadOptions } from './load.ts'
export type { CheckResult, Network, Suite }
export { loadSuite }

/** The world, as the engine needs it. */
export interface Ports {
  clock: Clock
  signal: AbortSignal
  story: Story
  network: Network
  /** Hides a captured secret before anything is said of it. */
  mask: (secret: string) => void
  /** How an attempt is made; tests give another. */
  probe?: Probe
}

export interface SmokeResult {
  /** `failed`: a check speaks against the service. `error`: the way there does, so nothing is known of the service. */
  outcome: 'passed' | 'failed' | 'error'
  headline: string
  /** Each check that did not pass, one a line; empty when all did. */
  reason: string
  results: CheckResult[]
}

/** How often a run that is still waiting says for what, in milliseconds. */
const PROGRESS = 15_000
/** What is told in full. */
const MOST = { reasons: 15, evidence: 20 }

/** Runs a suite until every check has settled or the deadline (milliseconds; the suite's own by default) is over. Throws when the run is aborted. */
export async function runSuite(suite: Suite, ports: Ports, deadline = suite.head.deadline): Promise<SmokeResult> {
  const { clock, story } = ports
  const { head } = suite
  story.phase('smoke test')
  const open = new Map(suite.checks.map((check) => [check.spec.name, '']))
  const until = clock.monotonic() + deadline
  const over = new AbortController()
  const progress = tellProgress(open, until, ports, over.signal)
  try {
    const results = await settle(suite.checks, {
      clock,
      signal: ports.signal,
      probe: ports.probe ?? createProbe({ suite, ...ports }),
      deadline,
      timeout: head.timeout,
      interval: head.interval,
      maxInterval: head['max-interval'],
      consecutive: head.consecutive,
      parallel: head.parallel,
      values: suite.variables,
      onCapture: (check, name, value) => isSecret(check, name) && ports.mask(String(value)),
      onAttempt: ({ spec }, attempt, { fault }, wait) => {
        if (!fault || wait === 0) return
        // The same fault again is counted, not told again.
        const text = `${fault.word}: ${fault.message}`
        if (open.get(spec.name) !== text)
          story.tell(`${spec.name}, attempt ${attempt}: ${text}; again in ${formatDuration(wait)}`, 'warning')
        open.set(spec.name, text)
      },
      onResult: (result) => {
        open.delete(result.check.spec.name)
        tellResult(story, result)
      },
    })
    return conclude(results, story)
  } finally {
    over.abort()
    await progress
  }
}

const isSecret = ({ spec }: Check, name: string): boolean => 'capture' in spec && (spec.capture?.[name]?.secret ?? false)

async function tellProgress(open: Map<string, string>, until: number, { clock, story, signal }: Ports, over: AbortSignal): Promise<void> {
  const both = AbortSignal.any([signal, over])
  for (;;) {
    const goesOn = await clock.sleep(PROGRESS, both).then(
      () => true,
      () => false,
    )
    if (!goesOn) return
    const names = [...open.keys()]
    const rest = names.length > 5 ? ` and ${names.length - 5} more` : ''
    story.tell(`waiting for ${names.slice(0, 5).join(', ')}${rest}; ${formatDuration(Math.max(0, until - clock.monotonic()))} left`)
  }
}

function tellResult(story: Story, { check, outcome, attempts, failures, fault, said, stages, milliseconds }: CheckResult): void {
  const { name } = check.spec
  const bad = Object.values(failures).reduce((sum, count) => sum + count, 0)
  if (outcome === 'skipped') story.tell(`${name} was not run: ${said}`, 'warning')
  else if (outcome === 'passed') {
    const again = bad ? ` after ${attempts} attempts in ${formatDuration(milliseconds)}, ${counts(failures)}` : ''
    story.tell(`${name}: ${said} (${stages})${again}`, bad ? 'warning' : 'good')
  } else
    story.tell(
      `${name} is ${fault?.verdict} (${fault?.word}) after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}: ${said} (${stages})`,
      'bad',
    )
}

/** `2 times slow, once status`. */
export const counts = (failures: Record<string, number>): string =>
  Object.entries(failures)
    .map(([word, count]) => `${count === 1 ? 'once' : `${count} times`} ${word}`)
    .join(', ')

function conclude(results: CheckResult[], story: Story): SmokeResult {
  const bad = results.filter(({ outcome }) => outcome === 'failed')
  for (const { check, fault } of bad.slice(0, MOST.evidence))
    if (fault?.shown) story.evidence(`${check.spec.name}: what came back`, fault.shown)
  const unhealthy = bad.filter(({ fault }) => fault?.verdict === 'unhealthy')
  const skipped = results.filter(({ outcome }) => outcome === 'skipped').length
  const lines = bad.slice(0, MOST.reasons).map(reasonOf)
  if (bad.length > lines.length) lines.push(`and ${bad.length - lines.length} more`)
  const reason = lines.join('\n')
  const not = skipped ? `, ${skipped} were not run` : ''
  if (unhealthy.length > 0)
    return { outcome: 'failed', headline: `Unhealthy: ${named(unhealthy)} of ${results.length} checks failed${not}`, reason, results }
  if (bad.length > 0)
    return {
      outcome: 'error',
      headline: `Unreachable from here: ${named(bad)} of ${results.length} checks did not get through${not}`,
      reason,
      results,
    }
  const retried = results.filter(({ failures }) => Object.keys(failures).length > 0).length
  const settled = retried ? `, ${retried} of them only after failed attempts` : ''
  return {
    outcome: 'passed',
    headline: `${results.length} ${results.length === 1 ? 'check' : 'checks'} passed${settled}`,
    reason: '',
    results,
  }
}

const named = (results: CheckResult[]): string => (results.length === 1 ? `${results[0]?.check.spec.name}, 1` : String(results.length))

const reasonOf = ({ check, fault, attempts }: CheckResult): string =>
  `${check.spec.name} (line ${check.line}) is ${fault?.verdict}, ${fault?.word}${attempts > 1 ? `, in ${attempts} attempts` : ''}: ${fault?.message}`
