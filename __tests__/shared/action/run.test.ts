import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { runUrl } from '../../../actions/shared/action/run.ts'
import { type Report, reportSchema } from '../../../actions/shared/report/report.ts'
import { annotations, runStep, type StepResult } from './step.ts'

const report = ({ outputs }: StepResult): Report => reportSchema.parse(JSON.parse(readFileSync(outputs.report ?? '', 'utf8')))

const github = { GITHUB_SERVER_URL: 'https://ghes.example', GITHUB_REPOSITORY: 'o/r', GITHUB_RUN_ID: '7', GITHUB_RUN_ATTEMPT: '2' }

test.concurrent('a passed run: groups, outputs, summary, report, state', async () => {
  const step = await runStep('outcome', { OUTCOME: 'passed', HTML: 'true', ...github })
  expect(step.lines.map((line) => line.replace(/^\d\d:\d\d:\d\d/, 'hh:mm:ss').replace(/\(\d.*\)$/, '(time)'))).toEqual([
    'hh:mm:ss   before',
    '::group::prepare',
    'hh:mm:ss ✓ applied',
    '::endgroup::',
    '::group::verify',
    'hh:mm:ss ! slow',
    '::endgroup::',
    'passed: The headline (time)',
  ])
  expect(step.code).toBe(0)
  expect(step.outputs).toEqual({
    plan: 'two\nlines',
    outcome: 'passed',
    headline: 'The headline',
    reason: '',
    duration: expect.stringMatching(/^\d+$/),
    report: expect.any(String),
    'html-report': expect.any(String),
  })
  expect(step.state).toEqual({ lease: 'held\nsince' })
  expect(step.summary).toMatch(
    /^## ✅ demo: passed\n[\s\S]*\[the workflow run\]\(https:\/\/ghes\.example\/o\/r\/actions\/runs\/7\/attempts\/2\)/,
  )
  expect(report(step)).toMatchObject({
    outcome: 'passed',
    run: { url: 'https://ghes.example/o/r/actions/runs/7/attempts/2' },
    timeline: [{}, {}, { phase: 'verify' }],
  })
  expect(step.outputs.report?.startsWith(`${step.temp}/runner/demo-report-`)).toBe(true)
  expect(readFileSync(step.outputs['html-report'] ?? '', 'utf8')).toContain('<!doctype html>')
})

test.concurrent.each([
  ['failed', {}, 1, ['error (demo: failed): The headline\nThe reason']],
  ['error', {}, 1, ['error (demo: error): The headline\nThe reason']],
  ['inconclusive', {}, 0, ['warning (demo: inconclusive): The headline\nThe reason']],
  ['inconclusive', { EXIT: 'failure' }, 1, ['warning (demo: inconclusive): The headline\nThe reason']],
  ['failed', { EXIT: 'success' }, 0, ['error (demo: failed): The headline\nThe reason']],
])('%s %j exits %d', async (OUTCOME, env, code, said) => {
  const step = await runStep('outcome', { OUTCOME, ...env })
  expect([step.code, annotations(step), step.outputs.outcome]).toEqual([code, said, OUTCOME])
  expect(report(step).outcome).toBe(OUTCOME)
})

test.concurrent('no foreign text is a command, and no secret leaves', async () => {
  const step = await runStep('hostile', {})
  expect(step.commands.map(({ name }) => name.replace(/^[0-9a-f-]{36}$/, 'token'))).toEqual([
    'add-mask',
    'group',
    'stop-commands',
    'token',
    'endgroup',
    'error',
    'error',
  ])
  const files = [
    step.summary,
    ...['report', 'html-report'].map((output) => readFileSync(step.outputs[output] ?? '', 'utf8')),
    readFileSync(`${step.temp}/out.txt`, 'utf8'),
    ...['answer', 'headline', 'reason'].map((output) => step.outputs[output] ?? ''),
    ...Object.values(step.state),
  ]
  for (const text of [step.lines.slice(1).join('\n'), ...files]) {
    expect(text.match(/hunter2|s3cr3t/g)).toBeNull()
    expect(text.match(/planted/)).not.toBeNull()
    expect(text.match(/(?![\n\t])\p{Cc}|\u202e|\u200b/u)).toBeNull()
  }
  expect(step.lines.some((line) => line.includes('##['))).toBe(false)
  expect(step.lines.join('\n').length).toBeLessThan(100_000)
  // What others print is there, and is a line of ours.
  for (const said of ['Warning: w-planted', 'e-planted', 'o-planted', 'r-planted', 'Keys with collection values'])
    expect(step.lines).toContainEqual(expect.stringMatching(new RegExp(`^│ .*${said}`)))
  expect(step.lines.filter((line) => line.includes('w-planted'))).toHaveLength(1)
  expect(JSON.stringify(report(step).data)).toContain('1970-01-01T00:00:00.000Z')
})

test.concurrent.each([
  ['throw', 'Stopped by an error', 'GET https://x: 500 ::error::x\ncaused by: both failed; refused; no route'],
  ['throw-text', 'Stopped by an error', 'only text'],
  ['stall', 'Stopped by an error', 'the work stopped without a result: nothing was left to wait for'],
  ['crash', 'Stopped by an error', 'crashed beside the work'],
  ['rejection', 'Stopped by an error', 'nobody waited for this'],
])(
  '%s is an error with its reason',
  async (TROUBLE, headline, reason) => {
    const step = await runStep('trouble', { TROUBLE })
    expect(annotations(step)).toEqual([`error (demo: error): ${headline}\n${reason}`])
    expect([step.code, step.outputs.outcome, report(step).headline, report(step).reason]).toEqual([1, 'error', headline, reason])
    expect(step.summary).toContain('## 🚨 demo: error')
  },
  15_000,
)

