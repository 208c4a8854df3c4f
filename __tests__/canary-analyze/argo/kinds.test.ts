import { expect, test } from '@jest/globals'
import { parseDocument } from '../../../actions/canary-analyze/document.ts'

const template = (name: string, kind = 'AnalysisTemplate') => `kind: ${kind}\nmetadata: { name: ${name} }\nspec: {}\n`

test.each([
  ['the only document', template('a')],
  ['the only template among others', `${template('x', 'Service')}---\n${template('a')}---\n# nothing\n`],
])('%s', (_, text) => expect(parseDocument(text).value).toMatchObject({ metadata: { name: 'a' } }))

test('a configuration without a kind', () => expect(parseDocument('metrics: []\n').value).toEqual({ metrics: [] }))

test.each([
  [
    'several templates',
    `${template('a')}---\n${template('b', 'ClusterAnalysisTemplate')}`,
    'AnalysisTemplate a, ClusterAnalysisTemplate b',
  ],
  [
    'several of other kinds',
    `${template('a', 'Service')}---\nmetrics: []\n`,
    'one YAML document is wanted, not 2: Service a, a document without kind',
  ],
  ['none', '# nothing\n', 'one YAML document is wanted, not 0'],
  ['a run', template('a', 'AnalysisRun'), 'its kind is AnalysisRun: a run of Argo Rollouts'],
  ['a list', 'kind: List\nitems: []\n', 'its kind is List: a list of objects'],
  ['a metric of Flagger', template('a', 'MetricTemplate'), 'its kind is MetricTemplate: a metric of Flagger'],
  ['a rollout', template('a', 'Rollout'), 'its kind is Rollout: a rollout of Argo Rollouts'],
  ['an experiment', template('a', 'Experiment'), 'its kind is Experiment: an experiment of Argo Rollouts'],
  [
    'something else',
    template('a', 'constructor'),
    'its kind is constructor, which cannot be analyzed. An AnalysisTemplate or a ClusterAnalysisTemplate',
  ],
])('%s', (_, text, message) => expect(() => parseDocument(text)).toThrow(message))
