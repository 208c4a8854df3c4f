import { expect, test } from '@jest/globals'
import { type ReleaseResult, resultOf } from '../../actions/bluegreen-deploy/commands/result.ts'
import { exitOf, outputsOf, reportOf } from '../../actions/bluegreen-deploy/evidence.ts'
import { emptyLedger, type HistoryEntry, type Ledger } from '../../actions/bluegreen-deploy/ledger/schema.ts'
import type { Plan } from '../../actions/bluegreen-deploy/machine/plan.ts'
import { reportSchema } from '../../actions/shared/report/report.ts'
import { FRAME } from '../support/report.ts'
import { operation } from './ledger/kept.ts'
import { revisionOf } from './room.ts'
import { app, configOf, type Flat } from './stage.ts'

const entry = (revision: number, digests: string[]): HistoryEntry => ({
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
  ...emptyLedger('web'),
  generation: 3,
  revision: 2,
  active: { color: 'green', revision: 2 },
  warm: { color: 'blue', revision: 1 },
  history: [entry(2, ['web@sha256:2']), entry(1, [])],
}
const released: ReleaseResult = { ...resultOf(ledger, 'green'), outcome: 'passed', headline: 'Revision 2 released', switched: true }

function report(change: Partial<ReleaseResult> = {}, config: Partial<Flat> = {}) {
  const made = reportOf({ ...released, ...change }, configOf('deploy', config))
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

test('the steps are shown: of a dry run what would be done and what takes it back, of a run what was done', () => {
  const step = (id: string, describe: string) => ({ id, phase: 'shift' as const, describe, undo: 'x', run: async () => undefined })
  const sides = { candidate: { color: 'green', revision: 2 }, stable: null, replaces: null } as const
  const plan: Plan = { ...sides, steps: [step('shift.a', 'do a'), step('shift.b', 'do b')], wayBack: [step('rollback.c', 'undo it')] }
  const dry = report({ plan }, { dryRun: true })
  expect(dry.evidence).toEqual([{ title: 'What would be done', text: 'shift: do a\nshift: do b\nway back: undo it' }])
  expect(dry.data).toMatchObject({ plan: { steps: [{ id: 'shift.a', phase: 'shift', describe: 'do a', undo: 'x' }, { id: 'shift.b' }] } })
  const done = [{ id: 'shift.a', describe: 'do a' }]
  expect(report({ plan, done }).evidence).toEqual([{ title: 'What was done', text: 'shift.a: do a' }])
  expect(report({ plan: { ...plan, steps: [], wayBack: [] } }, { dryRun: true }).evidence).toEqual([])
})

test('a color that nothing has is an empty output, and a word in the report', () => {
  const before: Ledger = { ...ledger, active: null, warm: null, revision: 0, history: [] }
  const none = resultOf(before, undefined)
  expect(outputsOf({ ...released, ...none, switched: false }, configOf('status'))).toEqual({
    'active-color': '',
    'previous-color': '',
    revision: '0',
    switched: 'false',
    'rolled-back': 'false',
    workloads: '[]',
    candidate: '',
    baseline: '',
    preview: '',
  })
  const { fact } = report(none)
  expect([fact('Serves'), fact('Kept warm')]).toEqual(['nothing', 'nothing'])
  // A Service that selects a color of which the ledger knows nothing.
  expect(resultOf(before, 'blue').activeColor).toBe('blue')
})

const prepared = (revision: number): Ledger => ({ ...ledger, operation: { ...operation(revision), phase: 'prepared' } })
const outputs = (change: Partial<ReleaseResult>) => outputsOf({ ...released, ...change }, configOf('deploy'))
/** Whether the matcher of an output fits a pod, as Prometheus anchors it. */
const fits = (matcher: string, pod: string): boolean => new RegExp(`^(?:${/pod=~"([^"]*)"/.exec(matcher)?.[1]})$`).test(pod)

test('the only workload is the candidate; its matcher fits its own pods and no others', () => {
  const { candidate = '', workloads = '', baseline } = outputs({ candidate: revisionOf(app('v2')) })
  expect(candidate).toBe('namespace="shop",pod=~"web-green-[0-9a-z]+-[0-9a-z]+"')
  expect(baseline).toBe('')
  expect(JSON.parse(workloads)).toEqual([{ name: 'web-green', color: 'green', pods: candidate, image: 'registry.example/web:v2' }])
  expect(fits(candidate, 'web-green-5d8f9c7b6d-x2x4z')).toBe(true)
  for (const other of [
    'web-green-api-5d8f9c7b6d-x2x4z',
    'web-blue-5d8f9c7b6d-x2x4z',
    'my-web-green-5d8f9c7b6d-x2x4z',
    'web-green-5d8f9c7b6d',
  ])
    expect([other, fits(candidate, other)]).toEqual([other, false])
})

test.each([46, 47, 48, 51, 52, 57])('a name of %d characters is cut by Kubernetes, and its pods are matched nevertheless', (length) => {
  const name = 'a'.repeat(length)
  const objects = app('v1').map((one) => (one.kind === 'Deployment' ? { ...one, metadata: { name } } : one))
  const { candidate = '' } = outputs({ candidate: revisionOf(objects) })
  // generateName of a ReplicaSet's pods: at most 58 characters of the base, and five of its own.
  const pod = `${`${name}-green-5d8f9c7b6d-`.slice(0, 58)}x2x4z`
  expect(fits(candidate, pod)).toBe(true)
})

test('of several workloads the one that bears the release’s name is the candidate; without one there is none', () => {
  const both = [...app('v1', 'api'), ...app('v1')]
  const { candidate, workloads = '' } = outputs({ candidate: revisionOf(both) })
  expect(candidate).toBe('namespace="shop",pod=~"web-green-[0-9a-z]+-[0-9a-z]+"')
  expect((JSON.parse(workloads) as { name: string }[]).map(({ name }) => name)).toEqual(['api-green', 'web-green'])
  expect(outputs({ candidate: revisionOf(both, { name: 'shop' }) }).candidate).toBe('')
})

test('a preview is told while a candidate waits for promote, of the main entry, by the name of its port or its number', () => {
  const both = [...app('v1', 'api'), ...app('v1')]
  expect(outputs({ candidate: revisionOf(both), ledger: prepared(2) }).preview).toBe('k8s://shop/web-preview:http')
  expect(outputs({ candidate: revisionOf(both) }).preview).toBe('')
  expect(outputs({ ledger: prepared(2) }).preview).toBe('')
  const bare = app('v1').map((one) =>
    one.kind === 'Service' ? { ...one, spec: { selector: { app: 'web' }, ports: [{ port: 8080 }] } } : one,
  )
  expect(outputs({ candidate: revisionOf(bare), ledger: prepared(2) }).preview).toBe('k8s://shop/web-preview:8080')
})

test.each([
  ['passed', ['success', 'success', 'success']],
  ['inconclusive', ['success', 'failure', 'failure']],
  ['failed', ['failure', 'failure', 'failure']],
  ['error', ['failure', 'failure', 'failure']],
] as const)('%s ends with on-inconclusive pass, fail and rollback as %j', (outcome, expected) => {
  const exits = (['pass', 'fail', 'rollback'] as const).map((onInconclusive) =>
    exitOf({ ...released, outcome }, configOf('deploy', { onInconclusive })),
  )
  expect(exits).toEqual(expected)
})
