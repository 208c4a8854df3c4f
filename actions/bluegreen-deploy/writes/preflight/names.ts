// Names and namespaces: nothing of the manifests may take the place of what the release keeps for itself, and nothing that is there may
// bear a name which the release will give.
import { type Cluster, type KubeObject, nameOf, refOf } from '../../../shared/kubernetes/api/cluster.ts'
import { unserved } from '../../../shared/kubernetes/api/discovery.ts'
import { DEPLOYMENT, listOf, select } from '../../../shared/kubernetes/objects/read.ts'
import { inParallel } from '../../../shared/limit.ts'
import type { Reach } from '../../ports.ts'
import { type Revision, sharedOf } from '../../release/model.ts'
import { COLORS, isKept } from '../../release/names.ts'
import { inTheWay } from '../../release/owner.ts'
import { renderRevision } from '../../release/render.ts'
import { PreflightError } from './error.ts'

/** Objects of the manifests that would take the place of the ledger, its revisions, the colors or a preview. */
export function refuseOwnNames({ release, content }: Revision): void {
  const own = COLORS.flatMap((color) => {
    const { config, workloads, gateways } = renderRevision(release, content, { color, revision: 0 })
    return [...config, ...workloads.map(({ object }) => object), ...gateways.map(({ preview }) => preview)].map(nameOf)
  })
  const entries = release.entries.map(({ service }): KubeObject => service)
  const plain = [...sharedOf(release), ...entries, ...release.config]
  const taken = plain.map(nameOf).find((name) => own.includes(name) || isKept(release.name, name))
  if (taken)
    throw new PreflightError(`manifests: ${taken} is the name of what release ${release.name} keeps for itself; give it another one`)
}

/** What already bears the name of a color's own object, and is not the release's. Previews are looked at with the other Services. */
export async function refuseForeign({ cluster, config }: Reach, { release, content }: Revision): Promise<void> {
  const { namespace } = config
  const colors = COLORS.map((color) => renderRevision(release, content, { color, revision: 0 }))
  const configs = colors.flatMap((revision) => revision.config)
  const found = (await inParallel(configs, (object) => cluster.get(refOf(object)))).filter((object) => object !== undefined)
  const names = colors.flatMap(({ workloads }) => workloads.map(({ object }) => object.metadata.name))
  const deployments = (await listOf(cluster, select(DEPLOYMENT, { namespace }))).filter(({ metadata }) => names.includes(metadata.name))
  const problems = [...found, ...deployments].flatMap((object) => inTheWay(object, release.name) ?? [])
  if (problems.length) throw new PreflightError(`manifests: ${problems.join('\n')}`)
}

/** Puts the namespace into every namespaced object, in place; another namespace, or a kind that is not served, is an error. */
export async function placeObjects(
  { cluster, config }: { cluster: Cluster; config: Reach['config'] },
  objects: KubeObject[],
): Promise<void> {
  const { namespace } = config
  const problems: string[] = []
  const elsewhere: KubeObject[] = []
  for (const object of objects) {
    const found = await cluster.serves(object.apiVersion, object.kind)
    if (!found.served) {
      const here = objects.some((other) => defines(other, object))
        ? '. Its CustomResourceDefinition is in these manifests: apply that first'
        : ''
      problems.push(`${nameOf(object)}: ${unserved(object.apiVersion, object.kind, found.known)}${here}`)
    } else if (!found.namespaced) delete object.metadata.namespace
    else if ((object.metadata.namespace || namespace) === namespace) object.metadata.namespace = namespace
    else elsewhere.push(object)
  }
  problems.push(...foreignNamespaces(elsewhere, namespace))
  if (problems.length) throw new PreflightError(`manifests: ${problems.slice(0, 20).join('\n')}`)
}

function foreignNamespaces(objects: KubeObject[], namespace: string): string[] {
  const spaces = [...new Set(objects.map(({ metadata }) => metadata.namespace))]
  if (objects.length > 1 && spaces.length === 1)
    return [
      `${objects.map(nameOf).slice(0, 5).join(', ')}${objects.length > 5 ? ` and ${objects.length - 5} more` : ''}: the namespace of all is ${spaces[0]}, the release's is ${namespace}; give the input namespace: ${spaces[0]}`,
    ]
  return objects.map((object) => `${nameOf(object)}: its namespace is ${object.metadata.namespace}, the release's is ${namespace}`)
}

const defines = (
  { kind, spec }: KubeObject & { spec?: { group?: string; names?: { kind?: string } } | null },
  object: KubeObject,
): boolean => kind === 'CustomResourceDefinition' && spec?.names?.kind === object.kind && object.apiVersion.startsWith(`${spec.group}/`)
