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
    - metricName: shadow.*
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
          headers: [{ key: Authorization, value: "Bearer {{ args.token }}" }]
          query: sum(rate(requests{service="{{args.service-name}}"}[5m]))
    - name: shadow-latency
      failureCondition: result[0] > 1
      provider: { prometheus: { query: latency } }
`
const document = (): unknown => parse(text)
const args = { 'service-name': 'api', token: 'sesame' }

test('a template with its arguments', () => {
  expect(isTemplate(document())).toBe(true)
  const { name, metrics, secrets } = readTemplate(document(), args)
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
  expect(metrics[1]).toMatchObject({ dryRun: true, address: undefined, timeout: 30_000 })
})

test.each([
  ['an argument without a value', text, { token: 'x' }, 'the argument service-name of the AnalysisTemplate has no value'],
  ['an unknown argument', text, { ...args, sevice: 'x' }, 'has no argument sevice; it has service-name, port, token'],
  [
    'another provider',
    text.replace('prometheus: { query: latency }', 'datadog: {}'),
    args,
    'the metric shadow-latency of the AnalysisTemplate: its provider is datadog',
  ],
  ['limits that Argo refuses', text.replace('failureLimit: 3', 'failureLimit: 4'), args, 'count must be >= failureLimit'],
  [
    'a condition that is none',
    text.replace('result[0] > 1', 'result[0] >'),
    args,
    'the condition result[0] > cannot be read: unexpected the end',
  ],
  ['a count that is none', text.replace('count: "3"', 'count: many'), args, "count is 'many': a whole number is wanted"],
  ['the same metric twice', text.replace('name: shadow-latency', 'name: success-rate'), args, 'the metric success-rate twice'],
  ['no metrics', text.replace(/ {2}metrics:[\s\S]*/, ''), args, 'spec.metrics'],
  ['a pattern that is none', text.replace('shadow.*', '"("'), args, "'(' is not a regular expression"],
])('%s', (_, yaml, given, message) => expect(() => readTemplate(parse(yaml), given)).toThrow(message))
