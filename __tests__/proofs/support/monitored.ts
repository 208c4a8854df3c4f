// Two groups of real processes under load, scraped by a real Prometheus.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onPath } from '../../../sandbox/requirements.ts'
import { root, until } from './world.ts'

const SERVICE = join(root, 'examples/secure-messenger/backend/server.js')

/** As root with apt-get it installs what is missing. */
function ensurePrometheus(): void {
  if (onPath('prometheus')) return
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    console.log('Installing prometheus')
    for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'prometheus']])
      spawnSync('apt-get', args, { stdio: 'ignore' })
  }
  if (!onPath('prometheus')) throw new Error('Prometheus is missing: sudo apt-get install prometheus')
}

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise((done) => server.close(done))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

const ended = (child: ChildProcess): Promise<unknown> =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((done) => child.once('close', done))

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await ended(child)
}

const answers = (url: string): Promise<boolean> =>
  new Promise((done) => {
    get(url, (answer) => {
      answer.resume()
      done(answer.statusCode === 200)
    }).on('error', () => done(false))
  })

/** What a pod may be told, as environment of the example. */
export type Behaviour = Record<string, string>

export class Pod {
  readonly name: string
  readonly color: 'green' | 'blue'
  readonly port: number
  readonly #behaviour: Behaviour
  #process: ChildProcess | undefined

  constructor(name: string, color: 'green' | 'blue', port: number, behaviour: Behaviour) {
    this.name = name
    this.color = color
    this.port = port
    this.#behaviour = behaviour
  }

  async start(): Promise<void> {
    const env = {
      PATH: process.env.PATH,
      ...this.#behaviour,
      PORT: String(this.port),
      POD_IP: '127.0.0.1',
      HOSTNAME: this.name,
      COLOR: this.color,
    }
    const child = spawn(process.execPath, [SERVICE], { env, stdio: 'ignore' })
    this.#process = child
    await until(() => answers(`http://127.0.0.1:${this.port}/health`), 30_000, `${this.name} to listen`)
  }

  /** A crash: its counters are gone. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Has it behave otherwise from now on. */
  tell(behaviour: object): Promise<void> {
    return new Promise((done, fail) => {
      const asked = request({ host: '127.0.0.1', port: this.port, path: '/control', method: 'POST' }, (answer) =>
        answer
          .resume()
          .on('end', () => (answer.statusCode === 200 ? done() : fail(new Error(`${this.name} answered ${answer.statusCode}`)))),
      )
      asked.on('error', fail).end(JSON.stringify(behaviour))
    })
  }

  async stop(): Promise<void> {
    if (this.#process) await end(this.#process)
  }
}

/** A Prometheus that scrapes each second, or as often as it is told, whatever pods it is told of. */
export class Monitoring {
  readonly url: string
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #pods = new Set<Pod>()

  private constructor(process: ChildProcess, folder: string, url: string) {
    this.#process = process
    this.#folder = folder
    this.url = url
  }

  static async start(scrape = 1): Promise<Monitoring> {
    ensurePrometheus()
    const folder = mkdtempSync(join(tmpdir(), 'monitored-'))
    const port = await freePort()
    writeFileSync(join(folder, 'targets.json'), '[]')
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: ${scrape}s, scrape_timeout: 900ms }\nscrape_configs:\n  - job_name: backend\n    file_sd_configs: [{ files: [${join(folder, 'targets.json')}], refresh_interval: 1s }]\n`,
    )
    const argv = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]
    const child = spawn('prometheus', argv, { stdio: 'ignore' })
    const url = `http://127.0.0.1:${port}`
    await until(() => answers(`${url}/-/ready`), 60_000, 'Prometheus to be ready')
    return new Monitoring(child, folder, url)
  }

  /** Has pods scraped, and waits for the first samples of them: a minute more than a scrape may take. */
  async watch(pods: readonly Pod[]): Promise<void> {
    for (const pod of pods) this.#pods.add(pod)
    this.#write()
    for (const { name } of pods)
      await until(async () => (await this.query(`up{pod="${name}"} == 1`)).length > 0, 90_000, `Prometheus to scrape ${name}`)
  }

  async forget(pods: readonly Pod[]): Promise<void> {
    for (const pod of pods) this.#pods.delete(pod)
    this.#write()
    await Promise.all(pods.map((pod) => pod.stop()))
  }

  #write(): void {
    const targets = [...this.#pods].map(({ name, color, port }) => ({ targets: [`127.0.0.1:${port}`], labels: { pod: name, color } }))
    // It reads the file whenever it likes: never half of it.
    writeFileSync(join(this.#folder, 'targets.new'), JSON.stringify(targets))
    renameSync(join(this.#folder, 'targets.new'), join(this.#folder, 'targets.json'))
  }

  /** The values of an expression now. */
  async query(expression: string): Promise<number[]> {
    const answer = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(expression)}`)
    const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
    return data.result.map(({ value }) => Number(value[1]))
  }

  async kill(): Promise<void> {
    await end(this.#process)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#pods].map((pod) => pod.stop()))
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Both groups of a release. */
export interface Groups {
  name: string
  candidate: Pod[]
  baseline: Pod[]
}

let numbered = 0

/** Starts `count` pods a side; `behaviour` is asked for each. */
export async function startGroups(
  monitoring: Monitoring,
  count: number,
  behaviour: (side: 'candidate' | 'baseline', number: number) => Behaviour,
): Promise<Groups> {
  const name = `r${process.pid}x${++numbered}`
  const make = (side: 'candidate' | 'baseline', color: 'green' | 'blue'): Promise<Pod>[] =>
    Array.from({ length: count }, async (_, i) => new Pod(`${name}-${color}-${i}`, color, await freePort(), behaviour(side, i)))
  const [candidate, baseline] = await Promise.all([Promise.all(make('candidate', 'green')), Promise.all(make('baseline', 'blue'))])
  const all = [...candidate, ...baseline]
  await Promise.all(all.map((pod) => pod.start()))
  await monitoring.watch(all)
  return { name, candidate, baseline }
}

export interface Load {
  /** Requests answered by each side. */
  sent: { candidate: number; baseline: number }
  stop(): Promise<void>
}

/** Requests a second of each side. */
export interface Rates {
  candidate: number
  baseline: number
}

/** Sends requests to each side, pod by pod. A pod that is away loses its requests, as a client would see. */
export function startLoad({ candidate, baseline }: Groups, rates: Rates): Load {
  const agent = new Agent({ keepAlive: true })
  const sent = { candidate: 0, baseline: 0 }
  const stopped = new AbortController()
  const drive = async (side: 'candidate' | 'baseline', pods: readonly Pod[]): Promise<void> => {
    const start = performance.now()
    for (let number = 0; !stopped.signal.aborted; ) {
      const due = ((performance.now() - start) / 1000) * rates[side]
      for (; number < due; number++) {
        const pod = pods[number % pods.length]
        get({ host: '127.0.0.1', port: pod?.port, path: '/', agent }, (answer) => answer.resume().on('end', () => sent[side]++)).on(
          'error',
          () => undefined,
        )
      }
      await sleep(10)
    }
  }
  const driving = Promise.all([drive('candidate', candidate), drive('baseline', baseline)])
  return {
    sent,
    async stop() {
      stopped.abort()
      await driving
      agent.destroy()
    },
  }
}
