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
