import { z } from 'zod'
import { asInput, InputError, input, readInputs, readVariables } from '../shared/action/inputs.ts'
import type { YamlDocument } from '../shared/text/yaml.ts'
import { parseDuration } from '../shared/units.ts'
import { placeInside } from '../shared/workspace.ts'
import { isTemplate, readTemplate } from './argo/template.ts'
import { DEFAULT_CONFIG, readConfig } from './config.ts'
import { loadDocument } from './document.ts'
import type { Request, Schedule } from './engine.ts'
import type { About } from './evidence.ts'
import { readHistory } from './history.ts'
import { isKayenta, readKayenta } from './kayenta/config.ts'
import { addressSecrets, checkReach, type Reach, reachInputs, reachOf } from './reach/inputs.ts'
import { parseSide } from './selectors.ts'

const HOUR = 3_600_000

/** The inputs of action.yml. */
export const schema = z
  .object({
    command: input.choice(['watch', 'replay', 'plan'], { default: 'watch' }),
    config: input.block(),
    candidate: input.text(),
    baseline: input.text(),
    ...reachInputs,
    interval: input.duration({ default: '10s', min: 1_000, max: HOUR }),
    'max-duration': input.duration({ default: '10m', min: 1_000, max: 24 * HOUR }),
    'initial-delay': input.duration({ default: '0s', min: 0, max: 24 * HOUR }),
    'sample-delay': input.duration({ default: '2s', min: 0, max: 60_000 }),
    'query-timeout': input.duration({ default: '30s', min: 100, max: 600_000 }),
    failures: input.integer({ default: '3', min: 0, max: 100 }),
    from: input.text(),
    to: input.text(),
    args: input.lines(),
    'secret-args': input.secret(),
    location: input.text(),
    'pass-score': input.number({ default: '95', min: 0, max: 100 }),
    'marginal-score': input.number({ default: '75', min: 0, max: 100 }),
    history: input.text(),
    'plan-requests': input.optional(input.number({ min: 0.001, max: 1e6 })),
    'plan-share': input.percentage({ default: '50%', min: 0.01, max: 100 }),
    'plan-error-rate': input.percentage({ default: '0.5%', min: 0, max: 99 }),
    'plan-harmful-rate': input.percentage({ default: '1.5%', min: 0.0001, max: 100 }),
    'on-inconclusive': input.choice(['pass', 'fail'], { default: 'fail' }),
    'html-report': input.flag(),
  })
  .check(
    z.superRefine((given, context) => {
      const refuse = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message })
      checkReach(given, refuse)
      if (given.command === 'replay' && !given.from)
        refuse('from', 'is required for replay: a time like 2026-01-31T12:00:00Z, or how long ago, like 30m')
      if (given.command !== 'replay' && (given.from || given.to)) refuse('from', 'from and to are for replay only')
      if (given.command === 'plan' && given['plan-requests'] === undefined)
        refuse('plan-requests', "is required for plan: the candidate's requests a second")
      if (given['marginal-score'] > given['pass-score']) refuse('marginal-score', 'is above pass-score')
    }),
  )

export interface Inputs {
  request: Request
  /** How Prometheus is asked; undefined for a plan, which asks none. */
  reach: Reach | undefined
  kubeconfig: string | undefined
  context: string | undefined
  about: About
  /** A path, or empty. */
  history: string
  failInconclusive: boolean
  html: boolean
}

type Given = z.infer<typeof schema>

/** Throws an InputError that names every input which cannot be used. */
export function parseInputs(
  environment: Record<string, string | undefined>,
  mask: (secret: string) => void,
  workspace: string,
  now: number,
): Inputs {
  for (const secret of addressSecrets(environment['INPUT_PROMETHEUS-URL'] ?? '')) mask(secret)
  const given = readInputs(schema, environment, mask)
  const read = given.config ? asInput('config', () => loadDocument(given.config, workspace)) : undefined
  const document = read ? read.value : DEFAULT_CONFIG
  // They are looked at once, or in a rhythm of their own: there is nothing to foretell.
  if (given.command === 'plan' && (isTemplate(document) || isKayenta(document)))
    throw refused('command', 'plan is for configurations of this action, not for an AnalysisTemplate or a Kayenta config')
  const history = given.history && asInput('history', () => placeInside(given.history, workspace))
  const request = requestOf({ ...given, history }, { value: document, placeOf: read?.placeOf }, scheduleOf(given, now), mask)
  const reach = reachOf(given, request.judge === 'threshold' ? request.template : undefined, environment, mask)
  if (!reach && given.command !== 'plan')
    throw refused('prometheus-url', 'is required: where Prometheus is, such as http://prometheus:9090 or k8s://monitoring/prometheus:9090')
  return {
    request,
    reach: given.command === 'plan' ? undefined : reach,
    kubeconfig: given.kubeconfig || undefined,
    context: given.context || undefined,
    about: aboutOf(given, request, reach),
    history,
    failInconclusive: given['on-inconclusive'] === 'fail',
    html: given['html-report'],
  }
}

