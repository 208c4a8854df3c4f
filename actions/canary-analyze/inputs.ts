import { z } from 'zod'
import { asInput, InputError, input, readInputs, readVariables } from '../shared/action/inputs.ts'
import { HTTP_PATH } from '../shared/kubernetes/api/cluster.ts'
import { DNS_LABEL } from '../shared/kubernetes/api/connect.ts'
import type { YamlDocument } from '../shared/text/yaml.ts'
import { formatDuration } from '../shared/time/clock.ts'
import { parseDuration } from '../shared/units.ts'
import { placeInside } from '../shared/workspace.ts'
import { tooShort } from './argo/length.ts'
import { isTemplate, readTemplate } from './argo/template.ts'
import { DEFAULT_CONFIG, expanded, readConfig } from './config.ts'
import { loadDocument } from './document.ts'
import type { Request, Schedule } from './engine.ts'
import type { About } from './evidence.ts'
import { readHistory } from './history.ts'
import { checkRun, isKayenta, readKayenta } from './kayenta/config.ts'
import { addressSecrets, checkReach, type Reach, reachInputs, reachOf } from './reach/inputs.ts'
import { parseSide } from './selectors.ts'

const HOUR = 3_600_000
/** A number, or a name as Kubernetes has them: letters, digits and dashes, with a letter. */
const PORT = /^(?:[1-9]\d{0,4}|(?=[0-9-]*[a-z])[a-z0-9-]{1,15})$/
/** Inputs of one source, which say nothing to the other. */
const INPUTS_OF = {
  prometheus: [
    'prometheus-url',
    'prometheus-token',
    'prometheus-username',
    'prometheus-password',
    'prometheus-headers',
    'prometheus-ca',
    'prometheus-certificate',
    'prometheus-key',
    'prometheus-aws-region',
  ],
  pods: ['namespace', 'metrics-path', 'metrics-port'],
} as const
/** How long is watched when nobody says it; a template with an end of its own is watched up to that. */
const MAX_DURATION = 600_000
/** How long is watched at least before a pass, when nobody says it and the whole is not shorter. */
const MIN_DURATION = 60_000
/** From which score a Kayenta config passes, and is marginal, when nobody says it. */
const PASS_SCORE = 95
const MARGINAL_SCORE = 75

