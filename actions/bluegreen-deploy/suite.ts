import { systemClock } from '../shared/time/clock.ts'
import { filesBeside, readInside } from '../shared/workspace.ts'
import { loadSuite, runSuite } from '../smoke-test/engine.ts'
import type { SmokeTest } from './smoke.ts'

/**
 * The suite of a file of the workspace, as it is run through the cluster. It is read now and in every run; what is wrong with it is thrown now.
 */
export function smokeTests(
  file: string,
  where: { namespace: string; workspace: string; expectVersion: string | undefined },
  ports: Omit<Parameters<typeof runSuite>[1], 'clock' | 'network'> & Parameters<typeof runSuite>[1]['network'],
): SmokeTest {
  const { namespace, workspace, expectVersion } = where
  const { environment, forward, story, ...rest } = ports
  const text = readInside(file, workspace)
  const load = (service: string, port: string) =>
    loadSuite(text, { file, target: `k8s://${namespace}/${service}:${port}`, expectVersion, read: filesBeside(file, workspace) })
  load('service', '80')
  // The release has phases of its own.
  const quiet = { ...story, phase: () => undefined }
  return (service, port, signal) =>
    runSuite(load(service, port), { ...rest, signal, story: quiet, clock: systemClock, network: { environment, forward } })
}
