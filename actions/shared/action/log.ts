// The job log. The runner executes a line as a command when it begins with `::` or holds `##[` anywhere (actions/runner, ActionCommand.cs),
// so every line with foreign text in it begins with something else, and `##[` is broken up.
import { randomUUID } from 'node:crypto'
import * as core from '@actions/core'
import type { Level } from '../report/report.ts'
import type { Sink } from '../report/story.ts'
import { oneLine, plain } from '../report/text.ts'
import { asOurs } from './stdio.ts'

const signs: Record<Level, string> = { info: ' ', good: '✓', warning: '!', bad: '✗' }

export const harmless = (text: string): string => text.replaceAll('##[', '# #[')

/** Prints a line. */
export const print = (line: string): void => asOurs(() => core.info(harmless(line)))

/**
 * A sink that prints a log group for each phase, and untrusted text with all commands stopped. `close` ends the last group. What it is given
 * has been redacted.
 */
export function createLog(): Sink & { close(): void; foreign(line: string): void } {
  let open = false
  const close = (): void => {
    if (open) asOurs(() => core.endGroup())
    open = false
  }
  return {
    close,
    foreign: (line) => print(`│ ${oneLine(line)}`),
    phase(name) {
      close()
      asOurs(() => core.startGroup(harmless(oneLine(name))))
      open = true
    },
    line({ at, text, level }) {
      print(`${at.slice(11, 19)} ${signs[level]} ${oneLine(text)}`)
    },
    untrusted(title, text) {
      const token = randomUUID()
      print(`┌ ${oneLine(title)}`)
      asOurs(() => process.stdout.write(`::stop-commands::${token}\n`))
      for (const line of plain(text).split('\n')) print(`│ ${line}`)
      asOurs(() => process.stdout.write(`::${token}::\n`))
      print('└')
    },
  }
}
