// Argo Rollouts' AnalysisTemplates: of its docs, of issues, and of what can go wrong in them. What they come to there is what its code
// (1.10) says.
import type { Case } from './case.ts'

interface Written {
  /** Fields of the metric beside its name and its provider. */
  metric?: object
  /** Fields of provider.prometheus. */
  prometheus?: object
  /** Fields of spec; `metrics` in the place of the one metric. */
  spec?: object
  /** Fields of the document. */
  also?: object
}

const QUERY = 'sum(rate(http_requests_total{code!~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'

/** A template, as JSON, which is YAML. */
const template = ({ metric = {}, prometheus = {}, spec = {}, also = {} }: Written = {}): string =>
  JSON.stringify({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisTemplate',
    metadata: { name: 'success-rate' },
    spec: {
      metrics: [
        {
          name: 'success-rate',
          successCondition: 'result[0] >= 0.95',
          provider: { prometheus: { query: QUERY, ...prometheus } },
          ...metric,
        },
      ],
      ...spec,
    },
    ...also,
  })

/** A past window, which takes no time. */
const past = { command: 'replay', from: '10m' }
const refused = { wants: 'error', asks: 'nothing' } as const
const good = (): number => 0.99
/** The first answer is lost; the next try comes ten seconds later. */
const lostOnce = (): ((query: string) => number) => {
  let lost = false
  return (query) => {
    // Whether anybody listens is asked before.
    if (lost || query === 'vector(1)') return good()
    lost = true
    throw new Error('overloaded')
  }
}

const docs = `
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: success-rate
spec:
  args:
  - name: service-name
  - name: prometheus-port
    value: "9090"
  metrics:
  - name: success-rate
    interval: 1m
    count: 5
    # NOTE: prometheus queries return results in the form of a vector.
    successCondition: result[0] >= 0.95
    failureLimit: 3
    provider:
      prometheus:
        address: "http://prometheus.example.com:{{args.prometheus-port}}"
        query: |
          sum(irate(
            istio_requests_total{reporter="source",destination_service=~"{{args.service-name}}",response_code!~"5.*"}[5m]
          )) /
          sum(irate(
            istio_requests_total{reporter="source",destination_service=~"{{args.service-name}}"}[5m]
          ))
`

