// Manifests that cannot be released, or were made to do harm.
import { BACKEND } from '../../../sandbox/images.ts'
import { MARK, type Refusal } from './hostile-values.ts'

export const CONFIG = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: backend}\ndata: {DRAIN_MS: "1500"}\n'
const SERVICE =
  'apiVersion: v1\nkind: Service\nmetadata: {name: backend}\nspec: {selector: {app: backend}, ports: [{name: http, port: 3000, targetPort: 3000}]}\n'
const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  replicas: 2
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec: {containers: [{name: backend, image: "${BACKEND}:v2", envFrom: [{configMapRef: {name: backend}}]}]}
`
/** A small release in one text, with other documents behind it. */
export const release = (...more: string[]): string => [CONFIG, SERVICE, DEPLOYMENT, ...more].join('---\n')

export const document = (kind: string, name: string, more = '', apiVersion = 'v1'): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}}\n${more}`

/** The release with something replaced; throws when there was nothing to replace. */
function changed(from: string, to: string): string {
  const text = release()
  if (!text.includes(from)) throw new Error(`the manifests do not hold ${from}`)
  return text.replaceAll(from, to)
}

const fields: [name: string, text: string, ...says: RegExp[]][] = [
  ['apiVersion as a number', changed('apiVersion: apps/v1', 'apiVersion: 1'), /document 3: apiVersion is 1; a version such as/],
  ['apiVersion as a path', changed('apiVersion: apps/v1', 'apiVersion: ../v1'), /apiVersion is "\.\.\/v1"/],
  [
    'apiVersion that is not served',
    changed('apps/v1', 'apps/v1beta1'),
    /Deployment\/backend: .*does not serve Deployment in apps\/v1beta1; it serves apps\/v1/,
  ],
  [
    'a group that nobody knows',
    release(document('Thing', 'a', '', 'example.org/v1')),
    /Thing\/a: .*example\.org\/v1; it knows nothing of this group \(is the CRD installed\?\)/,
  ],
  ['kind constructor', release(document('constructor', 'a')), /constructor\/a: .*does not serve constructor in v1/],
  ['kind toString', release(document('toString', 'a')), /toString\/a: .*does not serve toString in v1/],
  ['kind __proto__', release(document('__proto__', 'a')), /kind is "__proto__"; a kind such as Deployment/],
  ['kind with a command', release(document(`"::error::${MARK}"`, 'a')), /kind is "::error::HOSTILE"; a kind such as/],
  ['kind in lower case', changed('kind: Deployment', 'kind: deployment'), /deployment\/backend: .*does not serve deployment/],
  [
    'kind that cannot be applied',
    release(document('TokenReview', 'a', 'spec: {token: x}\n', 'authentication.k8s.io/v1')),
    /TokenReview\/a/,
  ],
  ['no kind', release('apiVersion: v1\nmetadata: {name: a}\n'), /kind is missing; a kind such as Deployment/],
  ['no name', release('apiVersion: v1\nkind: ConfigMap\n'), /metadata\.name of the ConfigMap is missing; letters, digits/],
  [
    'generateName',
    release('apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}\n'),
    /metadata\.name of the ConfigMap is missing \(generateName/,
  ],
  ['name as a number', release(document('ConfigMap', '5')), /metadata\.name of the ConfigMap is 5; letters/],
  ['name as a path', release(document('ConfigMap', '../../secrets/a')), /metadata\.name of the ConfigMap is "\.\.\/\.\.\/secrets\/a"/],
  ['name with a command', release(document('ConfigMap', `"::error::${MARK}"`)), /metadata\.name of the ConfigMap is "::error::HOSTILE"/],
  [
    'name with a line end and a command',
    release(document('ConfigMap', `"a\\n::error::${MARK}"`)),
    /metadata\.name of the ConfigMap is "a\\n::error::HOSTILE"/,
  ],
  [
    'name with an escaped line end',
    release(document('ConfigMap', `"a%0A::error::${MARK}"`)),
    /metadata\.name of the ConfigMap is "a%0A::error::HOSTILE"/,
  ],
  ['name with terminal colors', release(document('ConfigMap', '"a\\e[31mb"')), /metadata\.name of the ConfigMap is "a\\u001b\[31mb"/],
  [
    'name in the older command form',
    release(document('ConfigMap', `"##[error]${MARK}"`)),
    /metadata\.name of the ConfigMap is "# ?#\[error\]HOSTILE"/,
  ],
  ['name in unicode', release(document('ConfigMap', 'bäckend')), /metadata\.name of the ConfigMap is "bäckend"/],
  ['name in capitals', release(document('ConfigMap', 'Settings')), /ConfigMap\/Settings: .*lower ?case/],
  ['name that is too long', release(document('ConfigMap', 'a'.repeat(300))), /metadata\.name of the ConfigMap is "a+….*at most 253/],
  [
    'name that begins a command',
    release(
      document('Role', `a::error::${MARK}`, 'rules: []\n', 'rbac.authorization.k8s.io/v1'),
      document('Role', `a::error::${MARK}`, 'rules: []\n', 'rbac.authorization.k8s.io/v1'),
    ),
    /Role\/a::error::HOSTILE is there twice/,
  ],
  [
    'another namespace',
    changed('kind: Deployment\nmetadata: {name: backend', 'kind: Deployment\nmetadata: {name: backend, namespace: ELSEWHERE'),
    /Deployment\/backend: its namespace is elsewhere\S+, the release's is peer-/,
  ],
  [
    'another namespace for one object',
    release('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: ELSEWHERE}\n'),
    /ConfigMap\/a: its namespace is elsewhere\S+, the release's is peer-/,
  ],
  [
    'a path as namespace',
    release('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: ../ELSEWHERE}\n'),
    /ConfigMap\/a: its namespace is \.\.\/elsewhere\S+, the release's is/,
  ],
  [
    'a number as namespace',
    release('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: 5}\n'),
    /ConfigMap\/a: metadata\.namespace is 5, not a string/,
  ],
  [
    'a number as annotation',
    release('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {b: 1}}\n'),
    /ConfigMap\/a: metadata\.annotations has 1 where a string is needed/,
  ],
  [
    'a label that is none',
    release('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {b: "not a label!"}}\n'),
    /ConfigMap\/a: .*not a label!/,
  ],
  [
    "a release's own label",
    release('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {devops-actions/release: backend}}\n'),
    /ConfigMap\/a: the label devops-actions\/release/,
  ],
  [
    'a number in a ConfigMap',
    release(document('ConfigMap', 'a', 'data: {b: 1}\n')),
    /ConfigMap\/a: data\.b is a number where a string is needed/,
  ],
  [
    'too much in a ConfigMap',
    release(document('ConfigMap', 'a', `data: {b: ${'x'.repeat(2 ** 20 + 1)}}\n`)),
    /ConfigMap\/a: .*(1048576|Too long)/,
  ],
  ['a Secret that is no base64', release(document('Secret', 'a', 'data: {b: "%%%"}\n')), /Secret\/a: .*base64/],
  ['an object twice', release(SERVICE), /Service\/backend is there twice/],
  [
    'an object twice, in a List',
    release(
      `apiVersion: v1\nkind: List\nitems: [${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'backend' } })}]\n`,
    ),
    /ConfigMap\/backend is there twice/,
  ],
  [
    'a definition and its object at once',
    release(definition('widgets', 'Widget'), document('Widget', 'a', '', 'proof.example.org/v1')),
    /Widget\/a: .*CustomResourceDefinition is in these manifests: apply that first/,
  ],
]

export function definition(plural: string, kind: string): string {
  const schema = '{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}'
  return document(
    'CustomResourceDefinition',
    `${plural}.proof.example.org`,
    `spec:\n  group: proof.example.org\n  names: {plural: ${plural}, kind: ${kind}}\n  scope: Namespaced\n  versions: [{name: v1, served: true, storage: true, schema: ${schema}}]\n`,
    'apiextensions.k8s.io/v1',
  )
}

const parts: [name: string, text: string, ...says: RegExp[]][] = [
  ['no Deployment', [CONFIG, SERVICE].join('---\n'), /no Deployment among ConfigMap\/backend, Service\/backend; a release needs one/],
  ['no Service', [CONFIG, DEPLOYMENT].join('---\n'), /no Service selects the pods of Deployment\/backend/],
  [
    'a Service of other pods',
    changed('spec: {selector: {app: backend}', 'spec: {selector: {app: other}'),
    /no Service selects the pods of Deployment\/backend/,
  ],
  [
    'a Service without selector',
    changed('spec: {selector: {app: backend}', 'spec: {selector: '),
    /no Service selects the pods of Deployment\/backend/,
  ],
  [
    'a Service with color',
    changed('spec: {selector: {app: backend}', 'spec: {selector: {app: backend, color: blue}'),
    /Service\/backend selects a color; keep the manifests free/,
  ],
  [
    'pods with color',
    changed('labels: {app: backend}', 'labels: {app: backend, color: blue}'),
    /Deployment\/backend has a label color of its own/,
  ],
  [
    'a selector that does not select its pods',
    changed('matchLabels: {app: backend}', 'matchLabels: {app: other}'),
    /Deployment\/backend: .*"backend" is invalid.*`selector` does not match/,
  ],
  ['no replicas', changed('replicas: 2', 'replicas: 0'), /Deployment\/backend: spec\.replicas is 0: a release needs at least one pod/],
  ['replicas as text', changed('replicas: 2', 'replicas: two'), /Deployment\/backend: spec\.replicas is "two": .*number/],
  ['a paused Deployment', changed('replicas: 2', 'paused: true'), /Deployment\/backend: spec\.paused is true/],
  [
    'spec as text',
    changed('spec: {selector: {app: backend}, ports: [{name: http, port: 3000, targetPort: 3000}]}', 'spec: text'),
    /no Service selects/,
  ],
  [
    'containers as a map',
    changed('containers: [{', 'containers: {a: {').replace('}]}]}', '}]}}}'),
    /Deployment\/backend: spec\.template\.spec\.containers: a list is needed/,
  ],
  [
    'an image that is a number',
    changed(`image: "${BACKEND}:v2"`, 'image: 5'),
    /Deployment\/backend: spec\.\S+\.image is 5: text is needed/,
  ],
  [
    'an image that is none',
    changed(`${BACKEND}:v2`, 'not an image'),
    /Deployment\/backend: spec\.\S+\.image is "not an image": a reference such as/,
  ],
  [
    'env as text',
    changed('envFrom: [{', 'env: text, envFrom: [{'),
    /Deployment\/backend: spec\.template\.spec\.containers\.0\.env is "text"/,
  ],
  ['a field that there is not', changed('replicas: 2', 'replica: 2'), /Deployment\/backend: .*replica/],
  ['a port that there is not', changed('port: 3000,', 'port: 70000,'), /Service\/backend: spec\.ports\.0\.port is 70000: at most 65535/],
  [
    'a Service without endpoints',
    changed('spec: {selector', 'spec: {type: ExternalName, externalName: a.example, selector'),
    /Service\/backend: spec\.type is "ExternalName": .*ClusterIP/,
  ],
  ['a name that leaves no room', changed('name: backend}\nspec:\n', `name: ${'b'.repeat(58)}}\nspec:\n`), /longer than 57 characters/],
  [
    'an autoscaler',
    release(
      document(
        'HorizontalPodAutoscaler',
        'a',
        'spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: backend}}\n',
        'autoscaling/v2',
      ),
    ),
    /HorizontalPodAutoscaler\/a scales Deployment\/backend/,
  ],
  [
    'a readiness probe out of the proxy',
    changed('envFrom:', 'readinessProbe: {httpGet: {path: /../../x, port: 3000}}, envFrom:'),
    /check-path: that of the readiness probe, \/\.\.\/\.\.\/x/,
  ],
  [
    'the name of the ledger',
    release(document('ConfigMap', 'bluegreen-backend')),
    /ConfigMap\/bluegreen-backend is the name of what release backend keeps/,
  ],
  [
    'the name of the lease',
    release(document('Lease', 'bluegreen-backend', '', 'coordination.k8s.io/v1')),
    /Lease\/bluegreen-backend is the name of what/,
  ],
  ['the name of a revision', release(document('Secret', 'bluegreen-backend-r1')), /Secret\/bluegreen-backend-r1 is the name of what/],
  [
    'the name of the preview',
    release(document('Service', 'backend-preview', 'spec: {selector: {app: x}, ports: [{port: 1}]}\n')),
    /Service\/backend-preview is the name of what/,
  ],
  ['the name of a color', release(document('ConfigMap', 'backend-green')), /ConfigMap\/backend-green is the name of what/],
  [
    "the name of another release's ledger",
    release(document('ConfigMap', 'bluegreen-other')),
    /ConfigMap\/bluegreen-other: is there and belongs to release other/,
  ],
]

export const stdin = (group: string, cases: [name: string, text: string, ...says: RegExp[]][]): Refusal[] =>
  cases.map(([name, text, ...says]) => ({ name: `${group}: ${name}`, inputs: { manifests: '-' }, stdin: text, says }))

/** What the messages about a Secret must not tell. */
const secrets: Refusal[] = [
  ['a password that is a number', 'stringData: {password: 4711}', /Secret\/a: stringData\.password is a number where a string/],
  [
    'a password that is too large a number',
    'stringData: {password: 47114711471147114711}',
    /stringData\.password is a number that would lose digits/,
  ],
  ['a password that is no YAML', 'stringData:\n  password: 4711: x', /line \d+, column 13: Nested mappings/],
].map(([name, text, says]) => ({
  name: `secret: ${name as string}`,
  inputs: { manifests: '-' },
  stdin: release(document('Secret', 'a', `${text as string}\n`)),
  says: [says as RegExp],
  hides: /4711/,
}))

/** Services of others, which would send users to the candidate. */
const strangers: Refusal[] = ['', 'color: blue', 'color: green'].map((color) => ({
  name: `stranger: a Service that selects the pods${color ? ` of ${color}` : ''}`,
  inputs: {},
  says: [/Service\/stranger would send traffic to the candidate before it is verified: it selects \{"app":"backend"/],
  async setup({ world: { kube }, namespace }) {
    const [key, value] = color.split(': ')
    const selector = { app: 'backend', ...(key && { [key]: value }) }
    const metadata = { name: 'stranger', namespace }
    await kube.create({ apiVersion: 'v1', kind: 'Service', metadata, spec: { selector, ports: [{ port: 1 }] } })
    return () => kube.delete({ apiVersion: 'v1', kind: 'Service', ...metadata })
  },
}))

export const manifestCases: Refusal[] = [...stdin('field', fields), ...stdin('part', parts), ...secrets, ...strangers]
