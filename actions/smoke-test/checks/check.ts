import type { Attempt, Network } from '../dial.ts'
import type { Connection } from '../suite.ts'
import type { Target } from '../targets.ts'

/** What one attempt of any check works with. */
export interface Context {
  attempt: Attempt
  network: Network
  /** The suite's target, if it has one. */
  target: Target | undefined
  /** With PEM where the suite names files. */
  connection: Connection
  /** Hides credentials that are composed on the way. */
  mask: (secret: string) => void
  /** The JSON Schema that a check names, read; undefined for none. */
  schemaOf(schema: string | object | undefined): object | undefined
}

/** An attempt that passed: what was seen, in a few words, and what later checks get of it. */
export interface Outcome {
  said: string
  captured?: Map<string, unknown>
}
