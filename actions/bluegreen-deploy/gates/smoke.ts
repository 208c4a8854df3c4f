// A smoke suite as a gate: before traffic against the preview Service, and after the switch against the Service itself.
import type { Service } from '../../shared/kubernetes/objects/read.ts'
import type { SmokeResult } from '../../smoke-test/engine.ts'
import { beside, type Finding, type Gate } from './gate.ts'

/** Runs the suite against a port of a Service, by name or number. */
export type SmokeTest = (service: string, port: string, signal: AbortSignal) => Promise<SmokeResult>

/** What the suite is run against: the port that is checked, else the Service's first. */
export function smokeTarget({ metadata, spec }: Service, port: string | undefined): [service: string, port: string] {
  const [first] = spec.ports
  return [metadata.name, port ?? first?.name ?? String(first?.port)]
}

/** What a result says about the candidate: nothing, when the suite did not get through to it. */
export function findingOf({ outcome, headline, reason, results }: SmokeResult): Finding {
  const evidence = results.flatMap(({ check, fault }) =>
    fault?.shown ? [{ title: `${check.spec.name}: what came back`, text: fault.shown }] : [],
  )
  const text = `smoke suite: ${headline}${reason && `: ${reason.replaceAll('\n', '; ')}`}`
  return { verdict: outcome === 'error' ? 'inconclusive' : outcome, text, evidence: evidence.slice(0, 5) }
}

/** Runs the suite once while the release is watched; it waits by itself until the release has settled. */
export function smokeGate(test: SmokeTest, target: [service: string, port: string], signal: AbortSignal): Gate {
  let finding: Finding | undefined
  const running = beside(async (both) => {
    finding = findingOf(await test(...target, both))
  }, signal)
  return {
    name: 'smoke suite',
    start: async () => running.start(),
    async sample() {
      running.check()
      return finding
    },
    async stop() {
      await running.stop()
      return (
        finding ?? {
          verdict: 'inconclusive',
          text: 'smoke suite: it had not passed when the watching was over; a longer bake-time lets it',
        }
      )
    },
  }
}
