// What the peer does wrong with what it is given: numbers, options, images, manifests, and inputs that it never reads.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Ledger } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import type { Deployment, LeaseObject } from '../../../actions/shared/kubernetes/objects/read.ts'
import { BACKEND } from '../../../sandbox/images.ts'
import { readContract } from '../../../scripts/actions.ts'
import { type Call, startProxy } from './proxy.ts'
import { annotations, type Case, exampleManifests, type Scene } from './scene.ts'
import { root } from './world.ts'

/** Values that an action must not make something of; each is refused with its name before anything is sent. */
const UNUSABLE: Record<string, string[]> = {
  'bake-time': ['abc', 'NaN', '-5s', '5 parsecs'],
  'propagation-time': ['soon', '5 s s'],
  'ready-deadline': ['0x10', 'Infinity', '0s'],
  'retire-delay': ['30ss', 'undefined'],
  'check-interval': ['1,5s', 'null'],
  'check-timeout': ['abc', '99h'],
  'check-deadline': ['never'],
  'lock-timeout': ['-1m', '1e3'],
  'lease-duration': ['1s', 'true'],
  'api-timeout': ['xyz', '1ms'],
  'check-passes': ['two', '0', '1e400', '2.5'],
  'min-requests': ['10%', '-1', '0b1'],
  // A mistyped option is no reason to take the default.
  command: ['deplyo', 'Service'],
  retire: ['scael', 'Keep'],
  'on-inconclusive': ['Rollback', 'keep'],
  'dry-run': ['maybe', 'on'],
  'html-report': ['yess'],
  name: ['Back End', '-backend', 'b'.repeat(41)],
  namespace: ['Not A Namespace'],
  'check-path': ['health'],
  'check-port': ['Web Port'],
  'metrics-path': ['metrics'],
  'environment-url': ['example'],
  revision: ['first', '0', '1.5'],
}
/** What is wrong only beside the rest; each is given alone. */
const UNFIT: Record<string, string> = {
  name: '',
  'lease-duration': '2.5s',
  images: `${BACKEND}=`,
  revision: '1',
  environment: 'production',
}

const refused: Case = {
  name: 'numbers and options that cannot be read',
  async run({ world, expect, run, snapshot }) {
    const proxy = await startProxy(world.credentials)
    const before = await snapshot()
    const refuse = async (inputs: Record<string, string>, shown = true): Promise<void> => {
      const { code, outputs, commands } = await run({ inputs: { kubeconfig: proxy.kubeconfig, ...inputs } })
      const said = commands.flatMap(({ name, data }) => (name === 'error' ? data.split('\n') : []))
      const all = JSON.stringify(inputs)
      expect(code === 1 && outputs['outcome'] === 'error', `${all} ended with ${code}, outcome ${outputs['outcome']}`)
      for (const [input, value] of Object.entries(inputs)) {
        const line = said.find((text) => text.startsWith(input === 'environment' ? 'github-token' : input))
        expect(line !== undefined, `${input}: '${value}' is not refused by name: ${said.join(' / ')}`)
        expect(!shown || Boolean(line?.includes(value)), `the refusal does not show '${value}': ${line}`)
      }
    }
    const rows = Math.max(...Object.values(UNUSABLE).map((values) => values.length))
    // One wrong value of every input at a time: each has to be named.
    for (let row = 0; row < rows; row++) {
      const given = Object.entries(UNUSABLE).flatMap(([input, values]) => (values[row] === undefined ? [] : [[input, values[row]]]))
      await refuse(Object.fromEntries(given) as Record<string, string>)
    }
    for (const [input, value] of Object.entries(UNFIT)) await refuse({ [input]: value }, input === 'lease-duration')
    expect(proxy.calls.length === 0, `${proxy.calls.length} requests were sent, such as ${proxy.calls[0]?.method} ${proxy.calls[0]?.path}`)
    expect((await snapshot()) === before, 'the namespace was changed')
    await proxy.close()
  },
}

const REGISTRY = 'localhost:5000'
const DIGEST = `sha256:${'5'.repeat(64)}`

interface Named {
  name: string
  image: string
}

