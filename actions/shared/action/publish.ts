// A result becomes files: the report as JSON and HTML, the job summary, the step's outputs.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as core from '@actions/core'
import { renderHtml } from '../report/html.ts'
import { renderMarkdown } from '../report/markdown.ts'
import type { Chart, Report } from '../report/report.ts'
import { placeInside } from '../workspace.ts'
import { causes, type Result } from './result.ts'
import type { Secrets } from './secrets.ts'

export interface Published {
  /** What could not be written. None of it changes the verdict. */
  problems: string[]
  /** Later steps would decide on outputs that are not there: the step must not succeed. */
  outputsLost: boolean
}

/** Writes what can be written; every failure is a problem in the answer, and keeps nothing else from being written. */
export async function publish(
  made: Report,
  result: Result,
  secrets: Secrets,
  environment: Record<string, string | undefined>,
): Promise<Published> {
  const problems: string[] = []
  const attempt = async (what: string, write: () => unknown): Promise<boolean> => {
    try {
      await write()
      return true
    } catch (error) {
      problems.push(`${what} could not be written: ${secrets.redact(causes(error))}`)
      return false
    }
  }
  const report = redactReport({ ...made, data: plainData(made.data, problems) }, secrets)
  const outputs: Record<string, string> = { ...result.outputs, outcome: report.outcome }
  await attempt('The report', () => {
    const folder = mkdtempSync(join(environment.RUNNER_TEMP || tmpdir(), `${report.action}-report-`))
    const json = join(folder, 'report.json')
    writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
    outputs.report = json
    if (!result.html) return
    const html = join(folder, 'report.html')
    writeFileSync(html, renderHtml(report))
    outputs['report-html'] = html
  })
  for (const [path, content] of Object.entries(result.files ?? {}))
    await attempt(path, () => {
      const file = placeInside(path, environment.GITHUB_WORKSPACE || '.')
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
    })
  // Absent outside of a runner.
  if (environment.GITHUB_STEP_SUMMARY) await attempt('The job summary', () => core.summary.addRaw(renderMarkdown(report)).write())
  let outputsLost = false
  for (const [name, value] of Object.entries(outputs))
    if (!(await attempt(`The output ${name}`, () => core.setOutput(name, value)))) outputsLost = true
  return { problems, outputsLost }
}

/** The data as JSON has it, so that redacting sees every string that will be written. */
function plainData(data: unknown, problems: string[]): unknown {
  try {
    return JSON.parse(JSON.stringify(data ?? null)) as unknown
  } catch (error) {
    problems.push(`The report goes without its data, which is not JSON: ${causes(error)}`)
    return null
  }
}

function redactReport(report: Report, { redact, redactAll }: Secrets): Report {
  const { chart, charts } = report
  const redactChart = (one: Chart): Chart => ({
    ...one,
    title: redact(one.title),
    series: one.series.map((curve) => ({ ...curve, name: redact(curve.name) })),
  })
  return {
    ...report,
    headline: redact(report.headline),
    reason: redact(report.reason),
    ...(report.run ? { run: { url: redact(report.run.url) } } : {}),
    facts: report.facts.map(({ name, value }) => ({ name: redact(name), value: redact(value) })),
    timeline: report.timeline.map((moment) => ({ ...moment, phase: redact(moment.phase), text: redact(moment.text) })),
    evidence: report.evidence.map(({ title, text }) => ({ title: redact(title), text: redact(text) })),
    ...(chart && { chart: redactChart(chart) }),
    ...(charts && { charts: charts.map(redactChart) }),
    data: redactAll(report.data),
  }
}
