// Jest's reporter of a trial: writes what ended, one JSON a line, into the file MUTATE_LOG. With MUTATE_STOP=1 the first failed test ends the
// process, and the last passed one too: what a mutant left behind could keep it.
import { appendFileSync } from 'node:fs'

/** A line of the log: a failed test, the end of a file, or of all. */
export type Line = { failed: string } | { file: string; took: number } | { passed: number }

interface Case {
  status: string
  fullName: string
}

interface FileResult {
  testExecError?: unknown
  testFilePath: string
  numFailingTests: number
  perfStats: { start: number; end: number }
}

const log = process.env['MUTATE_LOG'] ?? '/dev/stdout'
const stops = process.env['MUTATE_STOP'] === '1'

export default class Reporter {
  onTestCaseResult(test: { path: string }, { status, fullName }: Case): void {
    if (status === 'failed') this.fail(`${test.path}: ${fullName}`)
  }

  onTestFileResult(_test: unknown, { testExecError, testFilePath: file, numFailingTests, perfStats }: FileResult): void {
    if (testExecError !== undefined && testExecError !== null) this.fail(`${file}: it does not load`)
    else if (numFailingTests > 0 && stops) this.fail(`${file}: a test failed`)
    this.write({ file, took: perfStats.end - perfStats.start })
  }

  onRunComplete(_contexts: unknown, { numPassedTests }: { numPassedTests: number }): void {
    this.write({ passed: numPassedTests })
    if (stops) process.exit(0)
  }

  private fail(failed: string): void {
    this.write({ failed })
    if (stops) process.exit(1)
  }

  private write(line: Line): void {
    appendFileSync(log, `${JSON.stringify(line)}\n`)
  }
}
