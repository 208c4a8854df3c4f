import { checksOf, previewGates } from '../../gates/choose.ts'
import { watchGates } from '../../gates/watch.ts'
import type { Context } from '../context.ts'
import { type Asked, Rejected, type Step } from '../step.ts'

/** The candidate is asked through its previews, without traffic. */
export function verifySteps({ reach, candidate }: Asked): Step[] {
  const gates = previewGates(reach, candidate)
  const describe = gates.length
    ? `ask ${candidate.color} without traffic: ${gates.map(({ name }) => name).join(', ')}`
    : `nothing is asked of ${candidate.color} before it gets traffic`
  return [
    {
      id: 'verify.ask',
      phase: 'verify',
      describe,
      undo: 'nothing to take back',
      async run(context) {
        tellUnasked(context, { reach, candidate })
        const findings = await watchGates(previewGates(context, candidate), { ...context, tell: (text) => context.story.tell(text) })
        for (const { verdict, text, evidence } of findings) {
          if (verdict === 'failed') throw new Rejected('check-failed', `before traffic: ${text}`, evidence)
          if (verdict === 'inconclusive') throw new Error(`before traffic: ${text}`)
          context.story.tell(`before traffic: ${text}`, 'good')
        }
      },
    },
  ]
}

function tellUnasked({ story }: Context, { reach, candidate }: Pick<Asked, 'reach' | 'candidate'>): void {
  for (const { gateway, choice } of checksOf(reach, candidate))
    if ('why' in choice) story.tell(`no check of Service/${gateway.service.metadata.name} before traffic: ${choice.why}`, 'warning')
}
