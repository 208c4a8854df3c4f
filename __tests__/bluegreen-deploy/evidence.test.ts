import { expect, test } from '@jest/globals'
import { outputsOf, reportOf } from '../../actions/bluegreen-deploy/evidence.ts'
import type { Ledger } from '../../actions/bluegreen-deploy/ledger/store.ts'
import { type ReleaseResult, result } from '../../actions/bluegreen-deploy/result.ts'
import { reportSchema } from '../../actions/shared/report/report.ts'
import { FRAME } from '../support/report.ts'
import { DEFAULTS } from './stage.ts'

const entry = (revision: number, digests: string[]): Ledger['history'][0] => ({
  revision,
  color: 'green',
  outcome: 'released',
  digest: 'sha256:x',
  images: [`web:v${revision}`],
  digests,
  started: '',
  finished: '',
  run: '',
})

const ledger: Ledger = {
  version: 1,
  release: 'web',
  generation: 3,
  revision: 2,
  active: { color: 'green', revision: 2 },
  warm: { color: 'blue', revision: 1 },
  operation: null,
  history: [entry(2, ['web@sha256:2']), entry(1, [])],
  forgotten: [],
}
const released: ReleaseResult = { ...result(ledger, 'green'), outcome: 'passed', headline: 'Revision 2 released', switched: true }

function report(change: Partial<ReleaseResult> = {}, config = {}) {
  const made = reportOf({ ...released, ...change }, { ...DEFAULTS, ...config })
  return { ...made, fact: (name: string) => made.facts.find((fact) => fact.name === name)?.value }
}

test('a release becomes a report that its schema knows', () => {
  const { fact: _, ...made } = report()
  expect(reportSchema.parse({ ...FRAME, ...(JSON.parse(JSON.stringify(made)) as object) })).toMatchObject({
    outcome: 'passed',
    headline: 'Revision 2 released',
  })
  expect(made.facts.map(({ name, value }) => `${name}: ${value}`)).toEqual([
    'Release: web in namespace shop',
    'Command: deploy',
    'Revision: 2',
    'Serves: green',
    'Kept warm: blue',
    'Traffic: moved to the candidate',
    'Images: web@sha256:2',
  ])
})

test('images are what ran, else what was asked for, else not said', () => {
  expect([1, 2, 9].map((revision) => report({ revision }).fact('Images'))).toEqual(['web:v1', 'web@sha256:2', undefined])
})

test.each([
  [true, true, 'moved to the candidate, and back'],
  [true, false, 'moved to the candidate'],
  [false, true, 'taken back'],
  [false, false, 'not moved'],
])('traffic that was switched (%j) and taken back (%j) was %s', (switched, rolledBack, text) => {
  expect(report({ switched, rolledBack }).fact('Traffic')).toBe(text)
})

test('a dry run says so and shows what changes, before all other evidence', () => {
  const changes = [
    { object: 'ConfigMap/web', lines: ['data.A: 1 -> 2', 'data.B: 3 -> 4'] },
    { object: 'Service/web', lines: ['new'] },
  ]
  const { evidence, fact, data } = report({ changes }, { dryRun: true })
  expect(fact('Command')).toBe('deploy (dry run)')
  expect(evidence?.[0]).toEqual({
    title: 'What changes',
    text: 'ConfigMap/web data.A: 1 -> 2\nConfigMap/web data.B: 3 -> 4\nService/web new',
  })
  expect(data).toMatchObject({ changes, ledger: { active: ledger.active } })
})

test('a color that nothing has is an empty output, and a word in the report', () => {
  const before: Ledger = { ...ledger, active: null, warm: null, revision: 0, history: [] }
  const none = result(before, undefined)
  expect(outputsOf({ ...released, ...none }, 12.4)).toEqual({
    'active-color': '',
    'previous-color': '',
    revision: '0',
    switched: 'false',
    'rolled-back': 'false',
    reason: '',
    duration: '12',
  })
  const { fact } = report(none)
  expect([fact('Serves'), fact('Kept warm')]).toEqual(['nothing', 'nothing'])
  // A Service that selects a color of which the ledger knows nothing.
  expect(result(before, 'blue').activeColor).toBe('blue')
})
