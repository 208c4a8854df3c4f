// Objects as other tools give them: what only the API server fills in is left out, and what means something to such a tool alone is left
// out with a word, or refused.
import { z } from 'zod'
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

/** Annotations that controllers and kubectl write: they differ from one reading to the next, and mean nothing to another object. */
const CONTROLLERS =
  /^(deployment\.kubernetes\.io\/(revision|desired-replicas|max-replicas)|kubectl\.kubernetes\.io\/last-applied-configuration|deprecated\.daemonset\.template\.generation|pv\.kubernetes\.io\/(bind-completed|bound-by-controller)|volume\.(beta\.)?kubernetes\.io\/(storage-provisioner|selected-node))$/
const BOUND = 'pv.kubernetes.io/bind-completed'
const MOST_TOLD = 10

/** The objects that a release is made of. `left` says what was left out and why. Throws a ManifestError for what would be made wrongly. */
export function ownObjects(objects: KubeObject[]): { objects: KubeObject[]; left: string[] } {
  const left: string[] = []
  const refused: string[] = []
  const kept = objects.filter((object) => {
    const why = leftOut(object, objects)
    if (why) left.push(`${nameOf(object)} is left out: ${why}`)
    return !why
  })
  for (const object of kept) {
    const why = hookRefused(object) ?? ownedRefused(object)
    if (why) refused.push(`${nameOf(object)} ${why}`)
    cleanOf(object)
  }
  if (refused.length) {
    const more = refused.length > MOST_TOLD ? `\nand ${refused.length - MOST_TOLD} more` : ''
    throw new ManifestError(`manifests: ${refused.slice(0, MOST_TOLD).join('\n')}${more}`)
  }
  return { objects: kept, left }
}

function leftOut(object: KubeObject, all: KubeObject[]): string | undefined {
  const annotations = object.metadata.annotations ?? {}
  if (annotations[LOCAL] === 'true') return `${LOCAL} says that it is for tools only`
  for (const { annotation, text, hooks } of hooksOf(object))
    if (hooks.every((hook) => NOT_AT_DEPLOY[annotation]?.test(hook)))
      return `it is a hook (${annotation}: ${text}) that does not run at a deployment`
  return madeByCluster(object, all)
}

const hooksOf = ({ metadata }: KubeObject) =>
  Object.keys(NOT_AT_DEPLOY).flatMap((annotation) => {
    const text = metadata.annotations?.[annotation]
    return text === undefined ? [] : [{ annotation, text, hooks: text.split(',').map((hook) => hook.trim()) }]
  })

interface Fields extends KubeObject {
  type?: unknown
  spec?: { selector?: unknown; clusterIP?: unknown; clusterIPs?: unknown; volumeName?: unknown } | null
}

/** What `kubectl get` shows beside the application: Kubernetes and Helm make it themselves in every namespace. */
function madeByCluster(object: Fields, all: Fields[]): string | undefined {
  const { apiVersion, kind, metadata, type } = object
  const { name } = metadata
  const labels = metadata.labels ?? {} // null where the text says `labels:` and nothing more
  if (kind === 'Event') return 'it tells what happened in a cluster'
  if (kind === 'Endpoints' || kind === 'EndpointSlice') {
    const service = kind === 'Endpoints' ? name : labels['kubernetes.io/service-name']
    const selects = all.some((one) => one.kind === 'Service' && one.metadata.name === service && one.spec?.selector)
    return selects ? `Kubernetes makes it from Service/${service}` : undefined
  }
  if (apiVersion !== 'v1') return undefined
  if (kind === 'ConfigMap' && (name === 'kube-root-ca.crt' || name === 'openshift-service-ca.crt'))
    return 'the cluster makes it in every namespace'
  if (kind === 'Service' && name === 'kubernetes' && labels.provider === 'kubernetes') return 'it is the API server itself'
  if (kind === 'Secret' && type === 'helm.sh/release.v1') return 'Helm keeps its own releases in it'
  return undefined
}

function hookRefused(object: KubeObject): string | undefined {
  const [hook] = hooksOf(object)
  if (!hook) return undefined
  const advice =
    hook.annotation === HELM
      ? 'render with helm template --no-hooks, and run it in a step of its own'
      : 'take it out, and run it in a step of its own'
  return `is a hook (${hook.annotation}: ${hook.text}), and hooks are not run yet: ${advice}`
}

const ownersShape = z.array(z.looseObject({ kind: z.string(), name: z.string() })).catch([])

function ownedRefused({ metadata }: KubeObject): string | undefined {
  const [owner] = ownersShape.parse(metadata.ownerReferences)
  return (
    owner &&
    `belongs to ${owner.kind}/${owner.name} (metadata.ownerReferences), which makes it again by itself; take it out of the manifests`
  )
}

/** Takes off what belongs to the cluster in which an object was read: it is another one's here. */
function cleanOf(object: Fields): void {
  const { kind, apiVersion, metadata, spec } = object
  const bound = metadata.annotations?.[BOUND] !== undefined
  for (const annotation of Object.keys(metadata.annotations ?? {}))
    if (CONTROLLERS.test(annotation)) delete metadata.annotations?.[annotation]
  if (metadata.annotations && Object.keys(metadata.annotations).length === 0) delete metadata.annotations
  if (apiVersion !== 'v1' || !spec || typeof spec !== 'object') return
  if (kind === 'PersistentVolumeClaim' && bound) delete spec.volumeName
  // A headless Service says None, which is meant.
  if (kind !== 'Service' || spec.clusterIP === 'None') return
  delete spec.clusterIP
  delete spec.clusterIPs
}
