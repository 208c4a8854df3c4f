import { describe, expect, test } from '@jest/globals'
import { checkRun, isKayenta, readKayenta } from '../../../actions/canary-analyze/kayenta/config.ts'

const config = (metric: object = {}, query: object = {}) => ({
  name: 'my-canary',
  judge: { name: 'NetflixACAJudge-v1.0', judgeConfigurations: {} },
  metrics: [
    {
      name: 'errors',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholder
      query: { type: 'prometheus', customInlineTemplate: 'PromQL:sum(rate(errors{pod=~"${scope}-.+",ns="${location}"}[1m]))', ...query },
      groups: ['Errors'],
      analysisConfigurations: {
        canary: {
          direction: 'increase',
          critical: true,
          nanStrategy: 'replace',
          effectSize: { allowedIncrease: 1.1, criticalIncrease: 1.5, measure: 'cles' },
          outliers: { strategy: 'remove', outlierFactor: 4 },
        },
      },
      ...metric,
    },
  ],
  classifier: { groupWeights: { Errors: 100 }, scoreThresholds: { pass: 95, marginal: 75 } },
})

test('a config', () => {
  expect(isKayenta(config())).toBe(true)
  const { metrics, groupWeights, thresholds } = readKayenta(config())
  expect({ groupWeights, thresholds }).toEqual({ groupWeights: { Errors: 100 }, thresholds: { pass: 95, marginal: 75 } })
  expect(metrics[0]?.rule).toEqual({
    direction: 'increase',
    nanStrategy: 'replace',
    outliers: 'remove',
    outlierFactor: 4,
    critical: true,
    mustHaveData: false,
    effectMeasure: 'cles',
    allowedIncrease: 1.1,
    allowedDecrease: 0.5,
    criticalIncrease: 1.5,
    criticalDecrease: 0.5,
    tolerance: 0.25,
    confidence: 0.98,
  })
  expect(metrics[0]?.query('api-v2', 'prod')).toBe('sum(rate(errors{pod=~"api-v2-.+",ns="prod"}[1m]))')
})

/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholders */
const built = (query: object, args: Record<string, string> = {}, more: object = {}, scope = 'api-v2', location = 'eu-west-1') =>
  readKayenta({ ...config({}, { customInlineTemplate: undefined, ...query }), ...more }, args).metrics[0]?.query(scope, location)

test.each<[string, () => string | undefined, string]>([
  [
    'instances of Amazon',
    () => built({ metricName: 'cpu', resourceType: 'aws_ec2_instance', labelBindings: ['mode="user"'], groupByFields: ['job', 'az'] }),
    'avg(cpu{mode="user",asg_groupName="api-v2",zone=~"eu-west-1.{1}"}) by (job,az)',
  ],
  [
    'instances of Google',
    () => built({ metricName: 'cpu' }, { resourceType: 'gce_instance', project: 'shop' }),
    'avg(cpu{instance=~"api-v2-.{4}",zone=~".+/projects/shop/zones/eu-west-1-.{1}"})',
  ],
  [
    'instances of Google, of any project',
    () => built({ metricName: 'cpu', resourceType: 'gce_instance' }),
    'avg(cpu{instance=~"api-v2-.{4}",zone=~".+/zones/eu-west-1-.{1}"})',
  ],
  [
    'a filter of the templates',
    () =>
      built(
        { metricName: 'errors', customFilterTemplate: 't', labelBindings: ['a="b"'] },
        { namespace: 'shop' },
        {
          templates: { t: "namespace='$\\{namespace}', scope='$\\{scope}'," },
        },
      ),
    "avg(errors{namespace='shop', scope='api-v2',a=\"b\"})",
  ],
  [
    'a whole query of the templates',
    () => built({ metricName: 'unused', customFilterTemplate: 't' }, {}, { templates: { t: 'PromQL:sum(errors{pod="${scope}"})' } }),
    'sum(errors{pod="api-v2"})',
  ],
  [
    'an inline filter goes before the one of the templates',
    () => built({ metricName: 'm', customInlineTemplate: 'v="${scope}"', customFilterTemplate: 't' }),
    'avg(m{v="api-v2"})',
  ],
  [
    'a scope that is a matcher',
    () => built({ customInlineTemplate: 'PromQL:sum(rate(errors{ns="a",${scope}}[5m]))' }, {}, {}, 'version="canary"'),
    'sum(rate(errors{ns="a",version="canary"}[5m]))',
  ],
  [
    'a scope with a variable, and a default',
    () => built({ customInlineTemplate: 'PromQL:errors{pod="${scope}",ns="${namespace:-shop}"}' }, {}, {}, 'api-${location}'),
    'errors{pod="api-eu-west-1",ns="shop"}',
  ],
  [
    'the resource type as a variable',
    () => built({ customInlineTemplate: 'PromQL:errors{pod="${scope}",type="${resourceType}"}', resourceType: 'pod' }),
    'errors{pod="api-v2",type="pod"}',
  ],
  [
    'a group of a regular expression',
    () => built({ customInlineTemplate: 'PromQL:label_replace(e{p="${scope}"}, "a", "$1-$svc", "b", "(.)(?P<svc>.+)")' }),
    'label_replace(e{p="api-v2"}, "a", "$1-$svc", "b", "(.)(?P<svc>.+)")',
  ],
  ['the end of a regular expression', () => built({ customInlineTemplate: 'PromQL:e{pod=~"^${scope}$"}' }), 'e{pod=~"^api-v2$"}'],
])('a query: %s', (_, given, query) => expect(given()).toBe(query))

