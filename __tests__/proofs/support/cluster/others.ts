// What others have in the namespace, own of the release's objects, and refuse.
import { request } from 'undici'
import type { KubeObject } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import type { Deployment, Pod, Service } from '../../../../actions/shared/kubernetes/objects/read.ts'
import type { BundleResult } from '../../../../scripts/runner.ts'
import { UNREADY } from '../stage.ts'
import { until } from '../world.ts'
import { type Case, change, put, read, type Table } from './case.ts'

const otherColor = (color: string | undefined): string => (color === 'blue' ? 'green' : 'blue')
const RELEASE = 'devops-actions/release'
const GENERATION = 'devops-actions/generation'

/** Deletes the warm color, so that its names are free. */
async function free({ run, before }: Table): Promise<string> {
  await run({ inputs: { command: 'cleanup' } })
  return otherColor(before.color)
}

const plain = (apiVersion: string, kind: string, name: string, labels?: Record<string, string>, more: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(labels && { labels }) },
  ...more,
})
const pods = { selector: { matchLabels: { app: 'foreign' } }, replicas: 0 }
const template = { metadata: { labels: { app: 'foreign' } }, spec: { containers: [{ name: 'a', image: 'registry.example/backend:v1' }] } }

type Foreign = (color: string, revision: number, labels?: Record<string, string>) => KubeObject
const FOREIGN: Record<string, Foreign> = {
  'the ConfigMap of the color': (color, _, labels) => plain('v1', 'ConfigMap', `backend-${color}`, labels, { data: { keep: 'me' } }),
  'the Deployment of the color': (color, _, labels) =>
    plain('apps/v1', 'Deployment', `backend-${color}`, labels, { spec: { ...pods, template } }),
  'the preview': (_, __, labels) =>
    plain('v1', 'Service', 'backend-preview', labels, { spec: { selector: { app: 'foreign' }, ports: [{ port: 1 }] } }),
  'the Secret of the next revision': (_, revision, labels) =>
    plain('v1', 'Secret', `bluegreen-backend-r${revision}`, labels, { stringData: { keep: 'me' } }),
}

/** It is somebody else's: never changed, never deleted, and told by its name. */
async function expectUntouched({ stage, expect }: Table, object: KubeObject): Promise<void> {
  const { apiVersion, kind, metadata } = object
  const now = await stage.world.kube.get({ apiVersion, kind, namespace: stage.namespace, name: metadata.name })
  expect(now !== undefined, `${kind}/${metadata.name} was deleted`)
  expect(now === undefined || now.metadata.uid === metadata.uid, `${kind}/${metadata.name} was made anew`)
  const spec = ({ spec, data }: { spec?: unknown; data?: unknown }): string => JSON.stringify([spec, data])
  expect(now === undefined || spec(now as object) === spec(object as object), `${kind}/${metadata.name} was changed`)
  expect(JSON.stringify(now?.metadata.labels) === JSON.stringify(metadata.labels), `the labels of ${kind}/${metadata.name} were changed`)
}

const OWNERS: [string, Record<string, string> | undefined][] = [
  ['nobody', undefined],
  ['another release', { [RELEASE]: 'other' }],
  ['a release of a longer name', { [RELEASE]: 'backend-2' }],
]

const inTheWay = Object.entries(FOREIGN).flatMap(([what, make], at): Case[] =>
  OWNERS.flatMap(([owner, labels], index): Case[] => [
    {
      name: `in the way from the start: ${what}, of ${owner}`,
      after: 'recover',
      ...(index === at % 3 && { short: true }),
      async run(table) {
        const { stage, before, run, expectOutcome, expectServes } = table
        const object = await put(table, make(await free(table), (before.ledger?.revision ?? 0) + 1, labels))
        const dry = await run({ version: await stage.other(), inputs: { 'dry-run': 'true' } })
        const result = await run({ version: await stage.other() })
        if (what !== 'the Secret of the next revision') expectOutcome(dry, 'error', new RegExp(`${object.metadata.name} is in the way`))
        expectOutcome(result, 'error', new RegExp(object.metadata.name))
        await expectUntouched(table, object)
        await expectServes(before.version)
      },
    },
    {
      name: `in the way in the midst: ${what}, of ${owner}`,
      ...(index === (at + 1) % 3 && { short: true }),
      async run(table) {
        const { stage, before, runWith, run, expectOutcome, expectServes } = table
        const color = await free(table)
        let object: KubeObject | undefined
        const early = what === 'the Secret of the next revision'
        const result = await runWith(
          early ? 'create revision' : 'ledger prepare',
          async () => {
            object = await put(table, make(color, (before.ledger?.revision ?? 0) + 1, labels))
          },
          { version: await stage.other() },
        )
        if (!object) return
        expectOutcome(result, 'error', new RegExp(object.metadata.name))
        await expectUntouched(table, object)
        await expectServes(before.version)
        // While it is still in the way.
        expectOutcome(await run({ inputs: { command: 'recover' } }), 'passed')
        await expectUntouched(table, object)
      },
    },
  ]),
)

