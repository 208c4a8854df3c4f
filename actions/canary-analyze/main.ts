import { runAction } from '../shared/action/run.ts'
import { PrometheusClient } from '../shared/prometheus/client.ts'
import { proxyFor, proxySecrets } from '../shared/proxy.ts'
import { systemClock } from '../shared/time/clock.ts'
import { analyze } from './engine.ts'
import { outputsOf, reportOf } from './evidence.ts'
import { addToHistory } from './history.ts'
import { parseInputs } from './inputs.ts'

await runAction('canary-analyze', async ({ environment, signal, story, mask }) => {
  const workspace = environment.GITHUB_WORKSPACE ?? process.cwd()
  const inputs = parseInputs(environment, mask, workspace, Date.now())
  for (const secret of proxySecrets(proxyFor(new URL(inputs.prometheus.url), environment))) mask(secret)
  const prometheus = new PrometheusClient({ ...inputs.prometheus, signal, environment })
  try {
    const analysis = await analyze(inputs.request, { prometheus, counters: prometheus, clock: systemClock, signal, story })
    if (inputs.history && analysis.outcome === 'passed') addToHistory(inputs.history, analysis.values, Date.now())
    const exit = analysis.outcome === 'inconclusive' && inputs.failInconclusive ? { exit: 'failure' as const } : {}
    return { report: reportOf(analysis), outputs: outputsOf(analysis), html: inputs.html, ...exit }
  } finally {
    await prometheus.close()
  }
})
