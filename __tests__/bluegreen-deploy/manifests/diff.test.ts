import { expect, test } from '@jest/globals'
import { diffObjects } from '../../../actions/bluegreen-deploy/manifests/diff.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'

const object = (kind: string, fields: object): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name: 'a' }, ...fields })
const lines = (before: KubeObject, after: KubeObject): string[] => diffObjects([before], [after]).flatMap((change) => change.lines)

test.each([
  [{ spec: { a: 1 } }, { spec: { a: 1 } }, []],
  [{ spec: { a: 1 } }, { spec: { a: 2 } }, ['spec.a: 1 -> 2']],
  [{ spec: { a: { b: 'x' } } }, { spec: {} }, ['spec.a: {"b":"x"} -> (none)']],
  [{ spec: { list: [1, { b: 2 }] } }, { spec: { list: [1, { b: 3 }, 4] } }, ['spec.list[1].b: 2 -> 3', 'spec.list[2]: (none) -> 4']],
  [{ spec: [] }, { spec: {} }, ['spec: [] -> {}']],
  [{ spec: 'x' }, { spec: 'y'.repeat(500) }, [`spec: x -> ${'y'.repeat(120)}…`]],
  [{ spec: null }, { spec: { constructor: 1 } }, ['spec: null -> {"constructor":1}']],
])('%j to %j', (before, after, expected) => {
  expect(lines(object('Thing', before), object('Thing', after))).toEqual(expected)
})

test('objects that come and go', () => {
  const [a, b] = [object('ConfigMap', {}), object('Secret', { data: { password: 'aHVudGVyMg==' } })]
  expect(diffObjects([a], [b])).toEqual([
    { object: 'Secret/a', lines: ['added'] },
    { object: 'ConfigMap/a', lines: ['no longer in the manifests; it stays in the cluster'] },
  ])
})

const LAST = 'kubectl.kubernetes.io/last-applied-configuration'
test.each([
  [{ data: { a: 'hunter2', b: 'same' } }, { data: { a: 'hunter3', b: 'same' } }, ['data.a: changed']],
  [{ data: { a: 'hunter2' } }, { data: {} }, ['data.a: removed']],
  [{}, { stringData: { a: 'hunter2', b: 'hunter3' } }, ['stringData.a: added', 'stringData.b: added']],
  [{ data: { a: 'hunter2' } }, {}, ['data.a: removed']],
  [{ data: { a: 'hunter2' } }, { data: 'hunter3' }, ['data.a: changed']],
  [{ data: 'hunter2' }, { data: 'hunter3' }, ['data: changed']],
  [
    { metadata: { name: 'a', annotations: { [LAST]: 'hunter2' } } },
    { metadata: { name: 'a', annotations: { [LAST]: 'hunter3' } } },
    [`metadata.annotations.${LAST}: changed`],
  ],
])('of a Secret only keys: %j', (before, after, expected) => {
  const shown = lines(object('Secret', before), object('Secret', after))
  expect(shown).toEqual(expected)
  expect(shown.join()).not.toContain('hunter')
})
