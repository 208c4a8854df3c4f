import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import { ManifestError } from './yaml.ts'

export interface ImageOverride {
  /** The repository as the manifests name it, without tag and digest: `localhost:5000/web`. */
  name: string
  /** What runs instead: `ghcr.io/org/web@sha256:...`. */
  reference: string
}

// The grammar of https://github.com/distribution/reference: [host[:port]/]path[:tag][@digest], where upper case is only for hosts and tags.
const HOST = '(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?'
const PATH = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const REFERENCE = new RegExp(
  `^((?:${HOST}/)?${PATH}(?:/${PATH})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@([a-z0-9]+:[0-9a-fA-F]{32,}))?$`,
)

/** Takes a reference apart; undefined when it is none. A colon before the last slash belongs to a port, not to a tag. */
export function parseReference(reference: string): { name: string; tag?: string; digest?: string } | undefined {
  const match = reference.length <= 512 ? REFERENCE.exec(reference) : null
  if (!match?.[1]) return undefined
  return { name: match[1], ...(match[2] && { tag: match[2] }), ...(match[3] && { digest: match[3] }) }
}

/** Reads `name=reference`; undefined when it has another form. */
export function parseOverride(text: string): ImageOverride | undefined {
  const at = text.indexOf('=')
  const [name, reference] = [text.slice(0, at).trim(), text.slice(at + 1).trim()]
  const parsed = parseReference(name)
  return at > 0 && parsed?.name === name && parseReference(reference) ? { name, reference } : undefined
}

interface PodHolder extends KubeObject {
  spec?: PodLike & { template?: { spec?: PodLike }; jobTemplate?: { spec?: { template?: { spec?: PodLike } } } }
}
interface PodLike {
  containers?: unknown
  initContainers?: unknown
}

/** The containers of anything that has a pod template, or is one; init containers included. What has another shape has none. */
export function containersOf(object: KubeObject): { image?: unknown }[] {
  const { kind, spec } = object as PodHolder
  const pod = kind === 'Pod' ? spec : (spec?.jobTemplate?.spec?.template?.spec ?? spec?.template?.spec)
  return [pod?.initContainers, pod?.containers].flatMap((list) => (Array.isArray(list) ? list.filter(isObject) : []))
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/**
 * Replaces images by exact repository name, in place. Throws when an override fits no container: a name that is
 * mistyped would otherwise release the old image.
 */
export function overrideImages(objects: KubeObject[], overrides: ImageOverride[]): void {
  const containers = objects.flatMap(containersOf)
  const names = new Set<string>()
  const replaced = new Set<ImageOverride>()
  for (const container of containers) {
    if (typeof container.image !== 'string') continue
    const name = parseReference(container.image)?.name ?? container.image
    names.add(name)
    const override = overrides.find((candidate) => candidate.name === name)
    if (!override) continue
    container.image = override.reference
    replaced.add(override)
  }
  const unused = overrides.find((override) => !replaced.has(override))
  if (unused)
    throw new ManifestError(
      `images: no container has the image ${unused.name}; the manifests have ${[...names].sort().join(', ') || 'none'}`,
    )
}
