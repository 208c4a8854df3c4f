// The job summary: what a person reads in ten seconds, with the evidence folded below.
import { extent, resample, spans } from './chart.ts'
import type { Chart, Level, Moment, Outcome, Report } from './report.ts'
import { cut, escapeHtml, escapeMarkdown, oneLine, plain, readableSeconds } from './text.ts'

/** GitHub refuses a step's summary above 1 MiB as a whole; other parts of the step may write there too. */
const budget = 1_000_000
/** Kept free for what comes last: the notice about the cut. */
const reserve = 1000
/** With these, what comes before the evidence fits even when each character needs ten (`@<!-- -->`). */
const most = { rows: 200, text: 240, name: 60, facts: 50, fact: 400, reason: 8000 }
const samples = 40

export const outcomeSigns: Record<Outcome, string> = { passed: '✅', failed: '❌', inconclusive: '⚠️', error: '🚨' }
const signs: Record<Level, string> = { info: '', good: '✅', warning: '⚠️', bad: '❌' }

const cell = (text: string, limit = most.fact): string => escapeMarkdown(cut(oneLine(text), limit))

/** A report as GitHub Markdown, below 1 MB with a cut that says so. All text in it is escaped: it cannot become markup. */
export function renderMarkdown(report: Report): string {
  const parts: string[] = []
  let bytes = 0
  let left = 0
  const add = (part: string): void => {
    if (!part) return
    const size = Buffer.byteLength(part) + 1
    if (bytes + size > budget - reserve) left++
    else {
      parts.push(part)
      bytes += size
    }
  }
  add(`## ${outcomeSigns[report.outcome]} ${cell(report.action, most.name)}: ${report.outcome}\n\n**${cell(report.headline)}**\n`)
  // Inside an HTML block no line can begin a list, a heading or a rule.
  if (report.reason) add(`<p>${plain(cut(report.reason, most.reason)).trim().split('\n').map(escapeMarkdown).join('<br>')}</p>\n`)
  add(facts(report))
  if (report.chart) add(curves(report.chart))
  add(gantt(report))
  add(timeline(report.timeline))
  for (const piece of report.evidence)
    add(`<details><summary>${escapeHtml(oneLine(cut(piece.title, 300)))}</summary>\n\n<pre>${preformatted(piece.text)}</pre>\n</details>\n`)
  if (left)
    parts.push(`_Cut: ${left} more ${left === 1 ? 'part' : 'parts'} did not fit into a job summary; the report file has them all._\n`)
  return parts.join('\n')
}

// GitHub's Markdown ends no <pre> at an empty line, and nothing inside it is Markdown.
const preformatted = (text: string): string => escapeHtml(cut(plain(text), 64 * 1024))

function facts(report: Report): string {
  const named = [...report.facts.slice(0, most.facts), { name: 'Time', value: readableSeconds(report.seconds) }]
  const lines = named.map(({ name, value }) => `| ${cell(name, most.name)} | ${cell(value)} |`)
  const run = report.run?.url.match(/^https?:\/\/[^\s<>()[\]|"'`\\]+$/)?.[0]
  if (run) lines.push(`| Run | [the workflow run](${run}) |`)
  return `| | |\n|---|---|\n${lines.join('\n')}\n`
}

function timeline(moments: readonly Moment[]): string {
  if (moments.length === 0) return ''
  const head = most.rows / 4
  const left = Math.max(0, moments.length - most.rows)
  const shown = left === 0 ? moments : [...moments.slice(0, head), ...moments.slice(head + left)]
  const lines = shown.map((m) => `| ${m.at.slice(11, 19)} | ${cell(m.phase, most.name)} | ${signs[m.level]} ${cell(m.text, most.text)} |`)
  if (left > 0) lines.splice(head, 0, `| … | | ${left} moments left out |`)
  return `<details><summary>Timeline</summary>\n\n| UTC | Phase | |\n|---|---|---|\n${lines.join('\n')}\n\n</details>\n`
}

// Mermaid has no escape that works everywhere: only characters without a meaning in it may pass.
const label = (text: string): string =>
  cut(oneLine(text), 60)
    .replace(/[^\p{L}\p{N} ./%()+-]/gu, ' ')
    .replace(/%%+/g, '%')
    .replace(/ +/g, ' ')
    .trim() || '-'

const fence = (lines: string[]): string => `\`\`\`mermaid\n${lines.join('\n')}\n\`\`\`\n`

function gantt(report: Report): string {
  const found = spans(report).filter((span) => span.phase)
  if (found.length < 2 || found.length > 30 || report.seconds < 1) return ''
  const tag: Record<Level, string> = { info: '', good: '', warning: 'active, ', bad: 'crit, ' }
  const milliseconds = (seconds: number): number => Math.round(seconds * 1000)
  return fence([
    'gantt',
    '  dateFormat x',
    `  axisFormat ${report.seconds < 3600 ? '%M:%S' : '%H:%M'}`,
    // The number keeps a phase from beginning with one of Mermaid's words.
    ...found.map(
      (s, i) =>
        `  ${i + 1}. ${label(s.phase)} ${label(readableSeconds(s.to - s.from))} :${tag[s.level]}${milliseconds(s.from)}, ${milliseconds(s.to)}`,
    ),
  ])
}

function curves(chart: Chart): string {
  const size = extent(chart)
  if (!size) return ''
  // Mermaid reads no exponents.
  const number = (value: number): string => String(Number(value.toFixed(4)))
  const line = (values: number[]): string => `  line [${values.map(number).join(', ')}]`
  const drawn = chart.series.filter((one) => one.points.length > 0).slice(0, 6)
  const names = drawn.map((one) => one.name).concat(chart.limit === undefined ? [] : [`limit ${number(chart.limit)}`])
  return `${fence([
    'xychart-beta',
    `  title "${label(chart.title)}"`,
    `  x-axis "${label(chart.x)}" ${number(size.x.from)} --> ${number(size.x.to)}`,
    `  y-axis "${label(chart.y)}" ${number(size.y.from)} --> ${number(size.y.to)}`,
    ...drawn.map((one) => line(resample(one.points, size.x, samples))),
    ...(chart.limit === undefined ? [] : [line(Array.from({ length: samples }, () => chart.limit ?? 0))]),
  ])}\nCurves in this order: ${names.map((name) => cell(name, 100)).join(', ')}.\n`
}
