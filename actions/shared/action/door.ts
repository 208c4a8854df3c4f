// The one place where text leaves an action: log, annotations, outputs, saved state, report, summary, files, and what engines store or send.
// Every text is bounded before anything is searched in it, then redacted, and cut last.
import * as core from '@actions/core'
import type { Chart, Report } from '../report/report.ts'
import { createStory, type Story } from '../report/story.ts'
import { bounded, cut, oneLine, plain, redactBeforeCuts } from '../report/text.ts'
import { createLog, harmless, print } from './log.ts'
import { createSecrets, isLongEnough } from './secrets.ts'
import { asOurs, guardStreams } from './stdio.ts'

export interface Annotation {
  title: string
  text: string
  file?: string
  line?: number
}

export interface Door {
  /** Hides a secret in all that leaves from now on. */
  mask(secret: string): void
  /** The text as it may leave: at most about 1 MiB, plain, without secrets. What was redacted already stays as it is. */
  redact(text: string): string
  /** What happens, told to the log at once. */
  readonly story: Story
  /** One line of the log. */
  say(text: string): void
  annotate(level: 'error' | 'warning', annotation: Annotation): void
  output(name: string, value: string): void
  saveState(name: string, value: string): void
  /** A copy of which every text is redacted; `data` has to be JSON. */
  report(made: Report): Report
  /** Ends the log's last group. */
  close(): void
}

/** GitHub shows about 4 KB of an annotation. */
const annotationLimit = 4000
const titleLimit = 200

/** Opens the door of this process; what others write to its standard streams is led through it as well. */
export function openDoor(): Door {
  const secrets = createSecrets()
  redactBeforeCuts(secrets.redact)
  const redact = (text: string): string => bounded(secrets.redact(bounded(plain(bounded(text)))))
  const log = createLog()
  const flush = guardStreams((line) => log.foreign(redact(line)))
  const masked = new Set<string>()
  const told = createStory(Date.now, log)
  return {
    mask(secret) {
      if (masked.has(secret)) return
      masked.add(secret)
      secrets.add(secret)
      if (isLongEnough(secret)) asOurs(() => core.setSecret(secret))
    },
    redact,
    story: {
      ...told,
      phase: (phase) => told.phase(redact(phase)),
      tell: (text, level) => told.tell(redact(text), level),
      evidence: (title, text) => told.evidence(redact(title), redact(text)),
    },
    say: (text) => print(oneLine(redact(text))),
    annotate(level, { title, text, file, line }) {
      const properties = {
        title: cut(oneLine(redact(title)), titleLimit),
        ...(file !== undefined && { file: redact(file) }),
        ...(line !== undefined && { startLine: line }),
      }
      const announce = level === 'error' ? core.error : core.warning
      asOurs(() => announce(harmless(cut(redact(text), annotationLimit)), properties))
    },
    output: (name, value) => asOurs(() => core.setOutput(name, redactValue(value, redact))),
    saveState: (name, value) => asOurs(() => core.saveState(name, redactValue(value, redact))),
    report: (made) => redacted(made, redact),
    close() {
      flush()
      log.close()
    },
  }
}

/** For other programs: what holds no secret stays as it is, with all of its characters. */
function redactValue(value: string, redact: (text: string) => string): string {
  const short = bounded(value)
  const safe = redact(short)
  return safe === plain(short) ? short : safe
}

function redacted(report: Report, redact: (text: string) => string): Report {
  const { chart, charts } = report
  const redactChart = (one: Chart): Chart => ({
    ...one,
    title: redact(one.title),
    x: redact(one.x),
    y: redact(one.y),
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
    data: redactedData(report.data, redact),
  }
}

/** A copy of JSON data with every string and every key redacted. */
function redactedData(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redactValue(value, redact)
  if (Array.isArray(value)) return value.map((inner) => redactedData(inner, redact))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [redactValue(key, redact), redactedData(inner, redact)]))
}