/** The sides are those of a watch that compares: a template has none, and a plan has no names for them. */
const aboutOf = ({ candidate, baseline }: Given, { judge }: Request, reach: Reach | undefined): About => {
  const compares = judge === 'sequential' || judge === 'mann-whitney'
  return {
    candidate: compares ? candidate : '',
    baseline: compares ? baseline : '',
    prometheus: judge === 'plan' ? '' : (reach?.host ?? ''),
  }
}

const refused = (name: string, message: string): InputError => new InputError([{ input: name, message }])

function scheduleOf(given: Given, now: number): Schedule {
  const at = (name: 'from' | 'to'): number => {
    const text = given[name]
    const ago = parseDuration(text)
    const time =
      text === '' ? now : ago !== undefined ? now - ago : /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN
    if (Number.isNaN(time) || time > now)
      throw refused(name, `'${text}' is not accepted: a past time like 2026-01-31T12:00:00Z, or how long ago, like 30m`)
    return time
  }
  const replay = given.command === 'replay' ? { from: at('from'), to: at('to') } : undefined
  if (replay && replay.to - replay.from < given.interval) throw refused('from', 'the window from from to to is shorter than one interval')
  return {
    replay,
    initialDelay: given['initial-delay'],
    interval: given.interval,
    // The window of a replay is judged whole.
    longest: replay ? replay.to - replay.from : given['max-duration'],
    sampleDelay: given['sample-delay'],
    failures: given.failures,
  }
}

function requestOf(
  given: Given,
  { value: document, placeOf }: { value: unknown; placeOf: YamlDocument['placeOf'] | undefined },
  schedule: Schedule,
  mask: (secret: string) => void,
): Request {
  if (isTemplate(document)) {
    const args = readVariables(['args', given.args], ['secret-args', given['secret-args']], mask)
    const template = asInput('config', () => readTemplate(document, args))
    for (const secret of template.secrets) mask(secret)
    if (new Set(template.metrics.map(({ address }) => address)).size > 1)
      throw refused('config', 'the metrics of the AnalysisTemplate name several Prometheus servers; give each an analysis of its own')
    return { judge: 'threshold', template, schedule }
  }
  if (given.args.length || given['secret-args']) throw refused('args', 'is for an AnalysisTemplate only')
  if (isKayenta(document)) {
    const config = asInput('config', () => readKayenta(document))
    if (!given.candidate || !given.baseline)
      throw refused('candidate', 'candidate and baseline are required for a Kayenta config: its two scopes')
    const thresholds = config.thresholds ?? { pass: given['pass-score'], marginal: given['marginal-score'] }
    return {
      judge: 'mann-whitney',
      config,
      scopes: { candidate: given.candidate, baseline: given.baseline, location: given.location },
      thresholds,
      schedule,
    }
  }
  const config = asInput('config', () => readConfig(document, placeOf))
  if (given.command === 'plan') {
    const expected = {
      rps: given['plan-requests'] ?? 0,
      share: given['plan-share'] / 100,
      rate: given['plan-error-rate'] / 100,
      harmful: given['plan-harmful-rate'] / 100,
    }
    return { judge: 'plan', config, expected, schedule }
  }
  if (!given.candidate) throw refused('candidate', 'is required: matchers such as color="green", or the beginning of its pods\' names')
  const sides = {
    candidate: asInput('candidate', () => parseSide(given.candidate)),
    baseline: given.baseline ? asInput('baseline', () => parseSide(given.baseline)) : undefined,
  }
  const previous = given.history ? asInput('history', () => readHistory(given.history)) : {}
  return { judge: 'sequential', config, sides, previous, schedule }
}
