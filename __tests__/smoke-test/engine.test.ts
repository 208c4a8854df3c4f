import { expect, test } from '@jest/globals'
import { reportSchema } from '../../actions/shared/report/report.ts'
import { createStory } from '../../actions/shared/report/story.ts'
import { loadSuite, runSuite } from '../../actions/smoke-test/engine.ts'
import { annotationsOf, outputsOf, reportOf } from '../../actions/smoke-test/evidence.ts'
import { Fault, type Word } from '../../actions/smoke-test/fault.ts'
import { parseInputs } from '../../actions/smoke-test/inputs.ts'
import { junit } from '../../actions/smoke-test/junit.ts'
import type { Probe } from '../../actions/smoke-test/probe.ts'
import { TestClock } from '../support/clock.ts'
import { FRAME } from '../support/report.ts'

const SUITE = `target: https://shop.example
deadline: 40s
checks:
  - {name: web, http: /, capture: {token: {json: $.token, secret: true}, id: {json: $.id}}}
  - {name: db, tcp: "db:5432"}
  - {name: orders, http: "/orders/\${id}"}
`

/** Runs the suite; `say` gives the word of each attempt that does not pass. */
async function run(say: (name: string, attempt: number) => Word | undefined) {
  const clock = new TestClock()
  const lines: string[] = []
  const masked: string[] = []
  const counts: Record<string, number> = {}
  const sink = {
    phase: () => undefined,
    line: ({ text, level }: { text: string; level: string }) => void lines.push(`${level} ${text}`),
    untrusted: () => undefined,
  }
  const story = createStory(() => clock.now(), sink)
  const probe: Probe = async ({ spec: { name } }) => {
    counts[name] = (counts[name] ?? 0) + 1
    await clock.sleep(10)
    const word = say(name, counts[name])
    const fault = word && new Fault(word, 'answer', `it is <${word}>`, { shown: `answer & of ${name}\u0007` })
    return { fault, said: 'fine', captured: new Map(Object.entries({ token: 's3cr3t', id: 7 })), stages: 'answer 10ms', milliseconds: 10 }
  }
  const suite = loadSuite(SUITE, { file: 'smoke.yaml', read: () => '' })
  const ports = {
    clock,
    story,
    signal: new AbortController().signal,
    network: { forward: undefined, environment: {} },
    mask: (secret: string) => masked.push(secret),
    probe,
  }
  const result = await runSuite(suite, ports)
  const report = { ...FRAME, ...reportOf(result, { file: 'smoke.yaml', target: 'https://shop.example' }) }
  return { result, report: reportSchema.parse(report), story, lines, masked, outputs: outputsOf(result) }
}

test('all passed, and only the secret is masked', async () => {
  const { result, lines, masked, outputs } = await run((name, n) => (name === 'db' && n < 3 ? 'refused' : undefined))
  expect([result.outcome, result.headline, result.reason]).toEqual(['passed', '3 checks passed, 1 of them only after failed attempts', ''])
  expect(outputs).toEqual({ verdict: 'healthy', 'passed-checks': '3', 'failed-checks': '0', 'skipped-checks': '0' })
  expect(masked).toEqual(['s3cr3t'])
  expect(lines).toEqual([
    'good web: fine (answer 10ms)',
    'warning db, attempt 1: refused: it is <refused>; again in 1s',
    'good orders: fine (answer 10ms)',
    'warning db: fine (answer 10ms) after 3 attempts in 3s, 2 times refused',
  ])
})

test('a service that is bad is failed, whatever else is unreachable', async () => {
  const { result, report, story, outputs, lines } = await run((name) => (name === 'web' ? 'status' : name === 'db' ? 'refused' : undefined))
  expect([result.outcome, result.headline]).toEqual(['failed', 'Unhealthy: web, 1 of 3 checks failed, 1 were not run'])
  expect(result.reason.split('\n')).toEqual([
    expect.stringMatching(/^web \(line 4\) is unhealthy, status, in \d+ attempts: it is <status>$/),
    expect.stringMatching(/^db \(line 5\) is unreachable, refused, in \d+ attempts: it is <refused>$/),
  ])
  expect(outputs).toMatchObject({ verdict: 'unhealthy', 'passed-checks': '0', 'failed-checks': '2', 'skipped-checks': '1' })
  expect(story.kept.map(({ title }) => title)).toEqual(['web: what came back', 'db: what came back'])
  expect(report.facts.find(({ name }) => name === 'orders')?.value).toBe('⏭️ not run: web did not pass')
  expect(annotationsOf(result, 'smoke.yaml').map(({ line, title }) => [line, title])).toEqual([
    [4, 'web is unhealthy (status)'],
    [5, 'db is unreachable (refused)'],
  ])
  // A wait says for what.
  expect(lines).toContainEqual('info waiting for web, db, orders; 25s left')
  expect(lines.at(-1)).toMatch(/^(warning orders was not run|bad db is unreachable)/)
})

