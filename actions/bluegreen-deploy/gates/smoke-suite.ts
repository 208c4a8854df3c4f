// The real smoke suite of main; post has none, and should not carry what it takes.
import type { KubeConfig } from '@kubernetes/client-node'
import type { Cluster } from '../../shared/kubernetes/api/cluster.ts'
import { createForward } from '../../shared/kubernetes/api/port-forward.ts'
import type { Story } from '../../shared/report/story.ts'
import { systemClock } from '../../shared/time/clock.ts'
import { filesBeside, readInside } from '../../shared/workspace.ts'
import { loadSuite, runSuite, type Suite } from '../../smoke-test/engine.ts'
import type { SmokeTest } from '../ports.ts'

interface SmokeInputs {
  suite: string
  expectVersion: string | undefined
  variables: Record<string, string>
}

interface SmokeWorld {
  kubeconfig: KubeConfig
  cluster: Cluster
  namespace: string
  workspace: string
  environment: Record<string, string | undefined>
  story: Story
  mask: (secret: string) => void
}

/** The suite of a file of the workspace, through the cluster's port-forward. What is wrong with it is thrown at once, line by line. */
export function smokeTests(inputs: SmokeInputs, world: SmokeWorld): SmokeTest {
  const { suite: file, expectVersion, variables } = inputs
  const { namespace, workspace, environment, mask } = world
  const text = readInside(file, workspace)
  const load = (service: string, port: string): Suite =>
    loadSuite(text, { file, target: `k8s://${namespace}/${service}:${port}`, expectVersion, variables, read: filesBeside(file, workspace) })
  load('service', '80')
  const network = { environment, forward: createForward(world.kubeconfig, world.cluster) }
  // The release has phases of its own.
  const story = { ...world.story, phase: () => undefined }
  return (service, port, signal) => runSuite(load(service, port), { clock: systemClock, signal, story, mask, network })
}
