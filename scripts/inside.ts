// Runs a command inside of a local cluster of its own, which ends with it, however either ends.
import { spawn } from 'node:child_process'
import { DIRECTORY_VARIABLE } from '../sandbox/checkout.ts'
import { type Cluster, type ClusterOptions, startCluster } from '../sandbox/cluster.ts'
import { exampleImages } from '../sandbox/images.ts'

export interface InsideOptions extends ClusterOptions {
  env?: Record<string, string>
  /** Makes images of the example misbehave: tag -> environment. */
  images?: Record<string, Record<string, string>>
}

/** The environment of a command that runs inside. */
export const environmentOf = (cluster: Cluster): Record<string, string> => ({
  KUBECONFIG: cluster.kubeconfig,
  [DIRECTORY_VARIABLE]: cluster.dir,
})

/** The argv that runs argv inside, and ends it when this process does. */
export const enter = (cluster: Cluster, argv: string[]): string[] => cluster.enter(['setpriv', '--pdeathsig', 'KILL', '--', ...argv])

/** Starts a cluster with the example's images, runs argv inside of it and gives its exit code; Ctrl-C is left to the command. */
export async function runInside(argv: string[], options: InsideOptions): Promise<number> {
  const { env, images, ...clusterOptions } = options
  const cluster = await startCluster(clusterOptions)
  // A terminal's Ctrl-C reaches the command too, and the cluster ends after it.
  const wait = (): void => undefined
  process.on('SIGINT', wait)
  try {
    await exampleImages(cluster, images)
    const [command = '', ...args] = enter(cluster, argv)
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environmentOf(cluster), ...env } })
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
    process.on('SIGTERM', pass).on('SIGHUP', pass)
    return await new Promise<number>((done, failed) => child.once('error', failed).once('close', (code) => done(code ?? 1)))
  } finally {
    await cluster.stop()
  }
}
