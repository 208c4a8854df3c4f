import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { isTemplate, readTemplate } from '../../../actions/canary-analyze/argo/template.ts'

const text = `
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: { name: success-rate }
spec:
  args:
    - name: service-name
    - name: port
      value: "9090"
    - name: token
      valueFrom: { secretKeyRef: { name: prometheus, key: token } }
  dryRun:
    - metricName: shadow
  metrics:
    - name: success-rate
      interval: 5m
      count: "3"
      successCondition: result[0] >= 0.95
      failureLimit: 3
      provider:
        prometheus:
          address: "http://prometheus:{{args.port}}"
          timeout: 40
          headers: &headers [{ key: Authorization, value: "Bearer {{ args.token }}" }]
          query: sum(rate(requests{service="{{args.service-name}}"}[5m]))
    - name: old-shadow-latency
      failureCondition: result[0] > 1
      provider: { prometheus: { query: latency, headers: *headers } }
`
const args = { 'service-name': 'api', token: 'sesame' }

test('a template with its arguments', () => {
  expect(isTemplate(parse(text))).toBe(true)
  const { name, metrics, secrets } = readTemplate(parse(text), args)
  expect({ name, secrets }).toEqual({ name: 'success-rate', secrets: ['sesame'] })
  expect(metrics[0]).toMatchObject({
    name: 'success-rate',
    query: 'sum(rate(requests{service="api"}[5m]))',
    address: 'http://prometheus:9090',
    timeout: 40_000,
    headers: [{ key: 'Authorization', value: 'Bearer sesame' }],
    dryRun: false,
    count: 3,
    failureLimit: 3,
    interval: '5m',
  })
  // The rule of dryRun is found anywhere in the name.
  expect(metrics[1]).toMatchObject({ dryRun: true, address: undefined, timeout: undefined })
})

/** One metric with other fields, and other fields of spec. */
const small = (metric: object, spec: object = {}): unknown => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'ClusterAnalysisTemplate',
  metadata: { name: 't', labels: { a: 'b' }, creationTimestamp: null },
  spec: { metrics: [{ name: 'm', provider: { prometheus: { query: 'up' } }, ...metric }], ...spec },
})
const from = (prometheus: object): unknown => small({ provider: { prometheus: { query: 'up', ...prometheus } } })

