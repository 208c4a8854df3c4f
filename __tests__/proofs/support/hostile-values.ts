// Inputs that cannot be meant: every number and duration below, above and beside what is accepted, and text where it does harm.
import { BACKEND } from '../../../sandbox/images.ts'
import type { Scene } from './scene.ts'

/** In whatever the runner must not execute. */
export const MARK = 'HOSTILE'

/** Something that is given to the action, and has to be refused before anything is changed. */
export interface Refusal {
  name: string
  inputs: Record<string, string>
  /** `ELSEWHERE` in it is the name of another namespace that there is. */
  stdin?: string
  /** The essential words of the annotation: what is meant, what it is, what would be accepted. */
  says: RegExp[]
  /** What must not be said. */
  hides?: RegExp
  /** Puts something in the namespace first; resolves with what takes it away again. */
  setup?(scene: Scene): Promise<() => Promise<unknown>>
}

const DURATION = 'a duration with units'
const NUMBER = 'a whole number'

/** What each input accepts, with values below and above. */
const BOUNDS: Record<string, { words: string; below: string; above: string }> = {
  'ready-deadline': { words: `${DURATION}.*from 1s to 1d`, below: '999ms', above: '24h1s' },
  'check-timeout': { words: `${DURATION}.*from 100ms to 1m`, below: '99ms', above: '61s' },
  'check-passes': { words: `${NUMBER}, from 1 to 100`, below: '0', above: '101' },
  'check-deadline': { words: `${DURATION}.*from 0s to 1h`, below: '-1s', above: '1h1ms' },
  'check-interval': { words: `${DURATION}.*from 500ms to 1h`, below: '499ms', above: '2h' },
  'propagation-time': { words: `${DURATION}.*from 0s to 1h`, below: '-1ms', above: '61m' },
  'bake-time': { words: `${DURATION}.*from 0s to 1d`, below: '-5m', above: '2d' },
  'min-requests': { words: `${NUMBER}, from 0 to 1000000000`, below: '-1', above: '1000000001' },
  'retire-delay': { words: `${DURATION}.*from 0s to 1d`, below: '-30s', above: '25h' },
  'lock-timeout': { words: `${DURATION}.*from 0s to 6h`, below: '-1m', above: '6h1s' },
  'lease-duration': { words: `${DURATION}.*from 2s to 1h`, below: '1s', above: '3601s' },
  'api-timeout': { words: `${DURATION}.*from 1s to 1h`, below: '0', above: '1000h' },
  revision: { words: `${NUMBER}, 1 or more`, below: '0', above: '9999999999999999' },
}
/** The numbers and durations of action.yml, by their defaults and bounds. */
export const NUMBERS = Object.keys(BOUNDS)

/** No number to anybody, but to a careless reader. */
const NO_NUMBERS = ['NaN', 'Infinity', '1e3', '0x10', '5 parsecs', '٥', '1,5', '5m;id', '+', 'null']

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const refused = (input: string, value: string, accepted: string): RegExp =>
  new RegExp(`^${input}: '${quoted(value)}' is not accepted: ${accepted}`, 'm')

const numbers = Object.entries(BOUNDS).flatMap(([input, { words, below, above }], at): Refusal[] =>
  [below, above, ...NO_NUMBERS.filter((_, i) => i % NO_NUMBERS.length === at % NO_NUMBERS.length)].map((value) => {
    const accepted = value === 'NaN' || value === below || value === above ? words : words.replace(/,? ?(\.\*)?(from|1 or).*$/, '')
    return { name: `number ${input}: ${value}`, inputs: { ...fitting(input), [input]: value }, says: [refused(input, value, accepted)] }
  }),
)

/** What has to be given beside an input that is not for deploy. */
function fitting(input: string): Record<string, string> {
  return input === 'revision' ? { command: 'promote' } : {}
}

const COMMAND = `::error::${MARK}`