const images: Case = {
  name: 'images of a registry with a port',
  async run({ world, namespace, expect, run }) {
    const { sandbox } = world
    if (!sandbox) throw new Error('this case needs the local cluster, whose registry it fills')
    const server = [process.execPath, join(root, 'examples/secure-messenger/backend/server.js')]
    const migrate = [process.execPath, '-e', '0']
    await sandbox.addImage(`${REGISTRY}/web:v2`, { command: server, env: { VERSION: 'web-v2' } })
    await sandbox.addImage(`${REGISTRY}/proxy`, { command: server, env: { VERSION: 'proxy', PORT: '3001' } })
    await sandbox.addImage(`${REGISTRY}/web-tools:v1`, { command: server, env: { VERSION: 'tools', PORT: '3002' } })
    await sandbox.addImage(`${REGISTRY}/migrate@${DIGEST}`, { command: migrate, digest: DIGEST })
    const manifests = await exampleManifests((text) =>
      text
        .replace(`image: ${BACKEND}:v1`, `image: ${REGISTRY}/web:v1`)
        .replace(
          '      containers:\n',
          `      initContainers:\n        - name: migrate\n          image: ${REGISTRY}/migrate:v1\n      containers:\n        - name: proxy\n          image: ${REGISTRY}/proxy\n        - name: tools\n          image: ${REGISTRY}/web-tools:v1\n`,
        ),
    )
    const overrides = `${REGISTRY}/web=${REGISTRY}/web:v2\n${REGISTRY}/migrate=${REGISTRY}/migrate@${DIGEST}`
    const { code, log } = await run({ inputs: { manifests: '-', images: overrides }, stdin: manifests })
    if (code !== 0) throw new Error(`the release ended with ${code}:\n${log}`)
    const { items } = await world.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace })
    const wanted = {
      migrate: `${REGISTRY}/migrate@${DIGEST}`,
      proxy: `${REGISTRY}/proxy`,
      tools: `${REGISTRY}/web-tools:v1`,
      backend: `${REGISTRY}/web:v2`,
    }
    expect(items.length > 0, 'there are no pods')
    for (const pod of items) {
      const { initContainers = [], containers } = (pod as unknown as { spec: { initContainers?: Named[]; containers: Named[] } }).spec
      const runs = Object.fromEntries([...initContainers, ...containers].map(({ name, image }) => [name, image]))
      for (const [name, image] of Object.entries(wanted)) expect(runs[name] === image, `container ${name} runs ${runs[name]}, not ${image}`)
    }
    for (const mistyped of ['localhost', `${REGISTRY}/we`, 'web']) {
      const again = await run({ inputs: { manifests: '-', images: `${mistyped}=${REGISTRY}/web:v2` }, stdin: manifests })
      expect(
        again.code === 1 && annotations(again).includes('images'),
        `an override of ${mistyped}, which no container has, ended with ${again.code}`,
      )
    }
  },
}

const ending: Case = {
  name: 'manifests that end in ---',
  async run({ expect, run, expectVersion }) {
    const text = await exampleManifests()
    for (const [what, stdin] of Object.entries({
      'ends in ---': `${text}\n---`,
      'is full of them': `---\n---\n# nothing\n---\n${text.replaceAll('\n---\n', '\n---\n\n---\n')}\n---\n---\n`,
    })) {
      const { code, log } = await run({ inputs: { manifests: '-' }, stdin })
      expect(code === 0, `a manifest that ${what} ended with ${code}:\n${log}`)
      await expectVersion('v1')
    }
  },
}

/** GitHub's API as far as deployments need it; what was asked is kept. */
async function startGitHub(): Promise<{ url: string; asked: { path: string; authorization: string; body: string }[]; close(): void }> {
  const asked: { path: string; authorization: string; body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization ?? '', body })
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":7}')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close: () => server.close() }
}

export const GITHUB = { GITHUB_REPOSITORY: 'org/shop', GITHUB_SHA: 'a'.repeat(40) }

/** Calls from the first that writes this phase to the first that writes the next, and how long that took, in milliseconds. */
function phase(calls: Call[], name: string): { calls: Call[]; lasted: number } {
  const phaseOf = ({ method, path, body }: Call): string | undefined => {
    if (method !== 'PUT' || !path.includes('/configmaps/bluegreen-')) return undefined
    const { data } = JSON.parse(body) as { data: Record<string, string> }
    return (JSON.parse(data['state.json'] ?? '{}') as Ledger).operation?.phase ?? 'none'
  }
  const from = calls.findIndex((call) => phaseOf(call) === name)
  const to = calls.findIndex((call, index) => index > from && phaseOf(call) !== undefined && phaseOf(call) !== name)
  const [first, last] = [calls[from], calls[to]]
  if (!first || !last) throw new Error(`the ledger never went through ${name}`)
  return { calls: calls.slice(from, to), lasted: last.at - first.at }
}