const counted: Case[] = [
  {
    name: 'the template of the docs passes',
    file: docs,
    inputs: { ...past, args: 'service-name=api' },
    answer: (query) => (query.includes('destination_service=~"api"') ? 0.99 : undefined),
    wants: 'passed',
    asks: 'something',
  },
  {
    name: 'the template of the docs fails beyond its failureLimit',
    file: docs,
    inputs: { ...past, args: 'service-name=api' },
    answer: () => 0.5,
    wants: 'failed',
    says: /failed \(4\) > failureLimit \(3\)/,
  },
  {
    name: 'a count that takes longer than max-duration',
    file: template({ metric: { interval: '5s', count: 10 } }),
    inputs: { 'max-duration': '12s' },
    answer: good,
    ...refused,
    says: /max-duration: 12s is not enough: the metric success-rate of the AnalysisTemplate needs 45s for 10 measurements/,
  },
  {
    name: 'a count that takes longer than the window of a replay',
    file: template({ metric: { interval: '5m', count: 5 } }),
    inputs: past,
    answer: good,
    ...refused,
    says: /from: 10m is not enough/,
  },
  {
    name: 'a cut off count is inconclusive',
    file: template({ metric: { interval: '2m', count: 6 } }),
    inputs: past,
    answer: lostOnce(),
    wants: 'inconclusive',
    says: /the time was over after 5 of 6 measurements/,
  },
  {
    name: 'a metric without a count passes at the limit',
    file: template({ metric: { interval: '500ms' } }),
    inputs: { 'max-duration': '2s' },
    answer: good,
    wants: 'passed',
    asks: 'something',
  },
  {
    name: 'a metric that begins too late',
    file: template({ metric: { interval: '1m', initialDelay: '15m' } }),
    answer: good,
    ...refused,
    says: /max-duration: 10m is not enough.*needs 15m for its first measurement/,
  },
  {
    name: 'nobody listens',
    file: template({ metric: { interval: '1s', count: 1 } }),
    inputs: { 'max-duration': '2s', 'prometheus-url': 'http://127.0.0.1:9' },
    wants: 'error',
    says: /every measurement ended in an error.*nobody listens at http:\/\/127.0.0.1:9/,
  },
  {
    name: 'a server that refuses every query',
    file: template(),
    inputs: { 'max-duration': '2s' },
    answer: () => {
      throw new Error('parse error: unexpected end of input')
    },
    wants: 'error',
    says: /unexpected end of input/,
    asks: 'something',
  },
  {
    name: 'five errors in a row',
    file: template({ metric: { interval: '1m', count: 5 } }),
    inputs: past,
    answer: () => [],
    wants: 'error',
    says: /consecutiveErrors \(5\) > consecutiveErrorLimit \(4\)/,
  },
  {
    name: 'a cut off watch of errors alone is an error',
    file: template({ metric: { interval: '1s', consecutiveErrorLimit: 100 } }),
    inputs: { 'max-duration': '2s' },
    wants: 'error',
    says: /the query gave no data/,
  },
  {
    name: 'two metrics at once: the worse of them decides',
    file: template({
      spec: {
        metrics: ['a', 'b'].map((name) => ({
          name,
          [name === 'a' ? 'failureCondition' : 'successCondition']: name === 'a' ? 'result[0] > 2' : 'result[0] < 1',
          ...(name === 'a' && { successCondition: 'result[0] < 1' }),
          provider: { prometheus: { query: name } },
        })),
      },
    }),
    inputs: past,
    answer: () => 1.5,
    wants: 'failed',
    says: /Metric "b" assessed Failed/,
  },
  {
    name: 'successes in a row',
    file: template({ metric: { interval: '1m', failureLimit: -1, consecutiveSuccessLimit: 3 } }),
    inputs: past,
    answer: (_, at) => (at < -400 ? 0.5 : 0.99),
    wants: 'passed',
  },
  {
    name: 'too few successes in a row',
    file: template({ metric: { interval: '1m', failureLimit: -1, consecutiveSuccessLimit: 3 } }),
    inputs: past,
    answer: () => 0.5,
    wants: 'inconclusive',
    says: /the time was over after 0 of 3 successes in a row/,
  },
]

const times: Case[] = [
  {
    name: 'an interval of nothing',
    file: template({ metric: { interval: '{{args.interval}}' }, spec: { args: [{ name: 'interval', value: '0s' }] } }),
    ...refused,
    says: /interval is '0s'/,
  },
  { name: 'an interval backwards', file: template({ metric: { interval: '-5s' } }), ...refused, says: /interval is '-5s'/ },
  { name: 'an interval without a unit', file: template({ metric: { interval: '60' } }), ...refused, says: /invalid interval string/ },
  {
    name: 'an interval as an argument',
    file: template({ metric: { interval: '{{args.i}}', count: '{{args.n}}' }, spec: { args: [{ name: 'i' }, { name: 'n', value: '2' }] } }),
    inputs: { ...past, args: 'i=90s' },
    answer: good,
    wants: 'passed',
    says: /after 1m30s and 2 measurements/,
  },
]

