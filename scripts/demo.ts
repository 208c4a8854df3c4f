// npm run demo: two nodes, three versions of the example and a stream of users. Version 1 is released, version 2 takes its place without
// one failed request, version 3 turns bad under traffic and is taken back by itself. Leaves a report of each in report/.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EXAMPLE, liveState, openWorld, until, type World } from '../__tests__/proofs/support/world.ts'
import { isReady } from '../actions/shared/kubernetes/watch/rollout.ts'
import { BACKEND } from '../sandbox/images.ts'
import { createTerminal } from './action.ts'
import { build } from './build.ts'
import { startUsers, type Users } from './demo/users.ts'
import { runInside } from './inside.ts'
import { runBundle } from './runner.ts'

const root = resolve(import.meta.dirname, '..')
const reports = join(root, 'report')
const namespace = 'shop'
/** Set in the process that runs inside of the cluster: a folder for what its runs leave. */
const INSIDE = 'DEMO_INSIDE'

/** What a workflow would say, with times for someone who waits for the end. */
const INPUTS = {
  name: 'backend',
  namespace,
  manifests: EXAMPLE,
  'check-path': '/',
  'check-interval': '1s',
  'propagation-time': '2s',
  'bake-time': '15s',
  'retire-delay': '2s',
  'html-report': 'true',
}

const say = (text: string): void => console.log(text)
const title = (text: string): void => say(`\n━━ ${text} ${'━'.repeat(Math.max(0, 100 - text.length))}`)

/** Starts the cluster with what follows inside of it. */
async function outside(): Promise<number> {
  const dist = resolve(process.env.DIST ?? join(root, 'dist'))
  if (!existsSync(join(dist, 'bluegreen-deploy/index.js'))) {
    say(`${relative(root, dist)}/ holds no bundle of bluegreen-deploy: building it (about 20 s)`)
    await build(root, dist)
  }
  say('Three releases of an example service under live traffic, in a minute or two: the first, one that replaces it, one that turns bad.')
  title('A Kubernetes cluster of two nodes, on this machine, for this demo only')
  const temp = mkdtempSync(join(tmpdir(), 'demo-'))
  try {
    const argv = [process.execPath, import.meta.filename]
    return await runInside(argv, { nodes: 2, log: (line) => say(`  ${line}`), env: { DIST: dist, [INSIDE]: temp } })
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}

interface Chapter {
  version: string
  outcome: string
  what: string
  requests: number
  failed: number
  seconds: number
}

async function inside(temp: string): Promise<number> {
  const world = await openWorld({ short: false, only: undefined })
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      say('\nInterrupted: ending the cluster')
      interrupted.abort()
    })
  }
  await world.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  rmSync(reports, { recursive: true, force: true })
  mkdirSync(reports)
  const users = startUsers()
  const ticker = setInterval(() => say(`      · ${users.line()}`), 5_000)
  const kill = interrupted.signal
  const play = (version: string, during?: () => Promise<void>) => release(world, users, { version, temp, kill, during })
  try {
    title('Version 1: nothing runs yet')
    const one = await play('v1', async () => {
      users.go(await address(world))
      say('      · from now on 50 new connections a second, and five that are kept open')
    })
    title('Version 2: blue/green, while the users go on')
    const two = await play('v2')
    title('Version 3: good until it is under traffic')
    let bad = Number.NaN
    const three = await play('v3', async () => {
      await until(async () => users.answering().some((who) => who.version === 'v3') || kill.aborted, 120_000, 'version 3 under traffic')
      await sleep(4_000)
      await turnBad(world)
      bad = Date.now()
      say('      · VERSION 3 TURNS BAD NOW: each request gets a 500. Its probes stay green: Kubernetes would leave it there.')
    })
    const heard = (users.last('v3') - bad) / 1000
    return await end(world, [one, two, three], heard)
  } finally {
    clearInterval(ticker)
    users.stop()
  }
}

