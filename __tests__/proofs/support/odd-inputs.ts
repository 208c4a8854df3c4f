// Input that is odd, and has to work all the same; and versions whose logs are hostile.
import { join } from 'node:path'
import type { DataObject, Deployment } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { BundleResult } from '../../../scripts/runner.ts'
import { definition, release } from './hostile-manifests.ts'
import { MARK } from './hostile-values.ts'
import { type Case, exampleManifests, type Scene } from './scene.ts'
import { EXAMPLE, root } from './world.ts'

const COMMANDS = `\n::error::${MARK}\n##[error]${MARK}\n::add-mask::backend\n::stop-commands::${MARK}\n  ::set-env name=PATH::${MARK}\r::warning::${MARK}\n\x1b[31m${MARK}`

/** Images that shout: one refuses to start and says why, the other crashes with a last word to Kubernetes. */
export const IMAGES = { shouting: { LATENCY_MS: COMMANDS }, crashing: { VERSION: COMMANDS, CRASH_AFTER_MS: '200' } }

/** What the runner has executed that is not the action's own: it masks its secrets, and may quote hostile text in the annotation that carries its name. */
export const executed = ({ commands }: BundleResult, secret = ''): string[] =>
  commands
    .filter(({ name, data, properties }) => {
      if (['error', 'warning', 'notice'].includes(name)) return !properties['title']?.startsWith('bluegreen-deploy: ')
      if (name === 'add-mask') return data !== secret && (data === 'backend' || data.includes(MARK))
      return data.includes(MARK) || !/^(group|endgroup|stop-commands|[0-9a-f-]{36})$/.test(name)
    })
    .map(({ name, data }) => `::${name}::${data}`)

const NOTES = {
  'example.org/unicode': 'Größe 漢字 🚀 \u202e right to left',
  'example.org/commands': COMMANDS,
  'example.org/percent': '%0A::error::%25',
  'example.org/empty': '',
  constructor: 'of nothing',
}

/** The example as somebody has it who took it from a cluster, from an editor on Windows, and from a generator. */
async function oddManifests(copy: number): Promise<string> {
  const example = (await exampleManifests())
    .replace('  replicas: 3\n', '  replicas: &many 2\n')
    .replace('  labels:\n    app: backend\nspec:\n  replicas', '  labels: &labels\n    app: backend\nspec:\n  replicas')
    .replace('    matchLabels:\n      app: backend', '    matchLabels: *labels')
    .replace('      labels:\n        app: backend', `      labels:\n        <<: *labels\n      annotations: ${JSON.stringify(NOTES)}`)
    .replace('DRAIN_MS: "1500"', 'DRAIN_MS: "300"\n  __proto__: "kept"\n  constructor: "kept too"\n  notes: "ü\\n::error::x"')
  const server = {
    uid: `00000000-0000-0000-0000-00000000000${copy}`,
    resourceVersion: `${copy}`,
    generation: copy,
    creationTimestamp: null,
  }
  const dumped = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: 'taken-from-a-cluster',
      namespace: '',
      ...server,
      managedFields: [{ manager: `kubectl-${copy}`, operation: 'Update' }],
    },
    status: { copy },
  }
  const list = { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: [dumped] }
  const empty = { apiVersion: 'v1', kind: 'ConfigMapList', items: [] }
  const text = ['', '# nothing', example, JSON.stringify(list), JSON.stringify(empty), definition('gadgets', 'Gadget'), '', ''].join(
    '\n---\n',
  )
  return `\ufeff${text}\n---\n\ufeff# the end\n---\n`.replaceAll('\n', '\r\n')
}

const odd: Case = {
  name: 'odd manifests are released as they are',
  async run(scene) {
    const { world, namespace, expect, run } = scene
    const { kube } = world
    const result = await run({ inputs: { manifests: '-' }, stdin: await oddManifests(1) })
    try {
      if (result.code !== 0) throw new Error(`the release ended with ${result.code}:\n${result.log}`)
      quiet(scene, result)
      await scene.expectVersion('v1')
      const live = (await kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'backend-blue' })) as Deployment
      const notes = live.spec.template.metadata.annotations ?? {}
      for (const [key, value] of Object.entries(NOTES))
        expect(notes[key] === value.replaceAll('\r\n', '\n'), `annotation ${key} is ${JSON.stringify(notes[key])}`)
      expect(live.spec.replicas === 2, `there are ${live.spec.replicas} replicas`)
      const config = (await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'backend-blue' })) as DataObject
      const data = new Map(Object.entries(config.data ?? {}))
      expect(
        data.get('__proto__') === 'kept' && data.get('constructor') === 'kept too',
        `the ConfigMap holds ${JSON.stringify(config.data)}`,
      )
      const account = await kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: 'taken-from-a-cluster' })
      expect(account !== undefined, 'the item of the List is not there')
      const again = await run({ inputs: { manifests: '-' }, stdin: await oddManifests(2) })
      expect(again.code === 0 && again.log.includes('Nothing to do'), `another copy from the cluster is another release:\n${again.log}`)
    } finally {
      await kube.delete({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: 'gadgets.proof.example.org' })
    }
  },
}

