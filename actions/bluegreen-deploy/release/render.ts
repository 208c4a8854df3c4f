import type { KubeObject } from '../../shared/kubernetes/api/cluster.ts'
import type { Deployment, LabelSelector, Labels, PodSpec, Service } from '../../shared/kubernetes/objects/read.ts'
import type { Content } from './content.ts'
import { matchesLabels } from './labels.ts'
import type { Entry, Gateway, Release, Revision, Side, Workload } from './model.ts'
import { COLOR, type Color, configName, PREVIEW, previewName, RELEASE, REVISION, workloadName } from './names.ts'
import { visitConfig } from './references.ts'

/** Gives a release a color. The user's objects stay as they are; copies are returned. */
export function renderRevision(release: Release, content: Content, { color, revision }: Side, known = true): Revision {
  const workloads = release.workloads.map((workload) => renderWorkload(release, workload, { color, revision }))
  return {
    color,
    revision,
    release,
    content,
    known,
    config: release.config.map((object) => renderConfig(release, object, color)),
    workloads,
    gateways: release.entries.map((entry) => renderEntry(release, entry, workloads, color)),
  }
}

function renderConfig({ name: release }: Release, object: KubeObject, color: Color): KubeObject {
  const copy = structuredClone(object)
  copy.metadata.name = configName(release, object.metadata.name, color)
  copy.metadata.labels = { ...copy.metadata.labels, [RELEASE]: release, [COLOR]: color }
  return copy
}

function renderWorkload({ name: release, config }: Release, plain: Deployment, { color, revision }: Side): Workload {
  const object = structuredClone(plain)
  const { spec } = object
  const own = { [RELEASE]: release, [COLOR]: color, [REVISION]: String(revision) }
  const plainLabels = plain.spec.template.metadata.labels
  object.metadata.name = workloadName(plain.metadata.name, color)
  object.metadata.labels = { ...object.metadata.labels, ...own }
  spec.selector.matchLabels[COLOR] = color
  spec.template.metadata.labels = { ...plainLabels, ...own }
  colorPlacement(spec.template.spec, plainLabels, color)
  const renamed = new Set(config.map(({ kind, metadata }) => `${kind}/${metadata.name}`))
  visitConfig(spec.template.spec, (kind, name) => (renamed.has(`${kind}/${name}`) ? configName(release, name, color) : name))
  return { name: plain.metadata.name, object, selector: { ...spec.selector.matchLabels }, replicas: spec.replicas ?? 1 }
}

function renderEntry({ name: release }: Release, entry: Entry, all: Workload[], color: Color): Gateway {
  const service = structuredClone(entry.service)
  const selector = { ...service.spec.selector, [COLOR]: color }
  service.spec.selector = selector
  service.metadata.labels = { ...service.metadata.labels, [RELEASE]: release }
  // Only labels of the release: a ServiceMonitor that selects the user's does not pick the preview up. A nodePort can be taken once only.
  const ports = service.spec.ports.map((port) => ({ ...port, nodePort: undefined }))
  const preview: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: previewName(service.metadata.name), labels: { [RELEASE]: release, [PREVIEW]: 'true' } },
    spec: { type: 'ClusterIP', selector, ports },
  }
  if (service.metadata.namespace) preview.metadata.namespace = service.metadata.namespace
  const own = all.filter((workload) => entry.workloads.includes(workload.name))
  return { service, preview, workloads: entry.workloads, expected: own.reduce((sum, { replicas }) => sum + replicas, 0) }
}

/** Affinity and spread terms that mean the pods themselves mean only those of their color: else five blue and five green pods would need ten nodes. */
function colorPlacement(pod: PodSpec, labels: Labels, color: Color): void {
  const terms: { labelSelector?: LabelSelector }[] = [...(pod.topologySpreadConstraints ?? [])]
  for (const affinity of [pod.affinity?.podAffinity, pod.affinity?.podAntiAffinity]) {
    terms.push(...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []))
    for (const preferred of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) terms.push(preferred.podAffinityTerm ?? {})
  }
  for (const { labelSelector } of terms) {
    if (labelSelector && matchesLabels(labelSelector, labels)) labelSelector.matchLabels = { ...labelSelector.matchLabels, [COLOR]: color }
  }
}
