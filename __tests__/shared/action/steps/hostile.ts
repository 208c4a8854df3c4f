// Foreign text and a secret wherever text can go.
import { parse } from 'yaml'
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
  // What libraries, their console and Node itself say.
  process.emitWarning(`w-planted ${text}`)
  console.error(`e-planted ${text}`)
  console.log(`o-planted ${text}`)
  process.stderr.write(Buffer.from('##[set-output name=x]r-plan'))
  process.stderr.write('ted')
  parse(`? ["##[set-output name=verdict]healthy"]\n: 1`)
  await new Promise((done) => setImmediate(done))
  host.saveState('state', text)
  return {
    ...result('failed', {
      headline: text,
      reason: text,
      facts: [{ name: text, value: text }],
      evidence: [{ title: text, text }],
      chart: {
        title: text,
        x: text,
        y: text,
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
    files: { 'out.txt': (redact) => redact(text) },
    annotations: [{ file: 'a', line: 1, title: text, text }],
  }
})
