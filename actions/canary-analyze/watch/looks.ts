// The times at which an analysis looks, live or in a past window: the intervals are the same, so the verdict is.
import { AnswerError } from '../../shared/prometheus/answer.ts'
import { counted } from '../../shared/report/text.ts'
import { messageOf } from '../../shared/text/errors.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Ports, Schedule } from '../result.ts'

/** A look holds so many samples of a series at least, and a watch so many looks. */
const SAMPLES = 2
const LOOKS = 8

/**
 * A schedule that fits the data: `spacing` is the time from one sample of a series to the next, in milliseconds; undefined where it is not known.
 * What is lengthened is told. A look shorter than bursts and scrapes sees one side without the other.
 */
export function suited(schedule: Schedule, spacing: number | undefined, tell: (text: string) => void): Schedule {
  const interval = Math.max(schedule.interval, Math.ceil(((spacing ?? 0) * SAMPLES) / 1000) * 1000)
  if (interval > schedule.interval)
    tell(
      `interval: ${formatDuration(schedule.interval)} is lengthened to ${formatDuration(interval)}: the samples are ${formatDuration(spacing ?? 0)} apart, and a look needs ${SAMPLES}`,
    )
  const least = LOOKS * interval
  if (schedule.longest >= least) return { ...schedule, interval }
  if (schedule.replay) {
    tell(`the window holds fewer than ${LOOKS} looks of ${formatDuration(interval)}: a verdict is not likely in it`)
    return { ...schedule, interval: Math.min(interval, schedule.longest) }
  }
  tell(
    `max-duration: ${formatDuration(schedule.longest)} is lengthened to ${formatDuration(least)}, which is ${LOOKS} looks of ${formatDuration(interval)}`,
  )
  return { ...schedule, interval, longest: least }
}

/** Intervals that are read at once in a replay: few enough points for any server, whatever it scrapes. */
const AT_ONCE = 60

export interface Batch {
  from: number
  /** The ends of its intervals. */
  ends: number[]
}

/** The batches of a release, as they become due. Live ones hold what became due since the one before. */
export async function* batches(
  schedule: Schedule,
  start: number,
  { clock, signal }: Pick<Ports, 'clock' | 'signal'>,
): AsyncGenerator<Batch> {
  const { replay, interval, longest, sampleDelay } = schedule
  const count = Math.floor((replay ? Math.min(replay.to - replay.from, longest) : longest) / interval)
  let done = 0
  while (done < count) {
    signal.throwIfAborted()
    let due = Math.min(count, done + AT_ONCE)
    if (!replay) {
      const wait = start + (done + 1) * interval + sampleDelay - clock.now()
      if (wait > 0) await clock.sleep(wait, signal)
      due = Math.min(count, Math.max(done + 1, Math.floor((clock.now() - sampleDelay - start) / interval)))
    }
    const from = start + done * interval
    yield { from, ends: Array.from({ length: due - done }, (_, i) => from + (i + 1) * interval) }
    done = due
  }
}

/** Counts the readings that fail in a row, live; one that fails in a replay is the end at once. */
export class Patience {
  readonly #most: number
  readonly #tell: (text: string) => void
  #row = 0
  #last: unknown

  constructor(schedule: Schedule, tell: (text: string) => void) {
    this.#most = schedule.replay ? 0 : schedule.failures
    this.#tell = tell
  }

  /** Gives undefined when the work failed, and there is patience left. Throws what is no fault of the server, or stays, at once. */
  async try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await work()
      this.#row = 0
      return answer
    } catch (error) {
      if (!(error instanceof AnswerError) || error.permanent) throw error
      this.#last = error
      if (++this.#row > this.#most)
        throw new Error(`${error.message}; nothing can be said about the release: ${counted(this.#row, 'reading')} in a row failed`, {
          cause: error,
        })
      this.#tell(`reading ${this.#row} of at most ${this.#most} in a row failed: ${error.message}`)
      return undefined
    }
  }

  /** At the end: what was not read has not been judged. */
  end(): void {
    if (this.#row > 0)
      throw new Error(`${messageOf(this.#last)}; nothing can be said about the release: the last reading failed`, { cause: this.#last })
  }
}

/** The end of a replay's window, or of a live watch: for what is told. */
export const describeSchedule = ({ replay, interval, longest }: Schedule): string =>
  replay
    ? `${new Date(replay.from).toISOString()} to ${new Date(replay.to).toISOString()}, in intervals of ${formatDuration(interval)}`
    : `at most ${formatDuration(longest)}, in intervals of ${formatDuration(interval)}`
