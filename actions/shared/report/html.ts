// The report as one page that needs nothing else: no script, no font, no network.
import { extent, spans } from './chart.ts'
import { outcomeSigns } from './markdown.ts'
import type { Chart, Level, Report } from './report.ts'
import { escapeHtml, plain, readableSeconds } from './text.ts'

const text = (value: string): string => escapeHtml(plain(value))

const style = `
:root{color-scheme:light dark;--good:light-dark(#1a7f37,#3fb950);--bad:light-dark(#cf222e,#f85149);--warning:light-dark(#9a6700,#d29922);
--info:light-dark(#57606a,#8b949e);--line:light-dark(#d0d7de,#30363d);--soft:light-dark(#f6f8fa,#161b22)}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;background:light-dark(#fff,#0d1117);color:light-dark(#1f2328,#e6edf3)}
h1{font-size:1.5rem;border-left:.4rem solid;padding-left:.8rem}.passed{border-color:var(--good)}.failed,.error{border-color:var(--bad)}.inconclusive{border-color:var(--warning)}
.reason{white-space:pre-wrap}table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
td:first-child,th:first-child{white-space:nowrap}pre{background:var(--soft);padding:.8rem;overflow:auto;max-height:32rem;white-space:pre-wrap;overflow-wrap:anywhere}
.good{color:var(--good)}.bad{color:var(--bad)}.warning{color:var(--warning)}svg{width:100%;height:auto;background:var(--soft);font:12px system-ui,sans-serif}svg text{fill:currentColor}
.bars{display:grid;gap:.2rem}.bars div{display:grid;grid-template-columns:14rem 1fr;gap:.6rem}.bars i{display:block;height:1.1rem;min-width:2px;background:var(--info)}
.bars i.good{background:var(--good)}.bars i.warning{background:var(--warning)}.bars i.bad{background:var(--bad)}`

/** A report as one self-contained page, light or dark as the reader has it. All text in it is escaped, and its policy runs no script. */
export function renderHtml(report: Report): string {
  const facts = [...report.facts, { name: 'Started', value: report.started }, { name: 'Time', value: readableSeconds(report.seconds) }]
  const run = report.run?.url
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(report.action)}: ${report.outcome}</title><style>${style}</style></head><body>
<h1 class="${report.outcome}">${outcomeSigns[report.outcome]} ${text(report.action)}: ${report.outcome}</h1>
<p><strong>${text(report.headline)}</strong></p>
<p class="reason">${text(report.reason)}</p>
<table>${facts.map((fact) => `<tr><th>${text(fact.name)}</th><td>${text(fact.value)}</td></tr>`).join('')}${
    run && /^https?:\/\//.test(run) ? `<tr><th>Run</th><td><a href="${text(run)}">${text(run)}</a></td></tr>` : ''
  }</table>
${[...(report.chart ? [report.chart] : []), ...(report.charts ?? [])].map(curves).join('\n')}
${bars(report)}
${report.timeline.length ? timeline(report) : ''}
${report.evidence.map((piece) => `<details><summary>${text(piece.title)}</summary><pre>${text(piece.text)}</pre></details>`).join('\n')}
<details><summary>Data</summary><pre>${text(JSON.stringify(report.data, null, 2) ?? '')}</pre></details>
</body></html>
`
}

function timeline(report: Report): string {
  const row = (m: Report['timeline'][number]): string =>
    `<tr class="${m.level}"><td>${text(m.at.slice(11, 19))}</td><td>${text(m.phase)}</td><td>${text(m.text)}</td></tr>`
  return `<h2>Timeline</h2><table><tr><th>UTC</th><th>Phase</th><th></th></tr>${report.timeline.map(row).join('')}</table>`
}

function bars(report: Report): string {
  const found = spans(report).filter((span) => span.phase)
  if (found.length < 2) return ''
  const whole = Math.max(report.seconds, found.at(-1)?.to ?? 0, 0.001)
  const percent = (seconds: number): string => ((100 * seconds) / whole).toFixed(2)
  const bar = (phase: string, from: number, to: number, level: Level): string =>
    `<div><span>${text(phase)}, ${readableSeconds(to - from)}</span><i class="${level}" style="margin-left:${percent(from)}%;width:${percent(to - from)}%"></i></div>`
  return `<h2>Phases</h2><div class="bars">${found.map((s) => bar(s.phase, s.from, s.to, s.level)).join('')}</div>`
}

const colors = ['#1f77b4', '#ff7f0e', '#2ca02c', '#9467bd', '#8c564b', '#17becf']

function curves(chart: Chart): string {
  const size = extent(chart)
  if (!size) return ''
  const [left, top, width, height] = [60, 30, 820, 260]
  const x = (value: number): string => (left + ((value - size.x.from) / (size.x.to - size.x.from)) * width).toFixed(1)
  const y = (value: number): string => (top + height - ((value - size.y.from) / (size.y.to - size.y.from)) * height).toFixed(1)
  const number = (value: number): string => String(Number(value.toPrecision(4)))
  const label = (at: string, down: string | number, anchor: string, value: string): string =>
    `<text x="${at}" y="${down}" text-anchor="${anchor}">${text(value)}</text>`
  const drawn = chart.series.filter((one) => one.points.length > 0)
  const color = (i: number): string => colors[i % colors.length] ?? 'currentColor'
  return `<figure><svg viewBox="0 0 900 340" role="img" aria-label="${text(chart.title)}">
<path d="M${left} ${top}V${top + height}H${left + width}" fill="none" stroke="currentColor"/>
${label(String(left), 18, 'start', `${chart.title} (${chart.y})`)}
${[size.y.from, (size.y.from + size.y.to) / 2, size.y.to].map((value) => label(String(left - 6), y(value), 'end', number(value))).join('')}
${[size.x.from, (size.x.from + size.x.to) / 2, size.x.to].map((value) => label(x(value), top + height + 18, 'middle', number(value))).join('')}
${label(String(left + width / 2), top + height + 38, 'middle', chart.x)}
${drawn.map((one, i) => `<polyline fill="none" stroke-width="2" stroke="${color(i)}" points="${one.points.map((p) => `${x(p[0])},${y(p[1])}`).join(' ')}"/>`).join('\n')}
${chart.limit === undefined ? '' : `<path d="M${left} ${y(chart.limit)}h${width}" stroke="#cf222e" stroke-dasharray="6 4"/>`}
</svg><figcaption>${drawn.map((one, i) => `<span style="color:${color(i)}">━</span> ${text(one.name)}`).join(' ')}${
    chart.limit === undefined ? '' : ` <span class="bad">┅</span> limit ${number(chart.limit)}`
  }</figcaption></figure>`
}
