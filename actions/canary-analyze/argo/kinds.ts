// Which document of a file is meant, when it holds objects of Kubernetes.
import { isRecord } from '../../shared/text/records.ts'

const KNOWN =
  'An AnalysisTemplate or a ClusterAnalysisTemplate of Argo Rollouts is known, and configurations without a kind: of this action, and of Kayenta'

/** `AnalysisTemplate` or `ClusterAnalysisTemplate`; undefined for everything else. */
export function templateKind(document: unknown): string | undefined {
  const kind = kindOf(document)
  return kind === 'AnalysisTemplate' || kind === 'ClusterAnalysisTemplate' ? kind : undefined
}

/** What other kinds are, and what to do about them. */
const others: Record<string, string> = {
  AnalysisRun: 'a run of Argo Rollouts, not the template it was made from; give that template',
  Experiment: 'an experiment of Argo Rollouts; give one of the templates that its analyses name',
  Rollout: 'a rollout of Argo Rollouts; give the AnalysisTemplate that its strategy names',
  List: 'a list of objects; give the one that is meant alone, or as a document of its own after ---',
  AnalysisTemplateList: 'a list of objects; give the one that is meant alone, or as a document of its own after ---',
  ClusterAnalysisTemplateList: 'a list of objects; give the one that is meant alone, or as a document of its own after ---',
  MetricTemplate: "a metric of Flagger, whose threshold stands in the Canary; write query and criterion as a metric of the kind 'value'",
  Canary: 'a canary of Flagger; write the queries of its analysis as metrics of this action',
}

const kindOf = (document: unknown): string | undefined => {
  const kind = isRecord(document) ? document['kind'] : undefined
  return typeof kind === 'string' ? kind : undefined
}

function named(document: unknown): string {
  const metadata = isRecord(document) ? document['metadata'] : undefined
  const name = isRecord(metadata) && typeof metadata['name'] === 'string' ? ` ${metadata['name']}` : ''
  return `${kindOf(document) ?? 'a document without kind'}${name}`
}

/**
 * The document that is meant: the only one, or the only template among several. Throws an Error that says what there is instead.
 */
export function meantDocument(documents: readonly unknown[]): unknown {
  const full = documents.filter((document) => document !== null && document !== undefined)
  const templates = full.filter((document) => templateKind(document) !== undefined)
  const [only] = full.length === 1 ? full : templates
  if (full.length === 1 || templates.length === 1) return known(only)
  const there = full.map(named).join(', ')
  if (templates.length > 1)
    throw new Error(
      `the file holds several templates, of which one is wanted: ${templates.map(named).join(', ')}; give the one that is meant alone`,
    )
  throw new Error(`one YAML document is wanted, not ${full.length}${there && `: ${there}`}${full.length ? `. ${KNOWN}` : ''}`)
}

function known(document: unknown): unknown {
  const kind = kindOf(document)
  if (kind === undefined || templateKind(document) !== undefined) return document
  const [, what] = Object.entries(others).find(([name]) => name === kind) ?? []
  throw new Error(`its kind is ${kind}${what ? `: ${what}` : ', which cannot be analyzed'}. ${KNOWN}`)
}
