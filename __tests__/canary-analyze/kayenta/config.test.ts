import { expect, test } from '@jest/globals'
import { isKayenta, readKayenta } from '../../../actions/canary-analyze/kayenta/config.ts'

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
    allowedDecrease: 1,
    criticalIncrease: 1.5,
    criticalDecrease: 1,
    tolerance: 0.25,
    confidence: 0.98,
  })
  expect(metrics[0]?.query('api-v2"}', 'prod')).toBe('sum(rate(errors{pod=~"api-v2\\"}-.+",ns="prod"}[1m]))')
})

test('a metric by name', () => {
  const { metrics } = readKayenta(
    config({}, { customInlineTemplate: undefined, metricName: 'cpu', labelBindings: ['mode="user"'], groupByFields: ['job'] }),
  )
  expect(metrics[0]?.query('api-v2', 'prod')).toBe('avg(cpu{mode="user",pod=~"api-v2-.+"}) by (job)')
})

test.each([
  ['another service', config({}, { type: 'datadog' }), 'the metric errors of the Kayenta config: its query is for datadog'],
  ['a query for one side only', config({}, { customInlineTemplate: 'sum(errors)' }), 'cannot tell the candidate from the baseline'],
  ['no query', config({}, { customInlineTemplate: undefined }), "metricName is '': a metric is wanted"],
  ['a filter by name', config({}, { customFilterTemplate: 'x' }), 'named filter templates are not supported'],
  [
    'a direction that is none',
    config({ analysisConfigurations: { canary: { direction: 'up' } } }),
    'metrics.0.analysisConfigurations.canary.direction',
  ],
])('%s', (_, document, message) => expect(() => readKayenta(document)).toThrow(message))
