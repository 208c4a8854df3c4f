import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { type LoadOptions, loadSuite, SuiteError } from '../../actions/smoke-test/load.ts'
import { suiteJsonSchema } from '../../actions/smoke-test/suite.ts'
import { readAddress, readTarget } from '../../actions/smoke-test/targets.ts'

const load = (text: string, more: Partial<LoadOptions> = {}) =>
  loadSuite(text, {
    file: 's.yaml',
    read: (path) => {
      throw new Error(`there is no ${path}`)
    },
    ...more,
  })

const problems = (text: string, more: Partial<LoadOptions> = {}): string[] => {
  try {
    load(text, more)
  } catch (error) {
    if (error instanceof SuiteError) return error.message.split('\n')
    throw error
  }
  return []
}

const suite = (checks: string): string => `target: https://shop.example\nchecks:\n${checks}`

test('anchors that unfold too far are told with the file', () => {
  const rows = 'bcdefgh'.split('').map((key, i) => `${key}: &${key} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[i]}`).join(', ')}]`)
  expect(problems(['a: &a [x]', ...rows].join('\n'))).toEqual(['s.yaml:1: its anchors unfold to more than 1048576 characters'])
})

test('the published schema is the one of the code', () => {
  expect(JSON.parse(readFileSync('actions/smoke-test/suite.schema.json', 'utf8'))).toEqual(JSON.parse(JSON.stringify(suiteJsonSchema())))
})

test('every suite in the docs is one by the schema and by the code', () => {
  const validate = new Ajv2020({ strict: false }).compile(
    JSON.parse(readFileSync('actions/smoke-test/suite.schema.json', 'utf8')) as object,
  )
  const text = readFileSync('actions/smoke-test/README.md', 'utf8')
  const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const suites = blocks.filter((block) => /^checks:/m.test(block))
  expect(suites.length).toBeGreaterThan(3)
  for (const block of suites) {
    validate(parse(block))
    expect(validate.errors ?? []).toEqual([])
    const needed = Object.fromEntries([...block.matchAll(/\$\{([a-z_]+)\}/g)].map(([, name = '']) => [name, 'x']))
    const captures = [...block.matchAll(/^ +(\w+): \{ ?(?:json|header|cookie|body):/gm)].map(([, name = '']) => name)
    for (const name of captures) delete needed[name]
    expect(problems(block, { variables: needed, read: () => '{}', target: 'https://shop.example' })).toEqual([])
  }
})

test('a suite is read with its defaults, short forms and lines', () => {
  const { checks, head, target } = load(suite('  # first\n  - name: web\n    http: /\n  - { name: db, tcp: "db:5432", needs: [web] }'))
  expect(checks.map(({ kind, line, after }) => [kind, line, after])).toEqual([
    ['http', 4, []],
    ['tcp', 6, ['web']],
  ])
  expect(checks[0]?.spec).toMatchObject({ http: { url: '/', method: 'GET', redirects: 0, 'max-body': 2 ** 20 }, retry: true })
  expect(head).toMatchObject({ deadline: 120_000, timeout: 10_000, interval: 1000, 'max-interval': 10_000, parallel: 8 })
  expect(target?.url.href).toBe('https://shop.example/')
})

test.each([
  [
    'a: [',
    [
      's.yaml:1: is not YAML: The indentation does not fit what stands above; a list or a map in brackets, or a text in quotes, may not be closed',
    ],
  ],
  ['', ['s.yaml:1: checks: a suite has at least one check']],
  ['deadline: 5\nchecks: [{name: a, http: /}]', ['s.yaml:1: deadline: Invalid input: expected string, received number']],
  ['deadline: soon\nchecks: []', ['s.yaml:1: deadline: must be a duration with units like 500ms, 90s or 1m30s']],
  [suite('  - name: a'), ['s.yaml:3: a check has one of http, websocket, tcp, tls, grpc; it has none of them']],
  [suite('  - {name: a, http: /, tcp: "a:1"}'), ['s.yaml:3: a check has one of http, websocket, tcp, tls, grpc; it has http and tcp']],
  [suite('  - name: a\n    http: /\n    expect:\n      stats: 200'), ['s.yaml:6: expect: Unrecognized key: "stats"']],
  [suite('  - name: a\n    http: {url: /, redirects: 99}'), ['s.yaml:4: http.redirects: Too big: expected number to be <=20']],
  [suite('  - name: a\n    http: /\n    expect:\n      status: 42'), ['s.yaml:6: expect.status: Too small: expected number to be >=100']],
  [suite('  - {name: a, http: /}\n  - {name: a, http: /}'), ['s.yaml:4: a: there is another check with this name in line 3']],
  [suite('  - {name: a, http: /, needs: [b]}'), ['s.yaml:3: a: needs b, which is no check of this suite']],
  [suite('  - {name: a, http: /, needs: [b]}\n  - {name: b, http: /, needs: [a]}'), ['s.yaml:3: these checks wait for each other: a, b']],
  [suite(`  - {name: a, http: "/\${x}"}`), [`s.yaml:3: a: \${x} is neither a variable nor captured by a check`]],
  [
    suite('  - {name: a, http: /, capture: {x: {json: $.x}}}\n  - {name: b, http: /, capture: {x: {json: $.x}}}'),
    [`s.yaml:4: b: \${x} has a value already, from a`],
  ],
  [
    suite('  - {name: a, http: /, capture: {x: {json: $.x, header: x}}}'),
    ['s.yaml:3: a: x: a capture has one of json, header, cookie, body'],
  ],
  [suite('  - {name: a, http: {url: /, json: {}, body: x}}'), ['s.yaml:3: a: http: a request has one of json, form, body']],
  [
    suite('  - {name: a, http: "ftp://x"}'),
    [expect.stringContaining("s.yaml:3: a: ftp://x: 'ftp://x' is not accepted: https://host/path")],
  ],
  ['checks: [{name: a, http: /}]', ['s.yaml:1: a: /: / is a path, but there is no target: give the suite or the action one']],
  [suite('  - {name: a, http: /, expect: {body: {matches: "(?<=a)("}}}'), [expect.stringContaining('s.yaml:3: a: (?<=a)(: ')]],
  [suite('  - {name: a, http: /, expect: {json: {"$.a[": 1}}}'), [expect.stringContaining('s.yaml:3: a: $.a[: ')]],
  [suite('  - {name: a, http: /, expect: {schema: gone.json}}'), ['s.yaml:3: a: gone.json: there is no gone.json']],
  [suite('  - {name: a, http: /, expect: {schema: {type: thing}}}'), [expect.stringContaining('s.yaml:3: a: schema: schema is invalid')]],
  [suite('  - {name: a, http: /, connection: {ca: gone.pem}}'), ['s.yaml:3: a: gone.pem: there is no gone.pem']],
  [`version: {url: /v}\n${suite('  - {name: a, http: /}')}`, ['s.yaml:1: version: give one of json and header']],
])('%j is refused with its line', (text, expected) => {
  expect(problems(text)).toEqual(expected)
})

test('the block version becomes a first check that all others wait for', () => {
  const text = `version: {url: /v, header: x-version, consecutive: 5}\n${suite('  - {name: a, http: /}')}`
  expect(load(text).checks).toHaveLength(1)
  const { checks } = load(text, { expectVersion: '1.2' })
  expect(checks.map(({ spec, after }) => [spec.name, after])).toEqual([
    ['version', []],
    ['a', ['version']],
  ])
  expect(checks[0]?.spec).toMatchObject({ consecutive: 5, http: { url: '/v' }, expect: { headers: { 'x-version': { equals: '1.2' } } } })
  expect(problems(suite('  - {name: a, http: /}'), { expectVersion: '1.2' })).toEqual([
    's.yaml:1: expect-version is given, but the suite has no block version that says where the version is told',
  ])
})

test('the input target and variables go over those of the suite', () => {
  const text = `variables: {path: old, other: 1}\n${suite(`  - {name: a, http: "/\${path}"}`)}`
  const { target, variables } = load(text, { target: 'k8s://shop/web:http', variables: { path: 'new' } })
  expect(target?.way).toEqual({ kind: 'cluster', namespace: 'shop', service: 'web', port: 'http' })
  expect([...variables].map(([name, { value }]) => [name, value])).toEqual([
    ['path', 'new'],
    ['other', 1],
  ])
})

test.each([
  ['https://shop.example/a?b', 'https://shop.example/a?b', 'shop.example:443', true],
  ['http://shop.example:8080', 'http://shop.example:8080/', 'shop.example:8080', false],
  ['wss://shop.example/ws', 'https://shop.example/ws', 'shop.example:443', true],
  ['https://[::1]:8443/', 'https://[::1]:8443/', '::1:8443', true],
])('%s leads over the network', (text, href, authority, secure) => {
  const { url, way, secure: encrypted } = readTarget(text)
  expect([url.href, way.kind === 'network' && `${way.address.host}:${way.address.port}`, encrypted]).toEqual([href, authority, secure])
})

test('addresses of clusters', () => {
  expect(readTarget('k8s://shop/web:80/health')).toEqual({
    way: { kind: 'cluster', namespace: 'shop', service: 'web', port: '80' },
    url: new URL('http://web.shop.svc:80/health'),
    secure: false,
  })
  expect(readTarget('k8s+https://shop/web:https').url.href).toBe('https://web.shop.svc/')
  expect(readAddress('k8s://shop/redis:6379').way.kind).toBe('cluster')
  for (const wrong of [
    'k8s://shop/web',
    'k8s://web:80',
    'shop.example',
    'https://',
    'https://user:pw@host/',
    'file:///etc/passwd',
    '//host/x',
  ])
    expect(() => readTarget(wrong)).toThrow(/is not accepted|carries a user|there is no target/)
  for (const wrong of ['host', 'host:99999', ':80', 'a b:80']) expect(() => readAddress(wrong)).toThrow('is not accepted')
  expect(() => readTarget('https://user:pw@host/')).toThrow('https://host carries a user; give it as basic')
})
