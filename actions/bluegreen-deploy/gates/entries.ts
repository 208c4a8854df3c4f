import { selectorText } from '../../shared/kubernetes/api/cluster.ts'
import { SERVICE, select } from '../../shared/kubernetes/objects/read.ts'
import { waitFor } from '../../shared/kubernetes/watch/wait.ts'
import type { Reach } from '../ports.ts'
import type { Revision } from '../release/model.ts'
import { COLOR, RELEASE } from '../release/names.ts'
import { type Gate, unlessOver } from './gate.ts'

/** Somebody else moved the traffic while the release was watched: nothing is said about the candidate, and the release is taken back. */
export class TrafficMoved extends Error {
  readonly code = 'traffic-moved'
}

/** Sees to it that the traffic stays where the release put it; what is watched without traffic says nothing. Throws TrafficMoved. */
export function entriesGate({ cluster, clock, config }: Reach, { color, gateways }: Revision): Gate {
  const { namespace, name } = config
  const names = gateways.map(({ service }) => service.metadata.name)
  const query = select(SERVICE, { namespace, labelSelector: selectorText({ [RELEASE]: name }) })
  return {
    name: 'entries',
    async watch(signal) {
      const options = { clock, signal, timeout: Number.MAX_SAFE_INTEGER }
      const strayed = waitFor(
        cluster,
        [query],
        (services) => {
          const live = new Map(services.map(({ metadata, spec }) => [metadata.name, spec?.selector?.[COLOR]]))
          return names.find((service) => live.get(service) !== color)
        },
        options,
      )
      const service = await unlessOver(signal, strayed)
      if (service === undefined) return { verdict: 'passed', text: `the traffic stayed on ${color}` }
      throw new TrafficMoved(
        `Service/${service} no longer selects ${color}, while ${color} was watched: somebody moved the traffic by hand`,
      )
    },
  }
}