const shared: Case[] = ['policy/v1 PodDisruptionBudget', 'v1 ServiceAccount'].map((type, at) => ({
  name: `in the way: a ${type.split(' ')[1]} of the manifests is another release's`,
  after: 'recover',
  ...(at === 0 && { short: true }),
  async run(table) {
    const { stage, before, run, expectOutcome, expectServes } = table
    const [apiVersion = '', kind = ''] = type.split(' ')
    await change(
      table,
      { apiVersion, kind, name: 'backend' },
      { metadata: { labels: { [RELEASE]: 'other' } } },
      { metadata: { labels: { [RELEASE]: null } } },
    )
    expectOutcome(await run({ version: await stage.other() }), 'error', new RegExp(`${kind}/backend.*other`))
    await expectServes(before.version)
  },
}))

// A Service of others must not lead users to a version that nobody has looked at.
const sneaky: [string, (table: Table, color: string) => { selector: Record<string, string>; labels?: Record<string, string> }, boolean?][] =
  [
    [
      'bears the labels of a preview of ours',
      (_, color) => ({ selector: { app: 'backend', color }, labels: { [RELEASE]: 'backend', 'devops-actions/preview': 'true' } }),
      true,
    ],
    ['selects the release by its label', () => ({ selector: { [RELEASE]: 'backend' } })],
    [
      'selects the next revision',
      ({ before }) => ({ selector: { 'devops-actions/revision': String((before.ledger?.revision ?? 0) + 1) } }),
      true,
    ],
    ['selects the next color', (_, color) => ({ selector: { color } })],
  ]
const strangers = sneaky.map(
  ([name, make, short]): Case => ({
    name: `stranger: a Service ${name}`,
    after: 'recover',
    ...(short && { short }),
    async run(table) {
      const { stage, before, run, expectOutcome, expectServes } = table
      const { selector, labels } = make(table, otherColor(before.color))
      await put(table, plain('v1', 'Service', 'stranger', labels, { spec: { selector, ports: [{ port: 1 }] } }))
      expectOutcome(await run({ version: await stage.other() }), 'error', /Service\/stranger/)
      await expectServes(before.version)
    },
  }),
)

/** Annotations by which a later run would be known, on what a run is about to write. */
const generations = ['999999999', '9007199254740993', '1e309', 'NaN', '-5', '', '0x7fffffff', 'x'.repeat(10_000)].flatMap(
  (value, at): Case[] => [
    {
      name: `generation ${value.slice(0, 20) || 'empty'} on ${at % 2 ? 'the Deployment' : 'the Service'}`,
      ...(at === 0 && { short: true }),
      async run(table) {
        const { stage, before, run, expectOutcome, expectServes } = table
        const object =
          at % 2
            ? { apiVersion: 'apps/v1', kind: 'Deployment', name: `backend-${before.color}` }
            : { apiVersion: 'v1', kind: 'Service', name: 'backend' }
        await change(
          table,
          object,
          { metadata: { annotations: { [GENERATION]: value } } },
          { metadata: { annotations: { [GENERATION]: null } } },
        )
        const version = await stage.other()
        const result = await run({ version })
        expectOutcome(result, ['passed', 'error'])
        if (value === '999999999') expectOutcome(result, 'error', /take its annotation devops-actions\/generation off/)
        await expectServes(result.outputs['outcome'] === 'passed' ? version : before.version)
      },
    },
  ],
)

/** A generation that comes while the candidate bakes: neither forth nor back goes on until it is off, and then recover ends it. */
const fencedMidway: Case = {
  name: 'generation 999999999 on the Service while it bakes',
  short: true,
  async run(table) {
    const { stage, runWith, expectOutcome, expect } = table
    const service = { apiVersion: 'v1', kind: 'Service', name: 'backend' }
    const mark = () =>
      change(
        table,
        service,
        { metadata: { annotations: { [GENERATION]: '999999999' } } },
        { metadata: { annotations: { [GENERATION]: null } } },
      )
    const result = await runWith('ledger bake', mark, { version: await stage.other(), inputs: { 'bake-time': '3s' } })
    expectOutcome(result, ['passed', 'error'])
    const { ready } = await stage.look()
    expect(ready.length > 0, 'nothing serves')
  },
}

