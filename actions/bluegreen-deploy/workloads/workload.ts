import { type KubeObject, nameOf, selectorText, selects } from '../../shared/kubernetes/api/cluster.ts'
import { DEPLOYMENT, type Deployment, listOf, POD, type Pod, select } from '../../shared/kubernetes/objects/read.ts'
import type { Reach } from '../ports.ts'
import type { Revision, Workload } from '../release/model.ts'
import { COLOR, type Color, RELEASE } from '../release/names.ts'
import type { Writer } from '../writes/writer.ts'

/** What the rooms of workloads work with. */
export type Needs = Reach & { writer: Writer }

/** The Deployments and pods of a whole color, also of what an earlier revision left in it. */
export function colorQueries({ config }: Pick<Reach, 'config'>, color: Color) {
  const { namespace, name } = config
  const where = { namespace, labelSelector: selectorText({ [RELEASE]: name, [COLOR]: color }) }
  return { deployments: select(DEPLOYMENT, where), pods: select(POD, where) }
}

/** The pods of one workload of a color. */
export const podsOf = ({ selector }: Workload, pods: readonly Pod[]): Pod[] =>
  pods.filter(({ metadata }) => selects(selector, metadata.labels))

export const deploymentOf = ({ object }: Workload, deployments: readonly Deployment[]): Deployment | undefined =>
  deployments.find(({ metadata }) => metadata.name === object.metadata.name)

/** Scales each workload of a color to `replicas` pods, or as many as its manifests say. */
export async function scaleColor({ writer }: Needs, { workloads }: Revision, replicas?: number): Promise<void> {
  for (const workload of workloads) await scaleWorkload(writer, workload, replicas)
}

export async function scaleWorkload(writer: Writer, { object }: Workload, replicas = object.spec.replicas): Promise<void> {
  const scaled = replicas === undefined ? object : { ...object, spec: { ...object.spec, replicas } }
  await writer.apply(scaled, { own: true })
}

/** Whether a color has a Deployment that is not on its way out. */
export async function isThere(reach: Reach, color: Color): Promise<boolean> {
  const found = await listOf(reach.cluster, colorQueries(reach, color).deployments)
  return found.some(({ metadata }) => !metadata.deletionTimestamp)
}

/** `Deployment/web-blue and Deployment/api-blue`, for people. */
export const listed = (objects: readonly KubeObject[]): string => objects.map(nameOf).join(' and ')