/** The runner executes nothing that is not the action's, and the log is text. */
function quiet({ expect }: Scene, result: BundleResult): void {
  const found = executed(result)
  expect(found.length === 0, `the runner executed ${JSON.stringify(found)}`)
  expect(!result.log.includes('\x1b'), 'the log holds terminal sequences')
  expect(!/<script|<img/.test(result.summary), 'the summary holds HTML')
}

const shouting = (version: keyof typeof IMAGES, says: RegExp): Case => ({
  name: `commands in the words of a pod (${version})`,
  async run(scene) {
    const { expect } = scene
    await scene.release('v1')
    const result = await scene.run({ version, inputs: { 'ready-deadline': '2m' } })
    expect(
      result.code === 1 && result.outputs['outcome'] === 'failed',
      `it ended with ${result.code}, outcome ${result.outputs['outcome']}`,
    )
    quiet(scene, result)
    const told = `${result.log}\n${result.report?.reason}\n${result.report?.evidence.map(({ text }) => text).join('\n')}`
    expect(says.test(told), `what the pod said is not shown (${says}):\n${told}`)
    await scene.expectVersion('v1')
  },
})

/** At its bounds each input still works; nothing is released for it. Only the shortest api-timeout would measure the machine: refusals have it. */
const LIMITS: Record<string, string>[] = [
  {
    'ready-deadline': '1s',
    'check-timeout': '100ms',
    'check-passes': '1',
    'check-deadline': '0',
    'check-interval': '500ms',
    'propagation-time': '0',
    'bake-time': '0s',
    'min-requests': '0',
    'retire-delay': '0ms',
    'lock-timeout': '0',
    'lease-duration': '2s',
  },
  {
    'ready-deadline': '24h',
    'check-timeout': '1m',
    'check-passes': '100',
    'check-deadline': '60m',
    'check-interval': '1h',
    'propagation-time': '3600s',
    'bake-time': '1d',
    'min-requests': '1000000000',
    'retire-delay': '23h60m',
    'lock-timeout': '6h',
    'lease-duration': '3600s',
    'api-timeout': '1h',
  },
]

const limits: Case = {
  name: 'every number at its bounds, and every place at once',
  async run(scene) {
    const { expect } = scene
    const before = await scene.snapshot()
    for (const inputs of LIMITS) {
      const { code, log } = await scene.run({ inputs: { ...inputs, 'dry-run': 'true' } })
      expect(code === 0 && log.includes('Would release'), `${JSON.stringify(inputs)} ended with ${code}:\n${log}`)
    }
    const cwd = join(root, EXAMPLE, '..')
    const places = 'k8s\n./k8s/*.yaml\n\n k8s/../k8s/service.yaml \nk8s/{deployment,configmap}.yaml\n-'
    const more = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-stdin}\n'
    const { code, log } = await scene.run({ cwd, inputs: { manifests: places, 'dry-run': 'true' }, stdin: more })
    expect(code === 0 && log.includes('ConfigMap/from-stdin'), `manifests from everywhere ended with ${code}:\n${log}`)
    expect((await scene.snapshot()) === before, 'a dry run changed something')
  },
}

const many: Case = {
  name: 'a release of many objects',
  async run(scene) {
    const amount = scene.world.short ? 200 : 1_997
    const objects = Array.from(
      { length: amount },
      (_, i) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: many-${i}}\ndata: {at: "${i}"}\n`,
    )
    const began = performance.now()
    const { code, log } = await scene.run({ inputs: { manifests: '-' }, stdin: release(...objects), version: 'v2' })
    const seconds = (performance.now() - began) / 1000
    if (code !== 0) throw new Error(`it ended with ${code}:\n${log.slice(-3000)}`)
    scene.world.log(`       ${amount + 3} objects took ${seconds.toFixed(0)} s`)
    scene.expect(seconds < 240, `it took ${seconds.toFixed(0)} s`)
    const { items } = await scene.world.kube.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: scene.namespace })
    const there = items.filter(({ metadata }) => metadata.name.startsWith('many-')).length
    scene.expect(there === amount, `${there} of ${amount} objects are there`)
    await scene.expectVersion('v2')
  },
}

export const oddCases: Case[] = [
  many,
  odd,
  shouting('shouting', /LATENCY_MS is/),
  shouting('crashing', new RegExp(`${MARK}.*crashed|crashed: CRASH_AFTER_MS`, 's')),
  limits,
]
