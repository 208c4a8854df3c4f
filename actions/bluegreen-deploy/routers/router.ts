import type { Color } from '../release/names.ts'

/** Which share of the traffic each side gets, in percent; the two sum to 100. */
export interface Split {
  stable: number
  candidate: number
}
export const ALL_STABLE: Split = { stable: 100, candidate: 0 }
export const ALL_CANDIDATE: Split = { stable: 0, candidate: 100 }

/** Whether a split reached the traffic. `unknown`: nothing could be seen that tells. */
export type Proof = { state: 'proved'; pods: number } | { state: 'refuted'; reason: string } | { state: 'unknown'; reason: string }

/** Divides the traffic of one entry between two colors. A Service's selector is the first of its kind. */
export interface Router {
  /** `Service/web`, for people. */
  readonly name: string
  /** The colors of its sides; no stable one on a first release. */
  readonly colors: { stable: Color | undefined; candidate: Color }
  /** Whether it can divide the traffic so. */
  can(split: Split): boolean
  /** How the traffic is divided now; undefined when that cannot be told (nothing there yet, or no color decides). */
  read(): Promise<Split | undefined>
  /** On a `rollback` safety comes before another manager's fields. */
  set(split: Split, way: 'promote' | 'rollback'): Promise<void>
  /** Resolves when only ready pods of the right side have been reachable for longer than endpoints take to spread. */
  prove(split: Split): Promise<Proof>
  /** Takes away what the candidate brought, where the stable side has no such entry. */
  restore(): Promise<void>
}
