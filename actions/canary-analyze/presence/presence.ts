// Before the watch every selector is asked: what is not there is no zero. What only time can bring is waited for.

import type { Labels } from '../../shared/prometheus/answer.ts'
import { AnswerError } from '../../shared/prometheus/answer.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { GivenConfig, MetricConfig, SequentialConfig } from '../config.ts'
import type { Ports, Schedule } from '../result.ts'
import { parseSelector, selectorText } from '../selectors.ts'
import { type Sides, sideSelector } from '../sources/source.ts'
import { checkMetric, countedBy, mistakesOf, sameSides } from './checks.ts'
import { type Discovery, discover, inputsOf } from './discovery.ts'
import { Sight, type Store } from './sight.ts'
import { spacingOf } from './spacing.ts'

/** What is missing is waited for so long, or for so many spacings of samples where that is longer; milliseconds. */
const WAIT = 120_000
const SPACINGS = 3
/** How often is asked again, and said what is waited for. */
const AGAIN = 5_000
const SAID = 30_000
/** A window is looked through in steps, since a store looks an hour back. */
const STEP = 3_600_000

export interface Around {
  /** Presets read what was found. */
  config: SequentialConfig
  /** When the watch may begin. */
  begin: number
  /** The distance of consecutive samples in milliseconds; undefined where nothing has two. */
  spacing: number | undefined
}

interface View {
  metrics: MetricConfig[]
  told: Discovery['told']
  wrong: string[]
  missing: string[]
}

/** Learns what there is. Throws an Error that names what is wrong, or missing for too long; an AnswerError where it could not tell. */
export async function lookAround(
  config: GivenConfig,
  sides: Sides,
  store: Store,
  { clock, signal, story, replay }: Pick<Ports, 'clock' | 'signal' | 'story'> & Pick<Schedule, 'replay'>,
): Promise<Around> {
  story.phase('before the watch')
  refuse([...new Set(config.metrics.flatMap((one) => ('preset' in one ? sameSides(sides) : mistakesOf(one, sides))))])
  const kept = new Map<string, Promise<readonly Labels[]>>()
  const look = (): Promise<View> => view(config, sides, new Sight(store, replay ? momentsOf(replay) : [clock.now()], kept))
  const selectorsOf = (metrics: readonly MetricConfig[]): string[] => metrics.flatMap((metric) => spacedBy(metric, sides))

  let seen = await look()
  refuse(seen.wrong)
  if (replay) refuse(seen.missing)
  const started = clock.monotonic()
  if (seen.missing.length) {
    const spacing = await spacingOf(store, selectorsOf(seen.metrics), clock.now())
    const limit = Math.max(WAIT, SPACINGS * (spacing ?? 0))
    let said = -Infinity
    while (seen.missing.length) {
      const waited = clock.monotonic() - started
      if (waited >= limit) throw new Error(`${seen.missing.join('; ')}; waited for ${formatDuration(limit)}`)
      if (waited - said >= SAID) {
        story.tell(`waits, for at most ${formatDuration(limit)}, since the metrics are not all there: ${seen.missing.join('; ')}`)
        said = waited
      }
      await clock.sleep(Math.min(AGAIN, limit - waited), signal)
      // The last words are about what is there then.
      if (clock.monotonic() - started >= limit) kept.clear()
      seen = await again(look, seen, (text) => story.tell(text, 'warning'))
      refuse(seen.wrong)
    }
    story.tell(`all metrics are there after ${formatDuration(clock.monotonic() - started)}`)
  }
  for (const { text, level } of seen.told) story.tell(text, level)
  const begin = replay?.from ?? clock.now()
  return {
    config: { ...config, metrics: remaining(seen) },
    begin,
    spacing: await spacingAt(store, selectorsOf(seen.metrics), begin, replay),
  }
}

/** Looks again, and lets a server that is away for a while be. */
async function again(look: () => Promise<View>, before: View, failed: (why: string) => void): Promise<View> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error
    failed(error.message)
    return before
  }
}

function refuse(wrong: readonly string[]): void {
  if (wrong.length) throw new Error(wrong.join('; '))
}

/** What is watched, when anything is left of it. */
function remaining({ metrics, told }: View): MetricConfig[] {
  if (metrics.length === 0) throw new Error(`config: no metric is left: ${told.map(({ text }) => text).join('; ')}`)
  return metrics
}

/** All metrics as they can be read, and what is wrong with them. */
async function view(config: GivenConfig, sides: Sides, sight: Sight): Promise<View> {
  const found = await Promise.all(
    config.metrics.map(
      async (one): Promise<Discovery> =>
        'preset' in one ? discover(one, sides, sight) : { metrics: [one], told: [], wrong: [], missing: [] },
    ),
  )
  const all: View = {
    metrics: [],
    told: found.flatMap(({ told }) => told),
    wrong: found.flatMap(({ wrong }) => wrong),
    missing: found.flatMap(({ missing }) => missing),
  }
  const metrics = found.flatMap((one) => one.metrics)
  const checked = await Promise.all(metrics.map((metric) => checkMetric(metric, sides, sight)))
  for (const [i, { wrong, missing }] of checked.entries()) {
    const metric = metrics[i]
    if (!metric) continue
    const why = [...wrong, ...missing]
    // What decides nothing keeps nobody from a verdict.
    if (metric['report-only'] && why.length) all.told.push({ text: `${metric.name} is left out: ${why.join('; ')}`, level: 'warning' })
    else {
      all.metrics.push(metric)
      all.wrong.push(...wrong)
      all.missing.push(...missing)
    }
  }
  return { ...all, wrong: [...new Set(all.wrong)], missing: [...new Set(all.missing)] }
}

const momentsOf = ({ from, to }: { from: number; to: number }): number[] => [
  ...Array.from({ length: Math.ceil((to - from) / STEP) }, (_, i) => from + i * STEP),
  to,
]

/** Whose samples tell the spacing: of a histogram one bucket is enough. */
function spacedBy(metric: MetricConfig, sides: Sides): string[] {
  const given = countedBy(metric)
  if (given === undefined) return []
  const more = metric.kind === 'latency' ? [{ label: 'le', operator: '=', value: '+Inf' } as const] : []
  return inputsOf(sides).map((side) => selectorText(parseSelector(sideSelector(given, side, sides[side] ?? [])), more))
}

/** As a live watch saw it; of a window that nothing was before, as it is within. */
async function spacingAt(
  store: Store,
  selectors: readonly string[],
  begin: number,
  replay: Schedule['replay'],
): Promise<number | undefined> {
  const before = await spacingOf(store, selectors, begin)
  return before ?? (replay && (await spacingOf(store, selectors, Math.min(replay.to, begin + WAIT))))
}
