import type { ImageOverride } from './manifests/images.ts'

export const COMMANDS = ['deploy', 'prepare', 'promote', 'rollback', 'recover', 'status', 'cleanup'] as const
export type Command = (typeof COMMANDS)[number]

/** What a run was asked to do; all times in milliseconds. */
export interface Config {
  command: Command
  name: string
  namespace: string
  images: ImageOverride[]
  /** For promote and rollback: the revision that is meant. */
  revision: number | undefined
  dryRun: boolean
  /** By when all pods of a color have to be ready. */
  readyDeadline: number
  /** How long endpoints take to reach every node. */
  propagationTime: number
  check: CheckConfig
  bake: BakeConfig
  retire: { how: 'scale' | 'keep' | 'delete'; delay: number }
  lock: { timeout: number; leaseDuration: number }
}

export interface CheckConfig {
  /** Of the main entry; undefined is the readiness probe's, `off` asks nothing of any entry. */
  path: string | undefined
  port: string | undefined
  timeout: number
  passes: number
  deadline: number
  interval: number
}

export interface BakeConfig {
  /** How long the candidate is watched under traffic; 0 does not watch. */
  time: number
  minRequests: number
  metricsPath: string
  /** What a bake that says too little does: pass, fail with traffic on the candidate, or take the traffic back. */
  onInconclusive: 'pass' | 'fail' | 'rollback'
}
