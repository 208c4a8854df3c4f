// Where Prometheus is, and what proves who asks. Credentials go only to the address that an input gives, never to one that a template names:
// a template may come from a pull request.
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { z } from 'zod'
import { InputError, input, shown, UNSET } from '../../shared/action/inputs.ts'
import { isSecretKubeconfig } from '../../shared/kubernetes/api/kubeconfig.ts'
import type { ServicePort } from '../../shared/kubernetes/api/port-forward.ts'
import { readServiceAddress } from '../../shared/kubernetes/api/service-address.ts'
import { awsKeys, awsSigner } from '../../shared/prometheus/aws.ts'
import type { PrometheusOptions } from '../../shared/prometheus/connections.ts'
import { shownAddress } from '../../shared/prometheus/faults.ts'
import { messageOf } from '../../shared/text/errors.ts'
import type { ArgoTemplate } from '../argo/template.ts'

/** The inputs of action.yml that are about it. */
export const reachInputs = {
  'prometheus-url': input.text(),
  'prometheus-token': input.secret(),
  'prometheus-username': input.text(),
  'prometheus-password': input.secret(),
  'prometheus-headers': input.secret(),
  'prometheus-ca': input.block(),
  'prometheus-certificate': input.block(),
  'prometheus-key': input.secret(),
  'prometheus-aws-region': input.text({ matches: /^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$/, accepts: 'a region of AWS, such as eu-central-1' }),
  kubeconfig: input.secret({ when: isSecretKubeconfig }),
  context: input.text(),
}

type Given = { [Name in keyof typeof reachInputs]: z.infer<(typeof reachInputs)[Name]> } & {
  'secret-args': string
  source: 'prometheus' | 'pods'
}
type Name = Exclude<keyof Given, 'source'>

export interface Reach {
  prometheus: Omit<PrometheusOptions, 'signal'>
  /** The Service that is asked through the API server; undefined: it is asked over the network. */
  service: ServicePort | undefined
  /** Where it is, in a few letters. */
  host: string
}

const CREDENTIALS = [
  'prometheus-token',
  'prometheus-username',
  'prometheus-password',
  'prometheus-headers',
  'prometheus-certificate',
  'prometheus-key',
  'prometheus-aws-region',
] as const
const TO_AN_INPUT = 'goes only to an address that an input gives, never to one that a template names'
const OURS = new Set([
  'accept',
  'content-type',
  'content-length',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'host',
  'expect',
])

/** What keeps these inputs from being used together. */
export function checkReach(given: Given, refuse: (name: Name, message: string) => void): void {
  const has = (name: Name): boolean => given[name] !== ''
  const [token, username, password] = [given['prometheus-token'], given['prometheus-username'], given['prometheus-password']]
  if (token && (username || password)) refuse('prometheus-token', 'prometheus-token and prometheus-username exclude each other')
  if (Boolean(username) !== Boolean(password))
    refuse('prometheus-password', `prometheus-username and prometheus-password go together${username ? `: it is empty; ${UNSET}` : ''}`)
  if (has('prometheus-certificate') !== has('prometheus-key'))
    refuse(
      'prometheus-key',
      `prometheus-certificate and prometheus-key go together${has('prometheus-key') ? '' : `: it is empty; ${UNSET}`}`,
    )
  if (has('prometheus-aws-region') && (token || username || password))
    refuse('prometheus-aws-region', 'excludes prometheus-token and prometheus-username: requests are signed instead')
  if (/^bearer\b/i.test(token)) refuse('prometheus-token', 'give it without the word Bearer')
  else if (token && !/^[\x21-\x7e]+$/.test(token)) refuse('prometheus-token', 'holds white space or other characters that no token has')
  if (username.includes(':')) refuse('prometheus-username', 'holds a colon, which no user name of basic authentication does')
  checkPem(given, refuse)
  if (given.source === 'pods') return
  const url = given['prometheus-url']
  if (!url) {
    for (const name of [...CREDENTIALS, 'secret-args' as const])
      if (has(name)) refuse(name, `requires prometheus-url: what is secret ${TO_AN_INPUT}`)
  } else if (!/^(https|k8s\+https):/i.test(url))
    for (const name of ['prometheus-ca', 'prometheus-certificate'] as const)
      if (has(name)) refuse(name, 'is for prometheus-url with https:// or k8s+https://')
  if (!/^k8s(\+https)?:/.test(url))
    for (const name of ['kubeconfig', 'context'] as const)
      if (has(name)) refuse(name, 'is for source: pods, and for prometheus-url with k8s:// or k8s+https://')
}

