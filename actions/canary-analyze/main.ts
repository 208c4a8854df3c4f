import { asInput } from '../shared/action/inputs.ts'
import { runAction } from '../shared/action/run.ts'
import { openForward } from '../shared/kubernetes/api/forward.ts'
import { PrometheusClient } from '../shared/prometheus/client.ts'
import { proxyFor, proxySecrets } from '../shared/proxy.ts'
import { systemClock } from '../shared/time/clock.ts'
import { analyze } from './engine.ts'
import { outputsOf, reportOf } from './evidence.ts'
import { isGoodRelease, isKept, prepareHistory, withRelease } from './history.ts'
import { parseInputs } from './inputs.ts'

/** A plan asks no Prometheus. */
const NOBODY = { url: 'http://prometheus.invalid', headers: {}, tls: {}, timeout: 1 }

/** Names of metrics come from the configuration: without secrets, as all that leaves. */
const named = (values: Readonly<Record<string, number>>, redact: (text: string) => string): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [redact(name), value]))

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
  // What can be known before the watch is found before it.
  if (inputs.history && isKept(inputs.request)) asInput('history', () => prepareHistory(inputs.history))
  else if (inputs.history) story.tell("history is not written: that does a live watch by this action's own configuration only")
  try {
    if (inputs.reach) await prometheus.probe()
    const analysis = await analyze(inputs.request, { prometheus, clock: systemClock, signal, story })
    const exit = analysis.outcome === 'inconclusive' && inputs.failInconclusive ? { exit: 'failure' as const } : {}
    const good = inputs.history !== '' && isGoodRelease(inputs.request, analysis)
    return {
      report: reportOf(analysis, inputs.about),
      outputs: outputsOf(analysis),
      html: inputs.html,
      // A file that cannot be written is a warning: the release has passed.
      files: good ? { [inputs.history]: (redact) => withRelease(inputs.history, named(analysis.values, redact), Date.now()) } : {},
      ...exit,
    }
  } finally {
    await prometheus.close()
  }
})