/** Server-side apply, or an update, as another manager. */
async function writeAs({ stage }: Table, manager: string, object: KubeObject): Promise<void> {
  const { server, headers, dispatcher } = await stage.world.credentials.current()
  const query = new URLSearchParams({ fieldManager: manager, force: 'true' })
  const { statusCode, body } = await request(
    `${server}/api/v1/namespaces/${stage.namespace}/services/${object.metadata.name}?${query.toString()}`,
    {
      method: 'PATCH',
      headers: { ...headers, 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify(object),
      dispatcher,
    },
  )
  const text = await body.text()
  if (statusCode !== 200) throw new Error(`${manager} could not write the Service: ${statusCode} ${text}`)
}

/** The fields of the Service are the release's again, as they are now: a release may have gone on meanwhile. */
const giveBack =
  (table: Table, manager: string, labels: Record<string, string> = {}) =>
  async (): Promise<void> => {
    const { stage } = table
    const { selector, ports } = ((await read(stage, 'v1', 'Service', 'backend')) as unknown as Service).spec
    const metadata = { name: 'backend', namespace: stage.namespace, labels: { [RELEASE]: 'backend', ...labels } }
    await stage.world.kube.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector, ports } } as KubeObject, { force: true })
    await writeAs(table, manager, plain('v1', 'Service', 'backend'))
  }

const claims: [manager: string, claim: (service: Service) => object, ends: string[], short?: boolean][] = [
  ['argocd-controller', ({ spec }) => ({ spec: { selector: spec.selector } }), ['error'], true],
  ['argocd-controller', ({ spec }) => ({ spec: { ports: spec.ports } }), ['passed', 'error']],
  ['kubectl-edit', ({ spec }) => ({ spec: { selector: spec.selector } }), ['passed'], true],
  ['kubectl-patch', ({ spec }) => ({ spec: { ports: spec.ports } }), ['passed', 'error']],
  ['helm', () => ({ metadata: { name: 'backend', labels: { app: 'helm' } } }), ['error']],
  ['a"quoted" manager', () => ({ metadata: { name: 'backend', labels: { app: 'x' } } }), ['error']],
  ['kustomize-controller', () => ({ metadata: { name: 'backend', labels: { [RELEASE]: 'other' } } }), ['error']],
]

const managers = claims.map(
  ([manager, claim, ends, short], at): Case => ({
    name: `manager: ${manager} owns fields of the Service (${at + 1})`,
    ...(short && { short }),
    async run(table) {
      const { stage, before, run, expectOutcome, expectServes, heal } = table
      const service = (await read(stage, 'v1', 'Service', 'backend')) as unknown as Service
      const { labels = {} } = service.metadata
      await writeAs(table, manager, { ...plain('v1', 'Service', 'backend'), ...claim(service) })
      heal(giveBack(table, manager, labels))
      const version = await stage.other()
      const result = await run({ version })
      expectOutcome(result, ends, ends.includes('passed') ? undefined : /of another manager|belongs to/)
      await expectServes(result.outputs['outcome'] === 'passed' ? version : before.version)
    },
  }),
)

/** A manager that takes the selector while the release bakes must not keep a way back from being found. */
const takenMidway: Case = {
  name: 'manager: argocd-controller takes the selector while a bad version bakes',
  short: true,
  async run(table) {
    const { stage, before, runWith, expectOutcome, expectServes, heal } = table
    const take = async (): Promise<void> => {
      const service = (await read(stage, 'v1', 'Service', 'backend')) as unknown as Service
      await writeAs(table, 'argocd-controller', { ...plain('v1', 'Service', 'backend'), ...{ spec: { selector: service.spec.selector } } })
      heal(giveBack(table, 'argocd-controller'))
      await stage.spoil(otherColor(before.color))
    }
    const result = await runWith('ledger bake', take, { version: await stage.other(), inputs: { 'bake-time': '30s' } })
    expectOutcome(result, 'failed')
    await expectServes(before.version)
  },
}