function checkPem(given: Given, refuse: (name: Name, message: string) => void): void {
  const { 'prometheus-ca': ca, 'prometheus-certificate': cert, 'prometheus-key': key } = given
  const failure = (work: () => unknown): string | undefined => {
    try {
      work()
      return undefined
    } catch (error) {
      return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : messageOf(error)
    }
  }
  for (const [name, pem] of [
    ['prometheus-ca', ca],
    ['prometheus-certificate', cert],
  ] as const)
    if (pem && failure(() => new X509Certificate(pem)))
      refuse(name, 'holds no certificate that can be read: PEM is wanted, -----BEGIN CERTIFICATE----- and so on')
  const isReadable = cert && failure(() => new X509Certificate(cert)) === undefined
  const wrong = isReadable && key && failure(() => createSecureContext({ cert, key }))
  if (wrong)
    refuse(
      'prometheus-key',
      /MISMATCH/.test(wrong)
        ? 'is not the key of prometheus-certificate'
        : 'cannot be read: a private key as PEM is wanted, without a passphrase',
    )
}

const refused = (name: string, message: string): InputError => new InputError([{ input: name, message }])

/** What of an address is secret: a user and a password that should not be there. */
export function addressSecrets(text: string): string[] {
  const user = text.slice(0, Math.max(0, text.lastIndexOf('@'))).replace(/^[\w+.-]*:?\/\//, '')
  const password = user.slice(user.indexOf(':') + 1)
  return [user, password, decoded(user), decoded(password)].filter(Boolean)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // percent signs that encode nothing stand for themselves
  }
}

/** Reads an address of Prometheus. Throws an InputError that shows no user of it. */
function readAddress(name: 'prometheus-url' | 'config', text: string): Pick<Reach, 'service' | 'host'> & { url: string; shown: string } {
  const forms =
    name === 'config' ? 'http:// and https:// are' : 'http://host:port, https://host, k8s://namespace/service:port and k8s+https:// are'
  if (text.includes('@')) {
    const hint = name === 'config' ? 'credentials do not belong into a template' : 'set prometheus-username and prometheus-password instead'
    throw refused(name, `${shown(text.replace(/^([\w+.-]*:?\/\/)?.*@/s, '$1***@'))} carries a user; ${hint}. An @ of a path is written %40`)
  }
  if (text.includes('#')) throw refused(name, `${shown(text)} is not accepted: it holds a #`)
  const service = name === 'config' ? undefined : readServiceAddress(text)
  if (service) {
    const { namespace, service: called, port, secure, url } = service
    const host = `k8s${secure ? '+https' : ''}://${namespace}/${called}:${port}`
    const path = url.pathname.replace(/\/+$/, '')
    return { service: { namespace, service: called, port }, host, url: url.href, shown: `${host}${path}` }
  }
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || !/^https?:\/\/[^\s/]/i.test(text))
    throw refused(name, `${shown(text)} is not accepted: ${forms} possible, with the path in front of /api/v1`)
  return { service: undefined, host: url.host, url: url.href, shown: shownAddress(url) }
}

