// Kayenta's canary configs: of its docs, of its own tests, of people, and of what can go wrong in them. What they come to there is what its
// code (2025) says.
/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholders */
import type { Case } from './case.ts'

interface Written {
  /** Fields of the metric beside its name. */
  metric?: object
  /** Fields of its query. */
  query?: object
  /** Fields of analysisConfigurations.canary. */
  canary?: object
  /** Fields of the config; `metrics` in the place of the one metric. */
  also?: object
}

const QUERY = 'PromQL:sum(rate(http_errors_total{version="${scope}"}[1m]))'

const metricOf = (name: string, { metric = {}, query = {}, canary = {} }: Written = {}): object => ({
  name,
  query: { type: 'prometheus', serviceType: 'prometheus', customInlineTemplate: QUERY, ...query },
  groups: ['Errors'],
  analysisConfigurations: { canary: { direction: 'increase', ...canary } },
  scopeName: 'default',
  ...metric,
})

/** A config, as JSON. */
const config = (written: Written = {}): string =>
  JSON.stringify({
    name: 'api',
    description: 'errors of the api',
    applications: ['ad-hoc'],
    judge: { name: 'NetflixACAJudge-v1.0', judgeConfigurations: {} },
    metrics: [metricOf('errors', written)],
    classifier: { groupWeights: { Errors: 100 }, scoreThresholds: { pass: 95, marginal: 75 } },
    ...written.also,
  })

const scopes = { candidate: 'green', baseline: 'blue' }
/** A past window, which takes no time. */
const past = { ...scopes, command: 'replay', from: '10m' }
const refused = { wants: 'error', asks: 'nothing' } as const
type Answer = NonNullable<Case['answer']>
const wave = (at: number): number => Math.abs(Math.sin(at))
/** The candidate has as many errors as the baseline. */
const good: Answer = (query, at) => (query.includes('green') ? wave(at + 1) : query.includes('blue') ? wave(at) : undefined)
/** It has many more. */
const bad: Answer = (query, at) => (query.includes('green') ? 10 + wave(at + 1) : good(query, at))
/** Of the metrics one is bad. */
const badOf =
  (word: string): Answer =>
  (query, at) =>
    (query.includes(word) ? bad : good)(query, at)
/** It answers to one form of a query alone. */
const onlyTo =
  (form: RegExp, answer: Answer = good): Answer =>
  (query, at) =>
    form.test(query) ? answer(query, at) : undefined

