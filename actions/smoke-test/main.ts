import { InputError } from '../shared/action/inputs.ts'
import { runAction } from '../shared/action/run.ts'
import { systemClock } from '../shared/time/clock.ts'
import { filesBeside, readInside } from '../shared/workspace.ts'
import { clusterForward } from './cluster.ts'
import { type LoadOptions, loadSuite, runSuite, type Suite } from './engine.ts'
import { annotationsOf, outputsOf, reportOf } from './evidence.ts'
import { type Inputs, parseInputs } from './inputs.ts'
import { junit } from './junit.ts'

await runAction('smoke-test', async (host) => {
  const started = Date.now()
  const { environment, signal, story, mask, redact } = host
  const inputs = parseInputs(environment, mask)
  const suite = load(inputs, environment.GITHUB_WORKSPACE ?? process.cwd())
  const network = { environment, forward: clusterForward(inputs, { environment, signal, story }) }
  const result = await runSuite(suite, { clock: systemClock, signal, story, mask, network }, inputs.deadline)
  const now = Date.now()
  const about = { file: inputs.suite, started: new Date(started), milliseconds: now - started, redact }
  return {
    report: reportOf(result, { file: inputs.suite, target: inputs.target ?? suite.head.target ?? '' }, story, started, now),
    outputs: outputsOf(result),
    html: inputs.html,
    annotations: annotationsOf(result, inputs.suite),
    files: inputs.junit ? { [inputs.junit]: junit(result.results, about) } : {},
  }
})

function load(inputs: Inputs, workspace: string): Suite {
  const options: LoadOptions = { ...inputs, file: inputs.suite, read: filesBeside(inputs.suite, workspace) }
  try {
    return loadSuite(readInside(inputs.suite, workspace), options)
  } catch (error) {
    // What is wrong with a suite is told line by line.
    const lines = error instanceof Error ? error.message.split('\n') : [String(error)]
    throw new InputError(lines.map((message) => ({ input: 'suite', message })))
  }
}
