// A smoke suite as a gate: before traffic against the preview Service, and after the shift against the Service itself.
import type { Service } from '../../shared/kubernetes/objects/read.ts'
import type { SmokeResult } from '../../smoke-test/engine.ts'
import type { SmokeTest } from '../ports.ts'
import { type Finding, type Gate, unlessOver } from './gate.ts'

/** What the suite is run against: the port that is checked, else the Service's first. */
function smokeTarget({ metadata, spec }: Service, port: string | undefined): [service: string, port: string] {
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

/** Runs the suite once; it waits by itself until the release has settled. */
export function smokeGate(test: SmokeTest, service: Service, port: string | undefined): Gate {
  return {
    name: 'smoke suite',
    async watch(signal) {
      const result = await unlessOver(signal, test(...smokeTarget(service, port), signal))
      if (result) return findingOf(result)
      return { verdict: 'inconclusive', text: 'smoke suite: it had not passed when the watching was over; a longer bake-time lets it' }
    },
  }
}