const byHand: Case = {
  name: 'manager: somebody switched the Service by kubectl edit',
  forges: true,
  async run(table) {
    const { stage, before, run, expectOutcome, expectServes, heal } = table
    const service = (await read(stage, 'v1', 'Service', 'backend')) as unknown as Service
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: stage.namespace,
      name: `backend-${otherColor(before.color)}`,
    }
    await stage.world.kube.patch(deployment, { spec: { replicas: 2 } })
    const full = async () => ((await stage.world.kube.get(deployment)) as Deployment | undefined)?.status?.availableReplicas === 2
    await until(full, 30_000, 'the other color')
    await writeAs(table, 'kubectl-edit', {
      ...plain('v1', 'Service', 'backend'),
      ...{ spec: { selector: { ...service.spec.selector, color: otherColor(before.color) } } },
    })
    heal(giveBack(table, 'kubectl-edit'))
    const version = 'v3'
    const result = await run({ version })
    expectOutcome(result, 'passed')
    await expectServes(version)
  },
}

/** Somebody takes the traffic back by hand while the old color retires: what serves is not made smaller. */
const byHandLate: Case = {
  name: 'manager: somebody switched the Service back while the old color retires',
  forges: true,
  short: true,
  async run(table) {
    const { stage, before, runWith, expectOutcome, expectServes, heal } = table
    const back = async (): Promise<void> => {
      const service = (await read(stage, 'v1', 'Service', 'backend')) as unknown as Service
      const selector = { ...service.spec.selector, color: before.color ?? '' }
      heal(giveBack(table, 'kubectl-edit'))
      await writeAs(table, 'kubectl-edit', { ...plain('v1', 'Service', 'backend'), ...{ spec: { selector } } })
    }
    const result = await runWith('delete services/backend-preview', back, {
      version: await stage.other(),
      inputs: { 'retire-delay': '2s' },
    })
    expectOutcome(result, ['passed', 'error'])
    await expectServes(before.version)
  },
}

/** Refuses an operation by a policy of the API server, as an admission webhook would; resolves when it is at work. */
async function refuse(
  table: Table,
  rule: { group: string; resource: string; operations: string[]; expression?: string },
  probe: () => Promise<boolean>,
): Promise<void> {
  const { stage } = table
  const name = `hostile-${stage.namespace}-${rule.resource}`
  const resourceRules = [{ apiGroups: [rule.group], apiVersions: ['*'], operations: rule.operations, resources: [rule.resource] }]
  const api = 'admissionregistration.k8s.io/v1'
  const message = 'the policy of the cluster refuses it'
  const validations = [{ expression: rule.expression ?? 'false', message }]
  // Undone last to first: the policy goes before its end is waited for.
  table.heal(() => until(async () => !(await probe()), 90_000, 'the end of the policy'))
  await put(
    table,
    plain(api, 'ValidatingAdmissionPolicy', name, undefined, {
      spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules }, validations },
    }),
  )
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': stage.namespace } }
  const spec = { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector } }
  await put(table, plain(api, 'ValidatingAdmissionPolicyBinding', name, undefined, { spec }))
  await until(probe, 90_000, 'the policy')
}

/** Whether the API server refuses a call that changes nothing. */
async function refused({ stage }: Table, method: 'DELETE' | 'PATCH' | 'POST', path: string, body?: object): Promise<boolean> {
  const { server, headers, dispatcher } = await stage.world.credentials.current()
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  const answer = await request(`${server}${path}?dryRun=All`, {
    method,
    headers: { ...headers, 'content-type': type },
    body: body ? JSON.stringify(body) : null,
    dispatcher,
  })
  const text = await answer.body.text()
  return text.includes('the policy of the cluster refuses it')
}

async function anyPod({ stage }: Table): Promise<string> {
  const { items } = await stage.world.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: stage.namespace })
  return items[0]?.metadata.name ?? ''
}