/** Configs that are read as they are meant. */
const read: [name: string, written: Written, answer: Answer, wants: Case['wants'], says?: RegExp, inputs?: Record<string, string>][] = [
  ['a config of the docs passes', {}, good, 'passed', /100 of 100 points/],
  ['a bad candidate fails', {}, bad, 'failed', /errors.*: High/],
  [
    'a muted metric decides nothing, though it is critical',
    {
      also: {
        metrics: [
          metricOf('Failing metric', {
            query: { customInlineTemplate: undefined, metricName: 'failing_metric', customFilterTemplate: 'standard-template' },
            canary: { muted: true, critical: true },
          }),
          metricOf('Successful metric', {
            query: { customInlineTemplate: undefined, metricName: 'successful_metric', customFilterTemplate: 'standard-template' },
            canary: { critical: true },
          }),
        ],
        templates: { 'standard-template': "namespace='${namespace}', scope='${scope}'" },
      },
    },
    onlyTo(/^avg\(\w+_metric\{namespace='shop', scope='(green|blue)'\}\)$/, badOf('failing')),
    'passed',
    /100 of 100/,
    { args: 'namespace=shop' },
  ],
  [
    'the effect of nothing is a half for cles',
    { canary: { effectSize: { measure: 'cles' } } },
    (query, at) => (query.includes('green') ? 0.6 : 0) + wave(at),
    'failed',
    /errors.*: High/,
  ],
  ['an effect that is allowed', { canary: { effectSize: { allowedIncrease: 100 } } }, bad, 'passed'],
  [
    'an escaped variable of a stored config',
    { query: { customInlineTemplate: 'PromQL:errors{v="$\\{scope}",ns="$\\{namespace}"}' } },
    onlyTo(/^errors\{v="\w+",ns="shop"\}$/),
    'passed',
    undefined,
    { args: 'namespace=shop' },
  ],
  [
    'a default of a variable',
    { query: { customInlineTemplate: 'PromQL:errors{v="${scope}",ns="${namespace:-shop}"}' } },
    onlyTo(/ns="shop"/),
    'passed',
  ],
  [
    'a scope that is a matcher',
    { query: { customInlineTemplate: 'PromQL:sum(rate(errors{job="api",${scope}}[5m]))' } },
    onlyTo(/\{job="api",version="(green|blue)"\}/),
    'passed',
    undefined,
    { candidate: 'version="green"', baseline: 'version="blue"' },
  ],
  [
    'a whole query of the templates',
    { query: { customInlineTemplate: null, customFilterTemplate: 't' }, also: { templates: { t: QUERY } } },
    onlyTo(/^sum\(rate/),
    'passed',
  ],
  [
    'a filter for a metric by its labels',
    { query: { customInlineTemplate: 'version="${scope}"', metricName: 'errors', labelBindings: ['job="api"'], groupByFields: ['zone'] } },
    onlyTo(/^avg\(errors\{version="\w+",job="api"\}\) by \(zone\)$/, bad),
    'failed',
    /errors\{series="0"\}: High/,
  ],
  [
    'instances of Google',
    { query: { customInlineTemplate: '', metricName: 'cpu', resourceType: 'gce_instance' } },
    onlyTo(/^avg\(cpu\{instance=~"\w+-\.\{4\}",zone=~"\.\+\/projects\/p\/zones\/us-central1-\.\{1\}"\}\)$/),
    'passed',
    undefined,
    { args: 'project=p', location: 'us-central1' },
  ],
  [
    'instances of Amazon',
    { query: { customInlineTemplate: '', metricName: 'cpu' } },
    onlyTo(/^avg\(cpu\{asg_groupName="\w+",zone=~"eu-west-1\.\{1\}"\}\)$/),
    'passed',
    undefined,
    { args: 'resourceType=aws_ec2_instance', location: 'eu-west-1' },
  ],
  [
    'several series of a metric are judged each for itself',
    {},
    (query, at) => [wave(at), query.includes('green') ? 10 + wave(at) : wave(at + 1)],
    'failed',
    /errors\{series="1"\}: High/,
  ],
  [
    'a candidate without data fails, as there',
    {},
    (query, at) => (query.includes('green') ? undefined : good(query, at)),
    'failed',
    /errors.*: Nodata/,
  ],
  ['nobody has data', {}, () => undefined, 'inconclusive', /no query found data, of the candidate or of the baseline/],
  [
    'a baseline without errors, replaced by zero',
    { canary: { nanStrategy: 'replace' } },
    (query, at) => (query.includes('blue') ? undefined : bad(query, at)),
    'failed',
    /errors.*: High/,
  ],
  [
    'a marginal score',
    {
      also: {
        metrics: ['a', 'b', 'c', 'd'].map((name) =>
          metricOf(name, { query: { customInlineTemplate: `PromQL:${name}_errors{v="\${scope}"}` } }),
        ),
      },
    },
    badOf('b_errors'),
    'inconclusive',
    /Marginal: 75 of 100/,
  ],
  [
    'what Kayenta keeps beside, and null for what is not there',
    {
      also: {
        id: 'x',
        configVersion: '1',
        createdTimestamp: 1,
        updatedTimestampIso: '2026',
        templates: null,
        classifier: { groupWeights: { Errors: 100 }, scoreThresholds: null },
      },
    },
    good,
    'passed',
  ],
]

/** What is refused by name before anything is asked. */
const refusals: [name: string, written: Written, says: RegExp, inputs?: Record<string, string>][] = [
  [
    'a variable that nobody gives',
    { query: { customInlineTemplate: 'PromQL:e{v="${scope}",ns="${namespace}"}' } },
    /config: the metric errors of the Kayenta config: the variable \$\{namespace\} has no value; give it as namespace=\.\.\. in args/,
  ],
  [
    'a location that nobody gives',
    { query: { customInlineTemplate: 'PromQL:e{v="${scope}",l="${location}"}' } },
    /give it by the input location/,
  ],
  ['an arg that no query names', {}, /no query of the Kayenta config has a variable \$\{team\}; remove team from args/, { args: 'team=a' }],
  [
    'a placeholder of Argo',
    { query: { customInlineTemplate: 'PromQL:e{v="${scope}",ns="{{args.ns}}"}' } },
    /nobody fills \{\{args\.ns\}\}/,
  ],
  [
    'a variable in a label binding',
    { query: { customInlineTemplate: 'v="${scope}"', metricName: 'e', labelBindings: ['ns="${namespace}"'] } },
    /nobody fills \$\{/,
  ],
  ['an old filter', { query: { metricName: 'e', customFilter: 'v="${scope}"' } }, /customFilter is deprecated/],
  [
    'a filter of no template',
    { query: { customInlineTemplate: null, metricName: 'e', customFilterTemplate: 't' }, also: { templates: { u: 'x' } } },
    /'t' is none of the config's templates; they are u/,
  ],
  [
    'a metric by name alone',
    { query: { customInlineTemplate: null, metricName: 'e' } },
    /the resourceType gce_instance and aws_ec2_instance, and here it is ''/,
  ],
  ['another resource', { query: { customInlineTemplate: null, metricName: 'e', resourceType: 'k8s_pod' } }, /here it is 'k8s_pod'/],
  ['a sum by fields', { query: { metricName: 'e', sumByFields: ['mode'] } }, /does not read sumByFields/],
  [
    'a query for another service',
    { query: { type: 'datadog', serviceType: 'datadog' } },
    /its query is for datadog; only prometheus can be asked/,
  ],
  [
    'a query that is the same for both',
    { query: { customInlineTemplate: 'PromQL:sum(errors)' } },
    /cannot tell the candidate from the baseline/,
  ],
  ['scopes that are the same', {}, /it cannot tell them apart/, { baseline: 'green' }],
  ['another judge', { also: { judge: { name: 'dredd-v1.0' } } }, /'dredd-v1\.0'; only NetflixACAJudge-v1\.0 is known/],
  [
    'settings that no judge reads',
    { also: { judge: { judgeConfigurations: { tolerance: 0.9 } } } },
    /has tolerance, which NetflixACAJudge-v1\.0 does not read/,
  ],
  ['a word that is none', { canary: { direction: 'Increase' } }, /Increase is not accepted: one of increase, decrease, either is wanted/],
  ['a field that nobody reads', { canary: { mute: true } }, /has no key mute/],
  ['every metric muted', { canary: { muted: true } }, /every metric of the Kayenta config is muted/],
  [
    'a group without metrics',
    { also: { classifier: { groupWeights: { Errors: 50, Latency: 50 }, scoreThresholds: { pass: 95, marginal: 75 } } } },
    /reach 50 points at most, and it passes from 95 on/,
  ],
  ['weights beyond all', { also: { classifier: { groupWeights: { Errors: 70, Latency: 50 } } } }, /add up to 120/],
  [
    'thresholds out of order',
    { also: { classifier: { groupWeights: {}, scoreThresholds: { pass: 50, marginal: 75 } } } },
    /marginal 75 is above pass 50/,
  ],
  ['one name for two metrics', { also: { metrics: [metricOf('a'), metricOf('a')] } }, /two metrics of the Kayenta config are called a/],
  [
    'several scopes',
    { also: { metrics: [metricOf('a'), metricOf('b', { metric: { scopeName: 'other' } })] } },
    /several scopes \(scopeName\): default, other/,
  ],
]

const wrongQuery: Answer = () => {
  throw new Error('1:5: parse error: unexpected character')
}

const others: Case[] = [
  {
    name: "Kayenta: a request to Kayenta's API",
    file: `{"canaryConfig": ${config()}, "executionRequest": {"scopes": {}, "thresholds": {"pass": 95, "marginal": 75}}}`,
    inputs: past,
    ...refused,
    says: /a request to Kayenta's API, not a canary config: give what stands in its canaryConfig as config/,
  },
  {
    name: 'Kayenta: a query that the server does not take ends a replay',
    file: config(),
    inputs: past,
    answer: wrongQuery,
    wants: 'error',
    says: /the metric errors of the Kayenta config: .*parse error.*the query is sum\(rate\(http_errors_total/,
    asks: 'something',
  },
  {
    name: 'Kayenta: a query that the server does not take ends a watch before it began',
    file: config(),
    inputs: { ...scopes, 'max-duration': '24h' },
    answer: wrongQuery,
    wants: 'error',
    says: /the metric errors of the Kayenta config: .*parse error/,
    asks: 'something',
  },
]

export const kayentaCases: Case[] = [
  ...read.map(
    ([name, written, answer, wants, says, inputs]): Case => ({
      name: `Kayenta: ${name}`,
      file: config(written),
      inputs: { ...past, ...inputs },
      answer,
      wants,
      ...(says && { says }),
      asks: 'something',
    }),
  ),
  ...refusals.map(
    ([name, written, says, inputs]): Case => ({
      name: `Kayenta: ${name}`,
      file: config(written),
      inputs: { ...past, ...inputs },
      answer: good,
      ...refused,
      says,
    }),
  ),
  ...others,
]
