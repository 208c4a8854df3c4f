import { expect, test } from '@jest/globals'
import { parseInputs } from '../../actions/bluegreen-deploy/inputs.ts'

const masked: string[] = []
/** The error that these inputs are, else what they are read as. */
function read(inputs: Record<string, string>) {
  const given = { name: 'shop', manifests: 'k8s', ...inputs }
  const environment = Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]))
  return parseInputs(environment, (secret) => masked.push(secret))
}

test.each([
  [{ name: '' }, /^name: is required: lower-case letters/],
  [{ name: 'a'.repeat(41) }, /^name: 'a+' is not accepted: .*at most 40$/],
  [{ namespace: '../kube-system' }, /^namespace: '\.\.\/kube-system' is not accepted: a namespace/],
  [{ manifests: '' }, /^manifests: is required for deploy: files, folders/],
  [{ manifests: 'a\0b' }, /^manifests: holds a control character/],
  [{ command: 'rollback' }, /^manifests: is for deploy and prepare only; rollback works on/],
  [{ command: 'promote', manifests: '' }, /^revision: is required for promote/],
  [{ command: 'promote', manifests: '', revision: '0' }, /^revision: '0' is not accepted: a whole number, 1 or more/],
  [{ revision: '3' }, /^revision: is for promote only/],
  [{ to: '3' }, /^to: is for rollback only/],
  [{ command: 'rollback', manifests: '', images: 'a=b', 'dry-run': 'true' }, /^images: .*only\ndry-run: .*only$/],
  [{ images: 'backend' }, /^images: 'backend' is not accepted: name=reference/],
  [{ images: `backend=${'x'.repeat(2000)}` }, /^images: 'backend=x+ … \d+ characters cut … x+' is not accepted/],
  [{ images: 'a=b:1\na=b:2' }, /^images: a is there twice/],
  [{ 'lease-duration': '2.5s' }, /^lease-duration: '2\.5s' is not accepted: whole seconds/],
  [{ environment: 'production' }, /^github-token: is required when environment is given/],
  [{ 'check-path': 'health' }, /^check-path: 'health' is not accepted: a path that begins with a slash/],
  [{ 'check-path': '/../../../secrets' }, /^check-path: .*without dot segments/],
  [{ 'check-path': '/a/%2E%2e/b' }, /^check-path: .*without dot segments/],
  [{ 'check-path': '/a/..\\b' }, /^check-path: .*without dot segments/],
  [{ 'metrics-path': '/..' }, /^metrics-path: .*without dot segments/],
  [{ 'check-port': '80;rm' }, /^check-port: '80;rm' is not accepted/],
  [{ 'bake-time': 'NaN', 'min-requests': '-1', retire: 'Keep' }, /^bake-time: 'NaN'.*\nmin-requests: '-1'.*\nretire: 'Keep'/],
])('%j is refused', (inputs, says) => {
  expect(() => read(inputs)).toThrow(says)
})

test('what is given arrives, and the rest is as action.yml says', () => {
  const { config, manifests, kubeconfig, apiTimeout } = read({
    'bake-time': '90s',
    'check-path': '/a.b/..c?next=1',
    images: 'a=b:1\r\n\nlocalhost:5000/c=d@sha256:'.concat('a'.repeat(64)),
  })
  expect({ manifests, kubeconfig, apiTimeout }).toEqual({ manifests: ['k8s'], kubeconfig: undefined, apiTimeout: 60_000 })
  expect(config).toMatchObject({
    command: 'deploy',
    bakeTime: 90_000,
    readyTimeout: 600_000,
    retire: 'scale',
    check: { path: '/a.b/..c?next=1' },
  })
  expect(config.images.map(({ name }) => name)).toEqual(['a', 'localhost:5000/c'])
})

test.each([
  ['package.json', false],
  [`${process.cwd()}/actions/../package.json`, false],
  ['actions', true],
  ['kubeconfig.yaml', true],
  ['eyJhbGciOi.eyJzdWIi.c2ln', true],
  ['apiVersion: v1\\nkind: Config', true],
  [`./${'deep/'.repeat(4000)}config`, true],
  ['apiVersion: v1\nkind: Config', true],
  ['{"kind":"Config"}', true],
  [Buffer.from('apiVersion: v1\nkind: Config\n'.repeat(9)).toString('base64'), true],
])('kubeconfig %s: a secret is %j', (text, secret) => {
  masked.length = 0
  expect(read({ kubeconfig: text }).kubeconfig).toBe(text)
  expect(masked.includes(text)).toBe(secret)
})
