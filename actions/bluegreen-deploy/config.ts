import type { ImageOverride } from './manifests/images.ts'

export const COMMANDS = ['deploy', 'prepare', 'promote', 'rollback', 'recover', 'status', 'cleanup'] as const
export type Command = (typeof COMMANDS)[number]

/** What a run was asked to do; all times in milliseconds. */
export interface Config {
  command: Command
  name: string
  namespace: string
  images: ImageOverride[]
  /** For promote: what prepare gave. */
  revision: number | undefined
  /** For rollback: where to. */
  to: number | undefined
  dryRun: boolean
  readyTimeout: number
  check: { path?: string; port?: string; timeout: number; passes: number; deadline: number }
  propagationTime: number
  bakeTime: number
  checkInterval: number
  minRequests: number
  metricsPath: string
  onInconclusive: 'keep' | 'back'
  retire: 'scale' | 'keep' | 'delete'
  retireDelay: number
  lockTimeout: number
  leaseDuration: number
}
