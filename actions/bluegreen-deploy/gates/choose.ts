// The one list of gates for each point at which a release may be stopped.
import type { Reach, SmokeTest } from '../ports.ts'
import { type Gateway, mainEntry, type Revision } from '../release/model.ts'
import { entriesGate } from './entries.ts'
import type { Gate } from './gate.ts'
import { type Choice, checkGate, chooseCheck, rowGate } from './http-check.ts'
import { podHealthGate } from './pod-health.ts'
import { smokeGate } from './smoke.ts'
import { metricsPort, trafficGate } from './traffic.ts'

type Needs = Reach & { smoke?: SmokeTest | undefined }

/** What each entry is asked: check-path and check-port are those of the main one. Throws when that has no such port. */
export function checksOf({ config }: Pick<Reach, 'config'>, revision: Revision): { gateway: Gateway; choice: Choice }[] {
  const { check } = config
  const main = mainEntry(revision.release)
  return revision.gateways.map((gateway) => {
    const { name } = gateway.service.metadata
    const own = name === main || check.path === 'off' ? check : { timeout: check.timeout, path: undefined, port: undefined }
    const workloads = revision.workloads.filter((workload) => gateway.workloads.includes(workload.name))
    return {
      gateway,
      choice: chooseCheck(
        workloads.map(({ object }) => object),
        gateway.service,
        own,
      ),
    }
  })
}

const mainGateway = ({ release, gateways }: Revision): Gateway | undefined =>
  gateways.find(({ service }) => service.metadata.name === mainEntry(release))

/** The gates before traffic: each entry that can be asked, through its preview, and the suite. */
export function previewGates(needs: Needs, revision: Revision): Gate[] {
  const checks = checksOf(needs, revision).flatMap(({ gateway: { preview }, choice }) =>
    'check' in choice ? [rowGate(needs, preview.metadata.name, choice.check)] : [],
  )
  const main = mainGateway(revision)
  return needs.smoke && main ? [...checks, smokeGate(needs.smoke, main.preview, needs.config.check.port)] : checks
}

/** The gates under traffic: the pods of each workload, each entry that can be asked, whether there was traffic, and the suite. */
export function bakeGates(needs: Needs, revision: Revision): Gate[] {
  const { config, smoke } = needs
  if (config.bake.time === 0) return []
  const gates = [entriesGate(needs, revision), ...revision.workloads.map((workload) => podHealthGate(needs, workload))]
  for (const { gateway, choice } of checksOf(needs, revision))
    if ('check' in choice) gates.push(checkGate(needs, gateway.service.metadata.name, choice.check))
  for (const workload of config.bake.minRequests > 0 ? revision.workloads : []) {
    const gateway = revision.gateways.find(({ workloads }) => workloads.includes(workload.name))
    const port = gateway && metricsPort(workload.object, gateway.service)
    if (port !== undefined) gates.push(trafficGate(needs, workload, port))
  }
  const main = mainGateway(revision)
  if (smoke && main) gates.push(smokeGate(smoke, main.service, config.check.port))
  return gates
}
