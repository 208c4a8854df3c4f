import { kubeconfigCredentials, loadKubeconfig } from '../shared/kubernetes/api/credentials.ts'
import { createForward } from '../shared/kubernetes/api/port-forward.ts'
import { RestCluster } from '../shared/kubernetes/api/rest.ts'
import type { Story } from '../shared/report/story.ts'
import { systemClock } from '../shared/time/clock.ts'
import type { Forward } from './dial.ts'

/** How long a call of one attempt is tried again: attempts themselves are repeated. */
const PATIENCE = 2_000
/** How long a plugin that gives credentials may take, in milliseconds. */
const LOGIN = 30_000

/** The way into the cluster of a kubeconfig, which is read when the first check goes there. */
export function clusterForward(
  where: { kubeconfig: string | undefined; context: string | undefined },
  world: { environment: Record<string, string | undefined>; signal: AbortSignal; story: Story; mask: (secret: string) => void },
): Forward {
  const { environment, signal, story, mask } = world
  let opened: Forward | undefined
  const open = (): Forward => {
    const { kubeconfig, context } = where
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
  return (to, until) => {
    opened ??= open()
    return opened(to, until)
  }
}
