import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureSandbox } from './build.ts'
import { type About, aboutThis, clusterDirectory, DIRECTORY_VARIABLE } from './checkout.ts'
import { endCommands, signal } from './processes.ts'

/** What stands for a container image: the command that its containers run as a process. */
export interface Image {
  command: string[]
  env?: Record<string, string>
  /** `sha256:...`; by default it comes from the rest. */
  digest?: string
  /** Makes the pull fail with these words, as a registry would: `toomanyrequests: ...`, `unauthorized: ...`. */
  pullError?: string
}

/** One of the cluster's processes. `pid` is its number inside; 0 when it does not run. */
export interface Part {
  name: string
  pid: number
  state: 'running' | 'paused' | 'stopped'
}

export interface Cluster {
  /** The folder for all state; gone when the cluster is. `log/PART` in it is what a part says. */
  readonly dir: string
  /** Path of a kubeconfig for an administrator; it serves only inside the cluster's network namespace. */
  readonly kubeconfig: string
  /** The folder of image descriptions: the registry. */
  readonly images: string
  /** How many seconds the start took. */
  readonly seconds: number
  /** Who began it; undefined for one of an older program. */
  readonly about: About | undefined
  /** When it was ready, as ISO 8601. */
  readonly since: string | undefined
  /** The argv that runs argv inside the cluster's network namespace (the same argv where that is the caller's own). */
  enter(argv: string[]): string[]
  /** The argv of kubectl inside the cluster. */
  kubectl(args: string[]): string[]
  /** Pushes an image, under a reference such as `registry.example/backend:v1`; answers with its digest. */
  addImage(reference: string, image: Image): Promise<string>
  /** The parts and how they are. */
  parts(): Promise<Part[]>
  /** Does harm to a part on purpose: kill it (SIGKILL; it stays down until started), pause and resume it. Names are those of `parts()`. */
  control(action: 'kill' | 'start' | 'pause' | 'resume', part: string): Promise<void>
  /** Ends the cluster and the commands that run inside of it; nothing of it is left then. May be called again. */
  stop(): Promise<void>
}

export interface ClusterOptions {
  nodes?: 1 | 2
  /** How often at most kube-proxy writes its rules, `100ms` by default; `3s` plays the slow node of a big cluster. */
  proxyPeriod?: string
  log?: (line: string) => void
  /** A named cluster can be opened by others of this checkout; without a name it gets one of its own. */
  name?: string
  /** Who begins it, as others will be told; by default the script that runs. */
  by?: string
  /** Goes on after this process has ended; otherwise the cluster ends with it, however it ends. */
  detached?: boolean
}

interface Ready {
  event: 'ready'
  dir: string
  kubeconfig: string
  images: string
  pid: number
  seconds: number
  about?: About
  since?: string
}

type Event =
  | { event: 'progress'; message: string; seconds: number }
  | Ready
  | { event: 'died' | 'stopped'; message: string; seconds: number }

/** Starts a cluster and waits until its nodes are ready. Throws when the machine lacks something or a part dies. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const log = options.log ?? (() => {})
  const binary = await ensureSandbox(log)
  const dir = clusterDirectory(options.name ?? `c-${randomBytes(4).toString('hex')}`)
  const about = JSON.stringify(aboutThis(options.by))
  const argv = ['up', '--dir', dir, '--nodes', String(options.nodes ?? 1), '--about', about]
  if (options.proxyPeriod) argv.push('--proxy-period', options.proxyPeriod)
  if (!options.detached) argv.push('--until-eof')
  // A session of its own: Ctrl-C reaches the owner first, which may still need the cluster. Its end closes the pipe.
  const child = spawn(binary, argv, { detached: true, stdio: [options.detached ? 'ignore' : 'pipe', 'pipe', 'pipe'] })
  const errors: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let stopping = false
  let why = 'its supervisor was killed'
  const cluster = await new Promise<Cluster>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new Error(`The cluster did not start: ${errors.join('').trim() || why}`)))
    if (!child.stdout) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as Event
      if (event.event === 'progress') log(`${event.message} (${event.seconds.toFixed(1)} s)`)
      if (event.event === 'died' || event.event === 'stopped') why = event.message
      if (event.event !== 'ready') return
      child.once('close', () => stopping || log(`The cluster has ended: ${why}`))
      log(`Cluster ready (${event.seconds.toFixed(1)} s)`)
      resolve(describe(event))
    })
  })
  // A cluster that is not stopped ends with this process; it must not keep it from ending.
  const handles = [child, ...[child.stdin, child.stdout, child.stderr]] as ({ ref?: () => void; unref?: () => void } | null)[]
  for (const handle of handles) handle?.unref?.()
  if (options.detached) return cluster
  return {
    ...cluster,
    stop: async () => {
      stopping = true
      await endCommands((other) => other === dir)
      child.ref()
      child.stdin?.destroy()
      await Promise.race([ended, sleep(PATIENCE, undefined, { ref: false })])
      child.kill('SIGKILL') // where it has not ended, as when it is paused
      await endFolder(dir)
      await ended
    },
  }
}

/** How long a cluster may take to answer or to end, milliseconds. */
const PATIENCE = 15_000

