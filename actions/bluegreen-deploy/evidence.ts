import type { Findings } from '../shared/report/report.ts'
import type { Config } from './config.ts'
import type { ReleaseResult } from './engine.ts'
import { printed } from './machine/plan.ts'
import { mainEntry, type Revision, type Workload } from './release/model.ts'

/** What a release becomes for people. */
export function reportOf(result: ReleaseResult, config: Config): Findings {
  const { ledger, plan, changes, done } = result
  const entry = ledger.history.find((candidate) => candidate.revision === result.revision)
  const images = entry?.digests.length ? entry.digests : (entry?.images ?? [])
  const facts = [
    { name: 'Release', value: `${config.name} in namespace ${config.namespace}` },
    { name: 'Command', value: config.dryRun ? `${config.command} (dry run)` : config.command },
    { name: 'Revision', value: String(result.revision) },
    { name: 'Serves', value: result.activeColor || 'nothing' },
    { name: 'Kept warm', value: result.previousColor || 'nothing' },
    { name: 'Traffic', value: traffic(result) },
    ...(images.length ? [{ name: 'Images', value: images.join(', ') }] : []),
    ...unnamed(result),
  ]
  const evidence = []
  if (config.dryRun && plan?.steps.length)
    evidence.push({
      title: 'What would be done',
      text: [
        ...plan.steps.map(({ phase, describe }) => `${phase}: ${describe}`),
        ...plan.wayBack.map(({ describe }) => `way back: ${describe}`),
      ].join('\n'),
    })
  if (done?.length) evidence.push({ title: 'What was done', text: done.map(({ id, describe }) => `${id}: ${describe}`).join('\n') })
  if (changes?.length)
    evidence.push({
      title: 'What changes',
      text: changes.flatMap(({ object, lines }) => lines.map((line) => `${object} ${line}`)).join('\n'),
    })
  return {
    outcome: result.outcome,
    headline: result.headline,
    reason: result.reason,
    ...(result.code && { code: result.code }),
    facts,
    evidence,
    data: {
      plan: plan && printed(plan),
      done,
      changes,
      ledger: { active: ledger.active, warm: ledger.warm, operation: ledger.operation, history: ledger.history },
    },
  }
}

/** Why the outputs `candidate` and `baseline` are empty after a release that went through. */
function unnamed({ candidate }: ReleaseResult): { name: string; value: string }[] {
  if (!candidate || meantWorkload(candidate)) return []
  const value = `several workloads, and none is called ${candidate.release.name}: the outputs candidate and baseline are empty, workloads has them all`
  return [{ name: 'Pods', value }]
}

function traffic({ switched, rolledBack }: ReleaseResult): string {
  if (switched && rolledBack) return 'moved to the candidate, and back'
  if (rolledBack) return 'taken back'
  return switched ? 'moved to the candidate' : 'not moved'
}

/** What a release becomes for other steps. */
export function outputsOf(result: ReleaseResult, { namespace }: Config): Record<string, string> {
  const { candidate, ledger } = result
  return {
    'active-color': result.activeColor,
    'previous-color': result.previousColor,
    revision: String(result.revision),
    switched: String(result.switched),
    'rolled-back': String(result.rolledBack),
    workloads: JSON.stringify(candidate?.workloads.map((workload) => workloadOf(workload, candidate, namespace)) ?? []),
    candidate: candidate ? matcherOf(candidate, namespace) : '',
    // A selector moves all of the traffic: the other color has none that the candidate could be compared with.
    baseline: '',
    preview: candidate && ledger.operation?.phase === 'prepared' ? previewOf(candidate, namespace) : '',
  }
}

const workloadOf = (workload: Workload, { color }: Revision, namespace: string) => ({
  name: workload.object.metadata.name,
  color,
  pods: podsMatcher(workload, namespace),
  image: imageOf(workload),
})

const imageOf = ({ object }: Workload): string => {
  const image = object.spec.template.spec.containers[0]?.image
  return typeof image === 'string' ? image : ''
}

/** A pod's name has so many characters of its Deployment's and ReplicaSet's at most; five of its own follow. */
const LONGEST_BASE = 58

/** The pods of a workload, as matchers of Prometheus between braces. */
function podsMatcher({ object }: Workload, namespace: string): string {
  const { name } = object.metadata
  const hash = 11 // a dash and at most ten characters
  const pods = name.length + hash < LONGEST_BASE ? `${name}-[0-9a-z]+-[0-9a-z]+` : `${name.slice(0, LONGEST_BASE - 1)}.*`
  return `namespace="${namespace}",pod=~"${pods}"`
}

/** The only workload, else the one that bears the release's name. */
const meantWorkload = ({ workloads, release }: Revision): Workload | undefined =>
  workloads.length === 1 ? workloads[0] : workloads.find(({ name }) => name === release.name)

function matcherOf(revision: Revision, namespace: string): string {
  const meant = meantWorkload(revision)
  return meant ? podsMatcher(meant, namespace) : ''
}

function previewOf({ gateways, release }: Revision, namespace: string): string {
  const gateway = gateways.find(({ service }) => service.metadata.name === mainEntry(release))
  const [port] = gateway?.preview.spec.ports ?? []
  return gateway && port ? `k8s://${namespace}/${gateway.preview.metadata.name}:${port.name ?? port.port}` : ''
}

/** Whether the step fails: what a bake that says too little does is the user's choice. */
export function exitOf({ outcome }: ReleaseResult, { bake }: Config): 'success' | 'failure' {
  if (outcome === 'inconclusive') return bake.onInconclusive === 'pass' ? 'success' : 'failure'
  return outcome === 'passed' ? 'success' : 'failure'
}
