import { asInput } from '../shared/action/inputs.ts'
import { runAction } from '../shared/action/run.ts'
import { openForward } from '../shared/kubernetes/api/forward.ts'
import { PrometheusClient } from '../shared/prometheus/client.ts'
import { proxyFor, proxySecrets } from '../shared/proxy.ts'
import { systemClock } from '../shared/time/clock.ts'
import { analyze } from './engine.ts'
import { outputsOf, reportOf } from './evidence.ts'
import { addToHistory } from './history.ts'
import { parseInputs } from './inputs.ts'

/** A plan asks no Prometheus. */
const NOBODY = { url: 'http://prometheus.invalid', headers: {}, tls: {}, timeout: 1 }

await runAction('canary-analyze', async ({ environment, signal, story, mask }) => {
  const workspace = environment.GITHUB_WORKSPACE ?? process.cwd()
  const inputs = parseInputs(environment, mask, workspace, Date.now())
  const { prometheus: options = NOBODY, service } = inputs.reach ?? {}
  const forward = service && asInput('kubeconfig', () => openForward(inputs, { environment, signal, story, mask }))
  if (inputs.reach && !service) for (const secret of proxySecrets(proxyFor(new URL(options.url), environment))) mask(secret)
  const prometheus = new PrometheusClient({
    ...options,
    ...(forward && service && { forward: (until) => forward(service, until) }),
    signal,
    environment,
  })
  try {
    if (inputs.reach) await prometheus.probe((text) => story.tell(text, 'warning'))
    const analysis = await analyze(inputs.request, { prometheus, clock: systemClock, signal, story })
    if (inputs.history && analysis.outcome === 'passed') addToHistory(inputs.history, analysis.values, Date.now())
    const exit = analysis.outcome === 'inconclusive' && inputs.failInconclusive ? { exit: 'failure' as const } : {}
    return { report: reportOf(analysis), outputs: outputsOf(analysis), html: inputs.html, ...exit }
  } finally {
    await prometheus.close()
  }
})
