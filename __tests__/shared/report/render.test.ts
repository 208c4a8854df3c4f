import { expect, test } from '@jest/globals'
import { renderHtml } from '../../../actions/shared/report/html.ts'
import { renderMarkdown } from '../../../actions/shared/report/markdown.ts'
import type { Report } from '../../../actions/shared/report/report.ts'
import { hostile } from './hostile.ts'
import { sample } from './sample.ts'

/** Hostile text at every place that takes text. */
const poisoned: Report = {
  ...sample,
  action: hostile,
  headline: hostile,
  reason: hostile,
  run: { url: `https://github.example/) ${hostile}` },
  facts: [{ name: hostile, value: hostile }],
  timeline: sample.timeline.map((moment) => ({ ...moment, phase: `${hostile}${moment.phase}`, text: hostile })),
  evidence: [{ title: hostile, text: hostile }],
  chart: {
    title: hostile,
    x: hostile,
    y: hostile,
    series: [
      {
        name: hostile,
        points: [
          [0, 1],
          [1, 2],
        ],
      },
    ],
  },
  data: { [hostile]: hostile },
}

test('the summary reads in ten seconds', () => {
  expect(renderMarkdown(sample)).toMatchSnapshot()
})

test('the summary of a quick run without a story is short', () => {
  const { chart: _, ...quick } = { ...sample, outcome: 'passed' as const, reason: '', seconds: 0.2, timeline: [], evidence: [] }
  expect(renderMarkdown(quick)).toMatchSnapshot()
})

test('the summary is measured in bytes, as GitHub does', () => {
  const evidence = Array.from({ length: 12 }, (_, i) => ({ title: `${i}`, text: '漢'.repeat(60_000) }))
  const markdown = renderMarkdown({ ...sample, evidence })
  expect(Buffer.byteLength(markdown)).toBeLessThan(2 ** 20)
  expect(Buffer.byteLength(markdown)).toBeGreaterThan(2 ** 19)
  expect(markdown).toMatch(/_Cut: 7 more parts did not fit/)
})

test('hostile text stays text in Markdown', () => {
  const markdown = renderMarkdown(poisoned)
  const tags = new Set([...markdown.matchAll(/<[a-z/!][^>]*>/gi)].map(([tag]) => tag))
  expect(tags).toEqual(
    new Set(['<p>', '</p>', '<br>', '<!-- -->', '<details>', '<summary>', '</summary>', '</details>', '<pre>', '</pre>']),
  )
  const outside = markdown.replace(/<pre>[\s\S]*?<\/pre>/g, '').replace(/<summary>.*?<\/summary>/g, '')
  expect(outside).not.toMatch(/https?:|\]\(|onerror=alert\(1\)>|^\s*\|\s*a cell/m)
  // Every row has the cells of its table, and no more.
  for (const row of outside.split('\n').filter((line) => line.startsWith('| '))) expect([3, 4]).toContain(row.split('|').length - 1)
  for (const [, drawing] of outside.matchAll(/```mermaid\n([\s\S]*?)```/g)) expect(drawing).not.toMatch(/%%|securityLevel": |<|;|`/)
  expect(outside.match(/^```/gm)).toHaveLength(4)
})

test('hostile text stays text in HTML', () => {
  const html = renderHtml(poisoned)
  expect(html).not.toMatch(/<script|<img|<\/pre><script|\p{Cf}(?<!\u200d)/u)
  expect(html).toContain('&#60;script&#62;')
  expect([...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([expect.stringMatching(/^https:\/\/github\.example\//)])
  expect(renderHtml({ ...sample, run: { url: 'javascript:alert(1)' } })).not.toContain('href')
})

test('the page is whole and needs nothing else', () => {
  const html = renderHtml(sample)
  for (const part of ['The candidate fails', 'green', 'pod web-1 restarts', 'boom', 'polyline', '"pods": 3'.replaceAll('"', '&#34;')])
    expect(html).toContain(part)
  expect(html).not.toMatch(/<script|<link|src=|url\(/)
  expect(html).toContain("default-src 'none'")
})

test('a summary stays below 1 MiB, with the timeline before the evidence, and says what is missing', () => {
  const [moment] = sample.timeline
  const huge: Report = {
    ...sample,
    headline: '@'.repeat(1e6),
    reason: '@'.repeat(1e6),
    facts: Array.from({ length: 5000 }, () => ({ name: '@'.repeat(900), value: '@'.repeat(9000) })),
    timeline: Array.from({ length: 100_000 }, () => ({
      at: moment?.at ?? '',
      phase: '@'.repeat(99),
      text: '@'.repeat(5000),
      level: 'bad',
    })),
    evidence: Array.from({ length: 60 }, (_, i) => ({ title: `log ${i}`, text: '<'.repeat(60_000) })),
  }
  const missing = (markdown: string, parts: string[]): string[] => parts.filter((part) => !markdown.includes(part))
  const everything = renderMarkdown(huge)
  expect(Buffer.byteLength(everything)).toBeLessThan(1024 * 1024)
  expect(missing(everything, ['99800 moments left out', 'Curves in this order', '_Cut: 60 more parts'])).toEqual([])
  const logs = renderMarkdown({ ...sample, evidence: huge.evidence })
  expect(Buffer.byteLength(logs)).toBeLessThan(1024 * 1024)
  expect(missing(logs, ['log 0<', 'log 2<', '_Cut: 57 more parts', 'the report file has them all'])).toEqual([])
})

test('phases are drawn as bars when there are two, to compare their lengths', () => {
  const [first] = sample.timeline
  const phases = (...names: string[]): Report => ({ ...sample, timeline: names.flatMap((phase) => (first ? [{ ...first, phase }] : [])) })
  expect(renderHtml(phases('prepare', 'bake'))).toContain('<h2>Phases</h2>')
  expect(renderHtml(phases('prepare'))).not.toContain('<h2>Phases</h2>')
})
