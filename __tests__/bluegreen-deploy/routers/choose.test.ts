import { expect, test } from '@jest/globals'
import { chooseRouters, readServing } from '../../../actions/bluegreen-deploy/routers/choose.ts'
import { Writer } from '../../../actions/bluegreen-deploy/writes/writer.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { object, revisionOf, room } from '../room.ts'
import { app } from '../stage.ts'

const both = (): KubeObject[] => [...app('v1', 'api'), ...app('v1')]
const admin = object('Service', 'admin', { selector: { app: 'web' }, ports: [{ port: 80 }] })
admin.metadata.annotations = { 'devops-actions/order': '-1' }

const entry = (name: string, color: string | undefined) => ({
  ...object('Service', name, { selector: { app: name, ...(color && { color }) } }),
  metadata: { name, namespace: 'shop' },
})

test.each<[string, (string | undefined)[], Awaited<ReturnType<typeof readServing>>]>([
  ['nothing there', [], { entries: [], color: undefined }],
  [
    'one color',
    ['blue', 'blue'],
    {
      entries: [
        { name: 'api', color: 'blue' },
        { name: 'web', color: 'blue' },
      ],
      color: 'blue',
    },
  ],
  ['one entry there', ['green'], { entries: [{ name: 'api', color: 'green' }], color: 'green' }],
  ['an entry without a color', [undefined, 'green'], { entries: [{ name: 'web', color: 'green' }], color: 'green' }],
  ['no color that decides', ['red', undefined], { entries: [], color: undefined }],
  [
    'two colors',
    ['blue', 'green'],
    {
      entries: [
        { name: 'api', color: 'blue' },
        { name: 'web', color: 'green' },
      ],
      color: undefined,
    },
  ],
])('what serves, with %s', async (_, colors, expected) => {
  const { cluster, reach } = room()
  for (const [at, color] of colors.entries()) cluster.put(entry(['api', 'web'][at] ?? '', color))
  cluster.put(entry('other', 'blue'))
  expect(await readServing(reach, revisionOf(both()).release)).toEqual(expected)
})

test('there is a router for each entry, in the order of the release; one that the stable side has not has no way back', () => {
  const { cluster, reach } = room()
  const needs = { ...reach, writer: new Writer(cluster, { generation: 1, assertHeld: async () => undefined }, 'web') }
  const candidate = revisionOf([...both(), admin], { color: 'green' })
  const stable = revisionOf(both(), { color: 'blue', revision: 1 })
  const colorsOf = (...given: Parameters<typeof chooseRouters>) =>
    chooseRouters(...given).map(({ name, colors }) => [name, colors.stable, colors.candidate])
  expect(colorsOf(needs, candidate, stable)).toEqual([
    ['Service/admin', undefined, 'green'],
    ['Service/api', 'blue', 'green'],
    ['Service/web', 'blue', 'green'],
  ])
  expect(colorsOf(needs, candidate, undefined).map(([, color]) => color)).toEqual([undefined, undefined, undefined])
})
