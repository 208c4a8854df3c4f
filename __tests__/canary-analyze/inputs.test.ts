import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { parseInputs } from '../../actions/canary-analyze/inputs.ts'
import { InputError } from '../../actions/shared/action/inputs.ts'
import { CERTIFICATE, KEY } from '../smoke-test/certificate.ts'

const workspace = mkdtempSync(join(tmpdir(), 'canary-'))
afterAll(() => rmSync(workspace, { recursive: true }))

const OTHER_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const NOW = Date.UTC(2026, 0, 31, 12)
const read = (given: Record<string, string>, masked: string[] = [], environment: Record<string, string> = {}) =>
  parseInputs(
    {
      ...environment,
      ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    },
    (secret) => masked.push(secret),
    workspace,
    NOW,
  )
const base = { candidate: 'app-green', baseline: 'app-blue', 'prometheus-url': 'http://p:9090' }
const template = JSON.stringify({
  kind: 'AnalysisTemplate',
  spec: {
    args: [{ name: 'token', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
    metrics: [
      {
        name: 'm',
        provider: {
          prometheus: { address: 'http://argo:9090', query: 'x', headers: [{ key: 'Authorization', value: 'Bearer {{args.token}}' }] },
        },
      },
    ],
  },
})
const kayenta = JSON.stringify({
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Kayenta's own placeholder
  metrics: [{ name: 'm', groups: ['g'], query: { customInlineTemplate: 'PromQL:cpu{pod=~"${scope}.*",namespace="${namespace:-shop}"}' } }],
  classifier: { groupWeights: {} },
})

const counted = `kind: AnalysisTemplate
spec:
  metrics:
    - { name: m, interval: 5s, count: 10, provider: { prometheus: { address: 'http://argo:9090', query: up } } }
`

test('the usual', () => {
  const { request, reach, failInconclusive } = read(base)
  expect(request).toMatchObject({
    judge: 'sequential',
    schedule: { replay: undefined, interval: 10_000, longest: 600_000, sampleDelay: 2000, failures: 3 },
  })
  expect(reach).toEqual({
    prometheus: {
      url: 'http://p:9090/',
      shown: 'http://p:9090',
      input: 'prometheus-url',
      headers: {},
      credentials: [],
      tls: {},
      timeout: 30_000,
    },
    service: undefined,
    host: 'p:9090',
  })
  expect(failInconclusive).toBe(true)
})

test('a window of the past, by time or by how long ago', () => {
  const replay = (from: string, to?: string) => read({ ...base, command: 'replay', from, ...(to && { to }) }).request.schedule
  expect(replay('30m').replay).toEqual({ from: NOW - 1_800_000, to: NOW })
  expect(replay('2026-01-31T10:00:00Z', '2026-01-31T12:00:00+01:00')).toMatchObject({
    replay: { from: NOW - 7_200_000, to: NOW - 3_600_000 },
    longest: 3_600_000,
  })
})

describe('credentials', () => {
  test.each([
    ['a token', { 'prometheus-token': 'sesame' }, { authorization: 'Bearer sesame' }, ['sesame']],
    [
      'a user',
      { 'prometheus-username': 'u', 'prometheus-password': 'p-word' },
      { authorization: 'Basic dTpwLXdvcmQ=' },
      ['p-word', 'dTpwLXdvcmQ='],
    ],
    [
      'headers',
      { 'prometheus-headers': 'X-Scope-OrgID: team-7\n\nX-Other: a: b' },
      { 'x-scope-orgid': 'team-7', 'x-other': 'a: b' },
      ['team-7'],
    ],
  ])('%s', (_, given, headers, secrets) => {
    const masked: string[] = []
    expect(read({ ...base, ...given }, masked).reach?.prometheus.headers).toEqual(headers)
    expect(masked).toEqual(expect.arrayContaining(secrets))
  })
  test('a client certificate', () => {
    const given = { 'prometheus-ca': CERTIFICATE, 'prometheus-certificate': CERTIFICATE, 'prometheus-key': KEY }
    const prometheus = read({ ...base, 'prometheus-url': 'https://p', ...given }).reach?.prometheus
    const [cert, key] = [CERTIFICATE.trim(), KEY.trim()]
    expect(prometheus).toMatchObject({ tls: { ca: cert, cert, key }, credentials: ['prometheus-certificate'] })
  })
  test("keys of AWS sign what is sent; they are the environment's, and masked", async () => {
    const masked: string[] = []
    const keys = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'sesame', AWS_SESSION_TOKEN: 'session' }
    const { reach } = read({ ...base, 'prometheus-aws-region': 'eu-central-1' }, masked, keys)
    expect(reach?.prometheus.credentials).toEqual(['prometheus-aws-region'])
    expect(masked).toEqual(expect.arrayContaining(['sesame', 'session']))
    const signed = await reach?.prometheus.sign?.({ method: 'POST', url: new URL('http://p:9090/'), headers: {}, body: '' })
    expect(signed?.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/aps\/aws4_request/)
  })
})

describe('a template', () => {
  const plain = {
    kind: 'AnalysisTemplate',
    spec: { metrics: [{ name: 'm', provider: { prometheus: { address: 'http://argo:9090', query: 'x' } } }] },
  }
  test('its secrets are masked, and go to the address of the input only', () => {
    const masked: string[] = []
    const { request, reach } = read({ config: template, 'secret-args': 'token=sesame', 'prometheus-url': 'http://ours:9090' }, masked)
    expect(request.judge).toBe('threshold')
    expect(reach?.prometheus).toMatchObject({
      url: 'http://ours:9090/',
      input: 'prometheus-url',
      headers: { authorization: 'Bearer sesame' },
    })
    expect(masked).toContain('sesame')
  })
  test('without secrets its own address is used, and told as that of config', () => {
    expect(read({ config: JSON.stringify(plain) }).reach).toMatchObject({
      host: 'argo:9090',
      prometheus: { url: 'http://argo:9090/', input: 'config', headers: {}, credentials: [] },
    })
  })
  test.each([
    [{ 'prometheus-token': 't' }, 'prometheus-token: requires prometheus-url'],
    [{ 'prometheus-username': 'u', 'prometheus-password': 'p' }, 'prometheus-password: requires prometheus-url'],
    [{ 'prometheus-headers': 'X-Scope-OrgID: t' }, 'prometheus-headers: requires prometheus-url'],
    [{ 'prometheus-certificate': CERTIFICATE, 'prometheus-key': KEY }, 'prometheus-certificate: requires prometheus-url'],
    [{ 'prometheus-aws-region': 'eu-central-1' }, 'prometheus-aws-region: requires prometheus-url'],
    [{ 'secret-args': 'token=sesame', config: template }, 'secret-args: requires prometheus-url'],
    [
      { args: 'token=sesame', config: template },
      'prometheus-url: is required with an argument of the AnalysisTemplate that comes from a Secret',
    ],
  ])('%j goes to no address that it names', (given, message) => {
    expect(() => read({ config: JSON.stringify(plain), ...given })).toThrow(message)
  })
  test.each([
    ['http://u:sesame@argo', "config: 'http://***@argo' carries a user; credentials do not belong into a template"],
    [
      'k8s://monitoring/prometheus:9090',
      "its address 'k8s://monitoring/prometheus:9090' is not a URL that begins with http:// or https://",
    ],
    ['argo:9090', "its address 'argo:9090' is not a URL that begins with http:// or https://"],
  ])('the address %s is refused', (address, message) => {
    const metrics = [{ name: 'm', provider: { prometheus: { address, query: 'x' } } }]
    expect(() => read({ config: JSON.stringify({ ...plain, spec: { metrics } }) })).toThrow(message)
  })
  test('metrics with different headers are refused', () => {
    const metrics = ['a', 'b'].map((name) => ({
      name,
      provider: { prometheus: { address: 'http://argo', query: 'x', headers: [{ key: 'X-Scope-OrgID', value: name }] } },
    }))
    expect(() => read({ config: JSON.stringify({ ...plain, spec: { metrics } }) })).toThrow(
      'send different headers: give each an analysis of its own',
    )
  })
})

test('a Prometheus inside of a cluster', () => {
  const { reach, kubeconfig, context } = read({
    ...base,
    'prometheus-url': 'k8s+https://monitoring/prometheus:web/prom/',
    kubeconfig: 'k',
    context: 'c',
  })
  expect(reach).toMatchObject({
    service: { namespace: 'monitoring', service: 'prometheus', port: 'web' },
    host: 'k8s+https://monitoring/prometheus:web',
    prometheus: { url: 'https://prometheus.monitoring.svc/prom/', shown: 'k8s+https://monitoring/prometheus:web/prom' },
  })
  expect([kubeconfig, context]).toEqual(['k', 'c'])
})

test.each([
  ['http://user:pass-word@p:9090', ['user:pass-word', 'pass-word']],
  ['https://user:pass%2Fword@p', ['pass%2Fword', 'pass/word']],
  ['user:pass/word@p', ['pass/word']],
  ['http://user:1/word@p', ['1/word']],
  ['http://a:b@c@p', ['b@c']],
])('the user in %s is masked and not shown', (address, secrets) => {
  const masked: string[] = []
  const given = (): unknown => read({ ...base, 'prometheus-url': address }, masked)
  expect(given).toThrow(/^prometheus-url: '.*\*\*\*@p.*' carries a user; set prometheus-username and prometheus-password instead/)
  for (const secret of secrets) expect(given).not.toThrow(secret)
  expect(masked).toEqual(expect.arrayContaining(secrets))
})

test('a template with a count takes its own time, others the default', () => {
  expect(read({ config: counted }).request.schedule).toMatchObject({ longest: 600_000, longestByDefault: true })
  expect(read({ config: counted, 'max-duration': '45s' }).request.schedule).toMatchObject({ longest: 45_000, longestByDefault: false })
})

test('a Kayenta config', () => {
  expect(read({ ...base, config: kayenta, 'pass-score': '90' }).request).toMatchObject({
    judge: 'mann-whitney',
    scopes: { candidate: 'app-green', baseline: 'app-blue' },
    thresholds: { pass: 90, marginal: 75 },
  })
  const masked: string[] = []
  const { request } = read({ ...base, config: kayenta, 'secret-args': 'namespace=sesame' }, masked)
  expect(masked).toContain('sesame')
  expect(request.judge === 'mann-whitney' && request.config.metrics[0]?.query('a', '')).toBe('cpu{pod=~"a.*",namespace="sesame"}')
})

test('a plan needs no Prometheus', () => {
  expect(read({ command: 'plan', 'plan-requests': '20', 'plan-share': '5%' }).request).toMatchObject({
    judge: 'plan',
    expected: { rps: 20, share: 0.05, rate: 0.005, harmful: 0.015 },
  })
})

test.each<[string, Record<string, string>, string]>([
  ['no candidate', { 'prometheus-url': 'http://p' }, 'candidate: is required'],
  ['no address', { candidate: 'a' }, 'prometheus-url: is required'],
  ['an address that is none', { ...base, 'prometheus-url': 'p:9090' }, "prometheus-url: 'p:9090' is not accepted"],
  ['a side that is none', { ...base, candidate: 'color=green' }, "candidate: 'color=green' is no matcher"],
  ['an address of another kind', { ...base, 'prometheus-url': 'ftp://p' }, "prometheus-url: 'ftp://p' is not accepted"],
  ['a Service without a port', { ...base, 'prometheus-url': 'k8s://monitoring/prometheus' }, 'k8s://namespace/service:port'],
  ['a Service at a port that is none', { ...base, 'prometheus-url': 'k8s://monitoring/prometheus:99999' }, 'is not accepted'],
  ['a fragment', { ...base, 'prometheus-url': 'http://p/#/graph' }, 'it holds a #'],
  [
    'a cluster for an address of the network',
    { ...base, context: 'c' },
    'context: is for source: pods, and for prometheus-url with k8s://',
  ],
  ['the word Bearer', { ...base, 'prometheus-token': 'Bearer abc' }, 'prometheus-token: give it without the word Bearer'],
  ['a token of two words', { ...base, 'prometheus-token': 'a b' }, 'prometheus-token: holds white space'],
  ['a token of white space', { ...base, 'prometheus-token': ' \n' }, 'prometheus-token: holds nothing but white space; is the secret set'],
  ['a user without his password', { ...base, 'prometheus-username': 'u' }, 'it is empty; is the secret set for this environment?'],
  ['a user with a colon', { ...base, 'prometheus-username': 'a:b', 'prometheus-password': 'p' }, 'prometheus-username: holds a colon'],
  [
    'a header without a value',
    { ...base, 'prometheus-headers': 'X-Key: ' },
    'prometheus-headers: the header x-key has no value; is the secret set',
  ],
  ['a header twice', { ...base, 'prometheus-headers': 'X-Key: a\nx-key: b' }, 'prometheus-headers: has x-key twice'],
  ['a header of ours', { ...base, 'prometheus-headers': 'Content-Length: 1' }, 'the header content-length is set by the action itself'],
  [
    'two who ask',
    { ...base, 'prometheus-token': 't', 'prometheus-headers': 'Authorization: Bearer u' },
    'prometheus-headers: has Authorization, which prometheus-token gives as well',
  ],
  [
    'a region and a token',
    { ...base, 'prometheus-token': 't', 'prometheus-aws-region': 'eu-central-1' },
    'prometheus-aws-region: excludes',
  ],
  ['a region that is none', { ...base, 'prometheus-aws-region': 'Frankfurt' }, "prometheus-aws-region: 'Frankfurt' is not accepted"],
  ['a region without keys', { ...base, 'prometheus-aws-region': 'eu-central-1' }, 'aws-actions/configure-aws-credentials'],
  ['a CA that is none', { ...base, 'prometheus-url': 'https://p', 'prometheus-ca': 'CA' }, 'prometheus-ca: holds no certificate'],
  ['a CA without TLS', { ...base, 'prometheus-ca': CERTIFICATE }, 'prometheus-ca: is for prometheus-url with https://'],
  [
    'a key that is none',
    { ...base, 'prometheus-url': 'https://p', 'prometheus-certificate': CERTIFICATE, 'prometheus-key': 'K' },
    'prometheus-key: cannot be read',
  ],
  [
    'the key of another certificate',
    { ...base, 'prometheus-url': 'https://p', 'prometheus-certificate': CERTIFICATE, 'prometheus-key': OTHER_KEY },
    'prometheus-key: is not the key of prometheus-certificate',
  ],
  [
    'both kinds of credentials',
    { ...base, 'prometheus-token': 't', 'prometheus-username': 'u', 'prometheus-password': 'p' },
    'prometheus-token and prometheus-username exclude each other',
  ],
  ['half a user', { ...base, 'prometheus-username': 'u' }, 'prometheus-username and prometheus-password go together'],
  ['half a certificate', { ...base, 'prometheus-url': 'https://p', 'prometheus-certificate': CERTIFICATE }, 'go together'],
  ['a header that is none', { ...base, 'prometheus-headers': 'Bearer secret' }, 'prometheus-headers: a line is not Name: value'],
  ['a header that injects', { ...base, 'prometheus-headers': 'X: a\u0000b' }, 'prometheus-headers:'],
  ['a replay of nothing', { ...base, command: 'replay' }, 'from: is required for replay'],
  ['a time that is none', { ...base, command: 'replay', from: 'yesterday' }, "from: 'yesterday' is not accepted"],
  ['the future', { ...base, command: 'replay', from: '2027-01-01T00:00:00Z' }, 'from:'],
  ['a window of a second', { ...base, command: 'replay', from: '1s' }, 'shorter than one interval'],
  ['a window for live', { ...base, from: '1h' }, 'from and to are for replay only'],
  ['a plan of nothing', { command: 'plan' }, 'plan-requests: is required'],
  ['a file that is not there', { ...base, config: 'no/such.yml' }, 'config: no/such.yml is not there'],
  [
    'a variable without a value',
    { ...base, config: kayenta.replace(':-shop', '') },
    'config: the metric m of the Kayenta config: the variable',
  ],
  ['an argument that no query names', { ...base, config: kayenta, args: 'team=a' }, 'remove team from args'],
  [
    'a score beside those of the config',
    {
      ...base,
      config: kayenta.replace('"groupWeights":{}', '"groupWeights":{},"scoreThresholds":{"pass":80,"marginal":60}'),
      'pass-score': '90',
    },
    'pass-score: is for a Kayenta config without scoreThresholds, and this one passes from 80 on',
  ],
  [
    'a marginal score beside those of the config',
    {
      ...base,
      config: kayenta.replace('"groupWeights":{}', '"groupWeights":{},"scoreThresholds":{"pass":80,"marginal":60}'),
      'marginal-score': '50',
    },
    'marginal-score: is for a Kayenta config without scoreThresholds; in this one 60 is marginal',
  ],
  ['a window shorter than a step', { ...base, config: kayenta, 'max-duration': '5s' }, 'max-duration: 5s is shorter than interval, 10s'],
  [
    'a Kayenta config without a classifier',
    { ...base, config: kayenta.replace('classifier', 'description') },
    'classifier is missing: a map is wanted',
  ],
  ['scopes that are the same', { ...base, baseline: base.candidate, config: kayenta }, 'it cannot tell them apart'],
  [
    "a request to Kayenta's API",
    { ...base, config: '{"canaryConfig": {}, "executionRequest": {}}' },
    "config: this is a request to Kayenta's API",
  ],
  ['arguments without a template', { ...base, args: 'a=b' }, 'args: is for an AnalysisTemplate or a Kayenta config only'],
  ['an argument that is none', { ...base, config: template, args: 'token' }, 'args: item 1 is not accepted: name=value'],
  ['a secret that is none', { ...base, config: template, 'secret-args': 'sesame' }, 'secret-args: item 1 is not accepted: name=value'],
  ['a file outside of the workspace', { ...base, config: '../canary.yml' }, 'config: ../canary.yml is outside of the workspace'],
  ['a history outside of the workspace', { ...base, history: '../history.json' }, 'history: ../history.json is outside of the workspace'],
  [
    'a plan for a template',
    { command: 'plan', 'plan-requests': '20', config: template, args: 'token=t' },
    'command: plan is for configurations',
  ],
  ['a plan for a Kayenta config', { command: 'plan', 'plan-requests': '20', config: kayenta }, 'command: plan is for configurations'],
  ['a secret that is missing', { config: template }, 'config: the argument token of the AnalysisTemplate has no value'],
  ['a limit below what a template takes', { config: counted, 'max-duration': '12s' }, 'max-duration: 12s is not enough'],
  ['a window below what a template takes', { config: counted, command: 'replay', from: '30s' }, 'from: 30s is not enough'],
  ['several templates', { config: `${counted}---\n${counted}` }, 'config: the file holds several templates'],
  ['scores upside down', { ...base, 'pass-score': '50' }, 'marginal-score: is above pass-score'],
  ['a number that is none', { ...base, failures: 'NaN' }, "failures: 'NaN' is not accepted"],
  ['an interval without a unit', { ...base, interval: '10' }, "interval: '10' is not accepted"],
])('%s', (_, given, message) => {
  expect(() => read(given)).toThrow(InputError)
  expect(() => read(given)).toThrow(message)
})

describe('straight from the pods', () => {
  const pods = { source: 'pods', candidate: 'app-green' }
  test('without any Prometheus, and with as little as can be', () => {
    const inputs = read(pods)
    expect(inputs).toMatchObject({ request: { judge: 'sequential' }, reach: undefined })
    expect(inputs.pods).toEqual({
      kubeconfig: undefined,
      context: undefined,
      namespace: undefined,
      path: undefined,
      port: undefined,
      apiTimeout: 30_000,
      timeout: 10_000,
    })
    expect(read(base).pods).toBeUndefined()
  })
  test('where they are, and their metrics', () => {
    const masked: string[] = []
    const given = {
      kubeconfig: 'apiVersion: v1\nkind: Config',
      context: 'c',
      namespace: 'shop',
      'metrics-path': '/m?x=1',
      'metrics-port': 'http-8',
    }
    expect(read({ ...pods, ...given, 'query-timeout': '3s' }, masked).pods).toEqual({
      kubeconfig: given.kubeconfig,
      context: 'c',
      namespace: 'shop',
      path: '/m?x=1',
      port: 'http-8',
      apiTimeout: 3_000,
      timeout: 3_000,
    })
    expect(masked).toEqual([given.kubeconfig])
    expect(read({ ...pods, config: JSON.stringify({ metrics: [{ preset: 'restarts' }, { preset: 'http' }] }) }).pods).toBeDefined()
    expect(read({ ...pods, command: 'plan', 'plan-requests': '20' }).request.judge).toBe('plan')
  })
  test.each<[string, Record<string, string>, string]>([
    ['replay', { command: 'replay', from: '30m' }, 'command: replay needs source: prometheus'],
    ['an address', { 'prometheus-url': 'http://p:9090' }, 'prometheus-url: is for source: prometheus, and source is pods'],
    ['a credential', { 'prometheus-token': 'sesame' }, 'prometheus-token: is for source: prometheus'],
    ['a template', { config: template, 'secret-args': 'token=x' }, 'source: an AnalysisTemplate needs Prometheus'],
    ['a Kayenta config', { config: kayenta, baseline: 'app-blue' }, 'source: a Kayenta config needs Prometheus'],
    [
      'a query',
      { config: JSON.stringify({ metrics: [{ preset: 'http' }, { preset: 'saturation' }] }) },
      'source: the metric cpu saturation, of the kind value, needs Prometheus',
    ],
    ['a path that leads elsewhere', { 'metrics-path': '/a/../b' }, "metrics-path: '/a/../b' is not accepted"],
    ['a port that is none', { 'metrics-port': '65536' }, "metrics-port: '65536' is not accepted: 65535 is the highest port"],
    ['a name that no port has', { 'metrics-port': 'Web_1' }, "metrics-port: 'Web_1' is not accepted"],
    ['a namespace that is none', { namespace: 'a.b' }, "namespace: 'a.b' is not accepted"],
    ['another source', { source: 'files' }, "source: 'files' is not accepted: one of prometheus, pods"],
  ])('%s is refused', (_, given, message) => {
    expect(() => read({ ...pods, ...given })).toThrow(message)
  })
  test.each(['kubeconfig', 'context', 'namespace', 'metrics-path', 'metrics-port'])('%s is for them alone', (name) => {
    expect(() => read({ ...base, [name]: '/x'.slice(name === 'metrics-path' ? 0 : 1) })).toThrow(`${name}: is for source: pods, and `)
  })
})