/** How Prometheus is asked; undefined when nothing says where it is. Throws an InputError. */
export function reachOf(
  given: Given & { 'query-timeout': number },
  template: ArgoTemplate | undefined,
  environment: Record<string, string | undefined>,
  mask: (secret: string) => void,
): Reach | undefined {
  const theirs = template?.metrics[0]
  const name = given['prometheus-url'] || !theirs?.address ? 'prometheus-url' : 'config'
  const text = given['prometheus-url'] || theirs?.address
  if (!text) return undefined
  const { service, host, url, shown } = readAddress(name, text)
  if (name === 'config' && template && template.secrets.length > 0)
    throw refused('prometheus-url', `is required with an argument of the AnalysisTemplate that comes from a Secret, which ${TO_AN_INPUT}`)
  const more = headersOf(given['prometheus-headers'], mask)
  const other = whose(given).find((one) => one !== 'prometheus-headers' && one !== 'prometheus-certificate')
  if ('authorization' in more && other) throw refused('prometheus-headers', `has Authorization, which ${other} gives as well`)
  const headers = { ...authorization(given, mask), ...more }
  const signing = given['prometheus-aws-region'] ? { sign: signerOf(given['prometheus-aws-region'], environment, mask) } : {}
  const own = templateHeaders(template)
  const { 'prometheus-ca': ca, 'prometheus-certificate': cert, 'prometheus-key': key } = given
  return {
    prometheus: {
      url,
      shown,
      input: name,
      headers: { ...own, ...headers },
      credentials: whose(given),
      tls: { ...(ca && { ca }), ...(cert && { cert, key }) },
      timeout: given['query-timeout'],
      ...signing,
    },
    service,
    host,
  }
}

/** The inputs that say who asks. */
const whose = (given: Given): string[] =>
  CREDENTIALS.filter((name) => given[name] !== '' && name !== 'prometheus-password' && name !== 'prometheus-key')

function signerOf(
  region: string,
  environment: Record<string, string | undefined>,
  mask: (secret: string) => void,
): NonNullable<PrometheusOptions['sign']> {
  const keys = awsKeys(environment)
  if (!keys)
    throw refused(
      'prometheus-aws-region',
      'is given, and $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY are not: let aws-actions/configure-aws-credentials run in a step before',
    )
  for (const secret of [keys.secretAccessKey, keys.sessionToken, keys.accessKeyId]) if (secret) mask(secret)
  return awsSigner(keys, region)
}

function authorization(given: Given, mask: (secret: string) => void): Record<string, string> {
  const { 'prometheus-token': token, 'prometheus-username': username, 'prometheus-password': password } = given
  if (token) return { authorization: `Bearer ${token}` }
  if (!username) return {}
  const basic = Buffer.from(`${username}:${password}`).toString('base64')
  mask(basic)
  return { authorization: `Basic ${basic}` }
}

function headersOf(text: string, mask: (secret: string) => void): Record<string, string> {
  const found: Record<string, string> = {}
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, Math.max(0, colon)).trim().toLowerCase(), line.slice(colon + 1).trim()]
    mask(value)
    checkHeader('prometheus-headers', name, value)
    if (Object.hasOwn(found, name)) throw refused('prometheus-headers', `has ${name} twice`)
    found[name] = value
  }
  return found
}

function checkHeader(where: 'prometheus-headers' | 'config', name: string, value: string): void {
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || name === '__proto__' || !/^[\t\x20-\x7e]*$/.test(value))
    throw refused(where, where === 'config' ? 'a header of the AnalysisTemplate cannot be sent' : 'a line is not Name: value')
  if (value === '') throw refused(where, `the header ${name} has no value; ${UNSET}`)
  if (OURS.has(name)) throw refused(where, `the header ${name} is set by the action itself`)
}

/** The headers that a template has of its own: those of all its metrics, which share one connection. */
function templateHeaders(template: ArgoTemplate | undefined): Record<string, string> {
  const sets = (template?.metrics ?? []).map(({ headers }) => {
    for (const { key, value } of headers) checkHeader('config', key.toLowerCase(), value)
    return Object.fromEntries(headers.map(({ key, value }) => [key.toLowerCase(), value]))
  })
  const [first = {}] = sets
  if (sets.some((one) => JSON.stringify(one) !== JSON.stringify(first)))
    throw refused('config', 'the metrics of the AnalysisTemplate have different headers; give each an analysis of its own')
  return first
}
