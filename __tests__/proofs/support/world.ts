// What every proof works with: the cluster it runs inside of, namespaces of its own, and the action's bundle.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import type { Cluster as Kube } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { type Credentials, kubeconfigCredentials, loadKubeconfig } from '../../../actions/shared/kubernetes/api/credentials.ts'
import { RestCluster } from '../../../actions/shared/kubernetes/api/rest.ts'
import type { DataObject, Pod, Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import { isReady } from '../../../actions/shared/kubernetes/watch/rollout.ts'
import { systemClock } from '../../../actions/shared/time/clock.ts'
import { openCluster, type Cluster as Sandbox } from '../../../sandbox/cluster.ts'
import { BACKEND } from '../../../sandbox/images.ts'
import { type BundleResult, type BundleRun, runBundle } from '../../../scripts/runner.ts'

export interface World {
  kube: Kube
  credentials: Credentials
  kubeconfig: string
  /** The local cluster; undefined when KUBECONFIG of another one was given. */
  sandbox: Sandbox | undefined
  /** A part of the cases, for the everyday run. */
  short: boolean
  /** Only cases whose name contains this. */
  only: string | undefined
  log(text: string): void
}

export const root = new URL('../../..', import.meta.url).pathname
export const EXAMPLE = 'examples/secure-messenger/backend/k8s'

export async function openWorld(options: { short: boolean; only: string | undefined }): Promise<World> {
  const kubeconfig = process.env['KUBECONFIG']
  if (!kubeconfig) throw new Error('KUBECONFIG is not set: a proof runs inside a cluster')
  const credentials = kubeconfigCredentials(loadKubeconfig({ kubeconfig, environment: {}, mask: () => undefined }), systemClock)
  const kube = new RestCluster({
    credentials,
    clock: systemClock,
    signal: new AbortController().signal,
    patience: 60_000,
    onRetry: console.error,
  })
  return { kube, credentials, kubeconfig, sandbox: await openCluster(), ...options, log: (text) => console.log(text) }
}

let numbered = 0

/** Gives `work` a namespace that is gone afterwards. */
export async function withNamespace<T>(world: World, prefix: string, work: (namespace: string) => Promise<T>): Promise<T> {
  const name = `${prefix}-${process.pid}-${++numbered}`.toLowerCase().replace(/[^a-z0-9-]/g, '-')
  await world.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  // Pods need it, and it comes a moment later.
  await until(
    () => world.kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: name, name: 'default' }),
    30_000,
    'the default service account',
  )
  try {
    return await work(name)
  } finally {
    await world.kube.delete({ apiVersion: 'v1', kind: 'Namespace', name })
  }
}

/** Waits until `probe` gives something; throws after `timeout` milliseconds, naming `what`. */
export async function until<T>(probe: () => Promise<T | null | undefined | false>, timeout: number, what: string): Promise<T> {
  const end = Date.now() + timeout
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== null && value !== false) return value
    if (Date.now() > end) throw new Error(`waited ${timeout} ms in vain for ${what}`)
    await sleep(100)
  }
}

/** Short times, so that a release takes seconds; the same guarantees. */
export const QUICK = {
  'bake-time': '1s',
  'retire-delay': '0s',
  'propagation-time': '1s',
  'check-passes': '1',
  'check-interval': '500ms',
  'min-requests': '0',
  'ready-deadline': '1m',
  'lock-timeout': '20s',
  'lease-duration': '3s',
}

/** Runs the bundle against a namespace. `version` is a tag of the example's image; DIST names other bundles than dist/. */
export function runRelease(
  world: World,
  namespace: string,
  options: { version?: string; inputs?: Record<string, string> } & Partial<BundleRun> = {},
): Promise<BundleResult> {
  const { version, inputs = {}, ...rest } = options
  const command = inputs['command'] ?? 'deploy'
  const releases = command === 'deploy' || command === 'prepare'
  return runBundle({
    action: 'bluegreen-deploy',
    cwd: root,
    stdin: '',
    ...(process.env['DIST'] && { dist: process.env['DIST'] }),
    inputs: {
      name: 'backend',
      namespace,
      kubeconfig: world.kubeconfig,
      ...QUICK,
      ...(releases && { manifests: EXAMPLE }),
      ...(releases && version && { images: `${BACKEND}=${BACKEND}:${version}` }),
      ...inputs,
    },
    ...rest,
  })
}

/**
 * Whether a run went through. A bake of a second may see too little on a busy machine: that is said, the step succeeds, and traffic stays
 * where the run put it.
 */
export const wentThrough = ({ code, outputs }: Pick<BundleResult, 'code' | 'outputs'>): boolean =>
  code === 0 && ['passed', 'inconclusive'].includes(outputs['outcome'] ?? '')

export interface Live {
  /** What the Service selects. */
  color: string | undefined
  /** How many ready pods of that color there are. */
  ready: number
  service: Service | undefined
  ledger: Ledger | undefined
}

/** What users get right now, read past the action. */
export async function liveState({ kube }: World, namespace: string, name = 'backend'): Promise<Live> {
  const service = (await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name })) as Service | undefined
  const selector = service?.spec.selector ?? {}
  const labelSelector = Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector })
  const ledger = (await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: `bluegreen-${name}` })) as DataObject | undefined
  return {
    color: selector['color'],
    ready: labelSelector ? (items as Pod[]).filter(isReady).length : 0,
    service,
    ledger: ledger && (JSON.parse(ledger.data?.['state.json'] ?? '') as Ledger),
  }
}
