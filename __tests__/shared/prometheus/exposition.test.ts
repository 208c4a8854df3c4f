import { describe, expect, test } from '@jest/globals'
import { BOUNDS, readExposition } from '../../../actions/shared/prometheus/exposition.ts'

const wanted = new Set(['n', 'n_total', 'h_bucket', 'my.metric'])
const read = (text: string) => readExposition(text, wanted)
/** Samples as [labels without the name, value]. */
const samples = (text: string) =>
  read(text).samples.map(({ labels, value }) => [Object.fromEntries(Object.entries(labels).filter(([name]) => name !== '__name__')), value])

function thrownBy(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it throws no error')
}

const goClient = `# HELP go_gc_duration_seconds A summary of the pause duration of garbage collection cycles.
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0"} 2.4e-05
go_gc_duration_seconds_sum 0.0017
go_gc_duration_seconds_count 11
# HELP n_total Requests.
# TYPE n_total counter
n_total{code="200",method="get"} 1.234567e+06
n_total{code="500",method="get"} 3
# TYPE h histogram
h_bucket{le="0.1"} 5
h_bucket{le="+Inf"} 7
h_sum 1.5
h_count 7
promhttp_metric_handler_requests_in_flight 1
`
const openMetrics = `# HELP n Requests.
# TYPE n counter
# UNIT n requests
n_total{code="200"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67 1520879606.1
n_created{code="200"} 1520872607.123
# TYPE h histogram
h_bucket{le="0.1"} 5 # {} 0.05
h_bucket{le="+Inf"} 7
# EOF
`
const micrometer = `# HELP n_total  
# TYPE n_total counter
n_total{exception="None",method="GET",outcome="SUCCESS",status="200",uri="/api/{id}",} 12.0
n_total{exception="None",method="GET",outcome="SERVER_ERROR",status="500",uri="/**",} 1.0
jvm_memory_used_bytes{area="heap",id="G1 Old Gen",} -1.0
`
const promClient = `# HELP n_total total
# TYPE n_total counter
n_total{method="GET",route="/a\\"b\\\\c\\nd"} 4

# HELP nodejs_eventloop_lag_seconds Lag
# TYPE nodejs_eventloop_lag_seconds gauge
nodejs_eventloop_lag_seconds Nan
`
const openTelemetry = `# TYPE target_info gauge
target_info{service_name="shop",telemetry_sdk_language="nodejs"} 1
# HELP n_total description missing
# UNIT n_total 1
# TYPE n_total counter
n_total{http_method="GET",otel_scope_name="http"} 8 1700000000123
`

describe('texts of libraries', () => {
  test.each<[string, string, unknown[]]>([
    [
      'client_golang',
      goClient,
      [
        [{ code: '200', method: 'get' }, 1234567],
        [{ code: '500', method: 'get' }, 3],
        [{ le: '0.1' }, 5],
        [{ le: '+Inf' }, 7],
      ],
    ],
    [
      'OpenMetrics',
      openMetrics,
      [
        [{ code: '200' }, 17],
        [{ le: '0.1' }, 5],
        [{ le: '+Inf' }, 7],
      ],
    ],
    [
      'Micrometer',
      micrometer,
      [
        [{ exception: 'None', method: 'GET', outcome: 'SUCCESS', status: '200', uri: '/api/{id}' }, 12],
        [{ exception: 'None', method: 'GET', outcome: 'SERVER_ERROR', status: '500', uri: '/**' }, 1],
      ],
    ],
    ['prom-client', promClient, [[{ method: 'GET', route: '/a"b\\c\nd' }, 4]]],
    ['OpenTelemetry', openTelemetry, [[{ http_method: 'GET', otel_scope_name: 'http' }, 8]]],
    ['Windows', goClient.replaceAll('\n', '\r\n'), samples(goClient)],
  ])('%s', (_, text, expected) => {
    expect(samples(text)).toEqual(expected)
  })
  test('the name is a label', () => {
    expect(read('n 5').samples).toEqual([{ labels: { __name__: 'n' }, value: 5 }])
  })
})

test.each<[string, unknown[]]>([
  ['', []],
  ['\n \t\n', []],
  ['n 5', [[{}, 5]]],
  ['  n\t{ a = "b" , } \t 5  ', [[{ a: 'b' }, 5]]],
  ['n{a="b"}5', [[{ a: 'b' }, 5]]],
  ['n{} +Inf', [[{}, Infinity]]],
  ['n -inf', [[{}, -Infinity]]],
  ['n NaN -17', [[{}, NaN]]],
  ['n{a="",b="}"} .5', [[{ b: '}' }, 0.5]]],
  ['n{a="#"} 1 # {a="b"} 1 2', [[{ a: '#' }, 1]]],
  ['n{a="\\x\\"},b=\\"c"} 1', [[{ a: '\\x"},b="c' }, 1]]],
  ['{"my.metric"} 1\n{"my.metric","a.b"="c",d="e"} 2', [[{}, 1], [{ 'a.b': 'c', d: 'e' }, 2]]], // biome-ignore format: short
  ['{"other.metric",a="b"} 1', []],
  ['n_created 1\nn_totals 2\nxn 3\n# n 4\n#n 5\n', []],
  ['n{__proto__="x",constructor="y"} 1', [[Object.fromEntries([['__proto__', 'x'], ['constructor', 'y']]), 1]]], // biome-ignore format: short
])('%j', (text, expected) => {
  expect(samples(text)).toEqual(expected)
})