test.each<[string, () => unknown, string]>([
  [
    'a variable nobody gives',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",ns="${namespace}"}' }),
    'the metric errors of the Kayenta config: the variable ${namespace} has no value; give it as namespace=... in args',
  ],
  [
    'a project nobody gives',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",ns="$\\{project}"}' }),
    'give it as project=... in args',
  ],
  [
    'no location',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",ns="${location}"}' }, {}, {}, 'a', ''),
    '${location} has no value; give it by the input location',
  ],
  [
    'instances without a location',
    () => built({ metricName: 'cpu', resourceType: 'gce_instance' }, {}, {}, 'a', ''),
    'takes a location; give it by the input location',
  ],
  [
    'a name that every object has',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",ns="${constructor}"}' }),
    '${constructor} has no value',
  ],
  [
    'variables in a circle',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",n="${a}"}' }, { a: '${b}', b: '${a}' }),
    'name each other without end',
  ],
  [
    'variables that multiply',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",n="${a}"}' }, { a: '${b}'.repeat(200), b: 'x'.repeat(200) }),
    'longer than 20000',
  ],
  [
    'a variable without an end',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",ns="${namespace"}' }),
    'has no value; give it as',
  ],
  ['a variable that never ends', () => built({ customInlineTemplate: 'PromQL:e{p="${scope}"} + ${namespace' }), "'${namespace' has no end"],
  ['an escaped variable', () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",ns="$${namespace}"}' }), 'an escaped variable'],
  ['a variable of Argo', () => built({ customInlineTemplate: 'PromQL:e{p="${scope}",ns="{{args.ns}}"}' }), 'nobody fills {{args.ns}}'],
  ['a variable of Grafana', () => built({ customInlineTemplate: 'PromQL:rate(e{p="${scope}"}[$__interval])' }), 'nobody fills $__interval'],
  [
    'a variable where Kayenta has none',
    () => built({ metricName: 'm', customInlineTemplate: 'p="${scope}"', labelBindings: ['n="${namespace}"'] }),
    'nobody fills ${',
  ],
  ['a resource that Kayenta refuses', () => built({ metricName: 'm', resourceType: 'k8s_pod' }), "and here it is 'k8s_pod'"],
  ['no resource', () => built({ metricName: 'm' }), "and here it is ''"],
  [
    'a filter of templates that are not there',
    () => built({ metricName: 'm', customFilterTemplate: 't' }),
    "'t' is none of the config's templates; they are empty",
  ],
  [
    'a filter of a template of another name',
    () => built({ metricName: 'm', customFilterTemplate: 't' }, {}, { templates: { u: 'x' } }),
    'they are u',
  ],
  ['a filter for a name that is none', () => built({ metricName: 'a b', customInlineTemplate: 'p="${scope}"' }), "metricName is 'a b'"],
  [
    'labels beside a whole query',
    () => built({ customInlineTemplate: 'PromQL:e{p="${scope}"}', labelBindings: ['a="b"'] }),
    'labelBindings and groupByFields are for a metricName',
  ],
  [
    'an old filter',
    () => built({ metricName: 'm', customFilter: 'pod="${scope}"' }),
    'customFilter is deprecated, and refused by Kayenta too',
  ],
  ['a sum by fields', () => built({ metricName: 'm', sumByFields: ['a'] }), 'does not read sumByFields'],
  [
    'a scope among the args',
    () => built({ customInlineTemplate: 'e{p="${scope}"}' }, { scope: 'x' }),
    'scope is none of args; give it by the input candidate and baseline',
  ],
])('no query: %s', (_, given, message) => expect(given).toThrow(message))

test.each([
  ['another service', config({}, { type: 'datadog' }), 'the metric errors of the Kayenta config: its query is for datadog'],
  ['a query for one side only', config({}, { customInlineTemplate: 'sum(errors)' }), 'cannot tell the candidate from the baseline'],
  ['no query', config({}, { customInlineTemplate: undefined }), "metricName is '': the name of a metric is wanted"],
  [
    'a request',
    { canaryConfig: config(), executionRequest: {} },
    "a request to Kayenta's API, not a canary config: give what stands in its canaryConfig",
  ],
  ['an unknown field', { ...config(), lifetime: 5 }, 'has no key lifetime'],
  ['an unknown field of a metric', config({ weight: 5 }), 'metrics.0 has no key weight'],
  ['an unknown field of a query', config({}, { aggregationPeriod: '60s' }), 'metrics.0.query has no key aggregationPeriod'],
  ['an unknown field of a rule', config({ analysisConfigurations: { canary: { mute: true } } }), 'has no key mute'],
  ['an unknown analysis', config({ analysisConfigurations: { custom: {} } }), 'has no key custom'],
  ['another judge', { ...config(), judge: { name: 'dredd-v1.0' } }, "judge of the Kayenta config is 'dredd-v1.0'"],
  [
    'settings of the judge',
    { ...config(), judge: { judgeConfigurations: { tolerance: 0.5 } } },
    'has tolerance, which NetflixACAJudge-v1.0 does not read',
  ],
  ['half of the thresholds', { ...config(), classifier: { scoreThresholds: { pass: 95 } } }, 'classifier.scoreThresholds'],
  ['a weight below zero', { ...config(), classifier: { groupWeights: { Errors: -1 } } }, 'classifier.groupWeights.Errors'],
  ['weights beyond all', { ...config(), classifier: { groupWeights: { Errors: 60, Other: 50 } } }, 'add up to 110'],
  [
    'one name twice',
    { ...config(), metrics: [...config().metrics, ...config().metrics] },
    'two metrics of the Kayenta config are called errors',
  ],
  [
    'several scopes',
    { ...config(), metrics: [...config().metrics, { ...config().metrics[0], name: 'b', scopeName: 'other' }] },
    'have several scopes (scopeName): default, other',
  ],
  [
    'nothing but muted metrics',
    config({ analysisConfigurations: { canary: { muted: true } } }),
    'every metric of the Kayenta config is muted',
  ],
  [
    'a direction that is none',
    config({ analysisConfigurations: { canary: { direction: 'up' } } }),
    'metrics.0.analysisConfigurations.canary.direction',
  ],
])('%s', (_, document, message) => expect(() => readKayenta(document)).toThrow(message))

test('what Kayenta keeps beside, null for what is not there, and muted', () => {
  const kept = {
    id: 'a',
    description: 'b',
    configVersion: '1',
    applications: ['c'],
    createdTimestamp: 1,
    updatedTimestampIso: 'd',
    templates: null,
  }
  const { metrics, thresholds } = readKayenta({
    ...config(),
    ...kept,
    classifier: { groupWeights: null, scoreThresholds: null },
    metrics: [...config().metrics, { ...config().metrics[0], name: 'quiet', analysisConfigurations: { canary: { muted: true } } }],
  })
  expect(thresholds).toBeUndefined()
  expect(metrics.map(({ muted }) => muted)).toEqual([false, true])
})

test.each([
  ['cles', 0.5],
  ['meanRatio', 1],
  [undefined, 1],
])("Kayenta's thresholds of %s", (measure, none) =>
  expect(readKayenta(config({ analysisConfigurations: { canary: { effectSize: { measure } } } })).metrics[0]?.rule).toMatchObject({
    allowedIncrease: none,
    allowedDecrease: none,
    criticalIncrease: none,
    criticalDecrease: none,
  }),
)

describe('a run', () => {
  const scopes = { candidate: 'green', baseline: 'blue', location: 'eu' }
  const thresholds = { pass: 95, marginal: 75 }
  const other = { ...config().metrics[0], name: 'other', groups: ['Other'] }
  const quiet = { ...other, analysisConfigurations: { canary: { muted: true } } }
  const weighted = (groupWeights: object, ...more: object[]) =>
    readKayenta({ ...config(), metrics: [...config().metrics, ...more], classifier: { groupWeights } })
  test.each([
    ['weights that add up', weighted({ Errors: 60, Other: 40 }, other)],
    ['what is left is shared', weighted({ Errors: 10 }, other)],
    ['no weights', weighted({}, other)],
    ['weights that still reach the pass', weighted({ Errors: 96 })],
  ])('%s', (_, read) => expect(() => checkRun(read, scopes, thresholds)).not.toThrow())
  test.each([
    [
      'weights that never reach the pass',
      weighted({ Errors: 50, Other: 40 }, other),
      thresholds,
      'reach 90 points at most, and it passes from 95 on',
    ],
    ['a weight for a group without metrics', weighted({ Errors: 50, Nobody: 50 }), thresholds, 'reach 50 points'],
    ['a weight for a muted group', weighted({ Errors: 50, Other: 50 }, quiet), thresholds, 'reach 50 points'],
    ['no group at all', readKayenta(config({ groups: [] })), thresholds, 'reach 0 points'],
    ['thresholds out of order', readKayenta(config()), { pass: 50, marginal: 75 }, 'marginal 75 is above pass 50'],
    [
      'an arg that nobody names',
      readKayenta(config(), { namespace: 'shop' }),
      thresholds,
      'no query of the Kayenta config has a variable ${namespace}; remove namespace from args',
    ],
  ])('%s', (_, read, limits, message) => expect(() => checkRun(read, scopes, limits)).toThrow(message))
  test('the same on both sides', () =>
    expect(() => checkRun(readKayenta(config()), { ...scopes, baseline: 'green' }, thresholds)).toThrow('it cannot tell them apart'))
})
/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholders */
