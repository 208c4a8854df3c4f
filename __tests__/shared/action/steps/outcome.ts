// Ends in the outcome that OUTCOME names; EXIT overrides the exit.

import { runAction } from '../../../../actions/shared/action/run.ts'
import { outcomeSchema } from '../../../../actions/shared/report/report.ts'
import { result } from './report.ts'

await runAction('demo', async (host) => {
  host.story.tell('before')
  host.story.phase('prepare')
  host.story.tell('applied', 'good')
  host.story.phase('verify')
  host.story.tell('slow', 'warning')
  host.saveState('lease', 'held\nsince')
  const exit = host.environment.EXIT
  return {
    ...result(outcomeSchema.parse(host.environment.OUTCOME)),
    outputs: { plan: 'two\nlines' },
    html: host.environment.HTML === 'true',
    ...(host.environment.FILES && {
      files: { 'out/deep/junit.xml': () => '<x/>', '/dev/null/x': () => '' },
      annotations: [{ file: 'suite.yaml', line: 7, title: 'check a', text: 'it is ##[bad]' }],
    }),
    ...(exit === 'success' || exit === 'failure' ? { exit } : {}),
  }
})
