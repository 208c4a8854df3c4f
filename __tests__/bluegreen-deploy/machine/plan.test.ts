import { expect, test } from '@jest/globals'
import { emptyLedger, type Ledger } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import { type Plan, planRelease, planSides, printed, type SidesInput } from '../../../actions/bluegreen-deploy/machine/plan.ts'
import type { Asked } from '../../../actions/bluegreen-deploy/machine/step.ts'
import { contentOf } from '../../../actions/bluegreen-deploy/release/content.ts'
import type { Color } from '../../../actions/bluegreen-deploy/release/names.ts'
import type { Serving } from '../../../actions/bluegreen-deploy/routers/choose.ts'
import { object, revisionOf, room } from '../room.ts'
import { app, type Flat } from '../stage.ts'

const objects = (version = 'v1') => [
  ...app(version),
  object('ServiceAccount', 'web'),
  object('Ingress', 'web', undefined, 'networking.k8s.io/v1'),
]
const contentFor = (version: string) => contentOf(objects(version), objects(version).slice(1, 2))
const content = contentFor('v1')
const EMPTY = emptyLedger('web')
const times = { started: '', finished: '', run: '' }
const SERVES: Ledger = {
  ...EMPTY,
  revision: 5,
  active: { color: 'blue', revision: 4 },
  warm: { color: 'green', revision: 3 },
  history: [{ revision: 4, color: 'blue', outcome: 'released', digest: content.digest, images: [], digests: [], ...times }],
}
const serving = (...colors: Color[]): Serving => ({
  entries: colors.map((color, at) => ({ name: ['web', 'api'][at] ?? '', color })),
  color: new Set(colors).size === 1 ? colors[0] : undefined,
})
const sides = (input: Partial<SidesInput> = {}) => planSides({ ledger: SERVES, content, serving: serving('blue'), healthy: true, ...input })

/** The plan of a release, by its sides. */
function plan(input: Partial<SidesInput> = {}, config: Partial<Flat> = {}, kind: Asked['kind'] = 'deploy'): Plan {
  const found = sides({ content: contentFor('v2'), ...input })
  const { stable, replaces, candidate } = found
  const render = (side: typeof stable, version: string) => (side ? revisionOf(objects(version), side) : undefined)
  return planRelease(found, {
    reach: room(config).reach,
    kind,
    candidate: revisionOf(objects('v2'), candidate),
    stable: render(stable, 'v1'),
    replaces: render(replaces, 'v0'),
  })
}

test('a first release is blue, and nothing takes it back', () => {
  const { candidate, stable, replaces, steps, wayBack } = plan({ ledger: EMPTY, serving: serving() })
  expect({ candidate, stable, replaces }).toEqual({ candidate: { color: 'blue', revision: 1 }, stable: null, replaces: null })
  expect(steps.map(({ id }) => id)).toEqual([
    'prepare.begin',
    'prepare.clear',
    'prepare.create ServiceAccount/web',
    'prepare.apply ConfigMap/web-settings-blue',
    'prepare.apply Deployment/web-blue',
    'prepare.apply Service/web-preview',
    'prepare.ready',
    'verify.ask',
    'shift.ready',
    'shift.select Service/web',
    'shift.shared',
    'shift.prove',
    'bake.watch',
    'retire.delete Service/web-preview',
  ])
  expect(steps.find(({ id }) => id === 'shift.shared')?.describe).toBe('apply ServiceAccount/web, Ingress/web')
  expect(steps.find(({ id }) => id.startsWith('shift.select'))).toMatchObject({
    describe: 'Service/web selects blue',
    undo: 'nothing: nothing served before',
  })
  expect(wayBack.map(({ id }) => id)).toEqual(['rollback.first', 'rollback.delete', 'rollback.delete Service/web-preview'])
})

