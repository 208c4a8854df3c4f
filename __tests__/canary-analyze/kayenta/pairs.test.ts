import { expect, test } from '@jest/globals'
import { readKayenta } from '../../../actions/canary-analyze/kayenta/config.ts'
import { pairsOf } from '../../../actions/canary-analyze/kayenta/pairs.ts'
import type { Answer, Labels } from '../../../actions/shared/prometheus/answer.ts'

const [metric] = readKayenta({
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholder
  metrics: [{ name: 'errors', groups: ['g'], query: { customInlineTemplate: 'PromQL:errors{pod="${scope}"}' } }],
  classifier: {},
}).metrics
if (!metric) throw new Error('the config has no metric')

const answer = (...series: [Labels, ...number[]][]): Answer => ({
  type: 'matrix',
  series: series.map(([labels, ...values]) => ({ labels, points: values.map((value, i) => [i, value] as const) })),
  warnings: [],
})
const pairs = (candidate: Answer, baseline: Answer) =>
  pairsOf({ metric, candidate, baseline }, 3).map((pair) => [pair.name, pair.candidate.values, pair.baseline.values])
const nothing = [NaN, NaN, NaN]

test.each<[string, Answer, Answer, unknown[]]>([
  ['one series a side', answer([{}, 1, 2]), answer([{ __name__: 'errors' }, 3]), [['errors', [1, 2], [3]]]],
  ['no series at all', answer(), answer(), [['errors', nothing, nothing]]],
  ['no series of one side', answer(), answer([{}, 3, 4, 5]), [['errors', nothing, [3, 4, 5]]]],
  [
    'each set of labels for itself, in any order of names and series',
    answer([{ a: '1', b: '2' }, 1], [{ a: '2' }, 2]),
    answer([{ a: '2' }, 3], [{ b: '2', a: '1' }, 4]),
    [
      ['errors{a="1", b="2"}', [1], [4]],
      ['errors{a="2"}', [2], [3]],
    ],
  ],
  [
    'a set that one side does not have',
    answer([{ a: '1' }, 1, 1], [{ a: '2' }, 2]),
    answer([{ a: '1' }, 3]),
    [
      ['errors{a="1"}', [1, 1], [3]],
      ['errors{a="2"}', [2], [NaN]],
    ],
  ],
  ['a side without series against sets', answer(), answer([{ a: '1' }, 3]), [['errors{a="1"}', nothing, [3]]]],
  ['a side without labels against sets', answer([{ a: '1' }, 3]), answer([{}, 1, 2]), [['errors{a="1"}', [3], [NaN, NaN]]]],
])('%s', (_, candidate, baseline, found) => expect(pairs(candidate, baseline)).toEqual(found))

test('sets of labels that nobody can read are refused', () => {
  const many = answer(...Array.from({ length: 501 }, (_, i): [Labels, number] => [{ pod: String(i) }, 1]))
  expect(() => pairs(many, answer())).toThrow('the metric errors of the Kayenta config has 501 sets of labels, and at most 500 are judged')
})