const refusals: [string, Written, RegExp][] = [
  [
    'basicAuth',
    { prometheus: { authentication: { basicAuth: { username: 'u', password: 'p' } } } },
    /authentication\.basicAuth is not supported/,
  ],
  [
    'oauth2',
    { prometheus: { authentication: { oauth2: { tokenUrl: 'https://t', clientId: 'i', clientSecret: 's' } } } },
    /authentication\.oauth2 is not supported/,
  ],
  ['sigv4', { prometheus: { authentication: { sigv4: { region: 'eu-west-1' } } } }, /authentication\.sigv4 is not supported/],
  ['insecure', { prometheus: { insecure: true } }, /insecure: true is not supported/],
  [
    'rangeQuery',
    { prometheus: { rangeQuery: { start: 'now() - duration("1h")', end: 'now()', step: '1m' } } },
    /rangeQuery is not supported/,
  ],
  ['a timeout below nothing', { prometheus: { timeout: -1 } }, /timeout is -1/],
  ['a slip in prometheus', { prometheus: { adress: 'http://p' } }, /Unrecognized key: "adress"/],
  ['a slip in a metric', { metric: { failureLimits: 3 } }, /Unrecognized key: "failureLimits"/],
  ['a slip in spec', { spec: { dryrun: [] } }, /Unrecognized key: "dryrun"/],
  [
    'a job beside prometheus',
    { metric: { provider: { prometheus: { query: 'up' }, job: { spec: {} } } } },
    /several providers, prometheus and job/,
  ],
  ['a web metric', { metric: { provider: { web: { url: 'http://x' } } } }, /its provider is web; only prometheus can be asked/],
  ['both limits disabled', { metric: { failureLimit: -1 } }, /failureLimit and consecutiveSuccessLimit cannot both be disabled/],
  ['a limit above the count', { metric: { interval: '1m', count: 2, failureLimit: 3 } }, /count must be >= failureLimit/],
  ['a count without an interval', { metric: { count: 3 } }, /interval must be specified when count > 1/],
  ['no metrics', { spec: { metrics: [] } }, /spec\.metrics holds no metrics/],
  [
    'templates of templates',
    { spec: { metrics: [], templates: [{ templateName: 'other' }] } },
    /spec\.templates refers to other templates \(other\)/,
  ],
  [
    'a dry run of nothing',
    { spec: { dryRun: [{ metricName: 'latency' }] } },
    /dryRun of the AnalysisTemplate: 'latency' matches no metric/,
  ],
  [
    'a retention of nothing',
    { spec: { measurementRetention: [{ metricName: 'latency', limit: 20 }] } },
    /measurementRetention of the AnalysisTemplate: 'latency' matches no metric/,
  ],
  ['an unknown word in a condition', { metric: { successCondition: 'avg(result) < 5' } }, /unknown name avg/],
  ['a condition without an end', { metric: { successCondition: 'result[0] > (1' } }, /unexpected the end, expected \)/],
  ['a condition that is a number', { metric: { successCondition: '0.95' } }, /expected bool, but got float64/],
  ['a date in a condition', { metric: { successCondition: 'now().Hour() > 8' } }, /now\(\.\.\.\) is not known here/],
  ['whole numbers only', { metric: { successCondition: 'result[0] % 2 == 0' } }, /invalid operation: %/],
  [
    'an argument that nobody declares',
    { prometheus: { query: 'up{job="{{args.foo}}"}' } },
    /does not declare it: add '- name: foo' to its spec\.args/,
  ],
  ['an argument without a value', { spec: { args: [{ name: 'foo' }] } }, /the argument foo of the AnalysisTemplate has no value/],
  ['an input of a workflow', { prometheus: { query: 'up{job="{{inputs.x}}"}' } }, /nobody fills \{\{inputs\.x\}\}/],
  ['a field of the metric', { prometheus: { query: 'rate(x[{{metric.interval}}])' } }, /nobody fills \{\{metric\.interval\}\}/],
  [
    'a placeholder of an experiment',
    { spec: { args: [{ name: 'hash', value: '{{templates.canary.podTemplateHash}}' }] } },
    /nobody fills \{\{templates\.canary\.podTemplateHash\}\}/,
  ],
  ['an AnalysisRun', { also: { kind: 'AnalysisRun' } }, /its kind is AnalysisRun: a run of Argo Rollouts/],
  ['a List', { also: { kind: 'List', items: [] } }, /its kind is List: a list of objects/],
  ["Flagger's MetricTemplate", { also: { kind: 'MetricTemplate' } }, /its kind is MetricTemplate: a metric of Flagger/],
  ['a Rollout', { also: { kind: 'Rollout' } }, /its kind is Rollout: a rollout of Argo Rollouts/],
]

const documents: Case[] = [
  {
    name: 'the only template among several documents',
    file: `apiVersion: v1\nkind: Service\nmetadata: { name: api }\n---\n${template({ also: { kind: 'ClusterAnalysisTemplate' } })}\n---\n# nothing\n`,
    inputs: past,
    answer: good,
    wants: 'passed',
  },
  {
    name: 'two templates in one file',
    file: `${template()}\n---\n${template({ also: { metadata: { name: 'latency' } } })}\n`,
    inputs: past,
    ...refused,
    says: /several templates.*AnalysisTemplate success-rate, AnalysisTemplate latency/,
  },
]

