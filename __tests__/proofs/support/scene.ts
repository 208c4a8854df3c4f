// One case of a proof: a namespace of its own, users who send load and must not notice anything, and what was not as it should be.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import type { Pod } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { BundleResult, BundleRun } from '../../../scripts/runner.ts'
import { ask, type Load, startLoad, type Target } from './load.ts'
import { EXAMPLE, liveState, root, runRelease, type World, withNamespace } from './world.ts'

export interface Scene {
  world: World
  namespace: string
  /** Notes what is wrong unless `holds`. */
  expect(holds: boolean, otherwise: string): void
  run(options?: { version?: string; inputs?: Record<string, string> } & Partial<BundleRun>): Promise<BundleResult>
  /** A release that has to go well; `version` answers then. */
  release(version: string, options?: { inputs?: Record<string, string> } & Partial<BundleRun>): Promise<BundleResult>
  /** What users get now is `version`, whatever the action says. */
  expectVersion(version: string): Promise<void>
  /** From now to the end of the case users send load, of which none may fail, and the Service selects only colors that are ready. */
  admitUsers(): Promise<void>
  pods(labelSelector: string): Promise<Pod[]>
  /** Everything in the namespace that somebody wrote, as text: equal texts mean that nothing was changed. */
  snapshot(): Promise<string>
}

export interface Case {
  name: string
  run(scene: Scene): Promise<void>
}

/** Plays a case; resolves with what went wrong. */
export async function play(world: World, { name, run }: Case): Promise<string[]> {
  const wrong: string[] = []
  const expect = (holds: boolean, otherwise: string): void => {
    if (!holds && !wrong.includes(otherwise)) wrong.push(otherwise)
  }
  await withNamespace(world, `peer-${name.slice(0, 20)}`.replace(/[^a-z]+$/, ''), async (namespace) => {
    const ended = new AbortController()
    let users: { load: Load; watching: Promise<void> } | undefined
    const runs = (options: Parameters<Scene['run']>[0]) => runRelease(world, namespace, withLease(options))
    const scene: Scene = {
      world,
      namespace,
      expect,
      run: runs,
      async release(version, options = {}) {
        const result = await runs({ version, ...options })
        if (result.code !== 0) throw new Error(`the release of ${version} ended with ${result.code}:\n${result.log}`)
        await scene.expectVersion(version)
        return result
      },
      async expectVersion(version) {
        const answers = await Promise.all(Array.from({ length: 6 }, async () => ask(await targetOf(world, namespace))))
        const others = answers.filter((answer) => answer.version !== version).map((answer) => `${answer.version} (${answer.pod})`)
        expect(others.length === 0, `users get ${others.join(', ')}, not ${version}`)
      },
      async admitUsers() {
        const load = startLoad(await targetOf(world, namespace), { perSecond: 15, keepAlive: 2, webSockets: 2 })
        users = { load, watching: watchService(scene, ended.signal) }
      },
      async pods(labelSelector) {
        return (await world.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector })).items as Pod[]
      },
      snapshot: () => snapshotOf(world, namespace),
    }
    try {
      await run(scene)
    } catch (error) {
      wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    ended.abort()
    await users?.watching
    // A machine that is too busy to send all of it is no fault of the release.
    await users?.load.stop().catch((error) => world.log(`       ${name}: ${error instanceof Error ? error.message : error}`))
    const failures = users?.load.failures ?? []
    expect(
      failures.length === 0,
      `${failures.length} requests failed: ${[...new Set(failures.map(({ kind, text }) => `${kind} ${text}`))].join('; ')}`,
    )
  })
  return wrong
}

// Cases run side by side on a small machine: a lease that is lost to a busy moment is another proof's subject.
const withLease = ({ inputs, ...rest }: Parameters<Scene['run']>[0] = {}): Parameters<typeof runRelease>[2] => ({
  ...rest,
  inputs: { 'lease-duration': '15s', ...inputs },
})

export async function targetOf(world: World, namespace: string): Promise<Target> {
  const { service } = await liveState(world, namespace)
  const { clusterIP = '' } = (service?.spec ?? {}) as { clusterIP?: string }
  return { host: clusterIP, port: service?.spec.ports?.[0]?.port ?? 0 }
}

/** Looks all the time at whom the Service selects: at the moment of a switch all pods are ready, and at any other some. */
async function watchService({ world, namespace, expect }: Scene, signal: AbortSignal): Promise<void> {
  let { color: last } = await liveState(world, namespace)
  while (!signal.aborted) {
    const { color, ready, service } = await liveState(world, namespace)
    const deployment = await world.kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: `backend-${color}` })
    const replicas = (deployment as { spec?: { replicas?: number } } | undefined)?.spec?.replicas ?? 1
    expect(service === undefined || ready > 0, `the Service selected color ${color}, which had no ready pod`)
    if (color !== last) expect(ready >= replicas, `the Service was switched to ${color} with ${ready} of ${replicas} pods ready`)
    last = color
    await sleep(100)
  }
}

/** Everything in a namespace that somebody wrote, as text. */
export async function snapshotOf({ kube }: World, namespace: string): Promise<string> {
  const kinds = {
    v1: ['Service', 'ConfigMap', 'Secret', 'ServiceAccount', 'Pod'],
    'apps/v1': ['Deployment'],
    'coordination.k8s.io/v1': ['Lease'],
  }
  const lines: string[] = []
  for (const [apiVersion, names] of Object.entries(kinds)) {
    for (const kind of names) {
      for (const object of (await kube.list({ apiVersion, kind, namespace })).items) {
        const { metadata, spec, data } = object as KubeObject & { spec?: unknown; data?: unknown }
        lines.push(
          JSON.stringify([
            kind,
            metadata.name,
            metadata.uid,
            metadata.labels,
            metadata.annotations,
            metadata.deletionTimestamp,
            spec,
            data,
          ]),
        )
      }
    }
  }
  return lines.sort().join('\n')
}

/** The example's manifests as one text. */
export async function exampleManifests(change: (text: string) => string = (text) => text): Promise<string> {
  const folder = join(root, EXAMPLE)
  const files = (await readdir(folder)).sort()
  return change((await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('\n---\n'))
}

/** What the annotations of a run say, errors and warnings. */
export const annotations = ({ commands }: BundleResult): string =>
  commands
    .filter(({ name }) => name === 'error' || name === 'warning')
    .map(({ data }) => data)
    .join('\n')
