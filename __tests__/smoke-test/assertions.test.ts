import { expect, test } from '@jest/globals'
import { compileSchema, find, wrongShape } from '../../actions/smoke-test/json.ts'
import { type Answer, captured, objections, percentile } from '../../actions/smoke-test/judge.ts'
import { mismatches } from '../../actions/smoke-test/matcher.ts'
import { type CheckOf, kinds, type Matcher } from '../../actions/smoke-test/suite.ts'
import { fill, namesWithin } from '../../actions/smoke-test/template.ts'

test.each<[Matcher, unknown, boolean]>([
  [{ equals: 'ok' }, 'ok', true],
  [{ equals: 'ok' }, 'OK', false],
  [{ equals: 3 }, 3, true],
  [{ equals: 3 }, '3', true],
  [{ equals: '3' }, 3, false],
  [{ equals: true }, 'true', true],
  [{ equals: null }, null, true],
  [{ equals: null }, undefined, false],
  [{ equals: { a: [1, { b: 2 }] } }, { a: [1, { b: 2 }] }, true],
  [{ equals: [1, 2] }, [2, 1], false],
  [{ 'not-equals': 'no' }, 'yes', true],
  [{ 'not-equals': 'no' }, undefined, false],
  [{ contains: 'ell' }, 'hello', true],
  [{ contains: 2 }, [1, 2], true],
  [{ contains: 'el' }, ['hello'], false],
  [{ 'not-contains': 'x' }, 'hello', true],
  [{ 'not-contains': 2 }, [1, 2], false],
  [{ matches: '^h.l+o$' }, 'hello', true],
  [{ matches: '^ello' }, 'hello', false],
  [{ 'not-matches': 'z' }, 'hello', true],
  [{ 'at-least': 2, 'at-most': 4 }, 3, true],
  [{ 'at-least': 2 }, '10', true],
  [{ 'at-least': 2 }, '', false],
  [{ 'at-least': 2 }, 'many', false],
  [{ 'at-most': 2 }, {}, false],
  [{ length: 2 }, [1, 2], true],
  [{ length: { 'at-least': 3 } }, 'ab', false],
  [{ length: 2 }, 12, false],
  [{ exists: true }, null, true],
  [{ exists: true }, undefined, false],
  [{ exists: false }, undefined, true],
  [{ exists: false }, null, false],
  [{ contains: 'a', matches: 'z' }, 'abc', false],
])('%j of %j: %s', (matcher, value, holds) => {
  expect(mismatches(matcher, value).length === 0).toBe(holds)
})

test('an expression that backtracks for ever elsewhere ends here', () => {
  const text = `${'a'.repeat(50_000)}!`
  expect(mismatches({ matches: '^(a+)+$' }, text)).toHaveLength(1)
  expect(wrongShape({ type: 'string', pattern: '^(a|aa)+$' }, text)).toHaveLength(1)
  expect(find("$[?search(@, '^(a+)+$')]", [text])).toEqual([])
})

test('a path that can only find one value gives it, any other a list', () => {
  const value = { a: { b: 1 }, list: [{ n: 1 }, { n: 5 }, { n: 9 }], name: 'web-1' }
  expect(find('$.a.b', value)).toBe(1)
  expect(find('$.a.c', value)).toBeUndefined()
  expect(find('$.list[?@.n > 3].n', value)).toEqual([5, 9])
  expect(find('$..b', value)).toEqual([1])
  expect(find("$[?match(@, 'web-[0-9]')]", value)).toEqual(['web-1'])
  expect(find('$.nothing[*]', value)).toEqual([])
})

test('a schema speaks 2020-12 with formats, and says what is wrong', () => {
  const schema = {
    type: 'object',
    required: ['at'],
    properties: { at: { type: 'string', format: 'date-time' }, list: { prefixItems: [{ const: 1 }] } },
  }
  expect(wrongShape(schema, { at: '2026-01-01T00:00:00Z', list: [1] })).toEqual([])
  expect(wrongShape(schema, { at: 'soon', list: [2] })).toEqual(['/at must match format "date-time"', '/list/0 must be equal to constant'])
  expect(() => compileSchema({ type: 'thing' })).toThrow(/type/)
})

const answer: Answer = {
  status: 200,
  headers: { 'content-type': 'application/json', 'set-cookie': ['sid=a1; Path=/; HttpOnly', 'other=2'], 'x-version': 'v7' },
  body: Buffer.from('{"status":"ok","items":[1,2,3],"token":"t"}'),
  protocol: 'http/1.1',
  latencies: [30, 10, 20, 100, 40],
  redirects: [],
}
const base = new URL('https://shop.example/a')
const judged = (expectation: object, from = answer, schema?: object): string[] => {
  const check: CheckOf<'http'> = kinds.http.parse({ name: 'x', http: '/', expect: expectation })
  return objections(from, check.expect, schema, base).map(({ word, text }) => `${word}: ${text}`)
}

