import { expect, test } from '@jest/globals'
import { bakeGates, checksOf, previewGates } from '../../../actions/bluegreen-deploy/gates/choose.ts'
import type { SmokeTest } from '../../../actions/bluegreen-deploy/ports.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { Deployment, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import { revisionOf, room } from '../room.ts'
import { app, type Flat } from '../stage.ts'
import { pod } from './pods.ts'

const smoke: SmokeTest = () => new Promise(() => undefined)

/** The names of a bake's gates, and which port its traffic gate asks. */
async function gatesOf(config: Partial<Flat>, change: (workload: Deployment, service: Service) => void = () => undefined) {
  const objects = app('v1')
  const [, workload, service] = objects as unknown as [KubeObject, Deployment, Service]
  change(workload, service)
  const { clock, cluster, reach } = room(config)
  const revision = revisionOf(objects)
  cluster.put(pod('a', {}, { labels: revision.workloads[0]?.selector }))
  const ports: unknown[] = []
  cluster.answer = ({ port }) => {
    ports.push(port)
    return { reached: true, status: 200, body: '' }
  }
  const gates = bakeGates(reach, revision)
  const stop = new AbortController()
  clock.after(1_000, () => stop.abort())
  await gates.find(({ name }) => name.startsWith('traffic'))?.watch(stop.signal)
  return { names: gates.map(({ name }) => name), ports }
}

const annotated = (value: string) => (workload: Deployment) => {
  workload.spec.template.metadata.annotations = { 'prometheus.io/port': value }
}
const [entries, pods, check, traffic] = ['entries', 'pods of web-green', 'check of web', 'traffic of web-green']
test.each<[string, Partial<Flat>, Parameters<typeof gatesOf>[1], string[], unknown[]]>([
  ['no bake', { bakeTime: 0, minRequests: 1 }, undefined, [], []],
  ['pods and the probe', {}, undefined, [entries, pods, check], []],
  [
    'pods alone without a probe',
    {},
    ({ spec }) => {
      for (const container of spec.template.spec.containers) delete container.readinessProbe
    },
    [entries, pods],
    [],
  ],
  ['pods alone when check-path is off', { check: { path: 'off' } }, undefined, [entries, pods], []],
  ['traffic on the target port, by its number', { minRequests: 1 }, undefined, [entries, pods, check, traffic], [8080]],
  ['traffic on the annotated port', { minRequests: 1 }, annotated('9090'), [entries, pods, check, traffic], ['9090']],
  ['traffic on the annotated port, by its name', { minRequests: 1 }, annotated('http'), [entries, pods, check, traffic], [8080]],
  ['no traffic on a port that no container has', { minRequests: 1 }, annotated('metrics'), [entries, pods, check], []],
  [
    'traffic on the port of the Service itself',
    { minRequests: 1, check: { path: '/' } },
    (_, { spec }) => void delete spec.ports[0]?.targetPort,
    [entries, pods, check, traffic],
    [80],
  ],
  [
    'traffic on the port of the Service itself, written as target 0',
    { minRequests: 1, check: { path: '/' } },
    (_, { spec }) => void Object.assign(spec.ports[0] ?? {}, { targetPort: 0 }),
    [entries, pods, check, traffic],
    [80],
  ],
])('a bake of %s', async (_, config, change, names, ports) => {
  expect(await gatesOf(config, change)).toEqual({ names, ports })
})

const both = () => revisionOf([...app('v1', 'api'), ...app('v1')])

test('each workload and each entry has its gates; the suite asks the main entry', () => {
  const needs = { ...room({ minRequests: 1 }).reach, smoke }
  expect(previewGates(needs, both()).map(({ name }) => name)).toEqual(['check of api-preview', 'check of web-preview', 'smoke suite'])
  expect(bakeGates(needs, both()).map(({ name }) => name)).toEqual([
    'entries',
    'pods of api-green',
    'pods of web-green',
    'check of api',
    'check of web',
    'traffic of api-green',
    'traffic of web-green',
    'smoke suite',
  ])
})

test.each(['preview', 'bake'] as const)('the suite of a %s is run on the entry that bears the release’s name', async (where) => {
  const asked: string[] = []
  const suite: SmokeTest = async (name, port) => {
    asked.push(`${name}:${port}`)
    return { outcome: 'passed', headline: '', reason: '', results: [] }
  }
  const needs = { ...room().reach, smoke: suite }
  const gates = where === 'preview' ? previewGates(needs, both()) : bakeGates(needs, both())
  await gates.at(-1)?.watch(new AbortController().signal)
  expect(asked).toEqual([where === 'preview' ? 'web-preview:http' : 'web:http'])
})

test('check-path and check-port are those of the main entry, off is that of all', () => {
  const paths = (check: Partial<Flat['check']>) =>
    checksOf(room({ check }).reach, both()).map(({ gateway, choice }) => [
      gateway.service.metadata.name,
      'check' in choice ? choice.check.path : choice.why,
    ])
  expect(paths({})).toEqual([
    ['api', '/health'],
    ['web', '/health'],
  ])
  expect(paths({ path: '/mine', port: 'http' })).toEqual([
    ['api', '/health'],
    ['web', '/mine'],
  ])
  expect(paths({ path: 'off' })).toEqual([
    ['api', 'check-path is off'],
    ['web', 'check-path is off'],
  ])
  expect(() => paths({ port: 'grpc' })).toThrow('check-port: Service/web has no port "grpc"; it has http')
})
