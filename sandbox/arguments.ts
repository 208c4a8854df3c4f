import type { ClusterOptions } from './cluster.ts'

export const HELP = `A Kubernetes cluster on this machine: a real control plane and real kubelets, on which each container is a process.

npm run cluster -- up [--nodes 1|2] [--proxy-period 100ms]   start this checkout's in the background
npm run cluster -- status                                    whose it is, parts, nodes and pods; what else runs
npm run cluster -- run [OPTIONS OF up] COMMAND [ARGS...]     run a command inside, with KUBECONFIG set; without a running cluster
                                                             one is started for this command alone
npm run cluster -- kubectl ARGS...                           kubectl inside
npm run cluster -- kill|start|pause|resume PART              do harm on purpose, to a part that status shows
npm run cluster -- down                                      end what up and run of this checkout began, and what was left

--nodes N          how many nodes, 1 by default
--proxy-period T   how often at most kube-proxy writes its rules; 3s plays the slow node of a big cluster`

export type Verb = 'up' | 'down' | 'status' | 'run' | 'kubectl' | 'kill' | 'start' | 'pause' | 'resume' | 'help'

export interface Invocation {
  verb: Verb
  options: Pick<ClusterOptions, 'nodes' | 'proxyPeriod'>
  /** The command of run, the arguments of kubectl, the part to harm. */
  rest: string[]
}

/** Reads the command line. Throws on what it does not know: a misspelt option must not start another cluster than was meant. */
export function parseArguments(argv: readonly string[]): Invocation {
  const [verb = 'help', ...rest] = argv
  const options: Invocation['options'] = {}
  switch (verb) {
    case 'help':
    case '--help':
    case '-h':
      return { verb: 'help', options, rest: [] }
    case 'kubectl':
      return { verb, options, rest }
    case 'up':
    case 'run': {
      while (rest[0]?.startsWith('--')) {
        const option = rest.shift()
        if (option === '--') break
        const value = rest.shift()
        if (option === '--nodes' && (value === '1' || value === '2')) options.nodes = value === '1' ? 1 : 2
        else if (option === '--nodes') throw new Error(`--nodes is ${value}: 1 or 2 is possible`)
        else if (option === '--proxy-period' && /^\d+(\.\d+)?(ms|s|m)$/.test(value ?? '')) options.proxyPeriod = value
        else if (option === '--proxy-period') throw new Error(`--proxy-period is ${value}: a duration such as 100ms or 3s is wanted`)
        else throw new Error(`${option} is unknown to ${verb}`)
      }
      if (verb === 'up' && rest.length > 0) throw new Error(`up takes no ${rest[0]}`)
      if (verb === 'run' && rest.length === 0) throw new Error('run wants a command')
      return { verb, options, rest }
    }
    case 'down':
    case 'status':
      if (rest.length > 0) throw new Error(`${verb} takes no ${rest[0]}`)
      return { verb, options, rest }
    case 'kill':
    case 'start':
    case 'pause':
    case 'resume':
      if (rest.length !== 1) throw new Error(`${verb} wants one part; status shows them`)
      return { verb, options, rest }
    default:
      throw new Error(`${verb} is unknown; up, down, status, run, kubectl, kill, start, pause and resume are possible`)
  }
}
