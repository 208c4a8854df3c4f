// The way to Services of the cluster that a kubeconfig names.
import type { Story } from '../../report/story.ts'
import { systemClock } from '../../time/clock.ts'
import { kubeconfigCredentials, loadKubeconfig } from './credentials.ts'
import { createForward, type Forward } from './port-forward.ts'
import { RestCluster } from './rest.ts'

/** How long a call is tried again: whoever opens a stream tries as well. */
const PATIENCE = 2_000
/** How long a plugin that gives credentials may take, in milliseconds. */
const LOGIN = 30_000

interface Where {
  kubeconfig: string | undefined
  context: string | undefined
}

interface World {
  environment: Record<string, string | undefined>
  signal: AbortSignal
  story: Story
  mask: (secret: string) => void
}

/** The way into a cluster. Throws when the kubeconfig cannot be used. */
export function openForward({ kubeconfig, context }: Where, { environment, signal, story, mask }: World): Forward {
  const config = loadKubeconfig({
    ...(kubeconfig && { kubeconfig }),
    ...(context && { context }),
    environment,
    mask,
    signal,
    timeout: LOGIN,
  })
  const credentials = kubeconfigCredentials(config, systemClock)
  const onRetry = (text: string): void => story.tell(text, 'warning')
  return createForward(config, new RestCluster({ credentials, clock: systemClock, signal, patience: PATIENCE, onRetry }))
}

/** The same, where the kubeconfig is read when the first stream is opened. */
export function clusterForward(where: Where, world: World): Forward {
  let opened: Forward | undefined
  return (to, until) => {
    opened ??= openForward(where, world)
    return opened(to, until)
  }
}
