import { runAction } from '../shared/action/run.ts'
import { connect } from '../shared/kubernetes/api/connect.ts'
import { systemClock } from '../shared/time/clock.ts'
import { leftUnfinished, release } from './engine.ts'
import { reportOf } from './evidence.ts'
import { parseInputs } from './inputs.ts'

// After a cancel or a crash: takes an unfinished release back. The same identity, so that its own lease is not waited for.
await runAction('bluegreen-deploy', async (host) => {
  const identity = host.getState('identity')
  if (!identity || host.getState('ended')) return undefined
  const { environment, signal, story, mask } = host
  const inputs = parseInputs(environment, mask)
  const { cluster, namespace } = connect({ ...inputs, namespace: inputs.config.namespace }, { environment, signal, story, mask })
  const config = { ...inputs.config, command: 'recover' as const, dryRun: false, namespace }
  if (!(await leftUnfinished(config, cluster, identity))) return undefined
  const run = { identity, url: host.runUrl ?? 'a run outside of GitHub Actions' }
  const result = await release(config, { cluster, clock: systemClock, signal, story, manifests: async () => [], redact: host.redact, run })
  return { report: reportOf(result, config) }
})