test.each<[string, string[]]>([
  ['# TYPE n_total counter', ['n_total']],
  ['# TYPE n counter', ['n', 'n_total']],
  ['# TYPE h histogram', ['h_bucket']],
  ['#  TYPE\tn\tgauge', ['n']],
  ['# TYPE "my.metric" gauge', ['my.metric']],
  ['# TYPE n_created gauge\n# HELP n TYPE n counter\n# n_total', []],
  ['# TYPE n __proto__', ['n']],
])('%j declares %j', (text, expected) => {
  expect([...read(text).declared]).toEqual(expected)
})

describe('what is refused', () => {
  test.each([
    ['<!DOCTYPE html>', "line 1 of its metrics: a metric was expected: '<!DOCTYPE html>'"],
    ['{"status":"ok"}', 'line 1 of its metrics: '],
    ['ok 1\nn{a="b" 1', 'line 2 of its metrics: a label has to be followed by a comma or the closing brace: \'n{a="b" 1\''],
    ['n{a="b} 1', 'a quote is not closed'],
    ['n{a="b\\', 'a quote is not closed'],
    ['n{a="b\\"} 1\n"} 1', 'a quote is not closed'],
    ['n{a=b} 1', 'a text in quotes was expected'],
    ['n{a} 1', 'a label has to be followed by ='],
    ['n{"a"} 1', 'a label has to be followed by ='],
    ['n{1a="b"} 1', 'a label was expected'],
    ['n{,} 1', 'a label was expected'],
    ['n{a="b",a="c"} 1', 'the label a is there twice'],
    ['n{__name__="m"} 1', 'the label __name__ is there twice'],
    ['{a="b"} 1', 'it has no name'],
    ['{} 1', 'it has no name'],
    ['n', 'a space'],
    ['n-total 5', 'a space'],
    ['n ', 'the value is no number'],
    ['n x', 'the value is no number'],
    ['n 0x1p3', 'the value is no number'],
    ['n 1_000', 'the value is no number'],
    ['n 1 x', 'the timestamp is no number'],
    ['n 1 2 3', 'nothing may come after'],
    ['n 1 # x', 'an exemplar has its labels between braces'],
    ['n 1 # {a="b"}', 'the value of the exemplar is no number'],
    ['n 1\nn 1', 'the sample is there twice'],
    ['n{a="b",c="d"} 1\nn{c="d",a="b",e=""} 2', 'line 2 of its metrics: the sample is there twice'],
    ['# EOF\nn 1', 'something comes after # EOF'],
    ['other{a="b} 1', 'a quote is not closed'],
  ])('%j', (text, why) => {
    expect(() => read(text)).toThrow(why)
  })
  test.each([
    ['a name', `${'a'.repeat(BOUNDS.name + 1)} 1`, 'longer than 256'],
    ['a value', `n{a="${'b'.repeat(BOUNDS.value + 1)}"} 1`, 'longer than 4096'],
    ['a number', `n ${'1'.repeat(BOUNDS.number + 1)}`, 'no number'],
    ['the labels', `n{${Array.from({ length: BOUNDS.labels + 1 }, (_, i) => `a${i}="b"`).join()}} 1`, 'more than 64 labels'],
    ['the samples', Array.from({ length: BOUNDS.samples + 1 }, (_, i) => `n{i="${i}"} 1`).join('\n'), 'more than 10000 samples'],
    ['the text', ' '.repeat(BOUNDS.text + 1), 'longer than 33554432'],
  ])('more than the bound of %s', (_, text, why) => {
    expect(() => read(text)).toThrow(why)
  })
  test('the words of an error are short and harmless, however long the line is', () => {
    const error = thrownBy(() => read(`n{a="\u001b[31m${'x'.repeat(1_000_000)}`))
    expect(error).toMatchObject({ name: 'AnswerError', message: expect.not.stringContaining('\u001b') })
    expect(error.message.length).toBeLessThan(300)
  })
})

test('what is not asked for is passed over, however much there is', () => {
  const others = Array.from({ length: 100_000 }, (_, i) => `other_total{path="/p/${i}",code="200"} ${i}`).join('\n')
  expect(samples(`${others}\nn 5\n${others}`)).toEqual([[{}, 5]])
})
