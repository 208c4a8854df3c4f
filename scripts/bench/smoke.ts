// A thousand checks by the action beside curl in a loop: seconds and memory, for the same requests with the same judgement of the status.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { World } from '../../__tests__/proofs/support/world.ts'
import { runBundle } from '../runner.ts'
import type { Bench } from './bench.ts'

const CHECKS = 1000
const ROUNDS = 3

interface Cost {
  seconds: number
  mib: number
}

async function measure(world: World): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  let answered = 0
  const server = createServer((_, response) => {
    answered++
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  const rows = { action: [] as Cost[], one: [] as Cost[], curl: [] as Cost[] }
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, work] of [
        ['action', () => byAction(folder, port, 8)],
        ['one', () => byAction(folder, port, 1)],
        ['curl', () => byCurl(folder, port)],
      ] as const) {
        answered = 0
        rows[name].push(await work())
        // Figures of something that did not ask say nothing.
        if (answered !== CHECKS) throw new Error(`${name} asked ${answered} times, not ${CHECKS}`)
      }
    }
  } finally {
    await new Promise((done) => server.close(done))
    rmSync(folder, { recursive: true, force: true })
  }
  const [action, one, curl] = [middle(rows.action), middle(rows.one), middle(rows.curl)]
  world.log(`\n${CHECKS} HTTP checks, each on a connection of its own, median of ${ROUNDS}`)
  world.log(row('the action, 8 at once', action))
  world.log(row('the action, one at a time', one))
  world.log(row('curl in a loop', curl))
  world.log('  the action judges JSON as well, and writes its reports; the memory of curl is that of one curl')
  return {
    seconds: round(action.seconds),
    seconds_to_curl: round(action.seconds / curl.seconds),
    seconds_one_at_a_time_to_curl: round(one.seconds / curl.seconds),
    mib: Math.round(action.mib),
    mib_to_curl: round(action.mib / curl.mib),
  }
}

async function byAction(folder: string, port: number, parallel: number): Promise<Cost> {
  const checks = Array.from({ length: CHECKS }, (_, i) => ({ name: `check ${i}`, http: '/', expect: { json: { '$.status': 'ok' } } }))
  writeFileSync(join(folder, 'smoke.yaml'), JSON.stringify({ target: `http://127.0.0.1:${port}`, parallel, checks }))
  const measured = join(folder, 'rss')
  writeFileSync(
    join(folder, 'measure.mjs'),
    "import { writeFileSync } from 'node:fs'\nprocess.on('exit', () => writeFileSync(process.env.MEASURED, String(process.resourceUsage().maxRSS)))\n",
  )
  const began = performance.now()
  const { code, log } = await runBundle({
    action: 'smoke-test',
    cwd: folder,
    stdin: '',
    env: { NODE_OPTIONS: `--import=${join(folder, 'measure.mjs')}`, MEASURED: measured },
    ...(process.env.DIST && { dist: process.env.DIST }),
    inputs: { suite: 'smoke.yaml' },
  })
  if (code !== 0) throw new Error(`the action ended with ${code}:\n${log.slice(-2000)}`)
  return { seconds: (performance.now() - began) / 1000, mib: Number(readFileSync(measured, 'utf8')) / 1024 }
}

/** The loop that a workflow would have in its `run:`. */
async function byCurl(folder: string, port: number): Promise<Cost> {
  const measured = join(folder, 'curl-rss')
  const script = `for i in $(seq ${CHECKS}); do curl --fail --silent --show-error --output /dev/null http://127.0.0.1:${port}/ || exit 1; done`
  const began = performance.now()
  await run('sh', ['-c', script])
  const seconds = (performance.now() - began) / 1000
  // One more, for its memory alone; it is not one of the thousand, and asks nobody.
  await run('python3', ['-c', PEAK, measured, 'curl', '--version'])
  return { seconds, mib: Number(readFileSync(measured, 'utf8')) / 1024 }
}

const PEAK =
  'import resource, subprocess, sys; subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, check=True); open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))'

async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const code = await new Promise<number | null>((done, failed) => child.once('error', failed).once('close', done))
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
}

const middle = (costs: Cost[]): Cost => {
  const found = [...costs].sort((a, b) => a.seconds - b.seconds)[Math.floor(costs.length / 2)]
  if (!found) throw new Error('nothing was measured')
  return found
}
const round = (value: number): number => Math.round(value * 100) / 100
const row = (name: string, { seconds, mib }: Cost): string =>
  `  ${name.padEnd(28)}${seconds.toFixed(2).padStart(9)} s${mib.toFixed(0).padStart(7)} MiB`

export const bench: Bench = {
  what: 'a thousand checks beside curl in a loop: seconds and memory',
  cluster: {},
  measure,
}
