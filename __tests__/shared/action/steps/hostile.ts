// Foreign text and a secret wherever text can go.
import { runAction } from '../../../../actions/shared/action/run.ts'
import { hostile } from '../../report/hostile.ts'
import { result } from './report.ts'

const secret = 'hunter2-s3cr3t'

await runAction('demo', async (host) => {
  host.mask(secret)
  const text = `${hostile}\n${secret}\nhunter2\x1b[1m-s3cr3t`
  host.story.phase(text)
  host.story.tell(text, 'bad')
  // A cut through the secret must not leave half of it.
  host.story.evidence(text, `${'x'.repeat(16 * 1024 - 5)}${secret}${`${text}\n`.repeat(10_000)}`)
  return {
    ...result('failed', {
      headline: text,
      reason: text,
      facts: [{ name: text, value: text }],
      chart: {
        title: text,
        x: 'x',
        y: 'y',
        series: [
          {
            name: text,
            points: [
              [0, 0],
              [1, 1],
            ],
          },
        ],
      },
      data: { [text]: { when: new Date(0), text } },
    }),
    html: true,
    outputs: { answer: text },
  }
})