/**
 * Opens a cluster that runs: by default the one that this process runs inside of, or else the one of this checkout that is named `default`.
 * Undefined when there is none. Throws when there is one that does not answer.
 */
export async function openCluster(dir = process.env[DIRECTORY_VARIABLE] ?? clusterDirectory('default')): Promise<Cluster | undefined> {
  const ready = readReady(dir)
  if (!ready) return undefined
  try {
    await ask(dir, { do: 'status' })
  } catch (error) {
    // The folder of a crashed cluster may still lie there.
    if (error instanceof SilentCluster) throw error
    return undefined
  }
  return describe(ready)
}

/** What a cluster has left for those who come later; undefined where there is nothing that can be read. */
function readReady(dir: string): Ready | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8')) as Ready
  } catch {
    return undefined
  }
}

/**
 * Ends what is left of a cluster that did not end when it was told to: kills its first process, with which all others die, and removes the
 * folder. Does nothing where there is no folder. Throws when something holds it still; a cluster that is starting does.
 */
export async function endFolder(dir: string): Promise<void> {
  const pid = readReady(dir)?.pid
  if (pid !== undefined && commandOf(pid).includes(dir)) signal(pid, 'SIGKILL')
  for (let waited = 0; existsSync(dir); waited += 50) {
    // Whoever runs a cluster holds a lock on its folder.
    if (spawnSync('flock', ['--nonblock', dir, 'true']).status === 0) rmSync(dir, { recursive: true, force: true })
    else if (waited > PATIENCE)
      throw new Error(`The cluster in ${dir} does not end; something holds a lock on that folder. See: ps aux | grep ${dir}`)
    else await sleep(50)
  }
}

/** The command line of a process; empty when there is none of that number. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

function describe(ready: Ready): Cluster {
  const { dir, kubeconfig, images, pid, seconds, about, since } = ready
  const own = () => readlinkSync('/proc/self/ns/net') === readlinkSync(`/proc/${pid}/ns/net`)
  const how = process.getuid?.() === 0 ? [] : [`--user=/proc/${pid}/ns/user`, '--preserve-credentials']
  const enter = (argv: string[]) => (own() ? argv : ['nsenter', ...how, `--net=/proc/${pid}/ns/net`, '--', ...argv])
  return {
    dir,
    kubeconfig,
    images,
    seconds,
    about,
    since,
    enter,
    kubectl: (args) => enter([join(dir, 'bin/kubectl'), `--kubeconfig=${kubeconfig}`, ...args]),
    addImage: (reference, image) => addImage(images, reference, image),
    parts: async () => await ask(dir, { do: 'status' }),
    control: async (action, part) => {
      await ask(dir, { do: action, part })
    },
    stop: async () => {
      await endCommands((other) => other === dir)
      await ask(dir, { do: 'stop' }).catch(() => {}) // it ends with the connection
      await endFolder(dir)
    },
  }
}

async function addImage(folder: string, reference: string, image: Image): Promise<string> {
  const digest =
    image.digest ??
    `sha256:${createHash('sha256')
      .update(JSON.stringify([reference, image]))
      .digest('hex')}`
  const path = join(folder, `${encodeURIComponent(reference)}.json`)
  await writeFile(`${path}.new`, JSON.stringify({ ...image, reference, digest }))
  await rename(`${path}.new`, path)
  return digest
}

/** A cluster that takes a question and does not answer: paused, or on a machine that is very busy. */
class SilentCluster extends Error {}

/** One question on the control socket, which lies in the cluster's folder. */
function ask(dir: string, request: { do: string; part?: string }): Promise<Part[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(join(dir, 'control.sock'))
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    socket.setTimeout(PATIENCE, () => {
      const words = `The cluster in ${dir} has not answered for ${PATIENCE / 1000} s; end it with: npm run cluster -- down`
      socket.destroy(new SilentCluster(words))
    })
    socket.once('error', reject).once('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.once('close', () => {
      if (text === '') return reject(new Error('The cluster has ended'))
      const answer = JSON.parse(text) as { error?: string; parts?: Part[] }
      if (answer.error !== undefined) reject(new Error(answer.error))
      else resolve(answer.parts ?? [])
    })
  })
}
