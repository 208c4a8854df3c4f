// Other Services and autoscalers of the namespace, which could give the candidate traffic or take its pods.
import { z } from 'zod'
import { isForbidden, isMissing, nameOf, selects } from '../../../shared/kubernetes/api/cluster.ts'
import { type Labels, type LiveService, listOf, SERVICE, select } from '../../../shared/kubernetes/objects/read.ts'
import type { Reach } from '../../ports.ts'
import type { Revision } from '../../release/model.ts'
import { COLOR, COLORS, PREVIEW, previewName, RELEASE, REVISION, workloadName } from '../../release/names.ts'
import { inTheWay } from '../../release/owner.ts'
import { PreflightError } from './error.ts'

/** No other Service may send traffic to the candidate before it was verified, and the entries must already be the release's to switch. */
export async function checkServices({ cluster, config }: Reach, revision: Revision): Promise<void> {
  const { release, gateways } = revision
  const entries = gateways.map(({ service }) => service.metadata.name)
  const previews = entries.map(previewName)
  for (const service of await listOf(cluster, select(SERVICE, { namespace: config.namespace }))) {
    const { name } = service.metadata
    if (entries.includes(name)) refuseUnswitchable(service, release.name)
    else if (previews.includes(name)) refuseInTheWay(service, release.name)
    else {
      refuseForgotten(service, release.name)
      refuseStranger(service, revision)
    }
  }
}

function refuseUnswitchable({ metadata, spec }: LiveService, release: string): void {
  const { name, labels } = metadata
  const owner = labels?.[RELEASE]
  if (owner !== undefined && owner !== release) throw new PreflightError(`Service/${name} belongs to release ${owner}`)
  const selector = spec?.selector ?? {}
  if (Object.keys(selector).length === 0 || COLOR in selector) return
  throw new PreflightError(
    `Service/${name} exists and selects pods without a color (${JSON.stringify(selector)}): a candidate would get traffic before it is verified. Taking over a running application is not supported yet; release under a new Service name, or delete this Service and its Deployment first`,
  )
}

function refuseInTheWay(service: LiveService, release: string): void {
  const why = inTheWay(service, release)
  if (why) throw new PreflightError(`manifests: ${why}`)
}

/** An entry of an earlier revision still sends its users to the old color, which is about to retire. */
function refuseForgotten({ metadata, spec }: LiveService, release: string): void {
  const { name, labels } = metadata
  if (labels?.[RELEASE] !== release || labels[PREVIEW] === 'true' || !(COLOR in (spec?.selector ?? {}))) return
  throw new PreflightError(
    `Service/${name} was switched by an earlier revision of release ${release}, and is not in the manifests any more: its users would stay with the old color. Keep it in the manifests, or delete it from the cluster first`,
  )
}

function refuseStranger({ metadata, spec }: LiveService, { workloads }: Revision): void {
  const { name } = metadata
  const selector = spec?.selector
  const meant = workloads.some(({ object }) => {
    const labels: Labels = object.spec.template.metadata.labels
    // Whatever the number of the revision will be.
    const revision = { [REVISION]: selector?.[REVISION] ?? '' }
    return COLORS.some((color) => selects(selector, { ...labels, ...revision, [COLOR]: color }))
  })
  if (meant)
    throw new PreflightError(
      `Service/${name} would send traffic to the candidate before it is verified: it selects ${JSON.stringify(selector)}. Add a label to its selector that the release's pods do not have`,
    )
}

const scalerShape = z.looseObject({ spec: z.looseObject({ scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }) }) })

/** An autoscaler of the cluster that works on a color would undo the sizes that the release gives it. */
export async function refuseLiveScalers({ cluster, config, story }: Reach, { workloads }: Revision): Promise<void> {
  const { namespace } = config
  const query = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', namespace }
  const names = workloads.flatMap(({ name }) => COLORS.map((color) => workloadName(name, color)))
  const found = await cluster.list(query).catch((error: unknown) => {
    if (isMissing(error)) return { items: [] } // a cluster from before autoscaling/v2
    if (!isForbidden(error)) throw error
    story.tell('autoscalers of the colors are not looked for: that takes list of horizontalpodautoscalers')
    return { items: [] }
  })
  for (const object of found.items) {
    const target = scalerShape.safeParse(object).data?.spec.scaleTargetRef
    if (target?.kind !== 'Deployment' || !names.includes(target.name)) continue
    throw new PreflightError(
      `${nameOf({ ...object, kind: query.kind })} scales Deployment/${target.name}, whose size the release decides; autoscaling of colors is not supported yet: delete it first`,
    )
  }
}
