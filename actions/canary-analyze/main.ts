import { type Host, runAction } from '../shared/action/run.ts'
import { connect } from '../shared/kubernetes/api/connect.ts'
import { type Prometheus, PrometheusClient } from '../shared/prometheus/client.ts'
import { proxyFor, proxySecrets } from '../shared/proxy.ts'
import { systemClock } from '../shared/time/clock.ts'
import { analyze } from './engine.ts'
import { outputsOf, reportOf } from './evidence.ts'
import { addToHistory } from './history.ts'
import { type PodsInput, parseInputs } from './inputs.ts'
import { podPorts } from './sources/cluster.ts'
import { PodsStore, withoutQueries } from './sources/pods.ts'

await runAction('canary-analyze', async (host) => {
  const { environment, signal, story, mask } = host
  const workspace = environment.GITHUB_WORKSPACE ?? process.cwd()
  const inputs = parseInputs(environment, mask, workspace, Date.now())
  const address = URL.parse(inputs.prometheus.url)
  for (const secret of proxySecrets(address ? proxyFor(address, environment) : undefined)) mask(secret)
  const client = new PrometheusClient({ ...inputs.prometheus, signal, environment })
  const prometheus = inputs.pods && inputs.request.judge !== 'plan' ? podsSource(inputs.pods, host) : client
  try {
    const analysis = await analyze(inputs.request, { prometheus, counters: prometheus, clock: systemClock, signal, story })
    if (inputs.history && analysis.outcome === 'passed') addToHistory(inputs.history, analysis.values, Date.now())
    const exit = analysis.outcome === 'inconclusive' && inputs.failInconclusive ? { exit: 'failure' as const } : {}
    return { report: reportOf(analysis), outputs: outputsOf(analysis), html: inputs.html, ...exit }
  } finally {
    await client.close()
  }
})

/** The pods of a namespace in the place of a Prometheus. */
function podsSource(input: PodsInput, host: Host): Prometheus {
  // No longer than a pod is waited for: the words why are then those of the last try.
  const { cluster, namespace } = connect({ ...input, patience: input.timeout }, host)
  const tell = (text: string): void => host.story.tell(text, 'warning')
  const options = { namespace, timeout: input.timeout, seed: 1, clock: systemClock, signal: host.signal, tell }
  return withoutQueries(new PodsStore(podPorts(cluster, { ...input, namespace }), options))
}
