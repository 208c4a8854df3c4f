import { plain } from '../shared/report/text.ts'
import type { CheckResult } from './settle.ts'

/** For text and quoted attributes of XML 1.0, which has no way to write most control characters. */
const escapeXml = (text: string): string =>
  plain(text).replace(/[<>&"'\n\t]|[^\P{Cc}\n\t]|[\ufffe\uffff]/gu, (character) =>
    /[<>&"'\n\t]/.test(character) ? `&#${character.charCodeAt(0)};` : '\ufffd',
  )

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(3)

/** The results as JUnit XML: `failure` is an unhealthy check, `error` one that could not be reached. */
export function junit(
  results: readonly CheckResult[],
  suite: { file: string; started: Date; milliseconds: number; redact: (text: string) => string },
): string {
  const text = (foreign: string): string => escapeXml(suite.redact(foreign))
  const attributes = (values: Record<string, string | number>): string =>
    Object.entries(values)
      .map(([name, value]) => ` ${name}="${typeof value === 'string' ? text(value) : value}"`)
      .join('')
  const of = (verdict: string): number => results.filter(({ fault }) => fault?.verdict === verdict).length
  const totals = {
    tests: results.length,
    failures: of('unhealthy'),
    errors: of('unreachable'),
    skipped: results.filter(({ outcome }) => outcome === 'skipped').length,
    time: seconds(suite.milliseconds),
  }
  const cases = results.map(({ check, outcome, fault, said, attempts, stages, milliseconds }) => {
    const head = attributes({
      name: check.spec.name,
      classname: suite.file,
      file: suite.file,
      line: check.line,
      time: seconds(milliseconds),
    })
    const element = fault?.verdict === 'unreachable' ? 'error' : 'failure'
    const inner =
      outcome === 'skipped'
        ? `<skipped${attributes({ message: said })}/>`
        : fault
          ? `<${element}${attributes({ type: fault.word, message: fault.message })}>${text(fault.shown)}</${element}>`
          : ''
    return `    <testcase${head}>${inner}<system-out>${escapeXml(`attempts: ${attempts}; ${stages}`)}</system-out></testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'smoke-test', ...totals })}>`,
    `  <testsuite${attributes({ name: suite.file, timestamp: suite.started.toISOString().slice(0, 19), ...totals })}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}
