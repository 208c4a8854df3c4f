// workflows/deploy-staging.yml as GitHub would run it: a runner takes the actions from the release tree by `org/devops-actions/...@v1`, and
// deploys good and bad versions to a real cluster. All workflows are clean for actionlint and zizmor.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { parse } from 'yaml'
import type { Pod, Service } from '../../actions/shared/kubernetes/objects/read.ts'
import { isReady } from '../../actions/shared/kubernetes/watch/rollout.ts'
import { writeReleaseTree } from '../../scripts/release-tree.ts'
import type { Proof } from './prove.ts'
import { ensureGoTool, ensurePythonTool, goTool, pythonTool } from './support/tools.ts'
import { root, type World, withNamespace } from './support/world.ts'

const ACT = ['github.com/nektos/act', 'v0.2.89'] as const
const ACTIONLINT = ['github.com/rhysd/actionlint/cmd/actionlint', 'v1.7.12'] as const
const ZIZMOR = ['zizmor', '1.32.0'] as const

const NAMESPACE = 'secure-messenger-staging'
const IMAGE = 'ghcr.io/org/secure-messenger/backend'
/** One run of the workflow may take this long, in milliseconds. */
const LONGEST = 300_000

interface Push {
  name: string
  /** How the pushed version behaves; VERSION is its commit unless it is given. */
  env: Record<string, string>
  /** What the job, the deployment and the smoke test end as. */
  job: 'success' | 'failure'
  deployment: string
  smoke: string
  /** Whether it serves afterwards; otherwise what served before does. */
  serves: boolean
}

const PUSHES: Push[] = [
  { name: 'a good version', env: {}, job: 'success', deployment: 'passed', smoke: 'passed', serves: true },
  {
    name: 'a version that fails its users',
    env: { ERROR_RATE: '1' },
    job: 'failure',
    deployment: 'passed',
    smoke: 'failed',
    serves: false,
  },
  {
    name: 'a build of something else',
    env: { VERSION: 'yesterday' },
    job: 'failure',
    deployment: 'passed',
    smoke: 'failed',
    serves: false,
  },
  { name: 'another good version', env: {}, job: 'success', deployment: 'passed', smoke: 'passed', serves: true },
]