const read: Case = {
  name: 'every input that is declared is read',
  async run(scene) {
    const { world, namespace, expect, run } = scene
    /** Inputs that a wrong value of was refused by name are shown by another case; these by what they do. */
    const shown = new Set<string>()
    const show = (input: string, holds: boolean): void => {
      if (holds) shown.add(input)
      else expect(false, `${input} does nothing`)
    }
    const proxy = await startProxy(world.credentials)
    const github = await startGitHub()
    const through = async (inputs: Record<string, string>, more: Parameters<Scene['run']>[0] = {}) => {
      proxy.calls.length = 0
      const began = performance.now()
      const result = await run({ version: 'v1', ...more, inputs: { name: 'shop', kubeconfig: proxy.kubeconfig, ...inputs } })
      return { ...result, calls: [...proxy.calls], seconds: (performance.now() - began) / 1000 }
    }
    const asks = (calls: Call[], kind: string, path: string): number =>
      calls.filter((call) => call.path.includes(`/${kind}/`) && call.path.endsWith(`/proxy${path}`)).length
    const path = { 'check-path': '/version', 'metrics-path': '/other-metrics' }
    const dry = await through({ 'dry-run': 'true' })
    show('dry-run', dry.code === 0 && dry.calls.every(({ write }) => !write))
    show('kubeconfig', dry.calls.length > 0)
    show('context', (await through({ context: 'nowhere' })).log.includes('nowhere'))
    show('manifests', (await through({ manifests: 'nothing/here.yaml' })).log.includes('nothing/here.yaml'))
    show('check-port', (await through({ 'check-port': '9999' })).log.includes('9999'))
    const environment = { environment: 'production', 'environment-url': 'https://shop.example', 'github-token': 'a-token-of-ours' }
    const first = await through(
      { ...path, ...environment, 'check-passes': '4', 'min-requests': '1', 'lease-duration': '7s', 'html-report': 'true' },
      { env: { ...GITHUB, GITHUB_API_URL: github.url } },
    )
    if (first.code !== 0) throw new Error(`the first release ended with ${first.code}:\n${first.log}`)
    const lease = await world.kube.get({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: 'bluegreen-shop' })
    show('namespace', lease !== undefined)
    show('name', lease !== undefined)
    show('lease-duration', (lease as LeaseObject | undefined)?.spec?.leaseDurationSeconds === 7)
    show('check-passes', asks(phase(first.calls, 'verify').calls, 'services', '/version') === 4)
    show('check-path', asks(first.calls, 'services', '/version') > 0)
    show('metrics-path', asks(first.calls, 'pods', '/other-metrics') > 0)
    show('html-report', Boolean(first.outputs['html-report']))
    show(
      'environment',
      github.asked.some(({ body }) => body.includes('"environment":"production"')),
    )
    show(
      'environment-url',
      github.asked.some(({ body }) => body.includes('"environment_url":"https://shop.example"')),
    )
    show('github-token', github.asked.length > 0 && github.asked.every(({ authorization }) => authorization.includes('a-token-of-ours')))
    const times = { 'bake-time': '4s', 'propagation-time': '3s', 'retire-delay': '3s', 'check-interval': '700ms', retire: 'delete' }
    const second = await through(times, { version: 'v2' })
    show('images', (await imageOf(scene, 'green')) === `${BACKEND}:v2`)
    show('propagation-time', phase(second.calls, 'shift').lasted >= 3_000)
    const bake = phase(second.calls, 'bake')
    show('bake-time', bake.lasted >= 4_000 && bake.lasted < 60_000)
    show('check-interval', asks(bake.calls, 'services', '/health') >= 4)
    show('retire-delay', phase(second.calls, 'retire').lasted >= 3_000)
    show('retire', (await imageOf(scene, 'blue')) === undefined)
    const third = await through({ 'min-requests': '1000000', 'on-inconclusive': 'rollback' }, { version: 'v3' })
    show('min-requests', third.outputs['outcome'] === 'inconclusive')
    show('on-inconclusive', third.outputs['rolled-back'] === 'true')
    // Its answers take 2 s, and its pods never become ready.
    const slow = await through({ 'check-path': '/version', 'check-timeout': '500ms', 'check-deadline': '2s' }, { version: 'sluggish' })
    show('check-timeout', slow.code === 1 && slow.calls.some((call) => call.path.includes('/services/') && call.path.endsWith('/version')))
    show('check-deadline', slow.seconds < 30)
    const never = await through({ 'ready-deadline': '4s' }, { version: 'unready' })
    show('ready-deadline', never.code === 1 && never.seconds < 30)
    const ref = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: 'bluegreen-shop' }
    const renew = () => world.kube.patch(ref, { spec: { holderIdentity: 'somebody', renewTime: microTime() } })
    await renew()
    const alive = setInterval(() => void renew(), 500)
    const waited = await through({ 'lock-timeout': '2s' }, { version: 'v3' })
    clearInterval(alive)
    show('lock-timeout', waited.code === 1 && waited.log.includes('somebody') && waited.seconds < 20)
    await world.kube.delete(ref)
    proxy.use(async () => ({ status: 503, headers: { 'retry-after': '1' } }))
    const away = await through({ 'api-timeout': '3s' })
    proxy.use(async () => 'pass')
    show('api-timeout', away.code === 1 && away.seconds < 20)
    const suite = { 'smoke-suite': 'examples/secure-messenger/smoke.yaml', 'expect-version': 'another' }
    // The proxy passes no port-forward.
    const smoked = await through({ ...suite, kubeconfig: world.kubeconfig }, { version: 'v5' })
    show('smoke-suite', smoked.code === 1 && smoked.log.includes('smoke suite'))
    show('expect-version', smoked.outputs['switched'] === 'false' && smoked.log.includes('expected "another"'))
    const both = await through({ ...suite, 'smoke-variables': 'service=one', 'smoke-secrets': 'service=s3cr3t' })
    show('smoke-variables', both.log.includes('smoke-secrets: service is in smoke-variables as well'))
    const secret = { 'smoke-suite': suite['smoke-suite'], 'smoke-secrets': 'service=another-service', kubeconfig: world.kubeconfig }
    const hidden = await through(secret, { version: 'v5' })
    show('smoke-secrets', hidden.outputs['switched'] === 'false' && hidden.log.includes('expected "***"'))
    expect(!hidden.log.includes('"another-service"'), 'a value of smoke-secrets is in the log')
    const prepared = await through({ command: 'prepare' }, { version: 'v4' })
    const { revision = '' } = prepared.outputs
    show('command', (await imageOf(scene, 'blue')) === `${BACKEND}:v4`)
    const other = await through({ command: 'promote', revision: '99' })
    const promoted = await through({ command: 'promote', revision })
    const back = await through({ command: 'rollback', revision: '1' })
    if (back.code !== 0) throw new Error(`the rollback to revision 1 ended with ${back.code}:\n${back.log}`)
    const images = [await imageOf(scene, 'blue'), await imageOf(scene, 'green')]
    show('revision', other.code === 1 && promoted.code === 0 && images.includes(`${BACKEND}:v1`))
    const contract = readContract(join(root, 'actions/bluegreen-deploy/action.yml'))
    for (const input of Object.keys(contract.inputs)) expect(shown.has(input), `nothing shows that the input ${input} is read`)
    github.close()
    await proxy.close()
  },
}

