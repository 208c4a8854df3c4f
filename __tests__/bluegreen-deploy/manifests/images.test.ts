import { expect, test } from '@jest/globals'
import { containersOf, overrideImages, parseOverride, parseReference } from '../../../actions/bluegreen-deploy/manifests/images.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

test.each([
  ['backend', { name: 'backend' }],
  ['backend:v1', { name: 'backend', tag: 'v1' }],
  ['localhost:5000/web', { name: 'localhost:5000/web' }],
  ['localhost:5000/web:v2', { name: 'localhost:5000/web', tag: 'v2' }],
  [`ghcr.io/org/web@${DIGEST}`, { name: 'ghcr.io/org/web', digest: DIGEST }],
  [`ghcr.io/org/web:v1@${DIGEST}`, { name: 'ghcr.io/org/web', tag: 'v1', digest: DIGEST }],
  ['[::1]:5000/web:v1', { name: '[::1]:5000/web', tag: 'v1' }],
  ['GHCR.io/org/a__b.c-d/e:V_1.0-x', { name: 'GHCR.io/org/a__b.c-d/e', tag: 'V_1.0-x' }],
])('%s is a reference', (text, parts) => {
  expect(parseReference(text)).toEqual(parts)
})

test.each([
  '',
  ':v1',
  'Backend',
  'a/',
  '/a',
  'a//b',
  'a:',
  'a@sha256:short',
  'a b',
  'a:v1:v2',
  'https://a/b',
  '../a',
  'a;b',
  '$(a)',
  '{{ a }}',
  'a%0Ab',
  'a\nb',
  'a:v1\n::error::x',
  '::error::x',
  `a:${'b'.repeat(129)}`,
  'a'.repeat(513),
  `${'a'.repeat(500)}!`,
])('%j is none', (text) => {
  expect(parseReference(text)).toBeUndefined()
  expect(parseOverride(`backend=${text}`)).toBeUndefined()
})

test.each([
  ['backend=ghcr.io/org/backend:v2', { name: 'backend', reference: 'ghcr.io/org/backend:v2' }],
  [' localhost:5000/web = localhost:5000/web:v2 ', { name: 'localhost:5000/web', reference: 'localhost:5000/web:v2' }],
  ['backend', undefined],
  ['backend:v1=backend:v2', undefined], // the name is without a tag
  ['=backend', undefined],
  ['a=b=c', undefined],
])('override %s', (text, override) => {
  expect(parseOverride(text)).toEqual(override)
})

const pod = { initContainers: [{ image: 'localhost:5000/proxy:v1' }], containers: [{ image: 'localhost:5000/web' }, { image: 'web:v1' }] }
const object = (kind: string, spec: unknown): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name: 'a' }, spec })

test('replaces by the exact repository, in whatever holds pods', () => {
  const objects = [
    object('Pod', structuredClone(pod)),
    object('Deployment', { template: { spec: structuredClone(pod) } }),
    object('CronJob', { jobTemplate: { spec: { template: { spec: structuredClone(pod) } } } }),
  ]
  overrideImages(objects, [{ name: 'localhost:5000/web', reference: `new/web@${DIGEST}` }])
  for (const holder of objects)
    expect(containersOf(holder).map(({ image }) => image)).toEqual(['localhost:5000/proxy:v1', `new/web@${DIGEST}`, 'web:v1'])
})

test('an override that fits nothing is named beside what there is', () => {
  const overrides = [
    { name: 'web', reference: 'web:v2' },
    { name: 'webb', reference: 'web:v3' },
  ]
  expect(() => overrideImages([object('Pod', structuredClone(pod))], overrides)).toThrow(
    'images: no container has the image webb; the manifests have localhost:5000/proxy, localhost:5000/web, web',
  )
})

test.each([
  null,
  'text',
  { containers: 'text' },
  { containers: [null, 5, 'text', []] },
  { template: 'text' },
  { template: null },
  { jobTemplate: { spec: 5 } },
])('what has no containers has none: %j', (spec) => {
  expect(containersOf(object('Pod', spec)).filter(({ image }) => image !== undefined)).toEqual([])
  expect(containersOf(object('Deployment', spec))).toEqual([])
})
