// The time before a watch: both sides have to be there, and to be what the configuration asks for.
import { formatDuration } from '../shared/time/clock.ts'
import type { SequentialConfig } from './config.ts'
import { Patience } from './looks.ts'
import { AbsenceError, type Found, lookAround, spacingOf } from './presence.ts'
import type { Ports, Schedule } from './result.ts'
import type { Sides } from './source.ts'

/** New pods are waited for so long, in milliseconds, or for so many scrapes, whichever is longer. */
const LONGEST = 120_000
const SCRAPES = 3
/** It is looked so often, and told so often, in milliseconds. */
const LOOK = 5_000
const TELL = 30_000

interface Beginning {
  /** With the names of the metrics that are there, and without what cannot be judged. */
  config: SequentialConfig
  /** From one sample of a series to the next, in milliseconds; undefined where it cannot be told. */
  spacing: number | undefined
}

/** Waits until both sides are there. Throws an AbsenceError when they do not come, or are not what the configuration asks for. */
export async function awaitSides(config: SequentialConfig, sides: Sides, schedule: Schedule, ports: Ports): Promise<Beginning> {
  const { counters, clock, signal, story } = ports
  const { replay } = schedule
  const patience = new Patience(schedule, (text) => story.tell(text, 'warning'))
  const look = async (at: number): Promise<Found & { spacing: number | undefined }> => {
    let found = await lookAround(config, sides, counters, at)
    // What comes within the window of a replay was waited for.
    if (replay && found.missing.length) found = await lookAround(config, sides, counters, replay.to)
    return { ...found, spacing: counters.everywhere ? await spacingOf(counters, found.selectors, at) : undefined }
  }
  story.phase('sides')
  const begun = clock.now()
  let told = -Infinity
  for (;;) {
    const found = await patience.try(() => look(replay?.from ?? clock.now()))
    const waited = clock.now() - begun
    if (found?.missing.length === 0) {
      for (const note of found.notes) story.tell(note, 'warning')
      return found
    }
    if (found && (replay || waited >= Math.max(LONGEST, SCRAPES * (found.spacing ?? 0))))
      throw new AbsenceError(`${found.missing.join('\n')}${replay ? '' : `\nwaited for ${formatDuration(waited)}`}`)
    if (found && waited - told >= TELL) {
      told = waited
      story.tell(`waits for what is not there yet: ${found.missing.join('; ')}`)
    }
    await clock.sleep(LOOK, signal)
  }
}
