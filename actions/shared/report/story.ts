// What an engine gets to tell what happens while it happens; the same moments go into the report.
import type { Level, Moment } from './report.ts'
import { cut, oneLine, plain } from './text.ts'

/** Characters kept of one piece of evidence: enough for a stack trace or the end of a log, small enough for a report that is sent around. */
const evidenceLimit = 64 * 1024
const lineLimit = 2000

export interface Story {
  /** A new phase begins; the one before it is over. */
  phase(name: string): void
  /** One line about what happened. Names from outside may be in it. */
  tell(text: string, level?: Level): void
  /** Untrusted text (logs, events, answers), printed and kept; cut to 64 Ki characters, most of it from the end. */
  evidence(title: string, text: string): void
  readonly timeline: readonly Moment[]
  readonly kept: readonly { title: string; text: string }[]
}

/** Where a story goes at once: a log with groups, a terminal, nowhere. */
export interface Sink {
  phase(name: string): void
  line(moment: Moment): void
  untrusted(title: string, text: string): void
}

/** A story that tells `sink` everything. `now` is in milliseconds since the epoch. */
export function createStory(now: () => number, sink: Sink): Story {
  const timeline: Moment[] = []
  const kept: { title: string; text: string }[] = []
  let phase = ''
  return {
    timeline,
    kept,
    phase(name) {
      phase = cut(oneLine(name), lineLimit)
      sink.phase(phase)
    },
    tell(text, level = 'info') {
      const moment = { at: new Date(now()).toISOString(), phase, text: cut(oneLine(text), lineLimit), level }
      timeline.push(moment)
      sink.line(moment)
    },
    evidence(title, text) {
      const piece = { title: cut(oneLine(title), lineLimit), text: cut(plain(text), evidenceLimit) }
      kept.push(piece)
      sink.untrusted(piece.title, piece.text)
    },
  }
}
