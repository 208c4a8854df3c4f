// Objects as other tools give them: what only the API server fills in is left out, and what means something to such a tool alone is left
// out with a word, or refused.
import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'
import { ManifestError } from './yaml.ts'

const HELM = 'helm.sh/hook'
const ARGO = 'argocd.argoproj.io/hook'
const LOCAL = 'config.kubernetes.io/local-config'
/** Hooks that do not run when something is deployed. */
const NOT_AT_DEPLOY: Record<string, RegExp> = {
  [HELM]: /^(test|test-success|test-failure|pre-delete|post-delete|pre-rollback|post-rollback)$/,
  [ARGO]: /^(Skip|SyncFail|PreDelete|PostDelete)$/,
}

/** The objects that a release is made of. `left` says what was left out and why. Throws a ManifestError for what would be made wrongly. */
export function ownObjects(objects: KubeObject[]): { objects: KubeObject[]; left: string[] } {
  const left: string[] = []
  const kept = objects.filter((object) => {
    const why = leftOut(object)
    if (why) left.push(`${nameOf(object)} is left out: ${why}`)
    return !why
  })
  for (const object of kept) {
    refuseOwned(object)
    if (object.kind === 'Service' && object.apiVersion === 'v1') dropAddresses(object)
  }
  return { objects: kept, left }
}

function leftOut(object: KubeObject): string | undefined {
  const annotations = object.metadata.annotations ?? {}
  if (annotations[LOCAL] === 'true') return `${LOCAL} says that it is for tools only`
  for (const [annotation, passive] of Object.entries(NOT_AT_DEPLOY)) {
    const text = annotations[annotation]
    if (text === undefined) continue
    const hooks = text.split(',').map((hook) => hook.trim())
    if (hooks.every((hook) => passive.test(hook))) return `it is a hook (${annotation}: ${text}) that does not run at a deployment`
    const advice =
      annotation === HELM
        ? 'render with helm template --no-hooks, and run it in a step of its own'
        : 'take it out, and run it in a step of its own'
    throw new ManifestError(`manifests: ${nameOf(object)} is a hook (${annotation}: ${text}), and hooks are not run yet: ${advice}`)
  }
  return undefined
}

function refuseOwned(object: KubeObject): void {
  const [owner] = object.metadata.ownerReferences ?? []
  if (!owner) return
  throw new ManifestError(
    `manifests: ${nameOf(object)} belongs to ${owner.kind}/${owner.name} (metadata.ownerReferences), which makes it again by itself; take it out of the manifests`,
  )
}

/** The addresses of a Service that is read back from a cluster are another one's. A headless Service says None, which is meant. */
function dropAddresses(object: KubeObject): void {
  const { spec } = object as { spec?: { clusterIP?: unknown; clusterIPs?: unknown } | null }
  if (!spec || typeof spec !== 'object' || spec.clusterIP === 'None') return
  delete spec.clusterIP
  delete spec.clusterIPs
}
