import { createHash } from 'node:crypto'
import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'
import type { Content, Ledger, Side } from '../ledger/store.ts'
import { type Color, otherColor, type Parts, renderColor } from '../release/model.ts'

export interface PlanStep {
  phase: 'prepare' | 'switch' | 'bake' | 'retire'
  verb: 'apply' | 'create if absent' | 'delete' | 'restart' | 'scale'
  object: string
  /** What takes it back. */
  undo: string
}

export interface Plan {
  candidate: Side
  /** What serves now, and serves again after a way back; none on a first release. */
  stable: Side | null
  /** The warm color that the candidate takes the place of. */
  replaces: Side | null
  /** Set when there is nothing to do, with why. */
  unchanged?: string
  steps: PlanStep[]
}

export interface PlanInput {
  release: string
  parts: Parts
  content: Content
  ledger: Ledger
  /** The color that the Service selects, as read from the cluster. */
  serving: Color | undefined
  /** Whether the serving color has all its pods. */
  healthy: boolean
  retire: 'scale' | 'keep' | 'delete'
}

/** Decides which color becomes what and lists every write with its undoing. Pure: reads nothing, writes nothing. */
export function planRelease(input: PlanInput): Plan {
  const { ledger, serving, parts, content, release, retire } = input
  const stable = serving === undefined ? ledger.active : sideOf(serving, ledger)
  const candidate: Side = { color: stable ? otherColor(stable.color) : 'blue', revision: ledger.revision + 1 }
  const replaces = ledger.warm?.color === candidate.color ? ledger.warm : null
  const plan: Plan = { candidate, stable, replaces, steps: [] }
  const last = ledger.history.find((entry) => entry.revision === stable?.revision)
  if (last?.outcome === 'released' && last.digest === content.digest && input.healthy && !content.images.some(isMoving)) {
    return { ...plan, unchanged: `revision ${last.revision} already serves exactly these manifests and images on ${stable?.color}` }
  }
  const rendered = renderColor(parts, release, candidate.color, candidate.revision)
  const { steps } = plan
  if (replaces) {
    const undo = `none: the fast way back to revision ${replaces.revision} ends here; its manifests are kept`
    steps.push({ phase: 'prepare', verb: 'delete', object: `color ${replaces.color}, revision ${replaces.revision}`, undo })
  }
  for (const object of parts.prerequisites)
    steps.push({ phase: 'prepare', verb: 'create if absent', object: nameOf(object), undo: 'stays' })
  for (const object of [...rendered.config, rendered.workload, rendered.preview])
    steps.push({ phase: 'prepare', verb: 'apply', object: nameOf(object), undo: 'delete' })
  const undo = stable ? `apply as of revision ${stable.revision}` : 'none: nothing served before'
  steps.push({ phase: 'switch', verb: 'apply', object: `${nameOf(rendered.service)} with color ${candidate.color}`, undo })
  for (const object of [...parts.prerequisites, ...parts.shared])
    steps.push({ phase: 'switch', verb: 'apply', object: nameOf(object), undo })
  if (stable) {
    const old = `Deployment/${parts.workload.metadata.name}-${stable.color}`
    steps.push({ phase: 'bake', verb: 'restart', object: old, undo: 'not needed' })
    if (retire !== 'keep')
      steps.push({
        phase: 'retire',
        verb: retire === 'scale' ? 'scale' : 'delete',
        object: old,
        undo: retire === 'scale' ? 'scale up' : 'release it again',
      })
  }
  steps.push({ phase: 'retire', verb: 'delete', object: nameOf(rendered.preview), undo: 'not needed' })
  return plan
}

/** What a color runs, by the ledger; revision 0 when it was not made by a release that the ledger knows. */
export function sideOf(color: Color, ledger: Ledger): Side {
  return [ledger.active, ledger.warm].find((side) => side?.color === color) ?? { color, revision: 0 }
}

/** `latest`, by name or by default, means another image tomorrow: the same manifests are not the same release then. */
const isMoving = (image: string): boolean => !image.includes('@') && (!/:[^/]+$/.test(image) || image.endsWith(':latest'))

/** Manifests with their images as one thing that can be kept, hashed and compared. */
export function contentOf(objects: KubeObject[], images: string[]): Content {
  const digest = `sha256:${createHash('sha256').update(canonical(objects)).digest('hex')}`
  return { objects, digest, images }
}

/** JSON with sorted keys: the same objects give the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
