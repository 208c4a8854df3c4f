// What speaks for and against a candidate: before it gets traffic, and under it.
import type { Evidence } from '../../../shared/kubernetes/watch/diagnosis.ts'
import { bakeGates, type Finding, type Gate, watchGates } from '../../gates/gate.ts'
import { checkInRow, chooseCheck } from '../../gates/http-check.ts'
import { findingOf, smokeGate, smokeTarget } from '../../gates/smoke.ts'
import type { View } from '../../ledger/content.ts'
import type { MachineWorld } from '../context.ts'

/** The candidate is bad: traffic stays on, or goes back to, the stable color. */
export class Rejected extends Error {
  readonly evidence: Evidence[]
  /** Not bad, but not shown to be good either. */
  readonly inconclusive: boolean
  constructor(reason: string, evidence: Evidence[] = [], inconclusive = false) {
    super(reason)
    this.evidence = evidence
    this.inconclusive = inconclusive
  }
}

/** Asks the candidate through its preview Service, without traffic. Throws Rejected when it is bad. */
export async function verifyPreview(world: MachineWorld, view: View): Promise<void> {
  await checkPreview(world, view)
  await smokePreview(world, view)
}

async function checkPreview(world: MachineWorld, { parts, rendered }: View): Promise<void> {
  const { config, story } = world
  const check = chooseCheck(parts.workload, rendered.preview, config.check)
  if (!check) {
    story.tell('no check before traffic: give check-path, or the container an HTTP readiness probe on a port of the Service', 'warning')
    return
  }
  const result = await checkInRow(world, {
    ...config.check,
    namespace: config.namespace,
    service: rendered.preview.metadata.name,
    check,
  })
  if (!result.passed)
    throw new Rejected(`before traffic: ${result.text}`, [{ title: `Last answer to GET ${check.path}`, text: result.body.slice(0, 4096) }])
  story.tell(`${result.text}, ${config.check.passes} in a row`, 'good')
}

async function smokePreview({ smoke, config, signal, story }: MachineWorld, { rendered }: View): Promise<void> {
  if (!smoke) return
  const finding = findingOf(await smoke(...smokeTarget(rendered.preview, config.check.port), signal))
  const text = `before traffic: ${finding.text}`
  if (finding.verdict === 'failed') throw new Rejected(text, finding.evidence)
  if (finding.verdict === 'inconclusive') throw new Error(text)
  story.tell(text, 'good')
}

/** Watches the candidate under traffic for the bake time, with `more` gates. Throws Rejected when it turns bad, or when too little was seen and that is not enough. */
export async function watchUnderTraffic(world: MachineWorld, view: View, more: Gate[]): Promise<Finding[]> {
  const { clock, signal, config, story, smoke } = world
  const gates = [...bakeGates(world, view), ...more]
  if (smoke && config.bakeTime > 0) gates.push(smokeGate(smoke, smokeTarget(view.rendered.service, config.check.port), signal))
  const findings = await watchGates(gates, {
    clock,
    signal,
    duration: config.bakeTime,
    every: 1000,
    tell: (text) => story.tell(text),
  })
  const bad = findings.find((finding) => finding.verdict === 'failed')
  if (bad) throw new Rejected(`under traffic: ${bad.text}`, bad.evidence)
  for (const { text, verdict } of findings) story.tell(text, verdict === 'passed' ? 'good' : 'warning')
  const open = findings.find((finding) => finding.verdict === 'inconclusive')
  if (open && config.onInconclusive === 'back') throw new Rejected(`not enough evidence: ${open.text}`, open.evidence, true)
  return findings
}