test('only a way that does not lead there says nothing about the service', async () => {
  const { result, outputs } = await run((name) => (name === 'db' ? 'dns' : undefined))
  expect([result.outcome, outputs.verdict]).toEqual(['error', 'unreachable'])
  expect(result.headline).toBe('Unreachable from here: db, 1 of 3 checks did not get through')
})

test('JUnit has every check, escaped and without secrets', async () => {
  const { result } = await run((name) => (name === 'web' ? 'status' : name === 'db' ? 'refused' : undefined))
  const started = new Date('2026-01-01T00:00:00Z')
  const xml = junit(result.results, { file: 'a&b.yaml', started, milliseconds: 40_000, redact: (text) => text.replaceAll('answer', '***') })
  expect(xml.replace(/time="[\d.]+"/g, 'time=""').replace(/attempts: \d+/g, 'attempts: n')).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="smoke-test" tests="3" failures="1" errors="1" skipped="1" time="">
  <testsuite name="a&#38;b.yaml" timestamp="2026-01-01T00:00:00" tests="3" failures="1" errors="1" skipped="1" time="">
    <testcase name="web" classname="a&#38;b.yaml" file="a&#38;b.yaml" line="4" time=""><failure type="status" message="it is &#60;status&#62;">*** &#38; of web␇</failure><system-out>attempts: n; answer 10ms</system-out></testcase>
    <testcase name="db" classname="a&#38;b.yaml" file="a&#38;b.yaml" line="5" time=""><error type="refused" message="it is &#60;refused&#62;">*** &#38; of db␇</error><system-out>attempts: n; answer 10ms</system-out></testcase>
    <testcase name="orders" classname="a&#38;b.yaml" file="a&#38;b.yaml" line="6" time=""><skipped message="web did not pass"/><system-out>attempts: n; </system-out></testcase>
  </testsuite>
</testsuites>
`)
})

test('inputs become one config, and secrets are masked one by one', () => {
  const masked: string[] = []
  const parse = (given: Record<string, string>) => parseInputs({ INPUT_SUITE: 's.yaml', ...given }, (secret) => masked.push(secret))
  expect(
    parse({ 'INPUT_EXPECT-VERSION': '1.2', INPUT_VARIABLES: 'a=1\nb = x=y', INPUT_SECRETS: 'pw= p w \n\nkey=k', INPUT_DEADLINE: '90s' }),
  ).toEqual({
    suite: 's.yaml',
    target: undefined,
    expectVersion: '1.2',
    variables: { a: '1', b: 'x=y', pw: 'p w', key: 'k' },
    deadline: 90_000,
    kubeconfig: undefined,
    context: undefined,
    junit: undefined,
    html: false,
  })
  expect(masked).toEqual(expect.arrayContaining(['p w', 'k']))
  expect(() => parse({ INPUT_SECRETS: 'just a secret' })).toThrow('secrets: item 1 is not accepted: name=value')
  expect(() => parse({ INPUT_SECRETS: 'just a secret' })).not.toThrow('just a secret')
  expect(() => parse({ INPUT_VARIABLES: 'a=1\na=2' })).toThrow('variables: a is there twice')
  expect(() => parse({ INPUT_VARIABLES: 'a=1', INPUT_SECRETS: 'a=2' })).toThrow('secrets: a is in variables as well')
  expect(() => parse({ INPUT_TARGET: 'shop.example' })).toThrow("target: 'shop.example' is not accepted: https://host/path")
  expect(() => parse({ INPUT_DEADLINE: '5' })).toThrow("deadline: '5' is not accepted: a duration")
})