test('an answer that is as expected', () => {
  expect(judged({})).toEqual([])
  expect(
    judged({
      status: [204, '2xx'],
      headers: { 'X-Version': 'v7', 'content-type': { contains: 'json' }, absent: { exists: false } },
      json: { '$.status': 'ok', '$.items': [1, 2, 3] },
      body: { contains: 'token' },
      latency: { p50: '30ms', p100: '100ms' },
      protocol: 'http/1.1',
      redirects: [],
    }),
  ).toEqual([])
})

test('all that is wrong is told, each by its word', () => {
  const wrong = judged({
    status: 201,
    headers: { 'x-version': 'v8', absent: 'x' },
    json: { '$.status': 'bad', '$.items': { length: 4 } },
    body: { 'not-contains': 'token' },
    sha256: '0'.repeat(64),
    latency: { p50: '20ms', p99: '1s' },
    protocol: 'h2',
    redirects: ['/b'],
  })
  expect(wrong.map((text) => text.replace(/SHA-256 is [0-9a-f]+/, 'SHA-256 is …'))).toEqual([
    'status: the status is 200, expected 201',
    'wrong: the protocol is http/1.1, expected h2',
    'wrong: header x-version is "v7", expected "v8"',
    'wrong: header absent is not there',
    'redirect: the redirects are none, expected https://shop.example/b',
    `wrong: the body's SHA-256 is …, expected ${'0'.repeat(64)}`,
    'wrong: the body is "{\\"status\\":\\"ok\\",\\"items\\":[1,2,3],\\"token\\":\\"t\\"}", expected it not to contain "token"',
    'wrong: $.status is "ok", expected "bad"',
    'wrong: $.items has a length that is 3, expected 4',
    'latency: p50 of 5 answers is 30ms, expected at most 20ms',
  ])
  expect(judged({ json: { '$.a': 1 } }, { ...answer, body: Buffer.from('<html>') })).toEqual(['wrong: the body is not JSON: "<html>"'])
  expect(judged({}, answer, { properties: { status: { const: 'no' } } })).toEqual(['wrong: /status must be equal to constant'])
  expect(judged({}, { ...answer, status: 404 })).toEqual(['status: the status is 404, expected 2xx'])
})

test('percentiles are values that were measured', () => {
  const values = [5, 1, 4, 2, 3]
  expect([0, 20, 50, 80, 81, 100].map((p) => percentile(values, p))).toEqual([1, 1, 3, 4, 5, 5])
  expect(percentile([], 50)).toBeNaN()
})

test('values are captured from every place, and what is not there is a fault', () => {
  const from = { json: '$.token', header: 'x-version', cookie: 'sid', body: '"items":\\[(\\d+)' }
  const captures = Object.fromEntries(Object.entries(from).map(([key, value]) => [key, { [key]: value, secret: false }]))
  expect(Object.fromEntries(captured(answer, captures))).toEqual({ json: 't', header: 'v7', cookie: 'a1', body: '1' })
  expect(captured(answer, { all: { body: 'item.', secret: false } }).get('all')).toBe('items')
  for (const [key, value] of [
    ['json', '$.none'],
    ['header', 'none'],
    ['cookie', 'none'],
    ['body', 'none'],
  ] as const)
    expect(() => captured(answer, { gone: { [key]: value, secret: false } })).toThrow('there is nothing to capture for gone')
})

const values = new Map(
  Object.entries({ id: 'a/b?c', n: 5, list: [1], evil: 'x\r\nhost: other', dots: 'a.b', nested: `\${id}` }).map(([k, value]) => [
    k,
    { value, captured: true },
  ]),
)

test('values stay data wherever they go', () => {
  const spec = {
    http: {
      url: `/item/\${id}/?n=\${n}`,
      headers: { 'x-id': `\${id}`, url: `\${id}` },
      json: { n: `\${n}`, text: `n is \${n}`, deep: [{ list: `\${list}`, url: `\${id}` }] },
      form: { matches: `\${dots}` },
    },
    expect: { json: { '$.n': { equals: `\${n}` }, '$.url': { matches: `^\${dots}$` } }, body: { contains: `\${nested} $\${id}` } },
  }
  expect(fill(spec, values)).toEqual({
    http: {
      url: '/item/a%2Fb%3Fc/?n=5',
      headers: { 'x-id': 'a/b?c', url: 'a/b?c' },
      json: { n: 5, text: 'n is 5', deep: [{ list: [1], url: 'a/b?c' }] },
      form: { matches: 'a.b' },
    },
    // A value that looks like a place is not read again, and $${ is no place.
    expect: { json: { '$.n': { equals: 5 }, '$.url': { matches: '^a\\.b$' } }, body: { contains: `\${id} \${id}` } },
  })
  expect(namesWithin(spec)).toEqual(['id', 'n', 'id', 'id', 'n', 'n', 'list', 'id', 'dots', 'n', 'dots', 'nested'])
})

test.each([{ headers: { x: `a \${evil}` } }, { cookies: { x: `\${evil}` } }, { bearer: `\${evil}` }, { metadata: { x: `\${evil}` } }])(
  'a line end goes into no header: %j',
  (part) => expect(() => fill(part, values)).toThrow(`\${evil} holds a line end, which no header may`),
)
