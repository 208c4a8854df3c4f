// What the ledger says, as it is stored. Version 2 is the first that users see.
import { z } from 'zod'
import { messageOf } from '../../shared/text/errors.ts'
import { ledgerName } from '../release/names.ts'

export const VERSION = 2

const phase = z.enum(['prepare', 'verify', 'prepared', 'shift', 'bake', 'retire', 'rollback'])
/** Where an unfinished release stands. Each is written before it is acted on. */
export type Phase = z.infer<typeof phase>

/** No release counts up to it; a run that finds a ledger near it would write one that cannot be read again. */
const END = 1e9
const NEAR_END = END - 1e6
const number = z.int().min(0).max(END)
const side = z.strictObject({ color: z.enum(['blue', 'green']), revision: number })
const percent = z.number().min(0).max(100)
const split = z
  .strictObject({ stable: percent, candidate: percent })
  .refine((to) => to.stable + to.candidate === 100, 'does not sum to 100')
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a SHA-256 digest is needed')

const operation = z.strictObject({
  kind: z.enum(['deploy', 'prepare', 'rollback']),
  phase,
  /** The id of the step at which the phase begins. */
  step: z.string(),
  /** What the phase is about to do, for people. */
  intent: z.string(),
  /** Where the traffic is meant to be. */
  split,
  /** Whether traffic was, or may have been, moved to the candidate: only then is there some to take back. */
  moved: z.boolean(),
  candidate: side,
  /** Hash of the candidate's manifests: what is kept of it is held against this. */
  digest,
  /** The images of the candidate's manifests. */
  images: z.array(z.string()),
  /** The color that serves until the shift, and again after the way back. None on a first release. */
  stable: side.nullable(),
  /** The warm color whose place the candidate takes. */
  replaces: side.nullable(),
  /** Objects that came with the shift and were not there before, as `apiVersion Kind/name`: the way back deletes them. */
  created: z.array(z.string()),
  /** Images that the candidate's pods run, by the digests that their nodes pulled. */
  digests: z.array(z.string()),
  started: z.string(),
  /** Where the run is, or was, that works on this. */
  run: z.string(),
  /** The lease identity of that run. */
  holder: z.string(),
  /** Why it goes back, and since when. */
  reason: z.string().optional(),
  decided: z.string().optional(),
})
export type Operation = z.infer<typeof operation>

const entry = z.strictObject({
  revision: number.min(1),
  color: z.enum(['blue', 'green']),
  outcome: z.enum(['released', 'rolled-back', 'failed']),
  /** Hash of the manifests with their images; the same hash is the same release. */
  digest,
  images: z.array(z.string()),
  /** What these were when they ran, as `repository@sha256:...`. */
  digests: z.array(z.string()),
  started: z.string(),
  finished: z.string(),
  run: z.string(),
  reason: z.string().optional(),
})
export type HistoryEntry = z.infer<typeof entry>

const ledgerSchema = z.strictObject({
  version: z.literal(VERSION),
  release: z.string(),
  /** Of the lease under which this was written; a lower one may not write. */
  generation: number,
  /** The last revision number given out. */
  revision: number,
  active: side.nullable(),
  /** The old color, kept for a fast way back. */
  warm: side.nullable(),
  operation: operation.nullable(),
  /** Newest first: the last ten, and what is still there. */
  history: z.array(entry),
  /** Revisions whose manifests are deleted next: whoever wrote this may have died before it did. */
  forgotten: z.array(number),
})
export type Ledger = z.infer<typeof ledgerSchema>

export const emptyLedger = (release: string): Ledger => ({
  version: VERSION,
  release,
  generation: 0,
  revision: 0,
  active: null,
  warm: null,
  operation: null,
  history: [],
  forgotten: [],
})

/** What is stored as the ledger cannot be read. */
class LedgerError extends Error {
  readonly code = 'ledger-unreadable'
}

/** Reads a stored ledger. Throws an error that names the fields which are wrong, when it was edited by hand or another version wrote it. */
export function parseLedger(text: string | undefined, release: string): Ledger {
  const where = `the ledger ConfigMap/${ledgerName(release)}`
  const wrong = (why: string, cause?: unknown) =>
    new LedgerError(`${where} cannot be read: ${why}; restore it from a backup, what serves is not touched until then`, { cause })
  if (text === undefined) throw wrong('it has no state.json')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw wrong(`its state is not JSON (${messageOf(cause)})`, cause)
  }
  const version = z.looseObject({ version: z.unknown() }).safeParse(json).data?.version
  if (version !== VERSION && typeof version === 'number') throw new LedgerError(`${where} ${foreignVersion(version)}`)
  const read = ledgerSchema.safeParse(json)
  if (!read.success) throw wrong(z.prettifyError(read.error))
  if (read.data.release !== release) throw wrong(`it belongs to release ${JSON.stringify(read.data.release)}`)
  return read.data
}

/** The ledger that a run begins with: one whose numbers are near their end is refused as well, before anything is done that could not be noted. */
export function openLedger(text: string | undefined, release: string): Ledger {
  const ledger = parseLedger(text, release)
  for (const name of ['generation', 'revision'] as const)
    if (ledger[name] > NEAR_END)
      throw new LedgerError(
        `the ledger ConfigMap/${ledgerName(release)} cannot be gone on with: its ${name} is ${ledger[name]}, which no release counts up to; restore it from a backup, or lower the number by hand`,
      )
  return ledger
}

/** What is about to be written, if it can be read again. Throws for numbers that have come to their end: nothing is written then. */
export function checkLedger(ledger: Ledger): Ledger {
  const problem = ledgerSchema.safeParse(ledger).error
  if (!problem) return ledger
  const where = `the ledger ConfigMap/${ledgerName(ledger.release)}`
  const advice = 'somebody has put a number there, or on the Lease beside it, that no release counts up to: lower it by hand'
  throw new LedgerError(`${where} could not be read again after this write: ${z.prettifyError(problem)}; ${advice}`)
}

const foreignVersion = (version: number): string =>
  version > VERSION
    ? `has version ${version}, which a newer version of this action wrote; this one reads version ${VERSION}: use the newer one`
    : `has version ${version}, from before the first published version of this action, which reads version ${VERSION}: finish or undo that release with the version that wrote it, then release under another name`
