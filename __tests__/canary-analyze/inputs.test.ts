import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { parseInputs } from '../../actions/canary-analyze/inputs.ts'
import { InputError } from '../../actions/shared/action/inputs.ts'

const workspace = mkdtempSync(join(tmpdir(), 'canary-'))
afterAll(() => rmSync(workspace, { recursive: true }))

const NOW = Date.UTC(2026, 0, 31, 12)
const read = (given: Record<string, string>, masked: string[] = []) =>
  parseInputs(
    Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
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
const kayenta = JSON.stringify({ metrics: [{ name: 'm', groups: ['g'], query: { metricName: 'cpu' } }], classifier: { groupWeights: {} } })

const counted = `kind: AnalysisTemplate
spec:
  metrics:
    - { name: m, interval: 5s, count: 10, provider: { prometheus: { address: 'http://argo:9090', query: up } } }
`

test('the usual', () => {
  const { request, prometheus, failInconclusive } = read(base)
  expect(request).toMatchObject({
    judge: 'sequential',
    schedule: { replay: undefined, interval: 10_000, longest: 600_000, sampleDelay: 2000, failures: 3 },
  })
  expect(prometheus).toEqual({ url: 'http://p:9090', headers: {}, tls: {}, timeout: 30_000 })
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
    expect(read({ ...base, ...given }, masked).prometheus.headers).toEqual(headers)
    expect(masked).toEqual(expect.arrayContaining(secrets))
  })
  test('a client certificate', () => {
    expect(read({ ...base, 'prometheus-ca': 'CA', 'prometheus-certificate': 'C', 'prometheus-key': 'K' }).prometheus.tls).toEqual({
      ca: 'CA',
      cert: 'C',
      key: 'K',
    })
  })
})

test('a template: its address, its headers, its secrets', () => {
  const masked: string[] = []
  const { request, prometheus } = read({ config: template, 'secret-args': 'token=sesame' }, masked)
  expect(request.judge).toBe('threshold')
  expect([prometheus.url, prometheus.headers]).toEqual(['http://argo:9090', { authorization: 'Bearer sesame' }])
  expect(masked).toContain('sesame')
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
  [
    'both kinds of credentials',
    { ...base, 'prometheus-token': 't', 'prometheus-username': 'u', 'prometheus-password': 'p' },
    'prometheus-token and prometheus-username exclude each other',
  ],
  ['half a user', { ...base, 'prometheus-username': 'u' }, 'prometheus-username and prometheus-password go together'],
  ['half a certificate', { ...base, 'prometheus-certificate': 'c' }, 'go together'],
  ['a header that is none', { ...base, 'prometheus-headers': 'Bearer secret' }, 'prometheus-headers: a line is not Name: value'],
  ['a header that injects', { ...base, 'prometheus-headers': 'X: a\u0000b' }, 'prometheus-headers:'],
  ['a replay of nothing', { ...base, command: 'replay' }, 'from: is required for replay'],
  ['a time that is none', { ...base, command: 'replay', from: 'yesterday' }, "from: 'yesterday' is not accepted"],
  ['the future', { ...base, command: 'replay', from: '2027-01-01T00:00:00Z' }, 'from:'],
  ['a window of a second', { ...base, command: 'replay', from: '1s' }, 'shorter than one interval'],
  ['a window for live', { ...base, from: '1h' }, 'from and to are for replay only'],
  ['a plan of nothing', { command: 'plan' }, 'plan-requests: is required'],
  ['a file that is not there', { ...base, config: 'no/such.yml' }, 'config: no/such.yml is not there'],
  ['arguments without a template', { ...base, args: 'a=b' }, 'args: is for an AnalysisTemplate only'],
  ['an argument that is none', { config: template, args: 'token' }, 'args: item 1 is not accepted: name=value'],
  ['a secret that is none', { config: template, 'secret-args': 'sesame' }, 'secret-args: item 1 is not accepted: name=value'],
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
    expect(inputs).toMatchObject({ request: { judge: 'sequential' }, prometheus: { url: '' } })
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
    expect(() => read({ ...base, [name]: '/x'.slice(name === 'metrics-path' ? 0 : 1) })).toThrow(
      `${name}: is for source: pods, and source is prometheus`,
    )
  })
})