/** The inputs of action.yml. */
export const schema = z
  .object({
    command: input.choice(['watch', 'replay', 'plan'], { default: 'watch' }),
    config: input.block(),
    candidate: input.text(),
    baseline: input.text(),
    source: input.choice(['prometheus', 'pods'], { default: 'prometheus' }),
    ...reachInputs,
    namespace: input.text({ matches: DNS_LABEL, accepts: 'a namespace: lower-case letters, digits and dashes, at most 63' }),
    'metrics-path': input.text({
      matches: HTTP_PATH,
      accepts: 'a path that begins with a slash, such as /metrics, without dot segments',
    }),
    'metrics-port': input.text({ matches: PORT, accepts: 'a port of the pods: its number, or the name that a container gives it' }),
    interval: input.duration({ default: '10s', min: 1_000, max: HOUR }),
    'min-duration': input.optional(input.duration({ min: 0, max: 24 * HOUR })),
    'max-duration': input.optional(input.duration({ min: 1_000, max: 24 * HOUR })),
    'initial-delay': input.duration({ default: '0s', min: 0, max: 24 * HOUR }),
    'sample-delay': input.duration({ default: '2s', min: 0, max: 60_000 }),
    'query-timeout': input.duration({ default: '30s', min: 100, max: 600_000 }),
    failures: input.integer({ default: '3', min: 0, max: 100 }),
    from: input.text(),
    to: input.text(),
    args: input.lines(),
    'secret-args': input.secret(),
    location: input.text(),
    'pass-score': input.number({ default: String(PASS_SCORE), min: 0, max: 100 }),
    'marginal-score': input.number({ default: String(MARGINAL_SCORE), min: 0, max: 100 }),
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
      const other = given.source === 'pods' ? 'prometheus' : 'pods'
      for (const name of INPUTS_OF[other]) if (given[name]) refuse(name, `is for source: ${other}, and source is ${given.source}`)
      if (Number(given['metrics-port']) > 65_535)
        refuse('metrics-port', `'${given['metrics-port']}' is not accepted: 65535 is the highest port`)
      if (given.source === 'pods' && given.command === 'replay')
        refuse('command', 'replay needs source: prometheus: pods keep nothing of what was')
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
  /** How Prometheus is asked; undefined for a plan, which asks none, and for pods. */
  reach: Reach | undefined
  kubeconfig: string | undefined
  context: string | undefined
  about: About
  pods: PodsInput | undefined
  /** A path, or empty. */
  history: string
  failInconclusive: boolean
  html: boolean
}

/** Where pods are, and their metrics; undefined is what the kubeconfig or the pods themselves say. */
export interface PodsInput {
  kubeconfig: string | undefined
  context: string | undefined
  namespace: string | undefined
  path: string | undefined
  port: string | undefined
  /** How long credentials may take, in milliseconds. */
  apiTimeout: number
  /** How long a call of the API server, or one pod, may take, in milliseconds. */
  timeout: number
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
  const pods = given.source === 'pods' ? podsOf(given, request) : undefined
  const reach = pods ? undefined : reachOf(given, request.judge === 'threshold' ? request.template : undefined, environment, mask)
  if (!reach && !pods && given.command !== 'plan')
    throw refused('prometheus-url', 'is required: where Prometheus is, such as http://prometheus:9090 or k8s://monitoring/prometheus:9090')
  return {
    request,
    reach: given.command === 'plan' ? undefined : reach,
    pods: given.command === 'plan' ? undefined : pods,
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

function podsOf(given: Given, request: Request): PodsInput {
  const needs = (what: string): InputError =>
    refused('source', `${what} needs Prometheus: pods have counters, and answer no queries; use source: prometheus`)
  if (request.judge === 'threshold') throw needs('an AnalysisTemplate')
  if (request.judge === 'mann-whitney') throw needs('a Kayenta config')
  const query = expanded(request.config).metrics.find(({ kind }) => kind === 'value')
  if (query) throw needs(`the metric ${query.name}, of the kind value,`)
  return {
    kubeconfig: given.kubeconfig || undefined,
    context: given.context || undefined,
    namespace: given.namespace || undefined,
    path: given['metrics-path'] || undefined,
    port: given['metrics-port'] || undefined,
    apiTimeout: given['query-timeout'],
    // A look must not last longer than until the next one because of one pod.
    timeout: Math.min(given['query-timeout'], given.interval),
  }
}

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
  if (replay && replay.to - replay.from - given['initial-delay'] < given.interval)
    throw refused('from', 'the window from from to to, without initial-delay, is shorter than one interval')
  // The window of a replay is judged whole.
  const longest = replay ? replay.to - replay.from - given['initial-delay'] : (given['max-duration'] ?? MAX_DURATION)
  return {
    replay,
    initialDelay: given['initial-delay'],
    interval: given.interval,
    shortest: given['min-duration'] ?? Math.min(MIN_DURATION, longest),
    longest,
    longestByDefault: !replay && given['max-duration'] === undefined,
    // Pods are asked when it is time.
    sampleDelay: given.source === 'pods' ? 0 : given['sample-delay'],
    failures: given.failures,
  }
}

function requestOf(
  given: Given,
  { value: document, placeOf }: { value: unknown; placeOf: YamlDocument['placeOf'] | undefined },
  schedule: Schedule,
  mask: (secret: string) => void,
): Request {
  const args = readVariables(['args', given.args], ['secret-args', given['secret-args']], mask)
  if (isTemplate(document)) {
    const template = asInput('config', () => readTemplate(document, args))
    for (const secret of template.secrets) mask(secret)
    if (new Set(template.metrics.map(({ address }) => address)).size > 1)
      throw refused('config', 'the metrics of the AnalysisTemplate name several Prometheus servers; give each an analysis of its own')
    const short = tooShort(template, schedule)
    if (short) throw refused(schedule.replay ? 'from' : 'max-duration', short)
    return { judge: 'threshold', template, schedule }
  }
  if (isKayenta(document)) {
    const config = asInput('config', () => readKayenta(document, args))
    if (!given.candidate || !given.baseline)
      throw refused('candidate', 'candidate and baseline are required for a Kayenta config: its two scopes')
    const scopes = { candidate: given.candidate, baseline: given.baseline, location: given.location }
    const thresholds = config.thresholds ?? { pass: given['pass-score'], marginal: given['marginal-score'] }
    asInput('config', () => checkRun(config, scopes, thresholds))
    if (thresholds.pass !== given['pass-score'] && given['pass-score'] !== PASS_SCORE)
      throw refused('pass-score', `is for a Kayenta config without scoreThresholds, and this one passes from ${thresholds.pass} on`)
    if (thresholds.marginal !== given['marginal-score'] && given['marginal-score'] !== MARGINAL_SCORE)
      throw refused('marginal-score', `is for a Kayenta config without scoreThresholds; in this one ${thresholds.marginal} is marginal`)
    if (schedule.longest < schedule.interval)
      throw refused('max-duration', `${formatDuration(schedule.longest)} is shorter than interval, ${formatDuration(schedule.interval)}`)
    return { judge: 'mann-whitney', config, scopes, thresholds, schedule }
  }
  if (Object.keys(args).length) throw refused('args', 'is for an AnalysisTemplate or a Kayenta config only')
  const config = asInput('config', () => readConfig(document, placeOf))
  // The judges of others know no shortest watch.
  if (!schedule.replay && schedule.shortest > schedule.longest)
    throw refused('min-duration', `${formatDuration(schedule.shortest)} is longer than max-duration, ${formatDuration(schedule.longest)}`)
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
