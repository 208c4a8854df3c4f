import type { KubeConfig } from '@kubernetes/client-node'
import type { Story } from '../../report/story.ts'
import { excerpt } from '../../report/text.ts'
import { systemClock } from '../../time/clock.ts'
import { kubeconfigCredentials, loadKubeconfig } from './credentials.ts'
import { RestCluster } from './rest.ts'

/** A namespace. */
export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

interface Where {
  kubeconfig: string | undefined
  context: string | undefined
  /** That of the kubeconfig's context unless it is given, else `default`. */
  namespace: string | undefined
  /** How long credentials may take, in milliseconds, and a call is tried unless `patience` says how long. */
  apiTimeout: number
  patience?: number
}

/** The real cluster, and the namespace in it. */
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
      `kubeconfig: the namespace of its context is '${excerpt(namespace, 80)}'; lower-case letters, digits and dashes are possible`,
    )
  const credentials = kubeconfigCredentials(config, systemClock)
  const onRetry = (text: string) => story.tell(text, 'warning')
  const cluster = new RestCluster({ credentials, clock: systemClock, signal, patience: where.patience ?? where.apiTimeout, onRetry })
  return { cluster, namespace, kubeconfig: config }
}
