import { existsSync } from 'node:fs'
import { getExecOutput } from '@actions/exec'
import type { KubeConfig } from '@kubernetes/client-node'
import { kubeconfigCredentials, loadKubeconfig } from '../shared/kubernetes/api/credentials.ts'
import { RestCluster } from '../shared/kubernetes/api/rest.ts'
import type { Story } from '../shared/report/story.ts'
import { systemClock } from '../shared/time/clock.ts'
import { DNS_LABEL } from './inputs.ts'
import { describe, ManifestError, MOST_BYTES } from './manifests/yaml.ts'

interface Where {
  kubeconfig: string | undefined
  context: string | undefined
  namespace: string | undefined
  apiTimeout: number
}

/** The real cluster of main and post. */
export function connect(
  where: Where,
  world: { environment: Record<string, string | undefined>; signal: AbortSignal; story: Story; mask: (secret: string) => void },
): { cluster: RestCluster; namespace: string; kubeconfig: KubeConfig } {
  const { environment, signal, story, mask } = world
  const config = loadKubeconfig({
    ...(where.kubeconfig && { kubeconfig: where.kubeconfig }),
    ...(where.context && { context: where.context }),
    environment,
    mask,
    signal,
    timeout: where.apiTimeout,
  })
  const namespace = where.namespace || config.getContextObject(config.getCurrentContext())?.namespace || 'default'
  if (!DNS_LABEL.test(namespace))
    throw new Error(
      `kubeconfig: the namespace of its context is ${describe(namespace)}; lower-case letters, digits and dashes are possible`,
    )
  const credentials = kubeconfigCredentials(config, systemClock)
  const onRetry = (text: string) => story.tell(text, 'warning')
  const cluster = new RestCluster({ credentials, clock: systemClock, signal, patience: where.apiTimeout, onRetry })
  return { cluster, namespace, kubeconfig: config }
}

/** Renders a Kustomize folder with kubectl, or kustomize where there is no kubectl. */
export async function kustomize(folder: string): Promise<string> {
  const candidates = [
    { tool: 'kubectl', args: ['kustomize', folder] },
    { tool: 'kustomize', args: ['build', folder] },
  ]
  const found = candidates.find(({ tool }) => (process.env.PATH ?? '').split(':').some((path) => path && existsSync(`${path}/${tool}`)))
  if (!found)
    throw new ManifestError(
      'manifests: a Kustomize folder needs kubectl or kustomize on PATH; install one, or render it first and pass the file',
    )
  const { exitCode, stdout, stderr } = await getExecOutput(found.tool, found.args, { silent: true, ignoreReturnCode: true })
  if (exitCode !== 0) throw new ManifestError(`manifests: ${found.tool} cannot render the Kustomize folder: ${stderr.slice(0, 2000)}`)
  return stdout
}

export async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_BYTES) throw new ManifestError(`manifests: standard input is larger than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