test.each<[string, unknown]>([
  ['nothing but a query', small({})],
  [
    'what Argo Rollouts writes where nothing was given',
    from({ authentication: { sigv4: {}, oauth2: { scopes: [] }, basicAuth: { username: '' } } }),
  ],
  ['what is the default anyway', from({ insecure: false, headers: [] })],
  ['how much is kept', small({}, { measurementRetention: [{ metricName: '^m$', limit: 20 }] })],
  ['the same argument twice, with one value', small({}, { args: [{ name: 'a' }, { name: 'a', value: '1' }] })],
  [
    'an argument of a field that nothing uses',
    small({}, { args: [{ name: 'a', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
  ],
  ['braces that are no placeholder', from({ query: 'up{a="{"} > 1' })],
])('%s is read', (_, document) => expect(readTemplate(document, {}).metrics).toHaveLength(1))

test.each<[string, unknown, string]>([
  ['an argument without a value', parse(text.replace('sum(', 'sum(')), 'the argument service-name of the AnalysisTemplate has no value'],
  ['an argument that nothing uses, without a value', small({}, { args: [{ name: 'a' }] }), 'give it as a=... in args'],
  ['a secret without a value', from({ query: '{{args.a}}' }), 'does not declare it'],
  [
    'another provider',
    small({ provider: { datadog: {} } }),
    'the metric m of the AnalysisTemplate: its provider is datadog; only prometheus can be asked',
  ],
  ['no provider', small({ provider: {} }), 'its provider is missing'],
  ['two providers', small({ provider: { prometheus: { query: 'up' }, job: {} } }), 'it has several providers, prometheus and job'],
  ['a provider that nobody knows', small({ provider: { promethius: {} } }), 'its provider is promethius'],
  [
    'basicAuth',
    from({ authentication: { basicAuth: { username: 'u', password: 'p' } } }),
    'authentication.basicAuth is not supported: give the inputs',
  ],
  ['oauth2', from({ authentication: { oauth2: { tokenUrl: 'u' } } }), 'authentication.oauth2 is not supported: get a token'],
  ['sigv4', from({ authentication: { sigv4: { region: 'eu' } } }), 'authentication.sigv4 is not supported'],
  ['an unknown authentication', from({ authentication: { bearer: 'x' } }), 'Unrecognized key: "bearer"'],
  ['insecure', from({ insecure: true }), 'insecure: true is not supported: give the CA'],
  ['rangeQuery', from({ rangeQuery: { start: 'now()' } }), 'rangeQuery is not supported'],
  ['a timeout of nothing', from({ timeout: 0 }), 'timeout is 0: whole seconds from 1 to 86400'],
  ['a timeout below nothing', from({ timeout: -1 }), 'timeout is -1'],
  ['a timeout with a unit', from({ timeout: '40s' }), 'provider.prometheus: timeout'],
  ['no query', from({ query: ' ' }), 'it has no query'],
  ['an address that is none', from({ address: 'prometheus:9090' }), "its address 'prometheus:9090' is not a URL"],
  ['a field of prometheus that is none', from({ qery: 'up' }), 'Unrecognized key: "qery"'],
  ['a field of a metric that is none', small({ failLimit: 1 }), 'spec.metrics.0: Unrecognized key: "failLimit"'],
  ['a field of spec that is none', small({}, { dryrun: [] }), 'spec: Unrecognized key: "dryrun"'],
  ['a field of an argument that is none', small({}, { args: [{ name: 'a', default: '1' }] }), 'spec.args.0: Unrecognized key: "default"'],
  [
    'an argument that is a number',
    small({}, { args: [{ name: 'a', value: 9090 }] }),
    'spec.args.0.value: a text is wanted: put the value into quotes',
  ],
  ['another version', { ...Object(small({})), apiVersion: 'argoproj.io/v1' }, 'apiVersion'],
  [
    'templates of templates',
    { kind: 'AnalysisTemplate', spec: { metrics: null, templates: [{ templateName: 'other' }] } },
    'spec.templates refers to other templates (other)',
  ],
  ['limits that Argo refuses', small({ count: 1, failureLimit: 4 }), 'count must be >= failureLimit'],
  ['both limits disabled', small({ failureLimit: -1 }), 'cannot both be disabled'],
  ['a count without an interval', small({ count: 2 }), 'interval must be specified when count > 1'],
  ['an interval of nothing', small({ interval: '{{args.i}}' }, { args: [{ name: 'i', value: '0s' }] }), "interval is '0s'"],
  ['a condition that is none', small({ failureCondition: 'result[0] >' }), 'the condition result[0] > cannot be read: unexpected the end'],
  ['a condition with an unknown word', small({ successCondition: 'avg(result) < 5' }), 'unknown name avg'],
  ['a condition that is a number', small({ successCondition: '0.95' }), 'expected bool, but got float64'],
  ['a count that is none', small({ count: 'many' }), "count is 'many': a whole number is wanted"],
  ['half a count', small({ count: 1.5 }), 'spec.metrics.0.count: a whole number is wanted'],
  [
    'the same metric twice',
    small({}, { metrics: [1, 2].map(() => ({ name: 'm', provider: { prometheus: { query: 'up' } } })) }),
    'the metric m twice',
  ],
  ['no metrics', small({}, { metrics: [] }), 'spec.metrics holds no metrics'],
  ['no metrics at all', { kind: 'AnalysisTemplate', spec: {} }, 'spec.metrics holds no metrics'],
  ['a pattern that is none', small({}, { dryRun: [{ metricName: '(' }] }), "'(' is not a regular expression"],
  ['a star', small({}, { dryRun: [{ metricName: '*' }] }), "'*' is not a regular expression; .* chooses all metrics"],
  [
    'a rule that chooses nothing',
    small({}, { dryRun: [{ metricName: 'x' }] }),
    "dryRun of the AnalysisTemplate: 'x' matches no metric; there are m",
  ],
  ['a rule twice', small({}, { dryRun: [{ metricName: 'm' }, { metricName: 'm' }] }), "has the rule 'm' twice"],
  [
    'a retention that chooses nothing',
    small({}, { measurementRetention: [{ metricName: 'x', limit: 1 }] }),
    "measurementRetention of the AnalysisTemplate: 'x' matches no metric",
  ],
  ['a retention without a limit', small({}, { measurementRetention: [{ metricName: 'm' }] }), 'spec.measurementRetention.0.limit'],
  [
    'an argument that nobody declares',
    from({ query: 'up{a="{{args.foo}}"}' }),
    "uses {{args.foo}} and does not declare it: add '- name: foo' to its spec.args",
  ],
  [
    'an argument twice',
    small(
      {},
      {
        args: [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ],
      },
    ),
    'declares the argument a twice',
  ],
  ['an input of something else', from({ query: 'up{a="{{inputs.x}}"}' }), 'nobody fills {{inputs.x}}'],
  ['a field of a metric', from({ query: 'up[{{ metric.interval }}]' }), 'nobody fills {{ metric.interval }}'],
  ['a placeholder in a condition', small({ successCondition: 'result[0] < {{templates.x}}' }), 'nobody fills {{templates.x}}'],
  [
    'a placeholder in an argument',
    small({}, { args: [{ name: 'a', value: '{{templates.x.podTemplateHash}}' }] }),
    'spec.args[0].value: nobody fills {{templates.x.podTemplateHash}}',
  ],
  ['a placeholder in a rule', small({}, { dryRun: [{ metricName: '{{args.a}}' }] }), 'spec.dryRun[0].metricName: nobody fills {{args.a}}'],
  [
    'a placeholder in a name',
    { ...Object(small({})), metadata: { name: '{{ .Release.Name }}' } },
    'metadata.name: nobody fills {{ .Release.Name }}',
  ],
  ['a placeholder without an end', from({ query: 'up{a="{{args.a"}' }), 'begins a placeholder and does not end it'],
  [
    'headers that differ',
    small(
      {},
      { metrics: ['a', 'b'].map((name) => ({ name, provider: { prometheus: { query: 'up', headers: [{ key: 'X', value: name }] } } })) },
    ),
    'the metrics a and b of the AnalysisTemplate send different headers',
  ],
])('%s', (_, document, message) => expect(() => readTemplate(document, {})).toThrow(message))

test.each([
  ['an unknown argument', { ...args, sevice: 'x' }, 'has no argument sevice; it has service-name, port, token: declare in spec.args'],
  [
    'a placeholder in a given value',
    { ...args, 'service-name': '{{inputs.x}}' },
    'the argument service-name of the AnalysisTemplate holds a placeholder',
  ],
  ['a secret that is missing', { 'service-name': 'x' }, 'give it as token=... in secret-args'],
])('%s', (_, given, message) => expect(() => readTemplate(parse(text), given)).toThrow(message))