const policies: Case[] = [
  {
    name: 'policy: pods may not be deleted by us while a good version bakes',
    short: true,
    async run(table) {
      const { stage, run, expectOutcome, expectServes } = table
      const path = `/api/v1/namespaces/${stage.namespace}/pods/${await anyPod(table)}`
      const expression = `request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || request.userInfo.username.startsWith('system:node:')`
      await refuse(table, { group: '', resource: 'pods', operations: ['DELETE'], expression }, () => refused(table, 'DELETE', path))
      const version = await stage.other()
      const result = await run({ version, inputs: { 'bake-time': '4s' } })
      expectOutcome(result, 'passed', /are not recreated|could not be recreated|was not recreated/)
      await expectServes(version)
    },
  },
  {
    name: 'policy: pods may not be deleted by us while a bad version bakes',
    async run(table) {
      const { stage, before, runWith, expectOutcome, expectServes } = table
      const path = `/api/v1/namespaces/${stage.namespace}/pods/${await anyPod(table)}`
      const expression = `request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || request.userInfo.username.startsWith('system:node:')`
      await refuse(table, { group: '', resource: 'pods', operations: ['DELETE'], expression }, () => refused(table, 'DELETE', path))
      const result = await runWith('ledger bake', () => stage.spoil(otherColor(before.color)), {
        version: await stage.other(),
        inputs: { 'bake-time': '20s' },
      })
      expectOutcome(result, ['failed', 'error'])
      await expectServes(before.version)
    },
  },
  {
    name: 'policy: no Deployment may be deleted',
    async run(table) {
      const { stage, run, expectOutcome, expect } = table
      const path = `/apis/apps/v1/namespaces/${stage.namespace}/deployments/backend-blue`
      await refuse(table, { group: 'apps', resource: 'deployments', operations: ['DELETE'] }, () => refused(table, 'DELETE', path))
      const result = await run({ version: await stage.other(), inputs: { retire: 'delete' } })
      expectOutcome(result, 'error', /policy of the cluster/)
      expect((await stage.look()).ready.length > 0, 'nothing serves')
    },
  },
  {
    name: 'policy: the Service may not be switched',
    async run(table) {
      const { stage, before, run, expectOutcome, expectServes } = table
      const expression = `object.metadata.name != 'backend' || object.spec.selector.color == '${before.color}'`
      const path = `/api/v1/namespaces/${stage.namespace}/services/backend`
      const probe = () => refused(table, 'PATCH', path, { spec: { selector: { color: 'x' } } })
      await refuse(table, { group: '', resource: 'services', operations: ['UPDATE'], expression }, probe)
      const result = await run({ version: await stage.other() })
      expectOutcome(result, 'error', /policy of the cluster/)
      await expectServes(before.version)
    },
  },
  {
    name: 'policy: the Service may not be switched back',
    short: true,
    async run(table) {
      const { stage, before, runWith, expectOutcome, expect } = table
      const next = otherColor(before.color)
      const path = `/api/v1/namespaces/${stage.namespace}/services/backend`
      const act = async (): Promise<void> => {
        const probe = () => refused(table, 'PATCH', path, { spec: { selector: { color: 'x' } } })
        await refuse(
          table,
          {
            group: '',
            resource: 'services',
            operations: ['UPDATE'],
            expression: `object.metadata.name != 'backend' || object.spec.selector.color == '${next}'`,
          },
          probe,
        )
        await stage.spoil(next)
      }
      const result = await runWith('ledger bake', act, { version: await stage.other(), inputs: { 'bake-time': '20s' } })
      expectOutcome(result, 'error', /policy of the cluster/)
      expect((await stage.look()).ready.length > 0, 'nothing serves')
    },
  },
  {
    name: 'policy: no pod may be made',
    async run(table) {
      const { stage, before, run, expectOutcome, expectServes } = table
      const color = await free(table)
      const path = `/api/v1/namespaces/${stage.namespace}/pods`
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', labels: { color } }, spec: template.spec }
      const expression = `!has(object.metadata.labels) || !('color' in object.metadata.labels) || object.metadata.labels.color != '${color}'`
      await refuse(table, { group: '', resource: 'pods', operations: ['CREATE'], expression }, () => refused(table, 'POST', path, pod))
      const result = await run({ version: await stage.other(), inputs: { 'ready-deadline': '20s' } })
      expectOutcome(result, ['failed', 'error'], /policy of the cluster/)
      await expectServes(before.version)
    },
  },
  {
    name: 'policy: the ledger may not be written while it bakes',
    short: true,
    async run(table) {
      const { stage, runWith, expectOutcome, expect } = table
      const path = `/api/v1/namespaces/${stage.namespace}/configmaps/bluegreen-backend`
      const probe = () => refused(table, 'PATCH', path, { metadata: { labels: { a: 'b' } } })
      const act = () =>
        refuse(
          table,
          { group: '', resource: 'configmaps', operations: ['UPDATE'], expression: "object.metadata.name != 'bluegreen-backend'" },
          probe,
        )
      const result = await runWith('apply services/backend', act, { version: await stage.other(), inputs: { 'bake-time': '2s' } })
      expectOutcome(result, 'error', /policy of the cluster/)
      expect((await stage.look()).ready.length > 0, 'nothing serves')
    },
  },
]