async function prove(world: World) {
  if (!world.sandbox) throw new Error('this proof pushes images of its own: run it without KUBECONFIG')
  const folder = mkdtempSync(join(tmpdir(), 'pipeline-'))
  const wrong: string[] = []
  const slack = await startSlack()
  try {
    const workflows = lint(wrong)
    const runs = await withNamespace(world, 'staging', (namespace) => pushAll(world, folder, slack, namespace, wrong))
    for (const text of wrong) world.log(`  WRONG ${text}`)
    return { workflows, runs, wrong: wrong.length }
  } finally {
    await slack.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One version after the other; gives how many. */
async function pushAll(world: World, folder: string, slack: Slack, namespace: string, wrong: string[]): Promise<number> {
  const stage = furnish(world, folder, slack.url, namespace)
  let serving = ''
  let runs = 0
  for (const push of pushes(world)) {
    const sha = commit(stage.app, push.name)
    await world.sandbox?.addImage(`${IMAGE}:sha-${sha}`, {
      command: [process.execPath, join(root, 'examples/secure-messenger/backend/server.js')],
      env: { VERSION: sha, ...push.env },
    })
    const { code, log } = await runWorkflow(stage)
    runs++
    const before = wrong.length
    const expect = (holds: boolean, what: string): void => void (holds || wrong.push(`${push.name}: ${what}`))
    expect((code === 0) === (push.job === 'success'), `the runner ended with ${code}`)
    const told = `staging ${push.job}: deployment ${push.deployment}, smoke test ${push.smoke} (${sha})`
    const said = slack.messages.splice(0)
    expect(said.length === 1 && said[0]?.includes(told) === true, `Slack was told ${JSON.stringify(said)}, not ${told}`)
    if (push.serves) serving = sha
    const live = await servingVersion(world, namespace)
    expect(live === serving, `${live || 'nothing'} serves, not ${serving}`)
    world.log(
      `${push.name}: ${wrong.length === before ? 'as it should be' : 'WRONG'}; job ${push.job}, ${push.serves ? 'it serves' : 'the version before serves'}`,
    )
    if (wrong.length > before) world.log(log.split('\n').slice(-150).join('\n'))
  }
  return runs
}

function pushes({ short, only }: World): Push[] {
  if (only) return PUSHES.filter((push, at) => at === 0 || push.name.includes(only))
  return short ? PUSHES.slice(0, 2) : PUSHES
}

/** Holds every workflow against the two checkers; gives how many there are. */
function lint(wrong: string[]): number {
  const files = globSync('{workflows,.github/workflows}/*.yml', { cwd: root })
  const checks: [string, string[]][] = [
    [goTool(...ACTIONLINT), files],
    [pythonTool(...ZIZMOR), ['--offline', '--no-progress', '--config', '.github/zizmor.yml', ...files]],
  ]
  for (const [command, args] of checks) {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
    if (status !== 0) wrong.push(`${command}: ${stdout}${stderr}`)
  }
  return files.length
}

interface Stage {
  app: string
  args: string[]
  env: Record<string, string>
}

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim()

function commit(cwd: string, message: string): string {
  git(cwd, 'add', '--all')
  git(cwd, 'commit', '--quiet', '--allow-empty', '-m', message)
  return git(cwd, 'rev-parse', 'HEAD')
}

/** The application's repository, the release, a stand-in for Slack's action, and how the runner finds them. */
function furnish(world: World, folder: string, webhook: string, namespace: string): Stage {
  const app = join(folder, 'app')
  const file = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text, { mode })
  }
  // As it is, but for its namespace: several of these proofs may run in one cluster.
  const workflow = readFileSync(join(root, 'workflows/deploy-staging.yml'), 'utf8')
  file('app/.github/workflows/deploy-staging.yml', workflow.replaceAll(NAMESPACE, namespace))
  cpSync(join(root, 'examples/secure-messenger/smoke.yaml'), join(app, 'smoke.yaml'))
  cpSync(join(root, 'examples/secure-messenger/backend/k8s'), join(app, 'k8s/base'), { recursive: true })
  file('app/k8s/base/kustomization.yaml', 'resources: [configmap.yaml, deployment.yaml, service.yaml]\n')
  file(
    'app/k8s/overlays/staging/kustomization.yaml',
    'resources: [../../base]\nimages: [{ name: registry.example/backend, newName: backend }]\n',
  )
  git(app, 'init', '--quiet', '--initial-branch=develop')
  git(app, 'remote', 'add', 'origin', 'https://github.com/org/secure-messenger.git')

  const release = join(folder, 'release')
  const sources = join(folder, 'sources')
  for (const part of ['actions', 'LICENSE', 'README.md', 'SECURITY.md']) cpSync(join(root, part), join(sources, part), { recursive: true })
  cpSync(process.env.DIST ?? join(root, 'dist'), join(sources, 'dist'), { recursive: true })
  writeReleaseTree(sources, release)
  git(release, 'init', '--quiet', '--initial-branch=v1')
  commit(release, 'release')

  const uses = /slackapi\/slack-github-action@[0-9a-f]{40}/.exec(
    readFileSync(join(app, '.github/workflows/deploy-staging.yml'), 'utf8'),
  )?.[0]
  if (!uses) throw new Error('the workflow tells nobody')
  file(
    'slack/action.yml',
    'name: slack\ndescription: says what it is given\ninputs: { webhook: {}, webhook-type: {}, payload: {} }\nruns: { using: node24, main: index.js }\n',
  )
  file(
    'slack/index.js',
    "fetch(process.env.INPUT_WEBHOOK, { method: 'POST', body: process.env.INPUT_PAYLOAD }).then((answer) => process.exit(answer.ok ? 0 : 1))\n",
  )
  git(join(folder, 'slack'), 'init', '--quiet', `--initial-branch=main`)
  commit(join(folder, 'slack'), 'slack')

  const [kubectl = '', ...args] = world.sandbox?.kubectl([]) ?? []
  file('bin/kubectl', `#!/bin/sh\nexec ${[kubectl, ...args].map((arg) => `'${arg}'`).join(' ')} "$@"\n`, 0o755)
  const kubeconfig = JSON.stringify(parse(readFileSync(world.kubeconfig, 'utf8')))
  file('secrets', `KUBECONFIG='${kubeconfig}'\nSLACK_WEBHOOK_URL=${webhook}\n`, 0o600)
  file('event.json', JSON.stringify({ ref: 'refs/heads/develop' }))
  return {
    app,
    args: [
      ...[
        'push',
        '--eventpath',
        join(folder, 'event.json'),
        '--platform',
        'ubuntu-24.04=-self-hosted',
        '--secret-file',
        join(folder, 'secrets'),
      ],
      ...['--local-repository', `org/devops-actions@v1=${release}`, '--local-repository', `${uses}=${join(folder, 'slack')}`],
      ...['--action-cache-path', join(folder, 'cache'), '--no-cache-server', '--workflows', '.github/workflows/deploy-staging.yml'],
    ],
    env: {
      HOME: folder,
      XDG_CACHE_HOME: join(folder, 'cache'),
      PATH: [join(folder, 'bin'), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    },
  }
}

function runWorkflow({ app, args, env }: Stage): Promise<{ code: number | null; log: string }> {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(GITHUB|RUNNER|ACTIONS|KUBECONFIG|DIST)/.test(name)),
  )
  const child = spawn(goTool(...ACT), args, {
    cwd: app,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST,
    killSignal: 'SIGKILL',
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (log += text))
  return new Promise((done, failed) => child.once('error', failed).once('close', (code) => done({ code, log })))
}

interface Slack {
  url: string
  messages: string[]
  close(): Promise<void>
}

async function startSlack(): Promise<Slack> {
  const messages: string[] = []
  const server: Server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    request.on('end', () => {
      messages.push(text)
      response.end('ok')
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}/hook`, messages, close: () => new Promise((done) => server.close(() => done())) }
}

/** The version that every ready pod behind the Service answers with. */
async function servingVersion({ kube }: World, namespace: string): Promise<string> {
  const service = (await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name: 'backend' })) as Service | undefined
  const labelSelector = Object.entries(service?.spec.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector })
  const pods = (items as (Pod & { status: { podIP: string } })[]).filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp)
  const answers = await Promise.all(
    pods.map((pod) => fetch(`http://${pod.status.podIP}:3000/health`).then((answer) => answer.json() as Promise<{ version: string }>)),
  )
  const versions = new Set(answers.map(({ version }) => version))
  return [...versions].join(' and ')
}

export const proof: Proof = {
  claim:
    'the staging workflow runs from the release tree: a good version serves, a bad one is taken back and told; workflows are clean for actionlint and zizmor',
  prepare: (log) => {
    ensureGoTool(...ACT, log)
    ensureGoTool(...ACTIONLINT, log)
    ensurePythonTool(...ZIZMOR, log)
  },
  prove,
  judge: ({ workflows = 0, runs = 0, wrong = 1 }) => [
    ...(workflows === 0 || runs < 2 ? ['nothing was run'] : []),
    ...(wrong > 0 ? [`${wrong} things went wrong`] : []),
  ],
}
