// Custom resources from which somebody makes what the pods read: an ExternalSecret, a SealedSecret, a Certificate, a database.
import { z } from 'zod'
import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment } from '../../shared/kubernetes/objects/read.ts'
import { configNames } from './references.ts'

/** API groups whose objects nobody but Kubernetes itself acts on. */
const BUILT_IN =
  /^(v1|(apps|batch|autoscaling|policy|extensions|(networking|rbac\.authorization|storage|scheduling|discovery|coordination|node|admissionregistration|apiextensions|apiregistration|flowcontrol\.apiserver)\.k8s\.io)\/.*)$/

export const isBuiltIn = ({ apiVersion }: KubeObject): boolean => BUILT_IN.test(apiVersion)

/**
 * The custom resources that have to be there before the pods. One counts when it says the name of a ConfigMap, Secret or provider class that
 * the pods read and the manifests do not bring, when such a name begins with its own (a database `shop-db` makes `shop-db-app`), or when
 * another that counts names it (the store of an ExternalSecret).
 */
export function makersOf(workloads: Deployment[], objects: KubeObject[]): KubeObject[] {
  const brought = new Set(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`))
  const wanted = workloads.flatMap(({ spec }) => [
    ...[...configNames(spec.template.spec)].filter((name) => !brought.has(name)).map((name) => name.slice(name.indexOf('/') + 1)),
    ...providerClasses(spec.template.spec.volumes),
  ])
  const custom = objects.filter((object) => !isBuiltIn(object))
  const applications = new Set(
    objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Service').map(({ metadata }) => metadata.name),
  )
  const makers = new Set<KubeObject>()
  let names = wanted
  while (names.length) {
    const more = custom.filter((object) => {
      const { name } = object.metadata
      const derived = names === wanted && !applications.has(name) && wanted.some((one) => one.startsWith(`${name}-`))
      return !makers.has(object) && (derived || names.includes(name) || (names === wanted && says(object, wanted)))
    })
    for (const object of more) makers.add(object)
    names = more.flatMap(textsOf)
  }
  return objects.filter((object) => makers.has(object))
}

const classShape = z.looseObject({ csi: z.looseObject({ volumeAttributes: z.looseObject({ secretProviderClass: z.string() }) }) })
const providerClasses = (volumes: object[] | undefined): string[] =>
  (volumes ?? []).flatMap((volume) => classShape.safeParse(volume).data?.csi.volumeAttributes.secretProviderClass ?? [])

const says = (object: KubeObject, names: string[]): boolean => textsOf(object).some((text) => names.includes(text))

/** Every text of an object but that of its metadata. */
function textsOf(object: KubeObject): string[] {
  const { apiVersion: _, kind: __, metadata: ___, ...fields } = object
  const texts: string[] = []
  JSON.stringify(fields, (_key, value: unknown) => {
    if (typeof value === 'string') texts.push(value)
    return value
  })
  return texts
}
