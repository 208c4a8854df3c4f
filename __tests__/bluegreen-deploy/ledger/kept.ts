// What tests of the ledger keep: contents, operations, entries, and a store over a cluster in memory.
import type { HistoryEntry, Operation } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import { LedgerStore } from '../../../actions/bluegreen-deploy/ledger/store.ts'
import { type Content, digestOf } from '../../../actions/bluegreen-deploy/release/content.ts'
import type { Cluster, KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'

/** A content that differs by its value. */
export function content(value: string, ...more: KubeObject[]): Content {
  const objects = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' }, data: { value } }, ...more]
  return { objects, digest: digestOf(objects), images: [] }
}

export const operation = (revision: number, of = content(String(revision))): Operation => ({
  kind: 'deploy',
  phase: 'prepare',
  step: 'prepare.clear',
  intent: 'try',
  split: { stable: 100, candidate: 0 },
  moved: false,
  candidate: { color: 'green', revision },
  digest: of.digest,
  images: ['registry.example/web:v1'],
  stable: { color: 'blue', revision: 1 },
  replaces: null,
  created: [],
  digests: [],
  started: '2026-01-01T00:00:00.000Z',
  run: 'https://ci.example/1',
  holder: 'run-1',
})

/** Newest first. */
export const entries = (from: number, to: number): HistoryEntry[] =>
  Array.from({ length: from - to + 1 }, (_, at) => ({
    revision: from - at,
    color: 'blue',
    outcome: 'released',
    digest: content(String(from - at)).digest,
    images: [],
    digests: [],
    started: '',
    finished: '',
    run: '',
  }))

interface Opened {
  release?: string
  namespace?: string
  redact?: (text: string) => string
  warn?: (text: string) => void
}

export const read = (
  cluster: Cluster,
  { release = 'web', namespace = 'shop', redact = (text) => text, warn = () => undefined }: Opened = {},
) => LedgerStore.read({ cluster, namespace, release, redact, warn })

/** A store whose run has this generation. */
export async function open(cluster: Cluster, generation = 1, options: Opened = {}): Promise<LedgerStore> {
  const store = await read(cluster, options)
  await store.write({ generation })
  return store
}
