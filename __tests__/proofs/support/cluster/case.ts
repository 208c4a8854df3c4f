// One case of the proof hostile-cluster: something in the cluster is not as it should be, and a release meets it.
import type { KubeObject, Ref } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import type { DataObject } from '../../../../actions/shared/kubernetes/objects/read.ts'
import type { BundleResult, BundleRun } from '../../../../scripts/runner.ts'
import type { Call } from '../proxy.ts'
import type { Stage, View } from '../stage.ts'
import { atWrite, type WriteName } from '../writes.ts'

/** In what nobody may see: a password of a stored object, for one. */
export const SECRET = 'S3CR3T-hunter2-0123456789'
/** What the runner would execute, had it been printed as it is. */
export const SHOUT = '\n::error::HOSTILE\n##[error]HOSTILE\r::add-mask::backend'

export interface Case {
  name: string
  /** Of the everyday run. */
  short?: boolean
  /** What happens to the pods hurts users by itself, whatever a release does. */
  hurts?: true
  /** Writes the ledger, or switches the Service, past the action: that they differ meanwhile is the case itself. */
  forges?: true
  /** How much is done to see that the release goes on: a look at what is there, recover, or (by default) recover and another release. */
  after?: 'look' | 'recover'
  /** How long the run of the action may take, in milliseconds: what its inputs allow, on a busy machine. */
  longest?: number
  run(table: Table): Promise<void>
}

/** What a case works with. */
export interface Table {
  stage: Stage
  /** What served when the case began. */
  before: View
  /** Notes what is wrong unless `holds`. */
  expect(holds: boolean, otherwise: string): void
  /** Called when the case is over: takes the obstacle away. */
  heal(undo: () => Promise<unknown>): void
  run(options?: Options): Promise<BundleResult>
  /** Like `run`, and `act` is done when the write of that name is about to be forwarded. */
  runWith(at: WriteName, act: (call: Call) => Promise<void>, options?: Options): Promise<BundleResult>
  /** The word that it has to end with. */
  expectOutcome(result: BundleResult, outcomes: string | string[], says?: RegExp): void
  /** What users get through every entry. */
  expectServes(version: string | undefined): Promise<void>
}

export type Options = { version?: string; inputs?: Record<string, string> } & Partial<BundleRun>

export const told = ({ report, outputs, log }: BundleResult): string =>
  report ? `${report.headline} / ${report.reason}` : (outputs['reason'] ?? log.slice(-800))

export function openTable(
  stage: Stage,
  before: View,
  note: (problem: string) => void,
): Table & { runs: BundleResult[]; heals: (() => Promise<unknown>)[] } {
  const runs: BundleResult[] = []
  const heals: (() => Promise<unknown>)[] = []
  const expect = (holds: boolean, otherwise: string): void => {
    if (!holds) note(otherwise)
  }
  const run = async (options: Options = {}): Promise<BundleResult> => {
    const inputs = { 'api-timeout': '8s', 'lock-timeout': '5s', ...options.inputs }
    const result = await stage.run({ ...options, inputs })
    runs.push(result)
    return result
  }
  return {
    stage,
    before,
    runs,
    heals,
    expect,
    heal: (undo) => void heals.unshift(undo),
    run,
    async runWith(at, act, options) {
      let met = false
      const acts = async (call: Call): Promise<'pass'> => {
        met = true
        await act(call)
        return 'pass'
      }
      stage.proxy.use(atWrite(before.color, at, acts))
      const result = await run(options)
      stage.proxy.use(async () => 'pass')
      expect(met, `the run came to no ${at}: it ended ${result.outputs['outcome']}: ${told(result)}`)
      return result
    },
    expectOutcome(result, outcomes, says) {
      const outcome = result.outputs['outcome'] ?? `exit code ${result.code}`
      const meant = [outcomes].flat()
      expect(meant.includes(outcome), `it ended ${outcome}, not ${meant.join(' or ')}: ${told(result)}`)
      const text = `${told(result)}\n${result.commands.map(({ data }) => data).join('\n')}\n${result.log}`
      if (says) expect(says.test(text), `it does not say ${says}: ${told(result)}`)
    },
    async expectServes(version) {
      for (const entry of (await stage.look()).entries)
        expect(entry.version === version, `${entry.version} serves through ${entry.name}, not ${version}`)
    },
  }
}

/** Creates an object that goes with the case. */
export async function put({ stage, heal }: Table, object: KubeObject): Promise<KubeObject> {
  const { kube } = stage.world
  const made = { ...object, metadata: { ...object.metadata, ...(!isWide(object) && { namespace: stage.namespace }) } }
  const created = await kube.create(made)
  heal(() => kube.delete(refIn(stage, made)))
  return created
}

const isWide = ({ kind }: KubeObject): boolean => kind.startsWith('ValidatingAdmissionPolicy')

export const refIn = ({ namespace }: Stage, { apiVersion, kind, metadata }: KubeObject): Ref => ({
  apiVersion,
  kind,
  name: metadata.name,
  ...(!isWide({ apiVersion, kind, metadata }) && { namespace }),
})

/** Changes an object by a merge patch, and the other way round when the case is over. */
export async function change(
  { stage, heal }: Table,
  object: { apiVersion: string; kind: string; name: string },
  patch: object,
  back: object,
): Promise<void> {
  const { kube } = stage.world
  const ref = { ...object, namespace: stage.namespace }
  await kube.patch(ref, patch)
  heal(async () => (await kube.get(ref)) && kube.patch(ref, back))
}

/** Puts something else in the place of an object that cannot be changed, and the first one back when the case is over. */
export async function swap(
  { stage, heal }: Table,
  object: DataObject & { type?: string; immutable?: boolean },
  next: object,
): Promise<void> {
  const { kube } = stage.world
  const ref = refIn(stage, object)
  const { name, namespace, labels, annotations } = object.metadata
  const fresh = { ...object, metadata: { name, namespace, labels, annotations } } as KubeObject
  await kube.delete(ref)
  await kube.create({ ...fresh, ...next } as KubeObject)
  heal(async () => {
    await kube.delete(ref)
    await kube.create(fresh)
  })
}

export async function read(stage: Stage, apiVersion: string, kind: string, name: string): Promise<DataObject> {
  const found = await stage.world.kube.get({ apiVersion, kind, namespace: stage.namespace, name })
  if (!found) throw new Error(`there is no ${kind}/${name}`)
  return found as DataObject
}