/** A condition, what is measured, and what Argo Rollouts makes of it. */
const conditions: [condition: string, values: number | number[], wants: Case['wants']][] = [
  ['median(result) < 5', [1, 2, 9], 'passed'],
  ['len(result) == 0 || result[0] >= 0.95 // no traffic yet', [], 'passed'],
  ['all(result, # < 1) && none(result, isNaN(#))', [0.1, NaN], 'failed'],
  ['let worst = max(result); worst < 1', [0.1, 2], 'failed'],
  ['if len(result) > 1 { sum(result) < 3 } else { false }', [1, 1], 'passed'],
  ['result?.[0] < 1 and sort(result, "desc")[0] < 3', [0, 2], 'passed'],
  ['find(result, # > 1) == nil && result[0] in 0..2', [1, 0], 'passed'],
  ['1/2 == 0.5 && reduce(result, #acc + #, 0) == 3', [1, 2], 'passed'],
  ['(isNaN(result[0]) ? 0 : result[0]) < 1', [NaN], 'passed'],
  ['isInf(result[0])', [Infinity], 'passed'],
  ['result[0] >= 0.95', [NaN], 'failed'],
  ['mean(result) == 0', [], 'passed'],
  ['string(result) matches "^\\\\[1"', [1, 2], 'passed'],
]

const others: Case[] = [
  ...conditions.map(
    ([successCondition, values, wants]): Case => ({
      name: `a condition: ${successCondition}`,
      file: template({ metric: { successCondition } }),
      inputs: past,
      answer: () => values,
      wants,
      asks: 'something',
    }),
  ),
  {
    name: 'a scalar, and a condition for it',
    file: template({ metric: { successCondition: 'result >= 0.95' }, prometheus: { query: 'scalar(up)' } }),
    inputs: past,
    answer: good,
    wants: 'passed',
  },
  {
    name: 'a condition for a number, and an answer that is a list',
    file: template({ metric: { successCondition: 'result >= 0.95', consecutiveErrorLimit: 0 } }),
    inputs: past,
    answer: good,
    wants: 'error',
    says: /mismatched types \[\]float64 and float64/,
  },
  {
    name: 'a range of samples is a list of them',
    file: template({ prometheus: { query: 'up[5m]' }, metric: { successCondition: 'all(result, # == 1)' } }),
    inputs: past,
    answer: () => [1, 1],
    wants: 'passed',
  },
  {
    name: 'both conditions, and neither holds',
    file: template({ metric: { successCondition: 'result[0] > 0.95', failureCondition: 'result[0] < 0.9' } }),
    inputs: past,
    answer: () => 0.92,
    wants: 'inconclusive',
    says: /inconclusive \(1\) > inconclusiveLimit \(0\)/,
  },
  {
    name: 'a dry run is found anywhere in the name',
    file: template({ spec: { dryRun: [{ metricName: 'rate' }] } }),
    inputs: past,
    answer: () => 0,
    wants: 'passed',
    says: /success-rate/,
    asks: 'something',
  },
  {
    name: 'a dry run without any answer is an error',
    file: template({ spec: { dryRun: [{ metricName: '.*' }] } }),
    inputs: { 'max-duration': '1s', 'prometheus-url': 'http://127.0.0.1:9' },
    wants: 'error',
    says: /nobody listens at http:\/\/127.0.0.1:9/,
  },
  {
    name: 'a secret argument goes into the query',
    file: template({
      prometheus: { query: 'up{tenant="{{ args.tenant }}"}' },
      spec: { args: [{ name: 'tenant', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] },
    }),
    inputs: { ...past, 'secret-args': 'tenant=sesame-street' },
    answer: (query) => (query === 'up{tenant="sesame-street"}' ? 1 : undefined),
    wants: 'passed',
  },
  {
    name: 'a timeout and empty authentication are honoured',
    file: template({ prometheus: { timeout: 40, insecure: false, authentication: { oauth2: {}, sigv4: {} } } }),
    inputs: past,
    answer: good,
    wants: 'passed',
  },
]

export const argoCases: Case[] = [
  ...counted,
  ...times,
  ...refusals.map(([name, written, says]): Case => ({ name, file: template(written), inputs: past, answer: good, ...refused, says })),
  ...documents,
  ...others,
]
