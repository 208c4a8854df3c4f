// The job log. The runner executes a line as a command when it begins with `::` or holds `##[` anywhere (actions/runner, ActionCommand.cs),
// so every line with foreign text in it begins with something else, and `##[` is broken up.
import { randomUUID } from 'node:crypto'
import * as core from '@actions/core'
import type { Level } from '../report/report.ts'
import type { Sink } from '../report/story.ts'
import { cut, oneLine, plain } from '../report/text.ts'

const signs: Record<Level, string> = { info: ' ', good: '✓', warning: '!', bad: '✗' }

export const harmless = (text: string): string => text.replaceAll('##[', '# #[')

/** A sink that prints a log group for each phase, and untrusted text with all commands stopped. `close` ends the last group. */
export function createLog(): Sink & { close(): void } {
  let open = false
  const close = (): void => {
    if (open) core.endGroup()
    open = false
  }
  return {
    close,
    phase(name) {
      close()
      core.startGroup(harmless(oneLine(name)))
      open = true
    },
    line({ at, text, level }) {
      core.info(harmless(`${at.slice(11, 19)} ${signs[level]} ${oneLine(text)}`))
    },
    untrusted(title, text) {
      const token = randomUUID()
      core.info(harmless(`┌ ${oneLine(title)}`))
      process.stdout.write(`::stop-commands::${token}\n`)
      for (const line of plain(text).split('\n')) core.info(harmless(`│ ${line}`))
      process.stdout.write(`::${token}::\n`)
      core.info('└')
    },
  }
}

/** For annotations: GitHub shows about 4 KB of each. */
export const annotationText = (text: string): string => harmless(cut(plain(text), 4000))
