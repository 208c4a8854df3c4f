import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { configSchema, DEFAULT_CONFIG, expanded, readConfig } from '../../actions/canary-analyze/config.ts'
import { loadDocument, parseDocument } from '../../actions/canary-analyze/document.ts'
import { LIBRARIES } from '../../actions/canary-analyze/presence/libraries.ts'
import { PRESETS } from '../../actions/canary-analyze/presets.ts'
import { matchersText, parseMatchers, parseSelector, parseSide, selectorText } from '../../actions/canary-analyze/selectors.ts'
import { podsOf, sideSelector } from '../../actions/canary-analyze/sources/source.ts'

test('the published schema is the one of the configuration', () => {
  const published: unknown = JSON.parse(readFileSync('actions/canary-analyze/config.schema.json', 'utf8'))
  expect(published).toEqual(z.toJSONSchema(configSchema, { io: 'input' }))
})

describe('selectors', () => {
  test.each([
    ['up', 'up{}'],
    ['a:b{x="1", y!~"a.*"}', 'a:b{x="1",y!~"a.*"}'],
    [" up { x = 'it\\'s' , } ", 'up{x="it\'s"}'],
    ['up{x="a\\"b\\\\c\\nd"}', 'up{x="a\\"b\\\\c\\nd"}'],
  ])('%s', (text, written) => expect(selectorText(parseSelector(text))).toBe(written))

  test.each([
    'rate(up[1m])',
    'up[1m]',
    'up offset 1m',
    'up{x="1"} or down',
    'up{x=1}',
    'up{x="1" y="2"}',
    'up{x="1"}}',
    '{x="1"}',
    '',
    'up{"x"="1"}',
    'up{x="1", or y="2"}',
  ])('%s is none', (text) => expect(() => parseSelector(text)).toThrow('is no'))

  test('a side by matchers, in braces or not, or by the beginning of pod names', () => {
    expect(matchersText(parseSide('color="green"'))).toBe('color="green"')
    expect(matchersText(parseSide('{color="green",job=~"a|b"}'))).toBe('color="green",job=~"a|b"')
    expect(matchersText(parseSide('backend-green'))).toBe('pod=~"backend-green-.+"')
    expect(matchersText(parseSide('backend-green-'))).toBe('pod=~"backend-green-.+"')
    for (const wrong of ['', '{}', 'Backend Green', 'green"}']) expect(() => parseSide(wrong)).toThrow(/is no matcher|it is empty/)
  })

  test('a side cannot break out of its quotes', () => {
    const side = parseSide('color="green\\"} or vector(1) #"')
    expect(selectorText(parseSelector('up'), side)).toBe('up{color="green\\"} or vector(1) #"}')
    expect(parseMatchers(matchersText(side))).toEqual(side)
  })

  test('selectors of both sides', () => {
    const side = parseSide('color="green"')
    expect(sideSelector('up{job="a"}', 'candidate', side)).toBe('up{job="a",color="green"}')
    expect(sideSelector({ candidate: 'up{v="2"}', baseline: 'up{v="1"}' }, 'baseline', side)).toBe('up{v="1"}')
  })

  test('pods by their labels', () => {
    expect(podsOf([{ pod: 'a' }, { pod: 'b' }, { pod: 'a' }])).toBe(2)
    expect(podsOf([{ instance: 'a', job: 'x' }, { instance: 'b' }])).toBe(2)
    expect(podsOf([{ service: 'a' }, { service: 'b' }])).toBe(1)
    expect(podsOf([])).toBe(1)
  })
})

