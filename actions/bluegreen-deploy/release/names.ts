// Every name and label that a release gives, spelled once. Names are unique to the release: two releases of one namespace never meet.

import { createHash } from 'node:crypto'

export type Color = 'blue' | 'green'
export const COLORS: readonly Color[] = ['blue', 'green']
export const otherColor = (color: Color): Color => (color === 'blue' ? 'green' : 'blue')
export const isColor = (value: unknown): value is Color => value === 'blue' || value === 'green'

/** The label whose value decides which pods a Service sends traffic to. */
export const COLOR = 'color'
/** The label of everything that a release owns: the release's name. */
export const RELEASE = 'devops-actions/release'
/** The label of a color's workload and pods: the number of what they run. */
export const REVISION = 'devops-actions/revision'
/** The label of preview Services, so that monitors can leave them out. */
export const PREVIEW = 'devops-actions/preview'
/** The annotation with the lease's generation under which an object was written. */
export const GENERATION = 'devops-actions/generation'
/** The annotation of a Service that says when it is switched: lower numbers first, 0 where it is missing. */
export const ORDER = 'devops-actions/order'

/** The ledger, and the Lease beside it. */
export const ledgerName = (release: string): string => `bluegreen-${release}`
/** The Secret that keeps the manifests of a revision. */
export const revisionName = (release: string, revision: number): string => `bluegreen-${release}-r${revision}`

export const workloadName = (name: string, color: Color): string => `${name}-${color}`
/** `SERVICE-preview`; where a Service's 63 characters leave no room for that, the name is cut and told apart by a hash of the whole. */
export function previewName(service: string): string {
  if (service.length <= 55) return `${service}-preview`
  const hash = createHash('sha256').update(service).digest('hex').slice(0, 8)
  return `${service.slice(0, 46)}-${hash}-preview`
}

/** A color's own copy of a ConfigMap or Secret: `RELEASE-NAME-COLOR`, or `NAME-COLOR` where the name begins with the release's already. */
export function configName(release: string, name: string, color: Color): string {
  const own = name === release || name.startsWith(`${release}-`)
  return own ? `${name}-${color}` : `${release}-${name}-${color}`
}

/** Whether `Kind/name` is what a release keeps for itself: its ledger, its Lease, or one of its revisions. */
export function isKept(release: string, object: string): boolean {
  const secret = `Secret/${ledgerName(release)}-r`
  const kept = [`ConfigMap/${ledgerName(release)}`, `Lease/${ledgerName(release)}`]
  return kept.includes(object) || (object.startsWith(secret) && /^\d+$/.test(object.slice(secret.length)))
}