const texts: [input: string, value: string, says: RegExp][] = [
  ['name', '', /^name: is required: lower-case letters/m],
  ['name', '../backend', /^name: '\.\.\/backend' is not accepted: lower-case letters, digits and dashes, at most 40/m],
  ['name', 'bäckend', /^name: 'bäckend' is not accepted/m],
  ['name', COMMAND, /^name: '::error::HOSTILE' is not accepted/m],
  ['name', `a\n${COMMAND}`, /^name: 'a ⏎ ::error::HOSTILE' is not accepted/m],
  ['name', `##[error]${MARK}`, /^name: '# ?#\[error\]HOSTILE' is not accepted/m],
  ['name', '__proto__', /^name: '__proto__' is not accepted/m],
  ['namespace', 'kube-system/../default', /^namespace: 'kube-system\/\.\.\/default' is not accepted: a namespace/m],
  ['namespace', 'not-there', /^namespace: not-there does not exist/m],
  ['command', 'constructor', /^command: 'constructor' is not accepted: one of deploy, prepare, promote/m],
  ['retire', 'toString', /^retire: 'toString' is not accepted: one of scale, keep, delete/m],
  ['on-inconclusive', `rollback${COMMAND}`, /^on-inconclusive: 'rollback::error::HOSTILE' is not accepted: one of pass, fail, rollback/m],
  ['dry-run', 'yes', /^dry-run: 'yes' is not accepted: true or false/m],
  ['html-report', '1', /^html-report: '1' is not accepted: true or false/m],
  ['manifests', '', /^manifests: is required for deploy/m],
  ['revision', '', /^revision: is required for promote/m],
  ['check-path', '/../../../../secrets', /^check-path: '\/\.\.\/\S+' is not accepted: a path .* without dot segments/m],
  ['check-path', '/%2e%2E/%2e./secrets', /^check-path: .* is not accepted: a path .* without dot segments/m],
  ['check-path', 'health', /^check-path: 'health' is not accepted: a path that begins with a slash/m],
  ['check-port', '0', /^check-port: Service\/backend has no port "0"; it has http/m],
  ['check-port', '$(id)', /^check-port: '\$\(id\)' is not accepted: a port/m],
  ['metrics-path', '/a\\..\\..', /^metrics-path: .* is not accepted: a path .* without dot segments/m],
  ['environment-url', 'javascript:alert(1)', /^environment-url: .* is not accepted: a URL/m],
  ['environment', 'production', /^github-token: is required/m],
  ['context', COMMAND, /no context "::error::HOSTILE"; it has/],
  ['lease-duration', '2.5s', /^lease-duration: '2\.5s' is not accepted: whole seconds/m],
  ['images', 'other=other:v2', /^images: no container has the image other; the manifests have registry\.example\/backend/m],
  ['images', `${BACKEND}=a:1\n${BACKEND}=a:2`, /^images: registry\.example\/backend is there twice/m],
  ['images', `${BACKEND}:v1=${BACKEND}:v2`, /^images: '\S+' is not accepted: name=reference/m],
  ['images', `${BACKEND}=`, /^images: 'registry\.example\/backend=' is not accepted: name=reference/m],
  ['images', `${BACKEND}=x:v1;id`, /^images: '\S+;id' is not accepted: name=reference/m],
  ['images', `${BACKEND}=x:$(id)`, /^images: '\S+\$\(id\)' is not accepted: name=reference/m],
  ['images', `${BACKEND}=x:v1%0A${COMMAND}`, /^images: '\S+%0A::error::HOSTILE' is not accepted: name=reference/m],
  ['images', `${BACKEND}=x:v1\n${COMMAND}`, /^images: '::error::HOSTILE' is not accepted: name=reference/m],
  ['images', `${BACKEND}=${'x'.repeat(50_000)}`, /^images: '.* characters cut .*' is not accepted: name=reference/m],
  ['images', `__proto__=x:v1`, /^images: '__proto__=x:v1' is not accepted: name=reference/m],
]

export const valueCases: Refusal[] = [
  ...numbers,
  ...texts.map(([input, value, says], at) => ({
    name: `text ${input}: ${value.slice(0, 40) || 'empty'} (${at})`,
    inputs: { ...(value ? {} : fitting(input)), [input]: value },
    says: [says],
  })),
]
