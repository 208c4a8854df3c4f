import type { Findings } from '../shared/report/report.ts'
import { counts, type SmokeResult } from './engine.ts'
import type { CheckResult } from './settle.ts'

/** What a run becomes for people and for other steps. */
export function reportOf(result: SmokeResult, suite: { file: string; target: string }): Findings {
  return {
    outcome: result.outcome,
    headline: result.headline,
    reason: result.reason,
    facts: [
      { name: 'Suite', value: suite.file },
      { name: 'Target', value: suite.target || 'as each check says' },
      ...result.results.map(factOf),
    ],
    data: { checks: result.results.map(dataOf) },
  }
}

const signs = { passed: '✅', failed: '❌', skipped: '⏭️' }

function factOf({ check, outcome, fault, said, attempts, failures }: CheckResult): Findings['facts'][number] {
  const text = fault ? `${fault.verdict} (${fault.word}): ${fault.message}` : outcome === 'skipped' ? `not run: ${said}` : said
  const again = attempts > 1 ? `; ${attempts} attempts${Object.keys(failures).length ? `, ${counts(failures)}` : ''}` : ''
  return { name: check.spec.name, value: `${signs[outcome]} ${text}${again}` }
}

const dataOf = ({ check, outcome, fault, said, attempts, failures, stages, milliseconds }: CheckResult): object => ({
  name: check.spec.name,
  kind: check.kind,
  line: check.line,
  outcome,
  ...(fault && { verdict: fault.verdict, word: fault.word, stage: fault.stage, message: fault.message }),
  said,
  attempts,
  failures,
  stages,
  seconds: milliseconds / 1000,
})

/** One annotation for each check that failed, where it stands in the suite; GitHub shows ten of a step. */
export const annotationsOf = (result: SmokeResult, file: string): { file: string; line: number; title: string; text: string }[] =>
  result.results
    .filter(({ outcome }) => outcome === 'failed')
    .slice(0, 9)
    .map(({ check, fault }) => ({
      file,
      line: check.line,
      title: `${check.spec.name} is ${fault?.verdict} (${fault?.word})`,
      text: fault?.message ?? '',
    }))

export function outputsOf({ results }: SmokeResult): Record<string, string> {
  const count = (outcome: CheckResult['outcome']): string => String(results.filter((result) => result.outcome === outcome).length)
  const verdicts = new Set(results.flatMap(({ fault }) => fault?.verdict ?? []))
  return {
    verdict: verdicts.has('unhealthy') ? 'unhealthy' : verdicts.has('unreachable') ? 'unreachable' : 'healthy',
    'passed-checks': count('passed'),
    'failed-checks': count('failed'),
    'skipped-checks': count('skipped'),
  }
}
