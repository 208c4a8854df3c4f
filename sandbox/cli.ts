import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { HELP, type Invocation, parseArguments, type Verb } from './arguments.ts'
import { CHECKOUT, DIRECTORY_VARIABLE, sayOwner } from './checkout.ts'
import { type Cluster, openCluster, startCluster } from './cluster.ts'
import { endClusters, otherClusters } from './down.ts'
import { exampleImages } from './images.ts'

const log = (line: string): void => console.error(line)

/** Runs a command to its end and answers with its exit code, 128 + n for signal n, as a shell does. */
function execute(argv: string[], env = process.env): Promise<number> {
  const [command = '', ...args] = argv
  const child = spawn(command, args, { stdio: 'inherit', env })
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  // Ctrl-C reaches the command by itself; it may need the cluster to clean up, so wait for it.
  const wait = () => {}
  process.on('SIGINT', wait).on('SIGTERM', pass).on('SIGHUP', pass)
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  }).finally(() => process.off('SIGINT', wait).off('SIGTERM', pass).off('SIGHUP', pass))
}

/** What a command inside finds: the cluster by KUBECONFIG, kubectl on its PATH. */
function environment(cluster: Cluster): NodeJS.ProcessEnv {
  return {
    ...process.env,
    KUBECONFIG: cluster.kubeconfig,
    [DIRECTORY_VARIABLE]: cluster.dir,
    PATH: [join(cluster.dir, 'bin'), process.env.PATH].join(delimiter),
  }
}

async function running(): Promise<Cluster> {
  const cluster = await openCluster()
  if (cluster) return cluster
  const others = (await otherClusters(undefined)).map((other) => `\n(another runs ${other})`).join('')
  throw new Error(`No cluster of ${CHECKOUT} runs; start one with: npm run cluster -- up${others}`)
}

const owner = ({ about, since }: Cluster): string => sayOwner(about, since, Date.now())

/** Does harm to one part, as the verb says. */
async function harm({ verb, rest }: Invocation): Promise<number> {
  await (await running()).control(verb as 'kill' | 'start' | 'pause' | 'resume', String(rest[0]))
  return 0
}

const commands: Record<Verb, (invocation: Invocation) => Promise<number>> = {
  help: async () => {
    console.log(HELP)
    return 0
  },
  up: async ({ options }) => {
    const there = await openCluster()
    if (there) throw new Error(`A cluster runs already (${owner(there)}), in ${there.dir}; end it with: npm run cluster -- down`)
    const cluster = await startCluster({ ...options, log, name: 'default', by: 'up', detached: true })
    await exampleImages(cluster)
    console.log(`KUBECONFIG is ${cluster.kubeconfig}; it serves inside: npm run cluster -- run COMMAND, or kubectl ARGS`)
    return 0
  },
  down: async () => {
    await endClusters((line) => console.log(line))
    return 0
  },
  status: async () => {
    const cluster = await running()
    console.log(`The cluster ${owner(cluster)}\n`)
    for (const part of await cluster.parts()) console.log(`${part.name.padEnd(26)}${part.state}`)
    console.log(`\nlogs in ${join(cluster.dir, 'log')}\n`)
    const others = await otherClusters(cluster.dir)
    if (others.length > 0) console.log(others.map((other) => `another runs ${other}\n`).join(''))
    const nodes = await execute(cluster.kubectl(['get', 'nodes']))
    return nodes || (await execute(cluster.kubectl(['get', 'pods', '--all-namespaces', '--output=wide'])))
  },
  kubectl: async ({ rest }) => execute((await running()).kubectl(rest)),
  run: async ({ options, rest }) => {
    const there = await openCluster()
    if (there && Object.keys(options).length > 0) {
      throw new Error(`A cluster runs already (${owner(there)}), and cannot be given other options; end it first: npm run cluster -- down`)
    }
    const cluster = there ?? (await startCluster({ ...options, log, by: 'run' }))
    try {
      if (!there) await exampleImages(cluster)
      // The command must not outlive this process, whatever kills it: its cluster would be gone.
      return await execute(cluster.enter(['setpriv', '--pdeathsig', 'KILL', '--', ...rest]), environment(cluster))
    } finally {
      if (!there) await cluster.stop()
    }
  },
  kill: harm,
  start: harm,
  pause: harm,
  resume: harm,
}

// A reader that has seen enough, such as head, ends nothing but this program.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

try {
  const invocation = parseArguments(process.argv.slice(2))
  process.exitCode = await commands[invocation.verb](invocation)
} catch (error) {
  log(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
