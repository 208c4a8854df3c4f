import { expect, test } from '@jest/globals'
import { readAnswer } from '../../../actions/shared/prometheus/answer.ts'

const answer = (data: unknown, more: object = {}) => JSON.stringify({ status: 'success', data, ...more })
const vector = (...result: unknown[]) => answer({ resultType: 'vector', result })

test('scalars, vectors, matrices, warnings', () => {
  expect(readAnswer(200, answer({ resultType: 'scalar', result: [1.5, '2'] }))).toEqual({
    type: 'scalar',
    series: [{ labels: {}, points: [[1.5, 2]] }],
    warnings: [],
  })
  const read = readAnswer(
    200,
    answer(
      {
        resultType: 'matrix',
        result: [
          {
            metric: { a: 'b' },
            values: [
              [1, '1e3'],
              [2, '+Inf'],
              [3, 'NaN'],
            ],
          },
        ],
      },
      { warnings: ['partial'] },
    ),
  )
  expect(read.series).toEqual([
    {
      labels: { a: 'b' },
      points: [
        [1, 1000],
        [2, Infinity],
        [3, NaN],
      ],
    },
  ])
  expect(read.warnings).toEqual(['partial'])
  expect(readAnswer(200, vector()).series).toEqual([])
})

test.each([
  ['a proxy', 502, '<html>Bad gateway</html>', "HTTP 502: '<html>Bad gateway</html>'"],
  ['a bad query', 400, '{"status":"error","errorType":"bad_data","error":"parse error"}', 'HTTP 400: bad_data: parse error'],
  ['success that is an error', 200, '{"status":"error","errorType":"execution","error":"too many samples"}', 'too many samples'],
  ['an error as success', 500, vector(), 'HTTP 500'],
  ['no JSON', 200, 'ok', 'something else than its API says'],
  ['no data', 200, '{"status":"success"}', 'something else than its API says'],
  ['an unknown type', 200, answer({ resultType: 'string', result: [1, 'x'] }), 'something else than its API says'],
  ['a number that is none', 200, vector({ metric: {}, value: [1, '0x10'] }), "'0x10' where a number has to be"],
  ['no number', 200, vector({ metric: {}, value: [1, ''] }), "'' where a number has to be"],
  ['a bare number', 200, vector({ metric: {}, value: [1, 5] }), 'something else than its API says'],
  [
    'a series twice',
    200,
    vector({ metric: { a: '1', b: '2' }, value: [1, '1'] }, { metric: { b: '2', a: '1' }, value: [1, '2'] }),
    'twice',
  ],
  ['native histograms', 200, vector({ metric: {}, histogram: [1, {}] }), 'native histograms'],
  [
    'time that runs back',
    200,
    answer({
      resultType: 'matrix',
      result: [
        {
          metric: {},
          values: [
            [2, '1'],
            [1, '1'],
          ],
        },
      ],
    }),
    'order of time',
  ],
  ['a wall of text', 200, 'x'.repeat(1e6), 'characters cut'],
  ['controls', 500, '\u001b[31m::error::x', "HTTP 500: '::error::x'"],
])('%s is an error', (_, status, body, message) => expect(() => readAnswer(status, body)).toThrow(message))

test('too many series are refused', () => {
  const many = Array.from({ length: 50_001 }, (_, i) => ({ metric: { i: String(i) }, value: [1, '1'] }))
  expect(() => readAnswer(200, vector(...many))).toThrow('something else than its API says')
})
