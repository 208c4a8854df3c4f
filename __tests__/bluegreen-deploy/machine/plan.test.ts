import { expect, test } from '@jest/globals'
import type { Ledger } from '../../../actions/bluegreen-deploy/ledger/store.ts'
import { contentOf, type PlanInput, planRelease } from '../../../actions/bluegreen-deploy/machine/plan.ts'
import { sortParts } from '../../../actions/bluegreen-deploy/release/model.ts'
import { app } from '../stage.ts'

const objects = [
  ...app('v1'),
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web' } },
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' } },
]
const content = contentOf(objects, ['registry.example/web:v1'])
const EMPTY: Ledger = {
  version: 1,
  release: 'shop',
  generation: 1,
  revision: 0,
  active: null,
  warm: null,
  operation: null,
  history: [],
  forgotten: [],
}
const entry = { revision: 4, color: 'blue', outcome: 'released', digest: content.digest, images: [], digests: [] } as const
const times = { started: '', finished: '', run: '' }
const SERVES: Ledger = {
  ...EMPTY,
  revision: 5,
  active: { color: 'blue', revision: 4 },
  warm: { color: 'green', revision: 3 },
  history: [{ ...entry, ...times, images: [], digests: [] }],
}

const plan = (input: Partial<PlanInput> = {}) =>
  planRelease({
    release: 'shop',
    parts: sortParts(objects),
    content,
    ledger: SERVES,
    serving: 'blue',
    healthy: true,
    retire: 'scale',
    ...input,
  })

test('a first release is blue, and nothing takes it back', () => {
  const { candidate, stable, replaces, steps } = plan({ ledger: EMPTY, serving: undefined })
  expect({ candidate, stable, replaces }).toEqual({ candidate: { color: 'blue', revision: 1 }, stable: null, replaces: null })
  expect(steps.map(({ phase, verb, object }) => `${phase}: ${verb} ${object}`)).toEqual([
    'prepare: create if absent ServiceAccount/web',
    'prepare: apply ConfigMap/web-settings-blue',
    'prepare: apply Deployment/web-blue',
    'prepare: apply Service/web-preview',
    'switch: apply Service/web with color blue',
    'switch: apply ServiceAccount/web',
    'switch: apply Ingress/web',
    'retire: delete Service/web-preview',
  ])
})

test('the next one takes the place of the warm color, and says what that costs', () => {
  const { candidate, stable, replaces, steps, unchanged } = plan({ content: contentOf(app('v2'), []) })
  expect({ candidate, stable, replaces, unchanged }).toEqual({
    candidate: { color: 'green', revision: 6 },
    stable: { color: 'blue', revision: 4 },
    replaces: { color: 'green', revision: 3 },
    unchanged: undefined,
  })
  expect(steps[0]).toMatchObject({ verb: 'delete', object: 'color green, revision 3', undo: expect.stringMatching(/fast way back/) })
  expect(steps.filter(({ phase }) => phase === 'switch').map(({ undo }) => undo)).toEqual(Array(3).fill('apply as of revision 4'))
})

test.each([
  ['scale', ['restart Deployment/web-blue', 'scale Deployment/web-blue', 'delete Service/web-preview']],
  ['delete', ['restart Deployment/web-blue', 'delete Deployment/web-blue', 'delete Service/web-preview']],
  ['keep', ['restart Deployment/web-blue', 'delete Service/web-preview']],
] as const)('retire: %s', (retire, expected) => {
  const { steps } = plan({ content: contentOf(app('v2'), []), retire })
  expect(steps.filter(({ phase }) => phase === 'bake' || phase === 'retire').map(({ verb, object }) => `${verb} ${object}`)).toEqual(
    expected,
  )
})

test('the color that the Service selects counts, not the ledger', () => {
  expect(plan({ content: contentOf(app('v2'), []), serving: 'green' })).toMatchObject({
    candidate: { color: 'blue' },
    stable: { color: 'green', revision: 3 },
  })
})

test('the same again is nothing to do, only while it serves as it should and no image moves', () => {
  expect(plan().unchanged).toMatch(/revision 4 already serves exactly these manifests and images on blue/)
  expect(plan({ healthy: false }).unchanged).toBeUndefined()
  for (const image of ['web', 'web:latest', 'localhost:5000/web'])
    expect(plan({ content: { ...content, images: [image] } }).unchanged).toBeUndefined()
  for (const image of ['web:v1', 'localhost:5000/web:v1', 'web@sha256:abc'])
    expect(plan({ content: { ...content, images: [image] } }).unchanged).toBeDefined()
})

test('the order of fields makes no other release, everything else does', () => {
  const digest = (...given: object[]): string => contentOf(given as never, []).digest
  expect(digest({ a: 1, b: { c: 2, d: 3 } })).toBe(digest({ b: { d: 3, c: 2 }, a: 1 }))
  const others = [digest({ a: 1 }, { b: 1 }), digest({ b: 1 }, { a: 1 }), digest({ a: '1' }), digest({ a: [1, 2] }), digest({ a: [2, 1] })]
  expect(new Set(others).size).toBe(others.length)
})
