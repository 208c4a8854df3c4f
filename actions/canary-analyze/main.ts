import { asInput } from '../shared/action/inputs.ts'
import { type Host, runAction } from '../shared/action/run.ts'
import { connect } from '../shared/kubernetes/api/connect.ts'
import { openForward } from '../shared/kubernetes/api/forward.ts'
import { type Prometheus, PrometheusClient } from '../shared/prometheus/client.ts'
import { proxyFor, proxySecrets } from '../shared/proxy.ts'
import { systemClock } from '../shared/time/clock.ts'
import { analyze } from './engine.ts'
import { outputsOf, reportOf } from './evidence.ts'
import { isGoodRelease, isKept, prepareHistory, withRelease } from './history.ts'
import { type Inputs, type PodsInput, parseInputs } from './inputs.ts'
import { podPorts } from './sources/cluster.ts'
import { PodsStore, withoutQueries } from './sources/pods.ts'

/** A plan asks no Prometheus. */
const NOBODY = { url: 'http://prometheus.invalid', headers: {}, tls: {}, timeout: 1 }

/** Names of metrics come from the configuration: without secrets, as all that leaves. */
const named = (values: Readonly<Record<string, number>>, redact: (text: string) => string): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [redact(name), value]))

await runAction('canary-analyze', async (host) => {
  const { environment, signal, story, mask } = host
  const workspace = environment.GITHUB_WORKSPACE ?? process.cwd()
  const inputs = parseInputs(environment, mask, workspace, Date.now())
  const client = prometheusClient(inputs, host)
  const prometheus = inputs.pods ? podsSource(inputs.pods, host) : client
  // What can be known before the watch is found before it.
  if (inputs.history && isKept(inputs.request)) asInput('history', () => prepareHistory(inputs.history))
  else if (inputs.history) story.tell("history is not written: that does a live watch by this action's own configuration only")
  try {
    if (inputs.reach) await client.probe()
    const analysis = await analyze(inputs.request, { prometheus, counters: prometheus, clock: systemClock, signal, story })
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
    await client.close()
  }
})

function prometheusClient(inputs: Inputs, { environment, signal, story, mask }: Host): PrometheusClient {
  const { prometheus: options = NOBODY, service } = inputs.reach ?? {}
  const forward = service && asInput('kubeconfig', () => openForward(inputs, { environment, signal, story, mask }))
  if (inputs.reach && !service) for (const secret of proxySecrets(proxyFor(new URL(options.url), environment))) mask(secret)
  return new PrometheusClient({
    ...options,
    ...(forward && service && { forward: (until) => forward(service, until) }),
    signal,
    environment,
  })
}

/** The pods of a namespace in the place of a Prometheus. */
function podsSource(input: PodsInput, host: Host): Prometheus {
  // No longer than a pod is waited for: the words why are then those of the last try.
  const { cluster, namespace } = connect({ ...input, patience: input.timeout }, host)
  const tell = (text: string): void => host.story.tell(text, 'warning')
  const options = { namespace, timeout: input.timeout, seed: 1, clock: systemClock, signal: host.signal, tell }
  return withoutQueries(new PodsStore(podPorts(cluster, { ...input, namespace }), options))
}
