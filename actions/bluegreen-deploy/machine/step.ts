import type { Evidence } from '../../shared/kubernetes/watch/diagnosis.ts'
import type { Finding } from '../gates/gate.ts'
import type { Operation, Phase } from '../ledger/schema.ts'
import type { Reach, SmokeTest } from '../ports.ts'
import type { Revision } from '../release/model.ts'
import type { Context } from './context.ts'

/** One thing that a release does. The dry run prints the steps, the machine runs them, and the report shows which were done. */
export interface Step {
  /** Unique in the release; the ledger keeps the one at which a phase begins. */
  readonly id: string
  readonly phase: Exclude<Phase, 'prepared'>
  /** What is done to which object. */
  readonly describe: string
  /** What takes the step back: the description of the step of the way back that does, or why nothing does. */
  readonly undo: string
  /** Idempotent: whoever comes after a dead run does it again. */
  run(context: Context, progress: Progress): Promise<void>
}

/** What the steps are worked out from; pure, but for what they do when they are run. */
export interface Asked {
  reach: Reach & { smoke?: SmokeTest | undefined }
  kind: Operation['kind']
  candidate: Revision
  /** What serves until the shift, and again after the way back; none on a first release. */
  stable: Revision | undefined
  /** The warm color whose place the candidate takes. */
  replaces: Revision | undefined
}

/** What came out of the steps of a run so far. */
export interface Progress {
  /** What the gates had to say about a release that stays. */
  findings: Finding[]
  /** Images that the candidate's pods run, by the digests that their nodes pulled. */
  digests: string[]
  /** Whether this run moved traffic to the candidate. */
  switched: boolean
  /** Whether the bake recreated all pods of the old color. */
  recreated: boolean
  /** Why the candidate was rejected in this run. */
  rejection: Rejected | undefined
  /** The steps that were run, in order, each by its id and description. */
  done: { id: string; describe: string }[]
}

export const noProgress = (): Progress => ({
  findings: [],
  digests: [],
  switched: false,
  recreated: false,
  rejection: undefined,
  done: [],
})

/** Runs a step, and notes that it was run. */
export async function runStep(context: Context, progress: Progress, step: Step): Promise<void> {
  await step.run(context, progress)
  progress.done.push({ id: step.id, describe: step.describe })
}

/** The candidate is bad: traffic stays on, or goes back to, the stable color. */
export class Rejected extends Error {
  readonly evidence: Evidence[]
  /** Not bad, but not shown to be good either. */
  readonly inconclusive: boolean
  readonly code: string
  constructor(code: string, reason: string, evidence: Evidence[] = [], inconclusive = false) {
    super(reason)
    this.code = code
    this.evidence = evidence
    this.inconclusive = inconclusive
  }
}

/** The cluster itself stands in the way: nothing is said about the candidate. */
export class ClusterFault extends Error {
  readonly code = 'cluster-fault'
}