const microTime = (): string => new Date().toISOString().replace('Z', '000Z')

/** The image of the color's Deployment; undefined when there is none. */
async function imageOf({ world, namespace }: Scene, color: string): Promise<string | undefined> {
  const deployment = await world.kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: `backend-${color}` })
  const [container] = (deployment as Deployment | undefined)?.spec.template.spec.containers ?? []
  return (container as { image?: string } | undefined)?.image
}

const dryRun: Case = {
  name: 'what would change is shown',
  async run({ expect, run, release, snapshot }) {
    await release('v1')
    const before = await snapshot()
    const { code, log, report } = await run({ version: 'v2', inputs: { 'dry-run': 'true' } })
    expect(code === 0, `it ended with ${code}`)
    expect(log.includes(`${BACKEND}:v1`) && log.includes(`${BACKEND}:v2`), `the diff does not show the old and the new image:\n${log}`)
    expect((await snapshot()) === before, 'the namespace was changed')
    // What was printed is what runs.
    const planned = (report?.data as Told | undefined)?.plan.steps.map(({ id }) => id).join('\n')
    const { report: done } = await release('v2')
    const steps = ['prepare.begin', ...((done?.data as Told | undefined)?.done.map(({ id }) => id) ?? [])].join('\n')
    expect(planned === steps, `what was done is not what was planned:\n${steps}\n--- planned:\n${planned}`)
  },
}

interface Told {
  plan: { steps: { id: string }[] }
  done: { id: string }[]
}

export const inputCases = [read, refused, images, ending, dryRun]