describe('a configuration', () => {
  const errors = { kind: 'errors', name: 'errors', total: 'requests', events: 'requests{status=~"5.."}' }

  test('every preset is one, and its selectors are plain', () => {
    for (const preset of PRESETS) {
      const { metrics } = expanded(readConfig({ metrics: [{ preset, where: 'namespace="shop"' }] }))
      expect(metrics.length).toBeGreaterThan(0)
      for (const metric of metrics) {
        const selectors =
          'total' in metric
            ? [metric.total, metric.events]
            : 'histogram' in metric
              ? [metric.histogram]
              : 'counter' in metric
                ? [metric.counter]
                : []
        for (const selector of selectors)
          expect(parseSelector(typeof selector === 'string' ? selector : '').matchers).toContainEqual({
            label: 'namespace',
            operator: '=',
            value: 'shop',
          })
      }
    }
    expect(expanded(readConfig(DEFAULT_CONFIG)).metrics.map(({ name, kind }) => [name, kind])).toEqual([
      ['http errors', 'errors'],
      ['http latency', 'latency'],
    ])
  })
  test('saturation is of the candidate', () => {
    const [cpu] = expanded(readConfig({ metrics: [{ preset: 'saturation', where: 'namespace="shop"' }] })).metrics
    expect(cpu).toMatchObject({ kind: 'value', criterion: '<=0.9' })
    expect(cpu && 'query' in cpu && cpu.query).toContain('container_cpu_usage_seconds_total{container!="",namespace="shop",{{candidate}}}')
  })
  test('the README names what http finds', () => {
    const readme = readFileSync('actions/canary-analyze/README.md', 'utf8')
    expect(LIBRARIES.map(({ requests }) => requests).filter((name) => !readme.includes(`\`${name}\``))).toEqual([])
  })
  test('the status label of http', () => {
    const [metric] = expanded(readConfig({ metrics: [{ preset: 'http', 'status-label': 'code' }] })).metrics
    expect(metric && 'events' in metric && metric.events).toMatch(/^http_requests_total\{code=~"5\.\.",route!~/)
  })
  test.each([
    [{}, 'metrics'],
    [{ metrics: [] }, 'metrics'],
    [{ metrics: [errors, errors] }, 'the metric errors is there twice'],
    [{ metrics: [{ ...errors, name: 'http errors' }, { preset: 'http' }] }, 'the metric http errors is there twice'],
    [{ metrics: [{ ...errors, absent: 'one' }] }, 'metrics.0.absent'],
    [{ metrics: [{ ...errors, total: 'rate(requests[1m])' }] }, 'metrics.0.total'],
    [{ metrics: [{ ...errors, total: 'service:http_requests:sum' }] }, 'service:http_requests:sum is a recorded rule by its colon'],
    [{ metrics: [{ ...errors, floor: 1.5 }] }, 'metrics.0.floor'],
    [{ metrics: [{ ...errors, tottal: 'x' }] }, 'tottal'],
    [{ metrics: [{ ...errors, weight: Number.NaN }] }, 'metrics.0.weight'],
    [{ metrics: [errors], alpha: 0 }, 'alpha'],
    [{ metrics: [errors], version: 2 }, 'version'],
    [{ metrics: [{ preset: 'nginx' }] }, 'metrics.0'],
    [{ metrics: [{ preset: 'istio', 'status-label': 'code' }] }, 'metrics.0.status-label is for the preset http'],
    [{ metrics: [{ kind: 'error', name: 'x' }] }, 'metrics.0.kind'],
    [{ metrics: [{ ...errors, total: undefined }] }, 'metrics.0.total'],
    [{ metrics: [{ preset: 'http', where: 'x="1"} or vector(1)' }] }, 'metrics.0.where'],
    [{ metrics: [{ kind: 'value', name: 'v', query: 'x', criterion: 'about 5' }] }, 'a criterion like <=500'],
    ['text', 'the configuration cannot be used'],
    [null, 'the configuration cannot be used'],
    [{ metrics: 'http' }, 'metrics: a text is not accepted: a list is wanted'],
    [{ metrics: ['http'] }, 'metrics.0: a map with kind or preset is wanted'],
    [{ metrics: [{ kind: 'errors', preset: 'http' }] }, 'metrics.0 has both kind and preset, of which one is wanted'],
    [{ metrics: [{ preset: 'htp' }] }, /metrics\.0\.preset: htp is not accepted: one of http, .* is wanted; did you mean http\?/],
    [
      { metrics: [{ ...errors, kind: 'error' }] },
      'metrics.0.kind: error is not accepted: one of errors, latency, restarts, value is wanted; did you mean errors?',
    ],
    [{ metrics: [{ ...errors, kind: 'constructor' }] }, 'metrics.0.kind: constructor is not accepted'],
    [{ metrics: [{ ...errors, total: undefined }] }, 'metrics.0.total'],
    [{ metrics: [{ ...errors, weight: '2' }] }, 'metrics.0.weight: a text is not accepted: a number is wanted'],
    [{ metrics: [{ ...errors, floor: 1.5 }] }, 'metrics.0.floor has to be less than 1'],
    [{ metric: [errors] }, 'has no key metric; did you mean metrics?'],
    [
      { metrics: [{ kind: 'errors', name: 'x', total: { candidat: 'a', baseline: 'b' }, events: 'e' }] },
      'metrics.0.total has no key candidat; did you mean candidate?',
    ],
  ])('%j is refused', (document, message) => expect(() => readConfig(document)).toThrow(message))
})

test.each([
  ['metrics:\n  - preset: http\n    status_label: code', 'line 3: metrics.0 has no key status_label; did you mean status-label?'],
  ['metrics:\n  - prest: http', 'line 2: metrics.0 has neither kind nor preset; did you mean preset?'],
  ['metrics:\n  - name: x\n    knid: errors', 'line 3: metrics.0 has neither kind nor preset; did you mean kind?'],
  ['metrics:\n  - foo: bar', 'line 2: metrics.0 has neither kind nor preset'],
  [
    'alpah: 1\nmetrics:\n  - kind: errors\n    name: a\n    totel: b\n    xyz: c\n    events: d',
    [
      'line 1: has no key alpah; did you mean alpha?',
      'line 3: metrics.0.total is missing: a text is wanted',
      'line 5: metrics.0 has no key totel; did you mean total?',
      'line 6: metrics.0 has no key xyz',
    ].join('\n'),
  ],
  ['just text\n', 'line 1: a text is not accepted: a map is wanted'],
])('what is wrong in %j is told with its line, all at once', (text, message) => {
  const { value, placeOf } = parseDocument(text)
  const lines = (() => {
    try {
      readConfig(value, placeOf)
      return ''
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  })()
  expect(lines.split('\n').toSorted().join('\n')).toBe(message)
})

describe('files', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'canary-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('YAML and JSON, from a file or written out', () => {
    writeFileSync(join(folder, 'c.yml'), 'metrics: [{ preset: http }]')
    expect(loadDocument('c.yml', folder).value).toEqual({ metrics: [{ preset: 'http' }] })
    expect(loadDocument('metrics:\n  - preset: http', folder).value).toEqual({ metrics: [{ preset: 'http' }] })
    expect(loadDocument('{"metrics":[{"preset":"http"}]}', folder).value).toEqual({ metrics: [{ preset: 'http' }] })
    expect(() => loadDocument('gone.yml', folder)).toThrow('gone.yml is not there')
    expect(() => loadDocument('.', folder)).toThrow('. is no file')
    expect(() => loadDocument('../c.yml', folder)).toThrow('../c.yml is outside of the workspace')
  })
  test('what is no document, or one that explodes', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefghij'.split('').map((key, i) => `${key}: &${key} [${Array.from({ length: 9 }, () => `*${'abcdefghij'[i]}`).join(', ')}]`),
    ].join('\n')
    expect(() => parseDocument(bomb)).toThrow('config: its anchors unfold to more than 1048576 characters')
    expect(() => parseDocument('a: 1\n---\nb: 2')).toThrow('one YAML document is wanted, not 2')
    expect(() => parseDocument('a: 1\nb: "c')).toThrow('config: line 2: it is not YAML')
    // The line may hold a secret.
    expect(() => parseDocument('password: "sesame')).not.toThrow('sesame')
    expect(() => parseDocument('')).toThrow('one YAML document is wanted')
    expect(() => parseDocument('#'.repeat(2 ** 20 + 1))).toThrow('larger than')
    expect(() => parseDocument('__proto__: { x: 1 }\nmetrics: [{ preset: http }]')).toThrow('the key "__proto__" is not accepted')
  })
})
