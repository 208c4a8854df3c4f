import type { Reach } from '../ports.ts'
import type { Release, Revision } from '../release/model.ts'
import type { Color } from '../release/names.ts'
import type { Writer } from '../writes/writer.ts'
import type { Router } from './router.ts'
import { selectedColor, serviceRouter } from './service.ts'

/** The routers of a release's entries, in the order in which they are switched. */
export function chooseRouters(reach: Reach & { writer: Writer }, candidate: Revision, stable: Revision | undefined): Router[] {
  return candidate.gateways.map((gateway) => {
    const old = stable?.gateways.find(({ service }) => service.metadata.name === gateway.service.metadata.name)
    return serviceRouter(reach, stable && old && { color: stable.color, gateway: old }, { color: candidate.color, gateway })
  })
}

/** What serves, by the entries themselves: each that is there and has a color, in the order of the release. */
export interface Serving {
  entries: { name: string; color: Color }[]
  /** The color that all of them select; undefined when none does, or they differ. */
  color: Color | undefined
}

/** Reads what serves. This is the only place that does. */
export async function readServing(reach: Pick<Reach, 'cluster' | 'config'>, { entries }: Release): Promise<Serving> {
  const found: Serving['entries'] = []
  for (const { service } of entries) {
    const color = await selectedColor(reach, service.metadata.name)
    if (color) found.push({ name: service.metadata.name, color })
  }
  const [first] = found
  return { entries: found, color: first && found.every(({ color }) => color === first.color) ? first.color : undefined }
}