test.concurrent('wrong input says so, in the annotation and in the report', async () => {
  const step = await runStep('trouble', { TROUBLE: 'input', INPUT_COUNT: 'many' })
  expect(annotations(step)).toEqual([
    "error (demo: error (input)): Wrong input: nothing was done\ncount: 'many' is not accepted: a whole number\nname: is required: one line of text",
  ])
  expect(step.code).toBe(1)
  expect(report(step).data).toEqual({ inputs: [expect.objectContaining({ input: 'count' }), expect.objectContaining({ input: 'name' })] })
})

test.concurrent.each([
  ['cancel-obedient', ['SIGINT'], 'error (demo: failed): Cancelled: traffic is back on blue\nThe reason'],
  ['cancel-throws', ['SIGTERM'], 'error (demo: error (cancelled)): Cancelled before it was done\ncancelled by SIGTERM'],
  [
    'cancel-stubborn',
    ['SIGINT', 'SIGTERM'],
    'error (demo: error (cancelled)): Cancelled before it was done\ncancelled by SIGTERM; the work did not stop in time',
  ],
] as const)(
  '%s after %j still gives a report',
  async (TROUBLE, signals, said) => {
    const step = await runStep('trouble', { TROUBLE }, [...signals])
    expect(annotations(step)).toEqual([said])
    expect([step.code, report(step).action]).toEqual([1, 'demo'])
  },
  15_000,
)

test.concurrent('a post step with nothing to say says nothing', async () => {
  const step = await runStep('trouble', { TROUBLE: 'nothing' })
  expect([step.code, step.lines, step.outputs, step.summary]).toEqual([0, [], {}, ''])
})

test.concurrent('a handle that a library left open does not hold the job', async () => {
  const step = await runStep('trouble', { TROUBLE: 'open-handle' })
  expect(step.code).toBe(0)
}, 15_000)

test.concurrent('what cannot be written is said, and does not change the verdict', async () => {
  const noSummary = await runStep('outcome', { OUTCOME: 'passed', GITHUB_STEP_SUMMARY: '/nowhere/summary' })
  expect(annotations(noSummary)).toEqual([
    expect.stringMatching(/^warning \(demo: report\): The job summary could not be written: .*nowhere/),
  ])
  expect([noSummary.code, noSummary.outputs.outcome]).toEqual([0, 'passed'])

  const noReport = await runStep('outcome', { OUTCOME: 'failed', RUNNER_TEMP: '/nowhere' })
  expect(annotations(noReport)).toEqual([
    expect.stringMatching(/^warning \(demo: report\): The report could not be written: /),
    expect.stringMatching(/^error \(demo: failed\)/),
  ])
  expect([noReport.code, noReport.outputs]).toMatchObject([1, { plan: 'two\nlines', outcome: 'failed', report: '', 'html-report': '' }])

  const noData = await runStep('trouble', { TROUBLE: 'no-json' })
  expect(annotations(noData)).toEqual([
    expect.stringMatching(/^warning \(demo: report\): The report goes without its data, which is not JSON/),
  ])
  expect([noData.code, report(noData).data]).toEqual([0, null])
})

test.concurrent('further files and annotations at a line', async () => {
  const step = await runStep('outcome', { OUTCOME: 'failed', FILES: 'true' })
  expect(readFileSync(`${step.temp}/out/deep/junit.xml`, 'utf8')).toBe('<x/>')
  expect(annotations(step)).toEqual([
    expect.stringMatching(/^warning \(demo: report\): \/dev\/null\/x could not be written/),
    'error (check a): it is # #[bad]',
    'error (demo: failed): The headline\nThe reason',
  ])
  expect(step.commands.find(({ properties }) => properties.title === 'check a')?.properties).toMatchObject({
    file: 'suite.yaml',
    line: '7',
  })
})

test.concurrent('outputs that later steps would miss fail the step', async () => {
  const step = await runStep('outcome', { OUTCOME: 'passed', GITHUB_OUTPUT: '/nowhere/output' })
  expect(step.code).toBe(1)
  expect(annotations(step)).toContainEqual(expect.stringMatching(/^warning \(demo: report\): The output outcome could not be written/))
})

test.concurrent('a log that nobody reads any more is no error: the work goes on, and its outcome stays', async () => {
  const step = await runStep('trouble', { TROUBLE: 'unread' }, [], 'ready\n')
  expect([step.code, step.outputs.outcome, step.outputs.headline, report(step).timeline.length]).toEqual([0, 'passed', 'The headline', 500])
})

test('the address of a run', () => {
  expect(runUrl(github)).toBe('https://ghes.example/o/r/actions/runs/7/attempts/2')
  expect(runUrl({ ...github, GITHUB_RUN_ATTEMPT: '' })).toBe('https://ghes.example/o/r/actions/runs/7')
  expect(runUrl({})).toBeUndefined()
})
