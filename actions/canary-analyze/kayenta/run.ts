// Judges a window by a Kayenta config, as Kayenta does: once, at its end. Looking again and again would find something sooner or later.
import { AnswerError } from '../../shared/prometheus/answer.ts'
import { messageOf } from '../../shared/text/errors.ts'
import { formatDuration } from '../../shared/time/clock.ts'
import type { Analysis, Ports, Schedule } from '../result.ts'
import { Patience } from '../watch/looks.ts'
import type { KayentaConfig, KayentaMetric, Scopes, Thresholds } from './config.ts'
import { type Measured, pairsOf } from './pairs.ts'
import { verdict } from './verdict.ts'

/** Tries the queries, waits for the window to be over (live), reads both sides and judges. Throws when Prometheus cannot be believed. */
export async function judgeWindow(
  config: KayentaConfig,
  scopes: Scopes,
  thresholds: Thresholds,
  schedule: Schedule,
  ports: Ports,
): Promise<Analysis> {
  const { clock, signal, story } = ports
  const { replay, interval: step, longest, initialDelay, sampleDelay } = schedule
  await tryQueries(config, scopes, replay?.from ?? clock.now(), schedule, ports)
  story.phase('watch')
  const from = (replay?.from ?? clock.now()) + initialDelay
  const to = replay?.to ?? from + longest
  if (!replay) {
    story.tell(`the window ends in ${formatDuration(to - clock.now())}; this judge looks only then`)
    await clock.sleep(Math.max(0, to + sampleDelay - clock.now()), signal)
  }
  // Each point stands for the step before it.
  const first = from + step
  const read = (query: string) => ports.prometheus.range(query, first, to, step)
  const measured = await patiently(schedule, ports, () =>
    Promise.all(
      config.metrics.map(async (metric): Promise<Measured> => {
        const [ours, theirs] = queriesOf(metric, scopes)
        const [candidate, baseline] = await Promise.all([read(ours), read(theirs)])
        return { metric, candidate, baseline }
      }),
    ),
  )
  const count = Math.floor((to - first) / step) + 1
  return verdict(
    config,
    thresholds,
    measured.flatMap((one) => pairsOf(one, count)),
    { from, to, step },
  )
}

const queriesOf = ({ query }: KayentaMetric, { candidate, baseline, location }: Scopes): [string, string] => [
  query(candidate, location),
  query(baseline, location),
]

/** What no server can answer is an error before anything is waited for. */
async function tryQueries(config: KayentaConfig, scopes: Scopes, at: number, schedule: Schedule, ports: Ports): Promise<void> {
  const all = config.metrics.flatMap((metric) => queriesOf(metric, scopes).map((query) => ({ name: metric.name, query })))
  await patiently(schedule, ports, () =>
    Promise.all(
      all.map(async ({ name, query }) => {
        try {
          await ports.prometheus.range(query, at, at, schedule.interval)
        } catch (error) {
          if (!(error instanceof AnswerError) || !(error.permanent || error.ofQuery)) throw error
          const said = messageOf(error)
          throw new Error(
            `config: the metric ${name} of the Kayenta config: ${said}${said.includes(query) ? '' : `; the query is ${query}`}`,
            {
              cause: error,
            },
          )
        }
      }),
    ),
  )
}

/** Works again while there is patience left, an interval later. */
async function patiently<T>(schedule: Schedule, { clock, signal, story }: Ports, work: () => Promise<T>): Promise<T> {
  const patience = new Patience(schedule, (text) => story.tell(text, 'warning'))
  for (;;) {
    const done = await patience.try(async () => ({ value: await work() }))
    if (done) return done.value
    await clock.sleep(schedule.interval, signal)
  }
}