test('the next one takes the place of the warm color, and says what that costs', () => {
  const { candidate, stable, replaces, steps, unchanged, wayBack } = plan()
  expect({ candidate, stable, replaces, unchanged }).toEqual({
    candidate: { color: 'green', revision: 6 },
    stable: { color: 'blue', revision: 4 },
    replaces: { color: 'green', revision: 3 },
    unchanged: undefined,
  })
  expect(steps.find(({ id }) => id === 'prepare.clear')).toMatchObject({
    describe:
      'delete color green (Deployment/web-green, ConfigMap/web-settings-green), which is kept of revision 3: the fast way back to it ends',
    undo: expect.stringContaining('the manifests of revision 3 are kept'),
  })
  expect(steps.filter(({ phase, undo }) => phase === 'shift' && undo !== 'nothing to take back').map(({ undo }) => undo)).toEqual([
    'the way back lets Service/web select blue again',
    'the way back applies it as of revision 4',
  ])
  expect(wayBack.map(({ id }) => id)).toEqual([
    'rollback.capacity',
    'rollback.select',
    'rollback.shared',
    'rollback.prove',
    'rollback.delete',
    'rollback.delete Service/web-preview',
  ])
})

test.each<[string, Partial<Flat>, string[]]>([
  ['scale', {}, ['bake.watch', 'retire.delete Service/web-preview', 'retire.delay', 'retire.scale']],
  ['delete', { retire: 'delete' }, ['bake.watch', 'retire.delete Service/web-preview', 'retire.delay', 'retire.delete']],
  ['keep', { retire: 'keep' }, ['bake.watch', 'retire.delete Service/web-preview', 'retire.recreate']],
  ['keep without a bake', { retire: 'keep', bakeTime: 0 }, ['retire.delete Service/web-preview']],
  ['scale at once', { retireDelay: 0 }, ['bake.watch', 'retire.delete Service/web-preview', 'retire.scale']],
])('retire: %s', (_, config, expected) => {
  const { steps } = plan({}, config)
  expect(steps.filter(({ phase }) => phase === 'bake' || phase === 'retire').map(({ id }) => id)).toEqual(expected)
})

test('what is prepared rests before the shift, with its way back', () => {
  const { steps, wayBack } = plan({}, {}, 'prepare')
  expect(steps.at(-1)?.id).toBe('verify.ask')
  expect(wayBack.length).toBeGreaterThan(0)
})

test('every step has an id of its own, and says what is done and what takes it back', () => {
  for (const { steps, wayBack } of [plan(), plan({ ledger: EMPTY, serving: serving() })]) {
    const all = [...steps, ...wayBack]
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    expect(all.filter(({ describe, undo }) => !describe || !undo)).toEqual([])
  }
})

test('what is printed is the steps, without what runs them', () => {
  const made = plan()
  expect(JSON.parse(JSON.stringify(printed(made)))).toMatchObject({
    candidate: made.candidate,
    steps: made.steps.map(({ id }) => ({ id })),
  })
  expect(printed(made).steps.some((step) => 'run' in step)).toBe(false)
})

test('the color that the entries select counts, not the ledger; a color that it knows nothing of has revision 0', () => {
  expect(sides({ content: contentFor('v2'), serving: serving('green', 'green') })).toMatchObject({
    candidate: { color: 'blue' },
    stable: { color: 'green', revision: 3 },
  })
  expect(sides({ ledger: EMPTY, serving: serving('green') })).toMatchObject({
    candidate: { color: 'blue' },
    stable: { color: 'green', revision: 0 },
  })
  expect(sides({ serving: serving(), content: contentFor('v2') })).toMatchObject({ stable: { color: 'blue', revision: 4 } })
})

test('entries that select different colors are refused: none of the two could be cleared', () => {
  expect(() => sides({ serving: serving('blue', 'green') })).toThrow(
    'the entries of the release serve different colors: Service/web selects blue, Service/api selects green; let them select one color by hand, then try again',
  )
})

test('the same again is nothing to do, only while it serves as it should and no image moves', () => {
  expect(sides().unchanged).toMatch(/revision 4 already serves exactly these manifests and images on blue/)
  expect(sides({ healthy: false }).unchanged).toBeUndefined()
  expect(sides({ serving: serving('green') }).unchanged).toBeUndefined()
  const failed = SERVES.history.map((entry) => ({ ...entry, outcome: 'rolled-back' as const }))
  expect(sides({ ledger: { ...SERVES, history: failed } }).unchanged).toBeUndefined()
  for (const image of ['web', 'web:latest', 'localhost:5000/web'])
    expect(sides({ content: { ...content, images: [image] } }).unchanged).toBeUndefined()
  for (const image of ['web:v1', 'localhost:5000/web:v1', 'web@sha256:abc'])
    expect(sides({ content: { ...content, images: [image] } }).unchanged).toBeDefined()
  expect(plan({ content })).toMatchObject({ steps: [], wayBack: [] })
})