const quota = (name: string, hard: Record<string, string>, ends: string[], short = false): Case => ({
  name: `quota: ${name}`,
  short,
  async run(table) {
    const { stage, before, run, expectOutcome, expectServes } = table
    await free(table)
    await put(table, plain('v1', 'ResourceQuota', 'small', undefined, { spec: { hard } }))
    const counted = async () =>
      Object.keys(((await read(stage, 'v1', 'ResourceQuota', 'small')) as unknown as { status?: { hard?: object } }).status?.hard ?? {})
        .length > 0
    await until(counted, 30_000, 'the quota')
    const version = await stage.other()
    const result = await run({ version, inputs: { 'ready-deadline': '20s' } })
    expectOutcome(result, ends, ends.includes('passed') ? undefined : /quota/)
    await expectServes(result.outputs['outcome'] === 'passed' ? version : before.version)
  },
})

const FINALIZER = 'proof.example.org/stays'

/** Puts a finalizer on all pods of a color, and takes it off everything that is left when the case is over. */
async function hold({ stage, heal }: Table, color: string): Promise<void> {
  const { kube } = stage.world
  const { namespace } = stage
  const each = async (labelSelector: string, finalizers: string[] | null): Promise<void> => {
    // What is on its way out takes no new ones.
    for (const { metadata } of (await kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector })).items)
      if (finalizers ? !metadata.deletionTimestamp : metadata.finalizers?.includes(FINALIZER))
        await kube.patch({ apiVersion: 'v1', kind: 'Pod', namespace, name: metadata.name }, { metadata: { finalizers } })
  }
  heal(() => each('app=backend', null))
  await each(`color=${color}`, [FINALIZER])
}

const finalizers: Case[] = [
  {
    name: 'finalizer on the pods of a version that is rejected under traffic',
    short: true,
    longest: 90_000,
    async run(table) {
      const { stage, before, runWith, expectOutcome, expectServes } = table
      const next = otherColor(before.color)
      const act = async (): Promise<void> => {
        await hold(table, next)
        await stage.spoil(next)
      }
      const result = await runWith('ledger bake', act, { version: await stage.other(), inputs: { 'bake-time': '20s' } })
      expectOutcome(result, 'failed', /finalizer/)
      await expectServes(before.version)
    },
  },
  {
    name: 'finalizer on the pods whose place the candidate takes',
    longest: 90_000,
    async run(table) {
      const { stage, before, run, expectOutcome, expectServes } = table
      await hold(table, otherColor(before.color))
      const result = await run({ version: await stage.other() })
      expectOutcome(result, 'error', /finalizer/)
      await expectServes(before.version)
    },
  },
  {
    name: 'finalizer on the pods of the old color while it retires',
    longest: 90_000,
    async run(table) {
      const { stage, before, run, expectOutcome, expectServes } = table
      await hold(table, before.color ?? '')
      const version = await stage.other()
      const result = await run({ version, inputs: { retire: 'delete', 'bake-time': '0s' } })
      expectOutcome(result, 'passed', /finalizer/)
      await expectServes(version)
    },
  },
  {
    name: 'finalizer on the pods of a version that is never ready',
    longest: 90_000,
    async run(table) {
      const { stage, before, runWith, expectOutcome, expectServes } = table
      const next = otherColor(before.color)
      const act = async (): Promise<void> => {
        const labelSelector = `app=backend,color=${next}`
        const there = async () =>
          ((await stage.world.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace: stage.namespace, labelSelector })).items as Pod[])
            .length >= 2
        void until(there, 20_000, 'the pods').then(() => hold(table, next))
      }
      const result: BundleResult = await runWith(`apply deployments/backend-other`, act, {
        version: UNREADY,
        inputs: { 'ready-deadline': '8s' },
      })
      expectOutcome(result, 'failed', /finalizer/)
      await expectServes(before.version)
    },
  },
]

export const otherCases: Case[] = [
  ...inTheWay,
  ...shared,
  ...strangers,
  ...generations,
  fencedMidway,
  ...managers,
  takenMidway,
  byHand,
  byHandLate,
  ...policies,
  quota('no pod more', { pods: '3' }, ['failed', 'error'], true),
  quota('no Service more', { services: '1' }, ['error', 'failed']),
  quota('no Secret more', { secrets: '1' }, ['error']),
  quota('no ConfigMap more', { configmaps: '2' }, ['error']),
  quota('no CPU that a pod could have', { 'limits.cpu': '1m' }, ['failed', 'error']),
  ...finalizers,
]