/** Runs one release by the action's bundle and tells what it says as it comes. */
async function release(
  world: World,
  users: Users,
  how: { version: string; temp: string; kill: AbortSignal; during: (() => Promise<void>) | undefined },
): Promise<Chapter> {
  const { version, temp, kill, during } = how
  const before = users.count()
  const terminal = createTerminal((text) => say(text.replace(/^/gm, '    ')))
  const running = runBundle({
    action: 'bluegreen-deploy',
    cwd: root,
    dist: process.env.DIST ?? join(root, 'dist'),
    temp: mkdtempSync(join(temp, 'run-')),
    inputs: { ...INPUTS, kubeconfig: world.kubeconfig, images: `${BACKEND}=${BACKEND}:${version}` },
    kill,
    onLine: (line, command) => {
      terminal(line, command)
      if (command?.name === 'group' && users.count().requests > 0) say(`      · ${users.line()}`)
    },
  })
  const [result] = await Promise.all([running, during?.()])
  kill.throwIfAborted()
  const html = result.outputs['html-report']
  if (html) copyFileSync(html, join(reports, `${version}.html`))
  const after = users.count()
  const moved = result.outputs['rolled-back'] === 'true' ? 'moved and taken back to' : 'serves on'
  return {
    version,
    outcome: result.outputs.outcome ?? `exit code ${result.code}`,
    what: `${moved} ${result.outputs['active-color'] || 'nothing'}`,
    requests: after.requests - before.requests,
    failed: after.failed - before.failed,
    seconds: Number(result.outputs.duration ?? 0),
  }
}

/** Where users find the Service, once version 1 answers there. */
async function address({ kube }: World): Promise<string> {
  const url = await until(
    async () => {
      const service = await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name: 'backend' })
      return service && `http://${(service.spec as { clusterIP: string }).clusterIP}:3000/`
    },
    120_000,
    'the Service',
  )
  const answers = (): Promise<boolean> =>
    fetch(url, { signal: AbortSignal.timeout(500) }).then(
      (answer) => answer.ok,
      () => false,
    )
  await until(answers, 60_000, `an answer from ${url}`)
  return url
}

async function turnBad(world: World): Promise<void> {
  const { color } = await liveState(world, namespace)
  const { items } = await world.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: `app=backend,color=${color}` })
  for (const pod of items.filter(isReady)) {
    await fetch(`http://${(pod.status as { podIP: string }).podIP}:3000/control`, {
      method: 'POST',
      body: JSON.stringify({ errorRate: 1 }),
    })
  }
}

/** The table, the reports, and what speaks against the story. */
async function end(world: World, chapters: Chapter[], heard: number): Promise<number> {
  const [one, two, three] = chapters
  const live = await liveState(world, namespace)
  title('What happened')
  say(
    `  ${'version'.padEnd(10)}${'outcome'.padEnd(10)}${'traffic'.padEnd(32)}${'requests'.padStart(9)}${'failed'.padStart(9)}${'time'.padStart(8)}`,
  )
  for (const { version, outcome, what, requests, failed, seconds } of chapters) {
    say(
      `  ${version.padEnd(10)}${outcome.padEnd(10)}${what.padEnd(32)}${String(requests).padStart(9)}${String(failed).padStart(9)}${`${seconds} s`.padStart(8)}`,
    )
  }
  const serving = live.ledger?.active
  say(`\n  The Service selects ${live.color}: revision ${serving?.revision}, ${live.ready} ready pods.`)
  say(`  The last user heard from version 3 ${heard.toFixed(1)} s after it had turned bad, kept connections included.`)
  say('\n  Reports to look at:')
  for (const { version } of chapters) say(`    ${relative(process.cwd(), join(reports, `${version}.html`))}`)
  say('\n  Next: npm run cluster -- up gives a cluster that stays; README.md has a first workflow.')
  const wrong = [
    one?.outcome !== 'passed' && 'version 1 was not released',
    two?.outcome !== 'passed' && 'version 2 was not released',
    two && two.failed > 0 && `${two.failed} requests failed while version 2 was released`,
    !three?.what.startsWith('moved and taken back') && 'version 3 was not taken back',
    serving?.revision !== 2 && `revision ${serving?.revision} serves at the end, not 2`,
    live.ready === 0 && 'the Service selects no ready pod',
  ].filter((text) => text !== false && text !== undefined)
  for (const text of wrong) console.error(`  NOT AS PROMISED: ${text}`)
  return wrong.length ? 1 : 0
}

const temp = process.env[INSIDE]
const ended = temp === undefined ? outside() : inside(temp)
ended.then(
  (code) => process.exit(code),
  (error: unknown) => {
    const interrupted = error instanceof DOMException && error.name === 'AbortError'
    if (!interrupted) console.error(error instanceof Error ? error.message : error)
    process.exit(interrupted ? 130 : 1)
  },
)
