// A result becomes files: the report as JSON and HTML, the job summary, the step's outputs.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as core from '@actions/core'
import { renderHtml } from '../report/html.ts'
import { renderMarkdown } from '../report/markdown.ts'
import type { Report } from '../report/report.ts'
import { oneLine } from '../report/text.ts'
import { placeInside } from '../workspace.ts'
import type { Door } from './door.ts'
import { causes, type Result } from './result.ts'

export interface Published {
  /** As it was written: without secrets. */
  report: Report
  /** What could not be written. None of it changes the verdict. */
  problems: string[]
  /** Later steps would decide on outputs that are not there: the step must not succeed. */
  outputsLost: boolean
}

/**
 * Writes what can be written; every failure is a problem in the answer, and keeps nothing else from being written. Every action has the
 * outputs `outcome`, `headline`, `reason`, `duration` (seconds), `report` and, when it was asked for, `html-report` (paths).
 */
export async function publish(
  made: Report,
  result: Result,
  door: Door,
  environment: Record<string, string | undefined>,
): Promise<Published> {
  const problems: string[] = []
  const attempt = async (what: string, write: () => unknown): Promise<boolean> => {
    try {
      await write()
      return true
    } catch (error) {
      problems.push(`${what} could not be written: ${causes(error)}`)
      return false
    }
  }
  const report = redacted(made, door, problems)
  const written = { report: '', 'html-report': '' }
  await attempt('The report', () => {
    const folder = mkdtempSync(join(environment.RUNNER_TEMP || tmpdir(), `${report.action}-report-`))
    const json = join(folder, 'report.json')
    writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
    written.report = json
    if (!result.html) return
    const html = join(folder, 'report.html')
    writeFileSync(html, renderHtml(report))
    written['html-report'] = html
  })
  for (const [path, content] of Object.entries(result.files ?? {}))
    await attempt(path, () => {
      const file = placeInside(path, environment.GITHUB_WORKSPACE || '.')
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content(door.redact))
    })
  // Absent outside of a runner.
  if (environment.GITHUB_STEP_SUMMARY) await attempt('The job summary', () => core.summary.addRaw(renderMarkdown(report)).write())
  const outputs = {
    ...result.outputs,
    outcome: report.outcome,
    headline: oneLine(report.headline),
    reason: report.reason,
    duration: String(Math.round(report.seconds)),
    ...written,
  }
  let outputsLost = false
  for (const [name, value] of Object.entries(outputs))
    if (!(await attempt(`The output ${name}`, () => door.output(name, value)))) outputsLost = true
  return { report, problems, outputsLost }
}

/** The data goes as JSON has it, so that redacting sees every string that will be written. */
function redacted(made: Report, door: Door, problems: string[]): Report {
  try {
    return door.report({ ...made, data: JSON.parse(JSON.stringify(made.data ?? null)) as unknown })
  } catch (error) {
    problems.push(`The report goes without its data, which is not JSON: ${causes(error)}`)
    return door.report({ ...made, data: null })
  }
}
