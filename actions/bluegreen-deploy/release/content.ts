import { createHash } from 'node:crypto'
import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import { containersOf } from '../manifests/images.ts'

/** What a revision was made of: the manifests with their images, free of colors. */
export interface Content {
  objects: KubeObject[]
  /** Hash of the objects; the same hash is the same release. */
  digest: string
  images: string[]
}

/** Manifests as one thing that can be kept, hashed and compared. `images` are those of the workloads, each once. */
export function contentOf(objects: KubeObject[], workloads: readonly KubeObject[]): Content {
  const images = new Set(workloads.flatMap(containersOf).map((container) => String(container.image)))
  return { objects, digest: digestOf(objects), images: [...images] }
}

/** SHA-256 of the objects in a form that does not depend on the order of keys. */
export const digestOf = (objects: readonly KubeObject[]): string =>
  `sha256:${createHash('sha256').update(canonical(objects)).digest('hex')}`

/** `latest`, by name or by default, means another image tomorrow: the same manifests are not the same release then. */
export const isMoving = (image: string): boolean => !image.includes('@') && (!/:[^/]+$/.test(image) || image.endsWith(':latest'))

/** JSON with sorted keys: the same objects give the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
