import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { CHECKOUT, checkoutKey, clusterFolders, clustersFolder, DIRECTORY_VARIABLE, sayOwner } from './checkout.ts'
import { type Cluster, endFolder, openCluster } from './cluster.ts'
import { endCommands } from './processes.ts'

/** What is to be done with a folder of clusters when this checkout's are ended. */
export type Fate = 'stop' | 'leave' | 'clear'

/**
 * Decides on one folder of this checkout. `surrounding` is the folder of the cluster that this process runs inside of.
 * What `up` and `run` began is ended; what a script began (a proof, the demo) ends with the script. A cluster that no longer answers is cleared away.
 */
export function fateOf(
  folder: string,
  surrounding: string | undefined,
  cluster: Pick<Cluster, 'about'> | undefined,
  starting: boolean,
): Fate {
  if (!cluster) return starting ? 'leave' : 'clear'
  return folder === surrounding || cluster.about?.by === 'up' || cluster.about?.by === 'run' ? 'stop' : 'leave'
}

/** Whether a command in a cluster's folder is one that a cluster of this checkout has left: its own cluster is gone. */
export const isLeft = (dir: string, base: string, exists: (path: string) => boolean): boolean =>
  dirname(dir) === base && dir.slice(base.length + 1).startsWith(checkoutKey(CHECKOUT)) && !exists(dir)

/** Opens a cluster, also one that does not answer: undefined. */
async function look(folder: string): Promise<Cluster | undefined> {
  try {
    return await openCluster(folder)
  } catch {
    return undefined
  }
}

/** Ends this checkout's clusters and what they have left, and tells each. */
export async function endClusters(log: (line: string) => void): Promise<void> {
  const base = clustersFolder()
  const surrounding = process.env[DIRECTORY_VARIABLE]
  const folders = new Set([...clusterFolders(CHECKOUT), ...(surrounding && existsSync(surrounding) ? [surrounding] : [])])
  let ended = 0
  for (const folder of folders) {
    const cluster = await look(folder)
    const whose = cluster ? sayOwner(cluster.about, cluster.since, Date.now()) : `of ${CHECKOUT} in ${folder}`
    const starting = !cluster && existsSync(folder) && !existsSync(`${folder}/cluster.json`)
    const fate = fateOf(folder, surrounding, cluster, starting)
    if (fate === 'leave') {
      log(
        starting
          ? `A cluster is starting in ${folder}: left alone`
          : `A cluster runs ${whose}: it ends with that script, and is left alone`,
      )
      continue
    }
    if (fate === 'stop') await cluster?.stop()
    else {
      await endCommands((dir) => dir === folder)
      await endFolder(folder)
    }
    ended++
    log(fate === 'stop' ? `The cluster has ended (${whose})` : `A cluster that no longer answered is cleared away (${whose})`)
  }
  const commands = await endCommands((dir) => isLeft(dir, base, existsSync))
  if (commands > 0) log(`Ended ${commands} ${commands === 1 ? 'process' : 'processes'} that earlier clusters have left`)
  if (ended === 0 && commands === 0) log(`No cluster of ${CHECKOUT} runs`)
}

/** The clusters of this user that run beside one, each in a line. */
export async function otherClusters(except: string | undefined): Promise<string[]> {
  const found = await Promise.all(
    clusterFolders()
      .filter((folder) => folder !== except)
      .map(look),
  )
  return found.filter((cluster) => cluster !== undefined).map(({ about, since, dir }) => `${sayOwner(about, since, Date.now())}, in ${dir}`)
}
