import { asInput } from '../shared/action/inputs.ts'
import { runAction } from '../shared/action/run.ts'
import { clusterForward } from '../shared/kubernetes/api/forward.ts'
import { systemClock } from '../shared/time/clock.ts'
import { filesBeside, placeInside, readInside } from '../shared/workspace.ts'
import { type LoadOptions, loadSuite, runSuite, type Suite } from './engine.ts'
import { annotationsOf, outputsOf, reportOf } from './evidence.ts'
import { type Inputs, parseInputs } from './inputs.ts'
import { junit } from './junit.ts'

await runAction('smoke-test', async (host) => {
  const started = Date.now()
  const { environment, signal, story, mask } = host
  const inputs = parseInputs(environment, mask)
  const workspace = environment.GITHUB_WORKSPACE ?? process.cwd()
  const suite = asInput('suite', () => load(inputs, workspace))
  if (inputs.junit) asInput('junit', () => placeInside(inputs.junit ?? '', workspace))
  const network = { environment, forward: clusterForward(inputs, { environment, signal, story, mask }) }
  const result = await runSuite(suite, { clock: systemClock, signal, story, mask, network }, inputs.deadline)
  const about = { file: inputs.suite, started: new Date(started), milliseconds: Date.now() - started }
  return {
    report: reportOf(result, { file: inputs.suite, target: inputs.target ?? suite.head.target ?? '' }),
    outputs: outputsOf(result),
    html: inputs.html,
    annotations: annotationsOf(result, inputs.suite),
    files: inputs.junit ? { [inputs.junit]: (redact) => junit(result.results, { ...about, redact }) } : {},
  }
})

function load(inputs: Inputs, workspace: string): Suite {
  const options: LoadOptions = { ...inputs, file: inputs.suite, read: filesBeside(inputs.suite, workspace) }
  return loadSuite(readInside(inputs.suite, workspace), options)
}
