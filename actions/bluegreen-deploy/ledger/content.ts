// What is kept of a revision: its manifests, packed into a Secret, as they may hold some.
import { gunzipSync, gzipSync } from 'node:zlib'
import { z } from 'zod'
import { nameOf } from '../../shared/kubernetes/api/cluster.ts'
import type { DataObject } from '../../shared/kubernetes/objects/read.ts'
import { messageOf } from '../../shared/text/errors.ts'
import { isDeeperThan } from '../../shared/text/records.ts'
import { containersOf } from '../manifests/images.ts'
import { unfold } from '../manifests/yaml.ts'
import { type Content, digestOf } from '../release/content.ts'

/** A Secret holds 1 MiB; its keys and metadata need a little of it. */
const MOST_PACKED = 1_000_000
const MOST_UNPACKED = 64 * 2 ** 20
/** More than any object of Kubernetes has. */
const MOST_LEVELS = 200

const contentShape = z.strictObject({
  objects: z.array(z.unknown()).min(1).max(2_000),
  digest: z.string(),
  images: z.array(z.string()),
})

/** Manifests as a Secret keeps them. Throws when that is more than a Secret holds. */
export function packContent(content: Content): string {
  const data = gzipSync(JSON.stringify(content)).toString('base64')
  if (data.length <= MOST_PACKED) return data
  throw new Error(
    `manifests: they take ${data.length} bytes compressed; at most ${MOST_PACKED} can be kept for a way back; release them in parts`,
  )
}

/** What is stored of a revision is not what the ledger says that it was. */
export class ContentError extends Error {
  readonly code = 'revision-unreadable'
}

/** What the ledger says of the revision that is read back. */
export interface Expected {
  revision: number
  namespace: string
  /** Undefined when the ledger says nothing of it. */
  digest: string | undefined
}

/**
 * The manifests that a Secret keeps, checked as manifests are: objects of Kubernetes, of the release's namespace, with the hash that the
 * ledger has. Throws an error that names the Secret: whoever may write Secrets does not decide what a rollback writes.
 */
export function unpackContent(secret: DataObject, { revision, namespace, digest }: Expected): Content {
  const refuse = (why: string, cause?: unknown): never => {
    throw new ContentError(
      `${nameOf(secret)} does not hold the manifests of revision ${revision}: ${why}; restore it from a backup, or release what is wanted anew with deploy`,
      { cause },
    )
  }
  const content = unpack(secret, refuse)
  if (digest === undefined) return refuse('the ledger does not know this revision')
  if (content.digest !== digest) return refuse(`its hash is not the one of the ledger (${digest.slice(0, 19)}…)`)
  const foreign = content.objects.find(({ metadata }) => (metadata.namespace ?? namespace) !== namespace)
  if (foreign) return refuse(`${nameOf(foreign)} is of namespace ${foreign.metadata.namespace}, not of ${namespace}`)
  return content
}

/** Whether a Secret keeps just these manifests; what cannot be read keeps others. */
export function keeps(secret: DataObject, content: Content): boolean {
  try {
    return unpack(secret, unreadable).digest === content.digest
  } catch (error) {
    if (error instanceof Unreadable) return false
    throw error
  }
}

class Unreadable extends Error {}
const unreadable = (why: string, cause?: unknown): never => {
  throw new Unreadable(why, { cause })
}

function unpack({ data }: DataObject, refuse: (why: string, cause?: unknown) => never): Content {
  if (typeof data?.content !== 'string') return refuse('it has no content')
  try {
    const text = gunzipSync(Buffer.from(data.content, 'base64'), { maxOutputLength: MOST_UNPACKED }).toString('utf8')
    const json: unknown = JSON.parse(text)
    if (isDeeperThan(json, MOST_LEVELS)) throw new Error(`it is nested deeper than ${MOST_LEVELS} levels`)
    const { objects: stored, images } = contentShape.parse(json)
    const objects = stored.flatMap((object, at) => unfold(object, `object ${at + 1}`))
    const there = objects.filter(({ kind }) => kind === 'Deployment').flatMap(containersOf)
    if (images.some((image) => there.every((container) => String(container.image) !== image)))
      throw new Error('it names images that its Deployments do not have')
    return { objects, images, digest: digestOf(objects) } // worked out, not believed
  } catch (cause) {
    return refuse(cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', '; ') : messageOf(cause), cause)
  }
}
