import { randomUUID } from 'node:crypto'
import { startDeployment } from '../shared/action/deployment.ts'
import { asInput } from '../shared/action/inputs.ts'
import { runAction } from '../shared/action/run.ts'
import { connect } from '../shared/kubernetes/api/connect.ts'
import { systemClock } from '../shared/time/clock.ts'
import { release } from './engine.ts'
import { exitOf, outputsOf, reportOf } from './evidence.ts'
import { smokeTests } from './gates/smoke-suite.ts'
import { parseInputs } from './inputs.ts'
import { kustomize } from './manifests/kustomize.ts'
import { loadManifests } from './manifests/load.ts'
import { readStdin } from './manifests/stdin.ts'

await runAction('bluegreen-deploy', async (host) => {
  const { environment, signal, story, mask } = host
  const inputs = parseInputs(environment, mask)
  const { cluster, namespace, kubeconfig } = connect(
    { ...inputs, namespace: inputs.config.namespace },
    { environment, signal, story, mask },
  )
  const config = { ...inputs.config, namespace }
  const url = host.runUrl ?? 'a run outside of GitHub Actions'
  const identity = `${environment.GITHUB_RUN_ID ?? 'local'}-${environment.GITHUB_RUN_ATTEMPT ?? '1'}-${environment.GITHUB_JOB ?? 'job'}-${randomUUID()}`
  const workspace = environment.GITHUB_WORKSPACE ?? process.cwd()
  const world = { kubeconfig, cluster, namespace, workspace, environment, story, mask: mask }
  const suite = inputs.smoke
  const smoke = suite && asInput('smoke-suite', () => smokeTests(suite, world))
  // From here on post ends what this process does not.
  if (config.command !== 'status' && !config.dryRun) host.saveState('identity', identity)
  const render = (folder: string) => kustomize(folder, { workspace, signal, environment })
  const manifests = () => loadManifests(inputs.manifests, { workspace, stdin: readStdin, kustomize: render })
  const deployment = inputs.deployment && !config.dryRun ? await startDeployment(inputs.deployment, host) : undefined
  try {
    const result = await release(config, {
      cluster,
      clock: systemClock,
      signal,
      story,
      manifests,
      smoke,
      redact: host.redact,
      run: { identity, url },
    })
    host.saveState('ended', 'true')
    await deployment?.finish(result.outcome, result.headline, inputs.deployment?.url)
    return {
      report: reportOf(result, config),
      outputs: outputsOf(result, config),
      html: inputs.html,
      exit: exitOf(result, config),
    }
  } catch (error) {
    await deployment?.finish('error', error instanceof Error ? error.message : String(error))
    throw error
  }
})
