// Reads a Kayenta canary config (JSON) as it is, as far as its metrics come from Prometheus.
import { messageOf } from '../../shared/text/errors.ts'
import { defaultRule, effectOfNothing, type MetricRule } from './judge.ts'
import { queryOf } from './query.ts'
import { type CanaryDocument, type KayentaDocument, parseKayenta } from './schema.ts'
import { howToGive } from './variables.ts'

export { isKayenta } from './schema.ts'

export interface KayentaMetric {
  name: string
  groups: string[]
  rule: MetricRule
  /** It is measured and shown, and counts for nothing. */
  muted: boolean
  /** The PromQL for one scope: what tells the candidate's series from the baseline's. `used` learns its variables. Throws an Error for one without a value. */
  query: (scope: string, location: string, used?: Set<string>) => string
}

export interface KayentaConfig {
  name: string
  metrics: KayentaMetric[]
  groupWeights: Record<string, number>
  /** From the config itself, where it has them. */
  thresholds: Thresholds | undefined
  /** The names of Kayenta's extendedScopeParams. */
  args: string[]
}

export interface Thresholds {
  pass: number
  marginal: number
}

export interface Scopes {
  candidate: string
  baseline: string
  location: string
}

const JUDGE = 'NetflixACAJudge-v1.0'
const ALL = 100

/** Reads a config; `args` are Kayenta's extendedScopeParams. Throws an Error that names what cannot be used. */
export function readKayenta(document: unknown, args: Readonly<Record<string, string>> = {}): KayentaConfig {
  const read = parseKayenta(document)
  const { name, metrics, classifier, judge, templates } = read
  checkJudge(judge)
  checkMetrics(read)
  for (const taken of ['scope', 'location'])
    if (Object.hasOwn(args, taken)) throw new Error(`${taken} is none of args; ${howToGive(taken)}`)
  return {
    name,
    metrics: metrics.map((metric) => {
      const { muted = false, ...rule } = metric.analysisConfigurations?.canary ?? {}
      const build = naming(metric.name, () => queryOf(metric.query, templates, args))
      return {
        name: metric.name,
        groups: metric.groups,
        rule: ruleOf(rule),
        muted,
        query: (scope, location, used = new Set()) => naming(metric.name, () => build({ scope, location, args }, used)),
      }
    }),
    groupWeights: classifier.groupWeights,
    thresholds: classifier.scoreThresholds,
    args: Object.keys(args),
  }
}

const naming = <T>(metric: string, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    throw new Error(`the metric ${metric} of the Kayenta config: ${messageOf(error)}`, { cause: error })
  }
}

function checkJudge(judge: KayentaDocument['judge']): void {
  const { name = '', judgeConfigurations = {} } = judge ?? {}
  if (name && name !== JUDGE) throw new Error(`the judge of the Kayenta config is '${name}'; only ${JUDGE} is known`)
  const [setting] = Object.keys(judgeConfigurations)
  if (setting !== undefined)
    throw new Error(`judge.judgeConfigurations of the Kayenta config has ${setting}, which ${JUDGE} does not read; remove it`)
}

function checkMetrics({ metrics, classifier }: KayentaDocument): void {
  const names = metrics.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`two metrics of the Kayenta config are called ${twice}`)
  const scopes = [...new Set(metrics.map(({ scopeName = 'default' }) => scopeName))]
  if (scopes.length > 1)
    throw new Error(
      `the metrics of the Kayenta config have several scopes (scopeName): ${scopes.join(', ')}; give each an analysis of its own`,
    )
  if (metrics.every(({ analysisConfigurations }) => analysisConfigurations?.canary?.muted))
    throw new Error('every metric of the Kayenta config is muted, so nothing would be judged')
  const total = Object.values(classifier.groupWeights).reduce((sum, weight) => sum + weight, 0)
  if (total > ALL + 1e-6) throw new Error(`the groupWeights of the Kayenta config add up to ${total}; they are shares of ${ALL}`)
}

/** What can be known of a run before Prometheus is asked. Throws an Error that names what cannot be used. */
export function checkRun(config: KayentaConfig, { candidate, baseline, location }: Scopes, { pass, marginal }: Thresholds): void {
  const used = new Set<string>()
  for (const { name, query } of config.metrics)
    if (query(candidate, location, used) === query(baseline, location, used))
      throw new Error(
        `the metric ${name} of the Kayenta config: its query is the same for candidate and baseline, '${query(baseline, location)}', so it cannot tell them apart`,
      )
  const unused = config.args.find((name) => !used.has(name))
  if (unused !== undefined) throw new Error(`no query of the Kayenta config has a variable \${${unused}}; remove ${unused} from args`)
  if (marginal > pass)
    throw new Error(`the scoreThresholds of the Kayenta config are out of order: marginal ${marginal} is above pass ${pass}`)
  const best = bestScore(config)
  if (best < pass - 1e-6)
    throw new Error(
      `the groups of the Kayenta config's metrics reach ${Math.round(best * 100) / 100} points at most, and it passes from ${pass} on: give groupWeights that add up to ${ALL} to groups with metrics that are not muted`,
    )
}

/** The score when every metric passes: groups without a weight share what is left. */
function bestScore({ metrics, groupWeights }: KayentaConfig): number {
  const groups = new Set(metrics.flatMap((metric) => (metric.muted ? [] : metric.groups)))
  const total = Object.values(groupWeights).reduce((sum, weight) => sum + weight, 0)
  const weighted = [...groups].filter((group) => Object.hasOwn(groupWeights, group))
  const reached = weighted.reduce((sum, group) => sum + (groupWeights[group] ?? 0), 0)
  return weighted.length < groups.size ? reached + ALL - total : reached
}

function ruleOf({ effectSize = {}, outliers = {}, ...given }: Omit<CanaryDocument, 'muted'>): MetricRule {
  const { measure = defaultRule.effectMeasure, ...effects } = effectSize
  const none = effectOfNothing(measure)
  return {
    ...defaultRule,
    direction: given.direction ?? defaultRule.direction,
    nanStrategy: given.nanStrategy ?? defaultRule.nanStrategy,
    outliers: outliers.strategy ?? defaultRule.outliers,
    outlierFactor: outliers.outlierFactor ?? defaultRule.outlierFactor,
    critical: given.critical ?? false,
    mustHaveData: given.mustHaveData ?? false,
    effectMeasure: measure,
    allowedIncrease: effects.allowedIncrease ?? none,
    allowedDecrease: effects.allowedDecrease ?? none,
    criticalIncrease: effects.criticalIncrease ?? none,
    criticalDecrease: effects.criticalDecrease ?? none,
  }
}
